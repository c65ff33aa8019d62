"""What the passes find in a tape: arrays, or a table of operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import numpy.typing as npt

from .arrays.plan import Block, Plan, Results
from .numpy.source import Source
from .table.array_table import ArrayTable, array_table
from .table.schedule import Schedule

Array = npt.NDArray[Any]


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
    rolled : sequence of tuple of int, optional
        The shapes of the arguments of a program whose loops were found, and whose steps can be written out.
    """

    source: Source
    plan: Callable[[], tuple[Plan, Results]]
    traced: int
    simplified: int
    rolled: Sequence[tuple[int, ...]] | None = None

    def table(self) -> ArrayTable:
        """Return the table of all steps, which is interpreted where the loops of a plan are not compiled."""
        plan, results = self.plan()
        assert self.rolled is not None
        return array_table(plan, self.rolled, results)


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


class FoundArrayTable(NamedTuple):
    """A program of many arrays, and of what is irregular between them.

    Attributes
    ----------
    table : ArrayTable
        The table.
    classes : int
        How many arrays there are.
    traced, simplified : int
        As in `FoundArrays`.
    """

    table: ArrayTable
    classes: int
    traced: int
    simplified: int


Found = FoundArrays | FoundTable | FoundArrayTable


def without_the_rest(plan: Plan, results: Results) -> Plan:
    """Return a plan without what no backend reads, nine tenths of that of the moons.

    It reads the places of the results alone. Of a product it reads the rows of the factors, which its
    operands only pair.

    Examples
    --------
    >>> plan = Plan({0: Block(None, (2,), argument=0)}, {0: (0, 0), 1: (0, 1)})
    >>> without_the_rest(plan, [([1], ())]).place
    {1: (0, 1)}
    """
    blocks = {colour: _without_pairs(block) for colour, block in plan.blocks.items()}
    return replace(plan, blocks=blocks, place={i: plan.place[i] for which, _ in results for i in which})


def _without_pairs(block: Block) -> Block:
    return block if block.product is None else replace(block, operands=[*block.product])


def size_of(found: Found) -> int:
    """Return how many bytes the arrays have that were found.

    Examples
    --------
    >>> import numpy as np
    >>> from .numpy.literals import Literals
    >>> plan = Plan({0: Block(None, (2,), constants=np.ones(2))}, {})
    >>> size_of(FoundArrays(Source("", [], Literals({"c1": np.ones(3)})), lambda: (plan, []), 0, 0))
    40
    """
    arrays: list[Array]
    if isinstance(found, FoundTable):
        table = found.schedule
        arrays = [table.given, table.sources, table.table, table.kept, *chain.from_iterable(table.results)]
    elif isinstance(found, FoundArrayTable):
        rows = found.table
        arrays = [rows.constants, rows.code, rows.places, *rows.results]
    else:
        blocks = found.plan()[0].blocks.values()
        arrays = [operand.wanted for block in blocks for operand in block.operands]
        arrays += [block.constants for block in blocks if block.constants is not None]
        arrays += found.source.literals.arrays.values()
    return sum([array.nbytes for array in arrays])
