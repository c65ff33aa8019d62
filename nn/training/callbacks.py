"""Callbacks: what is called while a model is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..modules.module import Module
from ..optimizers import Optimizer
from ..optimizers.schedules import LRScheduler
from .history import History


@dataclass
class Training:
    """A training as callbacks see it, between two steps.

    Attributes
    ----------
    model : Module
        The model, with the parameters of the last step; they may be changed.
    optimizer : Optimizer
        The optimizer; its learning rate and states may be changed.
    history : History
        What was recorded so far.
    epochs : int
        The number of epochs, unless the training is stopped before.
    rng : numpy.random.Generator
        The source of the random order.
    callbacks : list of Callback
        The callbacks.
    schedule : LRScheduler or None
        The schedule of the learning rate.
    rng_at_first : dict
        The state of the source at the beginning.
    """

    model: Module
    optimizer: Optimizer
    epochs: int
    rng: np.random.Generator
    callbacks: list[Callback] = field(default_factory=list)
    schedule: LRScheduler | None = None
    rng_at_first: dict[str, Any] = field(default_factory=dict)
    history: History = field(default_factory=History)

    @property
    def epoch(self) -> int:
        """The number of epochs that are done."""
        return len(self.history.loss)

    def stop(self, reason: str) -> None:
        """End the training after this epoch.

        Parameters
        ----------
        reason : str
            Why, for `History.ended`.
        """
        self.history.ended = reason


class Callback:
    """What is called while a model is trained; a subclass defines what it needs.

    Examples
    --------
    >>> class Enough(Callback):
    ...     def on_epoch_end(self, training):
    ...         if training.history.loss[-1] < 0.1:
    ...             training.stop("the loss is small enough")
    >>> from nn import Neuron, fit
    >>> line = Neuron(1, "linear", rng=0)
    >>> fit(line, [[0.0], [1.0]], [1.0, 3.0], loss="mse", callbacks=[Enough()], verbose=0)
    History(9 epochs: loss 0.0888; the loss is small enough)
    """

    def on_train_begin(self, training: Training) -> None:
        """Be told before the first epoch."""

    def on_epoch_end(self, training: Training) -> None:
        """Be told after an epoch, whose numbers the history has."""

    def on_train_end(self, training: Training) -> None:
        """Be told at the end, also after Ctrl-C."""

    def state_dict(self) -> dict[str, Any]:
        """Return what the callback remembers as plain data, for a checkpoint."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""


class AtEachEpoch(Callback):
    """A function of the `Training` as a callback, called after each epoch."""

    def __init__(self, function: Callable[[Training], object]) -> None:
        self.function = function

    def on_epoch_end(self, training: Training) -> None:
        """Call the function."""
        self.function(training)


def as_callbacks(given: Iterable[Callback | Callable[[Training], object]]) -> list[Callback]:
    """Return callbacks as such, and functions as callbacks.

    Raises
    ------
    TypeError
        For anything else.

    Examples
    --------
    >>> as_callbacks([print])[0].function is print
    True
    """
    if isinstance(given, Callback) or callable(given):
        given = [given]
    found: list[Callback] = []
    for each in given:
        if isinstance(each, Callback):
            found.append(each)
        elif callable(each) and not isinstance(each, type):
            found.append(AtEachEpoch(each))
        else:
            raise TypeError(
                f"expected callbacks to be nn.Callback objects, or functions of a training, got {each!r}"
            )
    return found
