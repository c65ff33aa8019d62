"""What a file may name: the classes and functions that are built and found by name, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

import autograd

from ..activations import ACTIVATIONS, hardmax, softmax
from ..datasets.preprocessing import Preprocessing
from ..datasets.standardizer import Standardizer
from ..initializers import INITIALIZERS
from ..modules.activation_modules import (
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
from ..modules.dropout import Dropout
from ..modules.embedding import Embedding
from ..modules.flatten import Flatten
from ..modules.linear import Linear
from ..modules.module import Module
from ..modules.neurons import MLP, Layer, Neuron
from ..modules.sequential import Sequential


def _of_layers(n_in: int, sizes: list[int]) -> int:
    # A negative size, which the constructor refuses, must not make up for a large one before it.
    widths = [max(0, width) for width in (n_in, *sizes)]
    return sum(after * (before + 1) for before, after in pairwise(widths))


def _of_neuron(n_in: int, n_out: int = 1, **_: Any) -> int:
    # It draws first weights as a layer of so many does, and takes those of one: 800 MB for 10^8.
    if not n_in * n_out <= _MOST_DRAWN:
        raise ValueError(f"its Neuron would draw its weights among those of {n_out:,}")
    return _of_layers(n_in, [1])


_MOST_DRAWN = 2**24

MODULES: Mapping[type[Module], Callable[..., int]] = {
    Neuron: _of_neuron,
    Layer: lambda n_in, n_out, **_: _of_layers(n_in, [n_out]),
    MLP: lambda n_in, sizes, **_: _of_layers(n_in, list(sizes)),
    Linear: lambda in_features, out_features, bias=True, **_: max(0, out_features) * (in_features + bias),
    Embedding: lambda num_embeddings, embedding_dim, **_: max(0, num_embeddings) * max(0, embedding_dim),
    **dict.fromkeys((Sequential, Dropout, Flatten, ReLU, LeakyReLU, ELU, GELU), lambda **_: 0),
    **dict.fromkeys((SiLU, Softplus, Sigmoid, Softmax, Tanh), lambda **_: 0),
}
"""The modules of `nn`, each with how many parameters of its own it gets from its arguments."""

PREPROCESSING: Mapping[type, tuple[Callable[[Any], dict[str, Any]], Callable[[dict[str, Any]], Any]]] = {
    Standardizer: (lambda item: {"mean": item.mean, "scale": item.scale}, lambda data: Standardizer(**data)),
    Preprocessing: (Preprocessing.to_dict, Preprocessing.from_dict),
}
"""What prepares inputs, each with how it becomes a dict, and is made of one."""

_ROWS = [name for name, op in autograd.OPS.items() if hasattr(autograd, name)]

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{f"numpy.{name}": getattr(np, name) for name in _ROWS if isinstance(getattr(np, name, None), np.ufunc)},
    **{f"autograd.{name}": getattr(autograd, name) for name in _ROWS},
    **{f"nn.initializers.{name}": f for name, f in INITIALIZERS.items()},
    **{
        f"nn.activations.{function.__name__}": function
        for function in (*ACTIVATIONS.values(), softmax, hardmax)
    },
}
"""Functions by their public names."""

NAMES: Mapping[int, str] = {id(function): name for name, function in FUNCTIONS.items()}
"""The public name of each function, by its identity."""
