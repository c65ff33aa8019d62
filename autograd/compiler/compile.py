"""Compile a tape: simplify it, find its arrays, and write a program for NumPy and for other backends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from itertools import islice
from math import prod
from typing import NamedTuple, Protocol

from ..engine.value import Value
from ..ops.structural import Structural
from ..quiet import quietly
from .arrays.layout import lay_out
from .arrays.plan import Plan, Results
from .findings import found_in
from .found import Found, FoundArrays, FoundArrayTable, FoundTable, without_the_rest
from .numpy.array_table import Workshop, array_interpreter, array_table_source, arrays_with_numpy
from .numpy.source import numpy_source
from .numpy.table import Interpret, interpreted, table_source, with_numpy
from .passes.apart import has_loops, put_apart
from .passes.axes import Along, DimsOfResults, Inputs, numbered_axes, whole_arguments
from .passes.expand_choices import is_expanded
from .passes.multiply_add import combine
from .passes.reductions import find_reductions, spread_sums
from .passes.rolling import FEWEST_CLASSES, roll
from .passes.runs import in_runs
from .passes.simplify import simplify, used
from .passes.stops import with_stops
from .passes.within_steps import within_steps
from .runtime.identifiers import identifiers
from .runtime.program import CompilationReport, NoPatternError, Program, Run, UnsuitableError
from .table.array_rows import GATHER, PRODUCT, REDUCTION
from .table.array_table import ArrayTable, array_table
from .table.schedule import Schedule, is_schedulable, schedule
from .trace.tape import Tape, tape_of

Shapes = Sequence[tuple[int, ...]]


class Backend(NamedTuple):
    """Compiles functions for an accelerated backend, in the background.

    Either raises `UnsuitableError` for a program that it does not support.

    Attributes
    ----------
    of_plan : callable
        From the plan (see `Plan` and `Block`), the shape of each argument, and for each result its
        instructions and its shape, to a function of the arguments' arrays (numbers where the shape is ``()``)
        that returns the tuple of results.
    of_table : callable
        From the `Schedule` of an irregular program to what interprets it, see `interpreted`.
    of_array_table : callable
        From the `ArrayTable` of a program of many arrays to what makes its interpreter, see
        `array_interpreter`.
    """

    of_plan: Callable[[Plan, Shapes, Results], Run]
    of_table: Callable[[Schedule], Interpret]
    of_array_table: Callable[[ArrayTable], Workshop] = arrays_with_numpy


def _numba_of_plan(plan: Plan, arguments: Shapes, results: Results) -> Run:
    # Loaded when first used: it would take half as long to load as the rest of the compiler.
    from .numba.build import LongProgramError, numba_program

    try:
        return numba_program(plan, arguments, results)
    except LongProgramError:
        table = array_table(plan, arguments, results)
        return array_interpreter(table, [shape for _, shape in results], _numba_of_array_table(table))


def _numba_of_table(table: Schedule) -> Interpret:
    from .numba.table import with_numba

    return with_numba(table)


def _numba_of_array_table(table: ArrayTable) -> Workshop:
    from .numba.array_table import arrays_with_numba

    return arrays_with_numba(table)


class WrittenProgram(Protocol):
    """A program as text."""

    @property
    def text(self) -> str:
        """The module, which runs on its own."""

    def run(self) -> Run:
        """Return the function that it defines."""


class Library(NamedTuple):
    """Writes programs for the arrays of another library, which NumPy's programs do not take.

    Each may raise `UnsuitableError` for a program that it does not support.

    Attributes
    ----------
    of_plan : callable
        From the plan, the names of the arguments, and for each result its instructions and its shape, to the
        program.
    of_table, of_array_table : callable
        From the `Schedule` or the `ArrayTable` of an irregular program, the names of the arguments and the
        shapes of the results, to the program.
    """

    of_plan: Callable[[Plan, Sequence[str], Results], WrittenProgram]
    of_table: Callable[[Schedule, Sequence[str], Shapes], WrittenProgram]
    of_array_table: Callable[[ArrayTable, Sequence[str], Shapes], WrittenProgram]


def _jax_of_plan(plan: Plan, names: Sequence[str], results: Results) -> WrittenProgram:
    # Loaded when first used, as are all of its folder.
    from .jax.source import jax_source

    return jax_source(plan, names, results)


def _jax_of_table(table: Schedule, names: Sequence[str], shapes: Shapes) -> WrittenProgram:
    from .jax.table import jax_table_source

    return jax_table_source(table, names, shapes)


def _jax_of_array_table(table: ArrayTable, names: Sequence[str], shapes: Shapes) -> WrittenProgram:
    from .jax.array_table import jax_array_table_source

    return jax_array_table_source(table, names, shapes)


BACKENDS: dict[str, Backend | Library | None] = {
    "numpy": None,
    "numba": Backend(_numba_of_plan, _numba_of_table, _numba_of_array_table),
    "jax": Library(_jax_of_plan, _jax_of_table, _jax_of_array_table),
}
"""The backends by name. NumPy's programs are made first, but where those of another library are asked for."""

