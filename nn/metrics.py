"""Metrics of classifiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import data

from .lookup import named

Labels = npt.NDArray[np.int64]

Metric = Callable[[Any, Any], float]
"""A function from outputs and targets to a number."""


def predicted_classes(outputs: Any) -> Labels:
    """Return the class that each row of outputs predicts.

    Parameters
    ----------
    outputs : array of Value or float, shape (samples, outputs)
        A score for each class, or a single score that is positive for class 1.

    Returns
    -------
    ndarray of int, shape (samples,)
        The column of the largest score, the first of equal ones.

    Raises
    ------
    ValueError
        For another shape.

    Examples
    --------
    >>> predicted_classes([[0.1, 2.0], [3.0, 1.0]])
    array([1, 0])
    """
    scores = data(outputs)
    if scores.ndim != 2:
        raise ValueError(f"expected outputs of shape (samples, outputs), got {scores.shape}")
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0.0).astype(np.int64)
    return np.asarray(scores.argmax(axis=1), dtype=np.int64)


def accuracy(outputs: Any, labels: npt.ArrayLike) -> float:
    """Return the fraction of samples whose class is predicted correctly.

    Parameters
    ----------
    outputs : array of Value or float, shape (samples, outputs)
        As in `predicted_classes`.
    labels : array_like of int, shape (samples,)
        The true classes; for a single score also -1 and 1, as for the hinge loss.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        For outputs or labels of another shape.

    Examples
    --------
    >>> accuracy([[0.1, 2.0], [3.0, 1.0]], [1, 1])
    0.5
    """
    predicted, right = predicted_classes(outputs), np.asarray(labels)
    if right.shape != predicted.shape:
        raise ValueError(f"expected labels of shape {predicted.shape}, one for each row, got {right.shape}")
    return float(np.mean(predicted == np.where(right < 0, 0, right)))


def confusion_matrix(predicted: npt.ArrayLike, labels: npt.ArrayLike, classes: int) -> Labels:
    """Return how often each class was taken for each.

    Parameters
    ----------
    predicted, labels : array_like of int, shape (samples,)
        The predicted and the right classes.
    classes : int
        How many there are.

    Returns
    -------
    ndarray of int, shape (classes, classes)
        Row: the right class; column: the predicted one.

    Raises
    ------
    ValueError
        For different shapes, or a class that does not exist.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1], [0, 1, 0], 2)
    array([[1, 1],
           [0, 1]])
    """
    rows, columns = np.asarray(labels), np.asarray(predicted)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise ValueError(
            f"predicted classes of shape {columns.shape} do not fit labels of shape {rows.shape}"
        )
    found = np.concatenate([rows, columns])
    if np.any((found < 0) | (found >= classes)):
        raise ValueError(
            f"expected classes to be from 0 to {classes - 1}, got {found.min()} to {found.max()}"
        )
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (rows, columns), 1)
    return counts


METRICS: dict[str, Metric] = {function.__name__: function for function in (accuracy,)}
"""Metrics by name."""


def metric(which: str | Metric) -> Metric:
    """Return the metric of a name; a function is returned as it is.

    Parameters
    ----------
    which : str or callable
        A name of `METRICS`, or a function of outputs and targets.

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
    >>> metric("accuracy") is accuracy
    True
    """
    return named("metric", which, METRICS)
