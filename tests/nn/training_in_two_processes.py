"""One of two processes that train together, each with its half of the samples; prints what is checked.

Usage: python training_in_two_processes.py PROCESS PORT
"""

from __future__ import annotations

import json
import sys
from typing import Any

import jax
import numpy as np

from autograd import data
from nn import MLP, Dropout, Linear, Sequential, fit
from nn.losses import mse
from nn.optimizers import Adam
from nn.training.compiled_steps import CompiledSteps
from nn.training.samples import samples_of

rng = np.random.default_rng(0)
X, WEIGHTS = rng.normal(size=(30, 3)), rng.uniform(0.5, 2.0, 30)
Y = np.sin(X.sum(axis=1))


def trained(x: Any, y: Any, weights: Any, held_out: Any, **options: Any) -> tuple[list[float], Any]:
    """Return the parameters and the history of a training."""
    model = MLP(3, [5, 1], rng=0)
    common: dict[str, Any] = {"epochs": 4, "metrics": "r2", "rng": 0, "verbose": 0}
    history = fit(
        *(model, x, y),
        loss=mse,
        optimizer=Adam(model, lr=0.05),
        sample_weight=weights,
        **{"validation_data": held_out, **common, **options},
    )
    return data(model.parameters()).tolist(), history.columns()


def trained_alone(batch_size: int) -> list[float]:
    """Return the parameters after steps over the batches that both processes make, by one of NumPy."""
    model, order = MLP(3, [5, 1], rng=0), np.random.default_rng(0)
    steps = CompiledSteps(model, mse, Adam(model, lr=0.05), backend="numpy")
    for _ in range(4):
        own = order.permutation(15)
        for start in range(0, 15, batch_size // 2):
            rows = own[start : start + batch_size // 2]
            both = np.concatenate([rows, 15 + rows])
            steps(samples_of(X[both], Y[both], WEIGHTS[both]))
    steps.write()
    return [float(parameter) for parameter in model.parameters()]


def apart(outputs: Any, _: Any) -> float:
    """Return how far the outputs of one process are from those of the other."""
    return float(np.abs(outputs[:15] - outputs[15:]).max())


def apart_at_random(**together: Any) -> list[float]:
    """Return how far two processes with the same samples are apart that each drop numbers of their own."""
    model = Sequential(Linear(3, 4, rng=0), Dropout(0.5), Linear(4, 1, rng=1))
    history = fit(model, X[:15], Y[:15], loss=mse, epochs=2, metrics=apart, rng=0, verbose=0, **together)
    return history.metrics["apart"]


def refusal(model: MLP, x: Any, y: Any, **options: Any) -> str:
    """Return what is said of processes that differ."""
    try:
        fit(model, x, y, loss=mse, **options)
    except ValueError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    process, port = int(sys.argv[1]), sys.argv[2]
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"localhost:{port}", num_processes=2, process_id=process)
    together: dict[str, Any] = {"backend": "jax", "mesh": jax.make_mesh((4,), ("samples",))}
    half, held_out = slice(15 * process, 15 * process + 15), slice(5 * process, 5 * process + 5)
    own = (X[half], Y[half], WEIGHTS[half], (X[held_out], Y[held_out]))
    alone = (X, Y, WEIGHTS, (X[:10], Y[:10]))
    found = {
        "full batch": (trained(*own, **together), trained(*alone, backend="numpy")),
        "batches": (trained(*own, batch_size=8, **together)[0], trained_alone(8)),
        "at random": apart_at_random(**together),
        "other models": refusal(MLP(3, [1], rng=process), X, Y, **together),
        "other lengths": refusal(MLP(3, [1], rng=0), X[process:], Y[process:], **together),
    }
    print(json.dumps(found))
