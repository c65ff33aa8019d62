"""The text of the demo's scalar loop given to `jit` and to `jax.jit`: the first call of value and gradient.

Ours takes all 100 samples. JAX makes operations of an array program of each number, and the time XLA needs
for them grows faster than their number, so it is given 1, 2 and 3 samples. All answer for one sample,
repeated as often as the program has samples.
"""

import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import moons
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result


def first_call(compiled: Callable[..., Any], count: int) -> Result:
    """Return the result of one call with so many samples, timed, and of another for the answer."""
    x, y = moons.points()
    some = np.linspace(0, len(y) - 1, count).astype(int)
    arguments = moons.parameters(), x[some], y[some]
    start = time.perf_counter()
    compiled(*arguments)
    seconds = time.perf_counter() - start
    value, gradient = compiled(moons.parameters(), np.repeat(x[:1], count, axis=0), np.repeat(y[:1], count))
    return Result([float(value), *moons.flat(gradient)], figures={"samples": count}, seconds=seconds)


def chainrule() -> Work:
    """Prepare chainrule, which takes them all."""
    from autograd import jit, value_and_grad

    def step() -> Result:
        with tempfile.TemporaryDirectory() as directory:
            # What an earlier process found in this program would save half of the time.
            os.environ["CHAINRULE_CACHE"] = directory
            compiled = jit(value_and_grad(moons.loss_of_layers), backend="numpy")
            return first_call(compiled, len(moons.points()[1]))

    return step


def jax_with(count: int) -> Callable[[], Work]:
    """Return the preparation of JAX with so many samples."""

    def prepare() -> Work:
        import jax

        jax.config.update("jax_enable_x64", True)

        def loss(layers: Any, x: Any, y: Any) -> Any:
            leaves = moons.leaves_of(layers)
            return moons.loss_of_scalars(leaves, lambda v: v, lambda v: jax.numpy.maximum(v, 0.0), x, y)

        def step() -> Result:
            compiled = jax.jit(jax.value_and_grad(loss))
            return first_call(lambda *arguments: jax.block_until_ready(compiled(*arguments)), count)

        return step

    return prepare


PEERS = {"chainrule": chainrule, **{f"jax-{count}": jax_with(count) for count in (1, 2, 3)}}
ROUNDS = 1
# Seconds of a run.
LIMIT = 100.0
