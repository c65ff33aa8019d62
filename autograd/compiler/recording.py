"""Record a call of a function on `Value`s, and compile what was recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from math import inf
from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..engine.errors import TracedValueError
from ..engine.graph import level_outside, nodes_of
from ..engine.tracing import tracing
from ..engine.value import Value
from ..functions.alignment import Dims
from ..functions.axes import (
    AxisTrace,
    ColumnSource,
    ElementsNeededError,
    ManyElementsError,
    OtherThreadError,
    arrays_whole,
)
from ..functions.batch_array import BatchArray
from ..functions.traced_array import is_whole
from ..quiet import quiet
from ..transforms.trees import Leaf, Structure, leaves_of, numbers_of
from .arguments.arrays import is_vector
from .arguments.call import Call
from .arguments.given import Given
from .arguments.open_lengths import NONE_OPEN, OpenLengths, open_lengths
from .results import BuiltResults, built_results
from .runtime.program import NoPatternError, Program
from .trace.tape import Listed, listed, tape_of_lists

if TYPE_CHECKING:
    from .jax.calls import JaxCalls

_FEW_ELEMENTS = 100_000
"""To trace more of them side by side, only to raise the same error, would take seconds."""


class UsesVariablesAroundError(Exception):
    """The function reads what a call around it varies, as a constant of its own: no program holds for it."""


# A step of a network of 32 units takes 1,100 of them. To trace as many takes 0.2 s, to compile them 1 s.
_MOST_ELEMENTS = 50_000


class ArrayForm(NamedTuple):
    """How the arrays of a call are traced.

    Attributes
    ----------
    is_whole : bool
        Whether they stay whole, those alone that are used along an axis.
    is_variable_whole : bool
        Whether those do, too, that the function is differentiated by.
    is_along_all : bool
        Whether all of them vary along axes, in each dimension.
    most_elements : float
        How many elements may be traced one by one before they are taken along all axes.

    Examples
    --------
    >>> ArrayForm().after(None, are_many=True).is_along_all
    True
    """

    is_whole: bool = True
    is_variable_whole: bool = True
    is_along_all: bool = False
    most_elements: float = inf

    def after(self, trace: AxisTrace | None, *, are_many: bool) -> ArrayForm:
        """Return how to trace a call once more that could not be traced so.

        Parameters
        ----------
        trace : AxisTrace or None
            The trace that has failed.
        are_many : bool
            Whether it was for the number of its elements.
        """
        # A loop over whole arrays whose elements are needed would be written out, step by step.
        are_many = are_many or (trace is not None and trace.has_loops and self.most_elements < inf)
        if are_many and not self.is_along_all:
            return ArrayForm(is_along_all=True)
        if self.is_along_all:
            return ArrayForm()
        is_whole = trace is not None and bool(trace.has_whole_variables)
        return ArrayForm(is_whole, is_variable_whole=False, most_elements=self.most_elements)


def recorded(
    call: Call, backend: str, form: ArrayForm | None = None, library: JaxCalls | None = None
) -> tuple[Program, BuiltResults, OpenLengths]:
    """Return the program of a call, what puts its results together, and the lengths that it leaves open.

    Parameters
    ----------
    call : Call
        The call.
    backend : str
        What the program expects to run on, see `compiled`.
    form : ArrayForm, optional
        How its arrays are traced.
    library : JaxCalls, optional
        What the program is called by, if its arrays are others than NumPy's.

    Raises
    ------
    UsesVariablesAroundError
        If a result depends on variables of a derivative or a trace around this one.

    Examples
    --------
    >>> program, results, _ = recorded(Call(lambda x: {"twice": x * 2.0}, (1.0,), {}), "numpy")
    >>> results.build(*program.run(np.float64(4.0)))
    {'twice': 8.0}
    """
    # Loaded when first used: the compiler would take a quarter of the time of `import autograd`.
    from .compile import compiled

    start = time.perf_counter()
    traced = _traced(call, form or ArrayForm(most_elements=_MOST_ELEMENTS))
    # The graph is gone by now.
    tape = tape_of_lists(traced.graph)
    try:
        with nullcontext() if library is None else library.precision():
            program = compiled(tape, call.shapes, traced.shapes, call.names, backend, start, traced.dims)
    except NoPatternError:
        # A table of operations takes samples side by side.
        return recorded(call, backend, ArrayForm(is_whole=traced.form.is_along_all), library)
    program.outline = call.outline
    # Of an argument that nobody reads nothing is asked, but what follows it may be found by its length.
    lengths = open_lengths(traced.sources, len(call.shapes)) if program.has_axes else NONE_OPEN
    if library is not None:
        library.adopt(program, call, traced.structure, lengths)
    return program, built_results(traced.structure, as_they_are=library is not None), lengths


class _Traced(NamedTuple):
    """What a trace gives, without the nodes that it made.

    Attributes
    ----------
    graph : Listed
        What was recorded.
    shapes : list of tuple of int
        The shapes of the results at any index of their axes.
    dims : list of Dims
        What the dimensions of each result are.
    structure : Structure
        The structure of the results.
    sources : list of ColumnSource
        The arguments that stayed whole.
    form : ArrayForm
        How it was traced.
    """

    graph: Listed
    shapes: list[tuple[int, ...]]
    dims: list[Dims]
    structure: Structure
    sources: list[ColumnSource]
    form: ArrayForm


class _Result(NamedTuple):
    """An array of a result: its numbers and shape at any index of its axes, and what its dimensions are."""

    numbers: list[Any]
    shape: tuple[int, ...]
    dims: Dims = ()


def _traced(call: Call, form: ArrayForm) -> _Traced:
    """Trace a call; where elements are needed one by one, once more with more of them side by side."""
    given = Given(call, is_whole=form.is_whole)
    trace: AxisTrace | None = None
    is_settled, are_many, is_shared = False, False, False
    try:
        with _explained(call), tracing(given.numbers) as level, quiet():
            trace = AxisTrace(
                level,
                False if form.is_variable_whole else None,
                has_whole_arrays=form.is_whole,
                is_along_all=form.is_along_all,
                elements_left=form.most_elements,
            )
            with arrays_whole(trace):
                result = given.call(trace if form.is_whole else None)
                found, structure = leaves_of(result, _RESULT, exact=True, whole=True)
                results = [*_results(structure, iter([*map(_numbers_of_leaf, found)]))]
                trace.check_assignments()
        is_settled = True
    except ManyElementsError:
        are_many = True
    except ElementsNeededError:
        pass
    except OtherThreadError as error:
        # Of a trace around this one, which only looks as if it were this thread's own.
        if error.thread != get_ident():
            raise
        is_shared = True
    except (TracedValueError, TypeError, IndexError, ValueError):
        # What asks for a number of elements in a way of its own gets it there. A mistake is raised again.
        are_few = sum([source.array.size for source in given.sources]) <= _FEW_ELEMENTS
        if not (form.is_along_all or (form.is_whole and are_few)):
            raise
    # Not where the error is caught: it refers to the frames of this trace, and so to all of its graph.
    if not is_settled:
        next_form = ArrayForm(False, False) if is_shared else form.after(trace, are_many=are_many)
        return _traced(call, next_form)
    outputs = [out if isinstance(out, Value) else float(out) for result in results for out in result.numbers]
    results_of_trace = [out for out in outputs if isinstance(out, Value)]
    if level_outside(results_of_trace, level):
        raise UsesVariablesAroundError
    if trace is not None and trace.carried:
        trace.check_steps(nodes_of(results_of_trace))
    return _Traced(
        listed(outputs, given.inputs),
        [result.shape for result in results],
        [result.dims for result in results],
        structure,
        given.sources,
        form,
    )


_RESULT = "the result of a compiled function"


def _numbers_of_leaf(leaf: Any) -> _Result:
    if type(leaf) is BatchArray:
        return _Result(numbers_of([leaf.inner]), leaf.own, leaf.dims)
    array = leaf.elements() if is_whole(leaf) else leaf
    return _Result(numbers_of([array]), np.shape(array))


def _results(structure: Structure, leaves: Iterator[_Result]) -> Iterator[_Result]:
    """Yield the arrays that a program gives for its results."""
    if isinstance(structure, Leaf):
        yield next(leaves)
    elif is_vector(structure):
        yield _Result([next(leaves).numbers[0] for _ in range(structure.size)], (structure.size,))
    else:
        for part in structure.parts:
            yield from _results(part, leaves)


@contextmanager
def _explained(call: Call) -> Iterator[None]:
    """Say of an error in a trace that integers and booleans are inputs too, where there are some."""
    try:
        yield
    except (IndexError, TypeError) as error:
        if call.holds_whole_numbers:
            error.add_note(
                "Integers and booleans are inputs of a compiled function, whose numbers are not known while "
                "traced. To count, index or branch with one, make it static: jit(f, static_argnums=...); "
                "to choose by one when the program runs, compare it: where(i == k, a, b)."
            )
        raise
