"""Trainings on up to 8 devices of JAX, in a process that is made to have as many; prints what is checked."""

from __future__ import annotations

import json
from typing import Any

import jax
import numpy as np

from autograd import data
from nn import MLP, fit
from nn.losses import mse
from nn.optimizers import Adam

rng = np.random.default_rng(0)
X, WEIGHTS = rng.normal(size=(45, 3)), rng.uniform(0.5, 2.0, 45)
Y = np.sin(X.sum(axis=1))

# 45 samples make batches of 16, 16 and 13, and of 45: no number of devices above 1 divides the last ones.
TRAININGS: dict[str, dict[str, Any]] = {
    "batches": {"batch_size": 16},
    "full batch": {"sample_weight": WEIGHTS, "metrics": "r2"},
}


def trained(**options: Any) -> tuple[list[float], dict[str, list[float]]]:
    """Return the parameters and the history of a training."""
    model = MLP(3, [5, 1], rng=0)
    held_out = (X[:7] + 0.5, Y[:7])
    common: dict[str, Any] = {"epochs": 4, "validation_data": held_out, "rng": 0, "verbose": 0}
    history = fit(model, X, Y, loss=mse, optimizer=Adam(model, lr=0.05), **common, **options)
    return data(model.parameters()).tolist(), history.columns()


def refusal() -> str:
    """Return what is said of a batch that 8 devices cannot share."""
    try:
        trained(batch_size=20, backend="jax", mesh=jax.make_mesh((8,), ("samples",)))
    except ValueError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    devices = jax.devices()
    meshes = {str(n): jax.make_mesh((n,), ("samples",), devices=devices[:n]) for n in (2, 8)}
    meshes["4 x 2"] = jax.make_mesh((4, 2), ("samples", "copies"))
    found = {
        name: [
            trained(backend="numpy", **TRAININGS[name]),
            *(trained(backend="jax", mesh=meshes.get(which), **TRAININGS[name]) for which in chosen),
        ]
        for name, chosen in {"batches": ["1", "2", "8"], "full batch": ["4 x 2"]}.items()
    }
    print(json.dumps({"found": found, "refusal": refusal()}))
