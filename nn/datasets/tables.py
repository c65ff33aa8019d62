"""`Table`: the cells of a text file, with their rows and the names of their columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .cells import is_missing, is_number
from .dataset import DatasetError
from .listing import some_of
from .text_files import read_rows

Header = Literal["infer", 0] | None
"""Whether the first row has the names of the columns, as in pandas: 0 if it has, None if it has not."""


@dataclass(frozen=True, eq=False)
class Table:
    """The cells of a text file.

    Attributes
    ----------
    file : Path
        The file.
    names : tuple of str
        The names of the columns; without a header they are x1, x2 and so on.
    rows : list of (int, list of str)
        The number of each row in the file, and its cells.
    has_header : bool
        Whether the file has a row of names.
    """

    file: Path
    names: tuple[str, ...]
    rows: list[tuple[int, list[str]]]
    has_header: bool

    @classmethod
    def read(cls, path: str | Path, header: Header = "infer", known: Collection[str] = ()) -> Table:
        """Read a file. A first row that has all known names is one of names.

        Raises
        ------
        DatasetError
            If it cannot be read, or has no samples.
        """
        if header not in ("infer", 0, None):
            raise ValueError(f'expected header to be "infer", 0 or None, got {header!r}')
        file = Path(path)
        rows = read_rows(file)
        (first, cells), *samples = rows
        is_known = bool(known) and set(known) <= set(cells)
        if header is None or (header == "infer" and not is_known and _is_sample(cells, samples)):
            return cls(file, tuple(f"x{i + 1}" for i in range(len(cells))), rows, False)
        _check_names(file, first, cells)
        if not samples:
            raise DatasetError(f"{file}: there is no row below the names of the columns")
        return cls(file, tuple(cells), samples, True)

    def place(self, column: str | int) -> int:
        """Return the place of a column that is given by its name, or by its place as in a list.

        Raises
        ------
        DatasetError
            If there is none.
        """
        if isinstance(column, int) and -len(self.names) <= column < len(self.names):
            return column % len(self.names)
        if column in self.names:
            return self.names.index(str(column))
        known = some_of(self.names)
        raise DatasetError(f"{self.file}: no column is called {column!r}; there are {known}")

    def cells(self, place: int) -> list[str]:
        """Return the cells of a column."""
        return [cells[place] for _, cells in self.rows]

    def numbered(self, place: int) -> Iterator[tuple[int, str]]:
        """Yield the cells of a column, each with the number of its row."""
        return ((number, cells[place]) for number, cells in self.rows)

    def error(self, row: int, column: str, what: object) -> DatasetError:
        """Return an error that names the file, the row and the column."""
        return DatasetError(f"{self.file}: row {row}, column {column!r}: {what}")


def _is_sample(first: Sequence[str], samples: list[tuple[int, list[str]]]) -> bool:
    """Return whether the first row is a sample: it has numbers where numbers are below, or texts again."""
    below = [[cells[i] for _, cells in samples] for i in range(len(first))]
    texts = [i for i, cell in enumerate(first) if not is_number(cell) and not is_missing(cell)]
    if not samples or any(any(map(is_number, below[i])) for i in texts):
        return not texts
    return not texts or any(first[i] in below[i] for i in texts)


def _check_names(file: Path, row: int, names: Sequence[str]) -> None:
    counts = Counter(names)
    if len(counts) < len(names):
        repeated = next(name for name in names if counts[name] > 1)
        raise DatasetError(f"{file}: the column name {repeated!r} stands in row {row} more than once")
