"""Arguments as trees: nested lists, tuples, dicts and dataclasses of numbers and arrays. None has no leaves.

`flatten` splits a tree into its numbers and its structure. From other numbers, the structure builds a tree of
the same form, so that a gradient comes back in the form of the argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from itertools import pairwise
from math import prod
from numbers import Integral
from operator import countOf
from typing import Any

import numpy as np

from ..engine.levels import highest_open, open_levels
from ..engine.real_numbers import NUMBERS
from ..engine.value import Value
from ..functions.axes import axis_trace
from ..functions.traced_array import is_whole
from ..functions.value_array import PLAIN_ARRAYS, values_array
from .dataclass_trees import Record, Settings, attributes_of, is_setting
from .module_copies import Copy

Numbers = Sequence[Any]

_BOOLS = (bool, np.bool_)
_ELEMENTS = (Value, *NUMBERS)
_NO_SETTINGS = Settings()


# Plain classes: as dataclasses, the two would take 3% of the time of an import.
class Leaf:
    """A number, whose shape is ``()``, or an array.

    A number and a 0-dimensional array compare as equal structures, but each is rebuilt as what it was. An
    array of a trace that is not taken apart (`WholeArray`) counts as one number, which is the array itself.
    """

    def __init__(self, shape: tuple[int, ...], is_array: bool = False, is_whole: bool = False) -> None:
        self.shape = shape
        self.is_array = is_array
        self.is_whole = is_whole

    @property
    def size(self) -> int:
        """The number of its numbers."""
        return 1 if self.is_whole else prod(self.shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Leaf) and self.shape == other.shape

    def __hash__(self) -> int:
        return hash(self.shape)

    def __str__(self) -> str:
        return f"array of shape {self.shape}" if self.shape else "number"

    @property
    def noun(self) -> str:
        """What it is, with its article."""
        return f"an {self}" if self.shape else f"a {self}"

    def __repr__(self) -> str:
        return f"Leaf({self.shape}, is_array={self.is_array})"


class Branch:
    """A container: its type, the keys and structures of its parts, and how to build one from new parts.

    A module is a branch, too. As an argument it is rebuilt as a copy of itself, as a result as a dict.
    """

    def __init__(
        self,
        kind: type,
        keys: tuple[Any, ...],
        parts: tuple[Structure, ...],
        build: Callable[[Sequence[Any]], Any],
        build_argument: Callable[[Sequence[Any]], Any],
        settings: Settings = _NO_SETTINGS,
    ) -> None:
        self.kind, self.keys, self.parts = kind, keys, parts
        self.build, self.build_argument = build, build_argument
        self.settings = settings

    @property
    def size(self) -> int:
        """The number of its numbers."""
        return sum(part.size for part in self.parts)

    def with_parts(self, parts: tuple[Structure, ...]) -> Branch:
        """Return the same container of other parts."""
        return Branch(self.kind, self.keys, parts, self.build, self.build_argument, self.settings)

    def place_of(self, key: Any) -> str:
        """Return the expression for the part of a key."""
        return f".{key}" if isinstance(self.build, Record) else f"[{key!r}]"

    def _compared(self) -> tuple[Any, ...]:
        """Return what equal structures share: how a container is built is no part of it."""
        return self.kind, self.keys, self.parts, self.settings

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Branch) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def __str__(self) -> str:
        if self.kind is type(None):
            return "None"
        parts = [f"{key}: {part}" for key, part in zip(self.keys, self.parts, strict=True)]
        settings = [f"{name}={setting!r}" for name, setting in self.settings.items()]
        return f"{self.kind.__name__}({', '.join(parts + settings)})"


Structure = Leaf | Branch

_NUMBER = Leaf(())


def flatten(tree: Any, whose: str = "the argument", *, whole: bool = False) -> tuple[list[Any], Structure]:
    """Split a tree into its numbers and its structure.

    Parameters
    ----------
    tree : number, Value, array, None, list, tuple, dict, dataclass or module
        An argument or a result.
    whose : str
        What error messages call it.
    whole : bool
        As in `leaves_of`.

    Returns
    -------
    (list of Value or float, Structure)
        The numbers in order, and the structure.

    Raises
    ------
    TypeError
        For a leaf that is not a real number or an array of real numbers; for arrays of integers, which have
        no derivative; and for masked arrays and `numpy.matrix`, whose operations differ from those of
        arrays. Other subclasses of arrays become arrays.

    Examples
    --------
    >>> numbers, structure = flatten({"w": np.array([1.0, 2.0]), "b": 3.0})
    >>> numbers
    [1.0, 2.0, 3.0]
    >>> unflatten(structure, [10.0, 20.0, 30.0])
    {'w': array([10., 20.]), 'b': 30.0}
    """
    leaves, structure = leaves_of(tree, whose, whole=whole)
    return numbers_of(leaves), structure


def leaves_of(
    tree: Any,
    whose: str = "the argument",
    *,
    exact: bool = False,
    whole: bool = False,
    foreign: tuple[Any, ...] = (),
) -> tuple[list[Any], Structure]:
    """Split a tree as `flatten` does, but keep its arrays whole.

    Parameters
    ----------
    tree, whose
        As in `flatten`.
    exact : bool
        Whether integers and booleans, and arrays of them, are leaves as well, and keep their types. Set it
        where nothing is differentiated.
    whole : bool
        Whether arrays of a trace that are not taken apart (`WholeArray`) stay so.
    foreign : tuple of type
        Arrays of other libraries that are leaves as they are; one without dimensions is a number.

    Returns
    -------
    (list of Value, float or ndarray, Structure)
        The leaves in order. Arrays are of floats, or of objects if they hold a `Value`.

    Examples
    --------
    >>> leaves_of({"w": np.array([1.0, 2.0]), "b": 3})[0]
    [array([1., 2.]), 3.0]
    >>> leaves_of([np.array([1, 2]), True], exact=True)[0]
    [array([1, 2]), True]
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves, whose, exact, whole, foreign)


