"""The step of `moons_eager` with our package `nn`, which makes one node of each sum of products."""

from benchmarks import moons
from benchmarks.cases import moons_eager
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result


def chainrule() -> Work:
    """Prepare chainrule's networks."""
    from autograd import dot
    from autograd.engine.graph import nodes
    from nn import MLP, losses

    x, y = moons.points()
    model = MLP(moons.SIZES[0], moons.SIZES[1:], "relu", rng=0)
    neurons = [neuron for layer in model.layers for neuron in layer.neurons]
    leaves = [leaf for neuron in neurons for leaf in (neuron.b, *neuron.w)]
    for leaf, number in zip(leaves, moons.flat(moons.parameters()), strict=True):
        leaf.data = number
    count = len(nodes(losses.hinge(model(x), y) + moons.L2 * dot(leaves, leaves)))

    def step() -> Result:
        model.zero_grad()
        loss = losses.hinge(model(x), y) + moons.L2 * dot(leaves, leaves)
        loss.backward()
        return Result([loss.data, *(leaf.grad for leaf in leaves)], nodes=count)

    return step


PEERS = moons_eager.PEERS | {"chainrule": chainrule}
ROUNDS = 9
