"""The node of a graph, and the sweep that applies the chain rule backward through it.

A node holds its value, the operation that made it, the operands, and the partial derivative of its
value with respect to each operand, worked out when the node was made. `Node.backward` visits each node
after all of its consumers; there it multiplies the adjoint by each partial and adds the product to the
operand's adjoint, which is the total-derivative rule: a sum over the uses.

A sweep may end anywhere, by Ctrl-C or for want of memory, and needs no cleaning up. It marks the nodes
with objects of its own, which mean nothing to the next sweep, and gives the leaves their gradients last
and all at once.

The operators that make nodes are in `autograd.engine.value`.
"""

from __future__ import annotations

import math
import operator
import os
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import repeat
from numbers import Real
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ops.table import Op
from . import nonfinite
from .levels import LostGradientError, highest_open, is_variable, open_levels
from .tracing import TracedValueError
from .user_line import Line, user_line

if TYPE_CHECKING:
    from .value import Value

_ARRAYS = (list, tuple, np.ndarray)

# How long an expression `str` gives: one line of a terminal.
_MAX_TERMS = 40

NOT_YET = float("0.0")
"""The gradient of a node that no sweep has reached: 0.0, told from other zeros by its identity."""

UNNAMED: tuple[str, Line | None] = ("", None)
"""The label and the source of most nodes."""

_grad_of = operator.attrgetter("grad")

# Marks and adjoints live in the nodes, which two threads may share.
sweep_lock = RLock()


def _free_lock() -> None:
    """Free the lock in the child of a fork, where the thread that may have held it does not exist."""
    if not _is_sweeping():
        sweep_lock._at_fork_reinit()  # type: ignore[attr-defined]


def _is_sweeping() -> bool:
    """Return whether this thread is in a sweep, which a signal handler or a `__del__` interrupted."""
    return sweep_lock._is_owned()  # type: ignore[attr-defined, no-any-return]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_lock)