def unflatten(
    structure: Structure,
    numbers: Iterable[Any],
    *,
    argument: bool = False,
    copies: list[Copy] | None = None,
) -> Any:
    """Build a tree from a structure and numbers.

    Parameters
    ----------
    structure : Structure
        The structure, from `flatten`.
    numbers : iterable of Value or float
        As many numbers as it has.
    argument : bool
        Whether the tree is an argument again. If so, a module becomes a copy with these parameters, and
        otherwise a dict of its parameters by name.
    copies : list, optional
        A list that the copies of modules are appended to.

    Returns
    -------
    tree
        The tree. Its arrays are of objects if they hold a `Value`, and otherwise of numbers.

    Examples
    --------
    >>> unflatten(flatten([1.0, (2.0,)])[1], [5.0, 6.0])
    [5.0, (6.0,)]
    """
    return _build(structure, iter(numbers), argument, [] if copies is None else copies)


def flatten_like(structure: Structure, tree: Any, whose: str, *, exact: bool = False) -> list[Any]:
    """Return the numbers of a tree that must have a given structure; `exact` as in `leaves_of`.

    An array stands for itself where the structure has one that is not taken apart.

    Raises
    ------
    ValueError
        If it has another structure.

    Examples
    --------
    >>> flatten_like(Leaf((2,)), np.array([1.0, 2.0]), "the tangent")
    [1.0, 2.0]
    """
    # To look at each of 300 parameters takes 0.1 ms, and only traces keep arrays whole.
    is_whole_there = axis_trace() is not None and any(leaf.is_whole for leaf in each_leaf(structure))
    leaves, found = leaves_like(structure, tree, whose, exact=exact, whole=is_whole_there)
    if found != structure:
        raise ValueError(
            f"expected {whose} to have the structure of what it belongs to, {structure}, got {found}"
        )
    if not is_whole_there:
        return numbers_of(leaves)
    pairs = zip(each_leaf(structure), leaves, strict=True)
    return [item for leaf, own in pairs for item in ([own] if leaf.is_whole else numbers_of([_apart(own)]))]


def leaves_like(
    structure: Structure, tree: Any, whose: str, *, exact: bool = False, whole: bool = False
) -> tuple[list[Any], Structure]:
    """Split a tree as `leaves_of` does, with the keys of its dicts in the order of a structure.

    Examples
    --------
    >>> structure = leaves_of({"w": 1.0, "b": 2.0})[1]
    >>> leaves_like(structure, {"b": 3.0, "w": 4.0}, "the carry")[0]
    [4.0, 3.0]
    """
    return leaves_of(_in_order_of(structure, tree), whose, exact=exact, whole=whole)


def with_leaves(structure: Structure, new: Callable[[Leaf], Leaf]) -> Structure:
    """Return a structure with other leaves.

    Examples
    --------
    >>> str(with_leaves(leaves_of([1.0, np.ones(2)])[1], lambda leaf: Leaf((5, *leaf.shape))))
    'list(0: array of shape (5,), 1: array of shape (5, 2))'
    """
    if isinstance(structure, Leaf):
        return new(structure)
    return structure.with_parts(tuple([with_leaves(part, new) for part in structure.parts]))


