"""Cosine annealing."""

from __future__ import annotations

from math import cos, pi

from ..base import Optimizer
from .base import LRScheduler, Per


class CosineAnnealingLR(LRScheduler):
    """Lower the learning rate along half a cosine: ``eta_min + (lr - eta_min) (1 + cos(π t / T_max)) / 2``.

    After `T_max` steps it rises again [1]_.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    T_max : int
        The number of steps to the lowest learning rate.
    eta_min : float
        The lowest learning rate.
    per : "epoch" or "batch"
        When to step.

    Raises
    ------
    ValueError
        For a `T_max` below 1.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.

    Examples
    --------
    >>> from autograd import Value
    >>> from nn.optimizers import SGD
    >>> sgd = SGD([Value(0.0)], lr=1.0)
    >>> schedule = CosineAnnealingLR(sgd, T_max=4)
    >>> schedule.step()
    >>> f"{sgd.lr:.4f}"
    '0.8536'
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,  # noqa: N803, PyTorch's name
        eta_min: float = 0.0,
        *,
        per: Per = "epoch",
    ) -> None:
        if T_max < 1:
            raise ValueError(f"expected T_max to be at least 1, got {T_max!r}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, per=per)

    def next_lr(self) -> float:
        """Return the learning rate from now on."""
        step, lr = self.last_epoch, self.optimizer.lr
        if step == 0:
            return lr
        before, now = (1.0 + cos(pi * t / self.T_max) for t in (step - 1, step))
        if (step - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The step before was at the lowest learning rate, which has no ratio to this one.
            return lr + (self.base_lr - self.eta_min) * now / 2.0
        return self.eta_min + (lr - self.eta_min) * now / before
