"""An epoch, in the long run, on scikit-learn's 1,797 digits: MLP 64-32-10, Adam, batches of 128."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from benchmarks.cases import fitting
from benchmarks.cases.fitting import Start
from benchmarks.cases.moons_eager import Work
from benchmarks.moons import Arrays

SIZES = (64, 32, 10)
BATCH = 128
LR = 0.001
EPOCHS = 2
SEED = 11


def digits() -> tuple[Any, Any]:
    """Return inputs from 0 to 1 and classes."""
    from sklearn.datasets import load_digits

    inputs, classes = load_digits(return_X_y=True)
    return inputs / 16.0, classes


def parameters() -> Arrays:
    """Return weights and biases of each layer."""
    import numpy as np

    rng = np.random.default_rng(12)
    return [(rng.normal(0.0, (2.0 / m) ** 0.5, (n, m)), np.zeros(n)) for m, n in pairwise(SIZES)]


def chainrule() -> Start:
    """Prepare chainrule's `fit`."""
    import nn

    x, y = digits()

    def start() -> Callable[[int], float]:
        model = fitting.network(parameters())
        optimizer = nn.optimizers.Adam(model.parameters(), lr=LR)

        def train(epochs: int) -> float:
            history = nn.fit(
                model,
                x,
                y,
                loss=nn.losses.cross_entropy,
                optimizer=optimizer,
                epochs=epochs,
                batch_size=BATCH,
                rng=SEED,
                verbose=0,
            )
            return history.loss[-1]

        return train

    return start


def torch() -> Start:
    """Prepare PyTorch, with the samples in the order that chainrule's `fit` draws."""
    import numpy as np
    import torch

    x, y = (torch.tensor(array) for array in digits())

    def batches(epochs: int) -> Iterator[Any]:
        rng = np.random.default_rng(SEED)
        for _ in range(epochs):
            order = torch.from_numpy(rng.permutation(len(x)))
            yield [(x[rows], y[rows]) for rows in order.split(BATCH)]

    return lambda: fitting.of_torch(parameters(), torch.nn.functional.cross_entropy, batches, LR)


def long_run(prepare: Callable[[], Start]) -> Callable[[], Work]:
    """Return the preparation of two trainings."""
    return lambda: fitting.long_run(prepare(), EPOCHS)


PEERS = {"chainrule": long_run(chainrule), "torch": long_run(torch)}
ROUNDS = 3