def numbers_of(leaves: Iterable[Any]) -> list[Any]:
    """Return the numbers of some leaves, which may be arrays.

    Examples
    --------
    >>> numbers_of([1.0, np.array([2.0, 3.0])])
    [1.0, 2.0, 3.0]
    """
    numbers: list[Any] = []
    for leaf in leaves:
        is_apart = isinstance(leaf, np.ndarray) and not is_whole(leaf)
        numbers.extend(leaf.ravel().tolist() if is_apart else [leaf])
    return numbers


def _apart(leaf: Any) -> Any:
    return leaf.elements() if is_whole(leaf) else leaf


def each_leaf(structure: Structure) -> Iterator[Leaf]:
    """Yield the leaves of a structure, in order.

    Examples
    --------
    >>> [*map(str, each_leaf(flatten([1.0, np.ones(2)])[1]))]
    ['number', 'array of shape (2,)']
    """
    if isinstance(structure, Leaf):
        yield structure
    else:
        for part in structure.parts:
            yield from each_leaf(part)


def _in_order_of(structure: Structure, tree: Any) -> Any:
    """Return a tree with the keys of its dicts in the order of a structure, if they are the same keys."""
    if isinstance(structure, Leaf):
        return tree
    if isinstance(tree, Mapping) and set(tree) == set(structure.keys):
        pairs = zip(structure.keys, structure.parts, strict=True)
        return {key: _in_order_of(part, tree[key]) for key, part in pairs}
    if type(tree) in (list, tuple) and len(tree) == len(structure.parts):
        return type(tree)(_in_order_of(part, item) for part, item in zip(structure.parts, tree, strict=True))
    return tree


def paths(structure: Structure) -> list[str]:
    """Return the index expression of each number of a tree.

    Examples
    --------
    >>> paths(flatten({"w": np.array([1.0, 2.0]), "b": 3.0})[1])
    ["['w'][0]", "['w'][1]", "['b']"]
    """
    if isinstance(structure, Leaf):
        indices = np.ndindex(structure.shape)
        return [f"[{', '.join(map(str, index))}]" if index else "" for index in indices]
    pairs = zip(structure.keys, structure.parts, strict=True)
    return [structure.place_of(key) + path for key, part in pairs for path in paths(part)]


def array_of(numbers: Sequence[Any], shape: tuple[int, ...], *, is_array: bool = False) -> Any:
    """Return numbers in a shape: a number, an array of numbers, or an array of objects.

    Integers and booleans keep their type if all numbers are of it.

    Examples
    --------
    >>> array_of([1.0, 2.0], (2, 1))
    array([[1.],
           [2.]])
    >>> array_of([1.0], ()), array_of([1.0], (), is_array=True)
    (1.0, array(1.))
    """
    if not shape and not is_array:
        return numbers[0]
    if not any(isinstance(number, Value) for number in numbers):
        array = np.array(numbers)
        return array.astype(float if array.dtype == object else array.dtype, copy=False).reshape(shape)
    array = np.empty(len(numbers), dtype=object)
    array[:] = numbers
    return values_array(array).reshape(shape)


def slices_of(array: Any) -> list[Any]:
    """Return the slices of an array along its first axis, of the type of the array.

    Examples
    --------
    >>> slices_of(np.array([1, 2])), slices_of(np.ones((1, 2)))
    ([1, 2], [array([1., 1.])])
    """
    shape = array.shape[1:]
    if not shape:
        return array.tolist()  # type: ignore[no-any-return]
    if array.dtype == object:
        return [array_of(part.ravel().tolist(), shape) for part in array]
    return [part.copy() for part in array]


def blocks(matrix: Any, branch: Branch, axis: int) -> list[tuple[Structure, Any]]:
    """Return each part of a branch with the rows or columns of a matrix that belong to it.

    Examples
    --------
    >>> branch = flatten([1.0, np.zeros(2)])[1]
    >>> [block.tolist() for _, block in blocks(np.arange(3.0), branch, axis=0)]
    [[0.0], [1.0, 2.0]]
    """
    ends = np.cumsum([0, *(part.size for part in branch.parts)])
    slices = [np.arange(start, end) for start, end in pairwise(ends)]
    return [(part, matrix.take(of, axis)) for part, of in zip(branch.parts, slices, strict=True)]


