"""The operators and methods, written by `autograd.ops.generate` from the table.

To change a rule, edit its row in `autograd/ops/table.py` and run ``python -m autograd.ops.generate``.

An operator computes its value and its partials on Python floats and records them in a new node. Where Python
raises and IEEE 754 has a result, such as 1/0, `autograd.engine.nonfinite.careful` supplies both.
"""

# The imports are in the order of the table.
# ruff: noqa: I001

from __future__ import annotations

from math import (
    cbrt,
    cos,
    cosh,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    hypot,
    inf,
    log,
    log10,
    log1p,
    log2,
    pow,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)
from math import acos as arccos
from math import acosh as arccosh
from math import asin as arcsin
from math import asinh as arcsinh
from math import atan as arctan
from math import atan2 as arctan2
from math import atanh as arctanh
from typing import TYPE_CHECKING, Any

from ..ops.structural import Operation
from .conversions import Conversions
from .description import BOTH, FIRST, NEITHER, SECOND
from .nonfinite import PYTHON_RAISES, careful
from .operator_constants import (
    LT,
    LE,
    GT,
    GE,
    EQ,
    NE,
    ADD,
    SUB,
    MUL,
    TRUEDIV,
    FLOORDIV,
    MOD,
    POW,
    NEG,
    POS,
    ABS,
    EXP,
    LOG,
    LOG1P,
    EXPM1,
    SQRT,
    CBRT,
    LOG2,
    LOG10,
    EXP2,
    FLOOR,
    ERF,
    ERFC,
    SIN,
    COS,
    TAN,
    ARCSIN,
    ARCCOS,
    ARCTAN,
    SINH,
    COSH,
    TANH,
    SECH2,
    ARCSINH,
    ARCCOSH,
    ARCTANH,
    SIGMOID,
    RELU,
    SOFTPLUS,
    MAX,
    MIN,
    ARCTAN2,
    HYPOT,
    floor,
    sech2,
    sigmoid,
)
from .real_numbers import NUMBERS, Number, checked_number, nearest_float

if TYPE_CHECKING:
    from .value import Value


