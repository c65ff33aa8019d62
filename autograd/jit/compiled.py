"""From results and inputs, which are nodes of a graph, to a program that runs."""

from __future__ import annotations

import keyword
import re
import time
from collections.abc import Sequence
from typing import Any

from ..value import Value
from .batches import settle_batches
from .choices import spread_choices
from .colours import colours_of
from .layout import lay_out
from .numpy_source import Source, numpy_source
from .program import Program, Report
from .reductions import find_reductions, spread_sums
from .simplify import simplify
from .tape import tape_of

Result = tuple[Sequence[Value | float], tuple[int, ...]]
"""The numbers of a result, and its shape."""


def compiled(
    results: Sequence[Result],
    arguments: Sequence[Sequence[Value]],
    shapes: Sequence[tuple[int, ...]],
    names: Sequence[str],
    since: float | None = None,
) -> Program:
    """Compile the graph between some leaves and some results.

    Parameters
    ----------
    results : sequence of (sequence of Value or float, tuple of int)
        The numbers of each result, and its shape.
    arguments : sequence of sequence of Value
        For each argument its leaves.
    shapes : sequence of tuple of int
        The shape of each argument.
    names : sequence of str
        What to call the arguments.
    since : float, optional
        When the work began, as `time.perf_counter` has it.

    Returns
    -------
    Program
        Of NumPy.

    Examples
    --------
    >>> import numpy as np
    >>> x = [Value(1.0), Value(2.0)]
    >>> program = compiled([([v * v for v in x], (2,))], [x], [(2,)], ["x"])
    >>> program.run(np.array([3.0, 4.0]))
    (array([ 9., 16.]),)
    """
    start = time.perf_counter() if since is None else since
    tape = tape_of([number for numbers, _ in results for number in numbers], arguments)
    simplified = simplify(settle_batches(spread_choices(tape)))
    reduced = simplify(find_reductions(simplified))
    plan = lay_out(reduced, colours_of(reduced), shapes)
    outputs = iter(reduced.outputs)
    wanted = [([next(outputs) for _ in numbers], shape) for numbers, shape in results]
    source = numpy_source(reduced, plan, _identifiers(names), wanted)
    return _program(source, len(tape), len(simplified), start)


def compiled_elementwise(y: Value, leaves: Sequence[Value], names: Sequence[str]) -> Program:
    """Compile an expression one operation at a time, for leaves that may be arrays of any one shape.

    Parameters
    ----------
    y : Value
        The expression.
    leaves : sequence of Value
        Its arguments.
    names : sequence of str
        What to call them.

    Returns
    -------
    Program
        With one result.

    Examples
    --------
    >>> x = Value(1.0)
    >>> compiled_elementwise(x * x, [x], ["x"]).run(3.0)
    (9.0,)
    """
    start = time.perf_counter()
    tape = tape_of([y], [[leaf] for leaf in leaves])
    simplified = simplify(spread_sums(tape))
    plan = lay_out(simplified, range(len(simplified)), [()] * len(leaves), elementwise=True)
    source = numpy_source(simplified, plan, _identifiers(names), [(simplified.outputs, ())])
    return _program(source, len(tape), len(simplified), start)


def _program(source: Source, traced: int, simplified: int, start: float) -> Program:
    namespace: dict[str, Any] = {}
    exec(compile(source.text, "<compiled by autograd.jit>", "exec"), namespace)
    report = Report(
        traced=traced,
        simplified=simplified,
        classes=source.classes,
        products=source.products,
        reductions=source.reductions,
        gathers=source.gathers,
        seconds=time.perf_counter() - start,
    )
    return Program(source.text, namespace["program"], report)


def _identifiers(names: Sequence[str]) -> list[str]:
    """Return names that Python takes for variables, each once, and none that the program uses itself."""
    found: list[str] = []
    for name in names:
        text = re.sub(r"\W+", "_", name).strip("_") or "x"
        if (
            text[0].isdigit()
            or keyword.iskeyword(text)
            or re.fullmatch(r"np|program|result\d+|[vci]\d+", text)
        ):
            text = f"{text}_" if not text[0].isdigit() else f"x{text}"
        while text in found:
            text += "_"
        found.append(text)
    return found
