"""Rows of text in columns."""

from __future__ import annotations

from collections.abc import Sequence


def in_columns(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    r"""Return rows as lines in which the columns stand below each other.

    Parameters
    ----------
    rows : sequence of sequence of str
        The cells; each row has as many.
    left : int
        How many columns begin at the left, as texts do; numbers end at the right.

    Returns
    -------
    list of str
        A line for each row.

    Examples
    --------
    >>> print("\n".join(in_columns([("node", "value"), ("x", "3"), ("loss", "12.5")])))
    node  value
    x         3
    loss   12.5
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
