"""Batches from an iterator: whatever reads, computes or receives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import length_hint
from typing import Any

import numpy as np

from .not_finite import not_finite_in
from .prefetching import OneAhead
from .samples import Array, ClassWeight, WeightedSamples, samples_of, weights_of_samples
from .sources import SampleSource


class Batches(SampleSource):
    """Batches that an iterable gives, anew for each epoch.

    The next batch is made in a thread while a step is done with the one before. What an iterator gives is
    copied, so that it may give the same array with other numbers again.

    Parameters
    ----------
    given : iterable, or callable without arguments that returns one
        Tuples of inputs and targets, or of these and weights of the samples.
    epochs : int
        How many epochs will ask for the batches.
    class_weight : dict or None
        How much each class counts.
    ndim : int or None
        The number of dimensions of the inputs; None takes any of at least 2.

    Raises
    ------
    ValueError
        For an iterator that gives one epoch, where there are more, and weights that need all targets.

    Examples
    --------
    >>> source = Batches([(np.eye(2), [1, 2]), (np.eye(2)[:1], [3])], epochs=2)
    >>> [batch.y.tolist() for batch in source.epoch(np.random.default_rng(0))], source.count
    ([[1, 2], [3]], 2)
    >>> source.close()
    """

    is_streamed = True

    def __init__(
        self, given: Any, epochs: int, class_weight: ClassWeight = None, ndim: int | None = 2
    ) -> None:
        if epochs > 1 and isinstance(given, Iterator):
            raise ValueError(
                f"an iterator of batches ({type(given).__name__}) gives one epoch, and there are {epochs}: "
                "pass a function without arguments that makes one, or what can be iterated over again"
            )
        if class_weight == "balanced":
            raise ValueError(
                'class_weight="balanced" needs the targets of all batches before the first: pass a dict'
            )
        self._make: Callable[[], Iterable[Any]] = given if callable(given) else lambda: given
        # An iterator may know how many are left, and a loader of PyTorch has a length that raises.
        self.count = length_hint(given, 0) or None
        self._class_weight, self._ndim = class_weight, ndim
        self._ahead = OneAhead()
        self._first: WeightedSamples | None = None
        self._begun: Iterator[WeightedSamples] | None = None
        self._alike: tuple[Array, ...] = ()
        self._not_finite = ""

    @property
    def first(self) -> WeightedSamples:
        """The first batch, with which the first epoch begins."""
        if self._first is None:
            self._begun = self._ahead.over(self._checked())
            self._first = next(self._begun)
        return self._first

    def known(self) -> Iterator[WeightedSamples]:
        """Yield the first batch."""
        yield self.first

    def epoch(self, rng: np.random.Generator) -> Iterator[WeightedSamples]:
        """Return the batches, in the order in which they are given."""
        return self.in_order()

    def in_order(self) -> Iterator[WeightedSamples]:
        """Return the batches."""
        if self._begun is None or self._first is None:
            return self._ahead.over(self._checked())
        batches = chain([self._first], self._begun)
        self._first = self._begun = None
        return batches

    def split(self, fraction: float, rng: np.random.Generator) -> tuple[SampleSource, SampleSource]:
        """Raise, since what is held out of one batch may be in the next."""
        raise ValueError("validation_split divides arrays: pass the held-out samples as validation_data")

    def whole(self) -> WeightedSamples:
        """Raise, since only one batch is in memory."""
        raise ValueError(
            "L-BFGS takes all samples in each step: pass arrays of inputs and targets, or another optimizer"
        )

    def not_finite(self) -> str:
        """Return the first number that was not finite so far."""
        return self._not_finite

    def close(self) -> None:
        """End the thread."""
        self._ahead.close()

    def _checked(self) -> Iterator[WeightedSamples]:
        """Yield copies of the batches, all of one kind; this runs in the thread."""
        number = -1
        for number, item in enumerate(self._make()):
            try:
                batch = self._batch(item)
            except (TypeError, ValueError) as error:
                raise ValueError(f"batch {number}: {error}") from error
            if not self._not_finite and (cell := not_finite_in(batch)):
                self._not_finite = f"of batch {number}, {cell}"
            yield batch
        if number < 0:
            again = " when iterated over again: pass a function that makes an iterator"
            raise ValueError(f"expected at least one batch, got none{again * bool(self._alike)}")

    def _batch(self, item: Any) -> WeightedSamples:
        """Return what an item has, as arrays that nobody else changes."""
        if not isinstance(item, tuple | list) or len(item) not in (2, 3):
            raise ValueError(
                "expected a tuple of inputs and targets, or of these and weights of the samples, got "
                f"{type(item).__name__}" + (f" of {len(item)}" if isinstance(item, tuple | list) else "")
            )
        # Not by np.array, which asks for a copy in words that tensors of PyTorch do not know.
        x, y, *weights = (np.asarray(column).copy() for column in item)
        alike = self._alike or tuple(column[:0].copy() for column in (x, y, *weights))
        if len(alike) != len(item):
            raise ValueError(
                f"expected {len(alike)} arrays, as in the first batch, got {len(item)}: give weights in each "
                "batch, or in none"
            )
        x, y, *weights = map(_like, ("inputs", "targets", "weights"), (x, y, *weights), alike)
        samples = samples_of(x, y, ndim=self._ndim)
        own = weights_of_samples(y, weights[0] if weights else None, self._class_weight)
        self._alike = alike
        return samples._replace(weights=own)


def _like(name: str, array: Array, first: Array) -> Array:
    """Return an array with the type of that of the first batch, from which only its length may differ."""
    if array.shape[1:] != first.shape[1:] or not np.can_cast(array.dtype, first.dtype, "safe"):
        raise ValueError(
            f"expected {name} of shape (samples{''.join(f', {n}' for n in first.shape[1:])}) and "
            f"{first.dtype}, as in the first batch, got shape {array.shape} and {array.dtype}"
        )
    return array.astype(first.dtype, copy=False)
