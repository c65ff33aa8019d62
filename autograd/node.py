"""The node of a graph, and the sweep that applies the chain rule backward through it.

A node holds its value, the operation that made it, the operands, and the partial derivative of its
value with respect to each operand, worked out when the node was made. `Node.backward` visits each node
after all of its consumers; there it multiplies the adjoint by each partial and adds the product to the
operand's adjoint, which is the total-derivative rule: a sum over the uses.

The operators that make nodes are in `autograd.value`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from numbers import Real
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from . import nonfinite, tracing
from .ops import COMPARISONS, Op
from .source import Line, user_line

if TYPE_CHECKING:
    from .value import Value

_ARRAYS = (list, tuple, np.ndarray)

# How long an expression `str` gives: one line of a terminal.
_MAX_TERMS = 40

# Consumer counts and interior adjoints live in the nodes, which two threads may share.
sweep_lock = Lock()


class Node:
    """A number in a graph of operations. Users make `autograd.Value`, which adds the operators."""

    # One object a node for the cyclic collector to visit, and no cycles: a tuple of operands and one
    # of partials double the time of a training step. So unary and binary nodes have a slot each;
    # a node of more operands holds a tuple in `_x` and one in `_dx`. The partial of a constant is None.
    __slots__ = ("_data", "_dx", "_dy", "_uses", "_x", "_y", "grad", "label", "op", "source")

    _data: float
    _x: Any
    _y: Any
    _dx: Any
    _dy: float | None
    _uses: int
    grad: Any
    label: str
    op: Op | None
    source: Line | None

    def __init__(self, data: Real | float, label: str = "") -> None:
        self._data = data if data.__class__ is float else checked_number(data)
        if label.__class__ is not str and not isinstance(label, str):
            raise TypeError(f"a label is a str, but came {label!r} ({type(label).__name__})")
        self.label = label
        self.op = self.grad = self.source = None
        self._x = self._y = self._dx = self._dy = None
        self._uses = 0

    # ------------------------------------------------------------------------------------ what it is

    @property
    def data(self) -> float:
        """The value; assignable on a leaf.

        Raises
        ------
        TypeError
            On assignment of anything but a real number.
        AttributeError
            On assignment to the result of an operation.
        TracedValueError
            Where the number depends on the inputs of a program that is being traced.
        """
        return self._known("v.data") if tracing.traces else self._data

    @data.setter
    def data(self, data: Real | float) -> None:
        if self.op is not None:
            raise AttributeError(
                f"{self!r} is the result of an operation and cannot be assigned to; "
                "assign to the data of a leaf and build the expression again"
            )
        self._data = checked_number(data)

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

    # ------------------------------------------------------------------------------------- backward

    def backward(self, gradient: float = 1.0, *, create_graph: bool = False) -> None:
        """Work out the derivative of this node with respect to every node that it depends on.

        Afterwards ``grad`` holds it. Leaves accumulate: a second call adds to what they have. The
        other nodes hold the result of the last call. One pass in topological order, without
        recursion, so depth is no limit; notes A4 (chain rule) and C6 (total derivative).

        Parameters
        ----------
        gradient : float
            The adjoint of this node itself, with which the sweep begins.
        create_graph : bool
            Whether the gradients of leaves are to be `Value`s that can be differentiated again. Such a
            gradient and its leaf refer to each other: set ``leaf.grad`` to None when done with it.

        Raises
        ------
        FloatingPointError
            In anomaly mode, where a finite adjoint becomes nan or inf.
        TracedValueError
            In a function that is being compiled, where `autograd.grad` has to be used.

        Examples
        --------
        >>> from autograd import Value
        >>> x = Value(3.0)
        >>> y = x + x * x
        >>> y.backward()
        >>> x.grad
        7.0
        >>> x.grad = None
        >>> (x**3).backward(create_graph=True)
        >>> x.grad
        Value(27.0, op='*')
        """
        if tracing.traces:
            self._known("v.backward()")
        seed = checked_number(gradient)
        if create_graph:
            from .sweeps import accumulate_as_graph

            accumulate_as_graph(self, seed)  # type: ignore[arg-type]
            return
        reached: list[Node] = []
        before: dict[Node, Any] = {}
        with sweep_lock:
            try:
                _count_uses([self], reached)
                before = {node: node.grad for node in reached if node.op is None}
                order = _propagate(reached, seed)
                if nonfinite.is_watching():
                    nonfinite.examine_backward(order)
                for leaf, grad in before.items():
                    if grad is not None:
                        leaf.grad += grad
            except BaseException:
                _forget_uses([self], reached)
                for leaf, grad in before.items():
                    leaf.grad = grad
                raise

    # ------------------------------------------------------------------------------ like other numbers

    def __float__(self) -> float:
        return self._known("float(v)")

    def __int__(self) -> int:
        return int(self._known("int(v)"))

    def __round__(self, digits: int | None = None) -> float:
        return round(self._known("round(v)"), digits)

    def __bool__(self) -> bool:
        return self._known("if v") != 0.0

    def _known(self, asked_by: str) -> float:
        """Return the number, unless it is an input of a program that is being traced, or follows from one."""
        if tracing.traces and not tracing.traced_inputs().isdisjoint(consumers_first(self)):
            raise tracing.TracedValueError(
                f"{asked_by} asks for a number that is not known while the function is traced, at "
                f"{user_line()}; choose with where(condition, x, y), max or min, loop a fixed number of "
                "times, take the functions of autograd or NumPy for math's, and grad for backward()"
            )
        return self._data

    # By value, as PyTorch compares. Identity stays the hash, so that sets and dicts tell apart two
    # nodes of equal value.
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        return self._compared(operator.eq, other)

    def __ne__(self, other: object) -> Any:
        return self._compared(operator.ne, other)

    def __lt__(self, other: Any) -> Any:
        return self._compared(operator.lt, other)

    def __le__(self, other: Any) -> Any:
        return self._compared(operator.le, other)

    def __gt__(self, other: Any) -> Any:
        return self._compared(operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        return self._compared(operator.ge, other)

    def _compared(self, compare: Callable[[Any, Any], bool], other: object) -> Any:
        """Return True or False; while a program is traced a `Value`, which is 1 where it holds."""
        number = _number_or_none(other)
        if number is None:
            return NotImplemented
        if tracing.traces and tracing.traced_inputs():
            from .apply import apply

            return apply(COMPARISONS[compare.__name__], self, other)
        return compare(self._data, number)

    # ----------------------------------------------------------- what lower layers do for a node

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from .arrays import apply_ufunc

        return apply_ufunc(ufunc, method, *inputs, **options)

    def steps(self, gradient: float = 1.0) -> Any:
        """Return what a backward from this node does, step by step; see `autograd.steps`."""
        from .steps import steps

        return steps(self, gradient)  # type: ignore[arg-type]

    def explain(self, x: Value, **options: Any) -> Any:
        """Work out the derivative of this node by another on paper; see `autograd.explain`."""
        from .show import explain

        return explain(self, x, **options)  # type: ignore[arg-type]

    def draw(self, **options: Any) -> Any:
        """Draw the graph that leads to this node; see `autograd.draw`."""
        from .show import draw

        return draw(self, **options)  # type: ignore[arg-type]

    # ----------------------------------------------------------------------------------------- shown

    def __repr__(self) -> str:
        parts = [f"{self._data!r}"]
        if self.label:
            parts.append(f"label={self.label!r}")
        if self.op is not None:
            parts.append(f"op={self.op.symbol or self.op.name!r}")
        if self.grad is not None:
            parts.append(f"grad={float(self.grad)!r}")
        return f"Value({', '.join(parts)})"

    def __str__(self) -> str:
        """Return the expression that the node stands for; the repr of a leaf, or where it is a long one."""
        from .formulas import TooLongError, expression

        try:
            return repr(self) if self.op is None else expression(self, max_terms=_MAX_TERMS)  # type: ignore[arg-type]
        except TooLongError:
            return repr(self)

    def __format__(self, spec: str) -> str:
        return format(self._known("format(v)"), spec) if spec else str(self)


def operands(node: Node) -> list[Value]:
    """Return the operands of a node that are nodes: in order, and twice where used twice.

    Examples
    --------
    >>> from autograd import Value
    >>> a = Value(2.0, label="a")
    >>> operands(a * a * 3.0)
    [Value(4.0, op='*')]
    >>> operands(a * a)
    [Value(2.0, label='a'), Value(2.0, label='a')]
    """
    uses = zip(node.args, node.partials, strict=True)
    return [arg for arg, partial in uses if partial is not None]  # type: ignore[misc]


def consumers_first(*roots: Node) -> list[Node]:
    """Return nodes and all that they depend on, each after all of its consumers.

    This is topological order from the results to the leaves, after Kahn (1962): count the uses of each
    node, then take a node when its last consumer has been taken. Without the order, a node would pass
    on an adjoint to which a later consumer still adds.

    Parameters
    ----------
    *roots : Value
        The results.

    Returns
    -------
    list of Value
        Each node once; a single root comes first.

    Examples
    --------
    >>> from autograd import Value
    >>> a = Value(2.0)
    >>> b = a + 1.0
    >>> [f"{node:.0f}" for node in consumers_first(a * b)]
    ['6', '3', '2']
    """
    reached: list[Node] = []
    order: list[Node] = []
    with sweep_lock:
        try:
            _count_uses(roots, reached)
            _use(roots, order, -1, 1)
            _walk(order, -1, 1)
        except BaseException:
            _forget_uses(roots, reached)
            raise
    return order


def _count_uses(roots: Sequence[Node], reached: list[Node]) -> None:
    """Collect the nodes that roots depend on and count their uses; a sweep counts them down to 0."""
    _use(roots, reached, +1, 0)
    _walk(reached, +1, 0)


def _forget_uses(roots: Sequence[Node], reached: Sequence[Node]) -> None:
    """Set the counts to 0 after an exception such as Ctrl-C, since the next sweep begins with them."""
    counted = [operand for node in reached for operand in operands(node)]
    for node in (*roots, *counted):
        node._uses = 0


def _use(nodes: Sequence[Node], taken: list[Node], step: int, take_at: int) -> None:
    """Add `step` to the count of each node; take it when the count was `take_at`."""
    for node in nodes:
        uses = node._uses
        node._uses = uses + step
        if uses == take_at:
            taken.append(node)


def _walk(taken: list[Node], step: int, take_at: int) -> None:
    """Add `step` to the count of an operand at each use; take it when the count was `take_at`."""
    take = taken.append
    # `record` has made partials as many as operands: to ask zip to be strict takes 1 ms of a 29 ms step.
    for node in taken:
        dx = node._dx
        if dx.__class__ is tuple:
            for operand, partial in zip(node._x, dx):  # noqa: B905
                if partial is not None:
                    uses = operand._uses
                    operand._uses = uses + step
                    if uses == take_at:
                        take(operand)
            continue
        if dx is not None:
            operand = node._x
            uses = operand._uses
            operand._uses = uses + step
            if uses == take_at:
                take(operand)
        if node._dy is not None:
            operand = node._y
            uses = operand._uses
            operand._uses = uses + step
            if uses == take_at:
                take(operand)


def _propagate(reached: list[Node], seed: float) -> list[Node]:
    """Send the adjoint of each node to its operands: adjoint times partial, summed over the uses.

    A node passes its adjoint on when the last of its uses has been counted down, so the order that this
    returns is that of `consumers_first`; sorting first and sending then would take a third longer.
    """
    for node in reached:
        node.grad = 0.0
    root = reached[0]
    root.grad, root._uses = seed, 0
    order = [root]
    take = order.append
    for node in order:
        adjoint, dx, dy = node.grad, node._dx, node._dy
        if dx.__class__ is tuple:
            for operand, partial in zip(node._x, dx):  # noqa: B905
                if partial is not None:
                    operand.grad += adjoint * partial
                    uses = operand._uses
                    operand._uses = uses - 1
                    if uses == 1:
                        take(operand)
            continue
        if dx is not None:
            operand = node._x
            operand.grad += adjoint * dx
            uses = operand._uses
            operand._uses = uses - 1
            if uses == 1:
                take(operand)
        if dy is not None:
            operand = node._y
            operand.grad += adjoint * dy
            uses = operand._uses
            operand._uses = uses - 1
            if uses == 1:
                take(operand)
    return order


def checked_number(data: object) -> float:
    """Return a real number as a float, or say what is wrong with it.

    Examples
    --------
    >>> checked_number(2)
    2.0
    """
    if isinstance(data, Node):
        raise TypeError(f"a number was wanted, but came {data!r}; use it as it is, or its .data")
    if isinstance(data, Real | np.bool_):
        return float(data)
    if isinstance(data, np.ndarray) and data.ndim == 0 and data.dtype.kind in "fiu":
        return float(data)
    hint = "; for an array of Values use as_values(array)" if isinstance(data, _ARRAYS) else ""
    raise TypeError(f"a real number was wanted, but came {data!r} ({type(data).__name__}){hint}")


def _number_or_none(other: Any) -> Any:
    """Return what a comparison compares with, as it is: 0.1 is not Fraction(1, 10)."""
    if isinstance(other, Node):
        return other._data
    return other if isinstance(other, Real | np.bool_) else None
