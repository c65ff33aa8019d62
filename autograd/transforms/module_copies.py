"""Modules as arguments: a copy of a module with other parameters.

A function that is differentiated with respect to a module gets a copy in which variables replace the
parameters. Only objects that refer to a parameter, directly or through others, are copied: the module, its
submodules, the lists, dicts and arrays between them, and what is bound to one of these, such as a compiled
method. Everything else is shared with the module: data, locks, random number generators.

What the function assigns to the copy is meant for the module. So when it returns, everything that was
assigned, added or deleted is carried over. The parameters stay as they are, and a `Value` that depends on the
variables is carried over as a plain number, since the variables are gone.
"""

from __future__ import annotations

import copy
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property, partial
from types import CellType, FunctionType, MethodType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import depending_on, nodes_of
from ..engine.levels import highest_open, open_levels
from ..engine.value import Value
from .substitution import substituted

# Objects of these packages hold no parameters, but may refer to nearly everything: a logger to all loggers.
_OPAQUE = frozenset(sys.stdlib_module_names) | {"builtins", "numpy"}

_ATOMS = frozenset({bool, bytes, complex, float, int, str, type, type(None)})

# Py_TPFLAGS_HEAPTYPE
_WRITTEN_IN_PYTHON = 1 << 9

_COLLECTIONS = (list, tuple, set, frozenset, deque)


class Way(NamedTuple):
    """How to get the parts of objects of a type, and how to build one from new parts."""

    parts: Callable[[Any], Sequence[Any]]
    build: Callable[[Any, Sequence[Any]], Any]


WAYS: dict[type, Way] = {
    MethodType: Way(
        lambda method: [method.__self__], lambda method, parts: MethodType(method.__func__, *parts)
    ),
    partial: Way(
        lambda call: [call.func, *call.args, *call.keywords.values()],
        lambda call, parts: partial(
            parts[0],
            *parts[1 : len(call.args) + 1],
            **dict(zip(call.keywords, parts[len(call.args) + 1 :], strict=True)),
        ),
    ),
}
"""For types whose objects cannot be created empty and filled later; the file that has such a type adds it."""


class Copy:
    """A copy of a module with other parameters.

    Parameters
    ----------
    module : Module
        The module, or any object with `named_parameters`.
    parameters : sequence of Value
        Its parameters.
    variables : sequence of Value
        Their replacements.

    Attributes
    ----------
    module : Module
        The copy.

    Raises
    ------
    TypeError
        If a parameter is somewhere where it cannot be replaced.

    Examples
    --------
    >>> from nn import Neuron
    >>> neuron = Neuron(1, rng=0)
    >>> copied = Copy(neuron, neuron.parameters(), [Value(1.0), Value(2.0)])
    >>> copied.module.calls = 1
    >>> copied.carry_over([])
    >>> neuron.calls, len(neuron.parameters()), copied.module.b
    (1, 2, Value(2.0))
    """

    def __init__(self, module: Any, parameters: Sequence[Value], variables: Sequence[Value]) -> None:
        replaced = {id(old): new for old, new in zip(parameters, variables, strict=True)}
        self._parameters = {id(parameter) for parameter in parameters}
        rebuilt = _rebuilt(module, replaced, lambda values: _recomputed(values, parameters, replaced))
        missing = [p for p in parameters if id(p) not in rebuilt.reached]
        if missing:
            raise TypeError(
                f"{type(module).__name__} names parameters that are in none of its attributes, nor in lists, "
                f"dicts and arrays in them, such as {missing[0]!r}; keep them there or pass them as arguments"
            )
        self.module = rebuilt.root
        self._before = [(old, new, _entries(new)) for old, new in rebuilt.pairs]
        pairs = [*rebuilt.pairs, *zip(parameters, variables, strict=True)]
        self._originals = {id(new): old for old, new in pairs}

    def carry_over(self, variables: Sequence[Value]) -> None:
        """Repeat on the module what was assigned to the copy.

        Parameters
        ----------
        variables : sequence of Value
            The replacements, which must not remain in the module.
        """
        for old, new, before in self._before:
            now = _entries(new)
            if now.keys() == before.keys() and all(now[key] is before[key] for key in now):
                continue
            own = _entries(old)
            kept = {key for key, item in own.items() if id(item) in self._parameters}
            if isinstance(old, list) and len(now) != len(before):
                old[:] = [self._original(item, variables)[0] for item in now.values()]
                continue
            for key in before.keys() - now.keys() - kept:
                _delete(old, key)
            for key in [key for key in now if key not in before or now[key] is not before[key]]:
                original, is_other = self._original(now[key], variables)
                # A cached property that was computed from variables would be wrong for the next ones.
                if key not in kept and not (is_other and _is_cached(old, key)):
                    _assign(old, key, original)

    def _original(self, item: Any, variables: Sequence[Value]) -> tuple[Any, bool]:
        """Return the module's counterpart of an object of the copy, and whether it is a different object."""
        rebuilt = _rebuilt(item, self._originals, lambda values: _without_variables(values, variables))
        return rebuilt.root, bool(rebuilt.reached)


