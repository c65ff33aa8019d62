"""Gradient descent as GradBench prescribes it, with gradients by either mode."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import data, jacobian, value_and_grad

Function = Callable[[Any], Any]
Way = Callable[[Function], Function]
"""From a function of an array to one that returns its value and its gradient."""

NEAR = 1e-5


def forward(f: Function) -> Function:
    """Return the function for value and gradient by forward mode, with a sweep for each component."""

    def twice(x: Any) -> Any:
        value = f(x)
        return value, value

    slope_and_value = jacobian(twice, mode="fwd", has_aux=True)
    return lambda x: slope_and_value(x)[::-1]


WAYS: dict[str, Way] = {"f": forward, "r": value_and_grad}


def argmin(f: Function, start: Any, way: Way) -> Any:
    """Return where the descent from a point ends: when the gradient or a step is no longer than 1e-5.

    The rate begins at 1e-5, doubles after ten steps down, and halves when a step does not lead down.
    """
    evaluate = way(f)
    x = start
    value, slope = evaluate(x)
    rate, steps = 1e-5, 0
    while is_long(slope):
        if steps == 10:
            rate, steps = 2.0 * rate, 0
        next_x = x - rate * slope
        if not is_long(next_x - x):
            break
        next_value, next_slope = evaluate(next_x)
        if next_value < value:
            x, value, slope = next_x, next_value, next_slope
            steps += 1
        else:
            rate, steps = 0.5 * rate, 0
    return x


def argmax(f: Function, start: Any, way: Way) -> Any:
    """Return where the ascent from a point ends."""
    return argmin(lambda x: -f(x), start, way)


def is_long(x: Any) -> bool:
    """Return whether a vector is longer than 1e-5."""
    return bool(np.linalg.norm(data(x)) > NEAR)
