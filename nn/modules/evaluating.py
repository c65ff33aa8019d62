"""A model as it computes after the training, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .walk import modules_of

if TYPE_CHECKING:
    from .module import Module


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Have a model compute as in evaluation, and afterwards as before.

    Parameters
    ----------
    model : Module
        The model.

    Yields
    ------
    None
        Once all its modules are in evaluation.

    Examples
    --------
    >>> from nn import Neuron
    >>> model = Neuron(2)
    >>> with evaluating(model):
    ...     model.training
    False
    >>> model.training
    True
    """
    # Not by `train`, which would have modules train that did not.
    before = [(module, vars(module).get("training")) for _, module in modules_of(model)]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            vars(module).pop("training", None)
            if training is not None:
                vars(module)["training"] = training
