"""Steps that are done one after another, and what each of them leaves for the record of its epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .samples import Array, WeightedSamples


class Evaluated(NamedTuple):
    """What came out for a batch, or for all samples that are held out.

    Attributes
    ----------
    loss : float
        Their loss, before the step if there is one.
    outputs, targets : ndarray
        What the model gave then, and what was wanted.
    weight : float
        How much they count in the mean of an epoch.
    """

    loss: float
    outputs: Array
    targets: Array
    weight: float


class OneByOne(ABC):
    """Steps that end before the next batch is read."""

    @abstractmethod
    def __call__(self, batch: WeightedSamples) -> tuple[float, Array]:
        """Do a step, unless the loss is not finite. Return the loss and the outputs before the step."""

    def over(self, batches: Iterable[WeightedSamples]) -> Iterator[Evaluated]:
        """Do a step for each batch."""
        for batch in batches:
            loss, outputs = self(batch)
            yield Evaluated(loss, outputs, batch.y, batch.weight)
