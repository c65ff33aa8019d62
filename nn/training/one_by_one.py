"""Steps that are done one after another, and what each of them leaves for the record of its epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .samples import Array, WeightedSamples


class Done(NamedTuple):
    """What a step leaves for the record of its epoch.

    Attributes
    ----------
    loss : float
        The loss of its batch, before the step.
    weight : float
        How much the batch counts in the mean of the epoch.
    outputs, targets : ndarray
        What the model gave before the step, and what was wanted.
    """

    loss: float
    weight: float
    outputs: Array
    targets: Array


class OneByOne(ABC):
    """Steps that end before the next batch is read."""

    @abstractmethod
    def __call__(self, batch: WeightedSamples) -> tuple[float, Array]:
        """Do a step, unless the loss is not finite. Return the loss and the outputs before the step."""

    def over(self, batches: Iterable[WeightedSamples]) -> Iterator[Done]:
        """Do a step for each batch."""
        for batch in batches:
            loss, outputs = self(batch)
            yield Done(loss, batch.weight, outputs, batch.y)
