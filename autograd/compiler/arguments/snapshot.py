"""Snapshots: tell quickly whether anything that the key of a module depends on has changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from ctypes import string_at
from functools import lru_cache
from operator import attrgetter
from struct import Struct
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt

from ...engine.graph import data_of
from ...engine.levels import open_scopes
from ...engine.value import Value
from ...transforms.module_copies import unread_attributes

_number = attrgetter("_data")

State = tuple[list[str], list[int], tuple[Any, ...]]
"""The names of all attributes, the sizes of all containers, and every part of either."""


class Snapshot:
    """The objects that a module refers to, to be compared by identity.

    A function is written that collects them, since generic loops over attributes take twice as long: for a
    network of 337 parameters a call takes 15 us, of which the numbers take 6; the key would take 600. The
    objects are kept alive, so that no other one can get the id of one of them. The module itself is held
    weakly: when it goes, the snapshot forgets all of them, and so does not keep its parameters alive.

    Parameters
    ----------
    module : Module
        The module.
    parameters : sequence of Value
        Its parameters.

    Attributes
    ----------
    module : Module or None
        The module, unless it is gone.
    is_complete : bool
        Whether the snapshot covers everything that may change. If not, no module ever matches it.

    Examples
    --------
    >>> class Line:
    ...     pass
    >>> line, slope = Line(), Value(2.0)
    >>> line.slope = slope
    >>> snapshot = Snapshot(line, [slope])
    >>> snapshot.add_object(line)
    >>> snapshot.take()
    >>> snapshot.numbers(line)
    array([2.])
    >>> line.offset = 1.0
    >>> snapshot.numbers(line) is None
    True
    """

    def __init__(self, module: Any, parameters: Sequence[Value]) -> None:
        self.is_complete = True
        self._module = module
        self._type = type(module)
        self._parameters = list(parameters)
        self._pack = Struct(f"{len(parameters)}d").pack
        self._objects: list[Any] = []
        # A view of a dict shows its present contents, as a list or a set itself does.
        self._views: list[Collection[Any]] = []
        self._attributes: list[tuple[Any, str]] = []
        self._arrays: list[Any] = []
        self._constants: list[Value] = []
        self._held: list[Any] = []

    def add_items(self, container: Collection[Any]) -> None:
        """Add the items of a list, set, deque or mapping."""
        if isinstance(container, Mapping):
            self._views += (container.keys(), container.values())
        else:
            self._views.append(container)

    def add_object(self, item: Any) -> None:
        """Add the class and the attributes of an object that has no other state."""
        self._objects.append(item)

    def add_attribute(self, owner: Any, name: str) -> None:
        """Add an attribute of an object."""
        self._attributes.append((owner, name))

    def add_array(self, array: Any) -> None:
        """Add the elements of an array."""
        self._arrays.append(array)

    def add_constant(self, value: Value) -> None:
        """Add the number of a `Value` that is no parameter."""
        self._constants.append(value)

    def take(self) -> None:
        """Take the snapshot of everything that was added."""
        module, objects = self._module, self._objects
        # What is not there any more is no module; nor is None, which a dead reference gives.
        self._module = _nothing
        is_covered = self.is_complete and any(item is module for item in objects)
        if not is_covered or {type(name) for item in objects for name in vars(item)} > {str}:
            self.is_complete = False
            return
        self._collect, known = _collector(module, objects, self._views, self._attributes)
        self._names, self._sizes, parts = self._collect(module)
        # A module that one of its parts refers to would be kept alive by the snapshot.
        if any(part is module for part in parts):
            self.is_complete = False
            return
        self._addresses = _addresses(parts)
        self._contents = list(map(_content, self._arrays))
        self._bits = _numbers(self._constants).tobytes()
        elements = [array.ravel().tolist() for array in self._arrays if array.dtype.hasobject]
        objects.clear()
        mine = (self._parameters, self._views, self._attributes, self._arrays, self._constants)
        held = (*mine, [*parts], elements, known)
        self._module = ref(module, lambda _: [items.clear() for items in held])

    @property
    def module(self) -> Any:
        """The module, unless it is gone."""
        return self._module()

    def numbers(self, module: Any) -> Any:
        """Return the numbers of the parameters; None for another module, or if this one has changed."""
        # An open derivative or trace may vary the parameters.
        if type(module) is not self._type or self._module() is not module or open_scopes:
            return None
        try:
            names, sizes, parts = self._collect(module)
        except (AttributeError, KeyError):
            return None
        if names != self._names or sizes != self._sizes or _addresses(parts) != self._addresses:
            return None
        if self._arrays and list(map(_content, self._arrays)) != self._contents:
            return None
        # By their bits: a compiled node makes a new float each time that it is asked for its number.
        if self._constants and _numbers(self._constants).tobytes() != self._bits:
            return None
        return np.frombuffer(self._pack(*data_of(self._parameters)))


def _collector(
    module: Any,
    objects: Sequence[Any],
    views: Sequence[Collection[Any]],
    attributes: Sequence[tuple[Any, str]],
) -> tuple[Callable[[Any], State], dict[str, Any]]:
    """Return a function that collects what a module refers to, and the names that its text refers to.

    Where the names of all attributes are the same, and each object has its own, no object has lost or gained
    one. Where lists are of the same sizes, no item has moved from one to the next.
    """
    known: dict[str, Any] = {}
    lines, names, sizes, parts = [], [], [], []
    for i, item in enumerate(objects):
        name = "module"
        if item is not module:
            name = f"object{i}"
            known[name] = item
            parts.append(f"type({name})")
        lines.append(f"    dict{i} = {name}.__dict__\n")
        names.append(f"*dict{i}, ")
        # From the dict, since a property of the class would be asked instead of an attribute of its name.
        unread = unread_attributes(type(item))
        parts += [f"dict{i}[{attribute!r}]" for attribute in vars(item) if attribute not in unread]
    for i, view in enumerate(views):
        known[f"view{i}"] = view
        sizes.append(f"len(view{i}), ")
        parts.append(f"*view{i}")
    for i, (owner, name) in enumerate(attributes):
        known[f"owner{i}"] = owner
        parts.append(f"owner{i}.{name}")
    result = f"[{''.join(names)}], [{''.join(sizes)}], ({''.join(f'{part}, ' for part in parts)})"
    exec(_code(f"def collect(module):\n{''.join(lines)}    return {result}\n"), known)
    # What it refers to does not refer to it, so that a collector that is dropped is gone at once.
    return known.pop("collect"), known


@lru_cache(maxsize=64)
def _code(text: str) -> Any:
    """Compile a collector, which takes 1 ms for 36 objects; models of one structure have the same."""
    return compile(text, "<what a module refers to>", "exec")


def _nothing() -> None:
    """Stand for the reference to a module that is gone."""


def _addresses(parts: tuple[Any, ...]) -> bytes:
    """Return the addresses of some objects: CPython's tuples end with them. It takes a ninth of the time."""
    return string_at(id(parts) + tuple.__basicsize__, len(parts) * _POINTER)


def _addresses_asked_for(parts: tuple[Any, ...]) -> bytes:
    """Return the addresses of some objects, in two thirds of the time that comparisons by `is` take."""
    return np.fromiter(parts, object, len(parts)).tobytes()


_POINTER = np.dtype(object).itemsize

# Tried, since no Python promises how its tuples lie in memory.
_SOME = (None, "some", 1.5, object())

if sys.implementation.name != "cpython" or _addresses(_SOME) != _addresses_asked_for(_SOME):
    _addresses = _addresses_asked_for  # pragma: no cover - PyPy.


def _numbers(values: Sequence[Value]) -> npt.NDArray[np.float64]:
    return np.fromiter(map(_number, values), float, len(values))


def _content(array: Any) -> tuple[Any, ...]:
    """Return what is to be compared of an array; the bytes of an array of objects are their addresses."""
    return array.dtype, array.shape, array.tobytes()