# A statement of NumPy takes 1 us, and 0.1 ms to compile. More arrays than these are interpreted.
_MOST_ARRAYS = 1000

# Of a sample, arrays of fewer numbers each are interpreted one by one, for eight samples at once.
_FEWEST_NUMBERS = 4


def compiled(
    tape: Tape,
    arguments: Shapes,
    results: Shapes,
    names: Sequence[str],
    backend: str = "numpy",
    since: float | None = None,
    dims: DimsOfResults = (),
) -> Program:
    """Compile a tape.

    The program runs on NumPy. If another backend is asked for, the program expects that one's, which
    replaces it once somebody calls `Program.improve`, as `improve_later` does. That of a `Library` runs at
    once: it is from that library's arrays to the tuple of results.

    Parameters
    ----------
    tape : Tape
        What was traced. Its outputs are the elements of all results, one result after the other.
    arguments, results : sequence of tuple of int
        The shape of each argument, and of each result.
    names : sequence of str
        The names of the arguments.
    backend : str
        A name of `BACKENDS`.
    since : float, optional
        When the work began, by `time.perf_counter`.
    dims : sequence of tuple of Axis or None, optional
        What the dimensions of each result are, where some are axes.

    Returns
    -------
    Program
        What runs.

    Raises
    ------
    NotImplementedError
        For a program that a `Library` does not support.

    Examples
    --------
    >>> import numpy as np
    >>> x = [Value(1.0), Value(2.0)]
    >>> program = compiled(tape_of([v * v for v in x], [x]), [(2,)], [(2,)], ["x"])
    >>> program.run(np.array([3.0, 4.0]))
    (array([ 9., 16.]),)
    """
    start = time.perf_counter() if since is None else since
    texts = identifiers(names)
    tape, inputs, along = numbered_axes(tape, arguments, dims or [()] * len(results))
    if isinstance(BACKENDS[backend], Library):
        tape = with_stops(tape)
    settings = _stated(inputs), tuple(results), texts, _MOST_ARRAYS, _FEWEST_NUMBERS, along
    found, passes, key = found_in(tape, settings, lambda: _found(tape, inputs, results, texts, along))
    program = program_of(found, texts, arguments, results, backend, passes, start)
    program.fingerprint, program.has_axes = key, bool(inputs.axes)
    return program


def program_of(
    found: Found,
    names: Sequence[str],
    arguments: Shapes,
    results: Shapes,
    backend: str,
    passes: str,
    start: float,
) -> Program:
    """Return the program of what was found in a tape.

    Parameters
    ----------
    found : FoundArrays, FoundTable or FoundArrayTable
        What was found.
    names : sequence of str
        An identifier for each argument.
    arguments, results : sequence of tuple of int
        The shape of each argument, and of each result.
    backend : str
        What the program expects to run on, see `compiled`.
    passes : str
        Where it was found, see `CompilationReport`.
    start : float
        When the work began, by `time.perf_counter`.

    Returns
    -------
    Program
        What runs.

    Raises
    ------
    NotImplementedError
        As for `compiled`.

    Examples
    --------
    >>> from .table.schedule import schedule
    >>> x = Value(2.0)
    >>> table = schedule(tape_of([x * x], [[x]]), [()], [[1]])
    >>> program_of(FoundTable(table, 1, 1), ["x"], [()], [()], "numpy", "run", 0.0).run(3.0)
    (9.0,)
    """
    better = BACKENDS[backend]
    if isinstance(better, Library):
        program = _written(found, better, names, results, _report(found, passes, start, backend))
    elif isinstance(found, FoundTable):
        program = _interpreted(found, passes, names, results, start)
        if better:
            table, of_table = found.schedule, better.of_table
            program.expect(backend, lambda: interpreted(table, results, of_table(table)))
    elif isinstance(found, FoundArrayTable):
        program = _interpreted_arrays(found, passes, names, results, start)
        if better:
            arrays, of_arrays = found.table, better.of_array_table
            program.expect(backend, lambda: array_interpreter(arrays, results, of_arrays(arrays)))
    else:
        program = _program(found, passes, start)
        program.plan = found.plan
        if better:
            program.expect(backend, partial(_of_plan, better, found, arguments, results))
    program.made_of = found, tuple(names), tuple(arguments), tuple(results)
    return program


