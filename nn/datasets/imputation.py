"""Filling in what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .columns import DataColumn, places

Inputs = npt.NDArray[np.float64]


def _most_frequent(numbers: Inputs) -> float:
    values, counts = np.unique(numbers, return_counts=True)
    return float(values[counts.argmax()])


STRATEGIES: dict[str, Callable[[Inputs], float]] = {
    "mean": lambda numbers: float(np.mean(numbers)),
    "median": lambda numbers: float(np.median(numbers)),
    "most_frequent": _most_frequent,
}
"""What a number that is missing becomes, by name; a category becomes the most frequent one."""


@dataclass(frozen=True, eq=False)
class Gaps:
    """Which inputs were missing, and what they are filled in with.

    Attributes
    ----------
    missing : ndarray of bool, shape (samples, features)
        Whether each was missing.
    strategy : str
        A name of `STRATEGIES`.
    fill : ndarray of float, shape (features,)
        What takes the place of a missing one.

    Examples
    --------
    >>> inputs = np.array([[1.0], [np.nan], [5.0]])
    >>> gaps = Gaps(np.isnan(inputs), "mean")
    >>> replace(gaps, fill=gaps.learned(inputs, [DataColumn("length")])).filled(inputs).tolist()
    [[1.0], [3.0], [5.0]]
    """

    missing: npt.NDArray[np.bool_]
    strategy: str
    fill: Inputs | None = None

    def take(self, rows: npt.NDArray[Any]) -> Gaps:
        """Return the gaps of the given rows."""
        return replace(self, missing=self.missing[rows])

    def learned(self, inputs: Inputs, columns: Sequence[DataColumn]) -> Inputs:
        """Return what to fill in, by the inputs that are not missing.

        Raises
        ------
        ValueError
            If a column has none.
        """
        fill = np.zeros(inputs.shape[1])
        for column, at in zip(columns, places(columns), strict=True):
            known = inputs[~self.missing[:, at[0]]][:, at]
            if not len(known):
                raise ValueError(f"column {column.name!r} has no value to learn from: leave it out")
            if column.categories:
                fill[at[known.sum(axis=0).argmax()]] = 1.0
            else:
                fill[at] = STRATEGIES[self.strategy](known[:, 0])
        return fill

    def filled(self, inputs: Inputs) -> Inputs:
        """Return the inputs with the gaps filled in."""
        return np.where(self.missing, np.nan if self.fill is None else self.fill, inputs)
