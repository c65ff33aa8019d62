"""Data sets for classification: two real ones, a generated one, and the user's own CSV."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.printable import printable

from .layers import Rng

Inputs = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

_MOST_CLASSES = 50


# The largest text file that is read. What never ends, such as /dev/zero, exceeds it.
_MOST_BYTES = 2**28

_MOST_NAMES = 10


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


def iris() -> Dataset:
    """Return Fisher's Iris data: 150 flowers of 3 species, 4 lengths in cm.

    Raises
    ------
    DatasetError
        If scikit-learn, which carries the data, is not installed.

    Examples
    --------
    >>> iris().inputs.shape
    (150, 4)
    """
    return _from_sklearn("iris")


def wine() -> Dataset:
    """Return the Wine data: 178 wines of 3 cultivars, 13 chemical measurements.

    Raises
    ------
    DatasetError
        If scikit-learn, which carries the data, is not installed.

    Examples
    --------
    >>> wine().inputs.shape
    (178, 13)
    """
    return _from_sklearn("wine")


def moons(samples: int = 200, noise: float = 0.1, rng: Rng = 0) -> Dataset:
    """Return two interleaved half circles of points.

    Parameters
    ----------
    samples : int
        Number of points, at least 2.
    noise : float
        Standard deviation of the normal noise on each coordinate; the circles have radius 1.
    rng : Generator, int or None
        The source of the noise.

    Returns
    -------
    Dataset
        Two features x and y, two classes.

    Raises
    ------
    ValueError
        For fewer than 2 samples, or negative noise.

    Examples
    --------
    >>> moons(100).inputs.shape
    (100, 2)
    """
    if samples < 2 or not noise >= 0.0:
        raise ValueError(f"moons expected samples >= 2 and noise >= 0, got {samples} and {noise}")
    upper = samples // 2
    t = np.concatenate([np.linspace(0.0, np.pi, upper), np.linspace(0.0, np.pi, samples - upper)])
    labels = np.repeat([0, 1], [upper, samples - upper])
    x = np.where(labels == 0, np.cos(t), 1.0 - np.cos(t))
    y = np.where(labels == 0, np.sin(t), 0.5 - np.sin(t))
    inputs = np.column_stack([x, y]) + np.random.default_rng(rng).normal(0.0, noise, (samples, 2))
    return Dataset("moons", inputs, labels, ("x", "y"), ("upper", "lower"))


def read_csv(path: str | Path, target: str | None = None) -> Dataset:
    r"""Return the samples of a CSV file: a row of column names, then a row for each sample.

    Parameters
    ----------
    path : path-like
        A text file in UTF-8, its cells separated by commas, semicolons or tabs.
    target : str or None
        The column that holds the class; None takes the last. All other columns are numbers.

    Returns
    -------
    Dataset
        The classes in alphabetical order.

    Raises
    ------
    DatasetError
        If the file cannot be read, is empty, lacks the column, has a cell that is not a finite number,
        or has fewer than two classes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_text("size,kind\n1,cat\n9,dog\n")
    ...     read_csv(f"{folder}/a.csv").classes
    ('cat', 'dog')
    """
    file = Path(path)
    rows = _read_rows(file)
    (first, header), *samples = rows
    _check_names(file, first, header)
    if not samples:
        raise DatasetError(f"{file}: there is no row below the names of the columns")
    hint = _target_hint(header, samples) if target is None else ""
    target = header[-1] if target is None else target
    if target not in header:
        more = f" and {len(header) - _MOST_NAMES} more" if len(header) > _MOST_NAMES else ""
        known = ", ".join(header[:_MOST_NAMES])
        raise DatasetError(f"{file}: no column is called {target!r}; there are {known}{more}")
    if len(header) < 2:
        raise DatasetError(f"{file}: there is no column besides the target {target!r}")
    at = header.index(target)
    if _is_sample(header, at, samples):
        raise DatasetError(f"{file}: row {first} holds numbers where the names of the columns were expected")
    names = [_class_name(file, number, target, row[at]) for number, row in samples]
    classes = sorted(set(names))
    _check_classes(file, target, classes, hint)
    features = tuple(name for name in header if name != target)
    inputs = np.array(
        [
            [
                _number(file, number, name, cell, hint)
                for name, cell in zip(header, row, strict=True)
                if name != target
            ]
            for number, row in samples
        ]
    )
    labels = np.array([classes.index(name) for name in names])
    return Dataset(file.stem, inputs, labels, features, tuple(classes))


def split(dataset: Dataset, held_out: float = 1 / 3, rng: Rng = None) -> tuple[Dataset, Dataset]:
    """Return a training and a held-out part with the same mix of classes.

    Parameters
    ----------
    dataset : Dataset
        The samples.
    held_out : float
        Fraction to hold out, between 0 and 1.
    rng : Generator, int or None
        The source of the random choice.

    Returns
    -------
    (Dataset, Dataset)
        The part for training and the held-out part.

    Raises
    ------
    ValueError
        For a fraction out of range.
    DatasetError
        If a class has fewer than two samples: each part needs one.

    Examples
    --------
    >>> [len(part) for part in split(iris(), rng=0)]
    [99, 51]
    """
    if not 0.0 < held_out < 1.0:
        raise ValueError(f"expected held_out to be between 0 and 1, got {held_out}")
    generator = np.random.default_rng(rng)
    kept, held = [], []
    for label, name in enumerate(dataset.classes):
        members = generator.permutation(np.flatnonzero(dataset.labels == label))
        if len(members) < 2:
            raise DatasetError(
                f"{dataset.name}: class {name!r} has {len(members)} sample; it takes two or more, "
                "to train on and to hold out"
            )
        count = min(max(round(held_out * len(members)), 1), len(members) - 1)
        held.append(members[:count])
        kept.append(members[count:])
    return dataset.take(np.sort(np.concatenate(kept))), dataset.take(np.sort(np.concatenate(held)))


@dataclass(frozen=True)
class Standardizer:
    """Shifts and scales each feature to mean 0 and standard deviation 1.

    Attributes
    ----------
    mean, scale : ndarray of float, shape (features,)
        Mean and standard deviation of the samples it was made from. A constant feature has scale 1.

    Examples
    --------
    >>> Standardizer.of(np.array([[1.0], [3.0]]))(np.array([[5.0]]))
    array([[3.]])
    """

    mean: Inputs
    scale: Inputs

    @classmethod
    def of(cls, inputs: Inputs) -> Standardizer:
        """Return the standardizer of these samples."""
        # The computed deviation would not do: that of 99 times 0.1 is 1e-17 by rounding.
        constant = np.ptp(inputs, axis=0) == 0.0
        return cls(inputs.mean(axis=0), np.where(constant, 1.0, inputs.std(axis=0)))

    def __call__(self, inputs: Inputs) -> Inputs:
        """Return the samples, standardised."""
        return (inputs - self.mean) / self.scale


def _from_sklearn(name: str) -> Dataset:
    if find_spec("sklearn") is None:
        raise DatasetError(f"the {name} data set comes with scikit-learn: pip install 'chainrule[train]'")
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    features = tuple(feature.removesuffix(" (cm)") for feature in bunch.feature_names)
    classes = tuple(str(c).replace("_", " ") for c in bunch.target_names)
    return Dataset(name, bunch.data, bunch.target.astype(np.int64), features, classes)


# --------------------------------------------------------------------------------------------------- CSV


def _read_rows(file: Path) -> list[tuple[int, list[str]]]:
    """Return the rows that are not blank, each with its number and as many cells as the first."""
    text = _read_text(file)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise DatasetError(f"{file}: row {reader.line_num}: {error}") from error
    if not rows:
        raise DatasetError(f"{file}: is empty")
    first, header = rows[0]
    for number, cells in rows:
        if len(cells) != len(header):
            raise DatasetError(
                f"{file}: row {number} has {len(cells)} cells, but row {first} has {len(header)}"
            )
    return rows


def _read_text(file: Path) -> str:
    """Return the text of a file."""
    try:
        with open(file, "rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise DatasetError(
            f"{file}: holds more than {_MOST_BYTES / 2**20:g} MiB, or never ends; pass a part of it"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file}: is not a text in UTF-8 (at byte {error.start})") from error


def _delimiter(text: str) -> str:
    """Return the delimiter that occurs most often in the header, outside of quotes."""
    header = text.lstrip().partition("\n")[0]
    return max(",;\t", key=re.sub('"[^"]*"', "", header).count)


def _is_sample(header: list[str], target: int, samples: list[tuple[int, list[str]]]) -> bool:
    """Return whether the first row is a sample: numbers, and a class that is a number or occurs again."""
    numbers = [_is_number(cell) for cell in header]
    is_class = numbers.pop(target) or header[target] in {cells[target] for _, cells in samples}
    return all(numbers) and is_class


def _check_names(file: Path, row: int, header: list[str]) -> None:
    counts = Counter(header)
    if len(counts) < len(header):
        repeated = next(name for name in header if counts[name] > 1)
        raise DatasetError(f"{file}: the column name {repeated!r} stands in row {row} more than once")


def _target_hint(header: list[str], samples: list[tuple[int, list[str]]]) -> str:
    """Return a hint to make the first column the target, if it seems to hold the classes."""
    cells = [cells[0] for _, cells in samples]
    kinds = set(cells)
    # A column with fractions holds measurements, and one whose values are all different names samples.
    is_class = all(cell and (not _is_number(cell) or float(cell).is_integer()) for cell in kinds)
    if not is_class or not 2 <= len(kinds) <= min(_MOST_CLASSES, len(cells) // 2):
        return ""
    name = header[0]
    return f" (column {name!r} looks like the classes: pass target={name!r}, or --target {name})"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python reads 1_5 as 15


def _number(file: Path, row: int, column: str, cell: str, hint: str) -> float:
    if not _is_number(cell) or not math.isfinite(float(cell)):
        what = f"{cell!r} is not a finite number{hint}" if cell else "the cell is empty"
        raise DatasetError(f"{file}: row {row}, column {column!r}: {what}")
    return float(cell)


def _class_name(file: Path, row: int, column: str, cell: str) -> str:
    if not cell:
        raise DatasetError(f"{file}: row {row}, column {column!r}: the cell is empty")
    if cell.lower() == "nan":
        raise DatasetError(f"{file}: row {row}, column {column!r}: {cell!r} is not a class")
    return cell


def _check_classes(file: Path, target: str, classes: list[str], hint: str) -> None:
    if len(classes) < 2:
        raise DatasetError(
            f"{file}: column {target!r} holds the one class {classes[0]!r}; two or more are wanted"
        )
    if len(classes) > _MOST_CLASSES:
        raise DatasetError(
            f"{file}: column {target!r} holds {len(classes)} different values, but at most "
            f"{_MOST_CLASSES} classes are wanted; name another column as the target{hint}"
        )
