"""Sparse derivatives by few sweeps: columns of one colour are computed as their sum, and read off it.

A forward sweep along the sum of some columns of the identity gives the sum of these columns of the Jacobian,
a backward sweep that of some rows. In a symmetric matrix each number stands in two columns, and is read in
the one whose colour no other column has that meets the row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .colouring import Colours, number_of, of_columns, of_stars
from .dependence import Pattern
from .partials import Scalar

Sweep = Callable[[Sequence[Scalar | None]], list[Scalar]]
"""From a number for each column, or None for 0, to the sum of these multiples of the columns."""


def by_columns_or_rows(pattern: Pattern, push: Sweep, pull: Sweep, mode: str | None) -> Any:
    """Return the numbers at the places of a Jacobian.

    Parameters
    ----------
    pattern : Pattern
        The places.
    push, pull : callable
        A forward sweep, from tangents of the inputs to those of the outputs, and a backward one.
    mode : {"fwd", "rev", None}
        Which of them to use; None is for the one that is needed less often.

    Returns
    -------
    ndarray
        A number, or `Value`, for each place.

    Examples
    --------
    >>> pattern = Pattern((2, 2), np.array([0, 1]), np.array([0, 1]))
    >>> by_columns_or_rows(pattern, lambda column: [3.0 * x for x in column], None, "fwd").tolist()
    [3.0, 3.0]
    """
    mode, colours = chosen(pattern, mode)
    if mode == "fwd":
        return _read(_swept(colours, push), colours, pattern.rows, pattern.columns)
    return _read(_swept(colours, pull), colours, pattern.columns, pattern.rows)


def chosen(pattern: Pattern, mode: str | None = None) -> tuple[str, Colours]:
    """Return how the numbers of a Jacobian are computed: in which mode, and which columns or rows at once.

    Parameters
    ----------
    pattern : Pattern
        The places.
    mode : {"fwd", "rev", None}
        The mode, if it is given.

    Returns
    -------
    (str, list of int)
        ``"fwd"`` and colours of the columns, or ``"rev"`` and colours of the rows.

    Examples
    --------
    >>> chosen(Pattern((1, 3), np.zeros(3, dtype=int), np.arange(3)))
    ('rev', [0])
    """
    if mode == "fwd":
        return mode, of_columns(pattern)
    rows = pattern.transposed
    if mode == "rev":
        return mode, of_columns(rows)
    forward = of_columns(pattern)
    # All numbers of a column are in rows of different colours, so there is no need to look for fewer.
    if number_of(forward) <= np.bincount(pattern.columns).max(initial=0):
        return "fwd", forward
    backward = of_columns(rows)
    return ("fwd", forward) if number_of(forward) <= number_of(backward) else ("rev", backward)


def by_stars(pattern: Pattern, push: Sweep) -> Any:
    """Return the numbers at the places of a symmetric matrix, such as a Hessian.

    Parameters
    ----------
    pattern : Pattern
        The places, with that of each mirror image.
    push : callable
        From a number for each column, or None for 0, to the sum of these multiples of the columns.

    Returns
    -------
    ndarray
        A number, or `Value`, for each place; one and the same for both of its mirror images.

    Examples
    --------
    >>> arrow = Pattern((3, 3), np.array([0, 0, 0, 1, 1, 2, 2]), np.array([0, 1, 2, 0, 1, 0, 2]))
    >>> matrix = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 0.0], [3.0, 0.0, 5.0]])
    >>> by_stars(arrow, lambda column: (matrix @ [x or 0.0 for x in column]).tolist()).tolist()
    [1.0, 2.0, 3.0, 2.0, 4.0, 3.0, 5.0]
    """
    colours = of_stars(pattern)
    rows, columns = pattern.rows, pattern.columns
    of = np.array(colours, dtype=np.intp)
    count = max(number_of(colours), 1)
    sums = rows * count + of[columns]
    _, which, terms = np.unique(sums, return_inverse=True, return_counts=True)
    is_alone = terms[which] == 1
    mirrored = np.lexsort((rows, columns))
    # Where both can be read, that below the diagonal, so that the matrix is symmetric to the last bit.
    own = is_alone & (~is_alone[mirrored] | (rows >= columns))
    return _read(_swept(colours, push), colours, np.where(own, rows, columns), np.where(own, columns, rows))


def _swept(colours: Colours, sweep: Sweep) -> list[list[Scalar]]:
    """Return the sum of the columns of each colour."""
    seeds: list[list[Scalar | None]] = [[None] * len(colours) for _ in range(number_of(colours))]
    for column, colour in enumerate(colours):
        if colour >= 0:
            seeds[colour][column] = 1.0
    return [sweep(seed) for seed in seeds]


def _read(sums: list[list[Scalar]], colours: Colours, rows: Any, columns: Any) -> Any:
    """Return the number at each place, from the sum that has it and nothing else in its row."""
    places = zip(rows.tolist(), columns.tolist(), strict=True)
    numbers = [sums[colours[column]][row] for row, column in places]
    if all(type(number) is float for number in numbers):
        return np.array(numbers, dtype=float)
    found = np.empty(len(numbers), dtype=object)
    found[:] = numbers
    return found
