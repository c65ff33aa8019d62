"""The key of a program: everything that a trace may read of the arguments, except their numbers.

The key of a tree consists of its containers, their keys, the settings of dataclasses, and the shapes of the
arrays. The key of a module consists of its class, its attributes at any depth, and the places of the
parameters among them. Without these, a model with another activation function would run the program of the
model before it.

Settings are compared by value: numbers, strings, arrays, containers, and objects by their attributes and
those of their classes. Functions, and resources such as locks and files, are compared by identity: what a
function reads besides its arguments is read once, when it is compiled.
"""

from __future__ import annotations

import functools
import io
import sys
from _random import Random  # the base of that of `random`, which takes 4 ms to import
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from enum import Enum
from types import (
    BuiltinFunctionType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any
from weakref import ref

import numpy as np

from ...engine.value import Value
from ...functions.value_array import PLAIN_ARRAYS
from ...transforms.module_copies import WAYS, unread_attributes
from ...transforms.trees import Copier, Leaf, Structure
from .shapes import shape_token
from .snapshot import Snapshot

BY_EQUALITY = frozenset({str, int, bool, bytes, type(None), type(...)})
"""Types of settings whose token is the object itself."""

_BY_IDENTITY = (
    *(FunctionType, type, ModuleType, property, classmethod, staticmethod, functools.cached_property, Enum),
    *(MemberDescriptorType, GetSetDescriptorType, np.ufunc, type(functools.cache(len))),
)

_COLLECTIONS = (list, tuple, set, frozenset, deque)

# Objects of the standard library may refer to nearly everything, as a logger does to all loggers. Only its
# containers are opened.
_LIBRARY = frozenset(sys.stdlib_module_names) | {"builtins"}
_HOLDERS = (*_COLLECTIONS, dict, SimpleNamespace, Random)

_MUTABLE = (list, set, deque, dict, MappingProxyType)

_PARAMETER, _AGAIN = object(), object()

ATTRIBUTES = object()
"""Stands for the attributes of an object, as a part of it."""

Places = list[tuple[int, str, Any]]
"""For each part, in their order: how many tokens stand before its own, where it stands, and the part."""


def is_function(item: Any) -> bool:
    """Return whether something is a function of a module, be it Python's or compiled code.

    Examples
    --------
    >>> is_function(is_function), is_function(len), is_function([].append)
    (True, True, False)
    """
    kind = type(item)
    return kind is FunctionType or (kind is BuiltinFunctionType and type(item.__self__) is ModuleType)


class _Same:
    """Wraps an object so that it is compared by identity, whatever its own `__eq__` says."""

    def __init__(self, item: Any) -> None:
        self._item = item

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._item is other._item

    def __hash__(self) -> int:
        return id(self._item)


def key_of(
    structure: Structure, snapshots: dict[int, Snapshot] | None = None, places: Places | None = None
) -> tuple[Hashable, ...]:
    """Return a key that two calls share exactly if one program serves both.

    Parameters
    ----------
    structure : Structure
        The structure of the arguments, from `leaves_of`.
    snapshots : dict, optional
        A dict that a snapshot of each module is added to, by the id of its `Copier`.
    places : list, optional
        A list that the place of each part is added to.

    Returns
    -------
    tuple of hashable
        The key.

    Raises
    ------
    TypeError
        For a module that holds an iterator, whose position cannot be compared.

    Examples
    --------
    >>> from autograd.transforms.trees import flatten
    >>> key_of(flatten([1.0, (2.0,)])[1]) == key_of(flatten([5.0, (6.0,)])[1])
    True
    >>> key_of(flatten({1: 2.0})[1]) == key_of(flatten({True: 2.0})[1])
    False
    """
    tokens: list[Any] = []
    waiting = [(structure, "")]
    while waiting:
        part, place = waiting.pop()
        if places is not None:
            places.append((len(tokens), place, part))
        if isinstance(part, Leaf):
            tokens.append(shape_token(part))
            continue
        tokens += (part.kind, len(part.parts))
        if isinstance(part.build_argument, Copier):
            tokens.append(part.keys)
            copier = part.build_argument
            snapshot = _KeyWriter(copier.module, copier.parameters, tokens, place, places).write()
            if snapshots is not None:
                snapshots[id(copier)] = snapshot
            continue
        if part.kind is dict:
            # 1, 1.0 and True are the same key to a dict, but not to a function that reads the key.
            tokens += [key if type(key) is str else typed(key) for key in part.keys]
        for name, setting in part.settings.items():
            if places is not None:
                places.append((len(tokens), place, ATTRIBUTES))
            tokens.append(name)
            _KeyWriter(setting, (), tokens, f"{place}.{name}", places).write()
        inner = [place + part.place_of(key) for key in part.keys] if places is not None else part.keys
        waiting.extend(reversed([*zip(part.parts, inner, strict=True)]))
    return tuple(tokens)


def typed(item: Any) -> Hashable:
    """Return a key for a hashable object that differs for objects that are equal but of different types.

    Examples
    --------
    >>> typed((1, "a")) == typed((True, "a")), typed(0.0) == typed(-0.0)
    (False, False)
    """
    if type(item) in (tuple, frozenset):
        return (type(item), *map(typed, item))
    return (type(item), item.hex() if type(item) is float else item)


class _KeyWriter:
    """Writes the key of a module or setting as tokens; without recursion, since modules may nest deeply."""

    def __init__(
        self,
        root: Any,
        parameters: Sequence[Value],
        tokens: list[Any],
        place: str,
        places: Places | None,
    ) -> None:
        self.tokens = tokens
        self.waiting: list[Any] = [root]
        # Where the waiting ones stand, if anybody asks.
        self.place, self.waiting_places, self.places = place, [place], places
        self.positions = {id(parameter): i for i, parameter in enumerate(parameters)}
        self.snapshot = Snapshot(root, parameters)
        self.seen: dict[int, int] = {}
        self.classes: set[type] = set()
        # Temporary objects are kept alive until the end, so that no other object gets the id of one.
        self.alive: list[Any] = []

    def write(self) -> Snapshot:
        """Write the tokens of the module and of everything that it refers to; return what they depend on."""
        tokens, waiting, seen, positions = self.tokens, self.waiting, self.seen, self.positions
        while waiting:
            item = waiting.pop()
            if self.places is not None:
                self.place = self.waiting_places.pop()
                self.places.append((len(tokens), self.place, item))
            kind, identity = type(item), id(item)
            if identity in positions:
                tokens += (_PARAMETER, positions[identity])
            elif kind in BY_EQUALITY:
                tokens += (kind, item)
            elif kind is float:
                tokens += (kind, item.hex())
            elif is_function(item):
                tokens.append(item)
            elif identity in seen:
                tokens += (_AGAIN, seen[identity])
            else:
                seen[identity] = len(seen)
                self.alive.append(item)
                self._open(item, kind)
        self.snapshot.take()
        return self.snapshot

    def _open(self, item: Any, kind: type) -> None:
        """Write the tokens of an object itself, and push its parts to be read next."""
        self.tokens.append(kind)
        if kind in _WAYS:
            self._push(_WAYS[kind](item), _NAMES.get(kind))
            if kind in _MUTABLE:
                self.snapshot.add_items(item)
            elif kind is ref:
                self.snapshot.is_complete = False
        elif kind in WAYS:
            # Built at once from its parts, so these do not change.
            self._push(WAYS[kind].parts(item))
        elif isinstance(item, _BY_IDENTITY):
            self.tokens.append(_Same(item))
            if isinstance(item, type):
                self._classes(item)
        elif isinstance(item, Value):
            self.tokens.append(item._data.hex())
            self.snapshot.add_constant(item)
        elif isinstance(item, np.generic | np.dtype):
            self.tokens.append(repr(item))
        elif isinstance(item, np.ndarray):
            self._array(item)
        elif _is_of_the_library(kind) and not isinstance(item, _HOLDERS):
            self._resource(item, kind)
        else:
            self._object(item, kind)

    def _mark(self, end: str, part: Any) -> None:
        """Say that the next tokens are of a part that is not pushed."""
        if self.places is not None:
            self.places.append((len(self.tokens), self.place + end, part))

    def _push(self, parts: Sequence[Any], names: Iterable[str] | None = None) -> None:
        """Push parts to be read next, with the names of the attributes that they are; others are items."""
        self.tokens.append(len(parts))
        self.waiting.extend(reversed(parts))
        if self.places is not None:
            ends = _items(self.tokens[-2], parts) if names is None else [f".{name}" for name in names]
            self.waiting_places += [self.place + end for end in reversed(ends)]

    def _array(self, item: Any) -> None:
        self.tokens += (item.dtype, item.shape)
        self.snapshot.add_array(item)
        if type(item) not in PLAIN_ARRAYS and isinstance(item, np.ma.MaskedArray):
            self._push([item.data, item.mask, item.fill_value])
            return
        if item.dtype.hasobject:
            self._push(item.ravel().tolist())
        else:
            import hashlib  # 3 ms, a tenth of what the whole package takes

            self.tokens.append(hashlib.blake2b(item.tobytes(), digest_size=16).digest())
        self._push([getattr(item, "__dict__", None)])
        if hasattr(item, "__dict__"):
            self.snapshot.add_attribute(item, "__dict__")

    def _resource(self, item: Any, kind: Any) -> None:
        """Compare an object of the standard library by value if it has one, else by identity."""
        if isinstance(item, Iterator) and not isinstance(item, io.IOBase):
            raise TypeError(
                f"a module that is an argument of a compiled function holds {item!r} ({kind.__name__}), and "
                "the position of an iterator cannot be compared between calls; keep a list in its place, or "
                "pass its items as an argument"
            )
        has_value = kind.__hash__ is not None and kind.__hash__ is not object.__hash__
        self.tokens.append(item if has_value else _Same(item))

    def _object(self, item: Any, kind: type) -> None:
        """Read the attributes of an object and of its classes, its items, and the rest of its state."""
        self._classes(kind)
        if _is_pickled_otherwise(kind):
            self._reduced(item)
            self.snapshot.is_complete = False
        if isinstance(item, dict):
            self._push([part for pair in dict.items(item) for part in pair])
        elif isinstance(item, _COLLECTIONS):
            self._push([*item])
        state = object.__getstate__(item)
        if state is getattr(item, "__dict__", None) is not None and not isinstance(item, _HOLDERS):
            self.snapshot.add_object(item)
        else:
            self.snapshot.is_complete = False
        if type(state) is dict:
            unread = unread_attributes(kind)
            state = {name: part for name, part in state.items() if name not in unread}
            self._mark("", ATTRIBUTES)
            self.tokens += state
            self._push([*state.values()], state)
        else:
            self._push([state])

    def _classes(self, kind: type) -> None:
        """Read the attributes of a class and of its bases, each class once."""
        self.snapshot.add_attribute(kind, "__mro__")
        for base in kind.__mro__:
            if base in self.classes or _is_of_the_library(base) or base.__module__ == "numpy":
                continue
            self.classes.add(base)
            self.snapshot.add_items(vars(base))
            for name, item in vars(base).items():
                if isinstance(item, FunctionType):
                    self._mark(f".{name}", item)
                    self.tokens.append(item)
                elif not name.startswith("__"):
                    self._mark("", ATTRIBUTES)
                    self.tokens.append(name)
                    self._push([item], [name])

    def _reduced(self, item: Any) -> None:
        """Read what `pickle` would save. An object that cannot be pickled is compared by identity."""
        try:
            reduced = item.__reduce_ex__(4)
        except Exception:
            self.tokens.append(_Same(item))
            return
        parts = reduced if isinstance(reduced, tuple) else (reduced,)
        self._push([[*part] if isinstance(part, Iterator) else part for part in parts])


_WAYS: dict[type, Callable[[Any], list[Any]]] = {
    **dict.fromkeys(_COLLECTIONS, list),
    **dict.fromkeys(
        (dict, MappingProxyType), lambda mapping: [part for pair in mapping.items() for part in pair]
    ),
    complex: lambda number: [number.real, number.imag],
    MethodType: lambda method: [method.__func__, method.__self__],
    BuiltinFunctionType: lambda method: [method.__name__, method.__self__],
    functools.partial: lambda call: [call.func, call.args, call.keywords, vars(call)],
    ref: lambda reference: [reference()],
}
"""The parts of objects of these types."""

_NAMES: dict[type, tuple[str, ...]] = {
    MethodType: ("__func__", "__self__"),
    functools.partial: ("func", "args", "keywords", "__dict__"),
}
"""The names of the parts where they are attributes."""


def _items(kind: Any, parts: Sequence[Any]) -> list[str]:
    """Return the places of the items of a container of a type."""
    if kind in (dict, MappingProxyType):
        return [f"[{key!r}]" for key in parts[::2] for _ in range(2)]
    return [f"[{i}]" for i in range(len(parts))]


def _is_pickled_otherwise(kind: Any) -> bool:
    """Return whether objects of a type have state besides their attributes, as those of C types have."""
    return (
        kind.__reduce_ex__ is not object.__reduce_ex__
        or kind.__reduce__ is not object.__reduce__
        or kind.__getstate__ is not object.__getstate__
    )


def _is_of_the_library(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in _LIBRARY
