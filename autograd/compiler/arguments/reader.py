"""Readers: functions written for the arguments of one call, which read those of other calls like it.

To take three numbers apart and compute their key takes 18 us, in which a small program runs ten times. A
reader takes 0.3 us, and says whether the key is still the one that it was written for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from enum import Enum
from functools import lru_cache
from itertools import count
from types import BuiltinFunctionType, FunctionType, NoneType
from typing import Any

import numpy as np

from ...functions.sizes import Condition
from ...transforms.dataclass_trees import Record, is_called, is_declared_whole
from ...transforms.trees import Branch, Copier, Leaf, Structure
from .arrays import is_vector
from .call import Call
from .key import typed
from .open_lengths import NONE_OPEN, OpenLengths, with_symbols
from .shapes import has_other_shape
from .snapshot import Snapshot

Reader = Callable[[tuple[Any, ...], dict[str, Any]], "Sequence[Any] | None"]
"""From the arguments by position and by name to the arrays of a program; None for those of another key."""

_FLOAT = np.dtype(float)

NUMBERS = frozenset({float, int, bool, *(np.dtype(code).type for code in "?bBhHiIlLqQefdg")})
"""The kinds of real numbers that are often arguments. A `Value` is none of them, nor is a `Fraction`."""

_PLAIN = (int, str, bool, NoneType)

_MISSING = object()

# Settings that never change themselves.
_COMPARABLE = frozenset({*_PLAIN, float, bytes, FunctionType, BuiltinFunctionType, type, np.ufunc})


def reader_of(
    call: Call, lengths: OpenLengths = NONE_OPEN, source: Callable[[], ReaderSource] | None = None
) -> Reader:
    """Return what reads the arguments of calls that are like one.

    It knows numbers, arrays, lists, tuples, dicts, dataclasses, None, and the modules of the call itself
    while nothing in them changes. Other arguments it refuses, whatever their key is: they are taken apart at
    length.

    Parameters
    ----------
    call : Call
        The call.
    lengths : OpenLengths
        Which lengths may be others.
    source : callable, optional
        Makes what writes the text; by default that of a reader for NumPy.

    Returns
    -------
    callable
        From ``args`` and ``kwargs`` to the arrays of a program, or None where the key may be another one.

    Examples
    --------
    >>> read = reader_of(Call(max, ([1.0, np.ones(2)],), {}))
    >>> read(([5, np.zeros(2)],), {})
    (np.float64(5.0), array([0., 0.]))
    >>> read(([5.0, np.zeros(3)],), {}) is None
    True
    """
    writer = (source or ReaderSource)()
    try:
        writer.read_call(call, lengths)
    except OtherTreeError:
        return read_nothing
    exec(_code(writer.text()), writer.known)
    # What it refers to does not refer to it, so that a reader that is dropped is gone at once.
    reader: Reader = writer.known.pop("read")
    return reader


def are_real_numbers(items: Iterable[Any]) -> bool:
    """Return whether all items are numbers of Python or NumPy.

    Examples
    --------
    >>> are_real_numbers([1, 2.0, np.float32(3.0)]), are_real_numbers(["4"])
    (True, False)
    """
    return NUMBERS.issuperset(map(type, items))


def read_nothing(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Read no arguments whatsoever.

    Examples
    --------
    >>> read_nothing((1.0,), {})
    """


@lru_cache(maxsize=256)
def _code(text: str) -> Any:
    """Compile a reader, which takes 70 us; many functions have arguments of the same form."""
    return compile(text, "<arguments of a compiled function>", "exec")


class OtherTreeError(Exception):
    """There is something in a tree that readers do not know."""


