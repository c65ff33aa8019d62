"""Losses of numbers."""

from __future__ import annotations

from typing import Any

from autograd import Value, sum

from .terms import is_whole, mean_of, of_each, paired, total_of


def mse(predictions: Any, targets: Any) -> Value:
    """Return the mean of the squared errors (C1, E4).

    Parameters
    ----------
    predictions, targets : Value, sequence or array
        Of one shape.

    Returns
    -------
    Value
        The mean over all elements.

    Raises
    ------
    ValueError
        For different shapes, or none at all.

    Examples
    --------
    >>> mse([Value(1.0), Value(2.0)], [0.0, 4.0])
    Value(2.5, op='/')
    """
    return mean_of(of_each(_squared_error, *paired(predictions, targets)))


def half_squared_error(predictions: Any, targets: Any) -> Value:
    """Return half of the sum of the squared errors, whose derivative is the error itself (A11, B2, D2).

    Parameters
    ----------
    predictions, targets : Value, sequence or array
        Of one shape.

    Returns
    -------
    Value
        ½ Σ (y - t)², not divided by the number of samples.

    Raises
    ------
    ValueError
        For different shapes, or none at all.

    Examples
    --------
    >>> half_squared_error(Value(1.0), 5.0).data  # B2 of the notes
    8.0
    """
    flat, wanted = paired(predictions, targets)
    if is_whole(flat) or is_whole(wanted):
        return 0.5 * total_of(of_each(_squared_error, flat, wanted))
    # A list takes half of the time of vmap.
    return 0.5 * sum([(p - t) ** 2 for p, t in zip(flat, wanted, strict=True)])  # type: ignore[no-any-return]


def _squared_error(prediction: Any, target: Any) -> Any:
    return (prediction - target) ** 2
