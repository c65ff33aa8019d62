"""NumPy's functions on arrays of a trace: what acts on each sample alike, or adds up over the samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.apply import apply
from ..ops.table import OPS, row
from .alignment import aligned, beside, common_dimensions, constant_as_columns, dimensions_of
from .axes import Axis, AxisTrace, ElementsNeededError, index_along, length_of
from .batch_array import OF_BATCHES, BatchArray, batch_of
from .roots import root_of_squares, sinc
from .traced_array import OF_WHOLE, is_whole
from .value_array import values_array
from .windows import shifted

Function = Callable[..., Any]


def _is(*functions: Any, where: dict[Any, Function] = OF_BATCHES) -> Callable[[Function], Function]:
    """Return a decorator that registers what functions of NumPy are on arrays that vary along axes."""

    def register(own: Function) -> Function:
        where.update(dict.fromkeys(functions, own))
        return own

    return register


def _method(name: str) -> Function:
    return lambda a, *args, **options: getattr(_batch(a), name)(*args, **options)


def _moved(name: str) -> Function:
    return lambda a, *args, **options: getattr(a, name)(*args, **options)


def _batch(a: Any) -> BatchArray:
    """Return an array that varies along axes; another argument of the function does if this one does not."""
    if type(a) is not BatchArray:
        raise ElementsNeededError
    return a


_METHODS = """
    sum mean max min prod var std clip squeeze copy
"""
for _name in _METHODS.split():
    OF_BATCHES[getattr(np, _name)] = _method(_name)
OF_BATCHES |= {np.amax: OF_BATCHES[np.max], np.amin: OF_BATCHES[np.min]}


def _trace_of(arrays: Sequence[Any]) -> AxisTrace:
    return next(array._trace for array in arrays if type(array) is BatchArray)


# ------------------------------------------------------------------------------------------- element-wise


@_is(np.where)
def _where(condition: Any, x: Any, y: Any) -> Any:
    trace = _trace_of([condition, x, y])
    dims, parts = aligned(trace, [condition, x, y])
    return batch_of(trace, dims, np.where(*map(values_array, parts)))


@_is(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    count = np.ndim(x) if axis is None else np.size(axis)
    if ord is not None and (ord, count) not in ((2, 1), ("fro", 2)):
        raise ElementsNeededError
    return root_of_squares(np.multiply(x, x).sum(axis, keepdims=keepdims))


@_is(np.zeros_like)
def _zeros_like(a: Any, dtype: Any = None) -> Any:
    return _full_like(a, 0.0, dtype)


@_is(np.ones_like)
def _ones_like(a: Any, dtype: Any = None) -> Any:
    return _full_like(a, 1.0, dtype)


@_is(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None) -> Any:
    like = _batch(a)
    if dtype is not None or np.ndim(fill_value):
        raise ElementsNeededError
    inner = np.full(like.own, None, dtype=object)
    inner[...] = fill_value
    return BatchArray(like._trace, like.dims, inner)


@_is(np.nan_to_num, np.round, np.around, np.select, np.ptp)
def _unknown(*args: Any, **options: Any) -> Any:
    raise ElementsNeededError


# ------------------------------------------------------------------------------------------------- moving

OF_WHOLE[np.sinc] = sinc
OF_WHOLE |= {np.shape: lambda a: a.shape, np.ndim: lambda a: a.ndim, np.size: lambda a: a.size}
OF_WHOLE |= {getattr(np, name): _moved(name) for name in ("ravel", "reshape", "swapaxes", "transpose")}


@_is(np.atleast_1d, where=OF_WHOLE)
def _atleast_1d(*arrays: Any) -> Any:
    return arrays[0] if len(arrays) == 1 else arrays


@_is(np.atleast_2d, where=OF_WHOLE)
def _atleast_2d(*arrays: Any) -> Any:
    found = tuple([array if np.ndim(array) > 1 else array[None] for array in arrays])
    return found[0] if len(found) == 1 else found


@_is(np.expand_dims, where=OF_WHOLE)
def _expand_dims(a: Any, axis: Any) -> Any:
    added = [axis] if isinstance(axis, int) else list(axis)
    width = a.ndim + len(added)
    places = {place % width for place in added}
    return a[tuple([None if place in places else slice(None) for place in range(width)])]


@_is(np.moveaxis, where=OF_WHOLE)
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    width = a.ndim
    sources, destinations = (
        [place % width for place in ([places] if isinstance(places, int) else places)]
        for places in (source, destination)
    )
    order = [place for place in range(width) if place not in sources]
    for to, place in sorted(zip(destinations, sources, strict=True)):
        order.insert(to, place)
    return a.transpose(order)


@_is(np.stack)
def _stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    width = np.ndim(arrays[0]) + 1
    if not -width <= axis < width:
        raise ElementsNeededError
    place = axis % width
    return _concatenate([_expand_dims_of(array, place) for array in arrays], place)


def _expand_dims_of(array: Any, place: int) -> Any:
    return np.expand_dims(array, place)


@_is(np.concatenate)
def _concatenate(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Return arrays one behind the other, along a dimension that is no axis."""
    trace = _trace_of(arrays)
    operands = [constant_as_columns(trace, array) for array in arrays]
    dimensions = [dimensions_of(operand) for operand in operands]
    width = len(dimensions[0])
    if axis is None or not -width <= axis < width or any(len(own) != width for own in dimensions):
        raise ElementsNeededError
    place = axis % width
    if any(isinstance(own[place], Axis) for own in dimensions):
        return _concatenated_along(trace, operands, place)
    common = common_dimensions([[*own[:place], 1, *own[place + 1 :]] for own in dimensions])
    if any(isinstance(own[place], Axis) or _is_stretched(own, common, place) for own in dimensions):
        raise ElementsNeededError
    parts = [values_array(beside(operand, common)) for operand in operands]
    dims = tuple([dimension if isinstance(dimension, Axis) else None for dimension in common])
    before = sum(dim is None for dim in dims[:place])
    return BatchArray(trace, dims, np.concatenate(parts, axis=before))