def _written(
    found: Found, library: Library, names: Sequence[str], shapes: Shapes, report: CompilationReport
) -> Program:
    """Return the program of what was found, written for the arrays of a library."""
    try:
        if isinstance(found, FoundTable):
            written = library.of_table(found.schedule, names, shapes)
        elif isinstance(found, FoundArrayTable):
            written = library.of_array_table(found.table, names, shapes)
        else:
            plan, results = found.plan()
            written = library.of_plan(plan, names, results)
    except UnsuitableError as error:
        raise NotImplementedError(
            f"the {report.backend} backend does not run this program: {error}; jit(f, backend='numpy') does"
        ) from None
    program = Program(lambda: written.text, written.run(), report)
    program.plan = found.plan if isinstance(found, FoundArrays) else None
    return program


def _stated(inputs: Inputs) -> object:
    """Return what a program depends on of its inputs, as an object whose `repr` says all of it."""
    constants = [array for of in inputs.arrays for array in (of.constant, of.rows) if array is not None]
    arrays = [
        (array._replace(constant=None, rows=None), array.constant is None, array.rows is None)
        for array in inputs.arrays
    ]
    return (
        arrays,
        inputs.axes,
        sorted(inputs.fixed),
        [(array.shape, blake2b(array.tobytes()).hexdigest()) for array in constants],
    )


def _found(
    tape: Tape, inputs: Inputs, results: Shapes, names: Sequence[str], along: Sequence[Along] = ()
) -> Found:
    """Run the passes."""
    if inputs.fixed:
        return _found_apart(tape, inputs, results, names, along)
    tape = within_steps(tape, inputs)
    reduced, colours = find_reductions(tape, inputs.arrays)
    arguments = [array.shape for array in inputs.arrays]
    arrays = len(set(colours))
    # Most programs have few arrays once their sums are found, which is found in any case.
    rolled = roll(tape, inputs, arrays - _MOST_ARRAYS) if arrays >= FEWEST_CLASSES else None
    if rolled is not None:
        of_loops, their_colours = find_reductions(rolled[0], rolled[1].arrays)
        if len(set(their_colours)) <= _MOST_ARRAYS:
            found = _found_arrays(of_loops, their_colours, rolled[1], results, names, along, len(tape))
            return found if inputs.axes else found._replace(rolled=arguments)
    # What only loops count has no other form.
    is_counted = bool(inputs.axes) and all(axis.is_counted for axis in inputs.axes)
    is_long = arrays > _MOST_ARRAYS and not is_counted
    if is_long and inputs.axes:
        raise NoPatternError
    if is_long and _has_samples(tape):
        if len(colours) < _FEWEST_NUMBERS * arrays:
            simplified = simplify(tape, is_expanded)
            table = used(combine(spread_sums(simplified)))
            if is_schedulable(table):
                scheduled = schedule(table, arguments, _instructions(table, results))
                return FoundTable(scheduled, len(tape), len(simplified))
    elif is_long:
        colours = in_runs(reduced, colours)
    if is_long:
        plan = lay_out(reduced, colours, inputs, along=along)
        wanted = list(zip(_instructions(reduced, results), results, strict=True))
        return FoundArrayTable(
            array_table(plan, arguments, wanted), len(plan.blocks), len(tape), len(reduced)
        )
    return _found_arrays(reduced, colours, inputs, results, names, along, len(tape))


def _found_apart(
    tape: Tape, inputs: Inputs, results: Shapes, names: Sequence[str], along: Sequence[Along]
) -> FoundArrays:
    """Run the passes on a program with loops whose arrays were traced along axes of fixed lengths."""
    rolled = roll(tape, inputs)
    if rolled is None and not has_loops(tape):
        raise NoPatternError
    apart = put_apart(*(rolled or (tape, inputs)), results, along)
    reduced, colours = find_reductions(apart.tape, apart.inputs.arrays)
    if len(set(colours)) > _MOST_ARRAYS:
        raise NoPatternError
    return _found_arrays(reduced, colours, apart.inputs, apart.results, names, apart.along, len(tape))


def _found_arrays(
    tape: Tape,
    colours: Sequence[int],
    inputs: Inputs,
    results: Shapes,
    names: Sequence[str],
    along: Sequence[tuple[int | None, ...]],
    traced: int,
) -> FoundArrays:
    plan = lay_out(tape, colours, inputs, along=along)
    wanted = list(zip(_instructions(tape, results), results, strict=True))
    source, rest = numpy_source(plan, names, wanted), without_the_rest(plan, wanted)
    return FoundArrays(source, lambda: (rest, wanted), traced, len(tape))


def _has_samples(tape: Tape) -> bool:
    return any(isinstance(op, Structural) for op in set(tape.ops))


