"""The control of two charges that has a particle fly through the origin, in each pair of modes."""

from itertools import product
from typing import Any

import numpy as np

from autograd import hypot, jit, while_loop

from .descent import WAYS, Way, argmin
from .timed import Timed

STEP = 0.1


def potential(x: Any, w: Any) -> Any:
    """Return the potential at a point between the charges at (10, 0) and (10, 10 - w)."""
    across = x[0] - 10.0
    return 1.0 / hypot(across, x[1] - (10.0 - w)) + 1.0 / hypot(across, x[1])


def miss(w: Any, way: Way) -> Any:
    """Return the square of where the particle, moved by Euler's method, meets the x-axis."""
    evaluate = way(lambda x: potential(x, w))

    def is_above(state: Any) -> Any:
        x, velocity = state
        return x[1] + STEP * velocity[1] > 0.0

    def step(state: Any) -> Any:
        x, velocity = state
        _, slope = evaluate(x)
        return x + STEP * velocity, velocity - STEP * slope

    x, velocity = while_loop(is_above, step, (np.array([0.0, 8.0]), np.array([0.75, 0.0])))
    meeting = x[0] - x[1] / velocity[1] * velocity[0]
    return meeting * meeting


def in_modes(outer: str, inner: str) -> Timed:
    """Return the function that differentiates in two modes."""
    evaluate = jit(WAYS[outer](lambda w: miss(w[0], WAYS[inner])))
    return Timed(
        lambda start: argmin(evaluate, start)[0],
        prepare=lambda message: np.array([message["w"]]),
    )


FUNCTIONS = {outer + inner: in_modes(outer, inner) for outer, inner in product("fr", repeat=2)}
