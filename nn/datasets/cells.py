"""What a cell of a table says: a number, nothing, or a text."""

from __future__ import annotations

import math
import re

_MISSING = frozenset({"", "?", "na", "n/a", "nan", "null"})


def is_missing(cell: str) -> bool:
    """Return whether a cell says that nothing is known.

    Examples
    --------
    >>> [is_missing(cell) for cell in ("", "?", "NaN", "0")]
    [True, True, True, False]
    """
    return cell.lower() in _MISSING


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, finite or not.

    Examples
    --------
    >>> [is_number(cell) for cell in ("-3e2", "inf", "1_5", "red")]
    [True, True, False, False]
    """
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python reads 1_5 as 15


def is_meant_as_number(cell: str) -> bool:
    """Return whether a cell is a number, or one in another notation, such as with a decimal comma.

    Examples
    --------
    >>> [is_meant_as_number(cell) for cell in ("2.5", "2,5", "1_5", "A4", "2024-01-02")]
    [True, True, True, False, False]
    """
    return is_number(cell) or re.fullmatch(r"[+-]?\d+([.,_' ]\d+)*", cell) is not None


def number(cell: str) -> float:
    """Return the number in a cell.

    Raises
    ------
    ValueError
        If it is not a finite number.

    Examples
    --------
    >>> number("-3e2")
    -300.0
    """
    if not is_number(cell) or not math.isfinite(float(cell)):
        comma = " (decimals stand after a point)" if re.fullmatch(r"[+-]?\d+,\d+", cell) else ""
        raise ValueError(f"{cell!r} is not a finite number{comma}" if cell else "the cell is empty")
    return float(cell)
