"""One step of micrograd's demo, written with ``+`` and ``*``, a graph node for each."""

from collections.abc import Callable
from typing import Any

from benchmarks import moons
from benchmarks.result import Result

Work = Callable[[], Result]
Step = tuple[Callable[[], Any], Callable[[Any], list[float]]]
"""A step, and what makes an answer of its result."""


def of_nodes(value: Any, relu: Callable[[Any], Any]) -> Work:
    """Return the step of an engine whose nodes are called ``Value``."""
    leaves = [value(number) for number in moons.flat(moons.parameters())]
    x, y = (array.tolist() for array in moons.points())

    def step() -> Result:
        for leaf in leaves:
            leaf.grad = 0.0
        loss = moons.loss_of_scalars(leaves, value, relu, x, y)
        loss.backward()
        return Result([loss.data, *(leaf.grad for leaf in leaves)], nodes=moons.NODES)

    return step


def chainrule() -> Work:
    """Prepare chainrule."""
    from autograd import Value

    return of_nodes(Value, Value.relu)


def micrograd() -> Work:
    """Prepare micrograd."""
    from micrograd.engine import Value

    return of_nodes(Value, Value.relu)


def micrograd_rust() -> Work:
    """Prepare micrograd-rust, which has no ReLU."""
    from micrograd_rust import Value

    return of_nodes(Value, lambda v: v if v.data > 0.0 else 0.0 * v)


def xad() -> Work:
    """Prepare XAD, a tape in C++."""
    from xad.adj_1st import Real, Tape

    numbers = moons.flat(moons.parameters())
    x, y = (array.tolist() for array in moons.points())

    def relu(v: Real) -> Real:
        return v if v > 0.0 else 0.0 * v

    def step() -> Result:
        with Tape() as tape:
            leaves = [Real(number) for number in numbers]
            for leaf in leaves:
                tape.registerInput(leaf)
            tape.newRecording()
            loss = moons.loss_of_scalars(leaves, Real, relu, x, y)
            tape.registerOutput(loss)
            loss.setDerivative(1.0)
            tape.computeAdjoints()
            return Result([loss.getValue(), *(leaf.getDerivative() for leaf in leaves)])

    return step


def casadi() -> Work:
    """Prepare CasADi: one sample as SX, mapped over the batch."""
    import casadi
    import numpy as np

    numbers = np.array(moons.flat(moons.parameters()))
    x, y = moons.points()
    p, sample, target = casadi.SX.sym("p", len(numbers)), casadi.SX.sym("x", 2), casadi.SX.sym("y")
    leaves = [p[i] for i in range(len(numbers))]
    values = [sample[0], sample[1]]
    layers = moons.layers_of(leaves)
    for i, layer in enumerate(layers):
        values = [sum((w * v for w, v in zip(ws, values, strict=True)), b) for b, *ws in layer]
        values = [casadi.fmax(v, 0) for v in values] if i < len(layers) - 1 else values
    loss = casadi.fmax(1 - target * values[0], 0)
    outputs = casadi.vertcat(loss, casadi.gradient(loss, p))
    mapped = casadi.Function("f", [p, sample, target], [outputs]).map(len(y))
    repeated = casadi.repmat(casadi.DM(numbers), 1, len(y))
    inputs, targets = casadi.DM(x.T), casadi.DM(y).T

    def step() -> Result:
        mean = np.asarray(mapped(repeated, inputs, targets)).mean(axis=1)
        gradient = mean[1:] + 2.0 * moons.L2 * numbers
        return Result([mean[0] + moons.L2 * float(numbers @ numbers), *gradient.tolist()])

    return step


def torch_step() -> Step:
    """Return a step of PyTorch, eager, with one thread, and what reads its answer."""
    import torch

    torch.set_num_threads(1)
    arrays = [
        (torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True))
        for w, b in moons.parameters()
    ]
    x, y = (torch.tensor(array) for array in moons.points())

    def step() -> Any:
        for layer in arrays:
            for array in layer:
                array.grad = None
        loss = moons.loss_of_arrays(arrays, x, y, torch.relu)
        loss.backward()
        return loss

    return step, lambda loss: [loss.item(), *moons.flat([(w.grad, b.grad) for w, b in arrays])]


def jax_step() -> Step:
    """Return a step of JAX, compiled, and what reads its answer."""
    import jax

    jax.config.update("jax_enable_x64", True)
    x, y = moons.points()
    arrays = moons.parameters()
    compiled = jax.jit(
        jax.value_and_grad(
            lambda arrays, x, y: moons.loss_of_arrays(arrays, x, y, lambda v: jax.numpy.maximum(v, 0.0))
        )
    )
    return (
        lambda: jax.block_until_ready(compiled(arrays, x, y)),
        lambda result: [float(result[0]), *moons.flat(result[1])],
    )


def torch() -> Work:
    """Prepare PyTorch."""
    step, answer = torch_step()
    return lambda: Result(answer(step()))


def jax() -> Work:
    """Prepare JAX."""
    step, answer = jax_step()
    return lambda: Result(answer(step()))


def hips() -> Work:
    """Prepare HIPS autograd, whose import name is ours: in an interpreter of its own."""
    import autograd.numpy as np

    import autograd

    x, y = moons.points()
    arrays = moons.parameters()
    both = autograd.value_and_grad(
        lambda arrays: moons.loss_of_arrays(arrays, x, y, lambda v: np.maximum(v, 0.0) + 0.0)
    )

    def step() -> Result:
        loss, gradient = both(arrays)
        return Result([float(loss), *moons.flat(gradient)])

    return step


PEERS = {
    "chainrule": chainrule,
    "micrograd": micrograd,
    "micrograd-rust": micrograd_rust,
    "xad": xad,
    "casadi": casadi,
    "torch": torch,
    "jax": jax,
    "hips": hips,
}
ROUNDS = 9
