"""Indexing by integers: `take`."""

from __future__ import annotations

from operator import index as whole_number
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.value import Value
from .trees import array_of, plain_array

_MODES = (None, "fill", "clip", "wrap")

Integers = npt.NDArray[np.intp]


def take(
    a: Any, indices: Any, axis: int | None = None, mode: str | None = None, fill_value: float | None = None
) -> Any:
    """Return elements of an array, as ``a[indices]`` does, also of a list of `Value`s.

    Parameters
    ----------
    a : array or sequence of numbers and Values
        The array.
    indices : int, or array or sequence of them
        Which elements. A `Value` is an integer, too, if its number is whole.
    axis : int, optional
        The axis along which to index; by default the array is flattened.
    mode : {"fill", "clip", "wrap"}, optional
        What to do about an index beyond the end. ``"fill"`` gives `fill_value`, ``"clip"`` takes the first or
        the last element, and ``"wrap"`` begins anew. By default it is an error. Negative indices count from
        the end, but for ``"clip"``.
    fill_value : float, optional
        By default nan.

    Returns
    -------
    number, Value or array
        The elements, in the shape of `a` with that of the indices in place of the axis. No derivative flows
        through indices; what flows to an element that is taken twice is added up.

    Raises
    ------
    IndexError
        For an index beyond the end, without a mode.
    TypeError
        For indices that are not integers.
    ValueError
        For an unknown mode, and an axis that the array does not have.

    Examples
    --------
    >>> from autograd import grad
    >>> a = np.array([1.0, 2.0, 3.0])
    >>> take(a, [2, 0, 2]), take(a, 7, mode="clip"), take(a, [2, 3], mode="fill")
    (array([3., 1., 3.]), 3.0, array([ 3., nan]))
    >>> grad(lambda a: take(a, [2, 0, 2]).sum())(a)
    array([1., 0., 2.])
    """
    if mode not in _MODES:
        raise ValueError(f"expected mode to be 'fill', 'clip', 'wrap' or None, got {mode!r}")
    array = _array_of(a)
    array, axis = (array.ravel(), 0) if axis is None else (array, _axis(axis, array.ndim))
    which = _whole_numbers(indices)
    # A row for each index, of what stands along the other axes.
    size = array.shape[axis]
    rows = np.moveaxis(array, axis, 0).reshape(size, -1)
    taken = _taken(rows, which.ravel(), mode, np.nan if fill_value is None else float(fill_value))
    others = array.shape[:axis] + array.shape[axis + 1 :]
    shaped = taken.reshape(which.shape + others)
    own = range(which.ndim)
    placed = np.moveaxis(shaped, own, [axis + i for i in own])
    return array_of(placed.ravel().tolist(), placed.shape)


def _taken(rows: Any, which: Integers, mode: str | None, fill: float) -> Any:
    """Return some of the rows."""
    size = len(rows)
    if mode == "clip":
        chosen = np.clip(which, 0, size - 1)
    elif mode == "wrap":
        chosen = which % max(size, 1)
    else:
        chosen = np.where(which < 0, which + size, which)
    is_inside = (chosen >= 0) & (chosen < size)
    if is_inside.all():
        return rows[chosen]
    if mode != "fill":
        raise IndexError(
            f"take expected indices from {-size} to {size - 1}, since there are {size} elements, got "
            f"{which[~is_inside][0]}; pass mode='clip' or 'fill' to allow others"
        )
    taken = np.full((len(which), rows.shape[1]), fill, dtype=object if rows.dtype == object else float)
    taken[is_inside] = rows[chosen[is_inside]]
    return taken


def _array_of(a: Any) -> Any:
    """Return an array, or nested lists of numbers and Values, as an array."""
    if isinstance(a, np.ndarray):
        return plain_array(a, "an argument of take")
    objects = np.asarray(a, dtype=object)
    has_nodes = any(isinstance(item, Value) for item in objects.ravel().tolist())
    return objects if has_nodes else np.asarray(a)


def _axis(axis: Any, dimensions: int) -> int:
    found = whole_number(axis)
    if not -dimensions <= found < dimensions:
        raise ValueError(f"take expected an axis from {-dimensions} to {dimensions - 1}, got {axis}")
    return found % dimensions


def _whole_numbers(indices: Any) -> Integers:
    """Return indices as an array of integers."""
    array = _array_of(indices)
    if array.dtype.kind in "iu":
        return np.asarray(array, dtype=np.intp)
    found = [as_index(number, "an index of take") for number in array.ravel().tolist()]
    return np.array(found, dtype=np.intp).reshape(array.shape)


def as_index(number: Any, whose: str) -> int:
    """Return an index as an integer; that of a `Value` is a whole number.

    Raises
    ------
    TypeError
        For anything else.
    TracedValueError
        For a `Value` that is not known while a function is traced.

    Examples
    --------
    >>> as_index(np.int64(2), "the index"), as_index(Value(2.0), "the index")
    (2, 2)
    """
    number = number[()] if isinstance(number, np.ndarray) and not number.ndim else number
    if isinstance(number, Value) and number.data.is_integer():
        return int(number.data)
    try:
        return whole_number(number)
    except TypeError:
        raise TypeError(
            f"expected {whose} to be an integer, got {number!r} ({type(number).__name__})"
        ) from None
