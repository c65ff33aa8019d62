"""Gradient descent as GradBench prescribes it, with gradients by either mode."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import jacobian, norm, value_and_grad, where, while_loop

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


def argmin(evaluate: Function, start: Any) -> Any:
    """Return where the descent from a point ends: when the gradient or a step is no longer than 1e-5.

    It is by the value and the gradient that a function returns for a point. The rate begins at 1e-5, doubles
    after ten steps down, and halves when a step does not lead down.
    """

    def step(state: Any) -> Any:
        x, value, slope, rate, steps, _ = state
        is_slow = steps == 10
        rate = where(is_slow, 2.0 * rate, rate)
        next_x = x - rate * slope
        next_value, next_slope = evaluate(next_x)
        is_far, is_down = norm(next_x - x) > NEAR, next_value < value
        is_taken = is_far & is_down
        slope = np.where(is_taken, next_slope, slope)
        return (
            np.where(is_taken, next_x, x),
            where(is_taken, next_value, value),
            slope,
            where(is_down, rate, 0.5 * rate),
            where(is_down, where(is_slow, 1, steps + 1), 0),
            is_far & (norm(slope) > NEAR),
        )

    value, slope = evaluate(start)
    return while_loop(lambda state: state[-1], step, (start, value, slope, 1e-5, 0, norm(slope) > NEAR))[0]
