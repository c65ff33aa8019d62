"""The demo of micrograd: an MLP 2-16-16-1, 100 points, hinge loss with an L2 penalty, one full-batch step.

The same program is written twice: with scalars, as a user of micrograd writes it, and with arrays.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

SIZES = (2, 16, 16, 1)
L2 = 1e-4

Arrays = list[tuple[Any, Any]]


def points(half: int = 50) -> tuple[Any, Any]:
    """Return inputs in rows, as many of either class, and targets of -1 and 1."""
    rng = np.random.default_rng(7)
    angles, labels = np.linspace(0.0, np.pi, half), np.repeat([-1.0, 1.0], half)
    upper = np.column_stack([np.cos(angles), np.sin(angles)])
    lower = np.column_stack([1.0 - np.cos(angles), 0.5 - np.sin(angles)])
    return np.concatenate([upper, lower]) + rng.normal(0.0, 0.1, (2 * half, 2)), labels


def parameters() -> Arrays:
    """Return weights and biases of each layer."""
    rng = np.random.default_rng(8)
    pairs = pairwise(SIZES)
    return [(rng.uniform(-1.0, 1.0, (n, m)), rng.uniform(-0.1, 0.1, n)) for m, n in pairs]


def flat(arrays: Arrays) -> list[float]:
    """Return all numbers, a neuron's bias before its weights."""
    return list(map(float, leaves_of(arrays)))


def outputs_of_arrays(arrays: Arrays, x: Any, relu: Callable[[Any], Any]) -> Any:
    """Return the network's outputs from arrays of any library that supports ``@``."""
    for i, (w, b) in enumerate(arrays):
        x = x @ w.T + b
        if i < len(arrays) - 1:
            x = relu(x)
    return x


def loss_of_arrays(arrays: Arrays, x: Any, y: Any, relu: Callable[[Any], Any]) -> Any:
    """Return the loss from arrays of any library that supports ``@`` and ``.sum()``."""
    scores = outputs_of_arrays(arrays, x, relu)[:, 0]
    data_loss = relu(1.0 - y * scores).sum() * (1.0 / len(y))
    return data_loss + L2 * sum((w * w).sum() + (b * b).sum() for w, b in arrays)


def layers_of(leaves: list[Any]) -> list[list[list[Any]]]:
    """Return flat parameters as layers of neurons, each a bias and weights."""
    layers, at = [], 0
    for before, after in pairwise(SIZES):
        layers.append([leaves[at + j * (before + 1) : at + (j + 1) * (before + 1)] for j in range(after)])
        at += (before + 1) * after
    return layers


def loss_of_scalars(
    leaves: list[Any],
    make: Callable[[float], Any],
    relu: Callable[[Any], Any],
    x: list[list[float]],
    y: list[float],
) -> Any:
    """Return the loss from scalars of any library that supports ``+`` and ``*``."""
    layers = layers_of(leaves)
    scores = []
    for row in x:
        values = [make(number) for number in row]
        for i, layer in enumerate(layers):
            values = [
                sum((w * v for w, v in zip(weights, values, strict=True)), bias) for bias, *weights in layer
            ]
            if i < len(layers) - 1:
                values = [relu(v) for v in values]
        scores.append(values[0])
    losses = [relu(1 + -target * score) for target, score in zip(y, scores, strict=True)]
    # The number first: micrograd-rust multiplies its nodes by numbers in this order only.
    data_loss = (1.0 / len(losses)) * sum(losses)
    return data_loss + L2 * sum(p * p for p in leaves)


def leaves_of(layers: Any) -> list[Any]:
    """Return the numbers of the arrays that `parameters` returns, a neuron's bias before its weights."""
    return [leaf for w, b in layers for row, bias in zip(w, b, strict=True) for leaf in (bias, *row)]


def loss_of_layers(layers: Any, x: Any, y: Any) -> Any:
    """Return the loss in chainrule's scalars from the arrays that `parameters` returns."""
    from autograd import relu

    return loss_of_scalars(leaves_of(layers), lambda number: number, relu, x, y)


def _count_nodes() -> int:
    """Return the nodes of the graph: one for each operation, and the leaves."""
    products = sum(m * n for m, n in pairwise(SIZES))
    neurons, hidden = sum(SIZES[1:]), sum(SIZES[1:-1])
    parameters = products + neurons
    # For each sample: its inputs, a product and a sum per weight, the ReLUs, and four for the hinge.
    per_sample = SIZES[0] + 2 * products + hidden + 4
    # A square and a sum for each parameter, and three to put the loss together.
    return parameters + 100 * per_sample + 2 * parameters + 3


NODES = _count_nodes()
