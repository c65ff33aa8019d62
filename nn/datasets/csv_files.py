"""Data sets in CSV files."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np

from .dataset import Dataset, DatasetError
from .text_files import read_rows

_MOST_CLASSES = 50


_MOST_NAMES = 10


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
    rows = read_rows(file)
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
