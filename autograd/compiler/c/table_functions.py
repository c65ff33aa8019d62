"""Functions in C from the table of an irregular program: static tables, and what interprets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...ops.table import Op
from ..numba.array_table import array_kernel_lines
from ..numba.loop_rules import LOOPS
from ..table.array_table import ArrayTable
from ..table.schedule import Schedule
from .expressions import INDEX
from .function import CFunction, table_text
from .interface import CArray, parameters_of, work_macro
from .lines import CLine, Variable
from .translation import Room, Translation
from .workspace import Workspace

# Operations on so many samples cost little more than one: as many as a vector of a processor has numbers.
_LANES = 8


def array_table_function(
    name: str, table: ArrayTable, arguments: Sequence[CArray], results: Sequence[CArray]
) -> CFunction:
    """Return the function of a table of arrays.

    Parameters
    ----------
    name : str
        Its name.
    table : ArrayTable
        The table.
    arguments, results : sequence of CArray
        The arguments and the results.
    """
    kinds = {op: kind for kind, op in enumerate(table.ops)}
    lines = array_kernel_lines(kinds, {*table.code[:, 0].tolist()})
    loops = [line.replace("len(code)", str(len(table.code))) for line in lines] if len(table.code) else []
    used = {"code": table.code, "places": table.places, "numbers": table.constants}
    return _interpreter(name, arguments, results, loops, used, table.size, table.results)


def table_function(
    name: str, table: Schedule, arguments: Sequence[CArray], results: Sequence[CArray]
) -> CFunction:
    """Return the function of a table of single operations, each on several samples at once.

    Parameters
    ----------
    name, table, arguments, results
        As of `array_table_function`.
    """
    lanes = 1 if table.lanes == 1 else _LANES
    count = sum(array.size for array in arguments)
    rounds = -(-table.lanes // lanes)
    sources = np.pad(table.sources, ((0, 0), (0, rounds * lanes - table.lanes)), mode="edge")
    # What is given stands first, and what is kept last, for all samples.
    memory = count + len(table.constants)
    kept = memory + table.slots * lanes
    ops = list(dict.fromkeys(run.op for run in table.runs))
    kinds = {op: kind for kind, op in enumerate(ops)}
    runs = np.array([(kinds[run.op], run.start, run.stop) for run in table.runs], dtype=int).reshape(-1, 3)
    loops = [
        f"for lane in range(0, {rounds * lanes}, {lanes}):",
        f"    for k in range({len(table.given)}):",
        f"        for j in range({lanes}):",
        f"            w[{lanes} * given[k, 0] + j + {memory}] = w[sources[k, lane + j]]",
        f"    for i in range({len(runs)}):",
        "        kind, start, stop = runs[i, 0], runs[i, 1], runs[i, 2]",
        *(f"        {line}" for line in _runs(kinds, lanes, memory)),
        f"    for k in range({len(table.kept)}):",
        f"        for j in range({lanes}):",
        f"            w[{rounds * lanes} * k + lane + j + {kept}] = w[{lanes} * kept[k, 0] + j + {memory}]",
    ]
    tables = {
        "runs": runs,
        "table": table.table,
        "given": table.given.reshape(-1, 1),
        "sources": sources,
        "kept": table.kept.reshape(-1, 1),
        "numbers": np.array(table.constants),
    }
    places = [kept + rows * (rounds * lanes) + columns for rows, columns in table.results]
    size = kept + len(table.kept) * rounds * lanes
    return _interpreter(
        name, arguments, results, loops, tables, size, places, {memory: "slots", kept: "found"}
    )


def _runs(kinds: Mapping[Op, int], lanes: int, memory: int) -> list[str]:
    """Return the loops of each operation, below the question whether it is this one."""
    lines: list[str] = []
    for op, kind in kinds.items():
        operands = enumerate(op.parameters, 1)
        lines += [
            f"{'elif' if lines else 'if'} kind == {kind}:",
            "    for k in range(start, stop):",
            f"        for j in range({lanes}):",
            *(
                f"            {_value_of(name)} = w[{lanes} * table[k, {at}] + j + {memory}]"
                for at, name in operands
            ),
            f"            w[{lanes} * table[k, 0] + j + {memory}] = "
            + LOOPS.write(op.value, {parameter: _value_of(parameter) for parameter in op.parameters}),
        ]
    return lines


def _value_of(parameter: str) -> str:
    return f"{parameter}_"


def _interpreter(
    name: str,
    arguments: Sequence[CArray],
    results: Sequence[CArray],
    loops: Sequence[str],
    tables: Mapping[str, Any],
    size: int,
    places: Sequence[Any],
    parts: Mapping[int, str] | None = None,
) -> CFunction:
    """Return a function that copies its arguments to a memory, goes through tables, and copies results."""
    given = [array.given(is_result=False) for array in arguments]
    outputs = [array.given(is_result=True) for array in results]
    rooms = [Room(0, "memory"), *(Room(start, part) for start, part in (parts or {}).items())]
    widths = {
        key: 1 if table.ndim == 1 else table.shape[1] for key, table in tables.items() if key != "numbers"
    }
    work = Workspace(size)
    names = {f"result{k}": array for k, array in enumerate(outputs)}
    translation = Translation(names, rooms, work, widths=widths, constants={"ONE": 1, "FOUR": 4})
    lines: list[CLine] = []
    texts: dict[str, str] = {}
    start = 0
    memory = translation.parts[0]
    for array, own in zip(arguments, given, strict=True):
        at = f"memory + {start}" if start else "memory"
        text = (
            f"memcpy({at}, {own.variable.name}, {array.size} * sizeof(double));"
            if array.lengths
            else f"memory[{start}] = {own.variable.name};"
        )
        lines.append(CLine(text, [own.variable, memory]))
        start += array.size
    if len(tables["numbers"]):
        numbers = translation.tables.setdefault("numbers", Variable("numbers", "static const double"))
        at = f"memory + {start}" if start else "memory"
        text = f"memcpy({at}, numbers, {len(tables['numbers'])} * sizeof(double));"
        lines.append(CLine(text, [memory, numbers]))
    lines += translation.lines_of(loops)
    for k, (array, own, where) in enumerate(zip(results, outputs, places, strict=True)):
        lines.append(
            _copy(array, own.variable, np.asarray(where).ravel().tolist(), memory, f"places{k}", texts)
        )
    declared = [
        CLine(
            f"double *const {part.name} = work{f' + {room.start}' if room.start else ''};",
            [translation.work],
            part,
        )
        for room, part in zip(rooms, translation.parts, strict=True)
    ]
    for key, variable in translation.tables.items():
        texts[key] = table_text(variable, tables[key])
    meanings = [array.meaning for array in (*arguments, *results)]
    parameters = parameters_of([], given, outputs, meanings, translation.work, work_macro(name, []))
    return CFunction(name, "", parameters, [*declared, *lines], work.size, texts, {*translation.helpers})


def _copy(
    array: CArray, result: Variable, where: list[int], memory: Variable, table: str, texts: dict[str, str]
) -> CLine:
    """Return what copies a result from where its numbers stand."""
    reads = [memory, result]
    if not array.lengths:
        return CLine(f"*{result.name} = memory[{where[0]}];", reads)
    if where == [*range(where[0], where[0] + len(where))] if where else True:
        start = where[0] if where else 0
        return CLine(f"memcpy({result.name}, memory + {start}, {len(where)} * sizeof(double));", reads)
    places = Variable(table, "static const int")
    texts[table] = table_text(places, where)
    body = [CLine(f"{result.name}[i] = memory[{table}[i]];", [*reads, places])]
    return CLine(f"for ({INDEX} i = 0; i < {len(where)}; i++)", [], body=body)
