"""`vmap` in a trace whose arrays stay whole: the function is called once, for an index that is a symbol.

Each mapped array gives its slices along one new axis, of which the function sees one. What it returns varies
along the axis, or is the same for each index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..engine.value import Value
from ..functions.axes import Axis, AxisTrace, ColumnSource, ElementsNeededError, along
from ..functions.batch_array import BatchArray
from ..functions.sizes import Size
from ..functions.traced_array import TracedArray, WholeArray, is_whole
from .batch_tracing import samples_apart
from .trees import Leaf, Structure, leaves_of

_FEWEST = 2


class WholeBatch:
    """An array that stays whole, and the dimension that it is mapped over.

    Parameters
    ----------
    whole : WholeArray
        The array.
    dimension : int
        The dimension.

    Raises
    ------
    ValueError
        If there is no such dimension.
    """

    def __init__(self, whole: WholeArray, dimension: int) -> None:
        count = len(whole.lengths)
        if not -count <= dimension < count:
            raise ValueError(
                f"vmap expected an array with axis {dimension}, got {Leaf(whole.lengths).noun}; pass "
                "in_axes=None for it"
            )
        self.whole, self.dimension = whole, dimension % count

    @property
    def length(self) -> int:
        """How many slices there are, while it is traced."""
        return self.whole.lengths[self.dimension]

    def slices(self, axis: Axis) -> Any:
        """Return the slices along an axis."""
        found = self.whole.along(self.dimension, axis)
        # Rows of numbers are taken apart: most functions use each of them.
        return (
            found.elements() if is_whole(found) and type(found) is TracedArray and found.ndim == 1 else found
        )

    def apart(self) -> Any:
        """Return the array of its elements, with the mapped dimension first."""
        return np.moveaxis(np.asarray(self.whole), self.dimension, 0)


def is_by_symbol(trace: AxisTrace | None, arrays: Sequence[Any]) -> bool:
    """Return whether some arrays are mapped by a symbol: whole ones, or constants, with no array of nodes.

    Examples
    --------
    >>> is_by_symbol(None, [np.ones(2)])
    False
    """
    if trace is None or any(_length(array) < 1 for array in arrays):
        return False
    if any(type(array) is WholeBatch for array in arrays):
        return all(type(array) is WholeBatch or array.dtype.kind == "f" for array in arrays)
    return all(array.dtype.kind == "f" and len(array) >= _FEWEST for array in arrays)


def _length(array: Any) -> int:
    return array.length if type(array) is WholeBatch else len(array)


def mapped_by_symbol(
    trace: AxisTrace, arrays: Sequence[Any], call: Callable[[Iterator[Any]], Any], out_axes: Any
) -> Any:
    """Return the results of a function for all samples.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    arrays : sequence of WholeBatch or ndarray
        What is mapped; of a plain array the first dimension.
    call : callable
        Calls the function with the slices of a sample.
    out_axes
        As in `vmap`.

    Returns
    -------
    tree of BatchArray
        Results for any number of samples.

    Raises
    ------
    TracedValueError
        If the function asks for a number of a sample.
    ElementsNeededError
        If samples are stacked along another axis than the first.
    """
    axis = Axis(_size(arrays))
    slices = [_slices(trace, array, axis) for array in arrays]
    with along(trace, axis), samples_apart():
        leaves, form = leaves_of(call(iter(slices)), "a result of vmap", exact=True, whole=True)
    return _joined(trace, axis, form, iter(leaves), out_axes)


def _size(arrays: Sequence[Any]) -> Size:
    whole = [array for array in arrays if type(array) is WholeBatch]
    return Size(whole[0].length) if whole else Size(len(arrays[0]))


def _slices(trace: AxisTrace, array: Any, axis: Axis) -> Any:
    if type(array) is WholeBatch:
        return array.slices(axis)
    # What the function assigns to a constant later on is not seen.
    return WholeBatch(TracedArray(trace, ColumnSource(array.copy(), None)), 0).slices(axis)


def _joined(trace: AxisTrace, axis: Axis, form: Structure, leaves: Iterator[Any], out_axes: Any) -> Any:
    """Return the results along the axis as a tree."""
    if isinstance(form, Leaf):
        return _stacked(trace, axis, next(leaves), out_axes)
    if out_axes is not None and not isinstance(out_axes, int | np.integer):
        # Axes of parts are checked where the samples are side by side.
        raise ElementsNeededError
    return form.build([_joined(trace, axis, part, leaves, out_axes) for part in form.parts])


def _stacked(trace: AxisTrace, axis: Axis, leaf: Any, out_axes: Any) -> Any:
    """Return a result along the axis, which comes first."""
    slices = leaf.slice() if is_whole(leaf) else leaf
    if out_axes is None:
        items = slices.ravel().tolist() if isinstance(slices, np.ndarray) else [slices]
        if is_whole(leaf) or any(isinstance(item, Value) and axis in trace.axes_of(item) for item in items):
            raise ElementsNeededError
        return leaf
    if out_axes != 0 or type(leaf) is TracedArray:
        raise ElementsNeededError
    if type(leaf) is BatchArray:
        return leaf.stacked(axis)
    inner = leaf.astype(object) if isinstance(leaf, np.ndarray) else leaf
    return BatchArray(trace, (axis,), inner)
