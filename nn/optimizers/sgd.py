"""Gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd import Value

from .base import Optimizer, State


class SGD(Optimizer):
    """Gradient descent, ``w ← w - lr · v`` with ``v ← momentum · v + gradient`` (C11).

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to move.
    lr : float
        The learning rate, η of the notes.
    momentum : float
        The fraction of the last velocity that is kept, at least 0 and less than 1.

    Raises
    ------
    ValueError
        For no parameters, a learning rate that is not positive, or a momentum out of range.
    TypeError
        For a parameter that is not a leaf `Value`.

    Examples
    --------
    >>> w = Value(1.0)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data
    0.8
    """

    initial = (0.0,)

    def __init__(self, parameters: Iterable[Value], lr: float = 0.01, momentum: float = 0.0) -> None:
        super().__init__(parameters, lr)
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"expected momentum to be at least 0 and less than 1, got {momentum!r}")
        self.momentum = momentum

    def update(self, parameter: Any, gradient: Any, state: State, step: Any) -> tuple[Any, State]:
        """Return the parameter after a step along the velocity, and the velocity."""
        velocity = self.momentum * state[0] + gradient
        return parameter - self.lr * velocity, (velocity,)
