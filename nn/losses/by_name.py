"""Losses by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd import Value

from ..lookup import named
from .binary import binary_cross_entropy, binary_cross_entropy_with_logits, hinge
from .categorical import cross_entropy
from .classes import BCELoss, LossClass
from .regression import half_squared_error, huber, mae, mse

Loss = Callable[..., Value]
"""A function from the outputs and targets of a batch to one `Value`."""

LOSSES: dict[str, Loss] = {
    function.__name__: function
    for function in (
        mse,
        mae,
        huber,
        half_squared_error,
        binary_cross_entropy,
        binary_cross_entropy_with_logits,
        cross_entropy,
        hinge,
    )
}
"""Losses by name."""

# As Keras and PyTorch call them.
_ALIASES = {
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "l1": "mae",
    "bce": "binary_cross_entropy",
    "bce_with_logits": "binary_cross_entropy_with_logits",
}


def loss(which: str | Loss | type) -> Any:
    """Return the loss of a name; a function is returned as it is.

    Parameters
    ----------
    which : str or callable
        A name of `LOSSES`, ``"mean_squared_error"``, ``"mean_absolute_error"``, ``"l1"``, ``"bce"`` or
        ``"bce_with_logits"``; a function of outputs and targets, such as ``HuberLoss(delta=0.5)``; or a class
        such as `HuberLoss`, which stands for its default settings.

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
    >>> loss("mse") is mse
    True
    """
    if isinstance(which, type) and issubclass(which, LossClass):
        return which()
    return named("loss", _ALIASES.get(which, which) if isinstance(which, str) else which, LOSSES)


def takes_probabilities(function: Loss) -> bool:
    """Return whether a loss takes the probabilities of class 1, where others take logits or scores.

    Parameters
    ----------
    function : callable
        A loss.

    Returns
    -------
    bool
        True for `binary_cross_entropy` and its class. A single output then tells class 1 from 0.5 on.

    Examples
    --------
    >>> takes_probabilities(binary_cross_entropy), takes_probabilities(BCELoss())
    (True, True)
    >>> takes_probabilities(binary_cross_entropy_with_logits)
    False
    """
    return function is binary_cross_entropy or isinstance(function, BCELoss)