def _of_plan(backend: Backend, found: FoundArrays, arguments: Shapes, shapes: Shapes) -> Run:
    if found.rolled is not None:
        table = found.table()
        return array_interpreter(table, shapes, backend.of_array_table(table))
    plan, results = found.plan()
    taken = [
        (block.argument, block.rows)
        for block in plan.blocks.values()
        if block.argument is not None and block.rows is not None
    ]
    if not taken:
        return backend.of_plan(plan, arguments, results)
    # Rows that constants take are arguments of their own, which loops read one after the other.
    numbers = iter(range(len(arguments), len(arguments) + len(taken)))
    blocks = {
        colour: block if block.rows is None else replace(block, argument=next(numbers), rows=None)
        for colour, block in plan.blocks.items()
    }
    shapes = [(len(rows), *arguments[k][1:]) for k, rows in taken]
    run = backend.of_plan(replace(plan, blocks=blocks), [*arguments, *shapes], results)
    return lambda *arrays: run(*arrays, *[arrays[k][rows] for k, rows in taken])


def _instructions(tape: Tape, results: Shapes) -> list[list[int]]:
    """Return the instructions of each result."""
    outputs = iter(tape.outputs)
    return [list(islice(outputs, prod(shape))) for shape in results]


def _interpreted(
    found: FoundTable, passes: str, names: Sequence[str], shapes: Shapes, start: float
) -> Program:
    table = found.schedule
    run = interpreted(table, shapes, with_numpy(table))
    return Program(lambda: table_source(table, names, shapes), run, _report(found, passes, start))


def _interpreted_arrays(
    found: FoundArrayTable, passes: str, names: Sequence[str], shapes: Shapes, start: float
) -> Program:
    table = found.table
    run = array_interpreter(table, shapes, arrays_with_numpy(table))
    return Program(lambda: array_table_source(table, names, shapes), run, _report(found, passes, start))


def compiled_elementwise(
    results: Sequence[Value | float], leaves: Sequence[Value], names: Sequence[str]
) -> Program:
    """Compile expressions element by element, for arguments that may be arrays of any one shape.

    Where an expression is one of the leaves, or equals another expression, the program returns one array for
    both.

    Parameters
    ----------
    results : sequence of Value or float
        The expressions.
    leaves : sequence of Value
        Their arguments.
    names : sequence of str
        What to call them.

    Returns
    -------
    Program
        With a result for each expression.

    Examples
    --------
    >>> x = Value(1.0)
    >>> compiled_elementwise([x * x, x + 1.0], [x], ["x"]).run(3.0)
    (9.0, 4.0)
    """
    start = time.perf_counter()
    tape = tape_of(results, [[leaf] for leaf in leaves])
    texts = identifiers(names)
    found, passes, _ = found_in(tape, texts, lambda: _found_elementwise(tape, len(leaves), texts))
    assert isinstance(found, FoundArrays)
    return _program(found, passes, start)


def _found_elementwise(tape: Tape, arguments: int, names: Sequence[str]) -> Found:
    """Run the passes that take each number for an array."""
    simplified = simplify(spread_sums(tape))
    inputs = whole_arguments([()] * arguments)
    plan = lay_out(simplified, range(len(simplified)), inputs, elementwise=True)
    wanted = [([output], ()) for output in simplified.outputs]
    source = numpy_source(plan, names, wanted)
    # No other backend takes arrays of any shape, so the plan is not needed any more.
    return FoundArrays(source, lambda: (Plan({}, {}), []), len(tape), len(simplified))


def _program(found: FoundArrays, passes: str, start: float) -> Program:
    source = found.source
    run = source.run()
    # What NumPy warns of, an eager call says better: it names the operation and the line.
    return Program(lambda: source.text, quietly(run), _report(found, passes, start))


def _report(found: Found, passes: str, start: float, backend: str = "numpy") -> CompilationReport:
    """Return what was found, and how long it took until now."""
    seconds = time.perf_counter() - start
    report = CompilationReport(found.traced, found.simplified, seconds, passes=passes, backend=backend)
    if isinstance(found, FoundTable):
        return report._replace(interpreted=len(found.schedule.table))
    if isinstance(found, FoundArrayTable):
        kinds = found.table.code[:, 0]
        return report._replace(
            classes=found.classes,
            products=int((kinds == PRODUCT).sum()),
            reductions=int((kinds == REDUCTION).sum()),
            gathers=int((kinds == GATHER).sum()),
            interpreted=found.table.operations,
        )
    source = found.source
    return report._replace(
        classes=source.classes,
        products=source.products,
        reductions=source.reductions,
        gathers=source.gathers,
    )
