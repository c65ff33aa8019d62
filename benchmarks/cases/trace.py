"""The first call of a compiled function: tracing and compiling the scalar loops of the demo's loss."""

import time
from collections.abc import Callable
from typing import Any

from benchmarks import moons
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

# With so many points of either class, the graph of the loss has 1,000,000 operations.
MANY = 775


def chainrule() -> Work:
    """Prepare chainrule."""
    import resource

    from autograd import jit, value_and_grad

    def first_call(function: Callable[..., Any], half: int) -> tuple[float, Any]:
        arguments = moons.parameters(), *moons.points(half)
        start = time.perf_counter()
        result = jit(function, backend="numpy")(*arguments)
        return time.perf_counter() - start, result

    def step() -> Result:
        seconds, value = first_call(moons.loss_of_layers, 50)
        million, _ = first_call(moons.loss_of_layers, MANY)
        # Before the gradient, whose graph is three times as large.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        with_gradient, _ = first_call(value_and_grad(moons.loss_of_layers), 50)
        figures = {"s of 1e6 operations": million, "peak GiB": peak, "s with gradient": with_gradient}
        return Result([value], nodes=moons.NODES, figures=figures, seconds=seconds)

    return step


PEERS = {"chainrule": chainrule}
ROUNDS = 1
