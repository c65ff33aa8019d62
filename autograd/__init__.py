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

from typing import TYPE_CHECKING, Any

from . import array_functions as array_functions  # what it does for NumPy's functions
from . import functions
from .arrays import as_values, grads
from .batching import vmap
from .check import check_grads
from .composite import elu, gelu, leaky_relu, silu, softmax
from .derivatives import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .formulas import to_latex
from .functions import *  # noqa: F403
from .jit import jit, lambdify
from .nonfinite import anomaly
from .nudge import nudge
from .ops import OPS, Op
from .paths import paths
from .steps import steps
from .value import Value
from .value_array import data

if TYPE_CHECKING:
    # From the files: in `show`, type checkers take these names for the files themselves.
    from .show.draw import draw
    from .show.explain import explain
    from .show.lint import lint
    from .show.stepper import stepper

__all__ = [
    "OPS",
    "Op",
    "Value",
    "anomaly",
    "as_values",
    "check_grads",
    "data",
    "draw",
    "elu",
    "explain",
    "gelu",
    "grad",
    "grads",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "lambdify",
    "leaky_relu",
    "lint",
    "nudge",
    "paths",
    "silu",
    "softmax",
    "stepper",
    "steps",
    "to_latex",
    "value_and_grad",
    "vjp",
    "vmap",
]
__all__ += functions.__all__


_SHOWN = ("draw", "explain", "lint", "stepper")


if not TYPE_CHECKING:  # To a type checker, any name would be there.

    def __getattr__(name: str) -> Any:
        # What shows graphs is loaded when first used: graphviz would add a third to the time of the import.
        if name in _SHOWN:
            from . import show

            return getattr(show, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
