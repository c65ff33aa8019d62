"""`Value`: the node of a graph, and the sweep that applies the chain rule backward through it.

A node holds its value, the operation that made it, its operands, and the partial derivative of its value
with respect to each operand, computed together with the value. `Value.backward` visits each node after all
of its consumers; there it multiplies the adjoint by each partial and adds the product to the operand's
adjoint, which is the total-derivative rule: a sum over the edges.

A sweep that is interrupted, by Ctrl-C or a MemoryError, leaves nothing to clean up: it marks nodes with
objects of its own, which mean nothing to the next sweep, and adds to the gradients of leaves last.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar, Final

from ..ops.structural import Operation
from .description import BOTH, BY_RULE, FIRST, IN_TUPLES, SECOND, UNNAMED
from .gradients import NOT_YET, OF_THE_SWEEP, add_by_rule, add_to_gradients
from .levels import level_above, open_scopes
from .nonfinite import examine_adjoints, is_watching
from .operators import Operators
from .real_numbers import checked_number
from .sweep_lock import is_sweeping, sweep_lock
from .unrecorded import examined, is_off


class Value(Operators):
    """A real number that remembers how it was computed, so that it can be differentiated.

    Parameters
    ----------
    data : real number
        The value. It is kept as a Python float.
    label : str
        A name for pictures and messages.

    Attributes
    ----------
    data : float
        The value; assign to it on a leaf, as ``p.data -= lr * p.grad`` does.
    grad : float or Value
        What `backward` computed; 0.0 before. Assign 0.0 or None to start again. A result of the node that you
        assign, also to an attribute of a subclass, keeps both alive; no collector frees compiled nodes.
    op : Op, Structural or None
        The operation that made it, mostly a row of the table; None for a leaf.
    args : tuple of Value or float
        The operands.
    partials : tuple of float or None
        The derivative with respect to each operand.

    Raises
    ------
    TypeError
        If the data is not a real number.

    Examples
    --------
    >>> a = Value(2.0, label="a")
    >>> b = Value(-3.0, label="b")
    >>> c = a * b + a**2
    >>> c.backward()
    >>> c, a.grad, b.grad
    (Value(-2.0, op='+', grad=1.0), 1.0, 2.0)
    """

    __slots__ = ()

    # Nodes compare by value, as in PyTorch; sets and dicts still tell apart two nodes of equal value.
    __hash__: ClassVar[Callable[..., int]] = object.__hash__

    draw: ClassVar[Callable[..., Any]]  # Attached by the storeys above, whose types the engine does not know.
    show: ClassVar[Callable[..., None]]
    explain: ClassVar[Callable[..., Any]]
    steps: ClassVar[Callable[..., Any]]
    _accumulate: ClassVar[Callable[[Value, float, bool], None]]

    def __init__(self, data: Real | float, label: str = "") -> None:
        self._data = data if type(data) is float else checked_number(data)
        self._about = UNNAMED
        if label != "":
            self.label = label
        self.op = self._x = self._y = self._mark = None
        self._dx = self._dy = 0.0
        self._edges = self._level = 0
        self._grad = NOT_YET

    def _record(self, op: Operation, out: float, x: Any, y: Any, dx: float, dy: float, edges: int) -> Value:
        node = _new(Value)
        node._data = out
        node.op = op
        node._x = x
        node._y = y
        node._dx = dx
        node._dy = dy
        node._edges = edges
        node._mark = None
        node._level = 0
        # nan - nan and inf - inf are nan, which counts as true; any finite number gives 0.
        if out - out or open_scopes:
            node._level = level_above(node.args)
            if out - out or is_watching() or is_off():
                return examined(node, out)  # type: ignore[no-any-return]
        return node

    @property
    def data(self) -> float:
        """The value; assignable on a leaf. Raises TracedValueError where it depends on a traced input."""
        return self._known("v.data") if self._level else self._data

    @data.setter
    def data(self, data: Real | float) -> None:
        if self.op is not None:
            raise AttributeError(
                f"{self!r} is the result of an operation and cannot be assigned to; "
                "assign to the data of a leaf and build the expression again"
            )
        self._data = data if type(data) is float else checked_number(data)

    def backward(self, gradient: float = 1.0, *, create_graph: bool = False) -> None:
        """Compute the derivative of this node with respect to every node it depends on, as their ``grad``.

        Leaves accumulate: a second call adds to their ``grad``. One pass in topological order, without
        recursion, so that depth is no limit; notes A4 (chain rule) and C6 (total derivative).

        Parameters
        ----------
        gradient : float
            The gradient of this node itself, the seed of the sweep.
        create_graph : bool
            Whether the gradients of leaves become `Value`s that can be differentiated again. Such a gradient
            does not keep its leaf alive, so that dropping the leaf frees both.

        Raises
        ------
        FloatingPointError
            In anomaly mode, where an adjoint becomes nan or inf.
        TracedValueError, LostGradientError
            In a function that is being compiled or differentiated; use `autograd.grad` there.

        Examples
        --------
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
        if self._level and not create_graph:
            self._plain("v.backward()")
        seed = checked_number(gradient)
        if create_graph or is_sweeping():
            self._accumulate(seed, create_graph)
        else:
            with sweep_lock:
                order, leaves = _sweep(self, seed)
                if is_watching():
                    examine_adjoints(order + leaves)
                add_to_gradients(leaves, [leaf._adjoint for leaf in leaves])


