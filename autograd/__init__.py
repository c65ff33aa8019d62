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

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .engine import graph_copies as graph_copies  # what `copy` and `pickle` do
from .engine.gradients import has_gradient
from .engine.nonfinite import anomaly, is_anomaly_enabled
from .engine.tracing import is_tracing
from .engine.unrecorded import no_grad
from .engine.value import Value
from .engine.variables import is_parameter
from .functions import array_functions as array_functions  # what it does for NumPy's functions
from .functions import batch_functions as batch_functions  # likewise, on arrays of a trace
from .functions import deferred_array as deferred_array  # likewise, on arguments that stay whole
from .functions import generated
from .functions.arrays import as_values, grads
from .functions.composite import elu, gelu, leaky_relu, silu, softmax
from .functions.generated import *  # noqa: F403
from .functions.value_array import data
from .installation import warn_of_mixed_files
from .ops.table import OPS, Op
from .show import methods as methods
from .show.text.formulas import to_latex
from .show.text.sweep_steps import steps
from .transforms import accumulation as accumulation  # what `backward` does for graphs
from .transforms.captured_values import make_functional
from .transforms.derivatives import (
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    value_and_grad,
    vjp,
)
from .transforms.vectorize import vmap

if TYPE_CHECKING:
    from .compiler import jit, lambdify, load
    from .show import (
        animate,
        draw,
        exercise,
        explain,
        from_sympy,
        influence,
        lint,
        roundoff,
        spy,
        stepper,
        to_sympy,
        worksheet,
    )
    from .show.text.nudges import nudge
    from .show.text.path_products import paths
    from .studies import sweep
    from .transforms.control_flow import cond, fori_loop, scan, switch, while_loop
    from .transforms.custom_rules import custom_jvp, custom_vjp
    from .transforms.gradient_check import check_grads
    from .transforms.indexing import take
    from .transforms.sparse_jacobians import sparsity
    from .transforms.stopped_gradients import stop_gradient

__all__ = [
    "OPS",
    "Op",
    "Value",
    "animate",
    "anomaly",
    "as_values",
    "check_grads",
    "cond",
    "custom_jvp",
    "custom_vjp",
    "data",
    "draw",
    "elu",
    "exercise",
    "explain",
    "fori_loop",
    "from_sympy",
    "gelu",
    "grad",
    "grads",
    "has_gradient",
    "hessian",
    "hvp",
    "influence",
    "is_anomaly_enabled",
    "is_parameter",
    "is_tracing",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "lambdify",
    "leaky_relu",
    "lint",
    "load",
    "make_functional",
    "no_grad",
    "nudge",
    "paths",
    "roundoff",
    "scan",
    "silu",
    "softmax",
    "sparsity",
    "spy",
    "stepper",
    "steps",
    "stop_gradient",
    "sweep",
    "switch",
    "take",
    "to_latex",
    "to_sympy",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
    "worksheet",
]
__all__ += generated.__all__


warn_of_mixed_files()

_HOME = {
    "animate": ".show",
    "check_grads": ".transforms.gradient_check",
    "cond": ".transforms.control_flow",
    "custom_jvp": ".transforms.custom_rules",
    "custom_vjp": ".transforms.custom_rules",
    "draw": ".show",
    "exercise": ".show",
    "explain": ".show",
    "fori_loop": ".transforms.control_flow",
    "from_sympy": ".show",
    "influence": ".show",
    "jit": ".compiler",
    "lambdify": ".compiler",
    "lint": ".show",
    "load": ".compiler",
    "nudge": ".show.text.nudges",
    "paths": ".show.text.path_products",
    "roundoff": ".show",
    "scan": ".transforms.control_flow",
    "sparsity": ".transforms.sparse_jacobians",
    "spy": ".show",
    "stepper": ".show",
    "stop_gradient": ".transforms.stopped_gradients",
    "sweep": ".studies",
    "switch": ".transforms.control_flow",
    "take": ".transforms.indexing",
    "to_sympy": ".show",
    "while_loop": ".transforms.control_flow",
    "worksheet": ".show",
}


if not TYPE_CHECKING:  # To a type checker, any name would be there.

    def __getattr__(name: str) -> Any:
        # Loaded when first used: with graphviz, html, json and the compiler it would take twice as long.
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = getattr(import_module(_HOME[name], __name__), name)
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
