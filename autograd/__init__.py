"""Scalar reverse-mode automatic differentiation that one can look into.

Examples
--------
>>> from autograd import Value, tanh
>>> x = Value(0.5, label="x")
>>> y = tanh(x) * x
>>> y.backward()
>>> f"{x.grad:.4f}"
'0.8553'
"""

from . import functions
from .arrays import as_values, data, grads
from .composite import elu, gelu, leaky_relu, silu, softmax
from .functions import *  # noqa: F403
from .nonfinite import anomaly
from .ops import OPS, Op
from .show import draw
from .value import Value

__all__ = [
    "OPS",
    "Op",
    "Value",
    "anomaly",
    "as_values",
    "data",
    "draw",
    "elu",
    "gelu",
    "grads",
    "leaky_relu",
    "silu",
    "softmax",
]
__all__ += functions.__all__
