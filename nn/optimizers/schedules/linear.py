"""Linear schedules, such as a warm-up."""

from __future__ import annotations

from ..base import Optimizer
from .base import LRScheduler, Per


class LinearLR(LRScheduler):
    """Multiply the learning rate by a factor that changes linearly: a warm-up, by default over five steps.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    start_factor : float
        The factor at first, greater than 0 and at most 1.
    end_factor : float
        The factor in the end, from 0 to 1.
    total_iters : int
        The number of steps between both.
    per : "epoch" or "batch"
        When to step.

    Raises
    ------
    ValueError
        For a factor out of range, or fewer than one step.

    Examples
    --------
    >>> from autograd import Value
    >>> from nn.optimizers import SGD
    >>> sgd = SGD([Value(0.0)], lr=1.0)
    >>> schedule = LinearLR(sgd, start_factor=0.5, total_iters=4)
    >>> schedule.step()
    >>> sgd.lr
    0.625
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3.0,
        end_factor: float = 1.0,
        total_iters: int = 5,
        *,
        per: Per = "epoch",
    ) -> None:
        if not 0.0 < start_factor <= 1.0:
            raise ValueError(
                f"expected start_factor to be greater than 0 and at most 1, got {start_factor!r}"
            )
        if not 0.0 <= end_factor <= 1.0:
            raise ValueError(f"expected end_factor to be from 0 to 1, got {end_factor!r}")
        if total_iters < 1:
            raise ValueError(f"expected total_iters to be at least 1, got {total_iters!r}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, per=per)

    def next_lr(self) -> float:
        """Return the learning rate from now on."""
        step, lr = self.last_epoch, self.optimizer.lr
        if step == 0:
            return lr * self.start_factor
        if step > self.total_iters:
            return lr
        rise = self.end_factor - self.start_factor
        return lr * (1.0 + rise / (self.total_iters * self.start_factor + (step - 1) * rise))
