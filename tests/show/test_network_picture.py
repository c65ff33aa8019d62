"""The picture of a network as circles in layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, draw
from autograd.engine.graph import nodes
from autograd.show.picture.neurons import Neurons, neurons_of
from autograd.show.text.modules import modules_of
from nn import MLP, Linear, Sequential, Tanh, losses

SVG = "{http://www.w3.org/2000/svg}"


def lesson() -> Value:
    """Return the loss of micrograd's lesson, after a backward."""
    model = MLP(3, [4, 4, 1], rng=0)
    samples = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    loss = sum((model(x) - y) ** 2 for x, y in zip(samples, [1.0, -1.0, -1.0, 1.0], strict=True))
    assert isinstance(loss, Value)
    loss.backward()
    return loss


def read(root: Value) -> Neurons | None:
    """Read a graph as neurons."""
    order = nodes(root)
    return neurons_of(order, modules_of(order))


def groups(picture: Any, kind: str) -> dict[str, ElementTree.Element]:
    """Return the nodes or edges of a picture by id."""
    svg = ElementTree.fromstring(picture.render("svg"))
    return {g.attrib["id"]: g for g in svg.iter(f"{SVG}g") if g.get("class", "").split()[0] == kind}


def lines(group: ElementTree.Element) -> list[str | None]:
    """Return the lines of text of an element."""
    return [text.text for text in group.iter(f"{SVG}text")]


# ------------------------------------------------------------------------------------- reading neurons


def test_the_lesson_is_read() -> None:
    """Its 9 neurons are found in their layers, with their inputs, activations and all 4 samples."""
    found = read(lesson())
    assert found is not None
    assert [unit.layer for unit in found.units] == [1] * 4 + [2] * 4 + [3]
    assert [unit.path for unit in found.units[:4]] == [f"layers.0.neurons.{i}" for i in range(4)]
    assert [unit.activation for unit in found.units] == ["tanh"] * 8 + [""]
    assert {len(unit.sums) for unit in found.units} == {4}
    assert {unit.sources for unit in found.units[:4]} == {tuple(("input", i) for i in range(3))}
    assert {unit.sources for unit in found.units[4:8]} == {tuple(("unit", i) for i in range(4))}
    assert found.outputs == [8]
    assert (
        sorted(node.op.name for node in found.outside if node.op) == ["add"] * 4 + ["pow"] * 4 + ["sub"] * 4
    )
    alone = read(MLP(2, [2, 1], rng=0)([Value(1.0), Value(2.0)]))
    assert alone is not None
    assert (alone.outputs, alone.outside) == ([2], [])


@pytest.mark.parametrize("layers", [MLP(3, [4, 3], rng=0), Sequential(Linear(3, 4), Tanh(), Linear(4, 3))])
def test_a_sum_of_outputs_is_no_neuron(layers: Any) -> None:
    """Linear neurons whose outputs are added up stay apart; all biases are 0, as is the first summand."""
    found = read(sum(layers([0.1, 0.2, 0.3])))
    assert found is not None
    assert [(unit.layer, len(unit.weights), len(unit.biases)) for unit in found.units] == [(1, 3, 1)] * 4 + [
        (2, 4, 1)
    ] * 3
    assert found.outputs == [4, 5, 6]


def by_hand(inputs: Sequence[Any], bias_first: bool) -> Value:
    """Return the output of a network of 2 neurons and 1, written as micrograd writes it."""
    for layer, size in enumerate((2, 1)):
        results = []
        for neuron in range(size):
            path = f"layers.{layer}.neurons.{neuron}"
            w = [Value(0.1 * i, f"{path}.w[{i}]") for i in range(len(inputs))]
            b = Value(0.5, f"{path}.b")
            products = [wi * xi for wi, xi in zip(w, inputs, strict=True)]
            results.append((sum(products, b) if bias_first else sum(products) + b).tanh())
        inputs = results
    return results[0]


