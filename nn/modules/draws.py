"""The random numbers of a forward pass: drawn where they are needed, or given from outside.

A compiled program would hold the numbers that were drawn while it was traced, the same in every call. So
whoever compiles a step gives it the numbers as an argument: a row for each sample, from which the modules of
the model take theirs, one after another. How long a row is, a pass that counts tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from autograd import is_tracing


class RandomRow:
    """The random numbers of one sample, from a place on.

    Parameters
    ----------
    numbers : sequence of Value or float
        Numbers that are uniform in [0, 1).
    used : int
        How many of them are used up.

    Examples
    --------
    >>> row = RandomRow([0.1, 0.2, 0.3])
    >>> row.take(2), row.used
    ([0.1, 0.2], 2)
    """

    def __init__(self, numbers: Sequence[Any], used: int = 0) -> None:
        self.numbers, self.used = numbers, used

    def take(self, count: int) -> list[Any]:
        """Return the next numbers, and use them up."""
        start, self.used = self.used, self.used + count
        if self.used > len(self.numbers):
            raise ValueError(
                f"expected {self.used} random numbers for each sample or more, got {len(self.numbers)}: "
                "every sample has to need as many, see uniforms_per_sample"
            )
        return [self.numbers[i] for i in range(start, self.used)]


class _Counting(RandomRow):
    """Counts the numbers that are asked for."""

    def __init__(self) -> None:
        super().__init__(())

    def take(self, count: int) -> list[Any]:
        """Return numbers that are not random."""
        self.used += count
        return [0.5] * count


class RandomRows:
    """The random numbers of a batch.

    Parameters
    ----------
    numbers : ndarray, shape (samples, numbers)
        A row for each sample.

    Attributes
    ----------
    used : int
        How many of each row are used up.
    """

    def __init__(self, numbers: Any) -> None:
        self.numbers, self.used = numbers, 0


_given: ContextVar[RandomRow | RandomRows | None] = ContextVar("given", default=None)

given = _given.get
"""Return what random numbers are given in this thread, if any."""


@contextmanager
def giving(source: RandomRow | RandomRows) -> Iterator[None]:
    """Have modules take their random numbers from a source.

    Parameters
    ----------
    source : RandomRow or RandomRows
        For one sample, or for the samples of a batch that a module is called with.

    Examples
    --------
    >>> from nn import Dropout
    >>> with giving(RandomRows(np.array([[0.1, 0.7]]))):
    ...     Dropout(0.5)(np.ones((1, 2)))
    array([[0.0, 2.0]], dtype=object)
    """
    before = _given.get()
    try:
        _given.set(source)
        yield
    finally:
        _given.set(before)


def uniforms(count: int, rng: np.random.Generator) -> list[Any]:
    """Return random numbers for the sample that is being computed.

    Parameters
    ----------
    count : int
        How many.
    rng : Generator
        Where they come from, unless they are given.

    Returns
    -------
    list of float or Value
        Numbers that are uniform in [0, 1).

    Raises
    ------
    RuntimeError
        In a function that is being compiled, unless they are given.

    Examples
    --------
    >>> with giving(RandomRow([0.1, 0.2])):
    ...     uniforms(1, np.random.default_rng(0))
    [0.1]
    """
    source = given()
    if isinstance(source, RandomRow):
        return source.take(count)
    if source is not None:
        raise RuntimeError(
            "random numbers are given for the samples of a batch, and forward was called outside of one: "
            "call the model with the whole batch, as model(x)"
        )
    if is_tracing():
        raise RuntimeError(
            "a module that trains draws random numbers, as Dropout does, and a compiled function would have "
            "the same ones in every call: train with nn.fit, which passes them as an argument, or call "
            "model.eval() first"
        )
    numbers: list[Any] = rng.random(count).tolist()
    return numbers


def uniforms_per_sample(model: Any, sample: Any) -> int:
    """Return how many random numbers the forward pass of a sample takes.

    Parameters
    ----------
    model : Module
        The model.
    sample : array_like
        A sample.

    Returns
    -------
    int
        The number, 0 for a model that is not in training.

    Examples
    --------
    >>> from nn import Dropout
    >>> uniforms_per_sample(Dropout(0.5), [1.0, 2.0, 3.0])
    3
    """
    counting = _Counting()
    with giving(counting):
        model.forward(sample)
    return counting.used