class Node:
    """A number in a graph of operations. Users make `autograd.Value`, which adds the operators."""

    # One object a node for the cyclic collector to visit, and no cycles: a tuple of operands and one
    # of partials double the time of a training step. So unary and binary nodes have a slot each;
    # a node of more operands holds a tuple in `_x` and one in `_dx`. The partial of a constant is None.
    # The label and the line of the source share one, since few nodes have either.
    __slots__ = (
        "__weakref__",
        "_about",
        "_adjoint",
        "_data",
        "_dx",
        "_dy",
        "_level",
        "_x",
        "_y",
        "grad",
        "op",
    )

    _data: float
    _x: Any
    _y: Any
    _dx: Any
    _dy: float | None
    _adjoint: Any
    _about: tuple[str, Line | None]
    _level: int
    grad: Any
    op: Op | None

    def __init__(self, data: Real | float, label: str = "") -> None:
        self._data = data if data.__class__ is float else checked_number(data)
        self._about = UNNAMED
        if label != "":
            self.label = label
        self.op = self._x = self._y = self._dx = self._dy = self._adjoint = None
        self._level = 0
        self.grad = NOT_YET

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
        return self._known("v.data") if self._level else self._data

    @data.setter
    def data(self, data: Real | float) -> None:
        if self.op is not None:
            raise AttributeError(
                f"{self!r} is the result of an operation and cannot be assigned to; "
                "assign to the data of a leaf and build the expression again"
            )
        self._data = data if data.__class__ is float else checked_number(data)

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
        """The line of the user's program that made the node, where nan or inf arose or in anomaly mode."""
        return self._about[1]

    @source.setter
    def source(self, source: Line | None) -> None:
        self._about = (self._about[0], source)

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

    # ------------------------------------------------------------------- as micrograd and PyTorch name it

    @property
    def _prev(self) -> set[Value]:
        """The operands that are nodes, as a set: micrograd's name."""
        return {arg for arg in self.args if isinstance(arg, Node)}

    @property
    def _op(self) -> str:
        """The symbol or the name of the operation; empty for a leaf: micrograd's name."""
        return "" if self.op is None else self.op.symbol or self.op.name

    @property
    def is_leaf(self) -> bool:
        """Whether no operation made the node: PyTorch's name."""
        return self.op is None

    def item(self) -> float:
        """Return the value, as ``data``: PyTorch's name.

        Examples
        --------
        >>> from autograd import Value
        >>> Value(2.0).item()
        2.0
        """
        return self.data

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
        TracedValueError, LostGradientError
            In a function that is being compiled or differentiated, where `autograd.grad` has to be used.

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
        if self._level and not create_graph:
            self._plain("v.backward()")
        seed = checked_number(gradient)
        if create_graph or _is_sweeping():
            from ..transforms.sweeps import accumulate

            accumulate(self, seed, create_graph)  # type: ignore[arg-type]
        else:
            with sweep_lock:
                order, leaves = _sweep(self, seed)
                if nonfinite.is_watching():
                    for node in order + leaves:
                        nonfinite.examine_adjoint(node, node._adjoint, node.partials)
                adjoints = [leaf._adjoint for leaf in leaves]
                for leaf in leaves:
                    leaf._adjoint = None
                add_to_gradients(leaves, adjoints)

    # ------------------------------------------------------------------------------ like other numbers

    def __float__(self) -> float:
        return self._plain("float(v)") if self._level else self._data

    def __int__(self) -> int:
        return int(self._plain("int(v)"))

    def __round__(self, digits: int | None = None) -> float:
        return round(self._plain("round(v)"), digits)

    def __bool__(self) -> bool:
        return (self._known("if v") if self._level else self._data) != 0.0

    def _known(self, asked_by: str) -> float:
        """Return the number, unless it follows from an input of a program that is being traced."""
        if self._level and highest_open([self], open_levels(traces=True)):
            raise TracedValueError(
                f"{asked_by} asks for a number that is not known while the function is traced, at "
                f"{user_line()}; choose with where(condition, x, y), max or min, loop a fixed number of "
                "times, take the functions of autograd or NumPy for math's, np.stack for np.array([v, ...]), "
                "and grad for backward()"
            )
        return self._data

    def _plain(self, asked_by: str) -> float:
        """Return the number, unless the derivative of what is made of it would be lost."""
        number = self._known(asked_by)
        if self._level and highest_open([self], open_levels(traces=False), by_derivative=True):
            raise LostGradientError(
                f"{asked_by} makes a plain number of what is being differentiated, at {user_line()}, so that "
                "its derivative would be lost; take the functions of autograd or NumPy for math's, "
                "where(condition, x, y), an array of objects for results, grad for backward(), or v.data "
                "for the number on purpose"
            )
        return number

    # ----------------------------------------------------------- what lower layers do for a node

    def steps(self, gradient: float = 1.0) -> Any:
        """Return what a backward from this node does, step by step; see `autograd.steps`."""
        from ..show.text.sweep_steps import steps

        return steps(self, gradient)  # type: ignore[arg-type]

    def explain(self, x: Value, **options: Any) -> Any:
        """Work out the derivative of this node by another on paper; see `autograd.explain`."""
        from ..show import explain

        return explain(self, x, **options)  # type: ignore[arg-type]

    def draw(self, **options: Any) -> Any:
        """Draw the graph that leads to this node; see `autograd.draw`."""
        from ..show import draw

        return draw(self, **options)  # type: ignore[arg-type]

    def __copy__(self) -> Any:
        from .graph_copies import shallow_copy

        if is_variable(self):
            self._plain("copy.copy(v)")
        return shallow_copy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        from .graph_copies import deep_copy

        if self._level:
            self._plain("copy.deepcopy(v)")
        return deep_copy(self, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        from .graph_copies import reduced

        if self._level:
            self._plain("pickle.dumps(v)")
        return reduced(self) if type(self).__reduce__ is object.__reduce__ else self.__reduce__()

    # ----------------------------------------------------------------------------------------- shown

    def __repr__(self) -> str:
        parts = [f"{self._data!r}"]
        if self.label:
            parts.append(f"label={self.label!r}")
        if self.op is not None:
            parts.append(f"op={self.op.symbol or self.op.name!r}")
        if has_gradient(self):
            parts.append(f"grad={float(self.grad)!r}")
        return f"Value({', '.join(parts)})"

    def __str__(self) -> str:
        """Return the expression that the node stands for; the repr of a leaf, or where it is a long one."""
        from ..show.text.formulas import TooLongError, expression

        try:
            return repr(self) if self.op is None else expression(self, max_terms=_MAX_TERMS)  # type: ignore[arg-type]
        except TooLongError:
            return repr(self)

    def __format__(self, spec: str) -> str:
        return format(self._known("format(v)"), spec) if spec else str(self)


def _sweep(root: Node, seed: float) -> tuple[list[Node], list[Node]]:
    """Leave in each node its adjoint; return the results, each after its consumers, and the leaves."""
    # A new object: nodes that hold it are those that this sweep has reached, whatever others left there.
    zero = float("0.0")
    order, leaves = _reach(root, zero)
    order.reverse()
    root._adjoint = seed
    for node in order:
        adjoint = node._adjoint
        node.grad = adjoint
        dx = node._dx
        if dx.__class__ is tuple:
            # `record` has made partials as many as operands: to ask zip to be strict takes 1 ms of 29 ms.
            for operand, partial in zip(node._x, dx):  # noqa: B905
                if partial is not None:
                    operand._adjoint += adjoint * partial
            continue
        if dx is not None:
            node._x._adjoint += adjoint * dx
        dy = node._dy
        if dy is not None:
            node._y._adjoint += adjoint * dy
    return order, leaves


def _reach(root: Node, reached: object) -> tuple[list[Node], list[Node]]:
    """Mark the nodes that a result depends on; return the results, each after its operands, and the leaves.

    Depth first, with a stack of nodes instead of recursion: a result is taken when the stack comes back to
    it. That takes half of the time of counting the uses of each node first.
    """
    entered = object()
    order: list[Node] = []
    leaves: list[Node] = []
    stack = [root]
    push, pop, take = stack.append, stack.pop, order.append
    while stack:
        node = stack[-1]
        mark = node._adjoint
        if mark is entered:
            node._adjoint = reached
            take(pop())
            continue
        if mark is reached:
            pop()
            continue
        if node.op is None:
            node._adjoint = reached
            leaves.append(pop())
            continue
        node._adjoint = entered
        dx = node._dx
        if dx.__class__ is tuple:
            for operand, partial in zip(node._x, dx):  # noqa: B905
                if partial is not None and operand._adjoint is not reached:
                    push(operand)
            continue
        if dx is not None:
            operand = node._x
            if operand._adjoint is not reached:
                push(operand)
        if node._dy is not None:
            operand = node._y
            if operand._adjoint is not reached:
                push(operand)
    return order, leaves


def add_to_gradients(leaves: Sequence[Node], adjoints: Sequence[Any]) -> None:
    """Add to the gradients of leaves: to all or, where something interrupts, to none of them.

    The caller holds `sweep_lock`.

    Parameters
    ----------
    leaves : sequence of Value
        The leaves, each once.
    adjoints : sequence of Value or float
        What to add to each.

    Examples
    --------
    >>> from autograd import Value
    >>> x = Value(2.0)
    >>> add_to_gradients([x], [0.5])
    >>> add_to_gradients([x], [0.5])
    >>> x.grad
    1.0
    """
    before, assignments = _additions(leaves, adjoints)
    # Again where a signal handler has added something: Python looks at signals after calls, so not between
    # this comparison and the end of the call that assigns.
    while [*map(_grad_of, leaves)] != before:
        before, assignments = _additions(leaves, adjoints)
    deque(assignments, maxlen=0)


def _additions(leaves: Sequence[Node], adjoints: Sequence[Any]) -> tuple[list[Any], Iterator[None]]:
    """Return the gradients of leaves, and what assigns the sums when it is consumed."""
    before = list(map(_grad_of, leaves))
    pairs = zip(before, adjoints, strict=True)
    sums = [adjoint if grad is NOT_YET or grad is None else adjoint + grad for grad, adjoint in pairs]
    return before, map(setattr, leaves, repeat("grad"), sums)


def has_gradient(node: Node) -> bool:
    """Return whether a node has a gradient, if of 0: from a sweep that reached it, or assigned.

    Examples
    --------
    >>> from autograd import Value
    >>> x, y = Value(1.0), Value(2.0)
    >>> (x * 0.0).backward()
    >>> x.grad, has_gradient(x), y.grad, has_gradient(y)
    (0.0, True, 0.0, False)
    """
    return node.grad is not NOT_YET and node.grad is not None


def checked_number(data: object) -> float:
    """Return a real number as a float, or say what is wrong with it.

    Examples
    --------
    >>> checked_number(2)
    2.0
    """
    if isinstance(data, Node):
        raise TypeError(f"expected a number, got {data!r}; use it as it is, or its .data")
    if isinstance(data, Real | np.bool_):
        return float(data)
    if isinstance(data, np.ndarray) and data.ndim == 0 and data.dtype.kind in "fiu":
        return float(data)
    hint = "; for an array of Values use as_values(array)" if isinstance(data, _ARRAYS) else ""
    raise TypeError(f"expected a real number, got {data!r} ({type(data).__name__}){hint}")


def nearest_float(number: Any) -> float:
    """Return a real number as a float, which is inf for what is too large for one.

    Examples
    --------
    >>> nearest_float(-(10**400))
    -inf
    """
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
