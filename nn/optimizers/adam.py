"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

from autograd import max, sqrt

from .base import Optimizer, Parameters, State
from .settings import positive


class Adam(Optimizer):
    """Adam: steps of about `lr` along the mean gradient, divided by its root mean square.

    ``m ← β₁ m + (1 - β₁) g`` and ``v ← β₂ v + (1 - β₂) g²`` are running means, ``m̂ = m / (1 - β₁ᵗ)`` and
    ``v̂ = v / (1 - β₂ᵗ)`` correct for their start at 0, and ``w ← w - lr · m̂ / (√v̂ + eps)`` [1]_. Arguments
    and defaults are those of PyTorch. t counts the steps of the optimizer, so a parameter without a gradient
    in the first steps is treated as if it had been 0; PyTorch counts for each parameter.

    Parameters
    ----------
    parameters : Module or iterable of Value
        A model, or the parameters to move.
    lr : float
        The learning rate.
    betas : (float, float)
        The fractions of the running means that are kept at each step, each at least 0 and less than 1.
    eps : float
        A positive number added to the root, without which a gradient of 0 in the first step would give 0/0.
    weight_decay : float
        The multiple of the parameter that is added to its gradient (D8); `AdamW` decays apart from it.
    amsgrad : bool
        Whether to divide by the largest v so far, with which Adam converges on more functions [2]_.
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
    .. [1] D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
    .. [2] S. J. Reddi, S. Kale and S. Kumar, "On the Convergence of Adam and Beyond", ICLR 2018, algorithm 2.

    Examples
    --------
    >>> from autograd import Value
    >>> w = Value(1.0)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (1000.0 * w * w).backward()
    >>> optimizer.step()
    >>> f"{w.data:.6f}"
    '0.900000'
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        if len(betas) != 2 or not all(0.0 <= beta < 1.0 for beta in betas):
            raise ValueError(f"expected betas to be two numbers of at least 0 and less than 1, got {betas!r}")
        self.betas = (float(betas[0]), float(betas[1]))
        self.eps = positive("eps", eps)
        self.amsgrad = amsgrad
        self.initial = (0.0,) * (3 if amsgrad else 2)
        super().__init__(parameters, lr, weight_decay=weight_decay, maximize=maximize)

    @property
    def varying(self) -> tuple[str, ...]:
        """The learning rate, and the fractions of the running means."""
        return ("lr", "betas")

    def update(self, parameter: Any, gradient: Any, state: State, step: Any) -> tuple[Any, State]:
        """Return the parameter after a step, and the running means of gradient and squared gradient."""
        descent = self.descent(parameter, gradient)
        beta1, beta2 = self.betas
        mean = beta1 * state[0] + (1.0 - beta1) * descent
        square = beta2 * state[1] + (1.0 - beta2) * (descent * descent)
        largest = max(state[2], square) if self.amsgrad else square
        # What all parameters share is grouped, so that a compiled step computes it once.
        rate = self.lr / (1.0 - beta1**step)
        scale = sqrt(1.0 - beta2**step)
        means = (mean, square, largest) if self.amsgrad else (mean, square)
        return parameter - rate * mean / (sqrt(largest) / scale + self.eps), means


class AdamW(Adam):
    """Adam with a weight decay that is apart from the gradient: w first shrinks by ``1 - lr · weight_decay``.

    In `Adam` the decay is divided by the root mean square, too, so that weights with large gradients hardly
    decay [1]_. Arguments and defaults are those of PyTorch.

    Parameters
    ----------
    parameters, lr, betas, eps, amsgrad, maximize
        As in `Adam`.
    weight_decay : float
        At least 0.

    Raises
    ------
    ValueError
        For no parameters, or a number out of range.
    TypeError
        For a parameter that is not a leaf `Value`.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.

    Examples
    --------
    >>> from autograd import Value
    >>> w = Value(1.0)
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (0.0 * w).backward()
    >>> optimizer.step()
    >>> w.data
    0.95
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

    def descent(self, parameter: Any, gradient: Any) -> Any:
        """Return the gradient, with the sign for `maximize`."""
        return -gradient if self.maximize else gradient

    def update(self, parameter: Any, gradient: Any, state: State, step: Any) -> tuple[Any, State]:
        """Return the parameter, decayed and after a step, and the running means."""
        return super().update(parameter * (1.0 - self.lr * self.weight_decay), gradient, state, step)