def values_within(root: Any) -> set[Value]:
    """Return the `Value`s that an object refers to: a function by its closure, a module by its attributes.

    Examples
    --------
    >>> x = Value(1.0)
    >>> values_within({"a": [x, 2.0]})
    {Value(1.0)}
    """
    return set(_walked(root, {})[2])


class _Rebuilt(NamedTuple):
    """The new root, the ids of the replaced objects that it reached, and pairs of originals and copies."""

    root: Any
    reached: set[int]
    pairs: list[tuple[Any, Any]]


def _rebuilt(
    root: Any, replaced: Mapping[int, Any], renew: Callable[[list[Value]], dict[int, Any]]
) -> _Rebuilt:
    """Copy all objects that refer to one to be replaced (given by its id), with the replacement in its place.

    Without recursion, since modules may nest deeply; an object that is met twice is one object in the copy,
    so shared parts stay shared and cycles are cycles.
    """
    met, parts, values = _walked(root, replaced)
    made = {key: new for key, new in replaced.items() if key in met} | renew(values)
    reached = set(made)
    leading = _leading_to(made, parts)
    shells = {key: shell for key in leading if (shell := _shell(met[key])) is not None}
    made.update(shells)
    for key in leading:
        _build(key, met, {key: parts[key] for key in leading}, made)
    for key, shell in shells.items():
        _fill(met[key], shell, made)
    pairs = [(met[key], shell) for key, shell in shells.items()]
    return _Rebuilt(made.get(id(root), root), reached, pairs)


def _walked(
    root: Any, replaced: Mapping[int, Any]
) -> tuple[dict[int, Any], dict[int, list[Any]], list[Value]]:
    """Return all objects that one refers to, the parts of each, and the `Value`s that are not replaced."""
    met: dict[int, Any] = {}
    parts: dict[int, list[Any]] = {}
    values: list[Value] = []
    stack = [root]
    while stack:
        item = stack.pop()
        if id(item) in met:
            continue
        met[id(item)] = item
        if id(item) in replaced:
            continue
        if isinstance(item, Value):
            values.append(item)
            continue
        inner = [part for part in _parts(item) if type(part) not in _ATOMS]
        if inner:
            parts[id(item)] = inner
            stack.extend(inner)
    return met, parts, values


def _leading_to(targets: Iterable[int], parts: Mapping[int, Sequence[Any]]) -> list[int]:
    """Return the ids of all objects that refer to a target, directly or through others."""
    holders: dict[int, list[int]] = {}
    for key, inner in parts.items():
        for part in inner:
            holders.setdefault(id(part), []).append(key)
    leading: dict[int, None] = {}
    stack = list(targets)
    while stack:
        for key in holders.get(stack.pop(), ()):
            if key not in leading:
                leading[key] = None
                stack.append(key)
    return list(leading)


