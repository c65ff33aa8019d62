"""`DataColumn`: what the cells of a column become as inputs of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .cells import is_missing, number
from .listing import some_of


@dataclass(frozen=True)
class DataColumn:
    """A column of numbers, or of categories, each of which is a feature that is 1 or 0 (one-hot).

    Attributes
    ----------
    name : str
        The name of the column.
    categories : tuple of str
        What its cells may be; empty for numbers.

    Examples
    --------
    >>> colour = DataColumn("colour", ("green", "red"))
    >>> colour.features
    ('colour=green', 'colour=red')
    >>> colour.encoded("red")
    (0.0, 1.0)
    >>> DataColumn("length").encoded("2.5")
    (2.5,)
    """

    name: str
    categories: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        return tuple(f"{self.name}={category}" for category in self.categories) or (self.name,)

    def encoded(self, cell: str) -> tuple[float, ...]:
        """Return the features of a cell; nan if it is missing.

        Raises
        ------
        ValueError
            If it is not a finite number, or none of the categories.
        """
        if is_missing(cell) and cell not in self.categories:
            return (np.nan,) * len(self.features)
        if not self.categories:
            return (number(cell),)
        if cell not in self.categories:
            raise ValueError(f"{cell!r} is none of the categories {some_of(self.categories)}")
        return tuple(float(category == cell) for category in self.categories)


def places(columns: Sequence[DataColumn]) -> list[npt.NDArray[np.int64]]:
    """Return where the features of each column are.

    Examples
    --------
    >>> places([DataColumn("colour", ("green", "red")), DataColumn("length")])
    [array([0, 1]), array([2])]
    """
    ends = np.cumsum([len(column.features) for column in columns])
    return np.split(np.arange(ends[-1]), ends[:-1])
