"""Calling a function of one sample for each slice of arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from math import prod
from typing import Any

import numpy as np

from .lanes import for_each_sample
from .trees import Branch, Leaf, Structure, array_of, blocks, flatten, flatten_like, leaves_of, unflatten

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
        sliced = [_slices(arg, axis) for arg, axis in zip(args, axes, strict=True) if axis is not None]
        lengths = {len(numbers) for _, numbers in sliced}
        if len(lengths) != 1:
            raise ValueError(
                "vmap goes along axes of one length, but came "
                + (f"lengths {sorted(lengths)}" if lengths else "in_axes that are all None")
            )
        if lengths == {0}:
            raise ValueError("vmap goes along an axis of at least one, but came length 0")
        forms: list[Structure] = []

        def of_sample(numbers: Sequence[Any]) -> Sequence[Any]:
            rest = iter(numbers)
            parts = iter([unflatten(structure, rest) for structure, _ in sliced])
            result = f(*(arg if axis is None else next(parts) for arg, axis in zip(args, axes, strict=True)))
            return _numbers_like(forms, result)

        samples = [list(chain(*parts)) for parts in zip(*(numbers for _, numbers in sliced), strict=True)]
        rows = for_each_sample(of_sample, samples)
        return _join(forms[0], np.array(rows, dtype=object), out_axes)

    return mapped


def _slices(tree: Any, axis: int) -> tuple[Structure, list[list[Any]]]:
    """Return what the slices of all arrays of an argument along an axis look like, and each one's numbers."""
    leaves, structure = leaves_of(tree, "an argument of vmap")
    arrays = [np.asarray(leaf) for leaf in leaves]
    for array in arrays:
        if not -array.ndim <= axis < array.ndim:
            raise ValueError(
                f"vmap goes along axis {axis}, but came a {Leaf(array.shape)}; pass in_axes=None for it"
            )
    lengths = {array.shape[axis] for array in arrays}
    if len(lengths) != 1:
        raise ValueError(f"vmap goes along axes of one length, but came lengths {sorted(lengths)}")
    length = lengths.pop()
    moved = [np.moveaxis(array, axis, 0) for array in arrays]
    columns = [array.reshape(length, prod(array.shape[1:])).tolist() for array in moved]
    return _without(structure, axis), [list(chain(*parts)) for parts in zip(*columns, strict=True)]


def _without(structure: Structure, axis: int) -> Structure:
    """Return a structure whose arrays lack an axis."""
    if isinstance(structure, Leaf):
        return Leaf(tuple(np.delete(structure.shape, axis).tolist()))
    return replace(structure, parts=tuple(_without(part, axis) for part in structure.parts))


def _numbers_like(forms: list[Structure], result: Any) -> list[Any]:
    """Return the numbers of a result, which has the structure of the first one."""
    if forms:
        return flatten_like(forms[0], result, "each result of vmap")
    numbers, form = flatten(result, "a result of vmap")
    forms.append(form)
    return numbers


def _join(form: Structure, rows: Any, axis: int) -> Any:
    if isinstance(form, Branch):
        return form.build([_join(part, block, axis) for part, block in blocks(rows, form, axis=1)])
    stacked = array_of(rows.ravel().tolist(), (len(rows), *form.shape))
    return np.moveaxis(stacked, 0, axis)
