"""How a node describes itself: its operands and partials, its label and line of source, its repr.

Some of it is there under the names of micrograd and PyTorch as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..ops.structural import Operation
from .gradients import NOT_YET, OF_THE_SWEEP, has_gradient
from .user_line import Line

if TYPE_CHECKING:
    from mypy_extensions import u8

    from .value import Value

# Of a type that mypyc keeps as it is: of a tuple of known types, each node would get a copy, of 56 bytes.
UNNAMED: Final[object] = ("", None)
"""The label and the source of most nodes."""

NEITHER: Final = 0
"""The edges of a node along which no derivative flows, such as a comparison."""

FIRST: Final = 1
"""The edges of a node of one operand, or whose second operand is a constant."""

SECOND: Final = 2
"""The edges of a node whose first operand is a constant."""

BOTH: Final = 3
"""The edges of a node of two operands."""

IN_TUPLES: Final = 4
"""The edges of a node with any number of operands: as the tuple of partials has them, None for no edge."""

BY_RULE: Final = 5
"""As `IN_TUPLES`, but what flows along an edge is what the operation says, not a multiple of the adjoint."""


class Description:
    """What can be asked of a node besides its value and gradient."""

    # A node is one object, part of no cycle: a tuple of operands and one of partials would double the time of
    # a training step. So it has a slot for each of two operands, and for each of two partials; a node of more
    # operands holds a tuple of them in `_x`, and one of partials in `_y`.
    # The label and the source share a slot, since few nodes have either. A result leaves that slot empty, and
    # until a sweep that of its gradient: the cyclic collector visits each slot of each node again and again.
    __slots__ = (
        "__weakref__",
        "_about",
        "_adjoint",
        "_data",
        "_dx",
        "_dy",
        "_edges",
        "_grad",
        "_level",
        "_mark",
        "_x",
        "_y",
        "op",
    )

    _edges: u8
    op: Operation | None
    _grad: Any
    _data: float
    _x: Any
    _y: Any
    _dx: float
    _dy: float
    _adjoint: float
    _mark: object
    _level: int
    _about: Any

    @property
    def args(self) -> tuple[Value | float, ...]:
        """The operands in order, a constant as a plain float; empty for a leaf."""
        if self.op is None:
            return ()
        if self._edges >= IN_TUPLES:
            stored = self._x
            operands: tuple[Value | float, ...] = stored if type(stored) is tuple else stored.present()
            return operands
        return (self._x,) if self._y is None else (self._x, self._y)

    @property
    def partials(self) -> tuple[float | None, ...]:
        """The derivative of this node with respect to each operand; None for a constant."""
        if self.op is None:
            return ()
        if self._edges >= IN_TUPLES:
            partials: tuple[float | None, ...] = self._y
            return partials
        dx = self._dx if self._edges & FIRST else None
        return (dx,) if self._y is None else (dx, self._dy if self._edges & SECOND else None)

    @property
    def grad(self) -> Any:
        """What `Value.backward` computed; assignable."""
        # A float for the adjoint of each result would take a tenth of a sweep.
        try:
            grad = self._grad
        except AttributeError:
            return NOT_YET
        return self._adjoint if grad is OF_THE_SWEEP else grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        self._grad = grad

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
        label: str = self._label_and_source()[0]
        return label

    @label.setter
    def label(self, label: str) -> None:
        if not isinstance(label, str):
            raise TypeError(f"expected the label to be a str, got {label!r} ({type(label).__name__})")
        self._about = (label, self._label_and_source()[1])

    @property
    def source(self) -> Line | None:
        """The line of the user's program that made the node: where nan or inf arose, or in anomaly mode."""
        source: Line | None = self._label_and_source()[1]
        return source

    @source.setter
    def source(self, source: Line | None) -> None:
        self._about = (self._label_and_source()[0], source)

    def _label_and_source(self) -> Any:
        try:
            return self._about
        except AttributeError:
            return UNNAMED

    def __repr__(self) -> str:
        parts = [f"{self._data!r}"]
        if self.label:
            parts.append(f"label={self.label!r}")
        if self.op is not None:
            parts.append(f"op={self._op!r}")
        if has_gradient(self):
            parts.append(f"grad={float(self.grad)!r}")
        return f"Value({', '.join(parts)})"
