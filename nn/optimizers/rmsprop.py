"""RMSprop."""

from __future__ import annotations

from typing import Any

from autograd import relu, sqrt

from .base import Optimizer, Parameters, State
from .settings import fraction, is_zero, positive


class RMSprop(Optimizer):
    """RMSprop: steps divided by the root mean square of the last gradients [1]_.

    ``s ← alpha · s + (1 - alpha) g²`` and ``w ← w - lr · g / (√s + eps)``. With `centered` the running mean
    of the gradients, squared, is subtracted from s, which leaves their variance [2]_; with `momentum` the
    step goes along ``v ← momentum · v + g / (√s + eps)``. Arguments and defaults are those of PyTorch.

    Parameters
    ----------
    parameters : Module or iterable of Value
        A model, or the parameters to move.
    lr : float
        The learning rate.
    alpha : float
        The fraction of the running means that is kept at each step, at least 0 and less than 1.
    eps : float
        A positive number added to the root.
    weight_decay : float
        The multiple of the parameter that is added to its gradient (D8).
    momentum : float
        The fraction of the last velocity that is kept, at least 0 and less than 1.
    centered : bool
        Whether to divide by the standard deviation instead.
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
    .. [1] T. Tieleman and G. Hinton, "Lecture 6.5 - rmsprop", COURSERA: Neural Networks for Machine Learning,
       2012.
    .. [2] A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv:1308.0850.

    Examples
    --------
    >>> from autograd import Value
    >>> w = Value(1.0)
    >>> optimizer = RMSprop([w], lr=0.1, alpha=0.75)
    >>> (1000.0 * w * w).backward()
    >>> optimizer.step()
    >>> f"{w.data:.6f}"
    '0.800000'
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        self.alpha = fraction("alpha", alpha)
        self.eps = positive("eps", eps)
        self.momentum = fraction("momentum", momentum)
        self.centered = centered
        # The mean square; the mean, if centered; the velocity, if there is a momentum.
        self.initial = (0.0,) * (1 + bool(centered) + bool(momentum))
        super().__init__(parameters, lr, weight_decay=weight_decay, maximize=maximize)

    @property
    def varying(self) -> tuple[str, ...]:
        """The learning rate, and the momentum where there is one."""
        return ("lr",) if is_zero(self.momentum) else ("lr", "momentum")

    def update(self, parameter: Any, gradient: Any, state: State, step: Any) -> tuple[Any, State]:
        """Return the parameter after a step, and the running means and the velocity."""
        descent = self.descent(parameter, gradient)
        square = self.alpha * state[0] + (1.0 - self.alpha) * (descent * descent)
        means: State = (square,)
        variance = square
        if self.centered:
            mean = self.alpha * state[1] + (1.0 - self.alpha) * descent
            means = (square, mean)
            # Of gradients that stay equal the difference tends to 0, and rounding makes it negative.
            variance = relu(square - mean * mean)
        along = descent / (sqrt(variance) + self.eps)
        if is_zero(self.momentum):
            return parameter - self.lr * along, means + state[len(means) :]
        # Where the momentum has been 0 until now, there is no velocity yet.
        last = state[len(means)] if len(state) > len(means) else 0.0
        velocity = self.momentum * last + along
        return parameter - self.lr * velocity, (*means, velocity)
