"""One sum over 1,000,000 leaves."""

from benchmarks.cases.moons_eager import Work
from benchmarks.cases.shapes import SIZE
from benchmarks.result import Result


def chainrule() -> Work:
    """Prepare chainrule: one node for the sum."""
    from autograd import Value
    from autograd import sum as sum_of

    def step() -> Result:
        leaves = [Value(1.0) for _ in range(SIZE)]
        y = sum_of(leaves)
        y.backward()
        return Result([y.data, sum(leaf.grad for leaf in leaves)], nodes=SIZE + 1)

    return step


def micrograd() -> Work:
    """Prepare micrograd, whose sum is a chain."""
    from micrograd.engine import Value

    def step() -> Result:
        leaves = [Value(1.0) for _ in range(SIZE)]
        y = sum(leaves)
        y.backward()
        return Result([y.data, sum(leaf.grad for leaf in leaves)])

    return step


def torch() -> Work:
    """Prepare PyTorch, whose leaves are one tensor."""
    import torch

    torch.set_num_threads(1)

    def step() -> Result:
        leaves = torch.ones(SIZE, dtype=torch.float64, requires_grad=True)
        y = leaves.sum()
        y.backward()
        assert leaves.grad is not None
        return Result([y.item(), leaves.grad.sum().item()])

    return step


PEERS = {"chainrule": chainrule, "micrograd": micrograd, "torch": torch}
ROUNDS = 3
