"""Value and gradient of a hidden Markov model of 1,000 steps, compiled: a recurrence of `logsumexp`.

Ours is a loop of Python over single numbers, which is unrolled; JAX's is `lax.scan` over arrays.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

STEPS, STATES, SYMBOLS = 1_000, 4, 3
CALLS = 100


def model() -> tuple[Any, Any, Any]:
    """Return the logarithms of the start, the changes and the symbols."""
    rng = np.random.default_rng(12)
    return rng.normal(size=STATES), rng.normal(size=(STATES, STATES)), rng.normal(size=(STATES, SYMBOLS))


def seen() -> list[int]:
    """Return the symbols that were observed."""
    return np.random.default_rng(13).integers(0, SYMBOLS, STEPS).tolist()  # type: ignore[no-any-return]


def measured(
    step: Callable[..., Any], wait: Callable[[], None], given: Callable[[], tuple[Any, ...]] = model
) -> Work:
    """Return the work: the first call, and the time of later ones."""

    def work() -> Result:
        arguments = given()
        start = time.perf_counter()
        step(*arguments)
        first = time.perf_counter() - start
        wait()
        seconds = []
        for _ in range(CALLS):
            start = time.perf_counter()
            value, gradients = step(*arguments)
            seconds.append(time.perf_counter() - start)
        answer = [float(value), *np.concatenate([np.ravel(gradient) for gradient in gradients]).tolist()]
        return Result(answer, figures={"s of the first call": first}, seconds=float(np.median(seconds)))

    return work


def ours(backend: str | None) -> Work:
    """Prepare chainrule."""
    import autograd

    symbols = seen()

    def loss(start: Any, change: Any, emit: Any) -> Any:
        forward = [start[s] + emit[s, symbols[0]] for s in range(STATES)]
        for symbol in symbols[1:]:
            reached = [[forward[r] + change[r, s] for r in range(STATES)] for s in range(STATES)]
            forward = [autograd.logsumexp(reached[s]) + emit[s, symbol] for s in range(STATES)]
        return autograd.logsumexp(forward)

    compiled = autograd.jit(autograd.value_and_grad(loss, argnums=(0, 1, 2)), backend)
    return measured(compiled, compiled.wait)


def chainrule() -> Work:
    """Prepare chainrule as users call it."""
    return ours(None)


def chainrule_numpy() -> Work:
    """Prepare chainrule with the NumPy backend."""
    return ours("numpy")


def jax() -> Work:
    """Prepare JAX."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    symbols = np.array(seen())
    logsumexp = jax.scipy.special.logsumexp

    def loss(start: Any, change: Any, emit: Any) -> Any:
        def step(forward: Any, symbol: Any) -> Any:
            return logsumexp(forward[:, None] + change, axis=0) + emit[:, symbol], None

        forward, _ = jax.lax.scan(step, start + emit[:, symbols[0]], jnp.asarray(symbols[1:]))
        return logsumexp(forward)

    compiled = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2)))
    return measured(lambda *arguments: jax.block_until_ready(compiled(*arguments)), lambda: None)


PEERS = {"chainrule": chainrule, "chainrule-numpy": chainrule_numpy, "jax": jax}
ROUNDS = 3
