from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from autograd import Value, relu
from autograd.engine.graph import depending_on, edges, names, nodes
from autograd.show.text.modules import enclosing, modules_of, within
from nn import MLP, losses


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "tanh"])
def test_every_node_of_a_neuron_is_found(activation: str) -> None:
    """All neurons of a layer have the same number of nodes per sample; the loss belongs to none."""
    model = MLP(2, [3, 2, 1], activation=activation, rng=0)
    inputs = np.random.default_rng(0).normal(size=(4, 2))
    loss = losses.hinge(model(inputs), [1, -1, 1, -1]) + losses.l2_penalty(model, 1e-3)
    order = nodes(loss)
    found = modules_of(order)
    computed = Counter(path for node, path in found.items() if node.op is not None)
    assert set(computed) == {f"layers.{i}.neurons.{j}" for i, n in enumerate([3, 2, 1]) for j in range(n)}
    assert computed["layers.2.neurons.0"] == 4 * 2
    assert (
        len({computed[f"layers.{i}.neurons.{j}"] for i, j in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]}) == 1
    )
    assert computed["layers.0.neurons.0"] >= 4 * 3
    assert found[order[0]] if order[0].label else order[0] not in found
    assert loss not in found


def test_neurons_written_by_hand() -> None:
    """Products and sums of labelled parameters belong to the parameters' module, also without `dot`."""
    w, b = [Value(1.0, f"unit.w[{i}]") for i in range(2)], Value(0.5, "unit.b")
    x: list[Any] = [2.0, Value(3.0)]
    out = relu(w[0] * x[0] + w[1] * x[1] + b)
    found = modules_of(nodes(out))
    assert Counter(found.values()) == {"unit": 3 + 5}
    assert x[1] not in found


def test_graphs_without_modules() -> None:
    """Nodes with plain labels or none belong to no module."""
    a = Value(1.0, "a")
    assert modules_of(nodes((a * Value(2.0)).exp())) == {}


@pytest.mark.parametrize(
    ("path", "outer"),
    [
        ("layers.0.neurons.3", ["layers.0", "layers.0.neurons.3"]),
        ("head", ["head"]),
        ("encoder.layers.10", ["encoder", "encoder.layers.10"]),
        ("steps.0.1", ["steps.0.1"]),
    ],
)
def test_enclosing(path: str, outer: list[str]) -> None:
    """The index into a list is part of its name."""
    assert enclosing(path) == outer


def test_within() -> None:
    """Inside a module its own names lose their prefix, other names stay."""
    assert within("layers.0.b", "layers.0") == "b"
    assert within("layers.01.b", "layers.0") == "layers.01.b"
    assert within("v1", "") == "v1"


def test_uses() -> None:
    """A node used twice has two uses; constants have none."""
    a = Value(2.0)
    assert [(edge.slot, edge.operand is a, edge.partial) for edge in edges(a * a)] == [
        (0, True, 2.0),
        (1, True, 2.0),
    ]
    assert [edge.slot for edge in edges(3.0 - a)] == [1]
    assert edges(a) == []


def test_depending_on() -> None:
    """The nodes that depend on a node, itself included, are found by identity, not by value."""
    a, b = Value(2.0), Value(2.0)
    c, d = a * 1.0, b * 1.0
    out = c + d
    assert depending_on([a], nodes(out)) == {a, c, out}
    assert len(depending_on([a, b], nodes(out))) == 5


def test_names_prefer_labels() -> None:
    """Labels have precedence over variable names, and these over numbered names, which avoid both."""
    a, b, c = Value(1.0, "v1"), Value(2.0), Value(3.0)
    assert list(names([a, b, c], {"a": a, "b": b}).values()) == ["v1", "b", "v2"]
