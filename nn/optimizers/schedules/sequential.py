"""`SequentialLR`: one schedule after another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ..base import Optimizer
from .base import LRScheduler, Per


class SequentialLR(LRScheduler):
    """One schedule after another, such as a warm-up before a cosine.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer.
    schedulers : sequence of LRScheduler
        The schedules. Each begins from the initial learning rate.
    milestones : sequence of int
        The steps at which the second begins, the third, and so on.
    per : "epoch" or "batch"
        When to step, also for each of the schedules.

    Raises
    ------
    ValueError
        For no schedules, a number of milestones other than one less, or schedules of another optimizer.
    TypeError
        For a schedule that waits for a metric.

    Examples
    --------
    >>> from autograd import Value
    >>> from nn.optimizers import SGD
    >>> from nn.optimizers.schedules import ExponentialLR, LinearLR
    >>> sgd = SGD([Value(0.0)], lr=1.0)
    >>> warm_up, fall = LinearLR(sgd, 0.5, total_iters=2), ExponentialLR(sgd, 0.9)
    >>> schedule = SequentialLR(sgd, [warm_up, fall], milestones=[2])
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(sgd.lr, 3))
    ...     schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.9, 0.81]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        *,
        per: Per = "epoch",
    ) -> None:
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "expected at least one schedule, and a milestone between each two, "
                f"got {len(schedulers)} schedules and {len(milestones)} milestones"
            )
        for part in schedulers:
            if not isinstance(part, LRScheduler) or part.needs_metric:
                raise TypeError(f"expected schedules that step without a metric, got {part!r}")
            if part.optimizer is not optimizer:
                raise ValueError(f"expected schedules of the same optimizer, got {part!r} of another one")
        self.schedulers = list(schedulers)
        self.milestones = list(milestones)
        super().__init__(optimizer, per=per)

    def next_lr(self) -> float:
        """Have the schedule whose turn it is do its step, and return its learning rate."""
        place = bisect_right(self.milestones, self.last_epoch)
        is_first = self.last_epoch == (self.milestones[place - 1] if place else 0)
        part = self.schedulers[place]
        part.restart() if is_first else part.step()
        return self.optimizer.lr

    def state_dict(self) -> dict[str, Any]:
        """Return what the schedules know, as JSON can hold it."""
        return super().state_dict() | {"schedulers": [part.state_dict() for part in self.schedulers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, and set the learning rate."""
        self.check_state(state)
        for part, one in zip(self.schedulers, state["schedulers"], strict=True):
            part.load_state_dict(one)
        super().load_state_dict({**state, "schedulers": self.schedulers})

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Raise if `load_state_dict` would, and change nothing."""
        super().check_state(state)
        if len(state["schedulers"]) != len(self.schedulers):
            raise ValueError(
                f"expected the states of {len(self.schedulers)} schedules, got {len(state['schedulers'])}"
            )
        for part, one in zip(self.schedulers, state["schedulers"], strict=True):
            if part is not one:
                part.check_state(one)
