"""Positions as nested loops: where a few bases and strides address what a trace lists one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.intp]


class Nest(NamedTuple):
    """Loops that go through some columns of positions at once.

    Attributes
    ----------
    sizes : list of int
        The length of each loop, the outermost first.
    steps : list of list of int
        For each column its stride in each loop.
    """

    sizes: list[int]
    steps: list[list[int]]


def nest_of(columns: Sequence[Positions], most: int) -> Nest | None:
    """Return the loops that go through columns of positions, each of the same length, in their order.

    Parameters
    ----------
    columns : sequence of array of int
        The columns. The first position of each is where its loops begin.
    most : int
        How many loops there may be.

    Returns
    -------
    Nest or None
        The fewest loops; None if the positions need more, or follow no rule.

    Examples
    --------
    >>> grid = np.arange(12).reshape(3, 4)
    >>> nest_of([grid.ravel(), np.repeat([0, 7, 14], 4)], 2)
    Nest(sizes=[3, 4], steps=[[4, 1], [7, 0]])
    """
    table = np.array(columns)
    sizes: list[int] = []
    steps: list[list[int]] = []
    while (count := table.shape[1]) > 1:
        if len(sizes) == most:
            return None
        changes = np.diff(table, axis=1)
        is_break = (changes != changes[:, :1]).any(axis=0)
        length = int(np.gcd.reduce(np.flatnonzero(is_break) + 1, initial=count))
        if length == 1:
            return None
        sizes.insert(0, length)
        steps.insert(0, changes[:, 0].tolist())
        table = table[:, ::length]
    return Nest(sizes, [[step[i] for step in steps] for i in range(len(columns))])
