"""Bytes per node of the graph of `moons_eager`, and what is left after ``del`` without the collector."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

from benchmarks import moons
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result


def measured(value: Callable[[float], Any], relu: Callable[[Any], Any]) -> Work:
    """Return the work of building the graph, sweeping it and dropping it."""
    leaves = [value(number) for number in moons.flat(moons.parameters())]
    x, y = (array.tolist() for array in moons.points())

    def step() -> Result:
        for leaf in leaves:
            leaf.grad = 0.0
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            loss = moons.loss_of_scalars(leaves, value, relu, x, y)
            loss.backward()
            used = tracemalloc.get_traced_memory()[0]
            value_of_loss = loss.data
            del loss
            # The gradients that the leaves hold are not left over.
            left = tracemalloc.get_traced_memory()[0] - 24 * len(leaves)
        finally:
            tracemalloc.stop()
            gc.enable()
        nodes = moons.NODES - len(leaves)
        answer = [value_of_loss, *(leaf.grad for leaf in leaves)]
        return Result(answer, nodes=nodes, bytes_a_node=used / nodes, figures={"bytes left": left})

    return step


def chainrule() -> Work:
    """Prepare chainrule."""
    from autograd import Value

    return measured(Value, Value.relu)


def micrograd() -> Work:
    """Prepare micrograd."""
    from micrograd.engine import Value

    return measured(Value, Value.relu)


PEERS = {"chainrule": chainrule, "micrograd": micrograd}
ROUNDS = 3
