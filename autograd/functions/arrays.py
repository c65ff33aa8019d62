"""NumPy in and out: arrays of `Value`s, their gradients, and rows of the table applied element by element.

An array of `Value`s is a `ValueArray`, a NumPy array with ``dtype=object`` that records NumPy's functions.
A plain array of objects that holds `Value`s is accepted wherever a `ValueArray` is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.apply import apply, apply_variadic
from ..engine.gradients import has_gradient
from ..engine.value import Value
from ..ops.rules import on_arrays
from ..ops.table import OPS, Op
from .traced_array import WholeArray, array_along, is_whole
from .ufuncs import function_of, mapped
from .value_array import ValueArray, holds_values, values_array

Array = npt.NDArray[Any]


def as_values(array: npt.ArrayLike, label: str = "") -> ValueArray:
    """Return an array of new leaves that hold the numbers of an array.

    Parameters
    ----------
    array : array_like of real numbers
        Any shape.
    label : str
        The name of the array; its elements are labelled ``label[i, j]``.

    Returns
    -------
    ValueArray
        Of the same shape, with ``dtype=object``.

    Raises
    ------
    TypeError
        If the array does not hold real numbers.

    Examples
    --------
    >>> as_values([1.0, 2.0], label="x")
    array([Value(1.0, label='x[0]'), Value(2.0, label='x[1]')], dtype=object)
    """
    numbers = np.asarray(array)
    if numbers.dtype.kind not in "fiub":
        raise TypeError(
            f"as_values expected an array of real numbers, got dtype {numbers.dtype}"
            + ("; it may hold Values already" if numbers.dtype == object else "")
        )
    items = [Value(number) for number in numbers.astype(float).ravel().tolist()]
    if label:
        for item, index in zip(items, np.ndindex(numbers.shape), strict=True):
            item.label = f"{label}[{', '.join(map(str, index))}]" if index else label
    values = np.empty(len(items), dtype=object)
    values[:] = items
    return values_array(values.reshape(numbers.shape))


def grads(values: Any) -> npt.NDArray[np.float64]:
    """Return the gradients of an array of `Value`s.

    Parameters
    ----------
    values : array_like of Value
        Any shape.

    Returns
    -------
    ndarray of float
        Of the same shape; 0.0 for what no backward pass has reached, as ``grad`` itself is.

    Raises
    ------
    TypeError
        If an element is not a `Value`.

    Examples
    --------
    >>> x = as_values([1.0, 2.0])
    >>> (x * x).sum().backward()
    >>> grads(x)
    array([2., 4.])
    """
    plain = boxed(values)
    return np.array([_grad(value) for value in plain.ravel().tolist()], dtype=float).reshape(plain.shape)


def _grad(value: Any) -> float:
    if not isinstance(value, Value):
        raise TypeError(f"grads expected Values, got {value!r} ({type(value).__name__})")
    return float(value.grad) if has_gradient(value) else 0.0


def elementwise(op: Op, *args: Any) -> Any:
    """Apply a row to `Value`s, numbers and arrays of either, broadcasting as NumPy does.

    Parameters
    ----------
    op : Op
        The row; not variadic.
    *args : Value, number or array
        The operands.

    Returns
    -------
    Value, float or ndarray
        An array where an operand is one: of floats, or of `Value`s with ``dtype=object``.

    Raises
    ------
    TypeError
        For an operand of any other type.

    Examples
    --------
    >>> elementwise(OPS["relu"], np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    if op.name == "where":
        condition, *branches = map(_listed, args)
        args = (_truth(condition), *branches)
    if not any(isinstance(arg, np.ndarray) and arg.ndim for arg in args):
        return apply(op, *(arg[()] if isinstance(arg, np.ndarray) else arg for arg in args))
    whole = next(filter(is_whole, args), None)
    if whole is not None:
        return whole.applied(partial(elementwise, op), args)
    if all(_is_numeric(arg) for arg in args):
        return on_arrays(op).value(*args)
    return mapped(function_of(op), args).view(ValueArray)


def folded(op: Op, builtin: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Do what a builtin such as `max` does, or apply a row if an item is a `Value`, an array or a nan.

    Parameters
    ----------
    op : Op
        A row of two operands, applied from left to right: to the first two items, then to that result and the
        third, and so on.
    builtin : callable
        What is called if there is no `Value` among the items.
    args : sequence
        The items, or one iterable of them.
    options : mapping
        ``key`` and ``default``, as of the builtin.

    Returns
    -------
    Value, ValueArray, or what the builtin returns
        With a ``key`` one of the items.

    Raises
    ------
    TypeError
        For items that the builtin rejects, or a `Value` beside something that is not a number.
    ValueError
        If there are no items and no default.

    Examples
    --------
    >>> folded(OPS["max"], max, [[1.0, Value(3.0), 2.0]], {})
    Value(3.0, op='max')
    >>> folded(OPS["max"], max, (3, 5), {})
    5
    """
    items: Sequence[Any] = args
    as_usual = options.get("key") is None and ("default" not in options or len(args) == 1)
    if len(args) == 1:
        whole = array_along(args[0])
        if as_usual and is_whole(whole) and whole.varies:
            return whole.folded(op)
        # The builtin raises the error for something that is not iterable.
        items = list(args[0]) if isinstance(args[0], Iterable) else []
        args = [items] if isinstance(args[0], Iterable) else args
    if as_usual and any(map(_is_ours, items)):
        return reduce(partial(elementwise, op), items)
    return builtin(*args, **options)


def summed(items: Iterable[Any], start: Any) -> Any:
    """Do what the builtin `sum` does, recorded as one node if a `Value` is among the terms.

    Parameters
    ----------
    items : iterable
        The terms.
    start : Value, number or anything else that the builtin takes
        What the terms are added to.

    Returns
    -------
    Value, or what the builtin returns
        An array if the terms are arrays.

    Raises
    ------
    TypeError
        For a term that cannot be added, or a `Value` beside something that is not a number.

    Examples
    --------
    >>> summed([Value(1.0), 2.0], 0)
    Value(3.0, op='sum')
    >>> summed([[1], [2]], [])
    [1, 2]
    """
    if is_whole(items) and type(start) is int and start == 0:
        return items.sum(axis=0)  # type: ignore[attr-defined]
    terms = list(items)
    kinds = set(map(type, (*terms, start)))
    are_arrays = any(issubclass(kind, np.ndarray | WholeArray) for kind in kinds)
    if are_arrays or not any(issubclass(kind, Value) for kind in kinds):
        return sum(terms, start)
    is_nothing = type(start) is int and start == 0
    return apply_variadic(OPS["sum"], terms if is_nothing else [start, *terms])


def _is_ours(item: Any) -> bool:
    """Return whether an item needs the row: a `Value`, or a nan, which the builtin may drop."""
    if isinstance(item, float):
        return item != item
    if isinstance(item, np.ndarray):
        # A 0-d array of objects may hold a Value.
        return item.ndim > 0 or item.dtype == object
    return isinstance(item, Value)


def _listed(arg: Any) -> Any:
    """Return a list as an array, since `numpy.where` accepts lists."""
    return np.asarray(arg) if isinstance(arg, list | tuple) else arg


def _truth(condition: Any) -> Any:
    """Return a condition as 1.0 or 0.0, without derivative; a recorded condition is returned as it is."""
    if is_whole(condition) or holds_values(condition):
        return condition
    if isinstance(condition, np.ndarray):
        return condition.astype(bool).astype(float)
    return float(bool(condition))


def _is_numeric(arg: Any) -> bool:
    return not isinstance(arg, Value) and np.asarray(arg).dtype.kind in "fiub"


def boxed(arg: Any) -> Array:
    """Return an array of objects; a `Value` becomes a 0-d array, which ufuncs do not look into.

    Examples
    --------
    >>> boxed(Value(1.0)).shape, boxed([Value(1.0), 2.0]).shape
    ((), (2,))
    """
    return np.asarray(values_array(arg) if isinstance(arg, Value) else arg, dtype=object)
