"""A model as it computes after the training, while it is exported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..modules.module import Module


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

    Raises
    ------
    TypeError
        For what is no `Module`.

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
    if not isinstance(model, Module):
        raise TypeError(f"expected a Module to export, got {model!r} ({type(model).__name__})")
    # Not by `train`, which would have modules train that did not.
    before = [(module, vars(module).get("training")) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in before:
            vars(module).pop("training", None)
            if training is not None:
                vars(module)["training"] = training
