"""`Dataset`: samples and their targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.printable import printable

from .columns import DataColumn
from .imputation import Gaps

Inputs = npt.NDArray[np.float64]


Labels = npt.NDArray[np.int64]


class DatasetError(ValueError):
    """A data set is wrong; the message is one line that names the file, the row and the column."""

    def __init__(self, message: str) -> None:
        # The content of a file must not act as a command to the terminal.
        super().__init__(printable(message))


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Samples and their targets: classes, or numbers for regression. It unpacks as ``X, y = dataset``.

    Attributes
    ----------
    name : str
        The name of the data set.
    inputs : ndarray of float, shape (samples, features)
        A row for each sample.
    targets : ndarray, shape (samples,)
        The class of each sample as an int, counted from 0; for regression a float.
    features, classes : tuple of str
        The names of the features and of the classes. Without classes it is a regression.
    target : str
        The name of what is predicted.
    columns : tuple of DataColumn
        The columns that the features come from: one of categories gives a feature for each of them. Without
        any, each feature is a column of numbers.
    gaps : Gaps or None
        Which inputs were missing and have been filled in.
    remarks : tuple of str
        What was noticed in the file, such as a column that was left out.

    Examples
    --------
    >>> from nn.datasets import moons
    >>> X, y = moons(100)
    >>> X.shape, y.shape
    ((100, 2), (100,))
    >>> moons(100)
    Dataset('moons', 100 samples, 2 features, 2 classes)
    """

    name: str
    inputs: Inputs
    targets: npt.NDArray[Any]
    features: tuple[str, ...]
    classes: tuple[str, ...] = ()
    target: str = "target"
    columns: tuple[DataColumn, ...] = ()
    gaps: Gaps | None = None
    remarks: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.columns:
            object.__setattr__(self, "columns", tuple(map(DataColumn, self.features)))

    @property
    def labels(self) -> Labels:
        """The class of each sample.

        Raises
        ------
        AttributeError
            For regression, which has none.
        """
        if not self.classes:
            raise AttributeError(f"{self.name} is a regression: it has targets, and no labels")
        return self.targets

    def __len__(self) -> int:
        return len(self.targets)

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        yield self.inputs
        yield self.targets

    def __repr__(self) -> str:
        what = f"{len(self.classes)} classes" if self.classes else "regression"
        counts = [(len(self), "sample"), (len(self.features), "feature")]
        shown = ", ".join(f"{count} {word}{'s' * (count != 1)}" for count, word in counts)
        return f"Dataset({self.name!r}, {shown}, {what})"

    def take(self, rows: npt.NDArray[Any]) -> Dataset:
        """Return the given rows."""
        gaps = self.gaps and self.gaps.take(rows)
        return replace(self, inputs=self.inputs[rows], targets=self.targets[rows], gaps=gaps)

    def filled_as(self, training: Dataset) -> Dataset:
        """Return the samples with what is missing filled in by what the training samples have there.

        Parameters
        ----------
        training : Dataset
            The samples to learn it from.

        Raises
        ------
        DatasetError
            If a feature is missing in all training samples.
        """
        if self.gaps is None or training.gaps is None:
            return self
        try:
            fill = training.gaps.learned(training.inputs, self.columns)
        except ValueError as error:
            raise DatasetError(f"{self.name}: {error}") from error
        gaps = replace(self.gaps, fill=fill)
        return replace(self, inputs=gaps.filled(self.inputs), gaps=gaps)