class ReaderSource:
    """The text of a reader: what refuses arguments of another key, and what makes arrays of the others.

    Attributes
    ----------
    names : iterator of str
        Names that nothing has yet.
    lines : list of str
        The statements.
    arrays : list of str
        The expressions of the arrays.
    known : dict
        What the text refers to, by name.
    """

    def __init__(self) -> None:
        self.names: Iterator[str] = (f"x{i}" for i in count())
        self.lines: list[str] = []
        self.arrays: list[str] = []
        self.snapshots: dict[int, Snapshot] = {}
        self.lengths: dict[int, str] = {}
        self.conditions: dict[int, list[Condition]] = {}
        self.known: dict[str, Any] = {
            "array": np.array,
            "ndarray": np.ndarray,
            "float64": np.float64,
            "FLOAT": _FLOAT,
            "NUMBERS": NUMBERS,
            "STRINGS": {str},
            "typed": typed,
            "compared": _compared,
        }

    def text(self) -> str:
        """Return the text of the module that has the function `read`."""
        body = "".join(f"    {line}\n" for line in self.lines)
        arrays = "".join(f"{array}, " for array in self.arrays)
        return f"def read(args, kwargs):\n{body}    return ({arrays})\n"

    def know(self, item: Any) -> str:
        """Return a name for something that the text refers to."""
        name = f"known{len(self.known)}"
        self.known[name] = item
        return name

    def refuse(self, condition: str) -> None:
        """Write that arguments for which this is true are of another key."""
        self.lines.append(f"if {condition}: return None")

    def unpack(self, number: int, text: str) -> list[str]:
        """Write what gives names to the parts of a container, and return them."""
        parts = [next(self.names) for _ in range(number)]
        if parts:
            self.lines.append(f"{', '.join(parts)}, = {text}")
        return parts

    def read_call(self, call: Call, lengths: OpenLengths) -> None:
        """Write what reads the arguments of a call."""
        args, kwargs, self.snapshots = call.args, call.kwargs, call.snapshots
        self.refuse(f"len(args) != {len(args)}")
        self.refuse(self.other_keys([*kwargs], "kwargs"))
        statics: dict[Any, Any] = {**call.statics.by_position, **call.statics.by_name}
        others = iter(with_symbols(call.parts, lengths))
        for symbol, condition in lengths.conditions:
            self.conditions.setdefault(symbol, []).append(condition)
        names = [*self.unpack(len(args), "args"), *self.unpack(len(kwargs), "kwargs.values()")]
        for which, name in zip([*range(len(args)), *kwargs], names, strict=True):
            if which in statics:
                self.compare(name, statics[which])
            else:
                self.read(next(others), name)

    def other_keys(self, keys: Sequence[Any], name: str) -> str:
        """Return the condition that a dict has other keys, or keys in another order."""
        if not {*map(type, keys)} <= {str}:
            return f"[*map(typed, {name})] != {self.know([*map(typed, keys)])}"
        # An enumeration's member may be equal to a string, but not to a function that reads it.
        return f"[*{name}] != {self.know([*keys])} or {{*map(type, {name})}} != STRINGS" if keys else name

    def compare(self, name: str, value: Any) -> None:
        """Write what refuses all but one static argument."""
        if type(value) in _PLAIN:
            self.refuse(f"{name}.__class__ is not {self.know(type(value))} or {name} != {self.know(value)}")
        else:
            self.refuse(f"typed({name}) != {self.know(typed(value))}")

    def read(self, structure: Structure, name: str) -> None:
        """Write what reads a part of the arguments."""
        if isinstance(structure, Leaf):
            self.read_leaf(structure, name)
        elif isinstance(structure.build_argument, Copier):
            self.read_module(self.snapshots[id(structure.build_argument)], name)
        elif is_vector(structure):
            self.read_vector(structure, name)
        elif isinstance(structure.build, Record):
            self.read_record(structure, structure.build, name)
        else:
            self.read_container(structure, name)

    def read_leaf(self, leaf: Leaf, name: str) -> None:
        """Write what reads a number or an array; whole numbers, booleans and short floats become floats."""
        if not leaf.is_array:
            # A class is told from another in 20 ns, and looked up in a set in 40.
            self.refuse(f"{name}.__class__ is not float and {name}.__class__ not in NUMBERS")
            self.arrays.append(f"float64({name})")
            return
        # By its own type: what stands for an array in a trace may say that it is of that class.
        self.refuse(f"type({name}) is not ndarray or {has_other_shape(leaf, name)}")
        self.read_lengths(leaf, name)
        self.lines += [
            f"if {name}.dtype is not FLOAT:",
            # Of objects, some may be `Value`s.
            f"    if {name}.dtype.kind not in 'fiub': return None",
            f"    {name} = {name}.astype(float)",
        ]
        self.arrays.append(name if leaf.shape else f"{name}[()]")

    def read_lengths(self, leaf: Leaf, name: str) -> None:
        """Write what reads the open lengths of an array."""
        for dimension, symbol in enumerate(leaf.shape):
            if symbol < 0:
                self.read_length(f"{name}.shape[{dimension}]", symbol)

    def read_length(self, text: str, symbol: int) -> None:
        """Write what gives an open length its name, or refuses one that has to be equal to another."""
        if symbol in self.lengths:
            self.refuse(f"{self.lengths[symbol]} != {text}")
            return
        name = self.lengths[symbol] = next(self.names)
        self.lines.append(f"{name} = {text}")
        for comparison, number, answer in self.conditions.get(symbol, ()):
            self.refuse(f"{name}.{comparison}({number}) is not {answer}")

    def read_vector(self, branch: Branch, name: str) -> None:
        """Write what makes one array of many numbers."""
        if branch.kind is list and all(isinstance(part, Leaf) for part in branch.parts):
            types = f"not NUMBERS.issuperset(map(type, {name}))"
            self.refuse(f"{name}.__class__ is not list or len({name}) != {len(branch.parts)} or {types}")
            self.arrays.append(f"array({name}, float)")
            return
        numbers = next(self.names)
        self.lines.append(f"{numbers} = []")
        self.refuse(f"not {self.know(collector(branch))}({name}, {numbers})")
        self.arrays.append(f"array({numbers}, float)")

    def read_module(self, snapshot: Snapshot, name: str) -> None:
        """Write what reads the parameters of a module."""
        if not snapshot.is_complete:
            raise OtherTreeError
        numbers = next(self.names)
        self.lines.append(f"{numbers} = {self.know(snapshot.numbers)}({name})")
        self.refuse(f"{numbers} is None")
        self.arrays.append(numbers)

    def read_container(self, branch: Branch, name: str) -> None:
        """Write what takes a container apart."""
        if branch.kind is NoneType:
            self.refuse(f"{name} is not None")
            return
        different, values = f"len({name}) != {len(branch.parts)}", name
        if branch.kind is dict:
            different, values = self.other_keys(branch.keys, name), f"{name}.values()"
        self.refuse(f"{name}.__class__ is not {self.know(branch.kind)} or {different}")
        parts = self.unpack(len(branch.parts), values)
        for part, inner in zip(branch.parts, parts, strict=True):
            self.read(part, inner)

    def read_record(self, branch: Branch, record: Record, name: str) -> None:
        """Write what takes an object of a dataclass apart."""
        parts = next(self.names)
        self.lines.append(f"{parts} = {self.know(_record_opener(record))}({name})")
        self.refuse(f"{parts} is None")
        for part, inner in zip(branch.parts, self.unpack(len(branch.parts), parts), strict=True):
            self.read(part, inner)


