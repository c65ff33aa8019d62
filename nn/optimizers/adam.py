"""Adam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd import Value, sqrt

from .base import Optimizer, State


class Adam(Optimizer):
    """Adam: steps of about `lr` along the mean gradient, divided by its root mean square.

    ``m ← β₁ m + (1 - β₁) g`` and ``v ← β₂ v + (1 - β₂) g²`` are running means, ``m̂ = m / (1 - β₁ᵗ)`` and
    ``v̂ = v / (1 - β₂ᵗ)`` correct for their start at 0, and ``w ← w - lr · m̂ / (√v̂ + eps)`` [1]_. With
    `weight_decay`, w first shrinks by the factor ``1 - lr · weight_decay``, apart from the gradient [2]_. The
    defaults are those of the paper and of PyTorch. t counts the steps of the optimizer, so a parameter
    without a gradient in the first steps is treated as if it had been 0; PyTorch counts for each parameter.

    Parameters
    ----------
    parameters : iterable of Value
        The parameters to move.
    lr : float
        The learning rate.
    betas : (float, float)
        The fractions of the running means that are kept at each step, each at least 0 and less than 1.
    eps : float
        A positive number added to the root, without which a gradient of 0 in the first step would give 0/0.
    weight_decay : float
        The weight decay of AdamW, at least 0.

    Raises
    ------
    ValueError
        For no parameters, or a number out of range.
    TypeError
        For a parameter that is not a leaf `Value`.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
    .. [2] I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.

    Examples
    --------
    >>> w = Value(1.0)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (1000.0 * w * w).backward()
    >>> optimizer.step()
    >>> f"{w.data:.6f}"
    '0.900000'
    """

    initial = (0.0, 0.0)

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        if len(betas) != 2 or not all(0.0 <= beta < 1.0 for beta in betas):
            raise ValueError(f"expected betas to be two numbers of at least 0 and less than 1, got {betas!r}")
        if not eps > 0.0:
            raise ValueError(f"expected eps to be positive, got {eps!r}")
        if not weight_decay >= 0.0:
            raise ValueError(f"expected weight_decay to be at least 0, got {weight_decay!r}")
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay

    def update(self, parameter: Any, gradient: Any, state: State, step: Any) -> tuple[Any, State]:
        """Return the parameter after a step, and the running means of gradient and squared gradient."""
        beta1, beta2 = self.betas
        mean = beta1 * state[0] + (1.0 - beta1) * gradient
        square = beta2 * state[1] + (1.0 - beta2) * (gradient * gradient)
        # What all parameters share is grouped, so that a compiled step computes it once.
        rate = self.lr / (1.0 - beta1**step)
        scale = sqrt(1.0 - beta2**step)
        kept = parameter * (1.0 - self.lr * self.weight_decay)
        return kept - rate * mean / (sqrt(square) / scale + self.eps), (mean, square)
