"""Interpret the table of an irregular program with Numba: one kernel for all programs.

The memory has as many lanes as a vector register, one for each sample: eight operations then cost little
more than one. Operands are loaded before the result is stored, so that both may share a slot.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...ops.renderer import COMPARISON, DeclinedError, Form, Renderer, Term
from ...ops.table import COMPARISONS, OPS, Op
from ..numpy.table import Floats, Interpret
from ..passes.expand_choices import CHOICES
from ..passes.multiply_add import ADD_PRODUCT
from ..table.schedule import Schedule
from .build import HEAD
from .loop_rules import LOOPS
from .machine_code import loaded

# A vector of AVX-512, and a line of the cache.
WIDTH = 8

# Threads take 0.1 ms to begin, and an operation on a vector 1 ns at least.
_WORTH_THREADS = 1_000_000

_SIGNATURE = (
    "(int64, int64[:, ::1], int32[:, ::1], int32[::1], int64[:, ::1], float64[::1], int32[::1], int64, "
    "float64[:, ::1])"
)

KINDS = {
    op: kind
    for kind, op in enumerate(
        op
        for op in (ADD_PRODUCT, *OPS.values(), *COMPARISONS.values())
        if not op.variadic and op not in CHOICES
    )
}
"""The number of each operation in a table."""

_HEAD = f"""\
{HEAD}
from llvmlite import ir

VECTOR = ir.VectorType(ir.DoubleType(), {WIDTH})


def of_vectors(emit):
    @intrinsic
    def operation(typing, memory, r, x, y, z):
        def write(context, builder, signature, args):
            numbers = context.make_array(signature.args[0])(context, builder, args[0]).data
            places = [builder.gep(numbers, [slot]) for slot in args[1:]]
            result, *operands = [builder.bitcast(place, VECTOR.as_pointer()) for place in places]
            value = emit(builder, *[builder.load(operand, align=8) for operand in operands])
            builder.store(value, result, align=8)
            return context.get_dummy_value()

        return types.void(memory, r, x, y, z), write

    return operation


def constant(number):
    return ir.Constant(VECTOR, [number] * {WIDTH})


"""

_PROGRAM = """\
def program(slots, runs, table, given, sources, numbers, kept, lane, out):
    memory = np.empty(slots * WIDTH)
    for i in range(len(given)):
        for j in range(WIDTH):
            memory[given[i] * WIDTH + j] = numbers[sources[i, lane + j]]
    for i in range(len(runs)):
        kind, start, stop = runs[i]
        OPERATIONS
    for i in range(len(kept)):
        for j in range(WIDTH):
            out[i, lane + j] = memory[kept[i] * WIDTH + j]
"""


def kernel_source() -> str:
    """Return the interpreter as a text for Numba.

    Returns
    -------
    str
        The definition of ``program``, which does all runs for a vector of samples, from some ``lane`` on.

    Examples
    --------
    >>> "math.tanh(memory[x + np.uint64(j)])" in kernel_source()
    True
    """
    definitions, lines = [_HEAD], []
    for op, kind in KINDS.items():
        name = op.name.replace(" ", "_") + "_"
        emitted = _on_vectors(op)
        if emitted:
            definitions.append(f"{name} = of_vectors(lambda b, {_arguments(op)}: {emitted})\n")
        lines.append(f"{'elif' if kind else 'if'} kind == {kind}:")
        lines.append("    for k in range(start, stop):")
        lines += ["        " + line for line in _operation(op, name if emitted else "")]
    program = _PROGRAM.replace("OPERATIONS", "\n        ".join(lines)).replace("WIDTH", str(WIDTH))
    return "".join(definitions) + "\n\n" + program


def _arguments(op: Op) -> str:
    """Return names for the three slots that a row of the table reads."""
    return ", ".join([*op.parameters, "unused1", "unused2"][:3])


def _operation(op: Op, name: str) -> list[str]:
    """Return the lines for an operation on all lanes: on vectors where it has a name, else one by one."""
    if name:
        slots = ", ".join(f"np.uint64(table[k, {i}]) * np.uint64(WIDTH)" for i in range(4))
        return [f"{name}(memory, {slots})"]
    # Unsigned, so that Numba need not ask whether an index is negative.
    columns = enumerate(("r", *op.parameters))
    lines = [f"{name} = np.uint64(table[k, {i}]) * np.uint64(WIDTH)" for i, name in columns]
    value = LOOPS.write(op.value, {name: f"memory[{name} + np.uint64(j)]" for name in op.parameters})
    return [*lines, "for j in range(WIDTH):", f"    memory[r + np.uint64(j)] = {value}"]


class _Builder(Renderer):
    """Calls of LLVM's builder, which is what computes vectors in Numba.

    Numba does not find the vectors in eight operations written out, and a loop of eight it writes out. Rules
    with functions are declined: these are called lane by lane.
    """

    def number(self, number: float) -> Term:
        return Term(f"constant({number})")

    def apply(self, word: str, operands: tuple[Term, ...]) -> Term:
        if word == "where" and operands[0].precedence != COMPARISON:
            # A number is true unless it is 0, as a nan is.
            truth = self.apply("ne", (operands[0], self.number(0.0)))
            operands = (truth, *operands[1:])
        return super().apply(word, operands)


VECTORS = _Builder(
    {
        "add": Form("b.fadd({}, {})"),
        "sub": Form("b.fsub({}, {})"),
        "mul": Form("b.fmul({}, {})"),
        "truediv": Form("b.fdiv({}, {})"),
        "neg": Form("b.fneg({})"),
        "where": Form("b.select({}, {}, {})"),
        "ne": Form("b.fcmp_unordered('!=', {}, {})", COMPARISON),
    }
    | {
        word: Form(f"b.fcmp_ordered('{op.symbol}', {{}}, {{}})", COMPARISON)
        for word, op in COMPARISONS.items()
        if word != "ne"
    }
)
"""The instructions of LLVM on vectors: ``x * y - 1.0`` is ``b.fsub(b.fmul(x, y), constant(1.0))``."""


def _on_vectors(op: Op) -> str | None:
    """Return the value of a row on vectors, if LLVM has it."""
    try:
        return VECTORS.write(op.value)
    except DeclinedError:
        return None


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
    >>> from ..table.schedule import schedule
    >>> from ..trace.tape import tape_of
    >>> x = Value(2.0)
    >>> with_numba(schedule(tape_of([x * x], [[x]]), [()], [[1]]))(np.array([3.0]))
    array([[9.]])
    """
    program = loaded(kernel_source(), _SIGNATURE).program
    runs = np.array([(KINDS[run.op], run.start, run.stop) for run in schedule.runs], dtype=np.int64)
    # Samples that fill the last vector, and are left out at the end.
    more = -schedule.lanes % WIDTH
    sources = np.pad(schedule.sources, ((0, 0), (0, more)), mode="edge")
    tables = (schedule.slots, runs.reshape(-1, 3), schedule.table, schedule.given, sources)
    starts = range(0, sources.shape[1], WIDTH)

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