def _record_opener(record: Record) -> Callable[[Any], list[Any] | None]:
    """Return what gives the parts of an object of a dataclass, or None for one of other settings."""
    kind, names = record.kind, record.names
    declared = {each.name: each for each in fields(kind)}
    # Other objects in the place of a part that is declared as a setting may be one.
    is_certain = not any(is_declared_whole(declared[name]) for name in names)
    if not (is_certain and all(map(_is_comparable, record.settings.values()))):
        raise OtherTreeError
    settings = [(name, _compared(value)) for name, value in record.settings.items()]
    has_dict = any("__dict__" in vars(base) for base in kind.__mro__)
    attributes = {*names, *record.settings} if has_dict and not is_called(kind) else None

    def opened(item: Any) -> list[Any] | None:
        if item.__class__ is not kind or (attributes is not None and item.__dict__.keys() != attributes):
            return None
        for name, value in settings:
            if _compared(getattr(item, name, _MISSING)) != value:
                return None
        return [getattr(item, name, _MISSING) for name in names]

    return opened


def _is_comparable(setting: Any) -> bool:
    """Return whether a setting is told from others by `_compared`, whatever is assigned to its parts."""
    if type(setting) in (list, tuple):
        return all(map(_is_comparable, setting))
    if type(setting) is dict:
        return all(map(_is_comparable, [*setting, *setting.values()]))
    return type(setting) in _COMPARABLE or isinstance(setting, Enum)


def _compared(setting: Any) -> Any:
    """Return what two settings share exactly if they are of the same types and values."""
    kind = type(setting)
    if kind is list or kind is tuple:
        return (kind, *map(_compared, setting))
    if kind is dict:
        return (kind, *map(_compared, setting), *map(_compared, setting.values()))
    return typed(setting)


def collector(
    branch: Branch, are_numbers: Callable[[Iterable[Any]], bool] = are_real_numbers
) -> Callable[[Any, list[Any]], bool]:
    """Return what adds the numbers of a tree to a list, and says whether it is a tree of this structure.

    Written out as text, a table of 1,000 rows of 4 numbers would take 0.14 s to compile.

    Parameters
    ----------
    branch : Branch
        The structure.
    are_numbers : callable
        Says whether all items of some are numbers.

    Returns
    -------
    callable
        From a tree and a list to whether the list has the numbers of the tree by now.

    Examples
    --------
    >>> from ...transforms.trees import flatten
    >>> numbers = []
    >>> collector(flatten({"a": [1.0, 2.0]})[1])({"a": [3, 4.0]}, numbers), numbers
    (True, [3, 4.0])
    """
    if branch.kind is NoneType:
        return lambda tree, numbers: tree is None
    if isinstance(branch.build_argument, Copier):
        raise OtherTreeError
    opened = _record_opener(branch.build) if isinstance(branch.build, Record) else _container_opener(branch)
    collectors = [collector(part, are_numbers) if isinstance(part, Branch) else None for part in branch.parts]
    is_row = not any(collectors)

    def collect(tree: Any, numbers: list[Any]) -> bool:
        items = opened(tree)
        if items is None:
            return False
        if is_row:
            numbers.extend(items)
            return are_numbers(items)
        for part, item in zip(collectors, items, strict=True):
            if part is None:
                numbers.append(item)
            if not are_numbers((item,)) if part is None else not part(item, numbers):
                return False
        return True

    return collect


def _container_opener(branch: Branch) -> Callable[[Any], Any]:
    """Return what gives the items of a list, a tuple or a dict, or None for another one."""
    kind: Any = branch.kind
    size = len(branch.parts)
    keys = [*map(typed, branch.keys)] if kind is dict else []

    def opened(tree: Any) -> Any:
        if tree.__class__ is not kind or len(tree) != size or (keys and [*map(typed, tree)] != keys):
            return None
        return tree.values() if keys else tree

    return opened