@pytest.mark.parametrize("bias_first", [True, False])
@pytest.mark.parametrize("constants", [True, False])
def test_sums_by_hand(bias_first: bool, constants: bool) -> None:
    """A neuron may be written as products that are added up one after another, from the bias or 0."""
    inputs = [1.0, 2.0, 3.0] if constants else [Value(float(i), "abc"[i]) for i in range(3)]
    found = read(by_hand(inputs, bias_first))
    assert found is not None
    assert [(len(unit.weights), len(unit.biases), unit.activation) for unit in found.units] == [
        (3, 1, "tanh"),
        (3, 1, "tanh"),
        (2, 1, "tanh"),
    ]
    assert found.inputs == [[]] * 3 if constants else [[value] for value in inputs]
    assert found.outside == []


def convolution() -> Value:
    """Return a network whose first weights are used at several places."""
    w = [Value(0.3, f"conv.w[{i}]") for i in range(2)]
    x = [Value(float(i)) for i in range(5)]
    hidden = [autograd.relu(autograd.dot(w, x[i : i + 2])) for i in range(4)]
    total: Value = autograd.dot([Value(0.1, f"out.w[{i}]") for i in range(4)], hidden)
    return total


def recurrence() -> Value:
    """Return the state of a cell after some steps."""
    w, u = Value(0.3, "cell.w"), Value(0.2, "cell.u")
    state = Value(0.0)
    for _ in range(4):
        state = (w * state + u * 1.5).tanh()
    return state


def mixture() -> Value:
    """Return a network in which a softmax stands between two layers."""
    first = nn.Linear(2, 3, rng=0)
    model = nn.Sequential(first, autograd.softmax, nn.Linear(3, 1, rng=0))
    out = model([1.0, 2.0])
    assert isinstance(out, Value)
    return out


@pytest.mark.parametrize("make", [convolution, recurrence, mixture, lambda: Value(1.0, "m.w") * 2.0])
def test_what_is_no_such_network(make: Any) -> None:
    """Weights at several places, recurrences and mixed neurons are no layers; one has to ask for boxes."""
    root = make()
    assert read(root) is None
    with pytest.raises(ValueError, match='fold="modules" draws any module as a box'):
        draw(root, fold="network")
    assert draw(root, fold=True).source == draw(root, fold="modules").source


@settings(max_examples=25)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(1, 3), st.booleans())
def test_networks_of_any_shape(sizes: list[int], samples: int, batch: bool) -> None:
    """The neurons of any MLP are found, layer by layer, each with the weights and sources that it has."""
    model = MLP(sizes[0], [*sizes[1:], 2], "relu", rng=0)
    x = np.random.default_rng(0).normal(size=(samples, sizes[0]))
    outs = model(x).ravel() if batch else [out for row in x for out in model(row.tolist())]
    found = read(autograd.sum([out * out for out in outs]))
    assert found is not None
    widths = [*sizes[1:], 2]
    assert [unit.layer for unit in found.units] == [i + 1 for i, n in enumerate(widths) for _ in range(n)]
    for unit, neuron in zip(
        found.units, itertools.chain(*(layer.neurons for layer in model.layers)), strict=True
    ):
        assert [*unit.weights] == neuron.w
        assert [*unit.biases] == [neuron.b]
        assert len(unit.sums) == samples
    assert len(found.inputs) == sizes[0]


# --------------------------------------------------------------------------------------------- drawing


def test_circles_in_layers() -> None:
    """The lesson's loss is 3 inputs, 9 circles, the loss, and an edge for each of its 32 weights."""
    loss = lesson()
    loss.label = "loss"
    picture = draw(loss)
    assert picture.source == draw(loss, fold="network").source == draw(loss, fold=True).source
    drawn = groups(picture, "node")
    assert sum(identity.startswith("neuron") for identity in drawn) == 9
    assert [lines(drawn[f"input{i}"]) for i in range(3)] == [["x[0]"], ["x[1]"], ["x[2]"]]
    assert lines(drawn["outside"])[:2] == ["loss", "sub, pow, add ×4"]
    weights = [identity for identity in groups(picture, "edge") if identity.startswith("weight")]
    assert len(weights) == 3 * 4 + 4 * 4 + 4
    outgoing = [identity for identity in groups(picture, "edge") if identity.startswith("from_")]
    assert len(outgoing) == 1
    assert outgoing[0].removeprefix("from_") in drawn
    svg = ElementTree.fromstring(picture.render("svg"))
    width, height = (float(svg.attrib[side].removesuffix("pt")) for side in ("width", "height"))
    assert width < 800.0
    assert height < 400.0


