"""NumPy's ufuncs on `Value`s: for each, the function of single numbers that it stands for.

`mapped` calls such a function for each element of arrays. For ``reduce``, ``accumulate`` and ``outer`` the
function becomes a `numpy.ufunc` that NumPy runs over objects. NumPy's own object loops are not used: they
ask for truth when they compare, lose a nan, and raise an error if an element is a plain number.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import repeat
from typing import Any

import numpy as np

from ..engine.apply import apply, apply_variadic
from ..engine.value import Value
from ..ops.rules import may_raise
from ..ops.table import COMPARISONS, OPS, Op
from ..quiet import errstate
from .logic import (
    both,
    checked_truth,
    differing,
    either,
    joined,
    opposite,
    truth,
)

Function = Callable[..., Any]


def mapped(function: Callable[..., Any], operands: Sequence[Any], results: int = 1) -> Any:
    """Return a function of single numbers applied to each element of arrays, broadcast as in NumPy.

    Parameters
    ----------
    function : callable
        A function of one number per operand.
    operands : sequence of Value, number or ndarray
        The operands to broadcast.
    results : int
        The number of results that the function returns.

    Returns
    -------
    ndarray of objects, or a tuple of them
        If all operands are 0-d, what the function returns.

    Examples
    --------
    >>> mapped(lambda x, y: x * y, [Value(2.0), np.array([1.0, 3.0])])
    array([Value(2.0, op='*'), Value(6.0, op='*')], dtype=object)
    """
    shape = _common_shape(operands)
    if shape == ():
        return function(*[x.item() if isinstance(x, np.ndarray) else x for x in operands])
    found = map(function, *[_elements(x, shape) for x in operands])
    if results == 1:
        return _shaped(found, shape)
    # Without elements, the function is never called, so its results cannot be unzipped.
    return tuple([_shaped(part, shape) for part in list(zip(*found, strict=True)) or [()] * results])


def _common_shape(operands: Sequence[Any]) -> tuple[int, ...]:
    shapes = [x.shape for x in operands if isinstance(x, np.ndarray)]
    # Shapes are mostly equal, and broadcasting takes as long as ten operations.
    if not shapes or shapes.count(shapes[0]) == len(shapes):
        return shapes[0] if shapes else ()
    return np.broadcast_shapes(*shapes)


def _elements(x: Any, shape: tuple[int, ...]) -> Iterable[Any]:
    if not isinstance(x, np.ndarray):
        return repeat(x)
    whole = x if x.shape == shape else np.broadcast_to(x, shape)
    return (whole if whole.ndim == 1 else whole.ravel()).tolist()


def _shaped(items: Iterable[Any], shape: tuple[int, ...]) -> Any:
    # Not np.array(items), which tests each element in five ways for being a sequence.
    found = np.fromiter(items, dtype=object, count=math.prod(shape))
    return found if len(shape) == 1 else found.reshape(shape)


def call_method(ufunc: np.ufunc, method: str, *operands: Any, **options: Any) -> Any:
    """Return the result of ``reduce`` or another method of a ufunc on arrays of objects.

    Parameters
    ----------
    ufunc : numpy.ufunc
        A key of `FUNCTIONS`, or one that NumPy itself computes on objects, such as those in `PRODUCTS`.
    method : str
        The name of the method, such as ``"reduce"``.
    *operands, **options
        The arguments of the method.

    Returns
    -------
    Value or ndarray of objects
        What NumPy returns.

    Examples
    --------
    >>> call_method(np.maximum, "reduce", np.array([1.0, Value(2.0)]))
    Value(2.0, op='max')
    """
    # Each operation on Values has warned already; NumPy would warn again from the processor's flags.
    warned = {kind: "call" for kind, setting in np.geterr().items() if setting not in ("ignore", "raise")}
    if options.get("where", True) is not True and ufunc.identity is not None:
        # What NumPy does for numbers, and not for objects. Its methods always pass where=True.
        options = {"initial": ufunc.identity} | options
    with errstate(call=_say_nothing, **warned):
        return getattr(_loop(ufunc), method)(*operands, **options)


def _say_nothing(kind: str, flag: int) -> None:
    """Ignore a floating-point error that was reported already."""


@cache
def _loop(ufunc: np.ufunc) -> np.ufunc:
    if ufunc not in FUNCTIONS or ufunc in (np.add, np.multiply):
        return ufunc
    loop: np.ufunc = np.frompyfunc(FUNCTIONS[ufunc], ufunc.nin, ufunc.nout, identity=ufunc.identity)
    return loop


@cache
def function_of(op: Op) -> Callable[..., Any]:
    """Return a row that is not variadic as a function of `Value`s and numbers.

    For a `Value` this is its method or operator, which is three times as fast as `apply`.

    Examples
    --------
    >>> function_of(OPS["mul"])(Value(2.0), 3.0)
    Value(6.0, op='*')
    """
    if op.symbol and len(op.partials) == 2:
        operate: Function = getattr(operator, op.name)
        return _by_operator(op, operate) if may_raise(op.value) else operate
    method = getattr(Value, f"__{op.name}__" if op.symbol else op.name, None)
    # A new row has no method yet while the generator runs, which imports this file.
    if method is None or len(op.partials) > 2:
        return partial(apply, op)
    return (_of_one if len(op.partials) == 1 else _by_method)(op, method)


def _by_operator(op: Op, operate: Function) -> Function:
    # Python's own operators on plain elements would raise an error for 1/0 and give complex roots.
    return lambda x, y: operate(x, y) if x.__class__ is Value or y.__class__ is Value else apply(op, x, y)


def _by_method(op: Op, method: Function) -> Function:
    return lambda x, y: method(x, y) if x.__class__ is Value else apply(op, x, y)


def _of_one(op: Op, method: Function) -> Function:
    return lambda x: method(x) if x.__class__ is Value else apply(op, x)


def _of_two(op: Op, x: Any, y: Any) -> Any:
    """Return a reduction of two numbers."""
    return apply_variadic(op, [x, y])


# ------------------------------------------------------------------------------------------- comparisons


def _not_a_number(x: Any) -> Any:
    return x != x if isinstance(x, Value) else math.isnan(x)


def _is_infinite(x: Any) -> Any:
    return abs(x) == math.inf if isinstance(x, Value) else math.isinf(x)


def _is_finite(x: Any) -> Any:
    return abs(x) < math.inf if isinstance(x, Value) else math.isfinite(x)


def _has_sign(x: Any) -> Any:
    """Return the sign bit of a number, also of -0.0: arctan2(0, x) is then π."""
    return apply(OPS["arctan2"], 0.0, x) > 1.0


# ------------------------------------------------------------------------------ functions made of rows


def _where(condition: Any, x: Any, y: Any) -> Any:
    return apply(OPS["where"], condition, x, y)


def _floor(x: Any) -> Any:
    return apply(OPS["floor"], x)


def _ceil(x: Any) -> Any:
    return -_floor(-x)


def _trunc(x: Any) -> Any:
    return _where(x < 0.0, _ceil(x), _floor(x))


def _round(x: Any) -> Any:
    """Return the nearest integer, ties to even."""
    low = _floor(x)
    # Not by x - low and low % 2, which are nan for inf. From 2**52 on, low + 0.5 rounds to low if that
    # is even, else to low + 1: never below x.
    half = low + 0.5
    is_odd = _floor(low * 0.5) * 2.0 != low
    return _where(either(half < x, both(half == x, is_odd)), low + 1.0, low)


def _sign(x: Any) -> Any:
    rest = _where(x == 0.0, 0.0, math.nan)
    return _where(x > 0.0, 1.0, _where(x < 0.0, -1.0, rest))


def _heaviside(x: Any, at_zero: Any) -> Any:
    rest = _where(x == 0.0, at_zero, math.nan)
    return _where(x > 0.0, 1.0, _where(x < 0.0, 0.0, rest))


def _copysign(x: Any, y: Any) -> Any:
    return _where(_has_sign(y), -abs(x), abs(x))


def _fmod(x: Any, y: Any) -> Any:
    rest = apply(OPS["mod"], abs(x), abs(y))
    return _where(x < 0.0, -rest, rest)


def _fmax(x: Any, y: Any) -> Any:
    return _where(either(y < x, _not_a_number(y)), x, _where(_not_a_number(x), y, _larger(x, y)))


def _fmin(x: Any, y: Any) -> Any:
    return _where(either(x < y, _not_a_number(y)), x, _where(_not_a_number(x), y, _smaller(x, y)))


def _larger(x: Any, y: Any) -> Any:
    return apply(OPS["max"], x, y)


def _smaller(x: Any, y: Any) -> Any:
    return apply(OPS["min"], x, y)


def _clip(x: Any, low: Any, high: Any) -> Any:
    return _smaller(_larger(x, low), high)


def _divided(x: Any, y: Any) -> tuple[Any, Any]:
    return apply(OPS["floordiv"], x, y), apply(OPS["mod"], x, y)


def _joined(sign: str, operate: Callable[..., Any], x: Any, y: Any) -> Any:
    return joined(sign, x, y) if isinstance(x, Value) or isinstance(y, Value) else operate(x, y)


_CLIP: np.ufunc = np._core.umath.clip  # type: ignore[attr-defined]

QUESTIONS: dict[np.ufunc, Function] = {
    np.isnan: _not_a_number,
    np.isinf: _is_infinite,
    np.isfinite: _is_finite,
    np.signbit: _has_sign,
}
"""What asks for a property of numbers: answered with plain bools where the numbers are known."""

COMPARING: dict[np.ufunc, Function] = {
    row.ufunc: getattr(operator, row.name) for row in COMPARISONS.values() if row.ufunc is not None
} | {
    np.logical_and: lambda x, y: both(truth(x), truth(y)),
    np.logical_or: lambda x, y: either(truth(x), truth(y)),
    np.logical_xor: lambda x, y: differing(truth(x), truth(y)),
    np.logical_not: lambda x: opposite(truth(x)),
    np.bitwise_and: partial(_joined, "&", operator.and_),
    np.bitwise_or: partial(_joined, "|", operator.or_),
    np.bitwise_xor: partial(_joined, "^", operator.xor),
    np.invert: lambda x: opposite(checked_truth(x, "~")),
}
"""What gives truth values: nodes of comparisons, and bools where no `Value` is compared."""

FUNCTIONS: dict[np.ufunc, Function] = (
    {op.ufunc: function_of(op) for op in OPS.values() if op.ufunc is not None}
    | {
        op.reduction.ufunc: partial(_of_two, op)
        for op in OPS.values()
        if op.reduction is not None and op.reduction.ufunc is not None
    }
    | COMPARING
    | QUESTIONS
    | {
        _CLIP: _clip,
        np.fabs: function_of(OPS["abs"]),
        np.float_power: function_of(OPS["pow"]),
        np.square: lambda x: x * x,
        np.reciprocal: lambda x: apply(OPS["truediv"], 1.0, x),
        np.conjugate: lambda x: x,
        np.degrees: lambda x: x * (180.0 / math.pi),
        np.rad2deg: lambda x: x * (180.0 / math.pi),
        np.radians: lambda x: x * (math.pi / 180.0),
        np.deg2rad: lambda x: x * (math.pi / 180.0),
        np.ceil: _ceil,
        np.trunc: _trunc,
        np.rint: _round,
        np.sign: _sign,
        np.heaviside: _heaviside,
        np.copysign: _copysign,
        np.fmod: _fmod,
        np.divmod: _divided,
        np.fmax: _fmax,
        np.fmin: _fmin,
    }
)
"""The functions of NumPy that have a derivative, or need none, as functions of single numbers."""

PRODUCTS = {getattr(np, name) for name in ("matmul", "vecdot", "matvec", "vecmat") if hasattr(np, name)}
"""Functions of vectors and matrices, for which NumPy's own loops over objects add and multiply."""
