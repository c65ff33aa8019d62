"""`TracedArray`: an array of a function that is being traced, which stays whole until somebody looks into it.

A million numbers are not a million nodes: `vmap` takes the columns of the array along an axis. Whoever uses
the elements one by one gets a `ValueArray` of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine.apply import apply_variadic
from ..ops.table import Op
from .array_lengths import ArrayLength
from .axes import Axis, AxisTrace, Column, ColumnSource, ElementsNeededError, Mapped, Rows
from .sizes import Size
from .value_array import ValueArray, values_array

Dimension = Axis | Size | int
"""A dimension of an operand: an axis, the length of an argument that may become one, or a number."""

_TAKEN_APART = "its elements are used one by one"


OF_WHOLE: dict[Any, Callable[..., Any]] = {}
"""Functions of NumPy that leave such arrays whole."""

REDUCTIONS = frozenset({"sum", "mean", "max", "min", "var", "std", "dot"})
"""Methods that take a long array along an axis, rather than its elements."""

REDUCING = frozenset(
    {getattr(np, name) for name in REDUCTIONS}
    | {np.amax, np.amin, np.linalg.norm, np.diff, np.zeros_like, np.ones_like, np.full_like}
)
"""Functions of NumPy that do, and those of arrays alike."""

# Who takes more parts of an array wants its elements one by one.
_FEW = 16


class WholeArray(NDArrayOperatorsMixin):
    """An array that is not an array of objects, but is used like one.

    Subclasses say what its elements are. NumPy's functions and methods that they do not define themselves
    apply to these.
    """

    # Whether its elements vary along axes; such an array answers for others, too.
    varies: ClassVar[bool] = False
    _trace: AxisTrace
    # How many parts of it have been taken.
    _parts = 0
    # Whether others are made of it later than they were asked for, or show its elements.
    is_lent = False

    # For everybody who asks `isinstance(x, np.ndarray)`.
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return ValueArray

    def elements(self) -> Any:
        """Return the elements one by one, as a `ValueArray`."""
        raise NotImplementedError

    def dimensions(self) -> Sequence[Dimension]:
        """Return what its dimensions are."""
        raise NotImplementedError

    def sizes(self) -> Sequence[Dimension]:
        """Return its dimensions for who asks how long they are, which makes no axes of them."""
        return self.dimensions()

    def in_order(self, places: Sequence[int]) -> Any:
        """Return the array with its dimensions in another order."""
        raise NotImplementedError

    def along(self, dimension: int, axis: Axis) -> Any:
        """Return the slices along a dimension, one for each index of an axis; a `Value` for numbers."""
        raise NotImplementedError

    def beside(self, dimensions: Sequence[Dimension]) -> Any:
        """Return the slice at any index of the axes among dimensions, one for each of its own."""
        raise NotImplementedError

    @classmethod
    def applied(cls, function: Callable[..., Any], operands: Sequence[Any]) -> Any:
        """Return a function of numbers for each element of operands of which one is such an array."""
        leading = _leading(map(type, operands))
        if leading is not cls:
            return leading.applied(function, operands)
        found = cls.deferred(function, operands)
        if found is not None:
            return found
        along = _with_long_ones_along(operands)
        if along is not None:
            try:
                return cls.applied(function, along)
            except ElementsNeededError:
                # Beside numbers one by one, such as those of a gradient, its own are taken one by one.
                pass
        return function(*map(taken_apart, operands))

    @staticmethod
    def deferred(function: Callable[..., Any], operands: Sequence[Any]) -> Any:
        """Return a function of arrays as one that stays whole, if it can: `deferred_array` sets it."""

    def along_axes(self) -> Any:
        """Return an array as one that varies along axes if it is long or all do: `batch_array` sets it."""

    def columns(self, dimension: int) -> Any:
        """Return it as an array that varies along a dimension, where all arrays vary along axes."""
        return array_along(self)

    def row_by_row(self) -> Any:
        """Return an array whose rows are taken one by one, each along axes where it can be."""
        return self

    def lend(self) -> None:
        """Note that others are made of it later than they were asked for."""
        self.is_lent = True

    def is_changed(self) -> bool:
        """Return whether somebody has assigned to its elements."""
        return False

    def slice(self) -> Any:
        """Return what stands for the elements by now: nothing if nobody has used any."""
        raise NotImplementedError

    def with_slice(self, new: Any) -> Any:
        """Return an array with something else in place of what `slice` gives."""
        raise NotImplementedError

    @staticmethod
    def reduced(op: Op, *sequences: Any) -> Any:
        """Return what a variadic row gives for sequences of which one is such an array."""
        leading = _leading(map(type, sequences))
        if leading.reduced is not WholeArray.reduced:
            return leading.reduced(op, *sequences)
        along = _with_long_ones_along(sequences)
        if along is not None:
            return WholeArray.reduced(op, *along)
        return apply_variadic(op, *map(taken_apart, sequences))

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return len(self.lengths)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Its shape while it is traced."""
        return tuple([n if isinstance(n, int) else _size(n).length for n in self.sizes()])

    @property
    def shape(self) -> tuple[Any, ...]:
        """The length along each dimension, a number of the program where it is no integer."""
        return tuple(
            [n if isinstance(n, int) else ArrayLength.of(_size(n), self._trace) for n in self.sizes()]
        )

    @property
    def size(self) -> Any:
        """How many elements it has."""
        return product_of(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of an array of `Value`s."""
        return np.dtype(object)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return int(self.shape[0])

    @property
    def T(self) -> Any:  # noqa: N802  # as arrays call it
        """The transpose."""
        return self.transpose()

    def transpose(self, *order: Any) -> Any:
        """Return the array with its dimensions in another order, as `numpy.transpose`."""
        wanted = order[0] if len(order) == 1 and not isinstance(order[0], int) else order
        places = [place % self.ndim for place in wanted or range(self.ndim)[::-1]]
        if sorted(places) != [*range(self.ndim)]:
            return self.elements().transpose(*order)
        return self.in_order(places)

    def swapaxes(self, one: int, two: int) -> Any:
        """Return the array with two dimensions interchanged, as `numpy.swapaxes`."""
        order = [*range(self.ndim)]
        order[one], order[two] = order[two], order[one]
        return self.transpose(order)

    def __getattr__(self, name: str) -> Any:
        # Whoever asks for an attribute that no array has does not want its elements.
        if name.startswith("__") or not hasattr(ValueArray, name):
            raise AttributeError(f"'ValueArray' object has no attribute {name!r}")
        whole = array_along(self) if name in REDUCTIONS else self
        return getattr(self.elements() if whole is self else whole, name)

    def __getitem__(self, key: Any) -> Any:
        raise NotImplementedError

    def _cut(self, key: Any) -> Any:
        """Return a part of a long array along its axis, unless many parts are wanted or it cannot be told."""
        self._parts += 1
        along = array_along(self) if self._parts <= _FEW else self
        if along is self:
            return self.elements()[key]
        try:
            return along[key]
        except ElementsNeededError:
            return self.elements()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.elements()[key] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.elements())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self.elements(), dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if _leading(map(type, inputs)) is not type(self):
            return NotImplemented
        if method == "__call__" and not options and ufunc.nout == 1 and ufunc.signature is None:
            return self.applied(ufunc, inputs)
        act = getattr(ufunc, method)
        if method == "reduce" or ufunc is np.matmul:
            return _on_long_arrays(act, inputs, options)
        return act(*map(taken_apart, inputs), **taken_apart(options))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if _leading(types) is not type(self):
            return NotImplemented
        if function in OF_WHOLE:
            return OF_WHOLE[function](*args, **kwargs)
        if function in REDUCING:
            return _on_long_arrays(function, args, kwargs)
        return function(*taken_apart(args), **taken_apart(kwargs))

    def __repr__(self) -> str:
        return repr(self.elements())

    def __str__(self) -> str:
        return str(self.elements())

    def __format__(self, spec: str) -> str:
        return format(self.elements(), spec)

    def __bool__(self) -> bool:
        return bool(self.elements())

    def __float__(self) -> float:
        return float(self.elements())

    def __contains__(self, item: Any) -> bool:
        return item in self.elements()

    __hash__ = None  # type: ignore[assignment]


def is_whole(item: Any) -> bool:
    """Return whether something is an array that is not taken apart.

    Examples
    --------
    >>> is_whole(np.ones(2))
    False
    """
    return issubclass(type(item), WholeArray)


def _leading(kinds: Iterable[type]) -> type[WholeArray]:
    """Return the class that answers for all others."""
    return max((kind for kind in kinds if issubclass(kind, WholeArray)), key=lambda kind: kind.varies)


def _size(dimension: Axis | Size) -> Size:
    return dimension.size if isinstance(dimension, Axis) else dimension


def taken_apart(item: Any) -> Any:
    """Return arguments with the elements of each whole array.

    Examples
    --------
    >>> taken_apart((1.0, [2.0]))
    (1.0, [2.0])
    """
    if is_whole(item):
        return item.elements()
    if type(item) in (list, tuple):
        return type(item)(map(taken_apart, item))
    if type(item) is dict:
        return {name: taken_apart(part) for name, part in item.items()}
    return item


def is_all_of_it(part: Any) -> bool:
    """Return whether an index takes a whole dimension.

    Examples
    --------
    >>> is_all_of_it(slice(None)), is_all_of_it(slice(1, None)), is_all_of_it(0)
    (True, False, False)
    """
    if not isinstance(part, slice):
        return False
    return part.start in (None, 0) and part.stop is None and part.step in (None, 1)


def picks_a_row(key: Any) -> bool:
    """Return whether an index takes one row: a number, or several of which the first is for the rows.

    Examples
    --------
    >>> picks_a_row(2), picks_a_row((0, slice(None))), picks_a_row(slice(1, None))
    (True, True, False)
    """
    first = key[0] if isinstance(key, tuple) and key else key
    return isinstance(first, int)


def array_along(item: Any) -> Any:
    """Return a long array as one that varies along an axis, and anything else as it is.

    Examples
    --------
    >>> array_along(2.0)
    2.0
    """
    found = item.along_axes() if is_whole(item) else None
    return item if found is None else found


def _on_long_arrays(act: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]) -> Any:
    """Return a reduction or product of arrays, of which those stay whole that are long."""
    along = _with_long_ones_along(args)
    if along is None:
        return act(*taken_apart(tuple(args)), **taken_apart(options))
    return act(*along, **options)


def _with_long_ones_along(items: Sequence[Any]) -> list[Any] | None:
    """Return items of which long arrays vary along an axis; None if none of them is one."""
    along = [*map(array_along, items)]
    return along if any(one is not item for one, item in zip(along, items, strict=True)) else None


def _concatenated(arrays: Sequence[Any], *args: Any, **options: Any) -> Any:
    """Return arrays one behind the other, of which those stay whole that are long."""
    along = _with_long_ones_along(arrays) if len(arrays) < _FEW else None
    return np.concatenate(taken_apart(arrays) if along is None else along, *args, **options)


OF_WHOLE[np.concatenate] = _concatenated


def product_of(lengths: Sequence[Any]) -> Any:
    """Return the product of some lengths.

    Examples
    --------
    >>> product_of([2, 3])
    6
    """
    found = lengths[0] if lengths else 1
    for length in lengths[1:]:
        found = found * length
    return found


class TracedArray(WholeArray):
    """An argument of a traced function, or one slice of it for each index of some axes.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    source : ColumnSource
        The array.
    mapped : tuple of (int, Axis)
        Which of its dimensions are axes; the others are those of this array.
    rows : Rows, optional
        Which rows of the source it consists of.

    Examples
    --------
    >>> x = TracedArray(AxisTrace(0), ColumnSource(np.ones((4, 2)), 0))
    >>> x.along(0, Axis(Size(4))).shape, x.T.shape, x[:, 1:].shape
    ((2,), (2, 4), (4, 1))
    >>> x[0]
    array([Value(1.0), Value(1.0)], dtype=object)
    """

    def __init__(
        self, trace: AxisTrace, source: ColumnSource, mapped: Mapped = (), rows: Rows | None = None
    ) -> None:
        self._trace, self.source, self.mapped, self.rows = trace, source, mapped, rows
        axes = {dimension for dimension, _ in mapped}
        # Which dimension of the source each is, None for one of length 1 that was added.
        self._own: list[int | None] = [d for d in range(source.array.ndim) if d not in axes]
        self._elements: Any = None
        self._items: list[Any] = []
        # Of a view: the array whose elements it shows, and what it picks along dimensions of the source.
        self._base = self
        self._picked: dict[int, int | slice] = {}

    def _view(self, own: list[int | None], picked: dict[int, int | slice]) -> TracedArray:
        view = TracedArray(self._trace, self.source, self.mapped, self.rows)
        view._own, view._picked, view._base = own, picked, self._base
        return view

    def _size(self, dimension: int | None) -> Size | int:
        if dimension is None:
            return 1
        size = self.source.sizes[dimension] if dimension or self.rows is None else self.rows.size
        picked = self._picked.get(dimension)
        return len(range(size.length)[picked]) if isinstance(picked, slice) else size

    def dimensions(self) -> list[Dimension]:
        """Return the length along each dimension; of a constant the number where it is 1."""
        is_constant = self.source.argument is None
        if is_constant and self._trace.is_along_all:
            axes = self.source.axes
            return [1 if d is None or axes[d].size.length == 1 else axes[d] for d in self._own]
        sizes = map(self._size, self._own)
        return [1 if is_constant and _number(size) == 1 else size for size in sizes]

    def slice(self) -> Any:
        """Return its elements if somebody has used them."""
        return () if self._elements is None else self._elements

    def with_slice(self, new: Any) -> Any:
        """Return an array with something else in place of its elements, if somebody has used them."""
        return self if self._elements is None else new

    def in_order(self, places: Sequence[int]) -> Any:
        """Return the array with its dimensions in another order."""
        return self._view([self._own[place] for place in places], self._picked)

    def ravel(self) -> Any:
        """Return an array of one dimension, as `numpy.ravel`."""
        return self if self.ndim == 1 else self.elements().ravel()

    def reshape(self, *shape: Any) -> Any:
        """Return an array of another shape, as `numpy.reshape`."""
        if self.ndim == 1 and shape in ((-1, 1), ((-1, 1),), ([-1, 1],)):
            return self[:, None]
        return self.elements().reshape(*shape)

    def __getitem__(self, key: Any) -> Any:
        # Rows that constants say stay whole, as the points that each observation is of.
        if _are_rows(key) and self._own and self._elements is None and self._base is self and not self.mapped:
            before = np.arange(len(self)) if self.rows is None else self.rows.indices
            return TracedArray(self._trace, self.source, (), Rows(before[key]))
        keys = key if isinstance(key, tuple) else (key,)
        named = [part for part in keys if part is not None and part is not Ellipsis]
        is_simple = all(part is None or part is Ellipsis or isinstance(part, int | slice) for part in keys)
        if not is_simple or len(named) > self.ndim or sum(part is Ellipsis for part in keys) > 1:
            return self.elements()[key]
        if named and type(named[0]) in (int, slice) and not is_all_of_it(named[0]):
            return self._cut(key)
        place = next((i for i, part in enumerate(keys) if part is Ellipsis), len(keys))
        missing = [slice(None)] * (self.ndim - len(named))
        return self._at([*keys[:place], *missing, *keys[place + 1 :]], key)

    def _at(self, keys: Sequence[Any], key: Any) -> Any:
        """Return a view, if it has whatever the first dimension has."""
        own: list[int | None] = []
        picked = dict(self._picked)
        rest = iter(self._own)
        for part in keys:
            dimension = None if part is None else next(rest)
            if part is None or is_all_of_it(part):
                own.append(dimension)
                continue
            if dimension is None or dimension in (self._own[0], *picked):
                return self.elements()[key]
            length = _number(self._size(dimension))
            if isinstance(part, int) and not -length <= part < length:
                return self.elements()[key]
            picked[dimension] = part
            if isinstance(part, slice):
                own.append(dimension)
        return self._view(own, picked)

    def along(self, dimension: int, axis: Axis) -> Any:
        """Return the slices along a dimension, one for each index of an axis; a `Value` for numbers."""
        own = self._own[dimension]
        if own is None or own in self._picked or self.is_changed():
            raise ElementsNeededError
        self.lend()
        size = self._size(own)
        assert isinstance(size, Size)
        size.same_as(axis.size)
        base = TracedArray(self._trace, self.source, (*self.mapped, (own, axis)), self.rows)
        rest = [*self._own[:dimension], *self._own[dimension + 1 :]]
        part = base if rest == base._own and not self._picked else base._view(rest, self._picked)
        return part if part._own else part.elements()[()]

    def beside(self, dimensions: Sequence[Dimension]) -> Any:
        """Return the slice at any index of the axes among dimensions, one for each of its own."""
        found: Any = self
        for dimension in reversed(range(self.ndim)):
            axis = dimensions[dimension]
            if not isinstance(axis, Axis):
                continue
            size = self.dimensions()[dimension]
            found = found._first(dimension) if isinstance(size, int) else found.along(dimension, axis)
        return found.elements() if is_whole(found) else found

    def _first(self, dimension: int) -> Any:
        """Return the only slice along a dimension of length 1."""
        own = self._own[dimension]
        rest = [*self._own[:dimension], *self._own[dimension + 1 :]]
        if own is None:
            return self._view(rest, self._picked)
        slice_of_one = self._picked.get(own, slice(None))
        assert isinstance(slice_of_one, slice)
        only = range(self.source.array.shape[own])[slice_of_one][0]
        return self._view(rest, {**self._picked, own: only})

    def lend(self) -> None:
        """Note that others are made of it later than they were asked for."""
        self._base.is_lent = True

    def is_changed(self) -> bool:
        """Return whether somebody has assigned to its elements, or to those that it shows."""
        base = self._base
        is_constant = self.source.argument is None and not self.mapped
        return base._elements is not None and not is_constant and not are_same(base._elements, base._items)

    def elements(self) -> Any:
        """Return the elements one by one, as a `ValueArray`."""
        if self._elements is None and self._base is not self:
            self._elements = self._of_base()
        if self._elements is None:
            self._elements = self._one_by_one()
            self._items = self._elements.ravel().tolist()
            self._trace.looked_into.append(self)
        return self._elements

    def _of_base(self) -> Any:
        """Return the elements of a view."""
        base = self._base._own
        found = self._base.elements()[tuple([self._picked.get(d, slice(None)) for d in base])]  # type: ignore[arg-type]
        left = [d for d in base if not isinstance(self._picked.get(d), int)]  # type: ignore[arg-type]
        order = [left.index(d) for d in self._own if d is not None]
        found = found if isinstance(found, np.ndarray) else values_array(found)
        keys = [None if dimension is None else slice(None) for dimension in self._own]
        return found.transpose(order)[(*keys, ...)]

    def _one_by_one(self) -> Any:
        array = self.source.array
        own = [d for d in self._own if d is not None]
        for dimension in own:
            self.source.sizes[dimension].pin(_TAKEN_APART)
        if self.mapped:
            made = self._columns(array)
        elif self.source.argument is None:
            return array if self.rows is None else array[self.rows.indices]
        else:
            made = self.source.values(self._trace)
        whole = values_array(made).reshape([array.shape[dimension] for dimension in own])
        return whole if self.rows is None or 0 not in own else whole[self.rows.indices]

    def _columns(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        first: Sequence[float] = (
            array[tuple(0 if d not in self._own else slice(None) for d in range(array.ndim))].ravel().tolist()
        )
        rows = None if 0 in self._own else self.rows
        made = np.empty(len(first), dtype=object)
        made[:] = [
            self._trace.leaf(Column(self.source, self.mapped, i, rows), float(number))
            for i, number in enumerate(first)
        ]
        return made


def are_same(elements: Any, items: Sequence[Any]) -> bool:
    """Return whether the elements of an array are the same objects as some items.

    Examples
    --------
    >>> are_same(np.array([1.0, None]), [1.0, 2.0])
    False
    """
    return all(one is other for one, other in zip(elements.ravel().tolist(), items, strict=True))


def _number(size: Size | int) -> int:
    return size if isinstance(size, int) else size.length


def _are_rows(key: Any) -> bool:
    return type(key) is np.ndarray and key.ndim == 1 and key.dtype.kind in "iu"
