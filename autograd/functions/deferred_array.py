"""`DeferredArray`: what is computed from arguments element by element, once it is known which elements.

A function prepares its arguments, as in ``model(x / 255.0)`` or ``2.0 * y - 1.0``, before it maps over them.
Then the columns of the result are recorded along an axis, and nothing for each element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from numbers import Real
from typing import Any

import numpy as np

from .alignment import beside, constant_as_columns, dimensions_of
from .axes import Axis, AxisTrace, ElementsNeededError
from .sizes import Size
from .traced_array import (
    OF_WHOLE,
    Dimension,
    TracedArray,
    WholeArray,
    are_same,
    is_all_of_it,
    is_whole,
    taken_apart,
)


class DeferredArray(WholeArray):
    """A function of numbers, for each element of arguments that stay whole and of constants.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    function : callable
        Such as a ufunc.
    operands : sequence of TracedArray, DeferredArray, array or number
        Of which no constant holds a `Value`.
    dimensions : list of Size or int
        What the dimensions of the result are.

    Examples
    --------
    >>> from .axes import ColumnSource
    >>> x = TracedArray(AxisTrace(0), ColumnSource(np.ones((4, 2)), 0))
    >>> type(x / 2.0).__name__, (x / 2.0).shape, (x / 2.0)[0, 0]
    ('DeferredArray', (4, 2), Value(0.5, op='/'))
    """

    def __init__(
        self,
        trace: AxisTrace,
        function: Callable[..., Any],
        operands: Sequence[Any],
        dimensions: Sequence[Size | int],
    ) -> None:
        self._trace, self._function = trace, function
        self._operands = [constant_as_columns(trace, operand) for operand in operands]
        self._dimensions = dimensions
        self._elements: Any = None
        self._items: list[Any] = []
        for operand in self._operands:
            if is_whole(operand):
                operand.lend()

    def dimensions(self) -> Sequence[Dimension]:
        """Return what its dimensions are."""
        return self._dimensions

    def slice(self) -> Any:
        """Return its elements if somebody has used them."""
        return () if self._elements is None else self._elements

    def with_slice(self, new: Any) -> Any:
        """Return an array with something else in place of its elements, if somebody has used them."""
        return self if self._elements is None else new

    def elements(self) -> Any:
        """Return the elements one by one, as a `ValueArray`."""
        if self._elements is None:
            self._elements = self._function(*map(taken_apart, self._operands))
            self._items = self._elements.ravel().tolist()
            self._trace.looked_into.append(self)
        return self._elements

    def is_changed(self) -> bool:
        """Return whether somebody has assigned to its elements."""
        return self._elements is not None and not are_same(self._elements, self._items)

    def along(self, dimension: int, axis: Axis) -> Any:
        """Return the slices along a dimension, one for each index of an axis; a `Value` for numbers."""
        return self.beside([axis if d == dimension else own for d, own in enumerate(self._dimensions)])

    def beside(self, dimensions: Sequence[Dimension]) -> Any:
        """Return the slice at any index of the axes among dimensions, one for each of its own."""
        if self.is_changed():
            raise ElementsNeededError
        self.lend()
        if not any(isinstance(dimension, Axis) for dimension in dimensions):
            return self.elements()
        return self._function(*[taken_apart(beside(operand, dimensions)) for operand in self._operands])

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        is_shared = (
            all(not np.ndim(x) or np.ndim(x) == self.ndim for x in self._operands) and not self.is_changed()
        )
        if not is_shared or not all(part is None or part is ... or is_all_of_it(part) for part in keys):
            return self._cut(key) if type(keys[0]) in (int, slice) else self.elements()[key]
        parts = [operand[key] if np.ndim(operand) else operand for operand in self._operands]
        found = deferred(self._function, parts)
        if found is None:
            return self.elements()[key]
        # Who assigns to the one assigns to the other as well.
        self.lend()
        found.lend()
        return found

    def in_order(self, places: Sequence[int]) -> Any:
        """Return the array with its dimensions in another order."""
        return self.elements().transpose(places)

    def ravel(self) -> Any:
        """Return an array of one dimension, as `numpy.ravel`."""
        return self if self.ndim == 1 else self.elements().ravel()

    def reshape(self, *shape: Any) -> Any:
        """Return an array of another shape, as `numpy.reshape`."""
        is_column = self.ndim == 1 and shape in ((-1, 1), ((-1, 1),), ([-1, 1],))
        return self[:, None] if is_column else self.elements().reshape(*shape)


def deferred(function: Callable[..., Any], operands: Sequence[Any]) -> Any:
    """Return a function of arguments and constants as an array that stays whole; None if it cannot.

    Examples
    --------
    >>> deferred(np.exp, [np.ones(2)]) is None
    True
    """
    traces = [operand._trace for operand in operands if is_whole(operand) and not operand.varies]
    if not traces or not all(map(_is_known, operands)):
        return None
    columns = zip_longest(*[dimensions_of(operand)[::-1] for operand in operands], fillvalue=1)
    dimensions = [_common(column) for column in columns][::-1]
    if None in dimensions or not any(isinstance(dimension, Size) for dimension in dimensions):
        return None
    return DeferredArray(traces[0], function, operands, dimensions)  # type: ignore[arg-type]


def _is_known(operand: Any) -> bool:
    """Return whether an operand is a whole argument, of which each index is known, or a constant."""
    if is_whole(operand):
        is_argument = type(operand) is TracedArray and not operand.mapped
        return (is_argument or type(operand) is DeferredArray) and not operand.is_changed()
    if isinstance(operand, np.ndarray):
        return operand.dtype.kind in "fiub"
    return isinstance(operand, Real)


def _common(column: Sequence[Dimension]) -> Size | int | None:
    """Return the dimension of a result; None if one would be repeated that may have another length."""
    sizes = [own for own in column if isinstance(own, Size)]
    numbers = {own for own in column if isinstance(own, int)} - {1}
    if not sizes:
        return max(numbers, default=1)
    if any(size.length != sizes[0].length for size in sizes) or numbers - {sizes[0].length}:
        return None
    return sizes[0]


WholeArray.deferred = staticmethod(deferred)  # type: ignore[method-assign]


def _where(condition: Any, *choices: Any) -> Any:
    found = deferred(np.where, [condition, *choices]) if choices else None
    return np.where(*taken_apart([condition, *choices])) if found is None else found


OF_WHOLE[np.where] = _where
