"""`WrongSizeError`: a module that gets more or fewer numbers than it takes, with its place in the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .tree import title
from .walk import modules_of

if TYPE_CHECKING:
    from .module import Module


class WrongSizeError(ValueError):
    """A module got another number of inputs than it takes.

    Parameters
    ----------
    module : Module
        The module.
    expected, got : int
        How many inputs it takes, and how many it got.

    Examples
    --------
    >>> from nn import MLP
    >>> MLP(2, [3, 1])([1.0, 2.0, 3.0])
    Traceback (most recent call last):
        ...
    nn.modules.wrong_size.WrongSizeError: layers.0, a Layer(2, 3, 'tanh'), expected 2 inputs, got 3: ...
    """

    def __init__(self, module: Module, expected: int, got: int) -> None:
        super().__init__(module, expected, got)
        self.module, self.expected, self.got = module, expected, got
        self.path = ""

    def found_in(self, model: Module) -> WrongSizeError:
        """Say where in a model the module stands; the last, outermost one that is told counts."""
        self.path = next((name for name, module in modules_of(model) if module is self.module), "")
        return self

    def __str__(self) -> str:
        what = title(self.module)
        place = f"{self.path}, a {what}," if self.path else f"this {what}"
        return (
            f"{place} expected {self.expected} inputs, got {self.got}: pass it {self.expected} numbers for "
            f"each sample, or make it for {self.got}"
        )


def check_width(module: Module, expected: int, x: Sequence[Any]) -> None:
    """Raise unless a sample has as many numbers as a module takes.

    Raises
    ------
    WrongSizeError
        For more or fewer.

    Examples
    --------
    >>> from nn import Neuron
    >>> check_width(Neuron(2), 2, [1.0, 2.0])
    """
    if len(x) != expected:
        raise WrongSizeError(module, expected, len(x))


def check_size(name: str, size: Any) -> None:
    """Raise unless something can be a number of inputs or neurons.

    Raises
    ------
    ValueError
        For anything else than a whole number of at least 1.

    Examples
    --------
    >>> check_size("n_in", 2)
    """
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"expected {name} to be a whole number of at least 1, got {size!r}")
