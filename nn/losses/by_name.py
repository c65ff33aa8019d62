"""Losses by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd import Value

from ..lookup import named
from .binary import binary_cross_entropy, binary_cross_entropy_with_logits, hinge
from .categorical import cross_entropy
from .regression import half_squared_error, mse

Loss = Callable[..., Value]
"""A function from the outputs and targets of a batch to one `Value`."""

LOSSES: dict[str, Loss] = {
    function.__name__: function
    for function in (
        mse,
        half_squared_error,
        binary_cross_entropy,
        binary_cross_entropy_with_logits,
        cross_entropy,
        hinge,
    )
}
"""Losses by name."""


def loss(which: str | Loss) -> Any:
    """Return the loss of a name; a function is returned as it is.

    Parameters
    ----------
    which : str or callable
        A name of `LOSSES`, or a function of outputs and targets.

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
    return named("loss", which, LOSSES)
