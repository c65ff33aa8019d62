"""What the passes find in a tape: arrays, or a table of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .arrays.layout import Plan
from .numba.source import Results
from .numpy.source import Source
from .table.schedule import Schedule


class FoundArrays(NamedTuple):
    """A program of arrays.

    Attributes
    ----------
    source : Source
        The program of NumPy.
    plan : callable
        Returns what other backends write theirs from: the plan, and for each result its instructions and its
        shape.
    traced, simplified : int
        How many instructions the tape has, and how many are left after it is simplified.
    """

    source: Source
    plan: Callable[[], tuple[Plan, Results]]
    traced: int
    simplified: int


class FoundTable(NamedTuple):
    """An irregular program.

    Attributes
    ----------
    schedule : Schedule
        The table.
    traced, simplified : int
        As in `FoundArrays`.
    """

    schedule: Schedule
    traced: int
    simplified: int


Found = FoundArrays | FoundTable
