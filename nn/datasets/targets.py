"""The column that is predicted: classes, or numbers for regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .cells import is_missing, is_number, number
from .dataset import DatasetError
from .listing import some_of
from .tables import Table

Task = Literal["classification", "regression"] | None
"""What a target is; None finds out."""

MOST_CLASSES = 50

# Ratings and digits are classes, ages and prices are not.
_MOST_WHOLE_NUMBERS = 20


def read_target(table: Table, place: int, task: Task) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """Return the targets, and the classes in alphabetical order; none for regression.

    Raises
    ------
    DatasetError
        For a cell that is empty or, for regression, is not a finite number, and for one class or too many.
    """
    name, cells = table.names[place], table.cells(place)
    is_class = (task or likely_task([cell for cell in cells if not is_missing(cell)])) == "classification"
    for row, cell in table.numbered(place):
        if is_missing(cell):
            what = f"{cell!r} is not a {'class' if is_class else 'finite number'}"
            raise table.error(row, name, what if cell else "the cell is empty")
    if not is_class:
        return np.array(read_numbers(table, place)), ()
    classes = tuple(sorted(set(cells)))
    _check_classes(table, name, classes)
    label = {class_: i for i, class_ in enumerate(classes)}
    return np.array([label[cell] for cell in cells], dtype=np.int64), classes


def read_labels(table: Table, place: int, classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the targets as labels of classes that are known.

    Raises
    ------
    DatasetError
        For a cell that is none of them.
    """
    label = {class_: i for i, class_ in enumerate(classes)}
    for row, cell in table.numbered(place):
        if cell not in label:
            what = f"{cell!r} is none of the classes" if cell else "the cell is empty; the classes are"
            raise table.error(row, table.names[place], f"{what} {some_of(classes)}")
    return np.array([label[cell] for cell in table.cells(place)], dtype=np.int64)


def read_numbers(table: Table, place: int) -> list[float]:
    """Return the numbers of a column.

    Raises
    ------
    DatasetError
        For a cell that is not a finite number.
    """
    numbers = []
    for row, cell in table.numbered(place):
        try:
            numbers.append(number(cell))
        except ValueError as error:
            raise table.error(row, table.names[place], error) from None
    return numbers


def likely_task(cells: Sequence[str]) -> Literal["classification", "regression"]:
    """Return what the cells of a target look like: numbers with fractions, or many, are a regression.

    Examples
    --------
    >>> likely_task(["0", "1", "1"]), likely_task(["0.5", "1.25", "1"])
    ('classification', 'regression')
    """
    kinds = set(cells)
    if not all(map(is_number, kinds)):
        return "classification"
    has_fractions = any(not float(cell).is_integer() for cell in kinds)
    return "regression" if has_fractions or len(kinds) > _MOST_WHOLE_NUMBERS else "classification"


def looks_like_classes(cells: Sequence[str]) -> bool:
    """Return whether a column seems to hold classes: few values, each several times, without fractions.

    Examples
    --------
    >>> looks_like_classes(["cat", "dog", "cat", "dog"]), looks_like_classes(["1.5", "2", "1.5", "2"])
    (True, False)
    """
    kinds = set(cells)
    whole = all(cell and (not is_number(cell) or float(cell).is_integer()) for cell in kinds)
    return whole and 2 <= len(kinds) <= min(MOST_CLASSES, len(cells) // 2)


def _check_classes(table: Table, name: str, classes: Sequence[str]) -> None:
    if len(classes) < 2:
        raise DatasetError(
            f"{table.file}: column {name!r} holds the one class {classes[0]!r}; two or more are wanted"
        )
    if len(classes) > MOST_CLASSES:
        raise DatasetError(
            f"{table.file}: column {name!r} holds {len(classes)} different values, but at most "
            f"{MOST_CLASSES} classes are wanted; name another column as the target"
        )
