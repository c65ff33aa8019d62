"""`jit` of `vmap`: a function of numbers is compiled once, and runs on whole arrays.

To trace a thousand samples side by side would take a hundred times as long for the same program: what a
function of numbers does to one sample, NumPy's operations do to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, combinations
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import level_outside
from ..engine.tracing import tracing
from ..engine.value import Value
from ..transforms.batch_tracing import lane, samples_apart, stack
from ..transforms.substitution import substituted
from ..transforms.trees import Branch, Leaf, Structure, leaves_of, numbers_of, unflatten
from ..transforms.vectorize import mapped_by
from .compile import compiled, compiled_elementwise
from .runtime.program import Program, Run, UnsuitableError

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


def compiled_per_sample(
    f: Callable[..., Any], args: Sequence[Any], shapes: Shapes, names: Sequence[str], backend: str
) -> tuple[Program, Structure] | None:
    """Compile a function that `vmap` returned, if a sample is numbers and nothing else.

    Parameters
    ----------
    f : callable
        Any function.
    args : sequence
        Its arguments.
    shapes, names : sequence
        The shape of each array of the program's arguments, and what to call it.
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
    >>> program, form = compiled_per_sample(vmap(lambda x: (x * x,)), [x], [x.shape], ["x"], "numpy")
    >>> program.run(x), str(form)
    ((array([4., 9.]),), 'tuple(0: array of shape (2,))')
    """
    mapped = mapped_by(f)
    axes = mapped and mapped.axes(len(args))
    if mapped is None or axes is None:
        return None
    flat = [leaves_of(arg, exact=True) for arg in args]
    is_mapped = [axis == 0 for (leaves, _), axis in zip(flat, axes, strict=True) for _ in leaves]
    count = max(chain.from_iterable(shapes), default=0)
    if count < 2 or [(count,) if it else () for it in is_mapped] != list(shapes):
        return None
    leaves = [leaf for leaves, _ in flat for leaf in leaves]
    inputs = [Value(float(np.ravel(leaf)[0])) for leaf in leaves]
    rest = iter(inputs)
    own = [unflatten(_with_leaves(structure, Leaf(())), rest, argument=True) for _, structure in flat]
    with samples_apart(), tracing(inputs) as level, np.errstate(all="ignore"):
        found, form = leaves_of(mapped.f(*own), "a result of vmap", exact=True)
        results = numbers_of(found)
        is_outside = level_outside([result for result in results if isinstance(result, Value)], level)
    if is_outside or any(np.ndim(leaf) for leaf in found):
        return None
    program = compiled_elementwise(results, inputs, names)
    if not _gives_own_arrays(program, leaves, is_mapped):
        return None
    if backend != "numpy":
        expressions = _Expressions(results, inputs, is_mapped)
        program.expect(backend, partial(_on_backend, backend, expressions, shapes, names))
    return program, _with_leaves(form, Leaf((count,), is_array=True))


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
    program = compiled([(column, (count,)) for column in columns], arguments, shapes, names, backend)
    program.improve()
    if program.report.backend != backend:
        raise UnsuitableError(program.report.remark)
    return program.run
