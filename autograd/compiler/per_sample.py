"""`jit` of `vmap`: a function of numbers is compiled once, and runs on whole arrays.

To trace a thousand samples side by side would take a hundred times as long for the same program: what a
function of numbers does to one sample, NumPy's operations do to all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, combinations
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import level_outside
from ..engine.tracing import tracing
from ..engine.value import Value
from ..transforms.batch_operations import lane, stack
from ..transforms.batch_tracing import samples_apart
from ..transforms.substitution import substituted
from ..transforms.trees import Branch, Leaf, Structure, leaves_of, numbers_of, unflatten
from ..transforms.vectorize import mapped_by
from .arguments.call import Call
from .compile import compiled, compiled_elementwise
from .runtime.program import Program, Run, UnsuitableError
from .trace.tape import tape_of

Shapes = Sequence[tuple[int, ...]]


class _Expressions(NamedTuple):
    """The results of one sample, as functions of its numbers.

    Attributes
    ----------
    results : list of Value
        The results.
    inputs : list of Value
        The leaves that they are computed from.
    is_mapped : list of bool
        Which of the inputs differ among the samples.
    """

    results: list[Value]
    inputs: list[Value]
    is_mapped: list[bool]


def compiled_per_sample(call: Call, backend: str) -> tuple[Program, Structure] | None:
    """Compile a call of a function that `vmap` returned, if a sample is numbers and nothing else.

    Parameters
    ----------
    call : Call
        A call of any function.
    backend : str
        A name of `BACKENDS`.

    Returns
    -------
    (Program, Structure) or None
        The program, and the structure of its results. None where all samples are to be traced.

    Examples
    --------
    >>> from autograd import vmap
    >>> x = np.array([2.0, 3.0])
    >>> program, form = compiled_per_sample(Call(vmap(lambda x: (x * x,)), (x,), {}), "numpy")
    >>> program.run(x), str(form)
    ((array([4., 9.]),), 'tuple(0: array of shape (2,))')
    """
    mapped = None if call.kwargs or call.has_statics else mapped_by(call.f)
    axes = mapped and mapped.axes(len(call.args))
    if mapped is None or axes is None:
        return None
    pairs = zip(call.parts, axes, strict=True)
    is_mapped = [axis == 0 for part, axis in pairs for _ in range(_count_of_leaves(part))]
    shapes, names = call.shapes, call.names
    count = max(chain.from_iterable(shapes), default=0)
    if count < 2 or [(count,) if it else () for it in is_mapped] != list(shapes):
        return None
    inputs = [Value(float(np.ravel(leaf)[0])) for leaf in call.leaves]
    own, _ = unflatten(_with_leaves(call.structure, Leaf(())), inputs, argument=True)
    with samples_apart(), tracing(inputs) as level, np.errstate(all="ignore"):
        found, form = leaves_of(mapped.f(*own), "a result of vmap", exact=True)
        results = numbers_of(found)
        is_outside = level_outside([result for result in results if isinstance(result, Value)], level)
    if is_outside or any(np.ndim(leaf) for leaf in found):
        return None
    program = compiled_elementwise(results, inputs, names)
    if not _gives_own_arrays(program, call.leaves, is_mapped):
        return None
    if backend != "numpy":
        expressions = _Expressions(results, inputs, is_mapped)
        program.expect(backend, partial(_on_backend, backend, expressions, shapes, names))
    return program, _with_leaves(form, Leaf((count,), is_array=True))


def _count_of_leaves(structure: Structure) -> int:
    return 1 if isinstance(structure, Leaf) else sum(map(_count_of_leaves, structure.parts))


def _with_leaves(structure: Structure, leaf: Leaf) -> Structure:
    """Return a structure with other leaves."""
    if isinstance(structure, Leaf):
        return leaf
    assert isinstance(structure, Branch)
    return replace(structure, parts=tuple(_with_leaves(part, leaf) for part in structure.parts))


def _gives_own_arrays(program: Program, leaves: Sequence[Any], is_mapped: Sequence[bool]) -> bool:
    """Return whether each result is an array of its own, of a number for each sample.

    It may be an argument, another result, or a number that is the same for all samples.
    """
    pairs = zip(leaves, is_mapped, strict=True)
    of_two = [np.ravel(leaf)[:2].astype(float) if it else float(leaf) for leaf, it in pairs]
    results = program.run(*of_two)
    arrays = [array for array in (*of_two, *results) if isinstance(array, np.ndarray)]
    is_shared = any(np.shares_memory(x, y) for x, y in combinations(arrays, 2))
    return all(np.shape(result) == (2,) for result in results) and not is_shared


def _on_backend(backend: str, expressions: _Expressions, shapes: Shapes, names: Sequence[str]) -> Run:
    """Return the program of another backend than NumPy, which is for arrays of one length."""
    results, inputs, is_mapped = expressions
    count = max(chain.from_iterable(shapes))
    pairs = zip(inputs, is_mapped, strict=True)
    arguments = [[Value(leaf._data) for _ in range(count if it else 1)] for leaf, it in pairs]
    with tracing(chain.from_iterable(arguments)):
        stacked = [stack(column) if len(column) > 1 else column[0] for column in arguments]
        made = substituted(results, dict(zip(inputs, stacked, strict=True)))
        columns = [[lane(made[result], i) for i in range(count)] for result in results]
    tape = tape_of([*chain.from_iterable(columns)], arguments)
    program = compiled(tape, shapes, [(count,)] * len(columns), names, backend)
    program.improve()
    if program.report.backend != backend:
        raise UnsuitableError(program.report.remark)
    return program.run