# ------------------------------------------------------------------------------------------ parts of objects


def _parts(item: Any) -> Iterable[Any]:
    """Return the parts of an object."""
    if isinstance(item, _COLLECTIONS):
        return item
    if isinstance(item, Mapping):
        return item.values()
    if isinstance(item, np.ndarray):
        return item.ravel().tolist() if item.dtype == object else ()
    if type(item) in WAYS:
        return WAYS[type(item)].parts(item)
    if isinstance(item, FunctionType):
        return [*_contents(item).values(), *(item.__defaults__ or ()), *(item.__kwdefaults__ or {}).values()]
    unread = unread_attributes(type(item))
    return [part for name, part in _attributes(item).items() if name not in unread]


def unread_attributes(kind: type) -> Collection[str]:
    """Return the attributes that objects of a class keep for others, and that no function of them reads.

    A class names them in ``__unread__``: such as how a module was made, which only saving asks for.

    Examples
    --------
    >>> from nn import Module
    >>> unread_attributes(Module), unread_attributes(dict)
    (frozenset({'_made_with'}), ())
    """
    found: Collection[str] = getattr(kind, "__unread__", ())
    return found


def _contents(function: Any) -> dict[int, Any]:
    """Return the contents of the closure cells of a function, by their index."""
    found = {}
    for i, cell in enumerate(function.__closure__ or ()):
        try:
            found[i] = cell.cell_contents
        except ValueError:  # The variable has no value yet.
            continue
    return found


def _attributes(item: Any) -> dict[str, Any]:
    """Return the attributes of an object, those in slots included, unless its class is opaque."""
    kind = type(item)
    if isinstance(item, type) or (
        kind is not SimpleNamespace and kind.__module__.partition(".")[0] in _OPAQUE
    ):
        return {}
    slots = [name for base in kind.__mro__ for name in _names_of_slots(base)]
    found = {name: getattr(item, name) for name in slots if hasattr(item, name)}
    return found | getattr(item, "__dict__", {})


def _names_of_slots(kind: type) -> list[str]:
    given = kind.__dict__.get("__slots__", ())
    names = [given] if isinstance(given, str) else list(given)
    private = f"_{kind.__name__.lstrip('_')}"
    return [
        f"{private}{name}" if name.startswith("__") and not name.endswith("__") else name
        for name in names
        if name not in ("__dict__", "__weakref__")
    ]


def _entries(item: Any) -> dict[Any, Any]:
    """Return the attributes or items of an object that may be assigned to."""
    if isinstance(item, list):
        return dict(enumerate(item))
    if isinstance(item, dict):
        return dict(item)
    return {} if isinstance(item, (*_COLLECTIONS, np.ndarray, FunctionType)) else _attributes(item)


def _assign(item: Any, key: Any, part: Any) -> None:
    if isinstance(item, dict | list):
        item[key] = part
    elif key in getattr(item, "__dict__", ()) or not hasattr(type(item), key):
        item.__dict__[key] = part
    else:
        object.__setattr__(item, key, part)


def _delete(item: Any, key: Any) -> None:
    if isinstance(item, dict):
        item.pop(key, None)
    elif key in getattr(item, "__dict__", ()):
        del item.__dict__[key]
    else:
        object.__delattr__(item, key)


def _is_cached(item: Any, key: Any) -> bool:
    return isinstance(key, str) and isinstance(getattr(type(item), key, None), cached_property)


# -------------------------------------------------------------------------------------------------- copies


def _shell(item: Any) -> Any:
    """Return an empty copy of an object, to be filled; None if it has to be built from its parts."""
    if isinstance(item, list | set | deque | dict):
        return copy.copy(item)
    if type(item) in WAYS or isinstance(item, tuple | frozenset | Mapping | np.ndarray):
        return None
    if isinstance(item, FunctionType):
        cells = tuple(CellType() for _ in item.__closure__ or ())
        function = FunctionType(item.__code__, item.__globals__, item.__name__, None, cells or None)
        function.__dict__.update(item.__dict__)
        return function
    # The same as in pickle: the first base class that is not written in Python creates the object.
    base: Any = next(base for base in type(item).__mro__ if not base.__flags__ & _WRITTEN_IN_PYTHON)
    return base.__new__(type(item))


