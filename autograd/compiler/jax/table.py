"""Interpret the table of an irregular program with JAX: a scan that does one operation a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...ops.table import Op
from ..numpy.expressions import Helpers
from ..numpy.literals import Literals
from ..numpy.statements import Counts
from ..passes.multiply_add import ADD_PRODUCT
from ..table.schedule import Schedule
from .expressions import jax_expression, jax_row
from .source import JaxSource, source_of, type_line

Steps = npt.NDArray[np.int32]

# XLA compiles a loop that touches few bytes a step as a whole: a step takes 12 ns for 1 sample, and 15 ns for
# 4. For 8 it calls the parts of the step one by one, 500 ns in all.
_MOST_LANES = 4

OPERANDS = "xyz"
"""What the operands of an operation are called."""


def jax_table_source(
    schedule: Schedule, parameters: Sequence[str], shapes: Sequence[tuple[int, ...]]
) -> JaxSource:
    """Return a table, and what interprets it, as a program in JAX.

    XLA takes 10 ms to compile a statement: a quarter of an hour for 100,000 operations. This program has an
    expression for each kind of operation instead, and a loop that chooses among them.

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
    JaxSource
        The program.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..table.schedule import schedule
    >>> from ..trace.tape import tape_of
    >>> x, y = Value(2.0), Value(3.0)
    >>> tape = tape_of([(x + y) * (x - y)], [[x, y]])
    >>> print(jax_table_source(schedule(tape, [(2,)], [tape.outputs]), ["x"], [()]).body.lstrip())
    def program(x):
        dtype = jnp.result_type(float, x)
        numbers = jnp.concatenate([jnp.ravel(x), c4], dtype=dtype)
    <BLANKLINE>
        # What follows no pattern. A step does one operation, of some kind: it reads places of the memory,
        # and writes another.
        kinds = [
            lambda x, y, z: x - y,
            lambda x, y, z: x + y,
            lambda x, y, z: x * y,
        ]
    <BLANKLINE>
        def step(memory, taken):
            kind, target, *operands = taken
            found = jax.lax.switch(kind, kinds, *(memory[place] for place in operands))
            return memory.at[target].set(found), None
    <BLANKLINE>
        def some(given):
            memory = jnp.zeros((3, 1), dtype).at[i2].set(given)
            memory, _ = jax.lax.scan(step, memory, i5)
            return memory[i3]
    <BLANKLINE>
        kept = jax.lax.map(some, numbers[i1])
        return (kept[i6, i6, i6].reshape(()),)
    <BLANKLINE>
    """
    literals, helpers = Literals(), Helpers()
    kinds = {run.op: operation_text(run.op, helpers) for run in schedule.runs}
    width = min(schedule.lanes, _MOST_LANES)
    sources, given, kept = (
        literals.name(places, "i")
        for places in (_in_groups(schedule.sources, width), schedule.given, schedule.kept)
    )
    lines = [
        *numbers_lines(parameters, np.array(schedule.constants), literals),
        *step_lines([*kinds.values()]),
        "",
        "def some(given):",
        f"    memory = jnp.zeros({(schedule.slots, width)}, dtype).at[{given}].set(given)",
        *(f"    {line}" for line in scan_lines(_steps(schedule, [*kinds]), literals)),
        f"    return memory[{kept}]",
        "",
        f"kept = jax.lax.map(some, numbers[{sources}])",
    ]
    returned = []
    for (rows, lanes), shape in zip(schedule.results, shapes, strict=True):
        at = ", ".join([literals.name(places, "i") for places in (lanes // width, rows, lanes % width)])
        returned.append(f"kept[{at}].reshape({shape}),")
    return source_of(parameters, [*lines, f"return ({' '.join(returned)})"], helpers, literals, Counts())


def _in_groups(sources: npt.NDArray[np.intp], width: int) -> Steps:
    """Return where the numbers of each group of samples come from; the last one fills up the last group."""
    rows, lanes = sources.shape
    filled = np.pad(sources, [(0, 0), (0, -lanes % width)], mode="edge")
    return np.ascontiguousarray(filled.reshape(rows, -1, width).swapaxes(0, 1), np.int32)


def _steps(schedule: Schedule, kinds: Sequence[Op]) -> Steps:
    """Return the kind of each operation, the row that it writes, and those that it reads."""
    which = [kinds.index(run.op) for run in schedule.runs]
    each = np.repeat(np.array(which, np.int32), [run.stop - run.start for run in schedule.runs])
    return np.column_stack([each, schedule.table])


def numbers_lines(parameters: Sequence[str], constants: npt.NDArray[Any], literals: Literals) -> list[str]:
    """Return the statements that put the arguments and the constants in a row, in the arguments' type."""
    parts = [*(f"jnp.ravel({name})" for name in parameters), literals.name(constants, "c")]
    return [
        type_line(parameters),
        f"numbers = jnp.concatenate([{', '.join(parts)}], dtype=dtype)",
    ]


def operation_text(op: Op, helpers: Helpers) -> str:
    """Return what an operation does to x, y and z."""
    operands = OPERANDS[: len(op.partials)]
    if op is ADD_PRODUCT:
        return jax_expression(op.value, dict(zip(op.parameters, operands, strict=True)), helpers)
    return jax_row(op, operands, helpers)


def step_lines(kinds: Sequence[str]) -> list[str]:
    """Return the statements that define a step in a memory, from what each kind of operation does."""
    if not kinds:
        return []
    return [
        "",
        "# What follows no pattern. A step does one operation, of some kind: it reads places of the memory,",
        "# and writes another.",
        "kinds = [",
        *(f"    lambda {', '.join(OPERANDS)}: {text}," for text in kinds),
        "]",
        "",
        "def step(memory, taken):",
        "    kind, target, *operands = taken",
        "    found = jax.lax.switch(kind, kinds, *(memory[place] for place in operands))",
        "    return memory.at[target].set(found), None",
    ]


def scan_lines(steps: Steps, literals: Literals) -> list[str]:
    """Return the statement that takes all steps in a memory."""
    return [f"memory, _ = jax.lax.scan(step, memory, {literals.name(steps, 'i')})"] if len(steps) else []
