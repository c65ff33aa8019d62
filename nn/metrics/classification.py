"""Metrics of classifiers."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autograd import data

Labels = npt.NDArray[np.int64]


def predicted_classes(outputs: Any, *, threshold: float = 0.0) -> Labels:
    """Return the class that each row of outputs predicts.

    Parameters
    ----------
    outputs : array of Value or float, shape (samples, outputs)
        A score for each class, or a single score that is above the threshold for class 1.
    threshold : float
        0 for logits and scores; 0.5 for probabilities.

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
        return (scores[:, 0] > threshold).astype(np.int64)
    return np.asarray(scores.argmax(axis=1), dtype=np.int64)


def accuracy(outputs: Any, labels: npt.ArrayLike, *, threshold: float = 0.0) -> float:
    """Return the fraction of samples whose class is predicted correctly.

    Parameters
    ----------
    outputs, threshold
        As in `predicted_classes`.
    labels : array_like of int, shape (samples,)
        The true classes; for a single score also -1 and 1, as for the hinge loss; for several also a row of
        probabilities for each sample, such as one-hot, whose largest is the class.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        For outputs or labels of another shape, no samples, or labels that are no classes of these outputs.

    Examples
    --------
    >>> accuracy([[0.1, 2.0], [3.0, 1.0]], [1, 1])
    0.5
    """
    return float(np.mean(np.equal(*_classes(outputs, labels, threshold))))


def f1(
    outputs: Any,
    labels: npt.ArrayLike,
    *,
    average: Literal["binary", "macro"] | None = None,
    threshold: float = 0.0,
) -> float:
    """Return the F-score: the harmonic mean of precision and recall, ``2 tp / (2 tp + fp + fn)``.

    Parameters
    ----------
    outputs, labels, threshold
        As in `accuracy`.
    average : str or None
        ``"binary"`` for the score of class 1, ``"macro"`` for the mean of the scores of all classes that are
        predicted or right. None takes the first for two classes, and the second for more.

    Returns
    -------
    float
        From 0 to 1; 0 where class 1 is neither predicted nor right.

    Raises
    ------
    ValueError
        As `accuracy`; and for an unknown average, or the binary one of more than two classes.

    Examples
    --------
    >>> f1([[0.5], [-0.5], [2.0]], [1, 1, 0])
    0.5
    """
    if average not in (None, "binary", "macro"):
        raise ValueError(f'expected average to be "binary" or "macro", got {average!r}')
    return score_of_table(table_of(outputs, labels, threshold), average)


def table_of(outputs: Any, labels: npt.ArrayLike, threshold: float) -> Labels:
    """Return how often each class was predicted for each, as `confusion_matrix`.

    Examples
    --------
    >>> table_of([[0.5], [-0.5]], [1, 1], 0.0).tolist()
    [[0, 0], [1, 1]]
    """
    predicted, right = _classes(outputs, labels, threshold)
    return confusion_matrix(predicted, right, max(np.shape(data(outputs))[1], 2))


def score_of_table(table: Labels, average: str | None) -> float:
    """Return the F-score from how often each class was predicted for each.

    Raises
    ------
    ValueError
        For the binary average of more than two classes.

    Examples
    --------
    >>> score_of_table(np.array([[0, 0], [1, 1]]), "binary")
    0.6666666666666666
    """
    count = len(table)
    if average == "binary" and count > 2:
        raise ValueError(f'expected two classes for average="binary", got {count}: pass average="macro"')
    hits, marked = table.diagonal(), table.sum(axis=0) + table.sum(axis=1)
    scores = 2.0 * hits / np.maximum(marked, 1)
    return float(np.mean(scores[marked > 0]) if average == "macro" or count > 2 else scores[1])


def f1_macro(outputs: Any, labels: npt.ArrayLike, *, threshold: float = 0.0) -> float:
    """Return the mean of the F-scores of all classes, also of two: `f1` with ``average="macro"``.

    Parameters
    ----------
    outputs, labels, threshold
        As in `accuracy`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        As `accuracy`.

    Examples
    --------
    >>> round(f1_macro([[0.5], [-0.5], [2.0], [-1.0]], [1, 1, 0, 0]), 12)
    0.5
    """
    return f1(outputs, labels, average="macro", threshold=threshold)


def _classes(outputs: Any, labels: npt.ArrayLike, threshold: float) -> tuple[Labels, Labels]:
    """Return the predicted and the right class of each sample."""
    predicted, right = predicted_classes(outputs, threshold=threshold), np.asarray(labels)
    scores = np.shape(data(outputs))[1]
    if right.shape == (len(predicted), scores) and scores > 1:
        right = right.argmax(axis=1)
    if right.shape != predicted.shape:
        raise ValueError(f"expected labels of shape {predicted.shape}, one for each row, got {right.shape}")
    if not len(right):
        raise ValueError("a metric of no samples is not defined; pass at least one")
    if scores == 1:
        right = np.where(right == -1, 0, right)
    classes = max(scores, 2)
    wrong = ~np.isin(right, np.arange(classes))
    if wrong.any():
        signs = ", or -1 and 1" if scores == 1 else ""
        raise ValueError(
            f"expected labels to be whole numbers from 0 to {classes - 1}{signs}, got {right[wrong][0]} "
            f"of sample {int(np.argmax(wrong))}"
        )
    return predicted, right.astype(np.int64)


def probabilities_of(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the probability of each class from a logit for each, by the softmax (D9) of each row.

    Parameters
    ----------
    logits : ndarray of float, shape (samples, classes)
        Any real numbers.

    Returns
    -------
    ndarray of float, shape (samples, classes)
        Rows that add up to 1.

    Examples
    --------
    >>> probabilities_of(np.array([[0.0, 0.0], [800.0, -800.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


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
    if np.any(found != found.astype(np.int64)):
        raise ValueError("expected classes to be whole numbers: pass predicted_classes(outputs) for outputs")
    if np.any((found < 0) | (found >= classes)):
        raise ValueError(
            f"expected classes to be from 0 to {classes - 1}, got {found.min()} to {found.max()}"
        )
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (rows.astype(np.int64), columns.astype(np.int64)), 1)
    return counts
