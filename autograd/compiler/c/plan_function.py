"""A function in C from a plan: its loops, translated."""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from ..arrays.plan import Plan, Results
from ..numba.loop_writer import LoopWriter
from ..numba.signature import lengths_of
from ..numba.source import named_loops
from ..numpy.source import numpy_names
from ..passes.axes import AxisLength
from .expressions import INDEX
from .function import CFunction, table_text
from .interface import CArray, parameters_of, work_macro
from .lines import CLine, Variable
from .translation import GivenArray, Room, Translation
from .workspace import Amount, Workspace


def plan_function(
    name: str,
    plan: Plan,
    results: Results,
    arguments: Sequence[CArray],
    called: Sequence[tuple[str, str]],
    sizes: dict[str, Variable],
) -> CFunction:
    """Return the function of a plan.

    Parameters
    ----------
    name : str
        Its name.
    plan : Plan
        The arrays of the program.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.
    arguments : sequence of CArray
        The arguments.
    called : sequence of (str, str)
        What each result is, and its name in C.
    sizes : dict of str to Variable
        The open lengths.

    Raises
    ------
    UnsuitableError
        For what has no loops.
    """
    plan, taken = _without_rows(plan, len(arguments))
    names = numpy_names(
        plan, [*(a.name for a in arguments), *(f"rows_{k}" for k in range(len(taken)))], results
    )
    writer = named_loops(plan, results, {c: n for c, n in names.items() if re.fullmatch(r"v\d+", n)})
    given = {f"argument{k}": array.given(is_result=False) for k, array in enumerate(arguments)}
    along = plan.along or [()] * len(results)
    found = [
        CArray(text, own, _lengths_of_result(plan.lengths, arguments, shape, dims))
        for (text, own), (_, shape), dims in zip(called, results, along, strict=True)
    ]
    outputs = {f"result{k}": array.given(is_result=True) for k, array in enumerate(found)}
    workspace = Workspace(writer.used)
    copies, copied, tables = _copies_of_rows(workspace, arguments, given, taken)
    steps = f"{name.upper()}_STEPS"
    translation = Translation(
        {**given, **copied, **outputs}, _rooms(writer, arguments), workspace, sizes, steps, len(writer.errors)
    )
    for of_copy in copies:
        of_copy.reads = [*of_copy.reads, translation.work]
    lines = [*copies, *translation.lines_of(writer.lines)]
    declared = [
        CLine(
            f"double *const {part.name} = work{f' + {room.start}' if room.start else ''};",
            [translation.work],
            part,
        )
        for room, part in zip(translation.rooms, translation.parts, strict=True)
    ]
    for table, variable in translation.tables.items():
        values = np.array(writer.numbers) if table == "numbers" else writer.places
        tables[table] = table_text(variable, values)
    meanings = [array.meaning for array in (*arguments, *found)]
    parameters = parameters_of(
        [*sizes.values()],
        [*given.values()],
        [*outputs.values()],
        meanings,
        translation.work,
        work_macro(name, [*sizes]),
    )
    errors = [*writer.errors]
    if translation.can_be_full:
        errors.append(f"a loop takes more than {steps} steps, which are all that there is room for")
    return CFunction(
        name, "", parameters, [*declared, *lines], workspace.size, tables, {*translation.helpers}, errors
    )


def _rooms(writer: LoopWriter, arguments: Sequence[CArray]) -> list[Room]:
    """Return the parts of the work array, called by what stands there where that has a name."""
    starts = sorted({*writer.starts})
    names = {start: f"T{number}" for number, start in enumerate(starts, 1)}
    for colour, memory in writer.memory.items():
        block = writer.plan.blocks[colour]
        name = writer.called.get(colour, "").upper()
        if block.argument is not None and block.argument < len(arguments):
            name = f"copy_of_{arguments[block.argument].name}"
        if memory.array == "w" and memory.positions.size and name:
            names[starts[bisect(starts, int(memory.positions.min())) - 1]] = name
    # Arrays that are the same in NumPy have one name.
    uses: Counter[str] = Counter()
    rooms = []
    for start, name in names.items():
        uses[name] += 1
        rooms.append(Room(start, name if uses[name] == 1 else f"{name}_{uses[name]}"))
    return rooms


def _lengths_of_result(
    lengths: Sequence[AxisLength],
    arguments: Sequence[CArray],
    shape: tuple[int, ...],
    dims: Sequence[int | None],
) -> tuple[Amount, ...]:
    return tuple(
        [
            Counter({(): length}) if length >= 0 else _of_axis(lengths[~length], arguments)
            for length in lengths_of(shape, tuple(dims))
        ]
    )


def _of_axis(axis: AxisLength, arguments: Sequence[CArray]) -> Amount:
    if axis.argument is None or axis.dimension is None:
        return Counter({(): axis.length or 0})
    found = Counter(arguments[axis.argument].lengths[axis.dimension])
    found[()] += axis.extra
    return found


def _without_rows(plan: Plan, arguments: int) -> tuple[Plan, list[tuple[int, list[int]]]]:
    """Return a plan in which rows of arguments are arguments of their own, and which these are."""
    taken: list[tuple[int, list[int]]] = []
    blocks = dict(plan.blocks)
    for colour, block in blocks.items():
        if block.rows is not None and block.argument is not None:
            blocks[colour] = replace(block, argument=arguments + len(taken), rows=None)
            taken.append((block.argument, block.rows.tolist()))
    return replace(plan, blocks=blocks), taken


def _copies_of_rows(
    workspace: Workspace,
    arguments: Sequence[CArray],
    given: dict[str, GivenArray],
    taken: Sequence[tuple[int, list[int]]],
) -> tuple[list[CLine], dict[str, GivenArray], dict[str, str]]:
    """Return lines that copy rows of arguments, what stands for each copy, and tables of the rows."""
    lines: list[CLine] = []
    copied: dict[str, GivenArray] = {}
    tables: dict[str, str] = {}
    for number, (argument, rows) in enumerate(taken):
        inner = arguments[argument].lengths[1:]
        width = prod([length[()] for length in inner])
        table = Variable(f"of_rows{number}", "static const int")
        array = Variable(f"rows_{number}", "double *const ")
        start = workspace.taken(Counter({(): width * len(rows)}))
        source = given[f"argument{argument}"].variable
        lines.append(CLine(f"double *const {array.name} = work + {start};", [], array))
        row = f"{source.name} + {width} * {table.name}[i]"
        copy = f"memcpy({array.name} + {width} * i, {row}, {width} * sizeof(double));"
        body = [CLine(copy, [array, source, table])]
        lines.append(CLine(f"for ({INDEX} i = 0; i < {len(rows)}; i++)", [], body=body))
        tables[table.name] = table_text(table, rows)
        copied[f"argument{len(arguments) + number}"] = GivenArray(array, (Counter({(): len(rows)}), *inner))
    return lines, copied, tables
