"""`ReduceLROnPlateau`: a schedule that waits for a number to get better."""

from __future__ import annotations

from math import inf
from typing import Any, Literal

from ..base import Optimizer
from .base import LRScheduler, Per


class ReduceLROnPlateau(LRScheduler):
    """Multiply the learning rate by `factor` when a number has not got better for more than `patience` steps.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    mode : "min" or "max"
        Whether lower or higher numbers are better.
    factor : float
        The factor, less than 1.
    patience : int
        The number of steps without a better number that are tolerated.
    threshold : float
        How much better a number has to be.
    threshold_mode : "rel" or "abs"
        Whether the threshold is a fraction of the best number.
    cooldown : int
        The number of steps after a change that do not count.
    min_lr : float
        The lowest learning rate.
    eps : float
        Changes smaller than this are left out.
    per : "epoch" or "batch"
        When to step.

    Raises
    ------
    ValueError
        For an unknown mode, or a factor that is not less than 1.

    Examples
    --------
    >>> from autograd import Value
    >>> from nn.optimizers import SGD
    >>> sgd = SGD([Value(0.0)], lr=1.0)
    >>> schedule = ReduceLROnPlateau(sgd, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     schedule.step(loss)
    >>> sgd.lr
    0.5
    """

    needs_metric = True

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
        *,
        per: Per = "epoch",
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f'expected mode to be "min" or "max", got {mode!r}')
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f'expected threshold_mode to be "rel" or "abs", got {threshold_mode!r}')
        if not factor < 1.0:
            raise ValueError(f"expected factor to be less than 1, got {factor!r}")
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.min_lr, self.eps = cooldown, min_lr, eps
        self.best = inf if mode == "min" else -inf
        self.cooldown_counter = self.num_bad_epochs = 0
        super().__init__(optimizer, per=per)

    def next_lr(self) -> float:
        """Return the learning rate, lowered if there were too many bad steps."""
        lr = self.optimizer.lr
        if self.num_bad_epochs <= self.patience:
            return lr
        self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        lowered = max(lr * self.factor, self.min_lr)
        return lowered if lr - lowered > self.eps else lr

    def step(self, metrics: Any = None) -> None:
        """Set the learning rate for the next epoch or batch.

        Parameters
        ----------
        metrics : float or Value
            The number that is to get better, such as the held-out loss.

        Raises
        ------
        TypeError
            Without a number.
        """
        if metrics is None:
            raise TypeError("ReduceLROnPlateau.step needs the number that is to get better, such as a loss")
        number = float(metrics)
        if self._is_better(number):
            self.best, self.num_bad_epochs = number, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        super().step()

    def _is_better(self, number: float) -> bool:
        sign = 1.0 if self.mode == "max" else -1.0
        if self.threshold_mode == "rel":
            return sign * number > sign * (self.best * (1.0 + sign * self.threshold))
        return sign * number > sign * (self.best + sign * self.threshold)
