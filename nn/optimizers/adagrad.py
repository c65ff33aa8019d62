"""Adagrad."""

from __future__ import annotations

from typing import Any

from autograd import sqrt

from .base import Optimizer, Parameters, State
from .settings import at_least_zero, positive


class Adagrad(Optimizer):
    """Adagrad: steps divided by the root of the sum of all squared gradients so far [1]_.

    ``s ← s + g²`` and ``w ← w - lr / (1 + (t - 1) · lr_decay) · g / (√s + eps)`` at step t. Arguments and
    defaults are those of PyTorch.

    Parameters
    ----------
    parameters : Module or iterable of Value
        A model, or the parameters to move.
    lr : float
        The learning rate.
    lr_decay : float
        How fast the learning rate falls, at least 0.
    weight_decay : float
        The multiple of the parameter that is added to its gradient (D8).
    initial_accumulator_value : float
        The sum before the first step, at least 0.
    eps : float
        A positive number added to the root, without which a gradient of 0 in the first step would give 0/0.
    maximize : bool
        Whether to go up.

    Raises
    ------
    ValueError
        For no parameters, or a number out of range.
    TypeError
        For a parameter that is not a leaf `Value`.

    References
    ----------
    .. [1] J. Duchi, E. Hazan and Y. Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
       Optimization", JMLR 12, 2011.

    Examples
    --------
    >>> from autograd import Value
    >>> w = Value(1.0)
    >>> optimizer = Adagrad([w], lr=0.1)
    >>> (1000.0 * w * w).backward()
    >>> optimizer.step()
    >>> f"{w.data:.6f}"
    '0.900000'
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        self.lr_decay = at_least_zero("lr_decay", lr_decay)
        self.initial_accumulator_value = at_least_zero("initial_accumulator_value", initial_accumulator_value)
        self.eps = positive("eps", eps)
        self.initial = (self.initial_accumulator_value,)
        super().__init__(parameters, lr, weight_decay=weight_decay, maximize=maximize)

    def update(self, parameter: Any, gradient: Any, state: State, step: Any) -> tuple[Any, State]:
        """Return the parameter after a step, and the sum of its squared gradients."""
        descent = self.descent(parameter, gradient)
        total = state[0] + descent * descent
        rate = self.lr / (1.0 + (step - 1.0) * self.lr_decay)
        return parameter - rate * descent / (sqrt(total) + self.eps), (total,)
