"""Where a training gets its batches from."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from .not_finite import not_finite_in
from .samples import Array, WeightedSamples, split_off


class SampleSource(ABC):
    """The batches of a training, epoch after epoch, or those that it is evaluated with.

    Attributes
    ----------
    count : int or None
        The number of batches in an epoch; None where only its end tells.
    length : int or None
        The number of samples, likewise.
    """

    count: int | None
    length: int | None = None
    is_streamed: ClassVar[bool] = False
    """Whether the samples are never in memory as a whole, so that nothing is known of all before an epoch."""

    @property
    @abstractmethod
    def first(self) -> WeightedSamples:
        """The first batch in order, by which a program is compiled and checked."""

    @property
    def targets(self) -> Array:
        """The targets that are known before the first epoch."""
        return self.first.y

    @abstractmethod
    def known(self) -> Iterator[WeightedSamples]:
        """Yield the batches that are known before the first epoch."""

    @abstractmethod
    def epoch(self, rng: np.random.Generator) -> Iterator[WeightedSamples]:
        """Return the batches of the next epoch, in the order to learn from them."""

    @abstractmethod
    def in_order(self) -> Iterator[WeightedSamples]:
        """Return all batches, in their order."""

    @abstractmethod
    def split(self, fraction: float, rng: np.random.Generator) -> tuple[SampleSource, SampleSource]:
        """Return a source of samples to train on, and one of a fraction of them that is held out.

        Raises
        ------
        ValueError
            For a fraction that is not between 0 and 1, or leaves nothing on either side.
        """

    @abstractmethod
    def whole(self) -> WeightedSamples:
        """Return all samples at once, for an optimizer that needs them.

        Raises
        ------
        ValueError
            If they are not in memory.
        """

    @abstractmethod
    def not_finite(self) -> str:
        """Return which number is not finite, and a remedy; nothing if all are."""

    def close(self) -> None:  # noqa: B027  # arrays have nothing to end
        """End what the source has begun."""


class InMemory(SampleSource):
    """Batches of arrays.

    Parameters
    ----------
    samples : WeightedSamples
        The samples.
    batch_size : int or None
        How many make a batch, drawn in a new order each epoch; None takes all, in their order.

    Examples
    --------
    >>> from .samples import samples_of
    >>> source = InMemory(samples_of(np.eye(3), [1, 2, 3]), 2)
    >>> [batch.y.tolist() for batch in source.epoch(np.random.default_rng(0))], source.count
    ([[3, 1], [2]], 2)
    """

    def __init__(self, samples: WeightedSamples, batch_size: int | None = None) -> None:
        self.samples, self.batch_size = samples, batch_size
        self.length = samples.length
        self.count = math.ceil(self.length / (batch_size or self.length))

    @property
    def first(self) -> WeightedSamples:
        """The first samples."""
        return self.samples.take(slice(self.batch_size))

    @property
    def targets(self) -> Array:
        """All targets."""
        return self.samples.y

    def known(self) -> Iterator[WeightedSamples]:
        """Return all batches."""
        return self.in_order()

    def epoch(self, rng: np.random.Generator) -> Iterator[WeightedSamples]:
        """Return the batches of a new order; without a size, the same one batch."""
        order = None if self.batch_size is None else rng.permutation(self.samples.length)
        return self.samples.batches(self.batch_size, order)

    def in_order(self) -> Iterator[WeightedSamples]:
        """Return all batches, in their order."""
        return self.samples.batches(self.batch_size)

    def split(self, fraction: float, rng: np.random.Generator) -> tuple[SampleSource, SampleSource]:
        """Return samples to train on, and some that are held out, drawn at random; these as one batch."""
        train, held_out = split_off(self.samples, fraction, rng)
        return InMemory(train, self.batch_size), InMemory(held_out)

    def whole(self) -> WeightedSamples:
        """Return the samples."""
        return self.samples

    def not_finite(self) -> str:
        """Return the first number that is not finite."""
        return not_finite_in(self.samples)
