"""`scan` and `fori_loop` in a trace whose arrays stay whole: one call of the body, for a symbolic step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..functions.array_lengths import ArrayLength
from ..functions.axes import Axis, AxisTrace, ColumnSource, ElementsNeededError, along, index_along
from ..functions.batch_array import BatchArray
from ..functions.sizes import Size
from ..functions.traced_array import TracedArray, array_along, is_whole
from .batch_by_symbol import WholeBatch, is_by_symbol
from .carry import Carry
from .loops import OneStep, loop
from .trees import Leaf, Structure, leaves_of, numbers_of, unflatten, with_leaves
from .while_by_loop import counted_up

Stepped = Callable[[Any, Any], tuple[Any, Any]]
"""The body: from the carry and a slice to the next carry, which is checked, and a result."""


def is_by_loop(trace: AxisTrace | None, leaves: Sequence[Any], length: int | None) -> bool:
    """Return whether a scan is recorded as a loop: over whole arrays or constants, or several times.

    Examples
    --------
    >>> is_by_loop(None, [], 3)
    False
    """
    if trace is None or not all(is_whole(leaf) or isinstance(leaf, np.ndarray) for leaf in leaves):
        return False
    if not leaves:
        return length is not None and length > 1
    if any(not _lengths(leaf) for leaf in leaves) or length not in (None, _lengths(leaves[0])[0]):
        return False
    arrays = [WholeBatch(leaf, 0) if is_whole(leaf) else leaf for leaf in leaves]
    return len({_lengths(leaf)[0] for leaf in leaves}) == 1 and is_by_symbol(trace, arrays)


def _lengths(leaf: Any) -> tuple[int, ...]:
    return leaf.lengths if is_whole(leaf) else leaf.shape  # type: ignore[no-any-return]


def scanned(
    trace: AxisTrace,
    stepped: Stepped,
    init: Any,
    xs: tuple[Sequence[Any], Structure],
    length: int | None,
    *,
    is_reversed: bool,
) -> tuple[Any, Any]:
    """Return what `scan` does, recorded as a loop.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    stepped : callable
        The body.
    init : tree
        The first carry.
    xs : (sequence of array, Structure)
        The arrays that are sliced, and the structure that they are leaves of.
    length : int, optional
        The number of steps; needed without arrays.
    is_reversed : bool
        Whether to begin with the last slice.

    Returns
    -------
    (carry, results)
        As `scan`.
    """
    trace.has_loops = True
    arrays, structure = xs
    wholes = [
        leaf if is_whole(leaf) else TracedArray(trace, ColumnSource(leaf.copy(), None)) for leaf in arrays
    ]
    axis = Axis(Size(wholes[0].lengths[0]) if wholes else Size(length or 0, f"scan takes {length} steps"))
    slices = [WholeBatch(whole, 0).slices(axis) for whole in wholes]
    x = unflatten(with_leaves(structure, lambda leaf: Leaf(())), slices, argument=True)
    first = Carry(init, "the carry of scan")
    results = _StepResults()

    def step(numbers: Sequence[Any]) -> OneStep:
        carry, result = stepped(first.of(numbers), x)
        return OneStep(first.numbers_of(carry), results.numbers_of(result))

    steps = loop(axis, first.numbers, step, first.shapes, is_reversed=is_reversed)
    return first.of(steps.last), results.along(trace, axis, iter(steps.computed))


def counted(trace: AxisTrace, stepped: Callable[[Any, Any], Any], lower: Any, upper: Any, init: Any) -> Any:
    """Return what `fori_loop` does, recorded as a loop.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    stepped : callable
        The body: from an integer and the value to the next value, which is checked.
    lower, upper : int, ArrayLength or Value
        The range; of integers that are known two or more.
    init : tree
        The first value.

    Returns
    -------
    tree
        The last value. No derivative flows through the bounds.
    """
    if isinstance(lower, int) and isinstance(upper, int):
        size = Size(upper - lower, "fori_loop counts to a number that is known")
    elif isinstance(lower, int) and not lower and isinstance(upper, ArrayLength) and upper.is_plain:
        size = upper.sizes[0]
    else:
        return counted_up(trace, stepped, lower, upper, init)
    axis = Axis(size)
    with along(trace, axis):
        i = index_along(axis) + float(lower)
    first = Carry(init, "the value of fori_loop")

    def step(numbers: Sequence[Any]) -> OneStep:
        return OneStep(first.numbers_of(stepped(i, first.of(numbers))))

    return first.of(loop(axis, first.numbers, step, first.shapes, is_reversed=False).last)


class _StepResults:
    """The structure of the result of a step."""

    form: Structure
    leaves: Sequence[Any]

    def numbers_of(self, result: Any) -> list[Any]:
        """Return the numbers of a result, each at any step."""
        leaves, self.form = leaves_of(result, "a result of scan", exact=True, whole=True)
        self.leaves = [*map(array_along, leaves)]
        if any(type(leaf) is TracedArray for leaf in self.leaves):
            raise ElementsNeededError
        return [number for leaf in self.leaves for number in numbers_of([_slice(leaf)])]

    def along(self, trace: AxisTrace, axis: Axis, numbers: Iterator[Any]) -> Any:
        """Return the results of all steps."""
        found = [_along(trace, axis, leaf, numbers) for leaf in self.leaves]
        return unflatten(with_leaves(self.form, lambda leaf: Leaf(())), found)


def _slice(leaf: Any) -> Any:
    return leaf.slice() if is_whole(leaf) else leaf


def _along(trace: AxisTrace, axis: Axis, leaf: Any, numbers: Iterator[Any]) -> BatchArray:
    inner = _slice(leaf)
    dims = leaf.dims if type(leaf) is BatchArray else ()
    if not isinstance(inner, np.ndarray):
        return BatchArray(trace, (axis, *dims), next(numbers))
    made = np.empty(inner.size, dtype=object)
    made[:] = [next(numbers) for _ in range(inner.size)]
    return BatchArray(trace, (axis, *dims), made.reshape(inner.shape))
