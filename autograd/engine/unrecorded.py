"""`no_grad`: results of which nobody wants a derivative, as plain leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import isfinite
from typing import Any

from ..ops.structural import Structural
from ..ops.table import CONSTANTS
from .description import IN_TUPLES, UNNAMED
from .gradients import NOT_YET
from .levels import FIRST_OF_TRACES, Scope, highest_open, open_levels, open_scopes
from .nonfinite import examine, is_watching

_is_off: ContextVar[bool] = ContextVar("no_grad", default=False)

is_off = _is_off.get
"""Whether this thread or task is inside of `no_grad`, without a call of Python's."""

_CONSTANT = CONSTANTS["constant"]


@contextmanager
def no_grad() -> Iterator[None]:
    """Record no graph: what operations give is a leaf, so that no memory is kept and no derivative flows.

    For the thread (or asyncio task) that opened it, inside of the ``with`` block or the decorated function,
    as in PyTorch. In a function that is differentiated or compiled, what the block computes is a constant
    of the derivative, as by `autograd.stop_gradient`; and the other way round, `autograd.grad` and its kin
    differentiate as ever where they are called inside of the block.

    Examples
    --------
    >>> from autograd import Value, grad
    >>> w = Value(3.0)
    >>> with no_grad():
    ...     y = w * w
    >>> y, y.is_leaf
    (Value(9.0), True)
    >>> @no_grad()
    ... def square(x):
    ...     return x * x
    >>> grad(lambda x: x * square(x))(3.0)
    9.0
    """
    context, before = Scope(), is_off()
    try:
        open_scopes.add(context)
        _is_off.set(True)
        yield
    finally:
        # Each of these calls may end in a KeyboardInterrupt; so could one that returned a token for `reset`.
        try:
            _is_off.set(before)
        finally:
            open_scopes.discard(context)


@contextmanager
def recording() -> Iterator[None]:
    """Record graphs again: what a derivative or a trace inside of `no_grad` needs.

    Examples
    --------
    >>> from autograd import Value
    >>> with no_grad(), recording():
    ...     Value(3.0) * 2.0
    Value(6.0, op='*')
    """
    before = is_off()
    try:
        _is_off.set(False)
        yield
    finally:
        _is_off.set(before)


def examined(node: Any, out: float) -> Any:
    """Return a new node, after looking at a number that is not finite, and without its graph in `no_grad`.

    Parameters
    ----------
    node : Value
        A node that nobody else has.
    out : float
        Its number.

    Examples
    --------
    >>> from autograd import Value
    >>> examined(Value(3.0) * 2.0, 6.0)
    Value(6.0, op='*')
    """
    if not isfinite(out) or is_watching():
        node.source = examine(node.op, node.args, out)
    return unrecorded(node) if is_off() else node


def unrecorded(node: Any) -> Any:
    """Return a new node without its graph, or as a constant of the derivatives and traces in progress.

    Parameters
    ----------
    node : Value
        A node that nobody else has.

    Returns
    -------
    Value
        The node itself as a leaf. A node that a derivative or a trace in progress depends on keeps its
        graph, since its number may not be known yet, and no derivative flows through what is returned.

    Examples
    --------
    >>> from autograd import Value
    >>> unrecorded(Value(3.0) * 2.0)
    Value(6.0)
    """
    if isinstance(node.op, Structural) and not node.op.computes:
        return node
    # Of the nodes of a trace, those of a batch have levels that no scope knows.
    level = node._level
    if level >= FIRST_OF_TRACES or (level and highest_open([node], open_levels(), is_any=True)):
        if all(partial is None for partial in node.partials):
            return node
        return node._record(_CONSTANT, node._data, (node,), (None,), 0.0, 0.0, IN_TUPLES)
    node.op = node._x = node._y = None
    node._dx = node._dy = 0.0
    node._edges = node._level = 0
    node._about, node._grad = UNNAMED, NOT_YET
    return node
