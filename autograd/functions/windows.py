"""Windows: slices along an axis, numbers moved along one, and the number at one index.

Each is another number for any index. The derivative of a slice is moved back, with zeros around it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..engine.apply import apply, record
from ..engine.value import Value
from ..ops.structural import Instructions
from ..ops.table import OPS, row
from .axes import Axes, Axis, AxisOperation, axis_trace, index_along, length_of


@dataclass(eq=False, repr=False)
class Shifted(AxisOperation):
    """Numbers moved along an axis: what stands at k + offset is at k of the new one, and 0 where none is.

    Attributes
    ----------
    old, new : Axis
        The axes.
    offset : int
        By how much the numbers move to the front.
    covers : bool
        Whether there is a number for each index, as in a slice.
    """

    old: Axis
    new: Axis
    offset: int
    covers: bool
    name = "shifted"

    def axes(self, of_operands: Sequence[Axes]) -> Axes:
        """Return the axes of the operand with the new one in place of the old one; a slice may lack both."""
        axes = frozenset[Any]().union(*of_operands)
        return axes if self.covers and self.old not in axes else axes - {self.old} | {self.new}

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return the adjoint moved back."""
        return [shifted(adjoint, self.new, self.old, -self.offset)]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangent moved alike."""
        return self.apply(*tangents)

    def apply(self, *operands: Any) -> Any:
        """Return another number moved alike."""
        return shifted(operands[0], self.old, self.new, self.offset)


@dataclass(eq=False, repr=False)
class ElementAt(AxisOperation):
    """The number at one index of an axis, counted from its end if it is negative.

    Attributes
    ----------
    axis : Axis
        The axis.
    index : int
        The index.
    """

    axis: Axis
    index: int
    name = "element"

    def axes(self, of_operands: Sequence[Axes]) -> Axes:
        """Return the axes of the operand but this one."""
        return of_operands[0] - {self.axis}

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return the adjoint at this index, and 0 at any other."""
        place: Any = float(self.index) if self.index >= 0 else length_of(self.axis.size) + self.index
        is_here = apply(row("eq"), index_along(self.axis), place)
        return [apply(OPS["where"], is_here, adjoint, 0.0)]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangent at this index."""
        return element_at(tangents[0], self.axis, self.index)

    def apply(self, *operands: Any) -> Any:
        """Return the number of others at this index."""
        return element_at(operands[0], self.axis, self.index)

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return a constant, which does not vary."""
        return args[0] if tape.numbers[args[0]] is not None else None


def shifted(x: Any, old: Axis, new: Axis, offset: int) -> Any:
    """Return numbers moved along an axis, with 0 where none is left.

    Examples
    --------
    >>> from .sizes import Size
    >>> n = Size(3)
    >>> shifted(2.0, Axis(n), Axis(n.longer(-1)), 1)
    2.0
    """
    old.check_thread()
    trace = axis_trace()
    is_slice = offset >= 0 and old.size.base() is new.size.base()
    covers = is_slice and new.size.root().extra + offset <= old.size.root().extra
    if trace is None or (covers and not (isinstance(x, Value) and old in trace.axes_of(x))):
        return x
    x = x if isinstance(x, Value) else Value(x)
    node = record(Shifted(old, new, offset, covers), x._data, (x,), (1.0,))
    node._level = max(node._level, trace.level)
    trace.has_axes = True
    return node


def element_at(x: Any, axis: Axis, index: int) -> Any:
    """Return the number at one index of an axis; what does not vary along it stays.

    Examples
    --------
    >>> from .sizes import Size
    >>> element_at(2.0, Axis(Size(3)), -1)
    2.0
    """
    axis.check_thread()
    trace = axis_trace()
    if trace is None or not isinstance(x, Value) or axis not in trace.axes_of(x):
        return x
    return record(ElementAt(axis, index), x._data, (x,), (1.0,))
