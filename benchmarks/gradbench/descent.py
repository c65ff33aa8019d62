"""Gradient descent as GradBench prescribes it, and gradients by either mode."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import data, grad, jacobian

Function = Callable[[Any], Any]
GRADIENTS: dict[str, Callable[[Function], Function]] = {
    "f": lambda f: jacobian(f, mode="fwd"),
    "r": grad,
}
"""For each mode, forward and reverse, what makes the gradient of a function."""

NEAR = 1e-5


def argmin(f: Function, start: Any, gradient: Callable[[Function], Function]) -> Any:
    """Return where the descent from a point ends: when the gradient or a step is shorter than 1e-5.

    The rate begins at 1e-5, doubles after ten steps down, and halves when a step does not lead down.
    """
    slope = gradient(f)
    x, value, direction = start, f(start), slope(start)
    rate, steps = 1e-5, 0
    while np.linalg.norm(data(direction)) > NEAR:
        if steps == 10:
            rate, steps = 2.0 * rate, 0
            continue
        next_x = x - rate * direction
        if np.linalg.norm(data(next_x - x)) <= NEAR:
            break
        next_value = f(next_x)
        if next_value < value:
            x, value, direction = next_x, next_value, slope(next_x)
            steps += 1
        else:
            rate, steps = 0.5 * rate, 0
    return x


def argmax(f: Function, start: Any, gradient: Callable[[Function], Function]) -> Any:
    """Return where the ascent from a point ends."""
    return argmin(lambda x: -f(x), start, gradient)
