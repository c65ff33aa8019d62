"""A training of 100 epochs with Adam on 100 points of the moons, compiling included."""

from collections.abc import Callable
from typing import Any

from benchmarks import moons
from benchmarks.cases import fitting
from benchmarks.cases.fitting import Start
from benchmarks.result import Result

EPOCHS = 100
LR = 0.01


def points() -> tuple[Any, Any]:
    """Return inputs and targets, of which one in four is wrong.

    Otherwise the loss would tend to 0, and Adam's means to subnormal numbers, which are slow.
    """
    x, y = moons.points()
    y[::4] *= -1.0
    return x, y


def chainrule() -> Start:
    """Prepare chainrule's `fit`."""
    import nn

    x, y = points()

    def start() -> Callable[[int], float]:
        model = fitting.network(moons.parameters())
        optimizer = nn.optimizers.Adam(model.parameters(), lr=LR)

        def train(epochs: int) -> float:
            history = nn.fit(model, x, y, loss=nn.losses.hinge, optimizer=optimizer, epochs=epochs, verbose=0)
            return history.loss[-1]

        return train

    return start


def torch() -> Start:
    """Prepare PyTorch."""
    import torch

    x, y = (torch.tensor(array) for array in points())

    def hinge(outputs: Any, targets: Any) -> Any:
        return torch.relu(1.0 - targets * outputs[:, 0]).mean()

    def start() -> Callable[[int], float]:
        return fitting.of_torch(
            moons.parameters(), hinge, lambda epochs: ([(x, y)] for _ in range(epochs)), LR
        )

    return start


def jax() -> Start:
    """Prepare JAX, with Adam written by hand; each training compiles its step."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    x, y = (jnp.asarray(array) for array in points())

    def hinge(arrays: Any) -> Any:
        scores = moons.outputs_of_arrays(arrays, x, lambda v: jnp.maximum(v, 0.0))[:, 0]
        return jnp.maximum(1.0 - y * scores, 0.0).mean()

    def start() -> Callable[[int], float]:
        # A new function for each training, since JAX caches compiled code by function.
        @jax.jit
        def step(arrays: Any, means: Any, squares: Any, count: Any) -> Any:
            loss, gradients = jax.value_and_grad(hinge)(arrays)
            count = count + 1.0
            means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, gradients)
            squares = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, squares, gradients)
            rate, scale = LR / (1.0 - 0.9**count), jnp.sqrt(1.0 - 0.999**count)
            arrays = jax.tree.map(
                lambda w, m, v: w - rate * m / (jnp.sqrt(v) / scale + 1e-8), arrays, means, squares
            )
            return loss, (arrays, means, squares, count)

        arrays = jax.tree.map(jnp.asarray, moons.parameters())
        zeros = jax.tree.map(jnp.zeros_like, arrays)

        def train(epochs: int) -> float:
            state = arrays, zeros, zeros, jnp.asarray(0.0)
            for _ in range(epochs):
                loss, state = step(*state)
            return float(loss)

        return train

    return start


STARTS = {"chainrule": chainrule, "torch": torch, "jax": jax}


def whole(prepare: Callable[[], Start]) -> Callable[[], Callable[[], Result]]:
    """Return the preparation of a whole training."""
    return lambda: fitting.whole(prepare(), EPOCHS)


def compiling() -> Callable[[], Result]:
    """Prepare chainrule's whole training, each of which compiles its step, as JAX's does."""
    return fitting.whole(chainrule(), EPOCHS, fitting.without_programs())


PEERS = {peer: whole(prepare) for peer, prepare in STARTS.items()} | {"chainrule": compiling}
ROUNDS = 3
