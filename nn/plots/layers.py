"""Parameters by the layer that they belong to."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from autograd import Value

from ..modules.module import Module

# The end of the name of a layer's neuron, and the indices at the end of a parameter's name.
_NEURON = re.compile(r"(?:^|\.)neurons\.(\d+)$")
_INDICES = re.compile(r"\[([\d, ]+)\]$")

Placed = dict[tuple[int, ...], Value]
"""The parameters of an attribute by their indices, of which the first is that of the neuron."""


def by_layer(model: Module) -> dict[str, dict[str, Placed]]:
    """Return the parameters by layer, and in it by attribute: those of its neurons are one.

    Examples
    --------
    >>> from nn import MLP
    >>> layers = by_layer(MLP(2, [3, 1], rng=0))
    >>> {layer: {name: len(found) for name, found in own.items()} for layer, own in layers.items()}
    {'layers.0': {'w': 6, 'b': 3}, 'layers.1': {'w': 3, 'b': 1}}
    """
    layers: dict[str, dict[str, Placed]] = {}
    for name, parameter in model.named_parameters():
        path, _, own = name.rpartition(".")
        neuron, indices = _NEURON.search(path), _INDICES.search(own)
        place = [neuron[1]] if neuron else []
        if indices:
            place += indices[1].split(", ")
        attributes = layers.setdefault(_NEURON.sub("", path) or type(model).__name__, {})
        attributes.setdefault(_INDICES.sub("", own), {})[tuple(map(int, place))] = parameter
    return layers


def matrix_of(placed: Placed) -> npt.NDArray[np.float64] | None:
    """Return the numbers of an attribute as a matrix with a row for each output.

    One index is that of an input, for a single row. None for a single number, and for more dimensions.

    Examples
    --------
    >>> from nn import MLP
    >>> matrix_of(by_layer(MLP(2, [3, 1], rng=0))["layers.0"]["w"]).shape
    (3, 2)
    """
    (count, *others) = {len(place) for place in placed}
    if others or count not in (1, 2):
        return None
    indices = np.array(list(placed)).reshape(len(placed), count)
    rows, columns = indices[:, 0] if count == 2 else np.zeros(len(placed), dtype=int), indices[:, -1]
    matrix = np.full((rows.max() + 1, columns.max() + 1), np.nan)
    matrix[rows, columns] = [parameter.data for parameter in placed.values()]
    return matrix
