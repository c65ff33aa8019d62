"""Record a call of a function on `Value`s, and compile what was recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..engine.graph import level_outside
from ..engine.tracing import tracing
from ..engine.value import Value
from ..transforms.trees import Structure, leaves_of, numbers_of
from .arguments.arrays import shapes_of
from .arguments.call import Call
from .results import builder_of
from .runtime.program import Program
from .trace.tape import Tape, tape_of


class UsesVariablesAroundError(Exception):
    """The function reads what a call around it varies, as a constant of its own: no program holds for it."""


def recorded(call: Call, backend: str) -> tuple[Program, Callable[..., Any]]:
    """Return the program of a call, and what puts its results together.

    Parameters
    ----------
    call : Call
        The call.
    backend : str
        What the program expects to run on, see `compiled`.

    Raises
    ------
    UsesVariablesAroundError
        If a result depends on variables of a derivative or a trace around this one.

    Examples
    --------
    >>> program, build = recorded(Call(lambda x: {"twice": x * 2.0}, (1.0,), {}), "numpy")
    >>> build(*program.run(np.float64(4.0)))
    {'twice': 8.0}
    """
    # Loaded when first used: the compiler would take a quarter of the time of `import autograd`.
    from .compile import compiled
    from .per_sample import compiled_per_sample

    start = time.perf_counter()
    if of_sample := compiled_per_sample(call, backend):
        program, structure = of_sample
        return program, builder_of(structure)
    tape, structure = _traced(call)
    program = compiled(tape, call.shapes, shapes_of(structure), call.names, backend, start)
    return program, builder_of(structure)


def _traced(call: Call) -> tuple[Tape, Structure]:
    """Return the tape of a call, and the structure of its results; its graph is gone by then."""
    arguments = [[Value(number) for number in array.ravel().tolist()] for array in call.arrays]
    inputs = [value for values in arguments for value in values]
    with _explained(call.leaves), tracing(inputs) as level, np.errstate(all="ignore"):
        result = call.on(inputs)
        found, structure = leaves_of(result, "the result of a compiled function", exact=True)
    outputs = [out if isinstance(out, Value) else float(out) for out in numbers_of(found)]
    if level_outside([out for out in outputs if isinstance(out, Value)], level):
        raise UsesVariablesAroundError
    return tape_of(outputs, arguments), structure


@contextmanager
def _explained(leaves: Sequence[Any]) -> Iterator[None]:
    """Say of an error in a trace that integers and booleans are inputs too, where there are some."""
    try:
        yield
    except (IndexError, TypeError) as error:
        if any(np.asarray(leaf).dtype.kind in "iub" for leaf in leaves):
            error.add_note(
                "Integers and booleans are inputs of a compiled function, whose numbers are not known while "
                "traced. To count, index or branch with one, make it static: jit(f, static_argnums=...); "
                "to choose by one when the program runs, compare it: where(i == k, a, b)."
            )
        raise
