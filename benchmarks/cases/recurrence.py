"""Value and gradient of a recurrent network of 1,000 steps and 32 units, compiled.

One of ours is a loop of Python, which is unrolled; the other, as JAX's, is `scan`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases.hidden_markov import compiled_by_jax, compiled_by_us, measured
from benchmarks.cases.moons_eager import Work

STEPS, UNITS, INPUTS = 1_000, 32, 4


def network() -> tuple[Any, ...]:
    """Return the weights of the states and of the inputs, the biases, and the inputs."""
    rng = np.random.default_rng(14)
    weights = rng.normal(size=(UNITS, UNITS)) / UNITS**0.5
    return weights, rng.normal(size=(UNITS, INPUTS)), rng.normal(size=UNITS), rng.normal(size=(STEPS, INPUTS))


def ours(loss: Callable[..., Any], backend: str | None) -> Work:
    """Prepare chainrule."""
    return measured(compiled_by_us(loss, (0, 1, 2, 3), backend), network)


def unrolled(w: Any, u: Any, b: Any, x: Any) -> Any:
    """Return the loss after steps that a loop of Python writes out."""
    h = np.zeros(UNITS)
    for t in range(STEPS):
        h = np.tanh(w @ h + u @ x[t] + b)
    return (h * h).sum()


def scanned(w: Any, u: Any, b: Any, x: Any) -> Any:
    """Return the loss after the steps of a `scan`."""
    import autograd

    h, _ = autograd.scan(lambda h, x: (np.tanh(w @ h + u @ x + b), None), np.zeros(UNITS), x)
    return (h * h).sum()


def chainrule() -> Work:
    """Prepare chainrule, unrolled, as users call it."""
    return ours(unrolled, None)


def chainrule_numpy() -> Work:
    """Prepare chainrule, unrolled, with the NumPy backend."""
    return ours(unrolled, "numpy")


def chainrule_scan() -> Work:
    """Prepare chainrule with `scan`."""
    return ours(scanned, None)


def jax() -> Work:
    """Prepare JAX."""
    import jax
    import jax.numpy as jnp

    def loss(w: Any, u: Any, b: Any, x: Any) -> Any:
        h, _ = jax.lax.scan(lambda h, x: (jnp.tanh(w @ h + u @ x + b), None), jnp.zeros(UNITS), x)
        return (h * h).sum()

    return measured(compiled_by_jax(loss, (0, 1, 2, 3)), network)


PEERS = {
    "chainrule": chainrule,
    "chainrule-numpy": chainrule_numpy,
    "chainrule-scan": chainrule_scan,
    "jax": jax,
}
ROUNDS = 3
