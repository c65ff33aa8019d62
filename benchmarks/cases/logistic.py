"""Logistic regression of 1,000,000 samples of ten numbers: the loss and its gradient, one thread each.

The figures are first calls of compiled functions, each in a new process with an empty cache, over 1,000 and
over all samples, and the next call of the latter, with one sample less.
``python -m benchmarks.cases.logistic PEER SAMPLES`` prints them as JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

SAMPLES, FEATURES = 1_000_000, 10

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}

Step = Callable[..., tuple[Any, Any]]


def arguments(samples: int) -> tuple[Any, ...]:
    """Return weights, a bias, samples and their classes, -1 and 1."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, FEATURES))
    w = np.linspace(-1.0, 1.0, FEATURES)
    return w, 0.5, x, np.sign(x @ w[::-1] + rng.normal(size=samples))


def ours() -> Step:
    """Return the step in chainrule: of one sample, mapped."""
    from autograd import dot, jit, softplus, value_and_grad, vmap

    def loss(w: Any, b: Any, x: Any, y: Any) -> Any:
        return vmap(lambda x, y: softplus(-y * (dot(w, x) + b)))(x, y).mean()

    return jit(value_and_grad(loss, argnums=(0, 1)))


def of_jax() -> Step:
    """Return the step in JAX."""
    import jax

    jax.config.update("jax_enable_x64", True)

    def loss(w: Any, b: Any, x: Any, y: Any) -> Any:
        return jax.nn.softplus(-y * (x @ w + b)).mean()

    compiled = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    return lambda *args: jax.block_until_ready(compiled(*args))


def of_numpy() -> Step:
    """Return the step as one writes it by hand in NumPy, whose exponential is computed once."""
    import numpy as np

    def step(w: Any, b: Any, x: Any, y: Any) -> tuple[Any, Any]:
        z = -y * (x @ w + b)
        e = np.exp(-np.abs(z))
        value = (np.maximum(z, 0.0) + np.log1p(e)).mean()
        slopes = np.where(z >= 0.0, 1.0, e) / (1.0 + e) * -y / len(y)
        return value, (slopes @ x, slopes.sum())

    return step


STEPS: dict[str, Callable[[], Step]] = {"chainrule": ours, "numpy": of_numpy, "jax": of_jax}


def main(peer: str, samples: int) -> None:
    """Print the time of the first call over so many samples, and of a second one over one less."""
    args, fewer = arguments(samples), arguments(samples - 1)
    step = STEPS[peer]()
    seconds = []
    for each in (args, fewer):
        start = time.perf_counter()
        step(*each)
        seconds.append(time.perf_counter() - start)
    print(json.dumps(seconds))


def first_calls(peer: str, samples: int) -> list[float]:
    """Return what `main` prints in a new process with an empty cache."""
    command = [sys.executable, "-m", "benchmarks.cases.logistic", peer, str(samples)]
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"CHAINRULE_CACHE": cache}
        process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(process.stdout)
    return found


def of(peer: str) -> Callable[[], Work]:
    """Return the preparation of a peer, which has compiled what it can before it is measured."""

    def prepare() -> Work:
        # Before anybody loads a library that reads them.
        os.environ |= ONE_THREAD
        figures = {}
        if peer != "numpy":
            small, (large, second) = first_calls(peer, 1000)[0], first_calls(peer, SAMPLES)
            figures = {
                "s first of 1,000": small,
                "s first of 1,000,000": large,
                "s of another length": second,
            }
        step, args = STEPS[peer](), arguments(SAMPLES)
        if peer == "jax":
            import jax

            args = tuple(map(jax.numpy.array, args))
        step(*args)
        if peer == "chainrule":
            step.wait()  # type: ignore[attr-defined]

        def work() -> Result:
            start = time.perf_counter()
            value, (weights, bias) = step(*args)
            seconds = time.perf_counter() - start
            answer = [float(value), *map(float, weights), float(bias)]
            return Result(answer, figures=figures, seconds=seconds)

        return work

    return prepare


PEERS = {peer: of(peer) for peer in STEPS}
ROUNDS = 9


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
