"""Interpret the table of an irregular program with NumPy: one statement for each run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...ops.rules import on_arrays
from ...ops.table import Op
from ...quiet import quietly
from ..table.schedule import Schedule
from .expressions import Helpers, helpers_text, imports_of, numpy_expression
from .literals import Literals, module_text

Floats = npt.NDArray[np.float64]


Interpret = Callable[[Floats], Floats]
"""From the arguments and constants in a row to the numbers that are kept, of shape (kept, lanes)."""

# 64 MB: the memory of 100,000 slots for 256 samples at once would be 200 MB.
_MOST_NUMBERS = 8_000_000


def interpreted(
    schedule: Schedule, shapes: Sequence[tuple[int, ...]], interpret: Interpret
) -> Callable[..., tuple[Any, ...]]:
    """Return a function of the arguments' arrays that interprets a table.

    Parameters
    ----------
    schedule : Schedule
        The table.
    shapes : sequence of tuple of int
        The shape of each result.
    interpret : callable
        What interprets it, such as `with_numpy` returns.

    Returns
    -------
    callable
        It returns the tuple of results.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..table.schedule import schedule
    >>> from ..trace.tape import tape_of
    >>> x, y = Value(2.0), Value(3.0)
    >>> tape = tape_of([(x + y) * (x - y)], [[x, y]])
    >>> table = schedule(tape, [(2,)], [tape.outputs])
    >>> interpreted(table, [()], with_numpy(table))(np.array([5.0, 4.0]))
    (9.0,)
    """
    constants = np.array(schedule.constants)

    def run(*arguments: Any) -> tuple[Any, ...]:
        kept = interpret(np.concatenate([*map(np.ravel, arguments), constants]))
        found = [kept[rows, lanes] for rows, lanes in schedule.results]
        return tuple(
            [of.reshape(shape) if shape else float(of[0]) for of, shape in zip(found, shapes, strict=True)]
        )

    return run


def with_numpy(schedule: Schedule) -> Interpret:
    """Return what interprets a table with a statement of NumPy for each run.

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
    >>> from ..table.schedule import schedule
    >>> from ..trace.tape import Tape
    >>> with_numpy(schedule(Tape(), [], []))(np.empty(0)).shape
    (0, 1)
    """
    columns = [(run.op, *schedule.table[run.start : run.stop].T.copy()) for run in schedule.runs]
    steps = [(on_arrays(op).value, target, operands[: len(op.partials)]) for op, target, *operands in columns]
    width = max(1, _MOST_NUMBERS // max(1, schedule.slots))

    def work(numbers: Floats) -> Floats:
        kept = np.empty((len(schedule.kept), schedule.lanes))
        for start in range(0, schedule.lanes, width):
            lanes = slice(start, start + width)
            given = numbers[schedule.sources[:, lanes]]
            memory = np.empty((schedule.slots, given.shape[1]))
            memory[schedule.given] = given
            for rule, target, operands in steps:
                memory[target] = rule(*[memory[slots] for slots in operands])
            kept[:, lanes] = memory[schedule.kept]
        return kept

    return quietly(work)


def table_source(schedule: Schedule, parameters: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> str:
    """Return a table, and what interprets it, as a module of NumPy that runs on its own.

    Parameters
    ----------
    schedule : Schedule
        The table.
    parameters : sequence of str
        A name for each argument.
    shapes : sequence of tuple of int
        The shape of each result.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..table.schedule import schedule
    >>> from ..trace.tape import tape_of
    >>> x = Value(2.0)
    >>> table = schedule(tape_of([x * x], [[x]]), [()], [[1]])
    >>> print(table_source(table, ["x"], [()]))
    import numpy as np
    <BLANKLINE>
    # Operations that follow no pattern. A run does some of one kind: it writes the first rows of the
    # memory, and reads the others. A row has a number for each sample.
    runs = [
        (lambda x, y: x * y, [0], [0], [0]),
    ]
    <BLANKLINE>
    <BLANKLINE>
    def program(x):
        numbers = np.concatenate([np.ravel(x), []])
        memory = np.empty((1, 1))
        memory[[0]] = numbers[[[0]]]
        for rule, target, *operands in runs:
            memory[target] = rule(*(memory[rows] for rows in operands))
        kept = memory[[0]]
        return (kept[[0], [0]].reshape(()),)
    <BLANKLINE>
    """
    helpers: Helpers = {}
    literals = Literals()
    rules = {run.op: _rule(run.op, helpers) for run in schedule.runs}
    lines = helpers_text(helpers)
    lines += ["", *_EXPLANATION, "runs = ["]
    for run in schedule.runs:
        columns = schedule.table[run.start : run.stop].T[: 1 + len(run.op.partials)]
        lines.append(f"    ({', '.join([rules[run.op], *(literals.text(column) for column in columns)])}),")
    arguments = "".join(f"np.ravel({name}), " for name in parameters)
    returned = [
        f"kept[{literals.text(rows)}, {literals.text(lanes)}].reshape({shape}),"
        for (rows, lanes), shape in zip(schedule.results, shapes, strict=True)
    ]
    lines += [
        "]\n\n",
        f"def program({', '.join(parameters)}):",
        f"    numbers = np.concatenate([{arguments}{literals.text(np.array(schedule.constants))}])",
        f"    memory = np.empty({schedule.slots, schedule.lanes})",
        f"    memory[{literals.text(schedule.given)}] = numbers[{literals.text(schedule.sources)}]",
        "    for rule, target, *operands in runs:",
        "        memory[target] = rule(*(memory[rows] for rows in operands))",
        f"    kept = memory[{literals.text(schedule.kept)}]",
        f"    return ({' '.join(returned)})",
    ]
    return module_text(imports_of(helpers), literals, "\n".join(lines) + "\n")


_EXPLANATION = (
    "# Operations that follow no pattern. A run does some of one kind: it writes the first rows of the",
    "# memory, and reads the others. A row has a number for each sample.",
)


def _rule(op: Op, helpers: Helpers) -> str:
    return f"lambda {', '.join(op.parameters)}: {numpy_expression(op.value, {}, helpers)}"
