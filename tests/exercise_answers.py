"""The right answers to the exercises of the notebooks, and wrong ones.

``python tests/exercise_answers.py`` writes `notebooks/exercises.json`, which holds digests of them.
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

FOLDER = Path(__file__).parent.parent / "notebooks"


class Exercise(NamedTuple):
    """An exercise: its answer, mistakes that one makes, what helps then, and where a function is tried."""

    answer: Any
    mistakes: tuple[Any, ...]
    hint: str
    arguments: tuple[tuple[Any, ...], ...] = ()


def sigmoid(z: Any) -> Any:
    """Return 1 / (1 + e^-z)."""
    return 1.0 / (1.0 + np.exp(-z))


def tanh_gradient(a: float, b: float) -> tuple[float, float]:
    """Return the gradient of a tanh(ab)."""
    t = np.tanh(a * b)
    return t + a * b * (1 - t**2), a**2 * (1 - t**2)


def neuron_backward(w: float, x: float, b: float, y: float) -> tuple[float, float, float]:
    """Return the gradient of ½(σ(wx + b) - y)² by w, b and x."""
    a = sigmoid(w * x + b)
    dz = (a - y) * a * (1 - a)
    return dz * x, dz, dz * w


def layer_backward(x: Any, w: Any, g: Any) -> tuple[Any, Any, Any]:
    """Return the gradients by X, W and b of a layer XWᵀ + b."""
    return g @ w, g.T @ x, g.sum(axis=0)


def logistic_step(*given: float) -> tuple[float, float, float]:
    """Return w1, w2, b after a step of gradient descent on the cross entropy of one sample."""
    w1, w2, b, x1, x2, y, rate = given
    dz = sigmoid(w1 * x1 + w2 * x2 + b) - y
    return w1 - rate * dz * x1, w2 - rate * dz * x2, b - rate * dz


def relu_layer_backward(da: Any, z: Any, a_prev: Any, w: Any) -> tuple[Any, Any, Any]:
    """Return dW, db and dA of the layer before (D7)."""
    dz = da * (z > 0)
    return dz @ a_prev.T / z.shape[1], dz.sum(axis=1, keepdims=True) / z.shape[1], w.T @ dz


def logistic_gradient(w: Any, b: float, x: Any, y: Any) -> tuple[Any, Any]:
    """Return dw and db of the logistic neuron with samples in columns (D3)."""
    dz = sigmoid(w @ x + b) - y
    return x @ dz / len(y), dz.mean()


def softmax(z: Any) -> Any:
    """Return the softmax of an array."""
    return np.exp(z) / np.exp(z).sum()


def one_head(query: Any, keys: Any, values: Any) -> Any:
    """Return what a head of attention tells."""
    return softmax(keys @ query / len(query) ** 0.5) @ values


def cross_entropy_of(z: Any, k: int) -> float:
    """Return the cross entropy of logits, which may be large."""
    return float(np.log(np.exp(z - z.max()).sum()) + z.max() - z[k])


EXERCISES = {
    "1.1": Exercise([9.0, 2.0], ([5.0, 2.0], [9.0], "x"), "two arrows leave x."),
    "1.2": Exercise(8, (3, 6), "each v = v * v has two arrows, so it doubles the number."),
    "1.3": Exercise(
        tanh_gradient,
        (lambda a, b: (np.tanh(a * b), a**2), lambda a, b: tanh_gradient(b, a), lambda a, b: 1 / 0),
        "a is used twice, before the tanh and in it.",
        ((0.5, 1.0), (-1.2, 0.3), (2.0, -0.7)),
    ),
    "2.1": Exercise(-0.7788007830714049, (0.7788, -1.0), "the outer factor is y itself, the inner one -2x."),
    "2.2": Exercise([5.0, 0.0, 10.0], ([5, 0, 5], [-5, 0, -10]), "z = 10, and dz = ŷ - y."),
    "2.3": Exercise(
        neuron_backward,
        (lambda w, x, b, y: (0.0, 0.0, 0.0), lambda w, x, b, y: (sigmoid(w * x + b) - y,) * 3),
        "dz = (a - y) · a (1 - a), and all three use it.",
        ((0.5, 0.8, 0.1, 1.0), (-1.0, 2.0, 0.5, 0.0)),
    ),
    "3.1": Exercise([[4, 1], [1, 3]], ([[4, 1], [1, 2]], [4, 1]), "row i is the gradient of function i."),
    "3.2": Exercise(210, (105, 42), "the derivative of each term is 2 (x z) x."),
    "3.3": Exercise(
        layer_backward,
        (lambda x, w, g: (g @ w, g.T @ x, g.mean(axis=0)), lambda x, w, g: (g, w, x)),
        "∂L/∂X has the shape of X: G is samples × outputs, and W outputs × inputs.",
        (
            ([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], [[0.2, -0.4]], [[1.0], [-2.0], [0.5]]),
            ([[1.0, 2.0]], [[0.2, -0.4], [1.5, 0.3], [0.0, 1.0]], [[1.0, -2.0, 0.25]]),
        ),
    ),
}

EXERCISES |= {
    "4.1": Exercise(3.92, (4.4, 2.75), "each step takes a fifth of the distance to 2."),
    "4.2": Exercise([4 / 3, 0.0], ([10 / 3, -8 / 3], [2, 0]), "the third sample is not active; e = (-2, 2)."),
    "4.3": Exercise(
        logistic_step,
        (lambda w1, w2, b, x1, x2, y, rate: logistic_step(w1, w2, b, x1, x2, 1 - y, rate),),
        "each parameter moves by -rate · (a - y) · what it is multiplied by.",
        ((0.3, -0.2, 0.1, 1.5, 2.0, 1.0, 0.5), (-1.0, 0.4, 0.0, 0.2, -0.6, 0.0, 2.0)),
    ),
    "5.1": Exercise(54, (43, 3 * 5 * 4 * 2), "each neuron has a weight for each input, and a bias."),
    "5.2": Exercise([-0.125, -0.25, -0.5], ([-0.25, -0.5, -1.0],), "z = 0, so σ = 1/2 and σ' = 1/4."),
    "5.3": Exercise(
        relu_layer_backward,
        (
            lambda da, z, a, w: (da @ a.T / z.shape[1], da.mean(axis=1), w.T @ da),
            lambda da, z, a, w: (da * (z > 0) @ a.T, (da * (z > 0)).sum(axis=1), w.T @ (da * (z > 0))),
        ),
        "dZ = dA where Z > 0, else 0; dW and db are divided by m, dA_prev is not.",
        (
            (
                [[1.0, -2.0, 0.5], [0.3, 0.7, -1.0]],
                [[0.5, -0.1, 2.0], [-1.0, 0.2, 0.0]],
                [[1.0, 2.0, -1.0], [0.0, 0.5, 3.0]],
                [[0.4, -0.6], [1.1, 0.9]],
            ),
        ),
    ),
    "6.1": Exercise([0.25, 0.75], ([0.5, 0.5], [1, 3]), "t = (1, 3)."),
    "6.2": Exercise([0.7, 0.2, -0.9], ([0.7, 0.2, 0.1], [-0.3, 0.2, 0.1]), "it is a - y, and y = (0, 0, 1)."),
    "6.3": Exercise(
        cross_entropy_of,
        (lambda z, k: -z[k], lambda z, k: -np.log(np.exp(z)[k] / np.exp(z).sum() + 1e-9)),
        "subtract the largest z first; what is left under the logarithm is at least 1.",
        (([5.0, 2.0, -1.0, 3.0], 1), ([1000.0, 0.0], 1), ([-2000.0, -2001.0], 0)),
    ),
}

EXERCISES |= {
    "7.1": Exercise([16, 8], ([8, 16], [16, 100]), "the gradient has the shape of what it belongs to."),
    "7.2": Exercise(400, (4 * 2 + 50, 200), "once for each sample, each neuron and each input."),
    "7.3": Exercise(
        logistic_gradient,
        (
            lambda w, b, x, y: (x @ (sigmoid(w @ x + b) - y), (sigmoid(w @ x + b) - y).sum()),
            lambda w, b, x, y: (x @ (y - sigmoid(w @ x + b)) / len(y), (y - sigmoid(w @ x + b)).mean()),
        ),
        "Z = w @ X + b, dZ = A - Y, and both are divided by m.",
        (([0.4, -0.7], 0.2, [[1.0, 2.0, -1.0], [0.5, -0.3, 2.0]], [1.0, 0.0, 1.0]),),
    ),
    "8.1": Exercise([[24, 12], [12, 2]], ([[24, 12], [12, 4]],), "∂f/∂x = 3x²y², and ∂f/∂y = 2x³y."),
    "8.2": Exercise(1.2962962962962963, (1.7037, 1.5), "x - (x³ - 2)/(3x²)."),
    "8.3": Exercise(
        lambda x: (4 * x**2 - 2) * np.exp(-(x**2)),
        (lambda x: -2 * x * np.exp(-(x**2)), lambda x: 4 * x**2 * np.exp(-(x**2))),
        "the first derivative is a product, -2x · e^(-x²).",
        ((0.0,), (0.5,), (-1.3,)),
    ),
}

EXERCISES |= {
    "9.1": Exercise(4192, (4064, 8128), "only the embeddings of the positions become more."),
    "9.2": Exercise(
        math.log(4), (0.25, math.log(27)), "each of the four has the probability 1/4, and j = -log a."
    ),
    "9.3": Exercise(
        one_head,
        (
            lambda query, keys, values: values.mean(axis=0),
            lambda query, keys, values: softmax(keys @ query) @ values,
        ),
        "first the numbers keys @ query / √n, then their softmax, then a weighted sum of the rows of values.",
        (([1.0, -2.0], [[0.5, 0.1], [1.0, -1.0]], [[1.0, 2.0], [3.0, -1.0]]),),
    ),
}


def module_of(name: str) -> ModuleType:
    """Import a module of the notebooks' folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored(digests: Callable[..., list[str]]) -> dict[str, Any]:
    """Return what `exercises.json` holds of the exercises."""
    return {
        name: {"hint": exercise.hint, "digests": digests(name, exercise.answer, exercise.arguments)}
        | ({"arguments": exercise.arguments} if exercise.arguments else {})
        for name, exercise in EXERCISES.items()
    }


if __name__ == "__main__":
    found = json.dumps(stored(module_of("answers").digests), indent=1, ensure_ascii=False)
    (FOLDER / "exercises.json").write_text(found + "\n", encoding="utf-8")
