"""The step of `moons_jit`, called by two threads at the same time; the time is that of a step of either.

On two processors half of that of `moons_jit` would be the best. Compiled programs run without the lock of the
interpreter, and eager ones hold it.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.cases.moons_eager import Step, Work, torch_step
from benchmarks.cases.moons_jit import CALLS, our_step
from benchmarks.result import Result

THREADS = 2


def by_threads(step: Callable[[], Any], answer: Callable[[Any], list[float]]) -> Work:
    """Return a function that has threads run a step many times each, and returns the time of one."""

    def calls(_: int) -> Any:
        for _ in range(CALLS):
            result = step()
        return result

    def work() -> Result:
        with ThreadPoolExecutor(THREADS) as pool:
            start = time.perf_counter()
            results = [*pool.map(calls, range(THREADS))]
            seconds = (time.perf_counter() - start) / (CALLS * THREADS)
        return Result(answer(results[0]), seconds=seconds)

    return work


def prepared(made: Step) -> Work:
    """Call a step once, and return its work in threads."""
    made[0]()
    return by_threads(*made)


def chainrule() -> Work:
    """Prepare chainrule as users call it: with Numba, if that is installed."""
    return prepared(our_step(None))


def chainrule_numpy() -> Work:
    """Prepare chainrule with the NumPy backend."""
    return prepared(our_step("numpy"))


def torch() -> Work:
    """Prepare PyTorch, each of whose calls takes one thread."""
    return prepared(torch_step())


PEERS = {"chainrule": chainrule, "chainrule-numpy": chainrule_numpy, "torch": torch}
ROUNDS = 9
