"""Metrics of regressions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import data

Array = npt.NDArray[np.float64]


class SquaredErrors:
    """The squared errors of columns, and those of the means of their targets, added up batch by batch.

    Examples
    --------
    >>> errors = SquaredErrors()
    >>> for y in ([1.0, 2.0], [3.0]):
    ...     _ = errors.add(np.array(y) + 1.0, np.array(y))
    >>> errors.r2(), errors.rmse()
    (-0.5, 1.0)
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean, self._missed, self._spread = np.zeros(1), np.zeros(1), np.zeros(1)

    def add(self, found: Array, wanted: Array) -> SquaredErrors:
        """Add some samples."""
        count, mean = len(wanted), wanted.mean(axis=0)
        share = count / (self._count + count)
        away = mean - self._mean
        # About the mean of the batch, and from there to that of all (Chan, Golub, LeVeque, Algorithms for
        # computing the sample variance, 1983): sums of squares would cancel.
        self._spread = self._spread + np.sum((wanted - mean) ** 2, axis=0) + away**2 * (self._count * share)
        self._missed = self._missed + np.sum((found - wanted) ** 2, axis=0)
        self._mean = self._mean + away * share
        self._count += count
        return self

    def r2(self) -> float:
        """Return the coefficient of determination; nan for one sample."""
        if self._count < 2:
            return float("nan")
        missed, spread = self._missed, self._spread
        explained = 1.0 - missed / np.where(spread == 0.0, 1.0, spread)
        return float(np.mean(np.where(spread == 0.0, missed == 0.0, explained)))

    def rmse(self) -> float:
        """Return the mean of the roots of the mean squared errors of all columns."""
        return float(np.mean(np.sqrt(self._missed / self._count)))


def r2(outputs: Any, targets: npt.ArrayLike) -> float:
    """Return the coefficient of determination: the share of the targets' variance that is explained.

    Parameters
    ----------
    outputs : array of Value or float, shape (samples, outputs) or (samples,)
        The predictions.
    targets : array_like, of the same shape
        What is right; an output column of shape (samples, 1) goes with targets of shape (samples,).

    Returns
    -------
    float
        ``1 - Σ (y - t)² / Σ (t - mean)²``, the mean of all columns: 1 at best, 0 for the mean of the targets
        as prediction. Where the targets are all alike, 1 for exact ones and else 0; nan for one sample.

    Raises
    ------
    ValueError
        For different shapes, or no samples.

    Examples
    --------
    >>> r2([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    0.5
    """
    return SquaredErrors().add(*pair_of(outputs, targets)).r2()


def mae(outputs: Any, targets: npt.ArrayLike) -> float:
    """Return the mean absolute error.

    Parameters
    ----------
    outputs, targets
        As in `r2`.

    Returns
    -------
    float
        The mean over samples and columns.

    Raises
    ------
    ValueError
        As `r2`.

    Examples
    --------
    >>> mae([[1.0], [2.0], [4.0]], [1.0, 3.0, 2.0])
    1.0
    """
    found, wanted = pair_of(outputs, targets)
    return float(np.mean(np.abs(found - wanted)))


def mse(outputs: Any, targets: npt.ArrayLike) -> float:
    """Return the mean squared error.

    Parameters
    ----------
    outputs, targets
        As in `r2`.

    Returns
    -------
    float
        The mean over samples and columns.

    Raises
    ------
    ValueError
        As `r2`.

    Examples
    --------
    >>> mse([[1.0], [2.0]], [1.0, 4.0])
    2.0
    """
    found, wanted = pair_of(outputs, targets)
    return float(np.mean((found - wanted) ** 2))


def rmse(outputs: Any, targets: npt.ArrayLike) -> float:
    """Return the root of the mean squared error: an error in the unit of the targets.

    Parameters
    ----------
    outputs, targets
        As in `r2`.

    Returns
    -------
    float
        The mean of the roots of all columns, as in scikit-learn.

    Raises
    ------
    ValueError
        As `r2`.

    Examples
    --------
    >>> rmse([[1.0], [2.0]], [4.0, 5.0])
    3.0
    """
    return SquaredErrors().add(*pair_of(outputs, targets)).rmse()


def pair_of(outputs: Any, targets: npt.ArrayLike) -> tuple[Array, Array]:
    """Return the numbers of outputs and targets, of one shape.

    Raises
    ------
    ValueError
        For different shapes, or no samples.

    Examples
    --------
    >>> pair_of([[1.0], [2.0]], [3, 4])
    (array([1., 2.]), array([3., 4.]))
    """
    found, wanted = data(outputs), data(targets)
    shapes = found.shape, wanted.shape
    if found.ndim == wanted.ndim + 1 and found.shape[-1] == 1:
        found = found[..., 0]
    if found.shape != wanted.shape or found.ndim not in (1, 2):
        raise ValueError(
            "expected outputs of shape (samples, outputs) or (samples,) and targets that fit them, got "
            f"shapes {shapes[0]} and {shapes[1]}"
        )
    if 0 in found.shape:
        raise ValueError("a metric of no samples is not defined; pass at least one")
    return found, wanted
