"""`MadeWith`: the arguments that a module was made with, so that a file can say how to make it again."""

from __future__ import annotations

import copy
import pickle
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from autograd import Value

# A module does not keep the data set that it was made from.
_MOST = 10_000

_DEEPEST = 10

MADE_WITH = "_made_with"
"""The attribute of a module that holds its record."""

_ATOMS = (bool, int, float, complex, str, bytes, type(None), np.generic, Enum)


class NotKept:
    """Stands for an argument that is not kept: a resource, a large array, a result with its graph.

    Parameters
    ----------
    text : str
        What stood there.

    Examples
    --------
    >>> NotKept("an array of shape (60000, 784)")
    <not kept: an array of shape (60000, 784)>
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"<not kept: {self.text}>"


class MadeWith:
    """The arguments of a constructor, as they were when it was called.

    Containers and arrays are copied, since the caller may change them later. A random number generator
    becomes None: it has moved on since.

    Parameters
    ----------
    args : tuple
        The positional arguments.
    kwargs : dict
        The keyword arguments.

    Examples
    --------
    >>> sizes = [4, 1]
    >>> made_with = MadeWith((2, sizes), {"rng": np.random.default_rng(0)})
    >>> sizes.append(1)
    >>> made_with.args, made_with.kwargs
    ((2, [4, 1]), {'rng': None})
    """

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args: tuple[Any, ...] = tuple(_kept(item, 0) for item in args)
        self.kwargs: dict[str, Any] = {name: _kept(item, 0) for name, item in kwargs.items()}

    def __deepcopy__(self, memo: dict[int, Any]) -> MadeWith:
        return MadeWith(copy.deepcopy(self.args, memo), copy.deepcopy(self.kwargs, memo))

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        # A model is pickled even where an argument cannot be, such as a lambda that only __init__ called.
        args = tuple(map(_pickled, self.args))
        return MadeWith, (args, {name: _pickled(item) for name, item in self.kwargs.items()})


def _kept(item: Any, depth: int) -> Any:
    """Return what is kept of an argument."""
    kind = type(item)
    if isinstance(item, _ATOMS):
        return item
    if isinstance(item, np.random.Generator):
        return None
    if isinstance(item, np.ndarray):
        return item.copy() if item.size <= _MOST else NotKept(f"an array of shape {item.shape}")
    if isinstance(item, Value):
        return item if item.op is None else NotKept(repr(item))
    if kind in (list, tuple, dict, set, frozenset) or (isinstance(item, tuple) and hasattr(kind, "_make")):
        if len(item) > _MOST or depth == _DEEPEST:
            return NotKept(f"a {kind.__name__} of {len(item)} items")
        if kind is dict:
            return {key: _kept(entry, depth + 1) for key, entry in item.items()}
        entries = [_kept(entry, depth + 1) for entry in item]
        return kind._make(entries) if hasattr(kind, "_make") else kind(entries)
    if hasattr(kind, "made_with") and MADE_WITH not in vars(item):
        # The module that this one is being made for: kept, it would be a part of its own part.
        return NotKept(f"a {kind.__name__} that is not made yet")
    # A function, a class, a module, a configuration.
    if callable(item) or is_dataclass(item) or isinstance(item, range | NotKept):
        return item
    return NotKept(f"a {kind.__module__}.{kind.__qualname__}")


def _pickled(item: Any) -> Any:
    """Return an argument if it can be pickled."""
    # What is part of the model is pickled with it, and would be pickled twice here.
    if isinstance(item, _ATOMS) or hasattr(item, "made_with"):
        return item
    if type(item) in (list, tuple):
        return type(item)(map(_pickled, item))
    try:
        pickle.dumps(item)
    except Exception:
        return NotKept(repr(item))
    return item
