"""A GPT of 4,192 scalar parameters and its training step with Adam, in the manner of Karpathy's microgpt.

The sizes, the arithmetic and the settings of Adam are those of that script, whose own nodes are in
`benchmarks.microgpt_nodes`; it is written with the operations of numbers, so that it runs on any nodes.
"""

import random
from collections.abc import Callable
from itertools import pairwise
from string import ascii_lowercase
from typing import Any

WIDTH = 16
HEADS = 4
CONTEXT = 16
BOUNDARY = len(ascii_lowercase)
"""The token before the first letter of a document and after its last."""

RATE, BETA_1, BETA_2, EPSILON = 0.01, 0.85, 0.99, 1e-8

Row = list[Any]
Matrix = list[Row]
Model = dict[str, Matrix]

SHAPES = {
    "tokens": (BOUNDARY + 1, WIDTH),
    "positions": (CONTEXT, WIDTH),
    **dict.fromkeys(("query", "key", "value", "mix"), (WIDTH, WIDTH)),
    "expand": (4 * WIDTH, WIDTH),
    "contract": (WIDTH, 4 * WIDTH),
    "scores": (BOUNDARY + 1, WIDTH),
}


def model_of(make: Callable[[float], Any]) -> Model:
    """Return the model before its training, with nodes made from numbers."""
    rng = random.Random(11)
    return {
        name: [[make(rng.gauss(0.0, 0.08)) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in SHAPES.items()
    }


def parameters_of(model: Model) -> list[Any]:
    """Return all parameters of a model."""
    return [parameter for matrix in model.values() for row in matrix for parameter in row]


def product(matrix: Matrix, x: Row) -> Row:
    """Return a matrix times a vector."""
    return [sum(w * v for w, v in zip(row, x, strict=True)) for row in matrix]


def added(x: Row, y: Row) -> Row:
    """Return the sum of two vectors."""
    return [a + b for a, b in zip(x, y, strict=True)]


def normalized(x: Row) -> Row:
    """Return a vector divided by the root of the mean of its squares."""
    scale = (sum(v * v for v in x) / len(x) + 1e-5) ** -0.5
    return [v * scale for v in x]


def largest_number(scores: Row) -> Any:
    """Return the largest number of some nodes."""
    return max(score.data for score in scores)


Largest = Callable[[Row], Any]


def softmax(scores: Row, largest: Largest) -> Row:
    """Return probabilities."""
    most = largest(scores)
    powers = [(score - most).exp() for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def attention(query: Row, keys: Matrix, values: Matrix, largest: Largest) -> Row:
    """Return the mean of the values so far, each head weighing its part by the likeness of query and key."""
    size = WIDTH // HEADS
    heads: Row = []
    for start in range(0, WIDTH, size):
        part = slice(start, start + size)
        scores = [sum(q * k for q, k in zip(query[part], key[part], strict=True)) / size**0.5 for key in keys]
        weights = softmax(scores, largest)
        columns = zip(*(value[part] for value in values), strict=True)
        heads += [sum(w * v for w, v in zip(weights, column, strict=True)) for column in columns]
    return heads


def scores_after(
    model: Model, token: int, position: int, keys: Matrix, values: Matrix, largest: Largest
) -> Row:
    """Return the scores of the next token; the keys and values of this position are appended."""
    x = normalized(added(model["tokens"][token], model["positions"][position]))
    y = normalized(x)
    keys.append(product(model["key"], y))
    values.append(product(model["value"], y))
    heads = attention(product(model["query"], y), keys, values, largest)
    x = added(product(model["mix"], heads), x)
    hidden = [v.relu() for v in product(model["expand"], normalized(x))]
    x = added(product(model["contract"], hidden), x)
    return product(model["scores"], x)


def loss_of(model: Model, document: str, largest: Largest = largest_number) -> Any:
    """Return the mean cross-entropy of the letters of a document, each predicted from those before it.

    Scores are shifted by what `largest` returns of them before their exponentials are taken.
    """
    letters = [ascii_lowercase.index(letter) for letter in document]
    keys: Matrix = []
    values: Matrix = []
    losses = []
    for position, (token, target) in enumerate(pairwise([BOUNDARY, *letters, BOUNDARY])):
        probabilities = softmax(scores_after(model, token, position, keys, values, largest), largest)
        losses.append(-probabilities[target].log())
    return (1 / len(losses)) * sum(losses)


def train(model: Model, document: str, means: list[float], squares: list[float], step: int) -> float:
    """Train on a document: one step of Adam on each parameter; return the loss."""
    loss = loss_of(model, document)
    loss.backward()
    for i, parameter in enumerate(parameters_of(model)):
        parameter.data, means[i], squares[i] = adam(
            parameter.data, parameter.grad, means[i], squares[i], step + 1
        )
        parameter.grad = 0
    return float(loss.data)


def adam(parameter: Any, gradient: Any, mean: Any, square: Any, step: Any) -> tuple[Any, Any, Any]:
    """Return a parameter after a step, counted from 1, and its means of gradients and of their squares."""
    mean = BETA_1 * mean + (1 - BETA_1) * gradient
    square = BETA_2 * square + (1 - BETA_2) * gradient**2
    unbiased = mean / (1 - BETA_1**step), square / (1 - BETA_2**step)
    return parameter - RATE * unbiased[0] / (unbiased[1] ** 0.5 + EPSILON), mean, square
