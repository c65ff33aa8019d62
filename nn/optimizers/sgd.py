"""Gradient descent."""

from __future__ import annotations

from typing import Any

from .base import Optimizer, Parameters, State
from .settings import fraction, is_zero


class SGD(Optimizer):
    """Gradient descent, ``w ← w - lr · v`` with ``v ← momentum · v + (1 - dampening) · gradient`` (C11).

    The first v is the gradient. With `nesterov` the step goes along ``gradient + momentum · v`` [1]_.
    Arguments and defaults are those of PyTorch.

    Parameters
    ----------
    parameters : Module or iterable of Value
        A model, or the parameters to move.
    lr : float
        The learning rate, η of the notes.
    momentum : float
        The fraction of the last velocity that is kept, at least 0 and less than 1.
    dampening : float
        The fraction of the gradient that does not enter the velocity.
    weight_decay : float
        The multiple of the parameter that is added to its gradient (D8).
    nesterov : bool
        Whether to step along the gradient and the velocity to come.
    maximize : bool
        Whether to go up.

    Raises
    ------
    ValueError
        For no parameters, a learning rate that is not positive, a number out of range, or `nesterov` without
        momentum or with dampening.
    TypeError
        For a parameter that is not a leaf `Value`.

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and momentum
       in deep learning", ICML 2013.

    Examples
    --------
    >>> from autograd import Value
    >>> w = Value(1.0)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data
    0.8
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 0.001,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        self.momentum = fraction("momentum", momentum)
        self.dampening = float(dampening)
        self.nesterov = nesterov
        if nesterov and (not momentum or dampening):
            raise ValueError(
                f"expected nesterov with a momentum and without dampening, got {momentum=} and {dampening=}"
            )
        if momentum:
            # The second number says whether there was a step before: the first velocity is not dampened.
            self.initial = (0.0, 0.0) if dampening else (0.0,)
        super().__init__(parameters, lr, weight_decay=weight_decay, maximize=maximize)

    @property
    def varying(self) -> tuple[str, ...]:
        """The learning rate, and the momentum where there is one."""
        return ("lr",) if is_zero(self.momentum) else ("lr", "momentum")

    def update(self, parameter: Any, gradient: Any, state: State, step: Any) -> tuple[Any, State]:
        """Return the parameter after a step along the velocity, and the velocity."""
        descent = self.descent(parameter, gradient)
        if is_zero(self.momentum):
            return parameter - self.lr * descent, state
        velocity, *was_moved = state or self._at_rest()
        entering = (1.0 - self.dampening * was_moved[0]) * descent if was_moved else descent
        velocity = self.momentum * velocity + entering
        along = descent + self.momentum * velocity if self.nesterov else velocity
        return parameter - self.lr * along, (velocity, *(1.0 for _ in was_moved))

    def _at_rest(self) -> State:
        """Return the state before the first step with momentum, which may have been 0 until now."""
        return (0.0, 0.0) if self.dampening else (0.0,)
