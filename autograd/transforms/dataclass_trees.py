"""Dataclasses as trees: fields of numbers are parts, and all others are settings, which a new one shares.

A field is a setting if its metadata say so, ``field(metadata={"static": True})``, as for JAX; if it is
declared as whole numbers, truths or texts, ``steps: int``, which are there to count with and to branch on; or
if it holds what is no tree of numbers, such as a function.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import Field, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

_WHOLE = (int, str, np.integer, np.bool_)
_WHOLE_NAMES = frozenset({"int", "bool", "str"})
_CONTAINERS = frozenset({"list", "tuple", "dict", "None", "Optional", "typing"})


class Settings(dict[str, Any]):
    """The settings of an object by name, which may be of any types, to be compared whatever these are.

    Examples
    --------
    >>> Settings(a=1) == Settings(a=1), Settings(a=1) == Settings(a=True)
    (True, False)
    """

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Settings)
            and [*self] == [*other]
            and all(map(_is_same, self.values(), other.values()))
        )

    def __ne__(self, other: object) -> bool:
        # That of dicts would compare them in its own way.
        return not self == other

    def __hash__(self) -> int:  # type: ignore[override]
        return hash((*self,))


class Record(NamedTuple):
    """Builds objects of a dataclass from the parts of one, with its settings.

    A class that has ``__post_init__`` is called, so that what this derives from the fields is derived from
    the new ones. Objects of others are made without a call, as `copy.copy` makes them.

    Attributes
    ----------
    kind : type
        The dataclass.
    names : tuple of str
        The fields that are parts.
    settings : Settings
        Its other attributes.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Line:
    ...     slope: float
    ...     name: str
    >>> Record(Line, ("slope",), Settings(name="a"))([2.0])
    Line(slope=2.0, name='a')
    """

    kind: Any
    names: tuple[str, ...]
    settings: Settings

    def __call__(self, parts: Sequence[Any]) -> Any:
        """Return a new object."""
        state = {**self.settings, **dict(zip(self.names, parts, strict=True))}
        if is_called(self.kind):
            return self.kind(**state)
        made = object.__new__(self.kind)
        for name, part in state.items():
            object.__setattr__(made, name, part)
        return made


def is_called(kind: Any) -> bool:
    """Return whether objects of a dataclass are made by a call."""
    return hasattr(kind, "__post_init__")


def attributes_of(item: Any) -> dict[str, Any]:
    """Return the attributes of an object of a dataclass that a new one needs.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Line:
    ...     slope: float
    >>> attributes_of(Line(2.0))
    {'slope': 2.0}
    """
    kind = type(item)
    if is_called(kind):
        return {each.name: getattr(item, each.name) for each in fields(item) if each.init}
    own = {each.name: getattr(item, each.name) for each in fields(item) if hasattr(item, each.name)}
    # A cached property may have been computed from numbers that a new object does not have.
    added = getattr(item, "__dict__", {}).items()
    return own | {name: part for name, part in added if not _is_cached(kind, name)}


def is_setting(each: Field[Any] | None, part: Any) -> bool:
    """Return whether an attribute is a setting by its declaration; without one, it is.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Line:
    ...     slope: float
    ...     steps: int
    >>> [is_setting(each, 2) for each in fields(Line)]
    [False, True]
    """
    if each is None or each.metadata.get("static"):
        return True
    return is_declared_whole(each) and _is_whole(part)


def is_declared_whole(each: Field[Any]) -> bool:
    """Return whether a field is declared as whole numbers, truths or texts, or containers of them."""
    declared = each.type.__name__ if type(each.type) is type else str(each.type)
    names = {*re.findall(r"[^\W\d]\w*", declared)}
    return bool(names & _WHOLE_NAMES) and names <= _WHOLE_NAMES | _CONTAINERS


def _is_whole(part: Any) -> bool:
    if isinstance(part, list | tuple):
        return all(map(_is_whole, part))
    if isinstance(part, dict):
        return all(map(_is_whole, part.values()))
    return part is None or isinstance(part, _WHOLE)


def _is_cached(kind: type, name: str) -> bool:
    return isinstance(getattr(kind, name, None), cached_property)


def _is_same(one: Any, other: Any) -> bool:
    try:
        return one is other or (type(one) is type(other) and bool(np.all(one == other)))
    # The shapes of arrays may differ; and what users compare may raise anything.
    except Exception:
        return False
