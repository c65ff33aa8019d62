"""`Dataset`: samples and their classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.printable import printable

Inputs = npt.NDArray[np.float64]


Labels = npt.NDArray[np.int64]


class DatasetError(ValueError):
    """A data set is wrong; the message is one line that names the file, the row and the column."""

    def __init__(self, message: str) -> None:
        # The content of a file must not act as a command to the terminal.
        super().__init__(printable(message))


@dataclass(frozen=True)
class Dataset:
    """Samples and their classes.

    Attributes
    ----------
    name : str
        The name of the data set.
    inputs : ndarray of float, shape (samples, features)
        A row for each sample.
    labels : ndarray of int, shape (samples,)
        The class of each sample, counted from 0.
    features, classes : tuple of str
        The names of the features and of the classes.
    """

    name: str
    inputs: Inputs
    labels: Labels
    features: tuple[str, ...]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[Any]) -> Dataset:
        """Return the given rows."""
        return replace(self, inputs=self.inputs[rows], labels=self.labels[rows])
