"""Whole trainings, each from a fresh model: the time of a call, and of an epoch in the long run."""

import atexit
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from benchmarks.cases.moons_eager import Work
from benchmarks.moons import Arrays
from benchmarks.result import Result

Start = Callable[[], Callable[[int], float]]
"""Builds a model, and returns what trains it for so many epochs and gives the last loss."""

# The first second of a training is not typical: chainrule moves from NumPy to Numba meanwhile.
LONG = 2.0
MORE = 5


def timed(start: Start, epochs: int) -> tuple[float, float]:
    """Return the time of a training, without building the model, and its last loss."""
    train = start()
    before = time.perf_counter()
    loss = train(epochs)
    return time.perf_counter() - before, loss


def whole(start: Start, epochs: int, forget: Callable[[], None] = lambda: None) -> Work:
    """Return the work of a training, of a first model: `forget` is called before it."""

    def work() -> Result:
        forget()
        seconds, loss = timed(start, epochs)
        again, _ = timed(start, epochs)
        return Result([loss], figures={"ms for the next model": again * 1e3}, seconds=seconds)

    return work


def without_programs() -> Callable[[], None]:
    """Return what makes chainrule forget the programs that it keeps in memory and on disk."""
    from autograd.compiler import findings

    numbers = count()
    directory = tempfile.TemporaryDirectory()
    # Programs are written there until the process ends.
    atexit.register(directory.cleanup)

    def forget() -> None:
        findings.forget()
        os.environ["CHAINRULE_CACHE"] = os.path.join(directory.name, str(next(numbers)))

    return forget


def long_run(start: Start, epochs: int) -> Work:
    """Return the measurement of how much longer a training takes with one more epoch."""

    def work() -> Result:
        more = epochs
        short, loss = timed(start, more)
        while timed(start, more)[0] - short < LONG:
            more *= MORE
        # Once more, since compiled code may come from a cache by now.
        seconds, _ = timed(start, more)
        longer, _ = timed(start, 2 * more)
        return Result([loss], figures={"epochs": more}, seconds=(longer - seconds) / more)

    return work


def network(arrays: Arrays) -> Any:
    """Return our MLP with these weights and biases."""
    from nn import MLP

    model = MLP(arrays[0][0].shape[1], [len(b) for _, b in arrays], "relu")
    for layer, (w, b) in zip(model.layers, arrays, strict=True):
        for neuron, row, bias in zip(layer.neurons, w, b, strict=True):
            for parameter, number in zip((*neuron.w, neuron.b), (*row, bias), strict=True):
                parameter.data = number
    return model


def of_torch(
    arrays: Arrays, loss: Callable[[Any, Any], Any], batches: Callable[[int], Iterator[Any]], lr: float
) -> Callable[[int], float]:
    """Return the training of these arrays in PyTorch: eager, and of one thread."""
    import torch

    from benchmarks import moons

    torch.set_num_threads(1)
    tensors = [(torch.tensor(w, requires_grad=True), torch.tensor(b, requires_grad=True)) for w, b in arrays]
    optimizer = torch.optim.Adam([tensor for layer in tensors for tensor in layer], lr=lr)

    def train(epochs: int) -> float:
        for epoch in batches(epochs):
            losses = []
            for x, y in epoch:
                value = loss(moons.outputs_of_arrays(tensors, x, torch.relu), y)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
                losses.append(value.item() * len(y))
        return float(sum(losses) / sum(len(y) for _, y in epoch))

    return train
