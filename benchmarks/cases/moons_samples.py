"""The step of `moons_eager` as micrograd's demo has it: a model of `nn` is called a sample at a time."""

from collections.abc import Callable
from typing import Any

from benchmarks import moons
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result


def of_model(model: Any, as_input: Callable[[list[float]], Any]) -> Work:
    """Return the step for a model of layers of neurons, and what makes its input of a row of numbers."""
    neurons = [neuron for layer in model.layers for neuron in layer.neurons]
    leaves = [leaf for neuron in neurons for leaf in (neuron.b, *neuron.w)]
    for leaf, number in zip(leaves, moons.flat(moons.parameters()), strict=True):
        leaf.data = number
    x, y = (array.tolist() for array in moons.points())

    def step() -> Result:
        model.zero_grad()
        scores = [model(as_input(row)) for row in x]
        losses = [(1 + -target * score).relu() for target, score in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        loss = data_loss + moons.L2 * sum(p * p for p in model.parameters())
        loss.backward()
        return Result([loss.data, *(leaf.grad for leaf in leaves)])

    return step


def chainrule() -> Work:
    """Prepare chainrule, whose models take numbers."""
    from nn import MLP

    return of_model(MLP(moons.SIZES[0], moons.SIZES[1:], "relu", rng=0), list)


def micrograd() -> Work:
    """Prepare micrograd, whose demo makes a node of each number once, instead of one for each neuron."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    return of_model(
        MLP(moons.SIZES[0], list(moons.SIZES[1:]), "relu"), lambda row: [Value(number) for number in row]
    )


PEERS = {"chainrule": chainrule, "micrograd": micrograd}
ROUNDS = 9