def _fill(item: Any, shell: Any, made: Mapping[int, Any]) -> None:
    """Fill an empty copy with the new parts where there are any, and with the original parts otherwise."""

    def new(part: Any) -> Any:
        return made.get(id(part), part)

    if isinstance(item, list):
        shell[:] = map(new, item)
    elif isinstance(item, set | deque):
        shell.clear()
        (shell.update if isinstance(shell, set) else shell.extend)(map(new, item))
    elif isinstance(item, dict):
        for key, part in item.items():
            shell[key] = new(part)
    elif isinstance(item, FunctionType):
        _fill_function(item, shell, new)
    else:
        for key, part in _attributes(item).items():
            if not (_is_cached(item, key) and id(part) in made):
                object.__setattr__(shell, key, new(part))


def _fill_function(item: Any, shell: Any, new: Callable[[Any], Any]) -> None:
    for i, part in _contents(item).items():
        shell.__closure__[i].cell_contents = new(part)
    shell.__defaults__ = item.__defaults__ and tuple(map(new, item.__defaults__))
    shell.__kwdefaults__ = item.__kwdefaults__ and {k: new(part) for k, part in item.__kwdefaults__.items()}
    shell.__qualname__, shell.__doc__ = item.__qualname__, item.__doc__
    shell.__annotations__ = item.__annotations__


def _build(
    key: int, met: Mapping[int, Any], parts: Mapping[int, Sequence[Any]], made: dict[int, Any]
) -> None:
    """Build an object that cannot be filled later, after those of its parts that cannot be either.

    There are no cycles among such objects alone.
    """
    stack = [key]
    while stack:
        item = met[stack[-1]]
        if id(item) in made:
            stack.pop()
            continue
        waiting = [id(part) for part in parts[id(item)] if id(part) in parts and id(part) not in made]
        if waiting:
            stack.extend(waiting)
            continue
        made[stack.pop()] = _built(item, [made.get(id(part), part) for part in _parts(item)])


def _built(item: Any, parts: list[Any]) -> Any:
    """Return an object like another one, built from other parts."""
    if type(item) in WAYS:
        return WAYS[type(item)].build(item, parts)
    if isinstance(item, np.ndarray):
        if all(type(part) is float for part in parts):
            return np.array(parts, dtype=float).reshape(item.shape)
        array = item.copy()
        for index, part in zip(np.ndindex(item.shape), parts, strict=True):
            array[index] = part
        return array
    if isinstance(item, Mapping):
        return type(item)(dict(zip(item, parts, strict=True)))  # type: ignore[call-arg]
    make = type(item)._make if hasattr(item, "_fields") else type(item)
    return make(parts)


# ------------------------------------------------------------------------------------------ numbers in graphs


def _recomputed(
    values: Sequence[Value], parameters: Sequence[Value], replaced: Mapping[int, Any]
) -> dict[int, Any]:
    """Recompute those of some `Value`s that depend on parameters from their replacements; return them by id.

    A module may remember what it computed, such as its last output; shared, this would be a constant.
    """
    new = substituted(values, {parameter: replaced[id(parameter)] for parameter in parameters})
    return {id(value): new[value] for value in values if value in new}


def _without_variables(values: Sequence[Value], variables: Sequence[Value]) -> dict[int, Any]:
    """Return plain numbers, by id, for those of some `Value`s that depend on these variables alone."""
    dependent = depending_on(variables, nodes_of(values)) if values else set()
    outside = open_levels().difference(variable._level for variable in variables)
    return {
        id(value): value._data
        for value in values
        if value in dependent and not highest_open([value], outside, is_any=True)
    }
