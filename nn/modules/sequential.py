"""`Sequential`: modules and functions one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .module import Module, Sample, as_outputs


class Sequential(Module):
    """Modules and functions, each applied to the outputs of the previous one (D6).

    Parameters
    ----------
    *steps : Module or callable
        A function gets the outputs for a sample as an array: ``autograd.tanh`` applies to each of them,
        ``autograd.softmax`` to all of them together.

    Attributes
    ----------
    steps : list
        The modules and functions.

    Raises
    ------
    TypeError
        For a step that cannot be called.

    Examples
    --------
    >>> from autograd import tanh
    >>> from .neurons import Layer
    >>> len(Sequential(Layer(3, 2, "linear", rng=0), tanh)([1.0, 0.0, 2.0]))
    2
    """

    def __init__(self, *steps: Module | Callable[[Any], Any]) -> None:
        for step in steps:
            if not callable(step):
                raise TypeError(f"expected each step to be a Module or a function, got {step!r}")
        self.steps = list(steps)

    def forward(self, x: Sample) -> Sequence[Any]:
        """Return the outputs for one sample."""
        for step in self.steps:
            result = step.forward(x) if isinstance(step, Module) else step(np.stack(list[Any](x)))
            x = as_outputs(result)
        return x

    @property
    def sample_ndim(self) -> int | None:  # type: ignore[override]
        """The number of dimensions of a sample, as the first step takes it."""
        first = self.steps[0] if self.steps else None
        return first.sample_ndim if isinstance(first, Module) else 1

    def _shown_parts(self) -> Iterator[tuple[str, Any]]:
        """Yield the steps, functions included."""
        for position, step in enumerate(self.steps):
            yield f"steps.{position}", step
