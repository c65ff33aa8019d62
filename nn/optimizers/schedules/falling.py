"""Schedules that multiply the learning rate by a factor now and then."""

from __future__ import annotations

from collections.abc import Iterable

from ..base import Optimizer
from .base import LRScheduler, Per


class StepLR(LRScheduler):
    """Multiply the learning rate by `gamma` after each `step_size` steps.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    step_size : int
        The number of steps between two changes.
    gamma : float
        The factor.
    per : "epoch" or "batch"
        When to step.

    Raises
    ------
    ValueError
        For a `step_size` below 1.

    Examples
    --------
    >>> from autograd import Value
    >>> from nn.optimizers import SGD
    >>> sgd = SGD([Value(0.0)], lr=1.0)
    >>> schedule = StepLR(sgd, step_size=2, gamma=0.5)
    >>> for _ in range(4):
    ...     schedule.step()
    >>> sgd.lr
    0.25
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, *, per: Per = "epoch"
    ) -> None:
        if step_size < 1:
            raise ValueError(f"expected step_size to be at least 1, got {step_size!r}")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, per=per)

    def next_lr(self) -> float:
        """Return the learning rate from now on."""
        is_due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self.optimizer.lr * self.gamma if is_due else self.optimizer.lr


class MultiStepLR(LRScheduler):
    """Multiply the learning rate by `gamma` at certain steps.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    milestones : iterable of int
        The numbers of these steps; one that is given twice counts twice.
    gamma : float
        The factor.
    per : "epoch" or "batch"
        When to step.

    Examples
    --------
    >>> from autograd import Value
    >>> from nn.optimizers import SGD
    >>> sgd = SGD([Value(0.0)], lr=1.0)
    >>> schedule = MultiStepLR(sgd, milestones=[1, 3], gamma=0.5)
    >>> for _ in range(4):
    ...     schedule.step()
    >>> sgd.lr
    0.25
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, *, per: Per = "epoch"
    ) -> None:
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, per=per)

    def next_lr(self) -> float:
        """Return the learning rate from now on."""
        return float(self.optimizer.lr * self.gamma ** self.milestones.count(self.last_epoch))


class ExponentialLR(LRScheduler):
    """Multiply the learning rate by `gamma` at each step.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    gamma : float
        The factor.
    per : "epoch" or "batch"
        When to step.

    Examples
    --------
    >>> from autograd import Value
    >>> from nn.optimizers import SGD
    >>> sgd = SGD([Value(0.0)], lr=1.0)
    >>> schedule = ExponentialLR(sgd, gamma=0.5)
    >>> schedule.step()
    >>> sgd.lr
    0.5
    """

    def __init__(self, optimizer: Optimizer, gamma: float, *, per: Per = "epoch") -> None:
        self.gamma = gamma
        super().__init__(optimizer, per=per)

    def next_lr(self) -> float:
        """Return the learning rate from now on."""
        return self.optimizer.lr * self.gamma if self.last_epoch else self.optimizer.lr
