"""The metrics of an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..metrics import Metric
from ..metrics.batch_by_batch import running


class Measured:
    """The metrics of samples that come in batches.

    Parameters
    ----------
    metrics : dict
        Functions of outputs and targets, by name.
    is_streamed : bool
        Whether memory cannot hold the outputs of all samples. Otherwise functions are told of all at once.

    Examples
    --------
    >>> from ..metrics import r2
    >>> for is_streamed in (False, True):
    ...     measured = Measured({"r2": r2}, is_streamed)
    ...     measured.add(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    ...     measured.add(np.array([2.0]), np.array([2.0]))
    ...     print(measured.columns())
    {'r2': [0.5]}
    {'r2': [0.5]}
    """

    def __init__(self, metrics: Mapping[str, Metric], is_streamed: bool) -> None:
        self._metrics = metrics
        self._running = {name: running(measure) for name, measure in metrics.items()} if is_streamed else None
        self._outputs: list[Any] = []
        self._targets: list[Any] = []

    def add(self, outputs: Any, targets: Any) -> None:
        """Tell of a batch."""
        if not self._metrics:
            return
        if self._running is None:
            self._outputs.append(outputs)
            self._targets.append(targets)
            return
        for each in self._running.values():
            each.add(outputs, targets)

    def columns(self) -> dict[str, list[float]]:
        """Return each metric of all samples, as a column of one epoch."""
        if self._running is not None:
            return {name: [each.result()] for name, each in self._running.items()}
        if not self._metrics:
            return {}
        outputs, targets = np.concatenate(self._outputs), np.concatenate(self._targets)
        return {name: [float(measure(outputs, targets))] for name, measure in self._metrics.items()}
