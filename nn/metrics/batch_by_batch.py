"""Metrics of samples that come in batches and are not kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .by_name import Metric
from .classification import Labels, f1, f1_macro, score_of_table, table_of
from .regression import SquaredErrors, pair_of, r2, rmse


class RunningMetric(ABC):
    """A metric of all samples that were added so far."""

    @abstractmethod
    def add(self, outputs: Any, targets: Any) -> None:
        """Add the samples of a batch."""

    @abstractmethod
    def result(self) -> float:
        """Return the metric of all of them."""


class MeanOfBatches(RunningMetric):
    """The mean of a metric over batches, weighted by their lengths.

    It is the metric of all samples where that is a mean over samples itself, as the accuracy is.
    """

    def __init__(self, measure: Metric) -> None:
        self._measure = measure
        self._total, self._count = 0.0, 0

    def add(self, outputs: Any, targets: Any) -> None:
        """Add the metric of a batch."""
        self._total += float(self._measure(outputs, targets)) * len(targets)
        self._count += len(targets)

    def result(self) -> float:
        """Return the mean."""
        return self._total / self._count


class FromTable(RunningMetric):
    """An F-score, from how often each class was taken for each."""

    def __init__(self, average: str | None = None, threshold: float = 0.0) -> None:
        self._average, self._threshold = average, threshold
        self._table: Labels = np.zeros((1, 1), dtype=np.int64)

    def add(self, outputs: Any, targets: Any) -> None:
        """Add the table of a batch."""
        self._table = self._table + table_of(outputs, targets, self._threshold)

    def result(self) -> float:
        """Return the score."""
        return score_of_table(self._table, self._average)


class FromErrors(RunningMetric):
    """A metric from the squared errors of columns, and how far their targets are spread."""

    def __init__(self, metric_of: Callable[[SquaredErrors], float]) -> None:
        self._errors, self._metric_of = SquaredErrors(), metric_of

    def add(self, outputs: Any, targets: Any) -> None:
        """Add the errors of a batch."""
        self._errors.add(*pair_of(outputs, targets))

    def result(self) -> float:
        """Return the metric."""
        return self._metric_of(self._errors)


def running(measure: Metric) -> RunningMetric:
    """Return what computes a metric batch by batch, in memory that does not grow.

    Parameters
    ----------
    measure : callable
        A function of outputs and targets.

    Returns
    -------
    RunningMetric
        The metric of all samples for those of `METRICS`; for another function, the mean over the batches,
        weighted by their lengths.

    Examples
    --------
    >>> found = running(rmse)
    >>> found.add([[1.0], [2.0]], [1.0, 2.0])
    >>> found.add([[7.0]], [4.0])
    >>> found.result() == rmse([[1.0], [2.0], [7.0]], [1.0, 2.0, 4.0])
    True
    """
    function, options = measure, {}
    if isinstance(measure, partial):
        function, options = measure.func, measure.keywords
    if function is f1:
        return FromTable(**options)
    if function is f1_macro:
        return FromTable("macro", **options)
    if function is r2:
        return FromErrors(SquaredErrors.r2)
    if function is rmse:
        return FromErrors(SquaredErrors.rmse)
    return MeanOfBatches(measure)
