"""The end of a trajectory of y₀' = x₀, yᵢ' = xᵢ yᵢ₋₁ by the Runge-Kutta method, and its gradient."""

from typing import Any

import numpy as np

from autograd import fori_loop, grad, jit

from .timed import Timed

END = 2.0


def rate(x: Any, y: Any) -> Any:
    """Return the derivative of y with respect to time."""
    return x * np.concatenate([[1.0], y[:-1]])


def trajectory_end(x: Any, steps: int) -> Any:
    """Return y at the end, after so many steps from zero."""
    h = END / steps

    def step(_: int, y: Any) -> Any:
        k1 = rate(x, y)
        k2 = rate(x, y + 0.5 * h * k1)
        k3 = rate(x, y + 0.5 * h * k2)
        k4 = rate(x, y + h * k3)
        return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)

    return fori_loop(0, steps, step, np.zeros_like(x))


def prepare(message: Any) -> Any:
    """Return the parameters, and the number of steps."""
    return np.array(message["x"]), message["s"]


value = jit(trajectory_end, static_argnums=1)
slope = jit(grad(lambda x, steps: trajectory_end(x, steps)[-1]), static_argnums=1)

FUNCTIONS = {
    "primal": Timed(lambda given: value(*given), prepare, np.ndarray.tolist),
    "gradient": Timed(lambda given: slope(*given), prepare, np.ndarray.tolist),
}
