"""`TracedArray`: an array of a function that is being traced, which stays whole until somebody looks into it.

A million numbers are not a million nodes: `vmap` takes the columns of the array along an axis. Whoever uses
the elements one by one gets a `ValueArray` of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine.apply import apply_variadic
from ..ops.table import Op
from .array_lengths import ArrayLength
from .axes import Axis, AxisTrace, Column, ColumnSource, Mapped, Size
from .value_array import ValueArray, values_array

_TAKEN_APART = "its elements are used one by one"


class WholeArray(NDArrayOperatorsMixin):
    """An array that is not an array of objects, but is used like one.

    Subclasses say what its elements are. NumPy's functions and methods that they do not define themselves
    apply to these.
    """

    # For everybody who asks `isinstance(x, np.ndarray)`.
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return ValueArray

    def elements(self) -> Any:
        """Return the elements one by one, as a `ValueArray`."""
        raise NotImplementedError

    @property
    def lengths(self) -> tuple[int, ...]:
        """Its shape while it is traced."""
        raise NotImplementedError

    def along(self, dimension: int, axis: Axis) -> Any:
        """Return the slices along a dimension, one for each index of an axis; a `Value` for numbers."""
        raise NotImplementedError

    def slice(self) -> Any:
        """Return what stands for the elements by now: nothing if nobody has used any."""
        raise NotImplementedError

    @staticmethod
    def reduced(op: Op, *sequences: Any) -> Any:
        """Return what a variadic row gives for sequences of which one is such an array."""
        return apply_variadic(op, *map(taken_apart, sequences))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.elements(), name)

    def __getitem__(self, key: Any) -> Any:
        return self.elements()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.elements()[key] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.elements())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self.elements(), dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*map(taken_apart, inputs), **taken_apart(options))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
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

    Examples
    --------
    >>> x = TracedArray(AxisTrace(0), ColumnSource(np.ones((4, 2)), 0))
    >>> x.along(0, Axis(Size(4))).shape
    (2,)
    >>> x[0]
    array([Value(1.0), Value(1.0)], dtype=object)
    """

    def __init__(self, trace: AxisTrace, source: ColumnSource, mapped: Mapped = ()) -> None:
        self._trace, self.source, self.mapped = trace, source, mapped
        axes = {dimension for dimension, _ in mapped}
        self._own = [dimension for dimension in range(source.array.ndim) if dimension not in axes]
        self._elements: Any = None

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return len(self._own)

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of an array of `Value`s."""
        return np.dtype(object)

    @property
    def sizes(self) -> list[Size]:
        """The length along each dimension."""
        return [self.source.sizes[dimension] for dimension in self._own]

    @property
    def shape(self) -> tuple[Any, ...]:
        """The length along each dimension, a number of the program where it is no integer."""
        return tuple([ArrayLength.of(size, self._trace) for size in self.sizes])

    @property
    def lengths(self) -> tuple[int, ...]:
        """Its shape while it is traced."""
        return tuple([size.length for size in self.sizes])

    def slice(self) -> Any:
        """Return its elements if somebody has used them."""
        return () if self._elements is None else self._elements

    @property
    def size(self) -> Any:
        """How many elements it has."""
        return product_of(self.shape)

    def ravel(self) -> Any:
        """Return an array of one dimension, as `numpy.ravel`."""
        return self if self.ndim == 1 else self.elements().ravel()

    def __len__(self) -> int:
        if not self._own:
            raise TypeError("len() of unsized object")
        return int(self.shape[0])

    def along(self, dimension: int, axis: Axis) -> Any:
        """Return the slices along a dimension, one for each index of an axis; a `Value` for numbers."""
        own = self._own[dimension]
        self.source.sizes[own].same_as(axis.size)
        part = TracedArray(self._trace, self.source, (*self.mapped, (own, axis)))
        return part if part._own else part.elements()[()]

    def elements(self) -> Any:
        """Return the elements one by one, as a `ValueArray`."""
        if self._elements is None:
            array = self.source.array
            for size in self.sizes:
                size.pin(_TAKEN_APART)
            if self.mapped:
                made = self._columns(array)
            elif self.source.argument is None:
                return array
            else:
                made = self.source.values(self._trace)
            self._elements = values_array(made).reshape([array.shape[dimension] for dimension in self._own])
        return self._elements

    def _columns(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        first: Sequence[float] = (
            array[tuple(0 if d not in self._own else slice(None) for d in range(array.ndim))].ravel().tolist()
        )
        made = np.empty(len(first), dtype=object)
        made[:] = [
            self._trace.leaf(Column(self.source, self.mapped, i), float(number))
            for i, number in enumerate(first)
        ]
        return made
