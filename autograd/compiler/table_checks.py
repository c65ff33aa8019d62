"""Check tables that are read before an interpreter runs them: each row, and every place that it names."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from .fitness import MOST_NUMBERS, are_positions, is_in, require
from .table.array_rows import EACH, GATHER, INLINE, MAP, PRODUCT, REDUCTION, WIDTH
from .table.array_table import ArrayTable
from .table.schedule import Schedule

Shape = tuple[int, ...]


def check_schedule(table: Schedule, shapes: Sequence[Shape], results: Sequence[Shape]) -> None:
    """Check the table of a program without arrays.

    Raises
    ------
    UnfitError
        For one that no pass would make.

    Examples
    --------
    >>> empty = np.zeros(0, np.int32)
    >>> check_schedule(Schedule(1, -1, empty, empty, [], [], empty, empty, []), [], [])
    Traceback (most recent call last):
        ...
    autograd.compiler.fitness.UnfitError: a table of no slots
    """
    operations = len(table.table)
    require(is_in(table.lanes, MOST_NUMBERS), "a table of no lanes")
    require(is_in(table.slots, len(table.given) + operations + 1), "a table of no slots")
    numbers = sum(map(prod, shapes)) + len(table.constants)
    require(table.sources.shape == (len(table.given), table.lanes), "a table of other lanes")
    require(table.table.shape == (operations, 4), "operations of other operands")
    positions = [(table.given, table.slots), (table.table, table.slots), (table.kept, table.slots)]
    for rows, lanes in table.results:
        require(rows.shape == lanes.shape, "a result of no lanes")
        positions += [(rows, len(table.kept)), (lanes, table.lanes)]
    for found, size in [*positions, (table.sources, numbers)]:
        require(are_positions(found, size), "a table beyond its end")
    sizes = [rows.shape for rows, _ in table.results]
    require(sizes == [(prod(shape),) for shape in results], "a result of another shape")
    end = 0
    for op, start, stop in table.runs:
        require(start == end and is_in(stop, operations + 1) and stop >= start, "a run of no operations")
        require(not op.variadic, "a row of any number of operands in a table")
        end = stop
    require(end == operations, "operations of no run")


def check_array_table(table: ArrayTable, shapes: Sequence[Shape], results: Sequence[Shape]) -> None:
    """Check the table of a program of many arrays.

    Raises
    ------
    UnfitError
        For one that no pass would make.

    Examples
    --------
    >>> code, places = np.zeros((0, WIDTH), np.int64), np.zeros((0, 3), np.int32)
    >>> check_array_table(ArrayTable(1, 0, np.zeros(0), [], code, places, [np.array([1])]), [], [()])
    Traceback (most recent call last):
        ...
    autograd.compiler.fitness.UnfitError: a result beyond the end
    """
    given = sum(map(prod, shapes))
    is_so = table.constants.dtype == np.float64 and table.constants.ndim == 1 and table.given == given
    require(is_so, "a table of other arguments")
    require(type(table.size) is int and given + len(table.constants) <= table.size, "a table of no size")
    require(table.size < MOST_NUMBERS, "a table of no size")
    require(table.code.dtype == np.int64 and table.places.dtype == np.int32, "a table of other types")
    is_so = table.code.ndim == table.places.ndim == 2 and table.code.shape[1] == WIDTH
    require(is_so and table.places.shape[1] == 3, "a table of other rows")
    require(are_positions(table.places, table.size), "a place beyond the end")
    require(len(table.results) == len(results), "a table of other results")
    for found, shape in zip(table.results, results, strict=True):
        require(are_positions(found, table.size) and found.shape == (prod(shape),), "a result beyond the end")
    for row in table.code.tolist():
        _check_table_row(table, row)


def _check_table_row(table: ArrayTable, row: list[int]) -> None:
    kind, which, *rest = row
    require(kind in (MAP, EACH, REDUCTION, PRODUCT, GATHER), "a row of no kind")
    op = None
    if kind in (MAP, EACH, REDUCTION):
        require(is_in(which, len(table.ops)), "a row of no operation")
        op = table.ops[which]
        require(
            op.variadic is (kind == REDUCTION) and (kind != EACH or op in INLINE), "a row of another kind"
        )
    if kind in (EACH, GATHER):
        length, start, first = rest[:3]
        _check_range(table.size, start, [(length, 1)])
        _check_range(len(table.places), first, [(length, 1)])
        return
    if kind == PRODUCT:
        rows, columns, terms, start, *ways = rest[:10]
        _check_range(table.size, start, [(rows, columns), (columns, 1)])
        for length, (begin, across, along) in ((rows, ways[:3]), (columns, ways[3:])):
            _check_range(table.size, begin, [(length, across), (terms, along)])
        return
    assert op is not None
    count, sizes, start = len(op.parameters), rest[:3], rest[3]
    _check_range(table.size, start, [(prod(sizes if kind == MAP else sizes[:2]), 1)])
    require(kind == MAP or count <= 2, "a row of too many operands")
    for begin, *steps in [rest[4 + 4 * i : 8 + 4 * i] for i in range(count)]:
        _check_range(table.size, begin, [*zip(sizes, steps, strict=True)])


def _check_range(size: int, start: int, loops: Sequence[tuple[int, int]]) -> None:
    """Check that loops of some lengths and strides stay in a memory."""
    require(all(length > 0 for length, _ in loops), "a loop of no length")
    ends = [(length - 1) * step for length, step in loops]
    low, high = start + sum(min(0, end) for end in ends), start + sum(max(0, end) for end in ends)
    require(low >= 0 and high < size, "a row beyond the end of the memory")
