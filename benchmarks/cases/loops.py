"""The time Numba needs to compile the moons step in the background: from scratch, and from its cache."""

import os
import tempfile
import time

from benchmarks import moons
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result


def chainrule() -> Work:
    """Prepare chainrule, traced and with Numba imported."""
    from autograd import jit, value_and_grad

    arguments = moons.parameters(), *moons.points()

    def waiting() -> tuple[float, float]:
        compiled = jit(value_and_grad(moons.loss_of_layers), backend="numba")
        compiled(*arguments)
        start = time.perf_counter()
        compiled.wait()
        return time.perf_counter() - start, compiled(*arguments)[0]

    def step() -> Result:
        with tempfile.TemporaryDirectory() as directory:
            # Numba itself takes 0.3 s to import, once a process.
            empty = jit(lambda x: x * 2.0, backend="numba")
            empty(1.0)
            empty.wait()
            os.environ["CHAINRULE_CACHE"] = directory
            cold, _ = waiting()
            warm, value = waiting()
        return Result([value], figures={"s from the cache": warm}, seconds=cold)

    return step


PEERS = {"chainrule": chainrule}
ROUNDS = 1
