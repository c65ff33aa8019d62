"""Interpreting the table of an irregular program with Numba: one compiled loop for all programs.

The memory holds as many lanes at a time as a vector register, for as many samples: an operation is then
eight of the same, and little more than one. What an operation reads is loaded before anything is stored, so
that the slot of an operand may be the slot of the result.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..ops import COMPARISONS, OPS, Op
from .choices import CHOICES
from .interpreter import Floats, Interpret
from .loop_rules import loop_expression
from .numba_backend import HEAD, loaded
from .schedule import Schedule

# A vector of AVX-512, and a line of the cache.
WIDTH = 8

# Threads take 0.1 ms to begin, and an operation on a vector 1 ns at least.
_WORTH_THREADS = 1_000_000

_SIGNATURE = (
    "(int64, int64[:, ::1], int32[:, ::1], int32[::1], int64[:, ::1], float64[::1], int32[::1], int64, "
    "float64[:, ::1])"
)

_KINDS = {
    op: kind
    for kind, op in enumerate(
        op for op in (*OPS.values(), *COMPARISONS.values()) if not op.variadic and op not in CHOICES
    )
}
"""The number of each operation in a table."""

_HEAD = """\
def program(slots, runs, table, given, sources, numbers, kept, lane, out):
    memory = np.empty(slots * WIDTH)
    for i in range(len(given)):
        for j in range(WIDTH):
            memory[given[i] * WIDTH + j] = numbers[sources[i, lane + j]]
    for i in range(len(runs)):
        kind, start, stop = runs[i]
"""

_TAIL = """\
    for i in range(len(kept)):
        for j in range(WIDTH):
            out[i, lane + j] = memory[kept[i] * WIDTH + j]
"""


def kernel_source(width: int) -> str:
    """Return the interpreter as a text for Numba; it is Python as well.

    Parameters
    ----------
    width : int
        How many lanes it has.

    Returns
    -------
    str
        The definition of ``program``, which does all runs for as many samples from some ``lane`` on.

    Examples
    --------
    >>> "r7 = x7 + y7" in kernel_source(8)
    True
    """
    lines = []
    for op, kind in _KINDS.items():
        lines.append(f"        {'elif' if kind else 'if'} kind == {kind}:  # {op.name}")
        lines.append("            for k in range(start, stop):")
        lines += ["                " + line for line in _operation(op, width)]
    return (_HEAD + "\n".join(lines) + "\n" + _TAIL).replace("WIDTH", str(width))


def _operation(op: Op, width: int) -> list[str]:
    """Return the lines for an operation on all lanes."""
    names = op.parameters
    # Unsigned, so that Numba need not ask whether an index is negative.
    lines = [f"{name} = np.uint64(table[k, {i}]) * np.uint64(WIDTH)" for i, name in enumerate(("r", *names))]
    rule = loop_expression(op.value, dict(zip(names, names, strict=True)))
    if "math." in rule or " if " in rule:
        # Of calls written out nothing is gained, and choices take Numba 0.3 s each.
        value = loop_expression(op.value, {name: f"memory[{name} + np.uint64(j)]" for name in names})
        return [*lines, "for j in range(WIDTH):", f"    memory[r + np.uint64(j)] = {value}"]
    for j in range(width):
        lines += [f"{name}{j} = memory[{name} + np.uint64({j})]" for name in names]
    for j in range(width):
        lines.append(f"r{j} = {loop_expression(op.value, {name: f'{name}{j}' for name in names})}")
    return lines + [f"memory[r + np.uint64({j})] = r{j}" for j in range(width)]


def with_numba(schedule: Schedule) -> Interpret:
    """Return what interprets a table with Numba.

    Parameters
    ----------
    schedule : Schedule
        The table.

    Returns
    -------
    callable
        From the arguments and constants to the numbers that are kept.

    Examples
    --------
    >>> from autograd import Value
    >>> from .schedule import schedule
    >>> from .tape import tape_of
    >>> x = Value(2.0)
    >>> with_numba(schedule(tape_of([x * x], [[x]]), [()], [[1]]))(np.array([3.0]))
    array([[9.]])
    """
    width = WIDTH if schedule.lanes > 1 else 1
    program = loaded(f"{HEAD}{kernel_source(width)}", _SIGNATURE).program
    runs = np.array([(_KINDS[run.op], run.start, run.stop) for run in schedule.runs], dtype=np.int64)
    # Samples that fill the last vector, and are left out at the end.
    more = -schedule.lanes % width
    sources = np.pad(schedule.sources, ((0, 0), (0, more)), mode="edge")
    tables = (schedule.slots, runs.reshape(-1, 3), schedule.table, schedule.given, sources)
    starts = range(0, sources.shape[1], width)

    def work(numbers: Floats) -> Floats:
        out = np.empty((len(schedule.kept), sources.shape[1]))

        def interpret(start: int) -> None:
            program(*tables, numbers, schedule.kept, start, out)

        if len(starts) * len(schedule.table) < _WORTH_THREADS:
            for start in starts:
                interpret(start)
        else:
            with ThreadPoolExecutor(os.cpu_count()) as threads:
                list(threads.map(interpret, starts))
        return out[:, : schedule.lanes]

    return work
