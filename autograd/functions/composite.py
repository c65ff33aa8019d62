"""Functions composed of rows of the table, which need no derivative rule of their own."""

from __future__ import annotations

from collections.abc import Iterable
from math import pi, sqrt
from typing import Any, TypeVar

import numpy.typing as npt

from ..engine.apply import apply
from ..engine.value import Value
from ..ops.table import CONSTANTS
from . import generated as f

T = TypeVar("T", Value, float, npt.NDArray[Any])


def leaky_relu(x: T, slope: float = 0.01) -> T:
    """Return x where x > 0, else slope * x; its derivative at 0 is the slope.

    Parameters
    ----------
    x : Value, number or array
        The argument.
    slope : float
        The derivative for negative x.

    Returns
    -------
    Value, float or array
        Of the type of the argument.

    References
    ----------
    Maas, Hannun and Ng (2013), "Rectifier nonlinearities improve neural network acoustic models".

    Examples
    --------
    >>> leaky_relu(Value(-2.0)).data
    -0.02
    """
    return f.where(x > 0, x, slope * x)  # type: ignore[no-any-return]


def elu(x: T, alpha: float = 1.0) -> T:
    """Return x where x > 0, else alpha * (exp(x) - 1).

    Parameters
    ----------
    x : Value, number or array
        The argument.
    alpha : float
        The function tends to -alpha as x goes to minus infinity.

    Returns
    -------
    Value, float or array
        Of the type of the argument.

    References
    ----------
    Clevert, Unterthiner and Hochreiter (2015), arXiv:1511.07289.

    Examples
    --------
    >>> f"{elu(Value(-1.0)):.4f}"
    '-0.6321'
    """
    # expm1 of the negative part alone: at x = 1000 the unused branch would be inf, and 0 * inf is nan.
    return f.where(x > 0, x, alpha * f.expm1(f.min(x, 0.0)))  # type: ignore[no-any-return]


def silu(x: T) -> T:
    """Return x * sigmoid(x), also called swish.

    Parameters
    ----------
    x : Value, number or array
        The argument.

    Returns
    -------
    Value, float or array
        Of the type of the argument.

    References
    ----------
    Hendrycks and Gimpel (2016), arXiv:1606.08415.

    Examples
    --------
    >>> f"{silu(Value(1.0)):.4f}"
    '0.7311'
    """
    return x * f.sigmoid(x)


def gelu(x: T) -> T:
    """Return the Gaussian error linear unit in its tanh form, within 5e-4 of x * Φ(x).

    Parameters
    ----------
    x : Value, number or array
        The argument.

    Returns
    -------
    Value, float or array
        Of the type of the argument.

    References
    ----------
    Hendrycks and Gimpel (2016), arXiv:1606.08415.

    Examples
    --------
    >>> f"{gelu(Value(1.0)):.4f}"
    '0.8412'
    """
    # (1 + tanh(u)) / 2 equals sigmoid(2 u), which stays accurate below x = -7.5, where tanh(u) rounds to -1.
    # Beyond 40 the sigmoid is 0 or 1, and x**3 would overflow.
    inner = f.max(f.min(x, 40.0), -40.0)
    return x * f.sigmoid(2.0 * sqrt(2.0 / pi) * (inner + 0.044715 * inner**3))  # type: ignore[no-any-return]


def softmax(x: Iterable[Value | float]) -> list[Value]:
    """Return the exponentials of numbers, divided by their sum.

    Parameters
    ----------
    x : iterable of Value or number
        The logits.

    Returns
    -------
    list of Value or float
        Positive numbers that add up to 1 (notes D10 and D12). Nothing overflows.

    Examples
    --------
    >>> [f"{a:.3f}" for a in softmax([5.0, 2.0, -1.0, 3.0])]
    ['0.842', '0.042', '0.002', '0.114']
    """
    logits = list(x)
    total = f.logsumexp(logits)
    powers = [f.exp(logit - total) for logit in logits]
    # logsumexp alone is not enough: at logits of 1e16 its rounding is of the size of 0.7, so divide by the
    # sum.
    rounding = apply(CONSTANTS["constant"], f.sum(powers))
    return [power / rounding for power in powers]
