"""NumPy in and out: arrays of `Value`s, and what NumPy's functions do with a `Value`.

An array of `Value`s is an ordinary NumPy array with ``dtype=object``, on which NumPy's own arithmetic,
``@``, ``np.sum`` and ``.mean()`` work: they call the operators of the elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from . import tracing
from .apply import apply, apply_variadic
from .node import checked_number, has_gradient
from .ops import OPS, Op
from .rules import on_arrays
from .value import NUMBERS, Value

Array = npt.NDArray[Any]


def as_values(array: npt.ArrayLike, label: str = "") -> Array:
    """Return an array of new leaves with the numbers of an array.

    Parameters
    ----------
    array : array_like of real numbers
        Any shape.
    label : str
        A name; the elements are called ``label[i, j]``.

    Returns
    -------
    ndarray of Value
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
            f"as_values takes an array of real numbers, but came dtype {numbers.dtype}"
            + ("; it may hold Values already" if numbers.dtype == object else "")
        )
    values = np.empty(numbers.shape, dtype=object)
    for index in np.ndindex(numbers.shape):
        name = f"{label}[{', '.join(map(str, index))}]" if label and index else label
        values[index] = Value(float(numbers[index]), name)
    return values


def data(values: Any) -> npt.NDArray[np.float64]:
    """Return the numbers of an array of `Value`s.

    Parameters
    ----------
    values : array_like of Value or number
        Any shape.

    Returns
    -------
    ndarray of float
        Of the same shape.

    Raises
    ------
    TypeError
        If an element is neither a `Value` nor a number.

    Examples
    --------
    >>> data([Value(1.0), Value(2.0)])
    array([1., 2.])
    """
    return np.asarray(_elementwise(_number, [values], otypes="d"), dtype=float)


def _number(value: Any) -> float:
    if not isinstance(value, NUMBERS) and not isinstance(value, Value):
        raise TypeError(f"data takes Values and numbers, but came {value!r} ({type(value).__name__})")
    return float(value)


def grads(values: Any) -> npt.NDArray[np.float64]:
    """Return the gradients of an array of `Value`s.

    Parameters
    ----------
    values : array_like of Value
        Any shape.

    Returns
    -------
    ndarray of float
        Of the same shape; 0.0 where no backward has reached, as ``grad`` itself is.

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
    return np.asarray(_elementwise(_grad, [values], otypes="d"), dtype=float)


def _grad(value: Any) -> float:
    if not isinstance(value, Value):
        raise TypeError(f"grads takes Values, but came {value!r} ({type(value).__name__})")
    return float(value.grad) if has_gradient(value) else 0.0


def elementwise(op: Op, *args: Any) -> Any:
    """Apply a row to `Value`s, numbers and arrays of either, broadcasting as NumPy does.

    Parameters
    ----------
    op : Op
        The row, not a variadic one.
    *args : Value, number or array
        The operands.

    Returns
    -------
    Value, float or ndarray
        An array where an operand is one: of floats, or of `Value`s with ``dtype=object``.

    Raises
    ------
    TypeError
        For an operand that is none of these.

    Examples
    --------
    >>> elementwise(OPS["relu"], np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    if op.name == "where":
        condition, *branches = args
        args = (_truth(condition), *branches)
    if not any(isinstance(arg, np.ndarray) and arg.ndim for arg in args):
        return apply(op, *(arg[()] if isinstance(arg, np.ndarray) else arg for arg in args))
    if all(_is_numeric(arg) for arg in args):
        return on_arrays(op).value(*args)
    return _elementwise(partial(apply, op), args)


def fold(op: Op, items: Iterable[Any]) -> Any:
    """Apply a row of two operands from left to right: to the first two, to the result and the third, ...

    Parameters
    ----------
    op : Op
        The row.
    items : iterable of Value, number or array
        The operands, at least one.

    Returns
    -------
    Value, float or ndarray
        As `elementwise`; of a single item the item.

    Raises
    ------
    TypeError
        For an item that is none of these.
    ValueError
        If there is no item.

    Examples
    --------
    >>> fold(OPS["max"], [1.0, Value(3.0), 2.0])
    Value(3.0, op='max')
    """
    operands = list(items)
    if not operands:
        raise ValueError(f"{op.name} of an empty iterable is not defined; pass at least one number")
    first = operands[0]
    if not isinstance(first, Value | np.ndarray):
        operands[0] = checked_number(first)
    return reduce(partial(elementwise, op), operands)


def _truth(condition: Any) -> Any:
    """Return a condition as 1.0 and 0.0, which is not differentiated; a traced one as it is."""
    if tracing.traces and tracing.traced_inputs() and isinstance(condition, Value | np.ndarray):
        return condition
    if isinstance(condition, np.ndarray):
        return condition.astype(bool).astype(float)
    return float(bool(condition))


def _is_numeric(arg: Any) -> bool:
    return not isinstance(arg, Value) and np.asarray(arg).dtype.kind in "fiub"


def _elementwise(function: Callable[..., Any], args: Any, otypes: str = "O") -> Any:
    """Call a function on each element of the broadcast arguments."""
    return np.vectorize(function, otypes=otypes)(*map(boxed, args))


def boxed(arg: Any) -> Array:
    """Return an array of objects; a `Value` in a box of no dimensions, which no ufunc looks into.

    Examples
    --------
    >>> boxed(Value(1.0)).shape, boxed([Value(1.0), 2.0]).shape
    ((), (2,))
    """
    if not isinstance(arg, Value):
        return np.asarray(arg, dtype=object)
    box = np.empty((), dtype=object)
    box[()] = arg
    return box


# ------------------------------------------------------------------------------------------------ ufuncs


_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    **{op.ufunc: partial(elementwise, op) for op in OPS.values() if op.ufunc is not None},
    np.square: lambda x: x * x,
    np.reciprocal: lambda x: 1.0 / x,
    np.fabs: lambda x: abs(x),
    np.float_power: lambda x, y: elementwise(OPS["pow"], x, y),
    np.logaddexp: lambda x, y: apply_variadic(OPS["logsumexp"], [x, y]),
}


