"""Bytes per node of the graph of `moons_eager`, and what is left after ``del`` without the collector."""

import gc
import tracemalloc
from array import array
from collections.abc import Callable
from typing import Any

from benchmarks import moons
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result


def measured(value: Callable[[float], Any], relu: Callable[[Any], Any]) -> Work:
    """Return the work of building the graph, sweeping it and dropping it."""
    leaves = [value(number) for number in moons.flat(moons.parameters())]
    x, y = (array.tolist() for array in moons.points())

    def loss_with_gradients() -> Any:
        for leaf in leaves:
            leaf.grad = 0.0
        loss = moons.loss_of_scalars(leaves, value, relu, x, y)
        loss.backward()
        return loss

    def step() -> Result:
        # An array, since ints would be counted.
        traced = array("q", [0, 0, 0])
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            # Replaced by the second graph, and so not left over by it: gradients of the leaves, and caches.
            value_of_loss = loss_with_gradients().data
            traced[0] = tracemalloc.get_traced_memory()[0]
            loss = loss_with_gradients()
            traced[1] = tracemalloc.get_traced_memory()[0]
            del loss
            traced[2] = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
            gc.enable()
        nodes = moons.NODES - len(leaves)
        answer = [value_of_loss, *(leaf.grad for leaf in leaves)]
        before, used, left = traced
        figures = {"bytes left": float(left - before)}
        return Result(answer, nodes=nodes, bytes_a_node=(used - before) / nodes, figures=figures)

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
