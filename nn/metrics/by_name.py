"""Metrics by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

from ..lookup import named
from .classification import accuracy, f1, f1_macro
from .regression import mae, mse, r2, rmse

Metric = Callable[[Any, Any], float]
"""A function from outputs and targets to a number."""

_OF_CLASSES: tuple[Callable[..., float], ...] = (accuracy, f1, f1_macro)

METRICS: dict[str, Metric] = {function.__name__: function for function in (*_OF_CLASSES, r2, mae, mse, rmse)}
"""Metrics by name."""

FRACTIONS = frozenset(function.__name__ for function in _OF_CLASSES)
"""The names of metrics from 0 to 1, which read as percentages."""

INCREASING = FRACTIONS | {"r2"}
"""The names of metrics of which more is better."""

# As Keras and scikit-learn call them.
_ALIASES = {
    "acc": "accuracy",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "root_mean_squared_error": "rmse",
}


def metric(which: str | Metric, *, threshold: float = 0.0) -> Metric:
    """Return the metric of a name; a function is returned as it is.

    Parameters
    ----------
    which : str or callable
        A name of `METRICS`, in letters of any case, ``"acc"``, ``"mean_absolute_error"``,
        ``"mean_squared_error"`` or ``"root_mean_squared_error"``; or a function of outputs and targets.
    threshold : float
        From where on a single output tells class 1, for the metrics of classifiers: 0.5 for probabilities.

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
    >>> metric("accuracy") is accuracy, metric("R2") is r2
    (True, True)
    """
    if isinstance(which, str) and which.lower() in METRICS | _ALIASES:
        which = _ALIASES.get(which.lower(), which.lower())
    function: Callable[..., float] = named("metric", which, METRICS)
    if threshold == 0.0 or function not in _OF_CLASSES:
        return function
    return update_wrapper(partial(function, threshold=threshold), function)
