"""Reductions over an axis other than its total: the maximum, `logsumexp` and `norm` of all samples."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from ..engine.apply import apply, record
from ..engine.value import Value
from ..ops.structural import Instructions, OfAttributes
from ..ops.table import OPS, Op, row
from .axes import (
    Axes,
    Axis,
    ElementsNeededError,
    Length,
    Scalar,
    axis_trace,
    index_along,
    total_over,
)


@dataclass(eq=False, repr=False)
class RowOver(OfAttributes):
    """A reduction over an axis: a row of two operands that folds all numbers, or a variadic one.

    Attributes
    ----------
    row : Op
        The row.
    axis : Axis
        The axis.
    """

    row: Op
    axis: Axis
    settles_axes = True

    @property
    def name(self) -> str:  # type: ignore[override]
        """Its name, after that of the row."""
        return f"{self.row.name} over an axis"

    def axes(self, of_operands: Sequence[Axes]) -> Axes:
        """Return the axes of the operand but this one."""
        return of_operands[0] - {self.axis}

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return the adjoint times the partial at each index."""
        return [adjoint * self._partial(node)]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the total of the tangents times the partial at each index."""
        return total_over(tangents[0] * self._partial(node), self.axis)

    def apply(self, *operands: Any) -> Any:
        """Return the reduction of other numbers."""
        return row_over(self.row, operands[0], self.axis)

    def _partial(self, node: Value) -> Scalar:
        """Return the partial with respect to the number at any index."""
        (x,) = node.args
        if self.row.variadic:
            along: Scalar = self.row.partials[0].on(_AlongAxis(self.axis, {"x": x, "out": node}))
            return along
        # A tie goes wholly to the first, and so does nan, which equals nothing.
        index = index_along(self.axis)
        of_nan = apply(OPS["where"], apply(row("ne"), x, x), index, inf)
        of_one = apply(OPS["where"], apply(row("eq"), x, node), index, of_nan)
        first = row_over(OPS["min"], of_one, self.axis)
        return apply(row("eq"), index, first)  # type: ignore[no-any-return]

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return what the reduction of a constant is."""
        return None if tape.numbers[args[0]] is None else self.of_one(tape, args[0])

    def of_one(self, tape: Instructions, x: int) -> int:
        """Append the reduction of what does not vary along the axis."""
        if not self.row.variadic:
            return x
        length = tape.add(Length(self.axis), ())  # type: ignore[arg-type]
        if self.row is OPS["logsumexp"]:
            return tape.add(OPS["add"], (x, tape.add(OPS["log"], (length,))))
        return tape.add(OPS["mul"], (tape.add(OPS["abs"], (x,)), tape.add(OPS["sqrt"], (length,))))


ROWS = frozenset({OPS["max"], OPS["min"], OPS["logsumexp"], OPS["norm"]})
"""Which rows reduce over an axis."""


class _AlongAxis:
    """What a rule for one element is at any index of an axis; its reductions go over the axis."""

    def __init__(self, axis: Axis, named: Mapping[str, Any]) -> None:
        self._axis, self._named = axis, named

    def name(self, name: str) -> Any:
        """Return the number at any index, or the result."""
        return self._named[name]

    def number(self, number: float) -> Any:
        """Return a number."""
        return number

    def apply(self, word: str, operands: tuple[Any, ...]) -> Any:
        """Return a word applied at any index, or over the axis."""
        return total_over(operands[0], self._axis) if word == "sum" else apply(row(word), *operands)


def row_over(op: Op, x: Scalar, axis: Axis) -> Scalar:
    """Return a row that reduces the numbers along an axis.

    Raises
    ------
    ElementsNeededError
        If only the numbers one by one tell, as for a product.

    Examples
    --------
    >>> from .sizes import Size
    >>> row_over(OPS["max"], 2.0, Axis(Size(3)))
    2.0
    """
    axis.check_thread()
    trace = axis_trace()
    if op not in ROWS:
        raise ElementsNeededError
    if trace is not None and isinstance(x, Value) and axis in trace.axes_of(x):
        return record(RowOver(op, axis), x._data, (x,), (1.0,))
    if op.variadic:
        raise ElementsNeededError
    return x


def row_over_axes(op: Op, x: Scalar, axes: Collection[Axis]) -> Scalar:
    """Return a row that reduces the numbers along several axes.

    Examples
    --------
    >>> row_over_axes(OPS["max"], 2.0, [])
    2.0
    """
    for axis in sorted(axes, key=lambda axis: axis.number):
        x = row_over(op, x, axis)
    return x