def _concatenated_along(trace: AxisTrace, operands: Sequence[Any], place: int) -> Any:
    """Return an array along an axis with some elements before and behind it."""
    at = [i for i, operand in enumerate(operands) if isinstance(dimensions_of(operand)[place], Axis)]
    if len(at) != 1 or any(np.ndim(operand) != 1 for operand in operands):
        raise ElementsNeededError
    ends = [_elements_of(part) for part in (operands[: at[0]], operands[at[0] + 1 :])]
    own = operands[at[0]]
    (old,) = own.axes
    added = sum(map(len, ends))
    new = Axis(old.size.longer(added))
    found = shifted(own.inner, old, new, -len(ends[0]))
    index = index_along(new)
    last = length_of(new.size)
    places = [*enumerate(ends[0]), *[(last - float(k), x) for k, x in enumerate(ends[1][::-1], 1)]]
    for where, x in places:
        found = apply(OPS["where"], apply(row("eq"), index, where), x, found)
    return BatchArray(trace, (new,), found)


def _elements_of(operands: Sequence[Any]) -> list[Any]:
    """Return the few elements of arrays, one behind the other."""
    arrays = [operand.elements() if is_whole(operand) else np.asarray(operand) for operand in operands]
    found = [item for array in arrays for item in array.ravel().tolist()]
    if len(found) > _MOST_AROUND:
        raise ElementsNeededError
    return found


_MOST_AROUND = 16


@_is(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    if n != 1 or np.ndim(a) != 1:
        raise ElementsNeededError
    return a[1:] - a[:-1]


def _is_stretched(own: Sequence[Any], common: Sequence[Any], place: int) -> bool:
    """Return whether an array would have to be repeated, which only element-wise functions do."""
    pairs = [pair for i, pair in enumerate(zip(own, common, strict=True)) if i != place]
    return any(isinstance(mine, int) and mine != other for mine, other in pairs)


@_is(np.hstack)
def _hstack(tup: Sequence[Any]) -> Any:
    return _concatenate(tup, 0 if np.ndim(tup[0]) == 1 else 1)


@_is(np.vstack)
def _vstack(tup: Sequence[Any]) -> Any:
    return _concatenate([_atleast_2d(array) for array in tup], 0)


@_is(np.column_stack)
def _column_stack(tup: Sequence[Any]) -> Any:
    return _concatenate([array if np.ndim(array) > 1 else array[:, None] for array in tup], 1)


# ----------------------------------------------------------------------------------------------- products


@_is(np.dot)
def _dot(x: Any, y: Any) -> Any:
    return _product(x, y) if np.ndim(x) and np.ndim(y) else np.multiply(x, y)


@_is(np.matmul)
def _product(x: Any, y: Any) -> Any:
    """Return a matrix product: over a dimension of the slices a sum, over an axis a total."""
    left, right = np.ndim(x), np.ndim(y)
    if not (0 < left < 3 and 0 < right < 3):
        raise ElementsNeededError
    if right == 1:
        terms = np.multiply(x, y)
        return _along_axis_of(terms, terms.sum(axis=-1))
    return np.multiply(x[..., None], y).sum(axis=-2)


def _along_axis_of(terms: Any, product: Any) -> Any:
    """Return the product of a square matrix and a vector along the axis that the vector varies along.

    So all steps of a recurrence end along the axis that they begin with, the last one too.
    """
    if type(terms) is not BatchArray or not terms._trace.is_along_all or terms.ndim != 2:
        return product
    own, other = terms.dims
    if own is None or other is None or own.size.length != other.size.length:
        return product
    return BatchArray(terms._trace, (other,), product.along(0, other))


@_is(np.vdot, np.inner)
def _inner(x: Any, y: Any) -> Any:
    if np.ndim(x) != 1 or np.ndim(y) != 1:
        raise ElementsNeededError
    return _product(x, y)


@_is(np.outer)
def _outer(x: Any, y: Any) -> Any:
    if np.ndim(x) != 1 or np.ndim(y) != 1:
        raise ElementsNeededError
    return np.multiply(x[:, None], y)
