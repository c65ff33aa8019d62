"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..lookup import named
from ..modules.module import Module
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .base import Optimizer
from .lbfgs import LBFGS
from .rmsprop import RMSprop
from .sgd import SGD

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "lbfgs": LBFGS,
}
"""Optimizers by name."""


def optimizer(which: str | Callable[..., Optimizer] | Optimizer, model: Module, **settings: Any) -> Optimizer:
    """Return an optimizer of a model by its name or class; one that is made is returned as it is.

    Parameters
    ----------
    which : str, callable or Optimizer
        A name of `OPTIMIZERS`, a class such as `Adam`, or an optimizer.
    model : Module
        The model.
    **settings
        What the class takes besides the parameters.

    Returns
    -------
    Optimizer
        The optimizer.

    Raises
    ------
    ValueError
        For an unknown name, or parameters of another model.
    TypeError
        For settings of an optimizer that is made.

    Examples
    --------
    >>> from nn import Neuron
    >>> optimizer("adam", Neuron(2, rng=0), lr=0.01).lr
    0.01
    """
    if not isinstance(which, Optimizer):
        return named("optimizer", which, OPTIMIZERS)(model, **settings)
    if settings:
        raise TypeError(f"expected no settings of an optimizer that is made, got {', '.join(settings)}")
    moved = {id(parameter) for parameter in which.parameters}
    if not any(id(parameter) in moved for _, parameter in model.named_parameters()):
        raise ValueError("the optimizer has none of the model's parameters: make it of the model")
    return which
