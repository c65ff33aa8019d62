"""Functions that sweeps call in other processes, where they are found by name."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import numpy as np

import nn
from autograd import elu, exp, grad, jit, sin, value_and_grad


def slope(x: float, order: int) -> float:
    """Return a derivative of a wave."""
    f: Any = lambda v: sin(v) * exp(-0.1 * v * v)  # noqa: E731
    for _ in range(order):
        f = grad(f)
    return float(f(x))


def noisy(x: float, rng: np.random.Generator, y: float = 0.0) -> dict[str, Any]:
    """Return numbers that depend on the random numbers of a point."""
    return {"mean": float((x + y + rng.normal(size=100)).mean()), "first": rng.random(3)}


def not_at_two(x: int) -> float:
    """Fail at one point."""
    if x == 2:
        raise ValueError(f"no {x}")
    return x / 2


def dies_at_two(x: int) -> int:
    """End the process at one point, as the system does that has no memory left."""
    if x == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def unpicklable_at_two(x: int) -> Any:
    """Return at one point what cannot be sent."""
    return threading.Lock() if x == 2 else x


class Unreadable:
    """What is written as a call that fails."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


def unreadable_at_two(x: int) -> Any:
    """Return at one point what can be sent, and not be received."""
    return Unreadable() if x == 2 else x


def loss(w: Any, x: Any, y: Any) -> Any:
    """Return the mean square error of a small network, sample by sample."""
    total: Any = 0.0
    for i in range(len(y)):
        hidden = [np.tanh(w[j] * x[i] + w[j + 4]) for j in range(4)]
        total = total + (sum(w[j + 8] * hidden[j] for j in range(4)) - y[i]) ** 2
    return total / len(y)


step = jit(value_and_grad(loss))


def gradient_of_loss(w: Any, x: Any, y: Any) -> Any:
    """Return the loss and its gradient."""
    return value_and_grad(loss)(w, x, y)


def output(model: Any, x: Any) -> Any:
    """Return the output of a model."""
    return model(x)


# It has the name of another module's function, where `pickle` would look for it.
step_elsewhere = jit(value_and_grad(elu))


def slope_elsewhere(x: float) -> tuple[Any, str]:
    """Return a slope, and whether the passes were run for it."""
    return step_elsewhere(x)[1], step_elsewhere.report().passes


def power(x: Any, n: int) -> Any:
    """Return a power."""
    return x**n


def descended(lr: float, compiled: Any = None) -> tuple[float, str]:
    """Return the loss after some steps, and whether the passes were run for them."""
    f = compiled or step
    w = np.linspace(-1.0, 1.0, 12)
    x = np.linspace(0.0, 1.0, 20)
    for _ in range(5):
        value, gradient = f(w, x, x * x)
        w = w - lr * gradient
    return float(value), f.report().passes


def trained(lr: float, width: int, rng: np.random.Generator) -> dict[str, float]:
    """Train a network, and return its last loss."""
    model = nn.MLP(2, [width, 1], rng=rng)
    x = rng.normal(size=(30, 2))
    history = nn.fit(
        model,
        x,
        np.sin(x[:, 0]),
        loss="mse",
        optimizer=nn.optimizers.Adam(model.parameters(), lr=lr),
        epochs=5,
        rng=rng,
        verbose=0,
    )
    return {"loss": history.loss[-1]}