def _sweep(root: Value, seed: float) -> tuple[list[Value], list[Value]]:
    """Store in each node its adjoint; return the results, each after its consumers, and the leaves."""
    order, leaves = _reach(root)
    order.reverse()
    root._adjoint = seed
    for node in order:
        adjoint = node._adjoint
        node._grad = OF_THE_SWEEP
        edges = node._edges
        if edges == BOTH:
            x: Value = node._x
            x._adjoint += adjoint * node._dx
            y: Value = node._y
            y._adjoint += adjoint * node._dy
        elif edges == FIRST:
            x = node._x
            x._adjoint += adjoint * node._dx
        elif edges == SECOND:
            y = node._y
            y._adjoint += adjoint * node._dy
        elif edges == IN_TUPLES:
            operands: tuple[Any, ...] = tuple(node._x)
            partials: tuple[float | None, ...] = node._y
            # There are as many partials as operands; strict=True would take 1 ms of the 29 ms of a step.
            for operand, partial in zip(operands, partials):  # noqa: B905
                if partial is not None:
                    x = operand
                    x._adjoint += adjoint * partial
        elif edges == BY_RULE:
            add_by_rule(node)
    return order, leaves


def _reach(root: Value) -> tuple[list[Value], list[Value]]:
    """Set adjoints to 0; return the results, each after its operands, and the leaves.

    Depth first, with a stack: a result is taken when it comes up again. Counting uses takes twice as long.
    """
    # New objects: only nodes that this sweep has reached hold them, whatever an interrupted sweep has left.
    entered, reached = object(), object()
    order: list[Value] = []
    leaves: list[Value] = []
    stack = [root]
    while stack:
        node = stack[-1]
        mark = node._mark
        if mark is reached:
            stack.pop()
            continue
        if mark is entered or node.op is None:
            node._mark = reached
            node._adjoint = 0.0
            (leaves if node.op is None else order).append(stack.pop())
            continue
        node._mark = entered
        edges = node._edges
        if edges == BOTH:
            x: Value = node._x
            if x._mark is not reached:
                stack.append(x)
            y: Value = node._y
            if y._mark is not reached:
                stack.append(y)
        elif edges == FIRST:
            x = node._x
            if x._mark is not reached:
                stack.append(x)
        elif edges == SECOND:
            y = node._y
            if y._mark is not reached:
                stack.append(y)
        elif edges >= IN_TUPLES:
            operands: tuple[Any, ...] = tuple(node._x)
            partials: tuple[float | None, ...] = node._y
            for operand, partial in zip(operands, partials):  # noqa: B905
                if partial is not None:
                    x = operand
                    if x._mark is not reached:
                        stack.append(x)
    return order, leaves


_new: Final = Value.__new__
