"""Schedules by name."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from ...lookup import named
from ..base import Optimizer
from .base import LRScheduler
from .cosine import CosineAnnealingLR
from .falling import ExponentialLR, StepLR
from .linear import LinearLR
from .one_cycle import OneCycleLR
from .plateau import ReduceLROnPlateau
from .sequential import SequentialLR

_WARM_UP = 0.1


def _cosine(optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """Fall along a cosine, to 0 after the last batch."""
    return CosineAnnealingLR(optimizer, epochs * steps_per_epoch, per="batch")


def _exponential(optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """Fall by the same factor each epoch, to a hundredth."""
    return ExponentialLR(optimizer, 0.01 ** (1.0 / epochs))


def _linear(optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """Fall along a line, to 0 after the last batch."""
    return LinearLR(optimizer, 1.0, 0.0, epochs * steps_per_epoch, per="batch")


def _step(optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """Fall to a tenth after a third of the epochs, and again after two thirds."""
    return StepLR(optimizer, ceil(epochs / 3))


def _one_cycle(optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """Rise to the optimizer's learning rate and fall to almost 0."""
    return OneCycleLR(
        optimizer,
        optimizer.lr,
        epochs * steps_per_epoch,
        # An optimizer without momentum keeps it so.
        cycle_momentum=hasattr(optimizer, "betas") or bool(getattr(optimizer, "momentum", 0.0)),
    )


def _warm_up(optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """Rise from a hundredth along a line in the first tenth of the batches, then fall along a cosine to 0."""
    steps = epochs * steps_per_epoch
    rise = ceil(_WARM_UP * steps)
    parts = [LinearLR(optimizer, 0.01, 1.0, rise), CosineAnnealingLR(optimizer, max(steps - rise, 1))]
    return SequentialLR(optimizer, parts, [rise], per="batch")


def _plateau(optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> LRScheduler:
    """Fall to a half when a tenth of the epochs, at most 10, brought no better loss."""
    return ReduceLROnPlateau(optimizer, factor=0.5, patience=min(10, ceil(epochs / 10)))


SCHEDULES: dict[str, Callable[[Optimizer, int, int], LRScheduler]] = {
    "cosine": _cosine,
    "step": _step,
    "exponential": _exponential,
    "linear": _linear,
    "one-cycle": _one_cycle,
    "warm-up": _warm_up,
    "plateau": _plateau,
}
"""Functions from an optimizer, the numbers of epochs and of batches in each, to a schedule, by name."""


def schedule(
    which: str | Callable[[Optimizer], LRScheduler] | LRScheduler,
    optimizer: Optimizer,
    *,
    epochs: int,
    steps_per_epoch: int = 1,
) -> LRScheduler:
    """Return a schedule by its name, fitted to a number of epochs; one that is made is returned as it is.

    =============  =================================================================================
    cosine         falls along half a cosine to 0
    step           falls to a tenth after a third of the epochs, and again after two thirds
    exponential    falls by the same factor each epoch, to a hundredth
    linear         falls along a line to 0
    one-cycle      rises to the optimizer's learning rate in 30% of the time, then falls to almost 0
    warm-up        rises from a hundredth in a tenth of the time, then falls along half a cosine to 0
    plateau        halves when the loss has not got better for a tenth of the epochs, at most 10
    =============  =================================================================================

    Parameters
    ----------
    which : str, callable or LRScheduler
        A name of `SCHEDULES`, a function from an optimizer to a schedule, or a schedule.
    optimizer : Optimizer
        The optimizer.
    epochs, steps_per_epoch : int
        The number of epochs, and of batches in each.

    Returns
    -------
    LRScheduler
        The schedule.

    Raises
    ------
    ValueError
        For an unknown name, a schedule of another optimizer, or fewer than one step.
    TypeError
        For a function that returns no schedule.

    Examples
    --------
    >>> from autograd import Value
    >>> from nn.optimizers import SGD
    >>> schedule("cosine", SGD([Value(0.0)], lr=1.0), epochs=10)
    CosineAnnealingLR(SGD, T_max=10, eta_min=0.0, per='batch', last_epoch=0)
    """
    if epochs < 1 or steps_per_epoch < 1:
        raise ValueError(
            f"expected epochs and steps_per_epoch to be at least 1, got {epochs} and {steps_per_epoch}"
        )
    if isinstance(which, str):
        # A training before this one may have ended at 0.
        optimizer.lr = optimizer.initial_lr or optimizer.lr
        return named("schedule", which, SCHEDULES)(optimizer, epochs, steps_per_epoch)
    found = which if isinstance(which, LRScheduler) else named("schedule", which, SCHEDULES)(optimizer)  # type: ignore[call-arg]
    if not isinstance(found, LRScheduler):
        raise TypeError(f"expected the function to return a schedule, got {found!r}")
    if found.optimizer is not optimizer:
        raise ValueError("the schedule is one of another optimizer: make it of the one that is trained with")
    return found
