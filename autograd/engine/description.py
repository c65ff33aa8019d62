"""How a node describes itself: its operands and partials, its label and line of source, its repr.

Some of it is there under the names of micrograd and PyTorch as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ops.structural import Operation
from .gradients import has_gradient
from .user_line import Line

if TYPE_CHECKING:
    from .value import Value

UNNAMED: tuple[str, Line | None] = ("", None)
"""The label and the source of most nodes."""


class Description:
    """What can be asked of a node besides its value and gradient."""

    # The label and the source share a slot, since few nodes have either.
    __slots__ = ("_about",)

    op: Operation | None
    grad: Any
    _data: float
    _x: Any
    _y: Any
    _dx: Any
    _dy: float | None
    _about: tuple[str, Line | None]

    @property
    def args(self) -> tuple[Value | float, ...]:
        """The operands in order, a constant as a plain float; empty for a leaf."""
        if self.op is None:
            return ()
        if isinstance(self._x, tuple):
            return self._x
        return (self._x,) if self._y is None else (self._x, self._y)

    @property
    def partials(self) -> tuple[float | None, ...]:
        """The derivative of this node with respect to each operand; None for a constant."""
        if self.op is None:
            return ()
        if isinstance(self._dx, tuple):
            return self._dx
        return (self._dx,) if self._y is None else (self._dx, self._dy)

    @property
    def _prev(self) -> set[Value]:
        """The operands that are nodes, as a set: micrograd's name."""
        return {arg for arg in self.args if isinstance(arg, Description)}

    @property
    def _op(self) -> str:
        """The symbol or the name of the operation; empty for a leaf: micrograd's name."""
        return "" if self.op is None else self.op.symbol or self.op.name

    @property
    def is_leaf(self) -> bool:
        """Whether no operation made the node: PyTorch's name."""
        return self.op is None

    @property
    def label(self) -> str:
        """The name for pictures and messages; assignable.

        Raises
        ------
        TypeError
            On assignment of anything but a str.
        """
        return self._about[0]

    @label.setter
    def label(self, label: str) -> None:
        if not isinstance(label, str):
            raise TypeError(f"expected the label to be a str, got {label!r} ({type(label).__name__})")
        self._about = (label, self._about[1])

    @property
    def source(self) -> Line | None:
        """The line of the user's program that made the node: where nan or inf arose, or in anomaly mode."""
        return self._about[1]

    @source.setter
    def source(self, source: Line | None) -> None:
        self._about = (self._about[0], source)

    def __repr__(self) -> str:
        parts = [f"{self._data!r}"]
        if self.label:
            parts.append(f"label={self.label!r}")
        if self.op is not None:
            parts.append(f"op={self._op!r}")
        if has_gradient(self):
            parts.append(f"grad={float(self.grad)!r}")
        return f"Value({', '.join(parts)})"
