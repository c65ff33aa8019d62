"""The one-cycle policy."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, pi
from typing import Any, Literal, NamedTuple

from ..base import Optimizer
from .base import LRScheduler, Per


class _Phase(NamedTuple):
    """A part of the cycle: the step that it ends with, and both ends of learning rate and momentum."""

    end: float
    lr: tuple[float, float]
    momentum: tuple[float, float]


class OneCycleLR(LRScheduler):
    """Raise the learning rate to `max_lr` and lower it to almost 0, with the momentum the other way [1]_.

    It steps after each batch. The momentum is ``optimizer.momentum``, or the first of ``optimizer.betas``.

    Parameters
    ----------
    optimizer : Optimizer
        The optimizer. Its learning rate so far does not matter.
    max_lr : float
        The highest learning rate.
    total_steps : int or None
        The number of steps of the cycle; None takes ``epochs * steps_per_epoch``.
    epochs, steps_per_epoch : int or None
        The number of epochs, and of batches in each.
    pct_start : float
        The fraction of the cycle in which the learning rate rises, from 0 to 1.
    anneal_strategy : "cos" or "linear"
        How the numbers change.
    cycle_momentum : bool
        Whether to change the momentum, too.
    base_momentum, max_momentum : float
        The momentum where the learning rate is highest, and at both ends.
    div_factor : float
        The highest learning rate divided by the first one.
    final_div_factor : float
        The first learning rate divided by the last one.
    three_phase : bool
        Whether the learning rate falls to the first one as fast as it rose, and then on to the last one.
    per : "epoch" or "batch"
        When to step.

    Raises
    ------
    ValueError
        For a number out of range, an unknown strategy, a momentum that the optimizer has not, and for a step
        beyond the cycle.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large
       Learning Rates", arXiv:1708.07120.

    Examples
    --------
    >>> from autograd import Value
    >>> from nn.optimizers import SGD
    >>> sgd = SGD([Value(0.0)], momentum=0.9)
    >>> schedule = OneCycleLR(sgd, max_lr=1.0, total_steps=10)
    >>> schedule.step()
    >>> schedule.step()
    >>> sgd.lr, sgd.momentum
    (1.0, 0.85)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        *,
        per: Per = "batch",
    ) -> None:
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("expected total_steps, or epochs and steps_per_epoch, got neither")
        self.total_steps = (epochs or 0) * (steps_per_epoch or 0) if total_steps is None else total_steps
        if self.total_steps < 1:
            raise ValueError(f"expected a cycle of at least one step, got {self.total_steps}")
        if not 0.0 <= pct_start <= 1.0:
            raise ValueError(f"expected pct_start to be from 0 to 1, got {pct_start!r}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'expected anneal_strategy to be "cos" or "linear", got {anneal_strategy!r}')
        if cycle_momentum and not _has_momentum(optimizer):
            raise ValueError(
                f"{type(optimizer).__name__} has neither momentum nor betas: pass cycle_momentum=False"
            )
        self.max_lr, self.pct_start, self.anneal_strategy = max_lr, pct_start, anneal_strategy
        self.cycle_momentum, self.base_momentum = cycle_momentum, base_momentum
        self.max_momentum, self.div_factor = max_momentum, div_factor
        self.final_div_factor, self.three_phase = final_div_factor, three_phase
        super().__init__(optimizer, per=per)

    def next_lr(self) -> float:
        """Return the learning rate from now on, and set the momentum."""
        if self.last_epoch > self.total_steps:
            raise ValueError(f"the cycle has {self.total_steps} steps: make a new schedule for more of them")
        start, phases = 0.0, self._phases()
        for phase in phases[:-1]:
            if self.last_epoch <= phase.end:
                break
            start = phase.end
        else:
            phase = phases[-1]
        length = phase.end - start
        done = min((self.last_epoch - start) / length, 1.0) if length else 1.0
        if self.cycle_momentum:
            _set_momentum(self.optimizer, self._between(*phase.momentum, done))
        return self._between(*phase.lr, done)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, and set learning rate and momentum."""
        super().load_state_dict(state)
        self.next_lr()

    def _phases(self) -> list[_Phase]:
        first, top = self.max_lr / self.div_factor, self.max_lr
        last = first / self.final_div_factor
        high, low = self.max_momentum, self.base_momentum
        rise = _Phase(self.pct_start * self.total_steps - 1.0, (first, top), (high, low))
        end = self.total_steps - 1.0
        if not self.three_phase:
            return [rise, _Phase(end, (top, last), (low, high))]
        fall = _Phase(2.0 * self.pct_start * self.total_steps - 2.0, (top, first), (low, high))
        return [rise, fall, _Phase(end, (first, last), (high, high))]

    def _between(self, start: float, end: float, done: float) -> float:
        """Return the number of which a part of the way from start to end is done."""
        if self.anneal_strategy == "linear":
            return start + (end - start) * done
        return end + (start - end) / 2.0 * (cos(pi * done) + 1.0)


def _has_momentum(optimizer: Any) -> bool:
    return hasattr(optimizer, "betas") or hasattr(optimizer, "momentum")


def _set_momentum(optimizer: Any, momentum: float) -> None:
    if hasattr(optimizer, "betas"):
        optimizer.betas = (momentum, optimizer.betas[1])
    else:
        optimizer.momentum = momentum
