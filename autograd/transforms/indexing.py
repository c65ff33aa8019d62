"""Indexing by integers: `take`, also by those that are not known while a function is traced."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from math import prod
from operator import index as whole_number
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..engine.apply import record
from ..engine.tracing import is_tracing, is_unknown
from ..engine.value import Value
from ..functions import generated as functions
from ..functions.logic import both
from ..functions.value_array import ValueArray
from ..ops.structural import Instructions, Structural
from ..ops.table import COMPARISONS, OPS
from .branches import choose
from .trees import array_of, plain_array
from .vectorize import vmap

_MODES = (None, "fill", "clip", "wrap")

T = TypeVar("T")

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
        Which elements. A float or a `Value` is an integer, too, if its number is whole.
    axis : int, optional
        The axis along which to index; by default the array is flattened.
    mode : {"fill", "clip", "wrap"}, optional
        What to do about an index beyond the end. ``"fill"`` gives `fill_value`, ``"clip"`` takes the first or
        the last element, and ``"wrap"`` begins anew. By default it is an error or, for an index that is not
        known while a function is traced, as ``"fill"``. Negative indices count from the end, but for
        ``"clip"``.
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
    if is_tracing() and isinstance(indices, ValueArray) and indices.ndim and 0 not in indices.shape:
        # As the samples of a batch: of each index, every element of the axis would be an operand.
        return vmap(lambda index: take(array, index, axis, mode, fill_value), out_axes=axis)(indices)
    which = _array_of(indices)
    # A row for each index, of what stands along the other axes.
    others = array.shape[:axis] + array.shape[axis + 1 :]
    rows = np.moveaxis(array, axis, 0).reshape(array.shape[axis], prod(others))
    fill = np.nan if fill_value is None else float(fill_value)
    if any(map(_is_unknown, which.ravel().tolist())):
        taken = np.empty((which.size, rows.shape[1]), dtype=object)
        for k, index in enumerate(which.ravel().tolist()):
            taken[k] = (
                _picked(rows, index, mode, fill) if _is_unknown(index) else take(rows, index, 0, mode, fill)
            )
    else:
        taken = _taken(rows, _whole_numbers(which).ravel(), mode, fill)
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


class Pick(Structural):
    """One of several numbers: the first operand says which, counted from 0. A single object.

    Examples
    --------
    >>> Pick().apply(1.0, Value(2.0), Value(3.0))
    Value(3.0)
    """

    name = "pick"
    computes = True
    variadic = True

    def __reduce__(self) -> str:
        return "_PICK"

    def columns(self, operands: Sequence[T]) -> list[Sequence[T]]:
        """Return the index, and the numbers."""
        return [operands[:1], operands[1:]]

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return the adjoint for the number that is picked, and 0 for the others."""
        index, *numbers = node.args
        return [
            None,
            *[
                choose(index == float(k), adjoint, 0.0) if isinstance(x, Value) and x in wanted else None
                for k, x in enumerate(numbers)
            ],
        ]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangent of the number that is picked."""
        return _pick(node.args[0], [0.0 if tangent is None else tangent for tangent in tangents[1:]])

    def apply(self, *operands: Any) -> Any:
        """Return one of other numbers."""
        return _pick(operands[0], operands[1:])

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return the sum of choices between each number and 0, of which at most one is not 0.

        Of choices, not of products with 0 and 1: another number may be infinite.
        """
        index, *numbers = args
        if len(set(numbers)) == 1:
            return numbers[0]
        zero = tape.constant(0.0)
        conditions = [
            tape.add(COMPARISONS["eq"], (index, tape.constant(float(k)))) for k in range(len(numbers))
        ]
        pairs = zip(conditions, numbers, strict=True)
        return tape.add(OPS["sum"], tuple([tape.add(OPS["where"], (c, x, zero)) for c, x in pairs]))


_PICK = Pick()


def _pick(index: Any, numbers: Sequence[Any]) -> Any:
    """Return one of several numbers: a node where the index is not known."""
    if not _is_unknown(index):
        return numbers[as_index(index if isinstance(index, Value) else int(index), "an index of take")]
    items = tuple([x if isinstance(x, Value) else float(x) for x in numbers])
    first = items[0]
    partials = tuple([1.0 if isinstance(item, Value) else None for item in items])
    return record(
        _PICK, first._data if isinstance(first, Value) else first, (index, *items), (None, *partials)
    )


def _is_unknown(index: Any) -> bool:
    return isinstance(index, Value) and is_unknown(index)


def _picked(rows: Any, index: Value, mode: str | None, fill: float) -> list[Any]:
    """Return one of the rows, where it is not known which."""
    size = len(rows)
    if not size:
        return [fill] * rows.shape[1]
    if mode == "clip":
        inside = functions.min(functions.max(index, 0.0), float(size - 1))
    elif mode == "wrap":
        inside = index % float(size)
    else:
        inside = functions.where(index < 0.0, index + float(size), index)
    found = [_pick(inside, column) for column in rows.T.tolist()]
    if mode in ("clip", "wrap"):
        return found
    is_inside = both(inside >= 0.0, inside <= float(size - 1))
    return [choose(is_inside, number, fill) for number in found]


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


def _whole_numbers(array: Any) -> Integers:
    """Return indices as integers."""
    if array.dtype.kind in "iu":
        return np.asarray(array, dtype=np.intp)
    found = [as_index(number, "an index of take") for number in array.ravel().tolist()]
    return np.array(found, dtype=np.intp).reshape(array.shape)


def as_index(number: Any, whose: str) -> int:
    """Return an index as an integer; it may be a float, or a `Value`, of a whole number.

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
    found = number.data if isinstance(number, Value) else number
    if isinstance(found, float) and found.is_integer():
        return int(found)
    try:
        return whole_number(number)
    except TypeError:
        raise TypeError(
            f"expected {whose} to be an integer, got {number!r} ({type(number).__name__})"
        ) from None
