"""Alignment of operands that vary along axes: as NumPy broadcasts, with an axis where a dimension is open."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import numpy.typing as npt

from .axes import Axis, AxisTrace, ColumnSource, ElementsNeededError
from .sizes import Size
from .traced_array import Dimension, TracedArray, is_whole
from .value_array import ValueArray

Dims = tuple[Axis | None, ...]
"""The dimensions of an array that varies along axes; None for one of its slices."""


def aligned(trace: AxisTrace, operands: Sequence[Any]) -> tuple[Dims, list[Any]]:
    """Return the dimensions of an element-wise result, and a slice of each operand at any index of its axes.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    operands : sequence of array, Value or number
        Of which one varies along axes.

    Returns
    -------
    (tuple, list)
        The dimensions, and the slices: arrays that NumPy broadcasts, Values or numbers.

    Raises
    ------
    ElementsNeededError
        If their dimensions do not go together.

    Examples
    --------
    >>> aligned(AxisTrace(0), [np.ones(1), 2.0])
    ((None,), [array([1.]), 2.0])
    """
    trace.check_thread()
    # Constants of as many samples are columns, too.
    operands = [constant_as_columns(trace, operand) for operand in operands]
    common = common_dimensions([*map(dimensions_of, operands)])
    dims = tuple([dimension if isinstance(dimension, Axis) else None for dimension in common])
    return dims, [beside(operand, common) for operand in operands]


def constant_as_columns(trace: AxisTrace, x: Any) -> Any:
    """Return a constant array as one that can be sliced along axes; anything else as it is.

    Examples
    --------
    >>> constant_as_columns(AxisTrace(0), 1.0)
    1.0
    """
    if isinstance(x, list | tuple):
        x = np.asarray(x)
    is_plain = type(x) is np.ndarray and x.ndim and x.dtype.kind in "fiub" and x.size > 1
    return _constant(trace, x.astype(float)) if is_plain else x


def _constant(trace: AxisTrace, array: npt.NDArray[np.float64]) -> TracedArray:
    """Return a constant array; the same for equal ones of which a program of many steps has as many."""
    if not trace.is_along_all:
        return TracedArray(trace, ColumnSource(array, None))
    key = array.shape, array.tobytes()
    if key not in trace.constants:
        trace.constants[key] = ColumnSource(array, None)
        for size in trace.constants[key].sizes:
            size.fix("an array that is no argument has as many elements")
    return TracedArray(trace, trace.constants[key])


def dimensions_of(x: Any) -> Sequence[Dimension]:
    """Return the dimensions of an operand.

    Examples
    --------
    >>> dimensions_of(np.ones((2, 3)))
    [2, 3]
    """
    return x.dimensions() if is_whole(x) else [*np.shape(x)]


def common_dimensions(operands: Sequence[Sequence[Dimension]]) -> list[Dimension]:
    """Return the dimensions of an element-wise result, each an axis or a number.

    Raises
    ------
    ElementsNeededError
        If there is no such result.

    Examples
    --------
    >>> axis = Axis(Size(3))
    >>> common_dimensions([[axis, 2], [2], [Size(3), 1]]) == [axis, 2]
    True
    """
    width = max(map(len, operands))
    columns = zip(*[[1] * (width - len(own)) + list(own) for own in operands], strict=True)
    open_sizes = {own.size.root() for operand in operands for own in operand if isinstance(own, Axis)}
    found: list[Dimension] = []
    for column in columns:
        dimension = _common(column, open_sizes)
        # Along an axis that it varies along already, as a matrix of pairs does, it varies by another name.
        if isinstance(dimension, Axis) and dimension in found:
            dimension = Axis(dimension.size)
        found.append(dimension)
    return found


def _common(column: Sequence[Dimension], open_sizes: AbstractSet[Size]) -> Dimension:
    axes = [dimension for dimension in column if isinstance(dimension, Axis)]
    others = [d for d in column if not isinstance(d, Axis) and not (isinstance(d, int) and d == 1)]
    as_open = [own for own in others if isinstance(own, Size) and own.root() in open_sizes]
    if as_open and not axes:
        # An argument of as many samples as there are: pairs of them.
        axes = [Axis(as_open[0])]
    if not axes:
        lengths = {d.length if isinstance(d, Size) else d for d in others}
        return max(lengths, default=1)
    length = axes[0].size.length
    if any(isinstance(d, int) or d.length != length for d in others):
        raise ElementsNeededError
    if any(axis.size.length != length for axis in axes):
        raise ElementsNeededError
    return axes[0]


def beside(x: Any, common: Sequence[Dimension]) -> Any:
    """Return the slice of an operand at any index of the axes that it is aligned with.

    Examples
    --------
    >>> beside(np.ones((1, 2)), [Axis(Size(3)), 2])
    array([1., 1.])
    """
    own = dimensions_of(x)
    along = common[len(common) - len(own) :] if own else []
    if is_whole(x):
        return x.beside(along)
    if not any(isinstance(dimension, Axis) for dimension in along):
        return x
    # Of length 1, where it is aligned with an axis; or else it has become elements since, as by a lookup.
    array = np.asarray(x, dtype=object).view(ValueArray) if np.asarray(x).dtype == object else np.asarray(x)
    if any(isinstance(d, Axis) and n != 1 for d, n in zip(along, array.shape, strict=True)):
        raise ElementsNeededError
    return array[tuple([0 if isinstance(dimension, Axis) else slice(None) for dimension in along])]
