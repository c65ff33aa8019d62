"""Columns that name the samples, which a model would learn by heart."""

from __future__ import annotations

from collections.abc import Sequence

from .cells import is_meant_as_number

# In a smaller table, cells may well be all different by chance.
_FEWEST_ROWS = 10


def is_identifier(name: str, cells: Sequence[str]) -> bool:
    """Return whether a column names the samples: unique texts, or whole numbers that count up.

    Numbers count up from 0 or 1; of a column that is called id, or index, they need only be different.

    Examples
    --------
    >>> is_identifier("n", [str(1 + i) for i in range(20)])
    True
    >>> is_identifier("year", [str(1990 + i) for i in range(20)])
    False
    >>> is_identifier("name", [f"A{i}" for i in range(20)])
    True
    """
    if len(cells) < _FEWEST_ROWS or len(set(cells)) < len(cells):
        return False
    if all(cell.isascii() and cell.isdigit() for cell in cells):
        start = int(cells[0])
        counts_up = start in (0, 1) and all(int(cell) == start + i for i, cell in enumerate(cells))
        return counts_up or name.lower().replace("-", "_").split("_")[-1] in ("id", "index")
    return not any(map(is_meant_as_number, cells))
