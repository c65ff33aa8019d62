"""Schedule the operations of an irregular program for an interpreter.

To compile a program without arrays operation by operation would take minutes for 300,000 statements.
Instead, an interpreter runs it from a table. It keeps numbers in slots of a memory, each with a lane for
every sample. The schedule keeps it fast:

- independent operations of one kind form a *run*, so that the interpreter dispatches once a run; - each
operation is scheduled as late as possible, and its slot is reused after its last use, so that the memory
  stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...ops.structural import Structural
from ...ops.table import Op
from ..passes.batches import sources_of
from ..trace.tape import Tape

Slots = npt.NDArray[np.int32]
Places = npt.NDArray[np.intp]


class OperationRun(NamedTuple):
    """Independent operations of one kind: rows `start` to `stop` of the table."""

    op: Op
    start: int
    stop: int


@dataclass
class Schedule:
    """A program as a table.

    Attributes
    ----------
    lanes : int
        How many samples each slot has room for.
    slots : int
        How many slots the memory has.
    given : array of int, shape (loads,)
        The slots that inputs and constants are put into before the first run.
    sources : array of int, shape (loads, lanes)
        Where each comes from, by lane: a position among all arguments and constants in a row.
    constants : list of float
        The constants, which follow the arguments.
    runs : list of OperationRun
        The work, in order.
    table : array of int, shape (operations, 4)
        For each operation the slot that it writes, and up to three that it reads.
    kept : array of int
        The slots that results are taken from.
    results : list of (array of int, array of int)
        For each result which of the `kept` its numbers are in, and in which lane.
    """

    lanes: int
    slots: int
    given: Slots
    sources: Places
    constants: list[float]
    runs: list[OperationRun]
    table: Slots
    kept: Slots
    results: list[tuple[Slots, Slots]]


def is_schedulable(tape: Tape) -> bool:
    """Return whether operations have few operands, and samples are stacked first and taken apart last.

    Examples
    --------
    >>> is_schedulable(Tape())
    True
    """
    structural = {i: op for i, op in enumerate(tape.ops) if isinstance(op, Structural)}
    if not all(op.arranges for op in structural.values()):
        return False
    loads = [i for i in structural if _is_load(tape, i)]
    return (
        len({len(tape.args[i]) for i in loads}) <= 1
        and all(tape.ops[arg] is None for i in loads for arg in tape.args[i])
        and not any(isinstance(op, Op) and op.variadic for op in set(tape.ops))
        and (structural.keys() - set(loads)).isdisjoint(chain.from_iterable(tape.args))
    )


def _is_load(tape: Tape, i: int) -> bool:
    """Return whether an instruction arranges single numbers as the samples of one."""
    op = tape.ops[i]
    return isinstance(op, Structural) and bool(op.length(len(tape.args[i])))


def _arranged(tape: Tape, i: int) -> list[tuple[int, int]]:
    """Return the instruction and the lane of each number that an instruction arranges."""
    return [(tape.args[i][operand], lane) for operand, lane in sources_of(tape, i)]


def schedule(tape: Tape, shapes: Sequence[tuple[int, ...]], results: Sequence[Sequence[int]]) -> Schedule:
    """Return the table of a program.

    Parameters
    ----------
    tape : Tape
        A program for which `is_schedulable` holds.
    shapes : sequence of tuple of int
        The shape of each argument.
    results : sequence of sequence of int
        The instructions of each result.

    Returns
    -------
    Schedule
        The table.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> x, y = Value(2.0), Value(3.0)
    >>> tape = tape_of([(x + y) * (x - y)], [[x, y]])
    >>> found = schedule(tape, [(2,)], [tape.outputs])
    >>> [(run.op.name, run.stop - run.start) for run in found.runs], found.slots
    ([('sub', 1), ('add', 1), ('mul', 1)], 3)
    """
    loads = _loads(tape)
    runs, order = _runs(tape)
    taken = [[_number_and_lane(tape, i) for i in numbers] for numbers in results]
    slot_of, slots = _slots(tape, loads, order, {i for numbers in taken for i, _ in numbers})
    table = np.zeros((len(order), 4), dtype=np.int32)
    for row, i in enumerate(order):
        args = tape.args[i]
        table[row, : 1 + len(args)] = [slot_of[i], *[slot_of[arg] for arg in args]]
    lanes = max((len(tape.args[i]) for i in loads if tape.ops[i] is not None), default=1)
    constants, sources = _sources(tape, shapes, loads, lanes)
    rows = {i: row for row, i in enumerate(dict.fromkeys(i for numbers in taken for i, _ in numbers))}
    columns = [([rows[i] for i, _ in numbers], [lane for _, lane in numbers]) for numbers in taken]
    return Schedule(
        lanes=lanes,
        slots=slots,
        given=np.array([slot_of[i] for i in loads], dtype=np.int32),
        sources=sources,
        constants=constants,
        runs=runs,
        table=table,
        kept=np.array([slot_of[i] for i in rows], dtype=np.int32),
        results=[(np.array(at, dtype=np.int32), np.array(lane, dtype=np.int32)) for at, lane in columns],
    )


def _loads(tape: Tape) -> list[int]:
    """Return what arranges samples, and the inputs and constants that are used by themselves."""
    used = set(tape.outputs)
    loads = {i for i in range(len(tape)) if _is_load(tape, i)}
    for i, (op, args) in enumerate(zip(tape.ops, tape.args, strict=True)):
        if i not in loads:
            used.update(args[: len(args) - op.statics] if isinstance(op, Structural) else args)
    return [i for i, op in enumerate(tape.ops) if i in loads or (op is None and i in used)]


def _number_and_lane(tape: Tape, i: int) -> tuple[int, int]:
    if not isinstance(tape.ops[i], Structural):
        return i, 0
    (found,) = _arranged(tape, i)
    return found


def _runs(tape: Tape) -> tuple[list[OperationRun], list[int]]:
    """Return the operations sorted by height, the longest path to a result first, and then by kind."""
    heights = [0] * len(tape)
    for i in range(len(tape) - 1, -1, -1):
        height = heights[i] + 1
        for arg in tape.args[i]:
            if heights[arg] < height:
                heights[arg] = height
    work = [i for i, op in enumerate(tape.ops) if isinstance(op, Op)]
    kinds = {op: kind for kind, op in enumerate(dict.fromkeys(tape.ops[i] for i in work))}
    keys = {i: (-heights[i], kinds[tape.ops[i]]) for i in work}
    order = sorted(work, key=keys.__getitem__)
    runs = []
    start = 0
    for _, group in groupby(order, key=keys.__getitem__):
        inside = list(group)
        runs.append(OperationRun(tape.ops[inside[0]], start, start + len(inside)))  # type: ignore[arg-type]
        start += len(inside)
    return runs, order


def _slots(
    tape: Tape, loads: Sequence[int], order: Sequence[int], kept: set[int]
) -> tuple[dict[int, int], int]:
    """Return the slot of each number, reused after its last use, and how many slots there are."""
    last = {arg: i for i in order for arg in tape.args[i]}
    slot_of = {i: slot for slot, i in enumerate(loads)}
    free: list[int] = []
    slots = len(loads)
    for i in order:
        free.extend(slot_of[arg] for arg in set(tape.args[i]) if last[arg] == i and arg not in kept)
        if free:
            slot_of[i] = free.pop()
        else:
            slot_of[i] = slots
            slots += 1
    return slot_of, slots


def _sources(
    tape: Tape, shapes: Sequence[tuple[int, ...]], loads: Sequence[int], lanes: int
) -> tuple[list[float], Places]:
    """Return the constants, and where what is loaded stands among the arguments and these."""
    starts = np.cumsum([0, *(prod(shape) for shape in shapes)]).tolist()
    constants: dict[int, float] = {}

    def place(i: int) -> int:
        number = tape.numbers[i]
        if number is None:
            argument, position = tape.inputs[i]
            return int(starts[argument] + position)
        constants[i] = number
        return int(starts[-1]) + len(constants) - 1

    known: dict[int, int] = {}
    rows = []
    for i in loads:
        args = [i] * lanes if tape.ops[i] is None else [arg for arg, _ in _arranged(tape, i)]
        rows.append([known[arg] if arg in known else known.setdefault(arg, place(arg)) for arg in args])
    return list(constants.values()), np.array(rows, dtype=np.intp).reshape(-1, lanes)
