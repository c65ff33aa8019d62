"""What `operators` refers to, written by `autograd.ops.generate` from the table."""

from __future__ import annotations

import math

from ..ops.meanings import FLOAT
from ..ops.table import COMPARISONS, OPS

LT = COMPARISONS["lt"]
LE = COMPARISONS["le"]
GT = COMPARISONS["gt"]
GE = COMPARISONS["ge"]
EQ = COMPARISONS["eq"]
NE = COMPARISONS["ne"]
ADD = OPS["add"]
SUB = OPS["sub"]
MUL = OPS["mul"]
TRUEDIV = OPS["truediv"]
FLOORDIV = OPS["floordiv"]
MOD = OPS["mod"]
POW = OPS["pow"]
NEG = OPS["neg"]
POS = OPS["pos"]
ABS = OPS["abs"]
EXP = OPS["exp"]
LOG = OPS["log"]
LOG1P = OPS["log1p"]
EXPM1 = OPS["expm1"]
SQRT = OPS["sqrt"]
CBRT = OPS["cbrt"]
LOG2 = OPS["log2"]
LOG10 = OPS["log10"]
EXP2 = OPS["exp2"]
FLOOR = OPS["floor"]
ERF = OPS["erf"]
ERFC = OPS["erfc"]
SIN = OPS["sin"]
COS = OPS["cos"]
TAN = OPS["tan"]
ARCSIN = OPS["arcsin"]
ARCCOS = OPS["arccos"]
ARCTAN = OPS["arctan"]
SINH = OPS["sinh"]
COSH = OPS["cosh"]
TANH = OPS["tanh"]
SECH2 = OPS["sech2"]
ARCSINH = OPS["arcsinh"]
ARCCOSH = OPS["arccosh"]
ARCTANH = OPS["arctanh"]
SIGMOID = OPS["sigmoid"]
RELU = OPS["relu"]
SOFTPLUS = OPS["softplus"]
MAX = OPS["max"]
MIN = OPS["min"]
ARCTAN2 = OPS["arctan2"]
HYPOT = OPS["hypot"]

arccos = math.acos
arccosh = math.acosh
arcsin = math.asin
arcsinh = math.asinh
arctan = math.atan
arctan2 = math.atan2
arctanh = math.atanh
cbrt = math.cbrt
cos = math.cos
cosh = math.cosh
erf = math.erf
erfc = math.erfc
exp = math.exp
exp2 = math.exp2
expm1 = math.expm1
floor = FLOAT["floor"]
hypot = math.hypot
inf = math.inf
log = math.log
log10 = math.log10
log1p = math.log1p
log2 = math.log2
pow = math.pow
sin = math.sin
sinh = math.sinh
sqrt = math.sqrt
tan = math.tan
tanh = math.tanh


def sech2(x: float) -> float:
    """Return 1 / cosh(x)**2, the slope of the hyperbolic tangent."""
    return 4.0 * exp(-2.0 * abs(x)) / pow(1.0 + exp(-2.0 * abs(x)), 2.0)


def sigmoid(x: float) -> float:
    """Return the logistic function 1 / (1 + exp(-x))."""
    return (1.0 if x >= 0.0 else exp(-abs(x))) / (1.0 + exp(-abs(x)))