class Operators(Conversions):
    """The operators and methods of `Value`, for each a row of the table."""

    __slots__ = ()

    def _record(self, op: Operation, out: float, x: Any, y: Any, dx: float, dy: float, edges: int) -> Value:
        """Return the node of an operation, with its operands and partials as `Value` stores them."""
        raise NotImplementedError

    def __lt__(self, other: Any) -> Any:
        if isinstance(other, Operators):
            out = float(self._data < other._data)
            return self._record(LT, out, self, other, 0.0, 0.0, NEITHER)
        if isinstance(other, NUMBERS):
            number: Any = other
            out = float(self._data < number)
            return self._record(LT, out, self, nearest_float(number), 0.0, 0.0, NEITHER)
        return NotImplemented

    def __le__(self, other: Any) -> Any:
        if isinstance(other, Operators):
            out = float(self._data <= other._data)
            return self._record(LE, out, self, other, 0.0, 0.0, NEITHER)
        if isinstance(other, NUMBERS):
            number: Any = other
            out = float(self._data <= number)
            return self._record(LE, out, self, nearest_float(number), 0.0, 0.0, NEITHER)
        return NotImplemented

    def __gt__(self, other: Any) -> Any:
        if isinstance(other, Operators):
            out = float(self._data > other._data)
            return self._record(GT, out, self, other, 0.0, 0.0, NEITHER)
        if isinstance(other, NUMBERS):
            number: Any = other
            out = float(self._data > number)
            return self._record(GT, out, self, nearest_float(number), 0.0, 0.0, NEITHER)
        return NotImplemented

    def __ge__(self, other: Any) -> Any:
        if isinstance(other, Operators):
            out = float(self._data >= other._data)
            return self._record(GE, out, self, other, 0.0, 0.0, NEITHER)
        if isinstance(other, NUMBERS):
            number: Any = other
            out = float(self._data >= number)
            return self._record(GE, out, self, nearest_float(number), 0.0, 0.0, NEITHER)
        return NotImplemented

    def __eq__(self, other: Any) -> Any:
        if isinstance(other, Operators):
            out = float(self._data == other._data)
            return self._record(EQ, out, self, other, 0.0, 0.0, NEITHER)
        if isinstance(other, NUMBERS):
            number: Any = other
            out = float(self._data == number)
            return self._record(EQ, out, self, nearest_float(number), 0.0, 0.0, NEITHER)
        return NotImplemented

    def __ne__(self, other: Any) -> Any:
        if isinstance(other, Operators):
            out = float(self._data != other._data)
            return self._record(NE, out, self, other, 0.0, 0.0, NEITHER)
        if isinstance(other, NUMBERS):
            number: Any = other
            out = float(self._data != number)
            return self._record(NE, out, self, nearest_float(number), 0.0, 0.0, NEITHER)
        return NotImplemented

    def __add__(self, other: Value | Number) -> Value:
        if isinstance(other, Operators):
            x, y = self._data, other._data
            return self._record(ADD, x + y, self, other, 1.0, 1.0, BOTH)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            return self._record(ADD, x + y, self, y, 1.0, 0.0, FIRST)
        return NotImplemented

    def __radd__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            return self._record(ADD, x + y, x, self, 0.0, 1.0, SECOND)
        return NotImplemented

    def __sub__(self, other: Value | Number) -> Value:
        if isinstance(other, Operators):
            x, y = self._data, other._data
            return self._record(SUB, x - y, self, other, 1.0, -1.0, BOTH)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            return self._record(SUB, x - y, self, y, 1.0, 0.0, FIRST)
        return NotImplemented

    def __rsub__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            return self._record(SUB, x - y, x, self, 0.0, -1.0, SECOND)
        return NotImplemented

    def __mul__(self, other: Value | Number) -> Value:
        if isinstance(other, Operators):
            x, y = self._data, other._data
            return self._record(MUL, x * y, self, other, y, x, BOTH)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            return self._record(MUL, x * y, self, y, y, 0.0, FIRST)
        return NotImplemented

    def __rmul__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            return self._record(MUL, x * y, x, self, 0.0, x, SECOND)
        return NotImplemented

    def __truediv__(self, other: Value | Number) -> Value:
        if isinstance(other, Operators):
            x, y = self._data, other._data
            try:
                out = x / y
                dx = 1.0 / y
                dy = -out / y
            except PYTHON_RAISES:
                out, dx, dy = careful(TRUEDIV, x, y)
            return self._record(TRUEDIV, out, self, other, dx, dy, BOTH)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            try:
                out = x / y
                dx = 1.0 / y
            except PYTHON_RAISES:
                out, dx, _ = careful(TRUEDIV, x, y)
            return self._record(TRUEDIV, out, self, y, dx, 0.0, FIRST)
        return NotImplemented

    def __rtruediv__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            try:
                out = x / y
                dy = -out / y
            except PYTHON_RAISES:
                out, _, dy = careful(TRUEDIV, x, y)
            return self._record(TRUEDIV, out, x, self, 0.0, dy, SECOND)
        return NotImplemented

    def __floordiv__(self, other: Value | Number) -> Value:
        if isinstance(other, Operators):
            x, y = self._data, other._data
            try:
                out = x // y
            except PYTHON_RAISES:
                out, _, _ = careful(FLOORDIV, x, y)
            return self._record(FLOORDIV, out, self, other, 0.0, 0.0, NEITHER)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            try:
                out = x // y
            except PYTHON_RAISES:
                out, _, _ = careful(FLOORDIV, x, y)
            return self._record(FLOORDIV, out, self, y, 0.0, 0.0, NEITHER)
        return NotImplemented

    def __rfloordiv__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            try:
                out = x // y
            except PYTHON_RAISES:
                out, _, _ = careful(FLOORDIV, x, y)
            return self._record(FLOORDIV, out, x, self, 0.0, 0.0, NEITHER)
        return NotImplemented

    def __mod__(self, other: Value | Number) -> Value:
        if isinstance(other, Operators):
            x, y = self._data, other._data
            try:
                out = x % y
                dy = -(x // y)
            except PYTHON_RAISES:
                out, _, dy = careful(MOD, x, y)
            return self._record(MOD, out, self, other, 1.0, dy, BOTH)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            try:
                out = x % y
            except PYTHON_RAISES:
                out, _, _ = careful(MOD, x, y)
            return self._record(MOD, out, self, y, 1.0, 0.0, FIRST)
        return NotImplemented

    def __rmod__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            try:
                out = x % y
                dy = -(x // y)
            except PYTHON_RAISES:
                out, _, dy = careful(MOD, x, y)
            return self._record(MOD, out, x, self, 0.0, dy, SECOND)
        return NotImplemented

    def __pow__(self, other: Value | Number) -> Value:
        if isinstance(other, Operators):
            x, y = self._data, other._data
            try:
                out = pow(x, y)
                dx = (
                    y * out / (x if abs(x) > 0.0 else 1.0)
                    if (1.0 if y == 0.0 else 0.5 * abs(x) < abs(x) if y < 0.5 else 0.0)
                    else y * pow(x, 1.0 if y == 0.0 else y - 1.0)
                )
                dy = (0.0 if y >= 0.0 else -inf) if x == 0.0 else 0.0 if out == 0.0 else out * log(x)
            except PYTHON_RAISES:
                out, dx, dy = careful(POW, x, y)
            return self._record(POW, out, self, other, dx, dy, BOTH)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            try:
                out = pow(x, y)
                dx = (
                    y * out / (x if abs(x) > 0.0 else 1.0)
                    if (1.0 if y == 0.0 else 0.5 * abs(x) < abs(x) if y < 0.5 else 0.0)
                    else y * pow(x, 1.0 if y == 0.0 else y - 1.0)
                )
            except PYTHON_RAISES:
                out, dx, _ = careful(POW, x, y)
            return self._record(POW, out, self, y, dx, 0.0, FIRST)
        return NotImplemented

    def __rpow__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            try:
                out = pow(x, y)
                dy = (0.0 if y >= 0.0 else -inf) if x == 0.0 else 0.0 if out == 0.0 else out * log(x)
            except PYTHON_RAISES:
                out, _, dy = careful(POW, x, y)
            return self._record(POW, out, x, self, 0.0, dy, SECOND)
        return NotImplemented

    def __neg__(self) -> Value:
        x = self._data
        return self._record(NEG, -x, self, None, -1.0, 0.0, FIRST)

    def __pos__(self) -> Value:
        x = self._data
        return self._record(POS, x, self, None, 1.0, 0.0, FIRST)

    # ------------------------------------------------------------------------- functions as methods

    def abs(self) -> Value:
        """Return the absolute value; its derivative at 0 is 0."""
        x = self._data
        out = abs(x)
        dx = 0.0 if x == 0.0 else -1.0 if x < 0.0 else 1.0
        return self._record(ABS, out, self, None, dx, 0.0, FIRST)

    def exp(self) -> Value:
        """Return e to the power x."""
        x = self._data
        try:
            out = exp(x)
        except PYTHON_RAISES:
            out, _ = careful(EXP, x)
        return self._record(EXP, out, self, None, out, 0.0, FIRST)

    def log(self) -> Value:
        """Return the natural logarithm."""
        x = self._data
        try:
            out = log(x)
            dx = 1.0 / x
        except PYTHON_RAISES:
            out, dx = careful(LOG, x)
        return self._record(LOG, out, self, None, dx, 0.0, FIRST)

    def log1p(self) -> Value:
        """Return log(1 + x), exact for small x."""
        x = self._data
        try:
            out = log1p(x)
            dx = 1.0 / (1.0 + x)
        except PYTHON_RAISES:
            out, dx = careful(LOG1P, x)
        return self._record(LOG1P, out, self, None, dx, 0.0, FIRST)

    def expm1(self) -> Value:
        """Return exp(x) - 1, exact for small x."""
        x = self._data
        try:
            out = expm1(x)
            dx = exp(x)
        except PYTHON_RAISES:
            out, dx = careful(EXPM1, x)
        return self._record(EXPM1, out, self, None, dx, 0.0, FIRST)

    def sqrt(self) -> Value:
        """Return the square root."""
        x = self._data
        try:
            out = sqrt(x)
            dx = 0.5 / out
        except PYTHON_RAISES:
            out, dx = careful(SQRT, x)
        return self._record(SQRT, out, self, None, dx, 0.0, FIRST)

    def cbrt(self) -> Value:
        """Return the cube root."""
        x = self._data
        try:
            out = cbrt(x)
            dx = out / x / 3.0 if 0.5 * abs(x) < abs(x) else 0.3333333333333333 / out / out
        except PYTHON_RAISES:
            out, dx = careful(CBRT, x)
        return self._record(CBRT, out, self, None, dx, 0.0, FIRST)

    def log2(self) -> Value:
        """Return the logarithm to base 2."""
        x = self._data
        try:
            out = log2(x)
            dx = 1.4426950408889634 / x
        except PYTHON_RAISES:
            out, dx = careful(LOG2, x)
        return self._record(LOG2, out, self, None, dx, 0.0, FIRST)

    def log10(self) -> Value:
        """Return the logarithm to base 10."""
        x = self._data
        try:
            out = log10(x)
            dx = 0.4342944819032518 / x
        except PYTHON_RAISES:
            out, dx = careful(LOG10, x)
        return self._record(LOG10, out, self, None, dx, 0.0, FIRST)

    def exp2(self) -> Value:
        """Return 2 to the power x."""
        x = self._data
        try:
            out = exp2(x)
            dx = 0.6931471805599453 * out
        except PYTHON_RAISES:
            out, dx = careful(EXP2, x)
        return self._record(EXP2, out, self, None, dx, 0.0, FIRST)

    def floor(self) -> Value:
        """Return the largest whole number that is not above x; its derivative is 0."""
        x = self._data
        try:
            out = floor(x)
        except PYTHON_RAISES:
            out, _ = careful(FLOOR, x)
        return self._record(FLOOR, out, self, None, 0.0, 0.0, NEITHER)

    def erf(self) -> Value:
        """Return the error function."""
        x = self._data
        try:
            out = erf(x)
            dx = 0.0 if abs(x) > 28.0 else 1.1283791670955126 * exp(-x * x)
        except PYTHON_RAISES:
            out, dx = careful(ERF, x)
        return self._record(ERF, out, self, None, dx, 0.0, FIRST)

    def erfc(self) -> Value:
        """Return 1 - erf(x), exact for large x."""
        x = self._data
        try:
            out = erfc(x)
            dx = -0.0 if abs(x) > 28.0 else -1.1283791670955126 * exp(-x * x)
        except PYTHON_RAISES:
            out, dx = careful(ERFC, x)
        return self._record(ERFC, out, self, None, dx, 0.0, FIRST)

    def sin(self) -> Value:
        """Return the sine of an angle in radians."""
        x = self._data
        try:
            out = sin(x)
            dx = cos(x)
        except PYTHON_RAISES:
            out, dx = careful(SIN, x)
        return self._record(SIN, out, self, None, dx, 0.0, FIRST)

    def cos(self) -> Value:
        """Return the cosine of an angle in radians."""
        x = self._data
        try:
            out = cos(x)
            dx = -sin(x)
        except PYTHON_RAISES:
            out, dx = careful(COS, x)
        return self._record(COS, out, self, None, dx, 0.0, FIRST)

    def tan(self) -> Value:
        """Return the tangent of an angle in radians."""
        x = self._data
        try:
            out = tan(x)
            dx = 1.0 + out * out
        except PYTHON_RAISES:
            out, dx = careful(TAN, x)
        return self._record(TAN, out, self, None, dx, 0.0, FIRST)

    def arcsin(self) -> Value:
        """Return the angle in radians whose sine is x."""
        x = self._data
        try:
            out = arcsin(x)
            dx = 1.0 / sqrt(1.0 - x * x if abs(x) == 1.0 else (1.0 - x) * (1.0 + x))
        except PYTHON_RAISES:
            out, dx = careful(ARCSIN, x)
        return self._record(ARCSIN, out, self, None, dx, 0.0, FIRST)

    def arccos(self) -> Value:
        """Return the angle in radians whose cosine is x."""
        x = self._data
        try:
            out = arccos(x)
            dx = -1.0 / sqrt(1.0 - x * x if abs(x) == 1.0 else (1.0 - x) * (1.0 + x))
        except PYTHON_RAISES:
            out, dx = careful(ARCCOS, x)
        return self._record(ARCCOS, out, self, None, dx, 0.0, FIRST)

    def arctan(self) -> Value:
        """Return the angle in radians whose tangent is x."""
        x = self._data
        try:
            out = arctan(x)
            dx = 1.0 / (1.0 + x * x) if abs(x) < 1000.0 else 1.0 / hypot(1.0, x) / hypot(1.0, x)
        except PYTHON_RAISES:
            out, dx = careful(ARCTAN, x)
        return self._record(ARCTAN, out, self, None, dx, 0.0, FIRST)

    def sinh(self) -> Value:
        """Return the hyperbolic sine."""
        x = self._data
        try:
            out = sinh(x)
            dx = cosh(x)
        except PYTHON_RAISES:
            out, dx = careful(SINH, x)
        return self._record(SINH, out, self, None, dx, 0.0, FIRST)

    def cosh(self) -> Value:
        """Return the hyperbolic cosine."""
        x = self._data
        try:
            out = cosh(x)
            dx = sinh(x)
        except PYTHON_RAISES:
            out, dx = careful(COSH, x)
        return self._record(COSH, out, self, None, dx, 0.0, FIRST)

    def tanh(self) -> Value:
        """Return the hyperbolic tangent."""
        x = self._data
        try:
            out = tanh(x)
            dx = 1.0 - out * out if abs(x) < 0.875 else sech2(x)
        except PYTHON_RAISES:
            out, dx = careful(TANH, x)
        return self._record(TANH, out, self, None, dx, 0.0, FIRST)

    def sech2(self) -> Value:
        """Return 1 / cosh(x)**2, the slope of the hyperbolic tangent."""
        x = self._data
        try:
            out = 4.0 * exp(-2.0 * abs(x)) / (1.0 + exp(-2.0 * abs(x)) * (2.0 + exp(-2.0 * abs(x))))
            dx = -2.0 * out * tanh(x)
        except PYTHON_RAISES:
            out, dx = careful(SECH2, x)
        return self._record(SECH2, out, self, None, dx, 0.0, FIRST)

    def arcsinh(self) -> Value:
        """Return the number whose hyperbolic sine is x."""
        x = self._data
        try:
            out = arcsinh(x)
            dx = 1.0 / hypot(1.0, x)
        except PYTHON_RAISES:
            out, dx = careful(ARCSINH, x)
        return self._record(ARCSINH, out, self, None, dx, 0.0, FIRST)

    def arccosh(self) -> Value:
        """Return the positive number whose hyperbolic cosine is x."""
        x = self._data
        try:
            out = arccosh(x)
            dx = 1.0 / sqrt(x - 1.0) / sqrt(x + 1.0)
        except PYTHON_RAISES:
            out, dx = careful(ARCCOSH, x)
        return self._record(ARCCOSH, out, self, None, dx, 0.0, FIRST)

    def arctanh(self) -> Value:
        """Return the number whose hyperbolic tangent is x."""
        x = self._data
        try:
            out = arctanh(x)
            dx = 1.0 / (1.0 - x * x if abs(x) == 1.0 else (1.0 - x) * (1.0 + x))
        except PYTHON_RAISES:
            out, dx = careful(ARCTANH, x)
        return self._record(ARCTANH, out, self, None, dx, 0.0, FIRST)

    def sigmoid(self) -> Value:
        """Return the logistic function 1 / (1 + exp(-x))."""
        x = self._data
        try:
            out = (1.0 if x >= 0.0 else exp(-abs(x))) / (1.0 + exp(-abs(x)))
            dx = out * (1.0 - out) if x < 1.0 else 0.25 * sech2(0.5 * x)
        except PYTHON_RAISES:
            out, dx = careful(SIGMOID, x)
        return self._record(SIGMOID, out, self, None, dx, 0.0, FIRST)

    def relu(self) -> Value:
        """Return max(0, x); its derivative at 0 is 0."""
        x = self._data
        out = 0.0 if x <= 0.0 else x
        dx = 0.0 if x <= 0.0 else 1.0
        return self._record(RELU, out, self, None, dx, 0.0, FIRST)

    def softplus(self) -> Value:
        """Return log(1 + exp(x)), the smooth ReLU."""
        x = self._data
        try:
            out = max(x, 0.0) + log1p(exp(-abs(x)))
            dx = sigmoid(x)
        except PYTHON_RAISES:
            out, dx = careful(SOFTPLUS, x)
        return self._record(SOFTPLUS, out, self, None, dx, 0.0, FIRST)

    def max(self, other: Value | Number) -> Value:
        """Return the larger of two numbers; a tie goes wholly to the first."""
        if isinstance(other, Operators):
            x, y = self._data, other._data
            out = x if x >= y else y if x == x else x
            dx = 1.0 if x >= y else 0.0 if x == x else 1.0
            dy = 0.0 if x >= y else 1.0 if x == x else 0.0
            return self._record(MAX, out, self, other, dx, dy, BOTH)
        x, y = self._data, checked_number(other)
        out = x if x >= y else y if x == x else x
        dx = 1.0 if x >= y else 0.0 if x == x else 1.0
        return self._record(MAX, out, self, y, dx, 0.0, FIRST)

    def min(self, other: Value | Number) -> Value:
        """Return the smaller of two numbers; a tie goes wholly to the first."""
        if isinstance(other, Operators):
            x, y = self._data, other._data
            out = x if x <= y else y if x == x else x
            dx = 1.0 if x <= y else 0.0 if x == x else 1.0
            dy = 0.0 if x <= y else 1.0 if x == x else 0.0
            return self._record(MIN, out, self, other, dx, dy, BOTH)
        x, y = self._data, checked_number(other)
        out = x if x <= y else y if x == x else x
        dx = 1.0 if x <= y else 0.0 if x == x else 1.0
        return self._record(MIN, out, self, y, dx, 0.0, FIRST)

    def arctan2(self, other: Value | Number) -> Value:
        """Return the angle in radians of the point (y, x), in all four quadrants."""
        if isinstance(other, Operators):
            x, y = self._data, other._data
            try:
                out = arctan2(x, y)
                dx = 0.0 if hypot(x, y) == inf else y / hypot(x, y) / hypot(x, y)
                dy = 0.0 if hypot(x, y) == inf else -x / hypot(x, y) / hypot(x, y)
            except PYTHON_RAISES:
                out, dx, dy = careful(ARCTAN2, x, y)
            return self._record(ARCTAN2, out, self, other, dx, dy, BOTH)
        x, y = self._data, checked_number(other)
        try:
            out = arctan2(x, y)
            dx = 0.0 if hypot(x, y) == inf else y / hypot(x, y) / hypot(x, y)
        except PYTHON_RAISES:
            out, dx, _ = careful(ARCTAN2, x, y)
        return self._record(ARCTAN2, out, self, y, dx, 0.0, FIRST)

    def hypot(self, other: Value | Number) -> Value:
        """Return sqrt(x**2 + y**2) without overflow; its derivative at (0, 0) is 0."""
        if isinstance(other, Operators):
            x, y = self._data, other._data
            try:
                out = hypot(x, y)
                dx = sin(arctan2(x, inf if out == 0.0 else abs(y)))
                dy = sin(arctan2(y, inf if out == 0.0 else abs(x)))
            except PYTHON_RAISES:
                out, dx, dy = careful(HYPOT, x, y)
            return self._record(HYPOT, out, self, other, dx, dy, BOTH)
        x, y = self._data, checked_number(other)
        try:
            out = hypot(x, y)
            dx = sin(arctan2(x, inf if out == 0.0 else abs(y)))
        except PYTHON_RAISES:
            out, dx, _ = careful(HYPOT, x, y)
        return self._record(HYPOT, out, self, y, dx, 0.0, FIRST)

    def __abs__(self) -> Value:
        x = self._data
        out = abs(x)
        dx = 0.0 if x == 0.0 else -1.0 if x < 0.0 else 1.0
        return self._record(ABS, out, self, None, dx, 0.0, FIRST)