def _flatten(
    tree: Any,
    leaves: list[Any],
    whose: str,
    exact: bool,
    whole: bool = False,
    foreign: tuple[Any, ...] = (),
) -> Structure:
    if foreign and isinstance(tree, foreign):
        leaves.append(tree)
        return Leaf(tuple(tree.shape), is_array=bool(tree.shape))
    if is_whole(tree):
        if whole:
            leaves.append(tree)
            return Leaf(tree.lengths, is_array=True, is_whole=True)
        tree = tree.elements()
    if isinstance(tree, np.ndarray):
        leaves.append(_checked(plain_array(tree, whose), whose, exact))
        return Leaf(tree.shape, is_array=True)
    if isinstance(tree, Value):
        leaves.append(tree)
        return Leaf(())
    if isinstance(tree, NUMBERS) and (exact or not isinstance(tree, _BOOLS)):
        leaves.append(_plain(tree) if exact else float(tree))
        return Leaf(())
    parts = parts_of(tree)
    if parts is None:
        raise TypeError(
            f"expected {whose} to be a real number, an array of floats, None, a module, or a list, tuple, "
            f"dict or dataclass of them, got {tree!r} ({type(tree).__name__})"
            + "; of a sparse matrix, pass or return the numbers, .data" * hasattr(tree, "tocsr")
            + "; jit(f, backend='jax') takes arrays of JAX" * (type(tree).__module__.startswith("jax"))
        )
    keys, items, build, build_argument = parts
    if isinstance(build_argument, Copier):
        # These are numbers, not trees: to check each of 337 would take as long again as to find them.
        leaves.extend(items)
        return Branch(dict, tuple(keys), (_NUMBER,) * len(build_argument.parameters), build, build_argument)
    structures = tuple(_flatten(item, leaves, whose, exact, whole, foreign) for item in items)
    kind = dict if isinstance(tree, Mapping) else type(tree)
    kind = getattr(kind, "plain", kind)
    settings = build.settings if isinstance(build, Record) else _NO_SETTINGS
    return Branch(kind, tuple(keys), structures, build, build_argument, settings)


def plain_array(array: Any, whose: str) -> Any:
    """Return an array of a subclass as a plain one, unless its operations differ from those of arrays.

    Raises
    ------
    TypeError
        For a masked array, and for a `numpy.matrix`.

    Examples
    --------
    >>> type(plain_array(np.arange(3.0).view(np.recarray), "the argument")).__name__
    'ndarray'
    """
    # NumPy takes 11 ms to load `numpy.ma` when it is first asked for.
    if type(array) in PLAIN_ARRAYS:
        return np.asarray(array)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{whose} holds a masked array, whose mask would be ignored; pass x.filled(number), and the mask "
            "as weights of 0 and 1 if masked elements are to be left out"
        )
    if isinstance(array, np.matrix):
        raise TypeError(
            f"{whose} holds a numpy.matrix, whose * and ** are those of matrices; pass numpy.asarray(x), and "
            "write @ for matrix products"
        )
    return np.asarray(array)


def _plain(number: Any) -> bool | int | float:
    """Return a number as one of Python's types."""
    if isinstance(number, _BOOLS):
        return bool(number)
    return int(number) if isinstance(number, Integral) else float(number)


def _checked(array: Any, whose: str, exact: bool) -> Any:
    """Return an array of floats, or of `Value`s and floats; an exact one keeps its type."""
    if array.dtype.kind == "f":
        return array.astype(float, copy=False)
    if array.dtype.kind in "iub":
        if exact:
            return array
        if array.ndim or array.dtype.kind == "b":
            raise TypeError(
                f"{whose} holds an array of {array.dtype}, but derivatives are taken with respect to real "
                "numbers; convert it with .astype(float)"
            )
        return array.astype(float)
    items = array.ravel().tolist()
    if countOf(map(type, items), Value) == len(items):
        return array.copy()
    # NumPy keeps 0-dimensional arrays as elements.
    items = [item[()] if isinstance(item, np.ndarray) and not item.ndim else item for item in items]
    for item in items:
        if not isinstance(item, _ELEMENTS) or (isinstance(item, _BOOLS) and not exact):
            raise TypeError(
                f"{whose} holds an array with {item!r}, which is neither a Value nor a real number"
            )
    checked = np.empty(len(items), dtype=object)
    convert = _plain if exact else float
    checked[:] = [item if isinstance(item, Value) else convert(item) for item in items]
    return checked.reshape(array.shape)


