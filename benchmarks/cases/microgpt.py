"""A training step of microgpt: its loops and its Adam, on our nodes and on its own."""

import time
from typing import Any

from benchmarks import microgpt as script
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

DOCUMENT = "isabella"


def of_nodes(make: Any) -> Work:
    """Return the first step of a training, from new parameters each time."""

    def step() -> Result:
        model = script.model_of(make)
        count = len(script.parameters_of(model))
        means, squares = [0.0] * count, [0.0] * count
        start = time.perf_counter()
        loss = script.train(model, DOCUMENT, means, squares, 0)
        seconds = time.perf_counter() - start
        # After the first step, the means are the gradient, times a constant.
        answer = [loss, *means, *(parameter.data for parameter in script.parameters_of(model))]
        return Result(answer, seconds=seconds)

    return step


def chainrule() -> Work:
    """Prepare chainrule."""
    from autograd import Value

    return of_nodes(Value)


def microgpt() -> Work:
    """Prepare the nodes of the script itself."""
    from benchmarks.microgpt_nodes import ScriptNode

    return of_nodes(ScriptNode)


PEERS = {"chainrule": chainrule, "microgpt": microgpt}
ROUNDS = 9
