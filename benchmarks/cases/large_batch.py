"""A training step on 1,000,000 samples, on one core: value, all gradients, and the step of gradient descent.

The network is that of `moons`, 2-16-16-1, with its hinge loss and penalty; arguments and results are not
converted. Each peer is kept on its cores by the operating system, since flags alone do not: XLA begins a
second thread in spite of its own.
"""

import os
import time
from collections.abc import Callable
from typing import Any

from benchmarks.result import Result

Work = Callable[[], Result]

SAMPLES = 1_000_000
RATE = 0.1

Arrays = list[tuple[Any, Any]]

Step = Callable[[Arrays, Any, Any], tuple[Any, Arrays]]
"""From parameters, inputs and targets to the value and the next parameters."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def stay_on(cores: int) -> None:
    """Keep this process, and the threads that it will begin, on so many cores."""
    os.environ |= dict.fromkeys(_THREADS, str(cores))
    # The flags of the other cases leave XLA one thread.
    os.environ["XLA_FLAGS"] = ""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def loss(layers: Any, x: Any, y: Any, relu: Callable[[Any], Any]) -> Any:
    """Return the loss from arrays of any library that supports ``@`` and ``.sum()``."""
    from benchmarks import moons

    scores = moons.outputs_of_arrays(layers, x, relu)[:, 0]
    data_loss = relu(1.0 - y * scores).sum() / len(y)
    return data_loss + moons.L2 * sum((w * w).sum() + (b * b).sum() for w, b in layers)


def descended(layers: Any, gradients: Any) -> Arrays:
    """Return the parameters after a step."""
    return [(w - RATE * dw, b - RATE * db) for (w, b), (dw, db) in zip(layers, gradients, strict=True)]


def loss_of_sample(layers: Any, x: Any, y: Any) -> Any:
    """Return the hinge of a sample in chainrule."""
    from autograd import relu

    for w, b in layers[:-1]:
        x = relu(w @ x + b)
    w, b = layers[-1]
    return relu(1.0 - y * (w @ x + b)[0])


def loss_of_all(layers: Any, x: Any, y: Any) -> Any:
    """Return the loss of all samples in chainrule."""
    from autograd import vmap
    from benchmarks import moons

    losses = vmap(loss_of_sample, in_axes=(None, 0, 0))(layers, x, y)
    return losses.mean() + moons.L2 * sum((w * w).sum() + (b * b).sum() for w, b in layers)


def training_step(layers: Any, x: Any, y: Any) -> Any:
    """Return the value and the next parameters in chainrule."""
    from autograd import value_and_grad

    value, gradients = value_and_grad(loss_of_all)(layers, x, y)
    return value, descended(layers, gradients)


def ours(backend: str) -> Step:
    """Return the step in chainrule."""
    from autograd import jit

    compiled = jit(training_step, backend)
    if backend != "jax":
        return compiled
    import jax

    return lambda *args: jax.block_until_ready(compiled(*args))


def of_numpy() -> Step:
    """Return the step as one writes it by hand in NumPy."""
    import numpy as np

    from benchmarks import moons

    def step(layers: Arrays, x: Any, y: Any) -> tuple[Any, Arrays]:
        (w1, b1), (w2, b2), (w3, b3) = layers
        h1 = np.maximum(x @ w1.T + b1, 0.0)
        h2 = np.maximum(h1 @ w2.T + b2, 0.0)
        margin = 1.0 - y * (h2 @ w3[0] + b3[0])
        penalty = sum((w * w).sum() + (b * b).sum() for w, b in layers)
        value = np.maximum(margin, 0.0).sum() / len(y) + moons.L2 * penalty
        d3 = np.where(margin > 0.0, -y / len(y), 0.0)
        d2 = np.outer(d3, w3[0]) * (h2 > 0.0)
        d1 = (d2 @ w2) * (h1 > 0.0)
        of_data = [(d1.T @ x, d1.sum(axis=0)), (d2.T @ h1, d2.sum(axis=0)), ((d3 @ h2)[None], d3.sum())]
        pairs = zip(layers, of_data, strict=True)
        l2 = 2.0 * moons.L2
        return value, descended(layers, [(dw + l2 * w, db + l2 * b) for (w, b), (dw, db) in pairs])

    return step


def of_jax() -> Step:
    """Return the step in JAX."""
    import jax

    jax.config.update("jax_enable_x64", True)

    @jax.jit
    def step(layers: Any, x: Any, y: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(layers, x, y, lambda z: jax.numpy.maximum(z, 0.0))
        return value, descended(layers, gradients)

    return lambda *args: jax.block_until_ready(step(*args))


def of_torch(cores: int) -> Step:
    """Return the step in PyTorch, eager as most people write it."""
    import torch

    torch.set_num_threads(cores)

    def step(layers: Any, x: Any, y: Any) -> Any:
        leaves = [leaf.requires_grad_() for layer in layers for leaf in layer]
        value = loss(layers, x, y, torch.relu)
        gradients = iter(torch.autograd.grad(value, leaves))
        with torch.no_grad():
            return value.detach(), descended(layers, [*zip(gradients, gradients, strict=True)])

    return step


def converted(peer: str, arrays: Any) -> Any:
    """Return arrays as those of a library."""
    if peer == "torch":
        import torch

        return torch.from_numpy(arrays)
    if peer in ("jax", "chainrule-jax"):
        import jax

        jax.config.update("jax_enable_x64", True)
        return jax.numpy.array(arrays)
    return arrays


STEPS: dict[str, Callable[[int], Step]] = {
    "chainrule": lambda cores: ours("numba"),
    "chainrule-numpy": lambda cores: ours("numpy"),
    "chainrule-jax": lambda cores: ours("jax"),
    "numpy": lambda cores: of_numpy(),
    "jax": lambda cores: of_jax(),
    "torch": of_torch,
}


def on(cores: int, peer: str, samples: int = SAMPLES) -> Callable[[], Work]:
    """Return the preparation of a peer that uses so many cores, and has compiled before it is measured."""

    def prepare() -> Work:
        # Before anybody loads a library that asks how many threads it may begin.
        stay_on(cores)
        from benchmarks import moons

        x, y = (converted(peer, array) for array in moons.points(samples // 2))
        layers = [(converted(peer, w), converted(peer, b)) for w, b in moons.parameters()]
        step = STEPS[peer](cores)
        step(layers, x, y)
        getattr(step, "wait", lambda: None)()

        def work() -> Result:
            start, busy = time.perf_counter(), time.process_time()
            value, after = step(layers, x, y)
            seconds, busy = time.perf_counter() - start, time.process_time() - busy
            numbers = [(w.tolist(), b.tolist()) for w, b in after]
            figures = {"million samples/s": samples / seconds / 1e6, "cores busy": busy / seconds}
            return Result([float(value), *moons.flat(numbers)], figures=figures, seconds=seconds)

        return work

    return prepare


PEERS = {peer: on(1, peer) for peer in STEPS}
ROUNDS = 5
