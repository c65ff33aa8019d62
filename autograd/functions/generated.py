"""The operations as functions, written by `autograd.ops.generate` from the table.

To change one, edit its row in `autograd/ops/table.py` and run ``python -m autograd.ops.generate``.

Each takes `Value`s, plain numbers and NumPy arrays of either, element by element. Plain numbers give a plain
number, so that the same function can be evaluated with and without a graph. A function that has the name of a
builtin of Python is that builtin where no argument is a `Value` or an array.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from ..engine.apply import apply_variadic
from ..engine.real_numbers import Number
from ..engine.value import Value
from ..ops.table import OPS
from .arrays import elementwise, folded, summed

Array = npt.NDArray[Any]
T = TypeVar("T", Value, float, Array)

__all__ = [
    "abs",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cbrt",
    "cos",
    "cosh",
    "dot",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "logsumexp",
    "max",
    "mean",
    "min",
    "norm",
    "prod",
    "relu",
    "sech2",
    "sigmoid",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "sum",
    "tan",
    "tanh",
    "where",
]


def abs(x: T) -> T:
    """Return the absolute value; its derivative at 0 is 0.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    As the arguments; what the builtin gives if no argument is a Value or an array.

    Notes
    -----
    ∂out/∂x = ``where(x == 0.0, 0.0, where(x < 0.0, -1.0, 1.0))``

    Examples
    --------
    >>> f"{abs(Value(-0.825)):.3f}"
    '0.825'
    """
    if isinstance(x, Value):
        return x.abs()  # type: ignore[return-value, unused-ignore]
    if not isinstance(x, np.ndarray):
        return builtins.abs(x)
    return elementwise(OPS["abs"], x)  # type: ignore[no-any-return]


@overload
def max(x: Value, y: Value | Number, /, *others: Value | Number) -> Value: ...
@overload
def max(*args: Any, **options: Any) -> Any: ...
def max(*args: Any, **options: Any) -> Any:
    """Return the larger of two numbers; a tie goes wholly to the first.

    Parameters
    ----------
    *args : Value, number or array; or one iterable of them
        The operands.
    **options
        ``key``, by which the items are compared, and ``default``, as for the builtin.

    Returns
    -------
    As the arguments; what the builtin gives if no argument is a Value or an array.

    Raises
    ------
    TypeError
        For an element that is neither a Value nor a number.
    ValueError
        For an empty iterable without a default.

    Notes
    -----
    ∂out/∂x = ``where(x >= y, 1.0, where(x == x, 0.0, 1.0))``
    ∂out/∂y = ``where(x >= y, 0.0, where(x == x, 1.0, 0.0))``

    Examples
    --------
    >>> f"{max(Value(2.525), Value(0)):.3f}"
    '2.525'
    """
    return folded(OPS["max"], builtins.max, args, options)


@overload
def min(x: Value, y: Value | Number, /, *others: Value | Number) -> Value: ...
@overload
def min(*args: Any, **options: Any) -> Any: ...
def min(*args: Any, **options: Any) -> Any:
    """Return the smaller of two numbers; a tie goes wholly to the first.

    Parameters
    ----------
    *args : Value, number or array; or one iterable of them
        The operands.
    **options
        ``key``, by which the items are compared, and ``default``, as for the builtin.

    Returns
    -------
    As the arguments; what the builtin gives if no argument is a Value or an array.

    Raises
    ------
    TypeError
        For an element that is neither a Value nor a number.
    ValueError
        For an empty iterable without a default.

    Notes
    -----
    ∂out/∂x = ``where(x <= y, 1.0, where(x == x, 0.0, 1.0))``
    ∂out/∂y = ``where(x <= y, 0.0, where(x == x, 1.0, 0.0))``

    Examples
    --------
    >>> f"{min(Value(0), Value(2.525)):.3f}"
    '0.000'
    """
    return folded(OPS["min"], builtins.min, args, options)


@overload
def where(condition: Any, x: float, y: float) -> float: ...
@overload
def where(condition: Any, x: Value, y: Value | float) -> Value: ...
@overload
def where(condition: Any, x: float, y: Value) -> Value: ...
@overload
def where(condition: Any, x: Any, y: Any) -> Any: ...
def where(condition: Any, x: Any, y: Any) -> Any:
    """Return x where the condition holds, else y.

    Parameters
    ----------
    condition : Value, bool or array
        Where to choose the first.
    x : Value, number or array
        An operand.
    y : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``where(condition, 1.0, 0.0)``
    ∂out/∂y = ``where(condition, 0.0, 1.0)``

    Examples
    --------
    >>> f"{where(Value(1.75), Value(1.5), Value(1.5)):.3f}"
    '1.500'
    """
    return elementwise(OPS["where"], condition, x, y)


def exp(x: T) -> T:
    """Return e to the power x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``out``

    Examples
    --------
    >>> f"{exp(Value(1.5)):.3f}"
    '4.482'
    """
    if isinstance(x, Value):
        return x.exp()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["exp"], x)  # type: ignore[no-any-return]


def log(x: T) -> T:
    """Return the natural logarithm.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``1.0 / x``

    Examples
    --------
    >>> f"{log(Value(3.775)):.3f}"
    '1.328'
    """
    if isinstance(x, Value):
        return x.log()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["log"], x)  # type: ignore[no-any-return]


def log1p(x: T) -> T:
    """Return log(1 + x), exact for small x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``1.0 / (1.0 + x)``

    Examples
    --------
    >>> f"{log1p(Value(3.525)):.3f}"
    '1.510'
    """
    if isinstance(x, Value):
        return x.log1p()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["log1p"], x)  # type: ignore[no-any-return]


def expm1(x: T) -> T:
    """Return exp(x) - 1, exact for small x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``exp(x)``

    Examples
    --------
    >>> f"{expm1(Value(1.5)):.3f}"
    '3.482'
    """
    if isinstance(x, Value):
        return x.expm1()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["expm1"], x)  # type: ignore[no-any-return]


def sqrt(x: T) -> T:
    """Return the square root.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``0.5 / out``

    Examples
    --------
    >>> f"{sqrt(Value(3.775)):.3f}"
    '1.943'
    """
    if isinstance(x, Value):
        return x.sqrt()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["sqrt"], x)  # type: ignore[no-any-return]


def cbrt(x: T) -> T:
    """Return the cube root.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``where(0.5 * abs(x) < abs(x), out / x / 3.0, 0.3333333333333333 / out / out)``

    Examples
    --------
    >>> f"{cbrt(Value(3.775)):.3f}"
    '1.557'
    """
    if isinstance(x, Value):
        return x.cbrt()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["cbrt"], x)  # type: ignore[no-any-return]


def log2(x: T) -> T:
    """Return the logarithm to base 2.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``1.4426950408889634 / x``

    Examples
    --------
    >>> f"{log2(Value(3.775)):.3f}"
    '1.916'
    """
    if isinstance(x, Value):
        return x.log2()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["log2"], x)  # type: ignore[no-any-return]


def log10(x: T) -> T:
    """Return the logarithm to base 10.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``0.4342944819032518 / x``

    Examples
    --------
    >>> f"{log10(Value(3.775)):.3f}"
    '0.577'
    """
    if isinstance(x, Value):
        return x.log10()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["log10"], x)  # type: ignore[no-any-return]


def exp2(x: T) -> T:
    """Return 2 to the power x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``0.6931471805599453 * out``

    Examples
    --------
    >>> f"{exp2(Value(1.5)):.3f}"
    '2.828'
    """
    if isinstance(x, Value):
        return x.exp2()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["exp2"], x)  # type: ignore[no-any-return]


def floor(x: T) -> T:
    """Return the largest whole number that is not above x; its derivative is 0.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``0.0``

    Examples
    --------
    >>> f"{floor(Value(0.7)):.3f}"
    '0.000'
    """
    if isinstance(x, Value):
        return x.floor()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["floor"], x)  # type: ignore[no-any-return]


def erf(x: T) -> T:
    """Return the error function.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``where(abs(x) > 28.0, 0.0, 1.1283791670955126 * exp(-x * x))``

    Examples
    --------
    >>> f"{erf(Value(1.5)):.3f}"
    '0.966'
    """
    if isinstance(x, Value):
        return x.erf()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["erf"], x)  # type: ignore[no-any-return]


def erfc(x: T) -> T:
    """Return 1 - erf(x), exact for large x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``where(abs(x) > 28.0, -0.0, -1.1283791670955126 * exp(-x * x))``

    Examples
    --------
    >>> f"{erfc(Value(1.5)):.3f}"
    '0.034'
    """
    if isinstance(x, Value):
        return x.erfc()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["erfc"], x)  # type: ignore[no-any-return]


def sin(x: T) -> T:
    """Return the sine of an angle in radians.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``cos(x)``

    Examples
    --------
    >>> f"{sin(Value(1.5)):.3f}"
    '0.997'
    """
    if isinstance(x, Value):
        return x.sin()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["sin"], x)  # type: ignore[no-any-return]


def cos(x: T) -> T:
    """Return the cosine of an angle in radians.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``-sin(x)``

    Examples
    --------
    >>> f"{cos(Value(1.5)):.3f}"
    '0.071'
    """
    if isinstance(x, Value):
        return x.cos()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["cos"], x)  # type: ignore[no-any-return]


def tan(x: T) -> T:
    """Return the tangent of an angle in radians.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``1.0 + out * out``

    Examples
    --------
    >>> f"{tan(Value(0.7)):.3f}"
    '0.842'
    """
    if isinstance(x, Value):
        return x.tan()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["tan"], x)  # type: ignore[no-any-return]


def arcsin(x: T) -> T:
    """Return the angle in radians whose sine is x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``1.0 / sqrt(where(abs(x) == 1.0, 1.0 - x * x, (1.0 - x) * (1.0 + x)))``

    Examples
    --------
    >>> f"{arcsin(Value(0.475)):.3f}"
    '0.495'
    """
    if isinstance(x, Value):
        return x.arcsin()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["arcsin"], x)  # type: ignore[no-any-return]


def arccos(x: T) -> T:
    """Return the angle in radians whose cosine is x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``-1.0 / sqrt(where(abs(x) == 1.0, 1.0 - x * x, (1.0 - x) * (1.0 + x)))``

    Examples
    --------
    >>> f"{arccos(Value(0.475)):.3f}"
    '1.076'
    """
    if isinstance(x, Value):
        return x.arccos()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["arccos"], x)  # type: ignore[no-any-return]


def arctan(x: T) -> T:
    """Return the angle in radians whose tangent is x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``shortcut(abs(x) < 1000.0, 1.0 / (1.0 + x * x), 1.0 / hypot(1.0, x) / hypot(1.0, x))``

    Examples
    --------
    >>> f"{arctan(Value(1.5)):.3f}"
    '0.983'
    """
    if isinstance(x, Value):
        return x.arctan()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["arctan"], x)  # type: ignore[no-any-return]


@overload
def arctan2(x: float, y: float) -> float: ...
@overload
def arctan2(x: Value, y: Value | float) -> Value: ...
@overload
def arctan2(x: float, y: Value) -> Value: ...
@overload
def arctan2(x: Any, y: Any) -> Any: ...
def arctan2(x: Any, y: Any) -> Any:
    """Return the angle in radians of the point (y, x), in all four quadrants.

    Parameters
    ----------
    x : Value, number or array
        An operand.
    y : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``where(hypot(x, y) == inf, 0.0, y / hypot(x, y) / hypot(x, y))``
    ∂out/∂y = ``where(hypot(x, y) == inf, 0.0, -x / hypot(x, y) / hypot(x, y))``

    Examples
    --------
    >>> f"{arctan2(Value(1.5), Value(3.775)):.3f}"
    '0.378'
    """
    return elementwise(OPS["arctan2"], x, y)


@overload
def hypot(x: float, y: float) -> float: ...
@overload
def hypot(x: Value, y: Value | float) -> Value: ...
@overload
def hypot(x: float, y: Value) -> Value: ...
@overload
def hypot(x: Any, y: Any) -> Any: ...
def hypot(x: Any, y: Any) -> Any:
    """Return sqrt(x**2 + y**2) without overflow; its derivative at (0, 0) is 0.

    Parameters
    ----------
    x : Value, number or array
        An operand.
    y : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``sin(arctan2(x, where(out == 0.0, inf, abs(y))))``
    ∂out/∂y = ``sin(arctan2(y, where(out == 0.0, inf, abs(x))))``

    Examples
    --------
    >>> f"{hypot(Value(1.5), Value(3.775)):.3f}"
    '4.062'
    """
    return elementwise(OPS["hypot"], x, y)


def sinh(x: T) -> T:
    """Return the hyperbolic sine.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``cosh(x)``

    Examples
    --------
    >>> f"{sinh(Value(1.5)):.3f}"
    '2.129'
    """
    if isinstance(x, Value):
        return x.sinh()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["sinh"], x)  # type: ignore[no-any-return]


def cosh(x: T) -> T:
    """Return the hyperbolic cosine.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``sinh(x)``

    Examples
    --------
    >>> f"{cosh(Value(1.5)):.3f}"
    '2.352'
    """
    if isinstance(x, Value):
        return x.cosh()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["cosh"], x)  # type: ignore[no-any-return]


def tanh(x: T) -> T:
    """Return the hyperbolic tangent.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``shortcut(abs(x) < 0.875, 1.0 - out * out, sech2(x))``

    Examples
    --------
    >>> f"{tanh(Value(1.5)):.3f}"
    '0.905'
    """
    if isinstance(x, Value):
        return x.tanh()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["tanh"], x)  # type: ignore[no-any-return]


def sech2(x: T) -> T:
    """Return 1 / cosh(x)**2, the slope of the hyperbolic tangent.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``-2.0 * out * tanh(x)``

    Examples
    --------
    >>> f"{sech2(Value(1.5)):.3f}"
    '0.181'
    """
    if isinstance(x, Value):
        return x.sech2()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["sech2"], x)  # type: ignore[no-any-return]


def arcsinh(x: T) -> T:
    """Return the number whose hyperbolic sine is x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``1.0 / hypot(1.0, x)``

    Examples
    --------
    >>> f"{arcsinh(Value(1.5)):.3f}"
    '1.195'
    """
    if isinstance(x, Value):
        return x.arcsinh()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["arcsinh"], x)  # type: ignore[no-any-return]


def arccosh(x: T) -> T:
    """Return the positive number whose hyperbolic cosine is x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``1.0 / sqrt(x - 1.0) / sqrt(x + 1.0)``

    Examples
    --------
    >>> f"{arccosh(Value(4.025)):.3f}"
    '2.070'
    """
    if isinstance(x, Value):
        return x.arccosh()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["arccosh"], x)  # type: ignore[no-any-return]


def arctanh(x: T) -> T:
    """Return the number whose hyperbolic tangent is x.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``1.0 / where(abs(x) == 1.0, 1.0 - x * x, (1.0 - x) * (1.0 + x))``

    Examples
    --------
    >>> f"{arctanh(Value(0.475)):.3f}"
    '0.517'
    """
    if isinstance(x, Value):
        return x.arctanh()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["arctanh"], x)  # type: ignore[no-any-return]


def sigmoid(x: T) -> T:
    """Return the logistic function 1 / (1 + exp(-x)).

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``shortcut(x < 1.0, out * (1.0 - out), 0.25 * sech2(0.5 * x))``

    Examples
    --------
    >>> f"{sigmoid(Value(1.5)):.3f}"
    '0.818'
    """
    if isinstance(x, Value):
        return x.sigmoid()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["sigmoid"], x)  # type: ignore[no-any-return]


def relu(x: T) -> T:
    """Return max(0, x); its derivative at 0 is 0.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``where(x <= 0.0, 0.0, 1.0)``

    Examples
    --------
    >>> f"{relu(Value(2.275)):.3f}"
    '2.275'
    """
    if isinstance(x, Value):
        return x.relu()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["relu"], x)  # type: ignore[no-any-return]


def softplus(x: T) -> T:
    """Return log(1 + exp(x)), the smooth ReLU.

    Parameters
    ----------
    x : Value, number or array
        An operand.

    Returns
    -------
    Value, float or array
        As the arguments: a number if no argument is a Value.

    Notes
    -----
    ∂out/∂x = ``sigmoid(x)``

    Examples
    --------
    >>> f"{softplus(Value(1.5)):.3f}"
    '1.701'
    """
    if isinstance(x, Value):
        return x.softplus()  # type: ignore[return-value, unused-ignore]
    return elementwise(OPS["softplus"], x)  # type: ignore[no-any-return]


def sum(x: Iterable[Any], /, start: Any = 0) -> Any:
    """Return the sum of any number of terms, as one node.

    Parameters
    ----------
    x : iterable of Value or number
        The terms.
    start : Value or number
        The number that they are added to.

    Returns
    -------
    As the arguments; what the builtin gives if no argument is a Value or an array.

    Raises
    ------
    TypeError
        For an element that is neither a Value nor a number.

    Notes
    -----
    ∂out/∂x = ``1.0``

    Examples
    --------
    >>> sum([1.0, 2.0, 3.5])
    6.5
    """
    return summed(x, start)


def dot(x: Iterable[Any], y: Iterable[Any]) -> Any:
    """Return the sum of the products of two sequences of one length, as one node.

    Parameters
    ----------
    x : iterable of Value or number
        An operand.
    y : iterable of Value or number
        An operand.

    Returns
    -------
    Value or float
        One node for all elements; a number if no element is a Value.

    Raises
    ------
    TypeError
        For an element that is neither a Value nor a number.
    ValueError
        For sequences of different lengths.

    Notes
    -----
    ∂out/∂x = ``y``
    ∂out/∂y = ``x``

    Examples
    --------
    >>> dot([1.0, 2.0], [3.0, 4.0])
    11.0
    """
    return apply_variadic(OPS["dot"], x, y)


def mean(x: Iterable[Any]) -> Any:
    """Return the arithmetic mean of any number of terms, as one node.

    Parameters
    ----------
    x : iterable of Value or number
        An operand.

    Returns
    -------
    Value or float
        One node for all elements; a number if no element is a Value.

    Raises
    ------
    TypeError
        For an element that is neither a Value nor a number.

    Notes
    -----
    ∂out/∂x = ``1.0 / len(x)``

    Examples
    --------
    >>> mean([1.0, 2.0, 4.5])
    2.5
    """
    return apply_variadic(OPS["mean"], x)


def prod(x: Iterable[Any]) -> Any:
    """Return the product of any number of factors, as one node.

    Parameters
    ----------
    x : iterable of Value or number
        An operand.

    Returns
    -------
    Value or float
        One node for all elements; a number if no element is a Value.

    Raises
    ------
    TypeError
        For an element that is neither a Value nor a number.

    Notes
    -----
    ∂out/∂x = ``products_of_others(x)``

    Examples
    --------
    >>> prod([2.0, 3.0, 4.0])
    24.0
    """
    return apply_variadic(OPS["prod"], x)


def norm(x: Iterable[Any]) -> Any:
    """Return the Euclidean norm of a vector, as one node; its derivative at 0 is 0.

    Parameters
    ----------
    x : iterable of Value or number
        An operand.

    Returns
    -------
    Value or float
        One node for all elements; a number if no element is a Value.

    Raises
    ------
    TypeError
        For an element that is neither a Value nor a number.

    Notes
    -----
    ∂out/∂x = ``x / where(out == 0.0, inf, out)``

    Examples
    --------
    >>> norm([3.0, 0.0, 4.0])
    5.0
    """
    return apply_variadic(OPS["norm"], x)


def logsumexp(x: Iterable[Any]) -> Any:
    """Return log(sum(exp(x))), shifted by the maximum so that nothing overflows.

    Parameters
    ----------
    x : iterable of Value or number
        An operand.

    Returns
    -------
    Value or float
        One node for all elements; a number if no element is a Value.

    Raises
    ------
    TypeError
        For an element that is neither a Value nor a number.

    Notes
    -----
    ∂out/∂x = ``exp(x - out) / constant(sum(exp(x - out)))``

    Examples
    --------
    >>> logsumexp([1000.0, 1000.0])
    1000.6931471805599
    """
    return apply_variadic(OPS["logsumexp"], x)
