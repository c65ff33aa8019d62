"""The logarithm of a sum of exponentials, from its maximum, exponentials, a sum and a logarithm."""

from typing import Any

import numpy as np

from autograd import grad, jit, log

from .timed import Timed


def objective(x: Any) -> Any:
    """Return log(Σ exp(x)), shifted by the maximum so that nothing overflows."""
    top = np.max(x)
    return top + log(np.exp(x - top).sum())


def prepare(message: Any) -> Any:
    """Return the numbers."""
    return np.array(message["x"])


FUNCTIONS = {
    "primal": Timed(jit(objective), prepare),
    "gradient": Timed(jit(grad(objective)), prepare, np.ndarray.tolist),
}
