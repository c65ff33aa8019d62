"""The step of `moons_eager`, compiled; arguments and results are not converted."""

import ctypes
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import moons
from benchmarks.cases import moons_eager
from benchmarks.cases.moons_eager import Step, Work
from benchmarks.result import Result

# Enough calls that the first ones, with cold caches, do not count: with 100, chainrule took 11.2 us instead
# of 10.
CALLS = 1000


def timed(step: Callable[[], Any], answer: Callable[[Any], list[float]]) -> Work:
    """Return a function that runs a step many times and returns the time of one."""

    def work() -> Result:
        start = time.perf_counter()
        for _ in range(CALLS):
            result = step()
        seconds = (time.perf_counter() - start) / CALLS
        return Result(answer(result), seconds=seconds)

    return work


def our_step(backend: str | None) -> Step:
    """Return chainrule's step: the scalar loops of micrograd's demo, compiled by `jit`."""
    from autograd import jit, value_and_grad

    x, y = moons.points()

    compiled = jit(value_and_grad(moons.loss_of_layers), backend)
    layers = moons.parameters()
    compiled(layers, x, y)
    compiled.wait()
    return lambda: compiled(layers, x, y), lambda result: [result[0], *moons.flat(result[1])]


def chainrule() -> Work:
    """Prepare chainrule as users call it: with Numba, if that is installed."""
    return timed(*our_step(None))


def chainrule_numpy() -> Work:
    """Prepare chainrule with the NumPy backend."""
    return timed(*our_step("numpy"))


def library_of(source: Path, *options: str) -> ctypes.CDLL:
    """Return a file in C, compiled with all optimisations and further options."""
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "library.so"
        optimised = ["-O3", "-march=native", "-ffast-math", *options, "-shared", "-fPIC", "-o", str(library)]
        subprocess.run(["cc", *optimised, str(source), "-lm"], check=True)
        return ctypes.CDLL(str(library))


def c() -> Work:
    """Prepare the same step written by hand in C with all optimisations: the practical limit."""
    moons_step = library_of(Path(__file__).parent.parent / "moons_step.c").moons_step
    moons_step.restype = ctypes.c_double
    x, y = moons.points()
    parameters = [array for layer in moons.parameters() for array in layer]
    gradients = [np.empty_like(array) for array in parameters]
    # Converting the arguments is not part of the step. A pointer keeps its array alive.
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (x, y, *parameters, *gradients)]
    arguments = [*pointers[:2], ctypes.c_double(moons.L2), *pointers[2:]]

    def answer(value: float) -> list[float]:
        pairs = zip(gradients[::2], gradients[1::2], strict=True)
        return [value, *moons.flat(list(pairs))]

    return timed(lambda: moons_step(*arguments), answer)


def by_hand() -> Work:
    """Prepare the same forward and backward pass, written by hand in NumPy."""
    x, y = moons.points()
    (w1, b1), (w2, b2), (w3, b3) = moons.parameters()

    def step() -> tuple[float, moons.Arrays]:
        h1 = np.maximum(x @ w1.T + b1, 0.0)
        h2 = np.maximum(h1 @ w2.T + b2, 0.0)
        margin = 1.0 - y * (h2 @ w3[0] + b3[0])
        penalty = sum((w * w).sum() + (b * b).sum() for w, b in ((w1, b1), (w2, b2), (w3, b3)))
        value = np.maximum(margin, 0.0).sum() / len(y) + moons.L2 * penalty
        d3 = np.where(margin > 0.0, -y / len(y), 0.0)
        d2 = np.outer(d3, w3[0]) * (h2 > 0.0)
        d1 = (d2 @ w2) * (h1 > 0.0)
        l2 = 2.0 * moons.L2
        return value, [
            (d1.T @ x + l2 * w1, d1.sum(axis=0) + l2 * b1),
            (d2.T @ h1 + l2 * w2, d2.sum(axis=0) + l2 * b2),
            ((d3 @ h2 + l2 * w3[0])[None], d3.sum(keepdims=True) + l2 * b3),
        ]

    return timed(step, lambda result: [float(result[0]), *moons.flat(result[1])])


def torch() -> Work:
    """Prepare PyTorch."""
    return timed(*moons_eager.torch_step())


def jax() -> Work:
    """Prepare JAX, compiled by a first call."""
    step, answer = moons_eager.jax_step()
    step()
    return timed(step, answer)


PEERS = {
    "chainrule": chainrule,
    "chainrule-numpy": chainrule_numpy,
    "c": c,
    "numpy": by_hand,
    "torch": torch,
    "jax": jax,
}
ROUNDS = 9
