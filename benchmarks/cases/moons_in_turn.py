"""The step of `moons_jit` where other programs run in between, so that the caches are cold.

In the process of each peer, the steps of all of them that are installed take turns; the time is its own.
"""

import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

from benchmarks.cases.moons_eager import Step, Work, jax_step, torch_step
from benchmarks.cases.moons_jit import our_step
from benchmarks.result import Result

TURNS = 500
STEPS: dict[str, Callable[[], Step]] = {
    "chainrule": lambda: our_step(None),
    "torch": torch_step,
    "jax": jax_step,
}


def among_others(peer: str) -> Work:
    """Return a function in which a peer and the others take turns."""
    steps = {name: make() for name, make in STEPS.items() if name in (peer, "chainrule") or find_spec(name)}
    for step, _ in steps.values():
        step()

    def work() -> Result:
        times = []
        for _ in range(TURNS):
            for name, (step, _) in steps.items():
                start = time.perf_counter()
                # What it returns is dropped before the time ends: nobody pays for the results of another.
                step()
                seconds = time.perf_counter() - start
                if name == peer:
                    times.append(seconds)
        step, answer = steps[peer]
        return Result(answer(step()), seconds=median(times))

    return work


def chainrule() -> Work:
    """Prepare chainrule."""
    return among_others("chainrule")


def torch() -> Work:
    """Prepare PyTorch."""
    return among_others("torch")


def jax() -> Work:
    """Prepare JAX."""
    return among_others("jax")


PEERS = {"chainrule": chainrule, "torch": torch, "jax": jax}
ROUNDS = 9
