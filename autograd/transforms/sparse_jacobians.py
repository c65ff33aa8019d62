"""Sparse Jacobians and Hessians of functions, and their patterns alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.tracing import is_tracing
from ..functions.axes import axis_trace
from .compression import by_columns_or_rows, by_stars
from .dependence import Pattern, dependence
from .derivatives import arranged_as, grad
from .differentiated_calls import Argnums, Function, Recording, chosen_arguments, differentiated
from .sparse_batches import Matrices, hessian_of_batches, jacobian_of_batches
from .sparse_matrices import Entries, check_scipy
from .trees import Leaf, Structure, unflatten, with_leaves

Whole = Callable[[Function, Sequence[Any]], Matrices | None]
"""From a function of arguments, and these, to its derivative; None where arrays do not stay whole."""


def sparse_jacobian(f: Function, argnums: Argnums, mode: str | None, has_aux: bool) -> Function:
    """Return what `jacobian` does with ``sparse=True``.

    Examples
    --------
    >>> print(sparse_jacobian(lambda x: x * x, 0, None, False)(np.array([2.0, 3.0])).toarray())
    [[4. 0.]
     [0. 6.]]
    """

    def numbers(recording: Recording) -> Entries:
        pattern = _pattern(recording)
        return Entries(pattern, by_columns_or_rows(pattern, recording.push, recording.pull, mode))

    def whole(call: Function, arguments: Sequence[Any]) -> Matrices | None:
        return jacobian_of_batches(call, arguments, mode)

    by_numbers = _by(numbers, f, f, argnums, has_aux)
    return by_numbers if has_aux else _by_samples(whole, f, by_numbers, argnums)


def _by_samples(whole: Whole, f: Function, by_numbers: Function, argnums: Argnums) -> Function:
    """Return the function that has whole arrays where they suffice, and numbers one by one elsewhere."""

    @functools.wraps(f)
    def derivatives(*args: Any, **kwargs: Any) -> Any:
        found = None if axis_trace() is None else _of_batches(whole, f, args, kwargs, argnums)
        return by_numbers(*args, **kwargs) if found is None else found

    return derivatives


def _of_batches(
    whole: Whole, f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Argnums
) -> Any:
    """Return a derivative by blocks of samples, or None where numbers are needed one by one."""
    chosen = chosen_arguments(args, argnums)

    def call(own: Sequence[Any]) -> Any:
        given = list(args)
        for i, argument in zip(chosen, own, strict=True):
            given[i] = argument
        return f(*given, **kwargs)

    found = whole(call, [args[i] for i in chosen])
    if found is None:
        return None
    form, structure, matrix = found
    is_single = isinstance(argnums, int | np.integer)
    rows = [
        _placed(structure, [matrix(i, j) for j in range(_leaves(structure))], is_single)
        for i in range(_leaves(form))
    ]
    # The rows of a Hessian are those of the arguments, too.
    return _placed(form, rows, is_single and form is structure)


def _placed(structure: Structure, items: Sequence[Any], is_single: bool) -> Any:
    """Return a tree with an item in place of each leaf; without the tuple of a single argument."""
    tree = unflatten(with_leaves(structure, lambda leaf: Leaf(())), items)
    return tree[0] if is_single else tree


def _leaves(structure: Structure) -> int:
    return 1 if isinstance(structure, Leaf) else sum(map(_leaves, structure.parts))


def sparse_hessian(f: Function, argnums: Argnums, has_aux: bool) -> Function:
    """Return what `hessian` does with ``sparse=True``.

    Examples
    --------
    >>> print(sparse_hessian(lambda x: x[0] * x[1], 0, False)(np.array([2.0, 3.0])).toarray())
    [[0. 1.]
     [1. 0.]]
    """

    def numbers(recording: Recording) -> Entries:
        # A rule may be written so that one of two mirror images could be left out, and not the other.
        pattern = _pattern(recording).symmetric
        return Entries(pattern, by_stars(pattern, recording.push))

    by_numbers = _by(numbers, f, grad(f, argnums, has_aux), argnums, has_aux)
    return by_numbers if has_aux else _by_samples(hessian_of_batches, f, by_numbers, argnums)


def _by(
    numbers: Callable[[Recording], Entries], f: Function, of: Function, argnums: Argnums, has_aux: bool
) -> Function:
    """Return the function that computes the Jacobian of one that stems from `f`, by its numbers."""
    check_scipy()

    @functools.wraps(f)
    def derivatives(*args: Any, **kwargs: Any) -> Any:
        given, structure, call = differentiated(of, args, kwargs, argnums)
        recording = Recording(call, given, has_aux)
        # An enclosing call may differentiate them, or they are inputs of a program.
        of_values = recording.as_graph or is_tracing()
        found = _arranged(recording.form, structure, numbers(recording), of_values)
        return (found, recording.aux) if has_aux else found

    return derivatives


def sparsity(f: Function, *args: Any, argnums: Argnums = 0, **kwargs: Any) -> Any:
    """Return which numbers of the Jacobian of `f` may differ from 0.

    The function is called once, and nothing is differentiated: a number has a place where the recorded
    operations lead from the argument to the result along partials that are not 0 by their rule, whatever the
    numbers are. Where `f` branches in Python, this holds for the branch that was taken.

    Parameters
    ----------
    f : callable
        The function; ``grad(f)`` for the pattern of a Hessian.
    *args, **kwargs
        Its arguments.
    argnums : int or sequence of int
        The positional arguments that it would be differentiated with respect to.

    Returns
    -------
    scipy.sparse.csr_array of bool
        A row for each number of the result, and a column for each of the argument; trees give trees of
        matrices, as in `jacobian`.

    Raises
    ------
    TypeError, ValueError
        As in `jacobian`.
    ModuleNotFoundError
        If SciPy is not installed.

    Examples
    --------
    >>> print(sparsity(lambda x: x[1:] - x[:-1], np.ones(4)).toarray().astype(int))
    [[1 1 0 0]
     [0 1 1 0]
     [0 0 1 1]]
    >>> print(sparsity(grad(lambda x: x[0] * x[1] + x[2] ** 2), np.ones(3)).toarray().astype(int))
    [[0 1 0]
     [1 0 0]
     [0 0 1]]
    """
    check_scipy()
    pattern, form, structure = pattern_of(f, args, kwargs, argnums)
    there = Entries(pattern, np.ones(len(pattern.rows), dtype=bool))
    return _arranged(form, structure, there, of_values=False)


def pattern_of(
    f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Argnums
) -> tuple[Pattern, Structure, Structure]:
    """Return which results of a call depend on which numbers of an argument, and the structures of both.

    Examples
    --------
    >>> pattern, result, argument = pattern_of(lambda x: [x[1], 2.0], (np.ones(2),), {}, 0)
    >>> pattern.by_row(), str(result), str(argument)
    ([[1], []], 'list(0: number, 1: number)', 'array of shape (2,)')
    """
    numbers, structure, call = differentiated(f, args, kwargs, argnums)
    recording = Recording(call, numbers)
    return _pattern(recording), recording.form, structure


def _pattern(recording: Recording) -> Pattern:
    return dependence(recording.order, recording.outputs, recording.variables)


def _arranged(form: Structure, structure: Structure, entries: Entries, of_values: bool) -> Any:
    def matrix(form: Leaf, structure: Leaf, block: Entries) -> Any:
        return block.matrix(of_values=of_values)

    return arranged_as(form, structure, entries, matrix)
