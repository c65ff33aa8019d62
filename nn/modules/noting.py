"""A copy of a model whose modules note what they give."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .walk import modules_of

if TYPE_CHECKING:
    from .module import Module


def noting(model: Module, note: Callable[[Module, Any], object]) -> Module:
    """Return a copy of a model, in evaluation, that tells of what each of its modules gives for a sample.

    Parameters
    ----------
    model : Module
        The model.
    note : callable
        A function of a module of the model, the original one, and of the result of its `forward`.

    Returns
    -------
    Module
        The copy.

    Examples
    --------
    >>> from nn import MLP
    >>> found = []
    >>> _ = noting(MLP(2, [1], rng=0), lambda module, result: found.append(type(module).__name__))([1.0, 2.0])
    >>> found
    ['Neuron', 'Layer', 'MLP']
    """
    watched = copy.deepcopy(model).eval()
    for (_, module), (_, original) in zip(modules_of(watched), modules_of(model), strict=True):
        vars(module)["forward"] = _noting(module.forward, original, note)
    return watched


def _noting(
    forward: Callable[[Any], Any], original: Module, note: Callable[..., object]
) -> Callable[..., Any]:
    def forward_noted(x: Any) -> Any:
        result = forward(x)
        note(original, result)
        return result

    return forward_noted
