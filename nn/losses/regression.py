"""Losses of numbers."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any

from autograd import Value, max, min

from .terms import Reduction, loss_of_pairs, paired


def mse(predictions: Any, targets: Any, *, sample_weight: Any = None, reduction: Reduction = "mean") -> Value:
    """Return the mean of the squared errors (C1, E4).

    Parameters
    ----------
    predictions, targets : Value, sequence or array
        Of one shape.
    sample_weight : sequence or array, optional
        A weight for each sample, or for each element. The mean is then ``Σ w l / Σ w``, and 0 if there is no
        weight at all.
    reduction : str
        ``"mean"``, ``"sum"``, or ``"none"`` for the (weighted) term of each element.

    Returns
    -------
    Value, or array of Value
        The mean over all elements, their sum, or an array of the targets' shape.

    Raises
    ------
    ValueError
        For different shapes, or none at all; and a negative weight.

    Examples
    --------
    >>> from autograd import Value
    >>> mse([Value(1.0), Value(2.0)], [0.0, 4.0])
    Value(2.5, op='/')
    >>> mse([Value(1.0), Value(2.0)], [0.0, 4.0], sample_weight=[3.0, 1.0]).data
    1.75
    """
    return loss_of_pairs(_squared_error, *paired(predictions, targets), sample_weight, reduction)


def half_squared_error(
    predictions: Any, targets: Any, *, sample_weight: Any = None, reduction: Reduction = "sum"
) -> Value:
    """Return half of the sum of the squared errors, whose derivative is the error itself (A11, B2, D2).

    Parameters
    ----------
    predictions, targets, sample_weight, reduction
        As in `mse`; the reduction is the sum unless another one is asked for.

    Returns
    -------
    Value, or array of Value
        ½ Σ (y - t)², not divided by the number of samples.

    Raises
    ------
    ValueError
        As `mse`.

    Examples
    --------
    >>> from autograd import Value
    >>> half_squared_error(Value(1.0), 5.0).data  # B2 of the notes
    8.0
    """
    return 0.5 * loss_of_pairs(_squared_error, *paired(predictions, targets), sample_weight, reduction)


def mae(predictions: Any, targets: Any, *, sample_weight: Any = None, reduction: Reduction = "mean") -> Value:
    """Return the mean of the absolute errors, whose derivative is 0 where there is no error.

    Parameters
    ----------
    predictions, targets, sample_weight, reduction
        As in `mse`.

    Returns
    -------
    Value, or array of Value
        The mean over all elements, their sum, or an array of the targets' shape.

    Raises
    ------
    ValueError
        As `mse`.

    Examples
    --------
    >>> from autograd import Value
    >>> mae([Value(1.0), Value(2.0)], [0.0, 4.0]).data
    1.5
    """
    return loss_of_pairs(_absolute_error, *paired(predictions, targets), sample_weight, reduction)


def huber(
    predictions: Any,
    targets: Any,
    *,
    delta: float = 1.0,
    sample_weight: Any = None,
    reduction: Reduction = "mean",
) -> Value:
    """Return the mean of errors e that count as ``e²/2`` up to delta, beyond it as ``delta (|e| - delta/2)``.

    Its derivative is the error, clipped to ±delta, so that an outlier pulls no harder than an error of delta
    (Huber, Robust estimation of a location parameter, 1964).

    Parameters
    ----------
    predictions, targets, sample_weight, reduction
        As in `mse`.
    delta : float
        Where the parabola becomes a line.

    Returns
    -------
    Value, or array of Value
        The mean over all elements, their sum, or an array of the targets' shape.

    Raises
    ------
    ValueError
        As `mse`, and for a delta that is not positive.

    Examples
    --------
    >>> from autograd import Value
    >>> huber([Value(1.5), Value(9.0)], [1.0, 1.0], reduction="none").tolist()
    [Value(0.125, op='+'), Value(7.5, op='+')]
    """
    if not isinstance(delta, Value) and not 0.0 < delta < inf:
        raise ValueError(f"expected delta of the Huber loss to be positive and finite, got {delta!r}")
    errors = partial(_huber_error, delta=delta)
    return loss_of_pairs(errors, *paired(predictions, targets), sample_weight, reduction)


def _squared_error(prediction: Any, target: Any) -> Any:
    error = prediction - target
    # Python's power of a float raises an error where it overflows; NumPy's, and that of a Value, is inf.
    return error * error if isinstance(error, float) else error**2


def _absolute_error(prediction: Any, target: Any) -> Any:
    return abs(prediction - target)


def _huber_error(prediction: Any, target: Any, delta: float) -> Any:
    # A choice by |e| would have the second derivative of |e| at 0, which is 0. The product c (e - c/2) has
    # 0 * inf in its derivative for an infinite error.
    error = prediction - target
    clipped = max(min(error, delta), -delta)
    return 0.5 * clipped * clipped + delta * abs(error - clipped)
