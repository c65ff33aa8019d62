"""Colourings: which columns of a sparse matrix one sweep can compute at once.

After A. H. Gebremedhin, F. Manne and A. Pothen, "What color is your Jacobian? Graph coloring for computing
derivatives", SIAM Review 47 (2005). Columns without a common row may have one colour, since each number of
their sum is one of theirs. In a symmetric matrix a number may also be read in the column that mirrors it, so
fewer colours suffice: those of a star colouring, in which any path of four vertices has three of them.

Colourings are greedy: the columns are taken one after the other, and each gets the first colour that is free.
The colours in use around it are the bits of an integer, which takes a step for 64 of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .dependence import Pattern

Colours = list[int]
"""The colour of each column, from 0; -1 for a column without numbers."""

Adjacent = Sequence[Sequence[int]]


def number_of(colours: Colours) -> int:
    """Return how many colours there are.

    Examples
    --------
    >>> number_of([0, 1, -1, 0]), number_of([-1])
    (2, 0)
    """
    return max(colours, default=-1) + 1


def of_columns(pattern: Pattern) -> Colours:
    """Return colours of the columns, of which no two of one colour have a number in the same row.

    Examples
    --------
    >>> import numpy as np
    >>> of_columns(Pattern((2, 3), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2])))
    [0, 1, 0]
    """
    rows_of = pattern.transposed.by_row()
    fewest = max(map(len, pattern.by_row()), default=0)

    def coloured(order: Iterable[int]) -> Colours:
        colours, taken = [-1] * pattern.shape[1], [0] * pattern.shape[0]
        for column in order:
            free = 0
            for row in rows_of[column]:
                free |= taken[row]
            colours[column] = colour = _first_without(free)
            bit = 1 << colour
            for row in rows_of[column]:
                taken[row] |= bit
        return colours

    return _best(coloured, rows_of, fewest)


def of_stars(pattern: Pattern) -> Colours:
    """Return a star colouring of a symmetric matrix, as Powell and Toint (1979) restrict it.

    Two neighbours have two colours, and two neighbours of a vertex have one only if theirs is the higher.

    Examples
    --------
    >>> import numpy as np
    >>> arrow = Pattern((3, 3), np.array([0, 0, 0, 1, 1, 2, 2]), np.array([0, 1, 2, 0, 1, 0, 2]))
    >>> of_stars(arrow)
    [0, 1, 1]
    """
    rows = pattern.by_row()
    near = [[j for j in row if j != i] for i, row in enumerate(rows)]

    def coloured(order: Iterable[int]) -> Colours:
        colours, around = [-1] * len(near), [0] * len(near)
        for vertex in order:
            taken = around[vertex]
            for other in near[vertex]:
                colour = colours[other]
                # The other neighbours of an uncoloured vertex, and those whose colour is lower than its own.
                taken |= around[other] if colour < 0 else around[other] & ((1 << colour) - 1)
            colours[vertex] = colour = _first_without(taken)
            bit = 1 << colour
            for other in near[vertex]:
                around[other] |= bit
        return colours

    return _best(coloured, rows)


def _best(coloured: Callable[[Iterable[int]], Colours], adjacent: Adjacent, fewest: int = 0) -> Colours:
    """Return the better colouring of two orders: as they stand, and those with most neighbours first.

    The first suits bands and blocks; with the second the hub of an arrow has a colour before its tips.
    """
    order = [i for i, row in enumerate(adjacent) if row]
    colours = coloured(order)
    if number_of(colours) <= fewest:
        return colours
    others = coloured(sorted(order, key=lambda i: -len(adjacent[i])))
    return min(colours, others, key=number_of)


def _first_without(bits: int) -> int:
    """Return the lowest place at which an integer has no bit."""
    return (~bits & (bits + 1)).bit_length() - 1
