"""Linear least squares: a polynomial through the steps of the sign of t, for t from -1 to 1."""

from typing import Any

import numpy as np

from autograd import grad, jit, vmap

from .timed import Timed


def residual(x: Any, t: Any, s: Any) -> Any:
    """Return how much the polynomial with coefficients x misses s at t, by Horner's rule."""
    value = x[-1]
    for coefficient in x[-2::-1]:
        value = value * t + coefficient
    return s - value


def objective(x: Any, t: Any, s: Any) -> Any:
    """Return half the sum of the squared residuals."""
    residuals = vmap(residual, in_axes=(None, 0, 0))(x, t, s)
    return 0.5 * (residuals * residuals).sum()


def prepare(message: Any) -> Any:
    """Return the coefficients and the number of points."""
    return np.array(message["x"]), message["n"]


def points(n: int) -> Any:
    """Return the points t, and the sign of each."""
    t = np.linspace(-1.0, 1.0, n)
    return t, np.sign(t)


value = jit(objective)
slope = jit(grad(objective))

FUNCTIONS = {
    "primal": Timed(lambda given: value(given[0], *points(given[1])), prepare),
    "gradient": Timed(lambda given: slope(given[0], *points(given[1])), prepare, np.ndarray.tolist),
}
