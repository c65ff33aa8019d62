"""The random numbers of training steps."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property

import numpy as np

from ..modules.draws import RandomRows, giving, uniforms_per_sample
from ..modules.module import Module
from ..modules.walk import modules_of
from ..randomness import Rng
from .samples import Array


class Draws:
    """The random numbers that a model in training takes, such as those of `Dropout`, drawn for each batch.

    Eager and compiled steps take the same numbers from the same generator: a compiled step as an argument.

    Parameters
    ----------
    model : Module
        The model.
    rng : Generator, int or None
        Where they come from.

    Examples
    --------
    >>> from nn import Dropout, Neuron
    >>> x = np.ones((2, 3))
    >>> [numbers.shape for numbers in Draws(Dropout(), 0).drawn_for(x)], Draws(Neuron(3), 0).drawn_for(x)
    ([(2, 3)], ())
    """

    def __init__(self, model: Module, rng: Rng = None) -> None:
        self.rng = np.random.default_rng(rng)
        self._model = model
        self._width: int | None = None

    @cached_property
    def are_needed(self) -> bool:
        """Whether a part of the model takes any."""
        return any(module.is_random for _, module in modules_of(self._model))

    def anew(self, seed: int | Sequence[int]) -> Draws:
        """Return draws for the same model from a generator of their own."""
        others = copy.copy(self)
        others.rng = np.random.default_rng(seed)
        return others

    def drawn_for(self, x: Array) -> tuple[Array, ...]:
        """Return a row of numbers for each sample of a batch, or nothing where none are needed."""
        if not self.are_needed:
            return ()
        if self._width is None:
            self._width = uniforms_per_sample(self._model, x[0])
        return (self.rng.random((len(x), self._width)),)

    def given_for(self, x: Array) -> AbstractContextManager[None]:
        """Return a context in which the model takes numbers that are drawn for a batch."""
        drawn = self.drawn_for(x)
        return giving(RandomRows(*drawn)) if drawn else nullcontext()
