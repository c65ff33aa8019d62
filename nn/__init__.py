"""Neurons, layers, losses and training on `autograd.Value`s.

Examples
--------
>>> from nn import MLP, losses
>>> model = MLP(2, [4, 1], rng=0)
>>> loss = losses.mse(model([[0.0, 1.0], [1.0, 0.0]]), [1.0, 0.0])
>>> model.zero_grad()
>>> loss.backward()
>>> for p in model.parameters():
...     p.data -= 0.1 * p.grad
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import autograd

# HIPS autograd has the import name of ours, and installed after it, takes its place.
if not hasattr(autograd, "Value"):
    raise ImportError(
        f"expected the autograd of chainrule in {autograd.__path__[0]}, got files of HIPS autograd, "
        "or not all of ours: pip uninstall autograd, then pip install --force-reinstall chainrule"
    )

from . import activations, datasets, export, initializers, losses, metrics, optimizers, plots, saving
from .losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, HingeLoss, HuberLoss, L1Loss, MSELoss
from .modules.activation_modules import (
    ELU,
    GELU,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .modules.dropout import Dropout
from .modules.embedding import Embedding
from .modules.flatten import Flatten
from .modules.linear import Linear
from .modules.module import Module
from .modules.neurons import MLP, Layer, Neuron
from .modules.sequential import Sequential
from .optimizers import schedules
from .optimizers.clipping import clip_grad_norm_, clip_grad_value_
from .saving.models import load, save
from .training.callbacks import Callback, Training
from .training.early_stopping import EarlyStopping
from .training.history import History
from .training.loop import fit

__all__ = [
    "ELU",
    "GELU",
    "MLP",
    "BCELoss",
    "BCEWithLogitsLoss",
    "Callback",
    "CrossEntropyLoss",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Flatten",
    "HingeLoss",
    "History",
    "HuberLoss",
    "L1Loss",
    "Layer",
    "LeakyReLU",
    "Linear",
    "MSELoss",
    "Module",
    "Neuron",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "Training",
    "activations",
    "clip_grad_norm_",
    "clip_grad_value_",
    "datasets",
    "export",
    "fit",
    "initializers",
    "load",
    "losses",
    "metrics",
    "optimizers",
    "plots",
    "save",
    "saving",
    "schedules",
]


if TYPE_CHECKING:
    from . import sklearn as sklearn
else:  # To a type checker, any name would be there.

    def __getattr__(name: str) -> Any:
        # Loaded when first used, since scikit-learn takes a second, and may not be installed.
        if name != "sklearn":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(".sklearn", __name__)
