"""Value and gradient of a hidden Markov model of 1,000 steps, compiled: a recurrence of `logsumexp`.

Ours is a loop of Python over single numbers, which is unrolled; JAX's is `lax.scan` over arrays.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases.fitting import without_programs
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


Step = Callable[..., Any]
"""From the arguments to the value and the gradient."""


def measured(
    prepare: Callable[[], tuple[Step, Callable[[], None]]], given: Callable[[], tuple[Any, ...]] = model
) -> Work:
    """Return the work: the first call of a function that is compiled anew, and the time of later ones.

    `prepare` returns the function and what waits for a compilation in the background.
    """

    def work() -> Result:
        arguments = given()
        step, wait = prepare()
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


def compiled_by_us(
    loss: Step, argnums: tuple[int, ...], backend: str | None
) -> Callable[[], tuple[Step, Callable[[], None]]]:
    """Return what compiles the value and the gradient of a loss by chainrule, which knows no program yet."""
    import autograd

    forget = without_programs()

    def prepare() -> tuple[Step, Callable[[], None]]:
        forget()
        compiled = autograd.jit(autograd.value_and_grad(loss, argnums=argnums), backend)
        return compiled, compiled.wait

    return prepare


def compiled_by_jax(loss: Step, argnums: tuple[int, ...]) -> Callable[[], tuple[Step, Callable[[], None]]]:
    """Return what compiles the value and the gradient of a loss by JAX, which keeps programs by function."""
    import jax

    jax.config.update("jax_enable_x64", True)

    def prepare() -> tuple[Step, Callable[[], None]]:
        jax.clear_caches()
        compiled = jax.jit(jax.value_and_grad(loss, argnums=argnums))
        return lambda *arguments: jax.block_until_ready(compiled(*arguments)), lambda: None

    return prepare


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

    return measured(compiled_by_us(loss, (0, 1, 2), backend))


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

    symbols = np.array(seen())
    logsumexp = jax.scipy.special.logsumexp

    def loss(start: Any, change: Any, emit: Any) -> Any:
        def step(forward: Any, symbol: Any) -> Any:
            return logsumexp(forward[:, None] + change, axis=0) + emit[:, symbol], None

        forward, _ = jax.lax.scan(step, start + emit[:, symbols[0]], jnp.asarray(symbols[1:]))
        return logsumexp(forward)

    return measured(compiled_by_jax(loss, (0, 1, 2)))


PEERS = {"chainrule": chainrule, "chainrule-numpy": chainrule_numpy, "jax": jax}
ROUNDS = 3
