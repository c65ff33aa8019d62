"""`Value`: the node with its operators, written by `autograd.ops.generate` from the table.

To change a rule, edit its row in `autograd/ops/table.py` and run ``python -m autograd.ops.generate``. The
parts that are not an operation (value, gradient, backward) are in `autograd/engine/node.py`.

An operator works out its value and its partials on Python floats and records them in a new node. Where
Python raises and IEEE 754 has a result, such as 1/0, `autograd.engine.nonfinite.careful` supplies both.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from ..ops.rules import FLOAT, on_floats
from ..ops.table import COMPARISONS, OPS, Op
from . import nonfinite
from .levels import level_above, open_scopes
from .node import NOT_YET, UNNAMED, Node, checked_number, nearest_float
from .nonfinite import PYTHON_RAISES, careful

_LT = COMPARISONS["lt"]
_LE = COMPARISONS["le"]
_GT = COMPARISONS["gt"]
_GE = COMPARISONS["ge"]
_EQ = COMPARISONS["eq"]
_NE = COMPARISONS["ne"]
_ADD = OPS["add"]
_SUB = OPS["sub"]
_MUL = OPS["mul"]
_TRUEDIV = OPS["truediv"]
_FLOORDIV = OPS["floordiv"]
_MOD = OPS["mod"]
_POW = OPS["pow"]
_NEG = OPS["neg"]
_POS = OPS["pos"]
_ABS = OPS["abs"]
_EXP = OPS["exp"]
_LOG = OPS["log"]
_LOG1P = OPS["log1p"]
_EXPM1 = OPS["expm1"]
_SQRT = OPS["sqrt"]
_CBRT = OPS["cbrt"]
_LOG2 = OPS["log2"]
_LOG10 = OPS["log10"]
_EXP2 = OPS["exp2"]
_FLOOR = OPS["floor"]
_SIN = OPS["sin"]
_COS = OPS["cos"]
_TAN = OPS["tan"]
_ARCSIN = OPS["arcsin"]
_ARCCOS = OPS["arccos"]
_ARCTAN = OPS["arctan"]
_SINH = OPS["sinh"]
_COSH = OPS["cosh"]
_TANH = OPS["tanh"]
_SECH2 = OPS["sech2"]
_ARCSINH = OPS["arcsinh"]
_ARCCOSH = OPS["arccosh"]
_ARCTANH = OPS["arctanh"]
_SIGMOID = OPS["sigmoid"]
_RELU = OPS["relu"]
_SOFTPLUS = OPS["softplus"]
_MAX = OPS["max"]
_MIN = OPS["min"]
_ARCTAN2 = OPS["arctan2"]
_HYPOT = OPS["hypot"]

arccos = FLOAT["arccos"]
arccosh = FLOAT["arccosh"]
arcsin = FLOAT["arcsin"]
arcsinh = FLOAT["arcsinh"]
arctan = FLOAT["arctan"]
arctan2 = FLOAT["arctan2"]
arctanh = FLOAT["arctanh"]
cbrt = FLOAT["cbrt"]
cos = FLOAT["cos"]
cosh = FLOAT["cosh"]
exp = FLOAT["exp"]
exp2 = FLOAT["exp2"]
expm1 = FLOAT["expm1"]
floor = FLOAT["floor"]
hypot = FLOAT["hypot"]
inf = FLOAT["inf"]
log = FLOAT["log"]
log10 = FLOAT["log10"]
log1p = FLOAT["log1p"]
log2 = FLOAT["log2"]
pow = FLOAT["pow"]
sech2 = on_floats(OPS["sech2"]).value
sigmoid = on_floats(OPS["sigmoid"]).value
sin = FLOAT["sin"]
sinh = FLOAT["sinh"]
sqrt = FLOAT["sqrt"]
tan = FLOAT["tan"]
tanh = FLOAT["tanh"]

NUMBERS = (float, int, Real, np.bool_)
Number = float | Real | np.bool_

_new = object.__new__


def record(op: Op, out: float, x: Any, y: Any, dx: Any, dy: float | None) -> Value:
    """Return the node of an operation that was worked out.

    Parameters
    ----------
    op : Op
        Its row.
    out : float
        Its value.
    x, y : Value or float
        Its operands. ``y`` is None for one operand, ``x`` a tuple of all for more than two.
    dx, dy : float or None
        The partial of each; None for a constant. ``dx`` is a tuple where ``x`` is.

    Returns
    -------
    Value
        The new node.
    """
    node = _new(Value)
    node._data = out
    node.op = op
    node._x = x
    node._y = y
    node._dx = dx
    node._dy = dy
    node._adjoint = None
    node._level = 0
    node._about = UNNAMED
    node.grad = NOT_YET
    # nan - nan and inf - inf are nan, which counts as true; any finite number gives 0.
    if out - out or open_scopes:
        node._level = level_above(x if y is None and x.__class__ is tuple else (x,) if y is None else (x, y))
        if out - out or nonfinite.is_watching():
            node.source = nonfinite.examine(op, node.args, out)
    return node


class Value(Node):
    """A real number that remembers how it was computed, so that it can be differentiated.

    Parameters
    ----------
    data : real number
        The value. It is kept as a Python float.
    label : str
        A name for pictures and messages.

    Attributes
    ----------
    data : float
        The value; assign to it on a leaf, as ``p.data -= lr * p.grad`` does.
    grad : float or Value
        What `backward` worked out; 0.0 before. Assign 0.0 to begin anew; None does so too.
    label : str
        The name.
    op : Op or None
        The row of the table that made it; None for a leaf.
    args : tuple of Value or float
        The operands.
    partials : tuple of float or None
        The derivative with respect to each operand.

    Raises
    ------
    TypeError
        If the data is not a real number.

    Examples
    --------
    >>> a = Value(2.0, label="a")
    >>> b = Value(-3.0, label="b")
    >>> c = a * b + a**2
    >>> c.backward()
    >>> c, a.grad, b.grad
    (Value(-2.0, op='+', grad=1.0), 1.0, 2.0)
    """

    __slots__ = ()

    # By value, as PyTorch compares. Identity stays the hash, so that sets and dicts tell apart two
    # nodes of equal value.
    __hash__ = object.__hash__

    def __lt__(self, other: Any) -> Any:
        if isinstance(other, Value):
            return record(_LT, float(self._data < other._data), self, other, None, None)
        if isinstance(other, NUMBERS):
            number: Any = other
            return record(_LT, float(self._data < number), self, nearest_float(number), None, None)
        return NotImplemented

    def __le__(self, other: Any) -> Any:
        if isinstance(other, Value):
            return record(_LE, float(self._data <= other._data), self, other, None, None)
        if isinstance(other, NUMBERS):
            number: Any = other
            return record(_LE, float(self._data <= number), self, nearest_float(number), None, None)
        return NotImplemented

    def __gt__(self, other: Any) -> Any:
        if isinstance(other, Value):
            return record(_GT, float(self._data > other._data), self, other, None, None)
        if isinstance(other, NUMBERS):
            number: Any = other
            return record(_GT, float(self._data > number), self, nearest_float(number), None, None)
        return NotImplemented

    def __ge__(self, other: Any) -> Any:
        if isinstance(other, Value):
            return record(_GE, float(self._data >= other._data), self, other, None, None)
        if isinstance(other, NUMBERS):
            number: Any = other
            return record(_GE, float(self._data >= number), self, nearest_float(number), None, None)
        return NotImplemented

    def __eq__(self, other: Any) -> Any:
        if isinstance(other, Value):
            return record(_EQ, float(self._data == other._data), self, other, None, None)
        if isinstance(other, NUMBERS):
            number: Any = other
            return record(_EQ, float(self._data == number), self, nearest_float(number), None, None)
        return NotImplemented

    def __ne__(self, other: Any) -> Any:
        if isinstance(other, Value):
            return record(_NE, float(self._data != other._data), self, other, None, None)
        if isinstance(other, NUMBERS):
            number: Any = other
            return record(_NE, float(self._data != number), self, nearest_float(number), None, None)
        return NotImplemented

    def __add__(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            x, y = self._data, other._data
            out = x + y
            return record(_ADD, out, self, other, 1.0, 1.0)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            out = x + y
            return record(_ADD, out, self, y, 1.0, None)
        return NotImplemented

    def __radd__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            out = x + y
            return record(_ADD, out, x, self, None, 1.0)
        return NotImplemented

    def __sub__(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            x, y = self._data, other._data
            out = x - y
            return record(_SUB, out, self, other, 1.0, -1.0)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            out = x - y
            return record(_SUB, out, self, y, 1.0, None)
        return NotImplemented

    def __rsub__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            out = x - y
            return record(_SUB, out, x, self, None, -1.0)
        return NotImplemented

    def __mul__(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            x, y = self._data, other._data
            out = x * y
            return record(_MUL, out, self, other, y, x)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            out = x * y
            return record(_MUL, out, self, y, y, None)
        return NotImplemented

    def __rmul__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            out = x * y
            return record(_MUL, out, x, self, None, x)
        return NotImplemented

    def __truediv__(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            x, y = self._data, other._data
            try:
                out = x / y
                dx = 1.0 / y
                dy = -out / y
            except PYTHON_RAISES:
                out, dx, dy = careful(_TRUEDIV, x, y)
            return record(_TRUEDIV, out, self, other, dx, dy)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            try:
                out = x / y
                dx = 1.0 / y
            except PYTHON_RAISES:
                out, dx, _ = careful(_TRUEDIV, x, y)
            return record(_TRUEDIV, out, self, y, dx, None)
        return NotImplemented

    def __rtruediv__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            try:
                out = x / y
                dy = -out / y
            except PYTHON_RAISES:
                out, _, dy = careful(_TRUEDIV, x, y)
            return record(_TRUEDIV, out, x, self, None, dy)
        return NotImplemented

    def __floordiv__(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            x, y = self._data, other._data
            try:
                out = x // y
            except PYTHON_RAISES:
                out, _, _ = careful(_FLOORDIV, x, y)
            return record(_FLOORDIV, out, self, other, None, None)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            try:
                out = x // y
            except PYTHON_RAISES:
                out, _, _ = careful(_FLOORDIV, x, y)
            return record(_FLOORDIV, out, self, y, None, None)
        return NotImplemented

    def __rfloordiv__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            try:
                out = x // y
            except PYTHON_RAISES:
                out, _, _ = careful(_FLOORDIV, x, y)
            return record(_FLOORDIV, out, x, self, None, None)
        return NotImplemented

    def __mod__(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            x, y = self._data, other._data
            try:
                out = x % y
                dy = -(x // y)
            except PYTHON_RAISES:
                out, _, dy = careful(_MOD, x, y)
            return record(_MOD, out, self, other, 1.0, dy)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            try:
                out = x % y
            except PYTHON_RAISES:
                out, _, _ = careful(_MOD, x, y)
            return record(_MOD, out, self, y, 1.0, None)
        return NotImplemented

    def __rmod__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            try:
                out = x % y
                dy = -(x // y)
            except PYTHON_RAISES:
                out, _, dy = careful(_MOD, x, y)
            return record(_MOD, out, x, self, None, dy)
        return NotImplemented

    def __pow__(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            x, y = self._data, other._data
            try:
                out = pow(x, y)
                dx = (
                    y * out / (x if abs(x) > 0.0 else 1.0)
                    if (1.0 if y == 0.0 else 0.5 * abs(x) < abs(x) if y < 0.5 else 0.0)
                    else y * pow(x, y - 1.0)
                )
                dy = (0.0 if y >= 0.0 else -inf) if x == 0.0 else out * log(1.0 if out == 0.0 else x)
            except PYTHON_RAISES:
                out, dx, dy = careful(_POW, x, y)
            return record(_POW, out, self, other, dx, dy)
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
            try:
                out = pow(x, y)
                dx = (
                    y * out / (x if abs(x) > 0.0 else 1.0)
                    if (1.0 if y == 0.0 else 0.5 * abs(x) < abs(x) if y < 0.5 else 0.0)
                    else y * pow(x, y - 1.0)
                )
            except PYTHON_RAISES:
                out, dx, _ = careful(_POW, x, y)
            return record(_POW, out, self, y, dx, None)
        return NotImplemented

    def __rpow__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
            try:
                out = pow(x, y)
                dy = (0.0 if y >= 0.0 else -inf) if x == 0.0 else out * log(1.0 if out == 0.0 else x)
            except PYTHON_RAISES:
                out, _, dy = careful(_POW, x, y)
            return record(_POW, out, x, self, None, dy)
        return NotImplemented

    def __neg__(self) -> Value:
        x = self._data
        out = -x
        return record(_NEG, out, self, None, -1.0, None)

    def __pos__(self) -> Value:
        x = self._data
        out = x
        return record(_POS, out, self, None, 1.0, None)

    # ------------------------------------------------------------------------- functions as methods

    def abs(self) -> Value:
        """Return the absolute value; its derivative at 0 is 0."""
        x = self._data
        out = abs(x)
        dx = 0.0 if x == 0.0 else -1.0 if x < 0.0 else 1.0
        return record(_ABS, out, self, None, dx, None)

    def exp(self) -> Value:
        """Return e to the power x."""
        x = self._data
        try:
            out = exp(x)
        except PYTHON_RAISES:
            out, _ = careful(_EXP, x)
        return record(_EXP, out, self, None, out, None)

    def log(self) -> Value:
        """Return the natural logarithm."""
        x = self._data
        try:
            out = log(x)
            dx = 1.0 / x
        except PYTHON_RAISES:
            out, dx = careful(_LOG, x)
        return record(_LOG, out, self, None, dx, None)

    def log1p(self) -> Value:
        """Return log(1 + x), exact for small x."""
        x = self._data
        try:
            out = log1p(x)
            dx = 1.0 / (1.0 + x)
        except PYTHON_RAISES:
            out, dx = careful(_LOG1P, x)
        return record(_LOG1P, out, self, None, dx, None)

    def expm1(self) -> Value:
        """Return exp(x) - 1, exact for small x."""
        x = self._data
        try:
            out = expm1(x)
            dx = exp(x)
        except PYTHON_RAISES:
            out, dx = careful(_EXPM1, x)
        return record(_EXPM1, out, self, None, dx, None)

    def sqrt(self) -> Value:
        """Return the square root."""
        x = self._data
        try:
            out = sqrt(x)
            dx = 0.5 / out
        except PYTHON_RAISES:
            out, dx = careful(_SQRT, x)
        return record(_SQRT, out, self, None, dx, None)

    def cbrt(self) -> Value:
        """Return the cube root."""
        x = self._data
        try:
            out = cbrt(x)
            dx = inf if x == 0.0 else out / x / 3.0
        except PYTHON_RAISES:
            out, dx = careful(_CBRT, x)
        return record(_CBRT, out, self, None, dx, None)

    def log2(self) -> Value:
        """Return the logarithm to base 2."""
        x = self._data
        try:
            out = log2(x)
            dx = 1.4426950408889634 / x
        except PYTHON_RAISES:
            out, dx = careful(_LOG2, x)
        return record(_LOG2, out, self, None, dx, None)

    def log10(self) -> Value:
        """Return the logarithm to base 10."""
        x = self._data
        try:
            out = log10(x)
            dx = 0.4342944819032518 / x
        except PYTHON_RAISES:
            out, dx = careful(_LOG10, x)
        return record(_LOG10, out, self, None, dx, None)

    def exp2(self) -> Value:
        """Return 2 to the power x."""
        x = self._data
        try:
            out = exp2(x)
            dx = 0.6931471805599453 * out
        except PYTHON_RAISES:
            out, dx = careful(_EXP2, x)
        return record(_EXP2, out, self, None, dx, None)

    def floor(self) -> Value:
        """Return the largest whole number that is not above x; its derivative is 0."""
        x = self._data
        try:
            out = floor(x)
        except PYTHON_RAISES:
            out, _ = careful(_FLOOR, x)
        return record(_FLOOR, out, self, None, None, None)

    def sin(self) -> Value:
        """Return the sine of an angle in radians."""
        x = self._data
        try:
            out = sin(x)
            dx = cos(x)
        except PYTHON_RAISES:
            out, dx = careful(_SIN, x)
        return record(_SIN, out, self, None, dx, None)

    def cos(self) -> Value:
        """Return the cosine of an angle in radians."""
        x = self._data
        try:
            out = cos(x)
            dx = -sin(x)
        except PYTHON_RAISES:
            out, dx = careful(_COS, x)
        return record(_COS, out, self, None, dx, None)

    def tan(self) -> Value:
        """Return the tangent of an angle in radians."""
        x = self._data
        try:
            out = tan(x)
            dx = 1.0 + out * out
        except PYTHON_RAISES:
            out, dx = careful(_TAN, x)
        return record(_TAN, out, self, None, dx, None)

    def arcsin(self) -> Value:
        """Return the angle in radians whose sine is x."""
        x = self._data
        try:
            out = arcsin(x)
            dx = 1.0 / sqrt((1.0 - x) * (1.0 + x))
        except PYTHON_RAISES:
            out, dx = careful(_ARCSIN, x)
        return record(_ARCSIN, out, self, None, dx, None)

    def arccos(self) -> Value:
        """Return the angle in radians whose cosine is x."""
        x = self._data
        try:
            out = arccos(x)
            dx = -1.0 / sqrt((1.0 - x) * (1.0 + x))
        except PYTHON_RAISES:
            out, dx = careful(_ARCCOS, x)
        return record(_ARCCOS, out, self, None, dx, None)

    def arctan(self) -> Value:
        """Return the angle in radians whose tangent is x."""
        x = self._data
        try:
            out = arctan(x)
            dx = 1.0 / (1.0 + x * x) if abs(x) < 1000.0 else 1.0 / hypot(1.0, x) / hypot(1.0, x)
        except PYTHON_RAISES:
            out, dx = careful(_ARCTAN, x)
        return record(_ARCTAN, out, self, None, dx, None)

    def sinh(self) -> Value:
        """Return the hyperbolic sine."""
        x = self._data
        try:
            out = sinh(x)
            dx = cosh(x)
        except PYTHON_RAISES:
            out, dx = careful(_SINH, x)
        return record(_SINH, out, self, None, dx, None)

    def cosh(self) -> Value:
        """Return the hyperbolic cosine."""
        x = self._data
        try:
            out = cosh(x)
            dx = sinh(x)
        except PYTHON_RAISES:
            out, dx = careful(_COSH, x)
        return record(_COSH, out, self, None, dx, None)

    def tanh(self) -> Value:
        """Return the hyperbolic tangent."""
        x = self._data
        try:
            out = tanh(x)
            dx = 1.0 - out * out if abs(x) < 1.0 else sech2(x)
        except PYTHON_RAISES:
            out, dx = careful(_TANH, x)
        return record(_TANH, out, self, None, dx, None)

    def sech2(self) -> Value:
        """Return 1 / cosh(x)**2, the slope of the hyperbolic tangent."""
        x = self._data
        try:
            out = 4.0 * exp(-2.0 * abs(x)) / pow(1.0 + exp(-2.0 * abs(x)), 2.0)
            dx = -2.0 * out * tanh(x)
        except PYTHON_RAISES:
            out, dx = careful(_SECH2, x)
        return record(_SECH2, out, self, None, dx, None)

    def arcsinh(self) -> Value:
        """Return the number whose hyperbolic sine is x."""
        x = self._data
        try:
            out = arcsinh(x)
            dx = 1.0 / hypot(1.0, x)
        except PYTHON_RAISES:
            out, dx = careful(_ARCSINH, x)
        return record(_ARCSINH, out, self, None, dx, None)

    def arccosh(self) -> Value:
        """Return the positive number whose hyperbolic cosine is x."""
        x = self._data
        try:
            out = arccosh(x)
            dx = 1.0 / (sqrt(x - 1.0) * sqrt(x + 1.0))
        except PYTHON_RAISES:
            out, dx = careful(_ARCCOSH, x)
        return record(_ARCCOSH, out, self, None, dx, None)

    def arctanh(self) -> Value:
        """Return the number whose hyperbolic tangent is x."""
        x = self._data
        try:
            out = arctanh(x)
            dx = 1.0 / ((1.0 - x) * (1.0 + x))
        except PYTHON_RAISES:
            out, dx = careful(_ARCTANH, x)
        return record(_ARCTANH, out, self, None, dx, None)

    def sigmoid(self) -> Value:
        """Return the logistic function 1 / (1 + exp(-x))."""
        x = self._data
        try:
            out = (1.0 if x >= 0.0 else exp(-abs(x))) / (1.0 + exp(-abs(x)))
            dx = out * (1.0 - out) if x < 1.0 else 0.25 * sech2(0.5 * x)
        except PYTHON_RAISES:
            out, dx = careful(_SIGMOID, x)
        return record(_SIGMOID, out, self, None, dx, None)

    def relu(self) -> Value:
        """Return max(0, x); its derivative at 0 is 0."""
        x = self._data
        out = 0.0 if x <= 0.0 else x
        dx = 0.0 if x <= 0.0 else 1.0
        return record(_RELU, out, self, None, dx, None)

    def softplus(self) -> Value:
        """Return log(1 + exp(x)), the smooth ReLU."""
        x = self._data
        try:
            out = max(x, 0.0) + log1p(exp(-abs(x)))
            dx = sigmoid(x)
        except PYTHON_RAISES:
            out, dx = careful(_SOFTPLUS, x)
        return record(_SOFTPLUS, out, self, None, dx, None)

    def max(self, other: Value | Number) -> Value:
        """Return the larger of two numbers; a tie goes wholly to the first."""
        if isinstance(other, Value):
            x, y = self._data, other._data
            out = x if x >= y else y if x == x else x
            dx = 1.0 if x >= y else 0.0 if x == x else 1.0
            dy = 0.0 if x >= y else 1.0 if x == x else 0.0
            return record(_MAX, out, self, other, dx, dy)
        x, y = self._data, checked_number(other)
        out = x if x >= y else y if x == x else x
        dx = 1.0 if x >= y else 0.0 if x == x else 1.0
        return record(_MAX, out, self, y, dx, None)

    def min(self, other: Value | Number) -> Value:
        """Return the smaller of two numbers; a tie goes wholly to the first."""
        if isinstance(other, Value):
            x, y = self._data, other._data
            out = x if x <= y else y if x == x else x
            dx = 1.0 if x <= y else 0.0 if x == x else 1.0
            dy = 0.0 if x <= y else 1.0 if x == x else 0.0
            return record(_MIN, out, self, other, dx, dy)
        x, y = self._data, checked_number(other)
        out = x if x <= y else y if x == x else x
        dx = 1.0 if x <= y else 0.0 if x == x else 1.0
        return record(_MIN, out, self, y, dx, None)

    def arctan2(self, other: Value | Number) -> Value:
        """Return the angle in radians of the point (y, x), in all four quadrants."""
        if isinstance(other, Value):
            x, y = self._data, other._data
            try:
                out = arctan2(x, y)
                dx = 0.0 if hypot(x, y) == inf else y / hypot(x, y) / hypot(x, y)
                dy = 0.0 if hypot(x, y) == inf else -x / hypot(x, y) / hypot(x, y)
            except PYTHON_RAISES:
                out, dx, dy = careful(_ARCTAN2, x, y)
            return record(_ARCTAN2, out, self, other, dx, dy)
        x, y = self._data, checked_number(other)
        try:
            out = arctan2(x, y)
            dx = 0.0 if hypot(x, y) == inf else y / hypot(x, y) / hypot(x, y)
        except PYTHON_RAISES:
            out, dx, _ = careful(_ARCTAN2, x, y)
        return record(_ARCTAN2, out, self, y, dx, None)

    def hypot(self, other: Value | Number) -> Value:
        """Return sqrt(x**2 + y**2) without overflow; its derivative at (0, 0) is 0."""
        if isinstance(other, Value):
            x, y = self._data, other._data
            try:
                out = hypot(x, y)
                dx = sin(arctan2(x, inf if out == 0.0 else abs(y)))
                dy = sin(arctan2(y, inf if out == 0.0 else abs(x)))
            except PYTHON_RAISES:
                out, dx, dy = careful(_HYPOT, x, y)
            return record(_HYPOT, out, self, other, dx, dy)
        x, y = self._data, checked_number(other)
        try:
            out = hypot(x, y)
            dx = sin(arctan2(x, inf if out == 0.0 else abs(y)))
        except PYTHON_RAISES:
            out, dx, _ = careful(_HYPOT, x, y)
        return record(_HYPOT, out, self, y, dx, None)

    __abs__ = abs
