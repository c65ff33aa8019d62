"""A model built again from its description, which may come from anywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from autograd import Value

from ..modules.module import Module
from .describing import DTYPES, PLAIN
from .known import FUNCTIONS, MODULES, PREPROCESSING

_ENTRIES = (bool, int, float, str)

_MOST_CHARACTERS = 2**22
"""So many an array of texts may have, which take 16 MiB: 50 categories of 80,000 characters."""


def rebuilt(description: Any, classes: Sequence[type[Module]] = (), room: float = math.inf) -> Any:
    """Return what `nn.saving.describing.described` described.

    Nothing is imported or called by its name in a file, but what `nn.saving.known` lists and `classes` holds.

    Parameters
    ----------
    description : object
        The description, as JSON gave it.
    classes : sequence of type
        Subclasses of `Module` that are not those of `nn`; they are found by their names.
    room : float
        How many parameters there may be, since a short text can describe a model of any size.

    Returns
    -------
    object
        The model, or whatever was described.

    Raises
    ------
    ValueError
        For an unknown name, or too many parameters.
    TypeError, KeyError
        For what `described` never returns.

    Examples
    --------
    >>> rebuilt({"module": "Layer", "args": [2, 3, "tanh"], "kwargs": {}})
    Layer(2, 3, 'tanh'): 9 parameters
    >>> rebuilt({"module": "Layer", "args": [2, 10**9], "kwargs": {}}, room=9)
    Traceback (most recent call last):
        ...
    ValueError: its Layer would have 3,000,000,000 parameters, and it holds 9 numbers
    """
    return _Rebuilding(classes, room).of(description)


class _Rebuilding:
    def __init__(self, classes: Sequence[type[Module]], room: float) -> None:
        self.own = {kind.__name__: kind for kind in classes}
        self.numbers = self.room = room
        self.met: list[Module | None] = []

    def of(self, item: Any) -> Any:
        if type(item) in PLAIN:
            return item
        if type(item) is list:
            return [self.of(entry) for entry in item]
        key = next((key for key in _READERS if key in item), None)
        if key is None:
            raise ValueError(f"it describes something unknown, with the keys {list(item)}")
        return _READERS[key](self, item)

    def of_kwargs(self, item: Any) -> dict[str, Any]:
        return {str(name): self.of(entry) for name, entry in item["kwargs"].items()}

    def of_module(self, item: Any) -> Module:
        kind = _named("module", item["module"], {known.__name__: known for known in MODULES})
        return self.made(kind, item, MODULES[kind])

    def of_own(self, item: Any) -> Module:
        name = item["own module"]
        if name not in self.own:
            raise UnknownClassError(name)
        return self.made(self.own[name], item, lambda **_: 0)

    def made(self, kind: type[Module], item: Any, count: Callable[..., int]) -> Module:
        self.met.append(None)
        position = len(self.met) - 1
        args, kwargs = [self.of(entry) for entry in item["args"]], self.of_kwargs(item)
        # Of its __init__, since the signature of the class is that of the metaclass.
        bound = signature(kind.__init__).bind(None, *args, **kwargs).arguments
        needed = count(**bound)
        self.room -= needed
        if not self.room >= 0:
            raise ValueError(
                f"its {kind.__name__} would have {needed:,} parameters, and it holds {self.numbers:,} numbers"
            )
        module = kind(*args, **kwargs)
        self.met[position] = module
        return module

    def of_same(self, item: Any) -> Module:
        position = item["same"]
        module = self.met[position] if isinstance(position, int) and 0 <= position < len(self.met) else None
        if module is None:
            raise ValueError("it describes a part as the same as a module that is not made yet")
        return module

    def of_array(self, item: Any) -> Any:
        if item["dtype"] not in DTYPES.values():
            raise ValueError(f"it describes an array of {item['dtype']!r}")
        entries = item["array"]
        if type(entries) is not list or not all(type(entry) in _ENTRIES for entry in entries):
            raise ValueError("it describes an array of other things than numbers and texts")
        # Each text takes as much as the longest: 1 GB for one of 20,000 characters and 20,000 empty ones.
        longest = max([len(entry) for entry in entries if type(entry) is str], default=0)
        if len(entries) * longest > _MOST_CHARACTERS:
            raise ValueError(f"it describes {len(entries):,} texts of up to {longest:,} characters")
        return np.array(entries, dtype=item["dtype"]).reshape(item["shape"])

    def of_partial(self, item: Any) -> Any:
        return partial(self.of(item["partial"]), *map(self.of, item["args"]), **self.of_kwargs(item))

    def of_preprocessing(self, item: Any) -> Any:
        kind = _named(
            "preprocessing", item["preprocessing"], {known.__name__: known for known in PREPROCESSING}
        )
        _, from_dict = PREPROCESSING[kind]
        return from_dict({str(name): self.of(entry) for name, entry in item["of"].items()})


class UnknownClassError(ValueError):
    """A file holds a module of a class of the user's own, which was not given; the argument is its name."""


def _named(what: str, name: Any, known: dict[str, Any]) -> Any:
    if name not in known:
        raise ValueError(f"it names the {what} {name!r}, which this version of nn has not")
    return known[name]


_READERS: dict[str, Callable[[_Rebuilding, Any], Any]] = {
    "module": _Rebuilding.of_module,
    "own module": _Rebuilding.of_own,
    "same": _Rebuilding.of_same,
    "function": lambda _, item: _named("function", item["function"], dict(FUNCTIONS)),
    "partial": _Rebuilding.of_partial,
    "tuple": lambda rebuilding, item: tuple(map(rebuilding.of, item["tuple"])),
    "dict": lambda rebuilding, item: {rebuilding.of(k): rebuilding.of(entry) for k, entry in item["dict"]},
    "array": _Rebuilding.of_array,
    "Value": lambda _, item: Value(float(item["Value"])),
    "preprocessing": _Rebuilding.of_preprocessing,
}
"""How to read each description, by its telling key."""
