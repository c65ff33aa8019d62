"""Calling a function of one sample for each slice of arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .trees import Branch, Leaf, Structure, array_of, blocks, flatten, flatten_like

Function = Callable[..., Any]


def vmap(f: Function, in_axes: Any = 0, out_axes: int = 0) -> Function:
    """Return a function that calls `f` for each slice of its arguments, and stacks the results.

    Parameters
    ----------
    f : callable
        A function of one sample. It gets plain numbers, unless it is being differentiated: call functions
        such as ``autograd.exp(x)``, not methods.
    in_axes : int, None or sequence of them
        The axis of each argument's arrays to go along; None passes an argument on whole.
    out_axes : int
        The axis of the results' arrays along which they are stacked.

    Returns
    -------
    callable
        It takes arguments with one axis more.

    Raises
    ------
    TypeError
        By the function returned, for an axis that is not a whole number.
    ValueError
        By the function returned, if the axes have different lengths, or an array has no such axis, or no
        argument is gone along.

    Examples
    --------
    >>> from autograd import grad
    >>> vmap(grad(lambda x: x**3))(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """

    @functools.wraps(f)
    def mapped(*args: Any) -> Any:
        axes = list(in_axes) if isinstance(in_axes, list | tuple) else [in_axes] * len(args)
        if len(axes) != len(args):
            raise ValueError(f"in_axes has {len(axes)} entries, but there are {len(args)} arguments")
        for axis in axes:
            if axis is not None and not isinstance(axis, int | np.integer):
                raise TypeError(f"in_axes holds a whole number or None for each argument, but came {axis!r}")
        slices = [
            _slices(arg, axis) if axis is not None else None for arg, axis in zip(args, axes, strict=True)
        ]
        lengths = {len(of_argument) for of_argument in slices if of_argument is not None}
        if len(lengths) != 1:
            raise ValueError(
                "vmap goes along axes of one length, but came "
                + (f"lengths {sorted(lengths)}" if lengths else "in_axes that are all None")
            )
        if lengths == {0}:
            raise ValueError("vmap goes along an axis of at least one, but came length 0")
        results = [
            f(*(arg if each is None else each[i] for arg, each in zip(args, slices, strict=True)))
            for i in range(lengths.pop())
        ]
        return _stack(results, out_axes)

    return mapped


def _slices(tree: Any, axis: int) -> list[Any]:
    """Return the slices of all arrays of an argument along an axis."""
    _, structure = flatten(tree, "an argument of vmap")
    shapes = [leaf.shape for leaf in _leaves(structure)]
    for shape in shapes:
        if not -len(shape) <= axis < len(shape):
            raise ValueError(
                f"vmap goes along axis {axis}, but came a {Leaf(shape)}; pass in_axes=None for it"
            )
    lengths = {shape[axis] for shape in shapes}
    if len(lengths) != 1:
        raise ValueError(f"vmap goes along axes of one length, but came lengths {sorted(lengths)}")
    return [_take(tree, structure, i, axis) for i in range(lengths.pop())]


def _leaves(structure: Structure) -> list[Leaf]:
    if isinstance(structure, Leaf):
        return [structure]
    return [leaf for part in structure.parts for leaf in _leaves(part)]


def _take(tree: Any, structure: Structure, i: int, axis: int) -> Any:
    if isinstance(structure, Leaf):
        taken = np.take(tree, i, axis=axis)
        return taken.item() if isinstance(taken, np.generic) else taken
    children = [tree[key] for key in structure.keys] if isinstance(tree, Mapping) else list(tree)
    parts = zip(children, structure.parts, strict=True)
    return structure.build([_take(child, part, i, axis) for child, part in parts])


def _stack(results: list[Any], axis: int) -> Any:
    """Return results of one structure as one, its arrays with an axis more."""
    numbers, form = flatten(results[0], "a result of vmap")
    rows = [numbers, *(flatten_like(form, result, "each result of vmap") for result in results[1:])]
    return _join(form, np.array(rows, dtype=object), axis)


def _join(form: Structure, rows: Any, axis: int) -> Any:
    if isinstance(form, Branch):
        return form.build([_join(part, block, axis) for part, block in blocks(rows, form, axis=1)])
    stacked = array_of(rows.ravel().tolist(), (len(rows), *form.shape))
    return np.moveaxis(stacked, 0, axis)