def test_an_edge_is_a_weight() -> None:
    """It is blue or orange by its sign, thick by its size, and what is nan has a colour of its own."""
    first = [Value(w, f"layers.0.neurons.0.w[{i}]") for i, w in enumerate((2.0, -1.0, 0.0, float("nan")))]
    x = [Value(1.0, label) for label in "abcd"]
    y = autograd.dot([Value(0.5, "layers.1.neurons.0.w[0]")], [autograd.tanh(autograd.dot(first, x))])
    order = nodes(y)
    edges = groups(draw(y, fold=True), "edge")
    paths = [edges[f"weight{order.index(w)}"].find(f"{SVG}path") for w in first]
    shown = [dict(path.attrib) for path in paths if path is not None]
    assert [path["stroke"] for path in shown] == ["#1f77c4", "#e8750c", "#7c8995", "#d3a6f5"]
    widths = [float(path.get("stroke-width", 1.0)) for path in shown]
    assert widths[0] > widths[1] > widths[2]
    assert "stroke-dasharray" in shown[3]
    assert [edges[f"weight{order.index(w)}"].attrib["class"] for w in first[:2]] == [
        "edge positive",
        "edge negative",
    ]
    assert "nan or inf" in draw(y, fold=True).source
    assert "nan or inf" not in draw(lesson()).source


def test_inputs_have_the_users_names() -> None:
    """An input has its label or variable's name, and its value if there is one sample."""
    height, age = Value(1.8), Value(30.0, label="years")
    drawn = groups(draw(MLP(2, [3, 1], rng=0)([height, age]), fold=True), "node")
    assert lines(drawn["input0"]) == ["height", "1.8"]
    assert lines(drawn["input1"]) == ["years", "30"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["X[0, 1]", "X[1, 1]", "X[12, 1]"], "X[:, 1]"),
        (["xs[0][1]", "xs[1][1]"], "xs[:][1]"),
        (["a", "a"], "a"),
        (["a", "b"], "x[0]"),
        (["v1", "v2"], "x[0]"),
        (["", ""], "x[0]"),
    ],
)
def test_inputs_of_a_batch(names: list[str], expected: str) -> None:
    """An input of several samples has the name that they have in common but for the number of the sample."""
    model = MLP(1, [2, 1], rng=0)
    loss = autograd.sum([model([Value(0.5, name)]) for name in names])
    assert lines(groups(draw(loss, fold=True, names={}), "node")["input0"]) == [expected]


def test_what_is_wide_is_a_bar() -> None:
    """More than 16 inputs, or neurons of a layer, are one bar, and their weights one edge a neuron."""
    model = MLP(20, [17, 16, 2], "relu", rng=0)
    loss = losses.cross_entropy(model(np.ones((2, 20))), [0, 1])
    picture = draw(loss)
    drawn, edges = groups(picture, "node"), groups(picture, "edge")
    assert lines(drawn["inputs"]) == ["20", "inputs"]
    assert lines(drawn["bar1"]) == ["17", "relu"]
    assert sum(identity.startswith("neuron") for identity in drawn) == 18
    assert "weights_inputs_bar1" in edges
    assert sum(identity.startswith("weights_bar1_neuron") for identity in edges) == 16
    assert sum(identity.startswith("weight") and "_" not in identity for identity in edges) == 32


