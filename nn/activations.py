"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograd import Value, elu, gelu, leaky_relu, relu, sigmoid, silu, softmax, softplus, tanh

from .lookup import named

Activation = Callable[[Any], Any]


def linear(x: Any) -> Any:
    """Return the argument: the identity, which is no activation.

    Examples
    --------
    >>> linear(2.0)
    2.0
    """
    return x


def hardmax(x: Iterable[Value | float]) -> list[float]:
    """Return 1 for the largest logit, the first of equal ones, and 0 for the others (D9).

    Parameters
    ----------
    x : iterable of Value or number
        The logits.

    Returns
    -------
    list of float
        Plain numbers, since the derivative is 0 wherever it exists.

    Raises
    ------
    ValueError
        For an empty iterable.

    Examples
    --------
    >>> hardmax([5.0, 2.0, -1.0, 3.0])
    [1.0, 0.0, 0.0, 0.0]
    """
    logits = [float(item) for item in x]
    top = logits.index(max(logits))
    return [float(i == top) for i in range(len(logits))]


ACTIVATIONS: dict[str, Activation] = {
    function.__name__: function
    for function in (linear, relu, leaky_relu, elu, gelu, silu, softplus, sigmoid, tanh)
}
"""Activations of one neuron by name."""


def activation(which: str | Activation) -> Activation:
    """Return the activation of a name; a function is returned as it is.

    Parameters
    ----------
    which : str or callable
        A name of `ACTIVATIONS`, or a function of one `Value`.

    Returns
    -------
    callable
        The function.

    Raises
    ------
    ValueError
        For an unknown name.

    Examples
    --------
    >>> activation("tanh")(0.0)
    0.0
    """
    return named("activation", which, ACTIVATIONS)


# Beside 1, exp(-x) is nothing there.
_LARGE = 100.0


def is_rectifier(function: Activation) -> bool:
    """Return whether an activation of `ACTIVATIONS` lets large numbers pass, and holds negative ones back.

    Parameters
    ----------
    function : callable
        Any activation.

    Returns
    -------
    bool
        Whether half of a layer's variance is lost in it, which `nn.initializers.he` makes up for.

    Examples
    --------
    >>> [name for name, function in ACTIVATIONS.items() if is_rectifier(function)]
    ['relu', 'leaky_relu', 'elu', 'gelu', 'silu', 'softplus']
    """
    if function not in ACTIVATIONS.values():
        return False
    return bool(function(_LARGE) == _LARGE and function(-_LARGE) > -0.5 * _LARGE)


__all__ = [
    "ACTIVATIONS",
    "Activation",
    "activation",
    "elu",
    "gelu",
    "hardmax",
    "is_rectifier",
    "leaky_relu",
    "linear",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]
