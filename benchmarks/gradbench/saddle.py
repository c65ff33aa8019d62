"""A saddle point, by a descent within each step of which there is an ascent, in each pair of modes."""

from itertools import product
from typing import Any

import numpy as np

from .descent import WAYS, Way, argmax, argmin
from .timed import Timed


def height(x: Any, y: Any) -> Any:
    """Return |x|² - |y|²."""
    return x @ x - y @ y


def ridge(x: Any, start: Any, way: Way) -> Any:
    """Return the greatest height at x, by an ascent in y from a start."""
    return height(x, argmax(lambda y: height(x, y), start, way))


def saddle_point(start: Any, outer: Way, inner: Way) -> Any:
    """Return the x of which the ridge is least, and the y where that is, with gradients in two ways."""
    x = argmin(lambda x: ridge(x, start, inner), start, outer)
    y = argmax(lambda y: height(x, y), start, outer)
    return np.concatenate([x, y])


def in_modes(outer: str, inner: str) -> Timed:
    """Return the function that differentiates in two modes."""
    return Timed(
        lambda start: saddle_point(start, WAYS[outer], WAYS[inner]),
        prepare=lambda message: np.array(message["start"]),
        present=np.ndarray.tolist,
    )


FUNCTIONS = {outer + inner: in_modes(outer, inner) for outer, inner in product("fr", repeat=2)}