def apply_ufunc(ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """Do what a NumPy function of which an argument is a `Value` should do.

    Parameters
    ----------
    ufunc : numpy.ufunc
        Such as ``np.exp``.
    method : str
        How it was called; ``"__call__"`` is what `Value`s take.
    *inputs
        The arguments.
    **options
        The keyword arguments; ``out`` may be an array of objects.

    Returns
    -------
    Value or ndarray of Value
        For predicates and comparisons such as ``np.isnan``, plain bools.

    Raises
    ------
    TypeError
        For a function without a differentiation rule.

    Examples
    --------
    >>> np.exp(Value(0.0))
    Value(1.0, op='exp')
    >>> np.array([1.0, 2.0]) * Value(3.0)
    array([Value(3.0, op='*'), Value(6.0, op='*')], dtype=object)
    """
    if method != "__call__" or set(options) - {"out"}:
        given = f"np.{ufunc.__name__}.{method}" if method != "__call__" else f"options {set(options)}"
        raise TypeError(f"{given} is not for a Value; make an array of objects with np.array([v])")
    if all(signature.endswith("->?") for signature in ufunc.types if "O" not in signature):
        return ufunc(*(data(arg) if _holds_values(arg) else arg for arg in inputs))
    if ufunc not in _UFUNCS:
        raise TypeError(
            f"np.{ufunc.__name__} has no differentiation rule for a Value; "
            "compute it from operations that have one, or pass v.data"
        )
    boxes = [boxed(arg) for arg in inputs]
    result = (
        _elementwise(_UFUNCS[ufunc], inputs)
        if any(box.ndim for box in boxes)
        else _UFUNCS[ufunc](*(box[()] for box in boxes))
    )
    return _into(options["out"][0], result) if "out" in options else result


def _holds_values(arg: Any) -> bool:
    return isinstance(arg, Value) or (isinstance(arg, np.ndarray) and arg.dtype == object)


def _into(out: Array, result: Any) -> Array:
    """Store a result where in-place arithmetic such as ``array *= v`` wants it."""
    if out.dtype != object:
        raise TypeError(
            f"an array of {out.dtype} cannot hold Values in place; write a = a * v instead of a *= v"
        )
    out[...] = result
    return out
