"""A saddle point, by a descent within each step of which there is an ascent, in each pair of modes."""

from itertools import product
from typing import Any

import numpy as np

from autograd import jit

from .descent import WAYS, Way, argmin
from .timed import Timed


def height(x: Any, y: Any) -> Any:
    """Return |x|² - |y|²."""
    return x @ x - y @ y


def ridge(x: Any, start: Any, way: Way) -> Any:
    """Return the greatest height at x, by an ascent in y from a start."""
    return height(x, argmin(way(lambda y: -height(x, y)), start))


def in_modes(outer: str, inner: str) -> Timed:
    """Return the function that differentiates in two modes."""
    along_ridge = jit(lambda x, start: WAYS[outer](lambda x: ridge(x, start, WAYS[inner]))(x))
    below = jit(lambda y, x: WAYS[outer](lambda y: -height(x, y))(y))

    def saddle_point(start: Any) -> Any:
        """Return the x of which the ridge is least, and the y where that is."""
        x = argmin(lambda x: along_ridge(x, start), start)
        y = argmin(lambda y: below(y, x), start)
        return np.concatenate([x, y])

    return Timed(saddle_point, prepare=lambda message: np.array(message["start"]), present=np.ndarray.tolist)


FUNCTIONS = {outer + inner: in_modes(outer, inner) for outer, inner in product("fr", repeat=2)}
