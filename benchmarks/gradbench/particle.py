"""The control of two charges that has a particle fly through the origin, in each pair of modes."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from autograd import norm

from .descent import GRADIENTS, Function, argmin
from .timed import Timed

STEP = 0.1


def potential(x: Any, w: Any) -> Any:
    """Return the potential at a point between the charges at (10, 0) and (10, 10 - w)."""
    return 1.0 / norm(x - np.array([10.0, 10.0 - w])) + 1.0 / norm(x - np.array([10.0, 0.0]))


def miss(w: Any, gradient: Callable[[Function], Function]) -> Any:
    """Return the square of where the particle, moved by Euler's method, meets the x-axis."""
    x, velocity = np.array([0.0, 8.0]), np.array([0.75, 0.0])
    slope = gradient(lambda x: potential(x, w))
    while True:
        next_x = x + STEP * velocity
        if next_x[1] <= 0.0:
            break
        x, velocity = next_x, velocity - STEP * slope(x)
    meeting = x - x[1] / velocity[1] * velocity
    return meeting[0] ** 2


def in_modes(outer: str, inner: str) -> Timed:
    """Return the function that differentiates in two modes."""
    return Timed(
        lambda w: argmin(lambda w: miss(w, GRADIENTS[inner]), w, GRADIENTS[outer]),
        prepare=lambda message: float(message["w"]),
    )


FUNCTIONS = {outer + inner: in_modes(outer, inner) for outer, inner in product("fr", repeat=2)}
