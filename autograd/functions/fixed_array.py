"""`FixedArray`: an argument of fixed lengths, which varies along axes in all of its dimensions.

A program that was unrolled over 1,000 steps traces one node for a product of a matrix and a vector, rather
than one for each of their elements. Once its steps are a loop, the compiler puts these axes apart again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .axes import Axis, AxisTrace, ElementsNeededError
from .batch_array import BatchArray, batch_of
from .sizes import Size
from .traced_array import Dimension, TracedArray, WholeArray, is_whole, picks_a_row

_WHY = "it is traced for these lengths, as a program of many elements"


class FixedArray(WholeArray):
    """An argument of a traced function that varies along axes in all dimensions, or in all but the first.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    traced : TracedArray
        The argument.

    Examples
    --------
    >>> import numpy as np
    >>> from .axes import ColumnSource
    >>> trace = AxisTrace(0, is_along_all=True)
    >>> w = FixedArray(trace, TracedArray(trace, ColumnSource(np.ones((3, 2)), 0)))
    >>> w.T.shape, (w @ np.ones(2)).shape, w[0].shape
    ((2, 3), (3,), (2,))
    """

    def __init__(self, trace: AxisTrace, traced: TracedArray) -> None:
        self._trace, self._traced = trace, traced
        # Made once: what is computed from the same columns twice is one number.
        self._along: dict[tuple[int, int | None], Any] = {}

    def dimensions(self) -> Sequence[Dimension]:
        """Return what its dimensions are."""
        found = self.along_axes()
        return (found if type(found) is BatchArray else self._traced).dimensions()

    def sizes(self) -> Sequence[Dimension]:
        """Return its dimensions for who asks how long they are, which makes no axes of them."""
        return self._traced.dimensions()

    def slice(self) -> Any:
        """Return its elements if somebody has used them."""
        return self._traced.slice()

    def with_slice(self, new: Any) -> Any:
        """Return an array with something else in place of its elements, if somebody has used them."""
        return self if self._traced.with_slice(new) is self._traced else new

    def elements(self) -> Any:
        """Return the elements one by one, as a `ValueArray`."""
        return self._traced.elements()

    def along_axes(self) -> Any:
        """Return it as an array that varies along axes."""
        return self._made(0)

    def row_by_row(self) -> Any:
        """Return an array whose rows are taken one by one, each along axes."""
        return self._made(1)

    def columns(self, dimension: int) -> Any:
        """Return it along axes, of which one may have any length: samples or steps are taken along it."""
        is_fixed = (0, None) in self._along
        return self._made(0, None if is_fixed else dimension)

    def _made(self, kept: int, any_length: int | None = None) -> Any:
        """Return an array along axes in all dimensions but the first few, of fixed lengths but for one."""
        if self._traced.is_changed():
            raise ElementsNeededError
        self._traced.lend()
        key = kept, any_length
        if key in self._along:
            return self._along[key]
        found: Any = self._traced
        dims: list[Axis | None] = []
        for place, size in reversed([*enumerate(self._traced.dimensions())]):
            # NumPy repeats what has length 1, and no axis is repeated.
            is_axis = place == any_length or (place >= kept and isinstance(size, Size) and size.length > 1)
            if is_axis and place != any_length:
                size.fix(_WHY)  # type: ignore[union-attr]
            dims.insert(0, Axis(size) if is_axis else None)  # type: ignore[arg-type]
            if is_axis:
                found = found.along(place, dims[0])
        inner = found.elements() if is_whole(found) else found
        self._along[key] = batch_of(self._trace, tuple(dims), inner)
        return self._along[key]

    def along(self, dimension: int, axis: Axis) -> Any:
        """Return the slices along a dimension, one for each index of an axis; a `Value` for numbers."""
        return _varying(self.columns(dimension)).along(dimension, axis)

    def beside(self, dimensions: Sequence[Dimension]) -> Any:
        """Return the slice at any index of the axes among dimensions, one for each of its own."""
        return _varying(self.along_axes()).beside(dimensions)

    def in_order(self, places: Sequence[int]) -> Any:
        """Return the array with its dimensions in another order."""
        return _varying(self.along_axes()).in_order(places)

    def ravel(self) -> Any:
        """Return an array of one dimension, as `numpy.ravel`."""
        return self if self.ndim == 1 else _varying(self.along_axes()).ravel()

    def reshape(self, *shape: Any) -> Any:
        """Return an array of another shape, as `numpy.reshape`."""
        return _varying(self.along_axes()).reshape(*shape)

    def __getitem__(self, key: Any) -> Any:
        return (self.row_by_row() if picks_a_row(key) else self.along_axes())[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.row_by_row())


def _varying(found: Any) -> BatchArray:
    """Return an array that varies along axes; one of length 1 that was used as a number varies along none."""
    if type(found) is not BatchArray:
        raise ElementsNeededError
    return found
