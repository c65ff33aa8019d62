"""Data sets in CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from .cells import is_meant_as_number, is_missing
from .columns import DataColumn
from .dataset import Dataset, DatasetError
from .encoding import read_features
from .identifiers import is_identifier
from .imputation import STRATEGIES, Gaps
from .tables import Header, Table
from .targets import MOST_CLASSES, Task, looks_like_classes, read_target

Strategy = Literal["mean", "median", "most_frequent"]


def read_csv(
    path: str | Path,
    target: str | int | None = None,
    *,
    task: Task = None,
    missing: Strategy | None = None,
    header: Header = "infer",
    drop: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
) -> Dataset:
    r"""Return the samples of a CSV file: a row of column names, then a row for each sample.

    A column of texts becomes a feature for each of its categories, such as ``colour=red``, which is 1 or 0.

    Parameters
    ----------
    path : path-like
        A text file in UTF-8, its cells separated by commas, semicolons or tabs. It may be compressed by gzip.
    target : str, int or None
        The column to predict, by its name or its place; None takes the last.
    task : {"classification", "regression"} or None
        None takes a target of numbers with fractions, or of more than 20 numbers, for a regression.
    missing : {"mean", "median", "most_frequent"} or None
        What fills in a number that is missing: an empty cell, NaN, NA, null or a question mark. A category
        becomes the most frequent one. None raises instead.
    header : {"infer", 0} or None
        0 for a first row of names, None for a file without: its columns are called x1, x2 and so on.
    drop : sequence of str or None
        Columns to leave out. None leaves out those that name the samples, and a remark says so: unique
        texts, or whole numbers that count up.
    categorical : sequence of str
        Columns whose numbers are categories.

    Returns
    -------
    Dataset
        The classes in alphabetical order; what was noticed is in its `remarks`.

    Raises
    ------
    DatasetError
        If the file cannot be read, is empty, or lacks the column, and for a cell that is missing, or not a
        finite number in a column of numbers, for fewer than two classes, or more than 50 categories.
    ValueError
        For an unknown option.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_text("size,colour,kind\n1,red,cat\n9,,dog\n4,red,dog\n")
    ...     data = read_csv(f"{folder}/a.csv", missing="mean")
    >>> data.classes, data.features
    (('cat', 'dog'), ('size', 'colour=red'))
    >>> data.inputs.tolist()
    [[1.0, 1.0], [9.0, 1.0], [4.0, 1.0]]
    """
    _check_options(task, missing)
    table = Table.read(path, header)
    at = table.place(-1 if target is None else target)
    if len(table.names) < 2:
        raise DatasetError(f"{table.file}: there is no column besides the target {table.names[at]!r}")
    remarks = [] if table.has_header else [f"no row of names: the columns are x1 to x{len(table.names)}"]
    if target is None and looks_like_classes(table.cells(0)) and not looks_like_classes(table.cells(at)):
        name = table.names[0]
        remarks.append(f"column {name!r} looks like the classes: pass target={name!r}, or --target {name}")
    targets, classes = read_target(table, at, task)
    left_out = _left_out(table, at, drop, remarks)
    forced = {table.place(name) for name in categorical}
    chosen = [i for i in range(len(table.names)) if i != at and i not in left_out]
    if not chosen:
        raise DatasetError(f"{table.file}: no column is left besides the target {table.names[at]!r}")
    columns = tuple(_column(table, i, i in forced) for i in chosen)
    blocks = []
    for i, column in zip(chosen, columns, strict=True):
        unknown = np.full(len(column.features), np.nan)
        blocks.append(read_features(table, i, column, unknown if missing else _GAP, _hint(table, i, column)))
    encoded = np.concatenate(blocks, axis=1)
    data = Dataset(
        _stem(table.file),
        encoded,
        targets,
        tuple(feature for column in columns for feature in column.features),
        classes,
        table.names[at],
        columns,
        Gaps(np.isnan(encoded), missing) if missing else None,
        tuple(remarks),
    )
    return data.filled_as(data)


_GAP = " (to fill it in: missing='mean', or --missing mean)"


def _hint(table: Table, place: int, column: DataColumn) -> str:
    """Return how to read a column that holds numbers and texts."""
    kinds = set(table.cells(place))
    if column.categories or len(kinds) > min(MOST_CLASSES, len(table.rows) // 2):
        return ""
    return f" (for categories: categorical=[{column.name!r}], or --categorical {column.name})"


def _check_options(task: object, missing: object) -> None:
    if task not in ("classification", "regression", None):
        raise ValueError(f'expected task to be "classification", "regression" or None, got {task!r}')
    if missing is not None and missing not in STRATEGIES:
        raise ValueError(f"expected missing to be None or one of {', '.join(STRATEGIES)}, got {missing!r}")


def _left_out(table: Table, target: int, drop: Sequence[str] | None, remarks: list[str]) -> set[int]:
    """Return the columns to leave out, and add a remark on those that nobody has named."""
    if drop is not None:
        return {table.place(name) for name in drop}
    found = {i for i, name in enumerate(table.names) if i != target and is_identifier(name, table.cells(i))}
    if found == set(range(len(table.names))) - {target}:
        return set()
    remarks += [f"column {table.names[i]!r} names the samples, and is left out" for i in sorted(found)]
    return found


def _column(table: Table, place: int, is_categorical: bool) -> DataColumn:
    """Return what the cells of a column become: texts are categories, unless one is meant as a number."""
    name = table.names[place]
    kinds = {cell for cell in table.cells(place) if not is_missing(cell)}
    if not kinds or (not is_categorical and any(map(is_meant_as_number, kinds))):
        return DataColumn(name)
    if len(kinds) > MOST_CLASSES:
        raise DatasetError(
            f"{table.file}: column {name!r} holds {len(kinds)} different texts, but at most {MOST_CLASSES} "
            f"categories are wanted; leave it out by drop=[{name!r}], or --drop {name}"
        )
    return DataColumn(name, tuple(sorted(kinds)))


def _stem(file: Path) -> str:
    """Return the name of a file without .csv, or .csv.gz."""
    return Path(file.stem).stem if file.suffix.lower() == ".gz" else file.stem
