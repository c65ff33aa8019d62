"""The gradients of leaves: whether there is one, and adding to all of them at once."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, Final

# An object to mypyc: what it knows to be a float is a number without identity.
_as_object: Final[Any] = float

NOT_YET: Final[Any] = _as_object("0.0")
"""The gradient of a node that no sweep has reached: 0.0, told from other zeros by its identity."""

OF_THE_SWEEP: Final = object()
"""In the place of the gradient of a result: it is the adjoint of the last sweep."""

_grad_of = operator.attrgetter("_grad")


def has_gradient(node: Any) -> bool:
    """Return whether a `Value` has a gradient, which may be 0: from a sweep that reached it, or assigned.

    Its ``grad`` is 0.0 before as well; an optimizer leaves a parameter alone that has none.

    Parameters
    ----------
    node : Value
        Such as a parameter.

    Returns
    -------
    bool
        False until a `Value.backward` reaches it, and after ``grad`` was set to None.

    Examples
    --------
    >>> from autograd import Value
    >>> x, y = Value(1.0), Value(2.0)
    >>> (x * 0.0).backward()
    >>> x.grad, has_gradient(x), y.grad, has_gradient(y)
    (0.0, True, 0.0, False)
    """
    grad = node.grad
    return grad is not NOT_YET and grad is not None


def add_to_gradients(leaves: Sequence[Any], adjoints: Sequence[Any]) -> None:
    """Add to the gradients of leaves: to all of them or, if an exception interrupts, to none.

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
    # Repeated where a signal handler has added something meanwhile. Python runs signal handlers only after
    # calls, so none runs between this comparison and the end of the call that assigns.
    while [*map(_grad_of, leaves)] != before:
        before, assignments = _additions(leaves, adjoints)
    deque(assignments, maxlen=0)


def add_by_rule(node: Any) -> None:
    """Add to the adjoints of operands what the operation of a node lets flow back.

    Examples
    --------
    >>> from autograd import Value, custom_vjp
    >>> f = custom_vjp(lambda x: x)
    >>> f.defvjp(lambda x: (x, None), lambda _, adjoint: (min(adjoint, 1.0),))
    >>> x = Value(2.0)
    >>> f(x).backward(7.0)
    >>> x.grad
    1.0
    """
    for operand, flow in zip(node.args, node.op.flows(node, node._adjoint), strict=True):
        if flow is not None:
            operand._adjoint += flow


def _additions(leaves: Sequence[Any], adjoints: Sequence[Any]) -> tuple[list[Any], Iterator[None]]:
    """Return the gradients of leaves, and an iterator that assigns the sums as it is consumed."""
    before = list(map(_grad_of, leaves))
    pairs = zip(before, adjoints, strict=True)
    sums = [adjoint if grad is NOT_YET or grad is None else adjoint + grad for grad, adjoint in pairs]
    return before, map(setattr, leaves, repeat("_grad"), sums)
