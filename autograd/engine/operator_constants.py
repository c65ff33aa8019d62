"""What `operators` refers to, written by `autograd.ops.generate` from the table."""

from __future__ import annotations

from math import exp
from typing import Final

from ..ops.meanings import FLOAT
from ..ops.table import COMPARISONS, OPS

LT: Final = COMPARISONS["lt"]
LE: Final = COMPARISONS["le"]
GT: Final = COMPARISONS["gt"]
GE: Final = COMPARISONS["ge"]
EQ: Final = COMPARISONS["eq"]
NE: Final = COMPARISONS["ne"]
ADD: Final = OPS["add"]
SUB: Final = OPS["sub"]
MUL: Final = OPS["mul"]
TRUEDIV: Final = OPS["truediv"]
FLOORDIV: Final = OPS["floordiv"]
MOD: Final = OPS["mod"]
POW: Final = OPS["pow"]
NEG: Final = OPS["neg"]
POS: Final = OPS["pos"]
ABS: Final = OPS["abs"]
EXP: Final = OPS["exp"]
LOG: Final = OPS["log"]
LOG1P: Final = OPS["log1p"]
EXPM1: Final = OPS["expm1"]
SQRT: Final = OPS["sqrt"]
CBRT: Final = OPS["cbrt"]
LOG2: Final = OPS["log2"]
LOG10: Final = OPS["log10"]
EXP2: Final = OPS["exp2"]
FLOOR: Final = OPS["floor"]
ERF: Final = OPS["erf"]
ERFC: Final = OPS["erfc"]
SIN: Final = OPS["sin"]
COS: Final = OPS["cos"]
TAN: Final = OPS["tan"]
ARCSIN: Final = OPS["arcsin"]
ARCCOS: Final = OPS["arccos"]
ARCTAN: Final = OPS["arctan"]
SINH: Final = OPS["sinh"]
COSH: Final = OPS["cosh"]
TANH: Final = OPS["tanh"]
SECH2: Final = OPS["sech2"]
ARCSINH: Final = OPS["arcsinh"]
ARCCOSH: Final = OPS["arccosh"]
ARCTANH: Final = OPS["arctanh"]
SIGMOID: Final = OPS["sigmoid"]
RELU: Final = OPS["relu"]
SOFTPLUS: Final = OPS["softplus"]
MAX: Final = OPS["max"]
MIN: Final = OPS["min"]
ARCTAN2: Final = OPS["arctan2"]
HYPOT: Final = OPS["hypot"]

floor: Final = FLOAT["floor"]


def sech2(x: float) -> float:
    """Return 1 / cosh(x)**2, the slope of the hyperbolic tangent."""
    return 4.0 * exp(-2.0 * abs(x)) / (1.0 + exp(-2.0 * abs(x)) * (2.0 + exp(-2.0 * abs(x))))


def sigmoid(x: float) -> float:
    """Return the logistic function 1 / (1 + exp(-x))."""
    return (1.0 if x >= 0.0 else exp(-abs(x))) / (1.0 + exp(-abs(x)))
