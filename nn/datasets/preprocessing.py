"""`Preprocessing`: from what a file says to the inputs of a model, and from its outputs to answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..metrics import predicted_classes
from .columns import DataColumn, places
from .dataset import Dataset, Inputs
from .encoding import read_features
from .standardizer import Standardizer
from .tables import Header, Table
from .targets import read_labels, read_numbers


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """What a model has to know of the samples it was trained on, to be used for other ones.

    Attributes
    ----------
    columns : tuple of DataColumn
        The columns of numbers and categories that its inputs come from.
    standardize : Standardizer
        Mean and scale of the features.
    fill : ndarray of float or None
        What takes the place of a feature that is missing; None for an error.
    target : str
        The name of what is predicted.
    classes : tuple of str
        The classes; none for regression.
    scale : Standardizer or None
        Mean and scale of the targets of a regression: the model is trained on standardised ones.

    Examples
    --------
    >>> from nn.datasets import iris
    >>> preprocessing = Preprocessing.of(iris())
    >>> flower = {"sepal length": 5.1, "sepal width": 3.5, "petal length": 1.4, "petal width": 0.2}
    >>> preprocessing.row(flower).round(2).tolist()
    [-0.9, 1.02, -1.34, -1.32]
    >>> preprocessing.answers(np.array([[0.1, 2.0, -1.0]])).tolist()
    ['versicolor']
    >>> Preprocessing.from_dict(preprocessing.to_dict()).classes
    ('setosa', 'versicolor', 'virginica')
    """

    columns: tuple[DataColumn, ...]
    standardize: Standardizer
    fill: Inputs | None = None
    target: str = "target"
    classes: tuple[str, ...] = ()
    scale: Standardizer | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> Preprocessing:
        """Return what is learnt from the samples that a model is trained on."""
        return cls(
            dataset.columns,
            Standardizer.of(dataset.inputs),
            dataset.gaps.fill if dataset.gaps else None,
            dataset.target,
            dataset.classes,
            None if dataset.classes else Standardizer.of(dataset.targets[:, None]),
        )

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(feature for column in self.columns for feature in column.features)

    def __call__(self, inputs: Inputs) -> Inputs:
        """Return the inputs of the model for samples in the units of the data."""
        return self.standardize(inputs)

    def targets(self, dataset: Dataset) -> npt.NDArray[Any]:
        """Return what the model is to give: labels of classes, or standardised numbers."""
        if self.scale is None:
            return dataset.targets
        return self.scale(dataset.targets[:, None])[:, 0]

    def answers(self, outputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what the outputs of the model say: the names of classes, or numbers in the target's unit.

        Parameters
        ----------
        outputs : ndarray of float, shape (samples, outputs)
            The outputs of the model.

        Returns
        -------
        ndarray of str or float, shape (samples,)
            An answer for each sample.
        """
        if self.scale is not None:
            return np.asarray(outputs[:, 0] * self.scale.scale[0] + self.scale.mean[0])
        return np.array(self.classes)[predicted_classes(outputs)]

    def row(self, cells: Mapping[str, str | float]) -> Inputs:
        """Return the inputs of the model for one sample.

        Parameters
        ----------
        cells : mapping of str to str or float
            What stands in each column.

        Returns
        -------
        ndarray of float, shape (features,)
            The inputs.

        Raises
        ------
        DatasetError
            If a column is missing, or does not hold what it may.
        """
        table = Table(Path("row"), tuple(cells), [(1, [str(cell).strip() for cell in cells.values()])], True)
        return np.asarray(self(self._features(table))[0])

    def read_inputs(self, path: str | Path, header: Header = "infer") -> Inputs:
        """Return the inputs of the model for each row of a CSV file, which need not have the target.

        Raises
        ------
        DatasetError
            If the file lacks a column, or a cell does not hold what it may.
        """
        return self(self._features(self._table(path, header)))

    def read_csv(self, path: str | Path, header: Header = "infer") -> Dataset:
        """Return the samples of a CSV file with the target, as those that the model was trained on.

        Raises
        ------
        DatasetError
            If the file lacks a column, or a cell does not hold what it may.
        """
        table = self._table(path, header)
        inputs, at = self._features(table), table.place(self.target)
        targets = read_labels(table, at, self.classes) if self.classes else np.array(read_numbers(table, at))
        return Dataset(
            table.file.stem, inputs, targets, self.features, self.classes, self.target, self.columns
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, which JSON can hold."""
        return {
            "columns": [{"name": c.name, "categories": list(c.categories)} for c in self.columns],
            "mean": self.standardize.mean.tolist(),
            "scale": self.standardize.scale.tolist(),
            "fill": None if self.fill is None else self.fill.tolist(),
            "target": self.target,
            "classes": list(self.classes),
            "target_mean": None if self.scale is None else float(self.scale.mean[0]),
            "target_scale": None if self.scale is None else float(self.scale.scale[0]),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Preprocessing:
        """Return what `to_dict` has been called on.

        Raises
        ------
        ValueError
            If the data is anything else.
        """
        try:
            columns = tuple(DataColumn(_text(c["name"]), _texts(c["categories"])) for c in data["columns"])
            if not columns:
                raise ValueError("the preprocessing is damaged: expected columns, got none")
            width = sum(len(column.features) for column in columns)
            scaling = Standardizer(_numbers(data["mean"], width), _numbers(data["scale"], width))
            fill = None if data["fill"] is None else _numbers(data["fill"], width)
            classes, scale = _texts(data["classes"]), None
            if not classes:
                scale = Standardizer(_numbers([data["target_mean"]], 1), _numbers([data["target_scale"]], 1))
            return cls(columns, scaling, fill, _text(data["target"]), classes, scale)
        except KeyError as error:
            raise ValueError(f"the preprocessing has no {error}") from None
        except (TypeError, AttributeError) as error:
            raise ValueError(f"the preprocessing is damaged: {error}") from None

    def _table(self, path: str | Path, header: Header) -> Table:
        names = [column.name for column in self.columns]
        table = Table.read(path, header, known=names)
        if table.has_header or len(table.names) != len(names):
            return table
        # Without names, as many columns as the model has are meant by their places.
        return Table(table.file, tuple(names), table.rows, False)

    def _features(self, table: Table) -> Inputs:
        """Return the features of each row, in the units of the data."""
        found = [table.place(column.name) for column in self.columns]
        fills = [_NO_FILL if self.fill is None else self.fill[at] for at in places(self.columns)]
        blocks = map(read_features, repeat(table), found, self.columns, fills)
        return np.concatenate(list(blocks), axis=1)


_NO_FILL = ", and the model was trained on data without gaps"


def _text(item: object) -> str:
    if not isinstance(item, str):
        raise TypeError(f"expected a text, got {item!r}")
    return item


def _texts(items: object) -> tuple[str, ...]:
    if not isinstance(items, list):
        raise TypeError(f"expected a list of texts, got {items!r}")
    return tuple(map(_text, items))


def _numbers(items: Any, count: int) -> Inputs:
    numbers = np.array([float(item) for item in items])
    if len(numbers) != count or not np.all(np.isfinite(numbers)):
        raise ValueError(f"the preprocessing is damaged: expected {count} finite numbers, got {items!r:.80}")
    return numbers