def parts_of(tree: Any) -> tuple[Iterable[Any], Iterable[Any], Any, Any] | None:
    """Return the keys, parts and builders of a container, or None for anything else.

    Examples
    --------
    >>> keys, parts, build, _ = parts_of({"a": 1.0, "b": "any thing"})
    >>> [*keys], [*parts], build([2.0, 3.0])
    (['a', 'b'], [1.0, 'any thing'], {'a': 2.0, 'b': 3.0})
    """
    if tree is None:
        return (), (), _none, _none
    if isinstance(tree, Mapping):
        keys = list(tree)
        build_dict = partial(_dict, keys)
        return keys, tree.values(), build_dict, build_dict
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        make = type(tree)._make  # type: ignore[attr-defined]
        return tree._fields, tree, make, make
    if isinstance(tree, list | tuple):
        # The outputs of a model are of a subclass of list with better error messages.
        make = getattr(type(tree), "plain", type(tree))
        return range(len(tree)), tree, make, make
    if hasattr(tree, "named_parameters"):
        return _module_parts(tree)
    if hasattr(tree, "rebuilt"):
        # A sparse matrix of Values, of whose file `import autograd` has no need.
        return range(len(tree.parts)), tree.parts, tree.rebuilt, tree.rebuilt
    if is_dataclass(tree) and not isinstance(tree, type):
        return _record_parts(tree)
    return None


def _dict(keys: Sequence[Any], parts: Sequence[Any]) -> dict[Any, Any]:
    return dict(zip(keys, parts, strict=True))


def _record_parts(item: Any) -> tuple[Iterable[Any], Iterable[Any], Any, Any]:
    """Return the keys, parts and builders of an object of a dataclass."""
    declared = {each.name: each for each in fields(item)}
    parts: dict[str, Any] = {}
    settings = Settings()
    for name, part in attributes_of(item).items():
        is_part = not is_setting(declared.get(name), part) and _is_tree(part)
        (parts if is_part else settings)[name] = part
    build = Record(type(item), tuple(parts), settings)
    return build.names, parts.values(), build, build


def _is_tree(item: Any) -> bool:
    """Return whether something is meant as a tree of numbers, though some of its arrays may be refused."""
    if type(item) is np.ndarray:
        is_held = item.dtype == object and all(isinstance(element, _ELEMENTS) for element in item.flat)
        return is_held or item.dtype.kind in "fiub"
    if isinstance(item, (np.ndarray, Value, *NUMBERS)):
        return True
    parts = parts_of(item)
    if parts is None:
        return hasattr(item, "__array__") and not isinstance(item, np.generic)
    return isinstance(parts[3], Copier) or all(map(_is_tree, parts[1]))


def _none(parts: Sequence[Any]) -> None:
    """Build None, which has no parts."""


class Copier:
    """Rebuilds a module that is an argument: a copy with other numbers in the places of its parameters.

    Attributes
    ----------
    module : Module
        The module.
    parameters : sequence of Value
        Its parameters.
    """

    def __init__(self, module: Any, parameters: Sequence[Value]) -> None:
        self.module = module
        self.parameters = parameters

    def copied(self, parts: Sequence[Any]) -> Copy:
        """Return the `Copy`, which can carry assignments to it over to the module."""
        variables = [part if isinstance(part, Value) else Value(part) for part in parts]
        return Copy(self.module, self.parameters, variables)

    def __call__(self, parts: Sequence[Any]) -> Any:
        """Return the copied module."""
        return self.copied(parts).module


def _module_parts(module: Any) -> tuple[Iterable[Any], Iterable[Any], Any, Any]:
    """Return the keys, parts and builders of an object with named parameters.

    The parts are plain numbers, except for parameters that an open derivative or trace varies.
    """
    named = dict(module.named_parameters())
    names, parameters = list(named), list(named.values())
    empty = dict.fromkeys(names)

    def build_state(parts: Sequence[Any]) -> Any:
        # A dict that has its names already need not grow.
        state = empty.copy()
        state.update(zip(names, parts, strict=True))
        return state

    levels = open_levels()
    numbers = [p if levels and highest_open([p], levels, is_any=True) else p.data for p in parameters]
    return names, numbers, build_state, Copier(module, parameters)


def _build(structure: Structure, numbers: Iterator[Any], argument: bool, copies: list[Copy]) -> Any:
    if isinstance(structure, Leaf):
        if structure.is_whole:
            return next(numbers)
        own = [next(numbers) for _ in range(structure.size)]
        return array_of(own, structure.shape, is_array=structure.is_array)
    parts = [_build(part, numbers, argument, copies) for part in structure.parts]
    if not argument:
        return structure.build(parts)
    if not isinstance(structure.build_argument, Copier):
        return structure.build_argument(parts)
    copies.append(structure.build_argument.copied(parts))
    return copies[-1].module