def test_gradients_in_colours() -> None:
    """With `color_by_grad`, edges and circles show gradients; before a backward they have no colour."""
    loss = lesson()
    edges = groups(draw(loss, color_by_grad=True), "edge")
    order = nodes(loss)
    for identity, edge in edges.items():
        if identity.startswith("weight"):
            sign = "positive" if order[int(identity[6:])].grad > 0.0 else "negative"
            assert edge.attrib["class"] == f"edge {sign}"
    fresh = MLP(3, [4, 4, 1], rng=0)([1.0, 2.0, 3.0])
    before = draw(fresh, fold=True, color_by_grad=True).source
    assert "class=positive" not in before
    assert "grad not yet" in before
    assert "grad not yet" not in draw(loss).source


@pytest.mark.parametrize(
    ("direction", "axis", "sign"), [("LR", 0, 1), ("RL", 0, -1), ("TB", 1, 1), ("BT", 1, -1)]
)
def test_layers_in_any_direction(direction: str, axis: int, sign: int) -> None:
    """Layers follow each other in the direction that is asked for."""
    drawn = groups(draw(lesson(), direction=direction), "node")
    ellipse = drawn["input0"].find(f"{SVG}ellipse")
    assert ellipse is not None
    start = float(ellipse.attrib["cx" if axis == 0 else "cy"])
    text = drawn["outside"].find(f"{SVG}text")
    assert text is not None
    assert sign * (float(text.attrib["x" if axis == 0 else "y"]) - start) > 100.0


def test_a_click_unfolds() -> None:
    """A circle leads to its neuron's picture, a layer's title to the layer's, the loss to its operations."""
    picture = draw(lesson())
    drawn = groups(picture, "node")
    unfolds = picture.views[""].unfolds
    assert unfolds.keys() <= drawn.keys()
    assert {*unfolds.values()} >= {"layers.0", "layers.1.neurons.3", "layers.2", "after the network"}
    assert {*unfolds.values()} <= picture.views.keys()
    assert picture.views[""].source == picture.source


@settings(max_examples=20)
@given(st.text(min_size=1, max_size=8), st.text(st.characters(exclude_characters="."), max_size=8))
def test_names_are_no_markup(name: str, x: str) -> None:
    """Modules and inputs of any name are circles, and nothing else is drawn."""
    value = Value(1.0, x)
    hidden = [
        autograd.tanh(Value(0.5, f"a{name}.{i}.w") * value + Value(0.1, f"a{name}.{i}.b")) for i in range(2)
    ]
    y = autograd.dot([Value(0.5, f"b{name}.w{i}") for i in range(2)], hidden)
    drawn = groups(draw(y, fold="network", names={}), "node")
    circles = [identity for identity in drawn if identity.startswith(("neuron", "input"))]
    assert len(circles) == 4
    assert len(groups(draw(y, fold="network"), "edge")) == 4


def test_what_is_highlighted() -> None:
    """An input, the neurons that it influences, and what comes after them are marked."""
    x = [Value(1.0, "x"), Value(2.0, "z")]
    loss = (MLP(2, [2, 1], activation="tanh", rng=0)(x) - 1.0) ** 2
    plain, marked = (draw(loss, fold="network", highlight=node, names={}).source for node in (None, x[0]))
    assert plain.count(" marked") == 0
    assert marked.count(" marked") == 1 + 3 + 1


def test_a_weight_that_is_highlighted() -> None:
    """Its line is marked, beside the neurons that it influences."""
    model = MLP(2, [2, 1], activation="tanh", rng=0)
    loss = (model([1.0, 2.0]) - 1.0) ** 2
    marked = draw(loss, fold="network", highlight=model.layers[0].neurons[0].w[0], names={}).source
    lines = [line for line in marked.splitlines() if "weight" in line and "marked" in line]
    assert len(lines) == 1


def test_the_theme_of_a_network() -> None:
    """In the dark theme, and for a dark system, nothing keeps the colours of the light one."""
    loss = lesson()
    dark = draw(loss, theme="dark").source
    assert "#1f77c4" not in dark
    assert "#58a9f5" in dark
    assert b".positive path { stroke: #58a9f5 }" in draw(loss).render("svg")
