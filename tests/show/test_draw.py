from __future__ import annotations

import html
import itertools
import os
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import Program, call_public
from strategies import expressions

import autograd
from autograd import Value, draw, paths
from autograd.engine.graph import nodes
from autograd.files import write_whole
from autograd.show.picture import computation_graph, small_png
from autograd.show.picture.drawing import Drawing
from nn import MLP, losses


@pytest.fixture
def pygraphviz() -> Any:
    """Return pygraphviz, an independent parser of DOT."""
    return pytest.importorskip("pygraphviz")


def texts(graph: Any) -> list[list[str]]:
    """Return the lines of text in each node of a graph, with escapes and entities resolved."""
    labels = [node.attr["label"].replace("\\\\", "\\") for node in boxes(graph)]
    return [html.unescape(label).split("\n") for label in labels]


def boxes(graph: Any) -> list[Any]:
    """Return the nodes of a graph but for the texts in the middle of its edges."""
    return [node for node in graph.nodes() if node.attr["class"] != "partial"]


def edges(graph: Any) -> list[list[str]]:
    """Return the lines of text at each edge, beside it or in its middle, sorted."""
    ends = [edge for edge in graph.edges() if not edge.attr["id"].startswith("tail")]
    return sorted((edge.attr["label"] or middle(edge[0])).split("\n") for edge in ends)


def middle(node: Any) -> str:
    """Return the text of an edge that a node stands for, if it does."""
    return node.attr["label"] if node.attr["class"] == "partial" else ""


# ---------------------------------------------------------------------------------------- what is drawn


def test_a_small_graph(pygraphviz: ModuleType) -> None:
    """Each node shows name, formula, value and gradient; each edge its partial; a constant its number."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    out = a * b + 10
    out.label = "out"
    out.backward()
    graph = pygraphviz.AGraph(string=draw(out).source)
    assert sorted(texts(graph)) == [
        ["10"],
        ["a", "value 2", "grad -3"],
        ["b", "value -3", "grad 2"],
        ["out = v1 + 10", "value 4", "grad 1"],
        ["v1 = a * b", "value -6", "grad 1"],
    ]
    assert edges(graph) == [[""], ["∂ -3", "adds -3"], ["∂ 1", "adds 1"], ["∂ 2", "adds 2"]]


def test_before_a_backward(pygraphviz: ModuleType) -> None:
    """Without a backward there are no contributions, and gradients are "not yet", never 0."""
    a = Value(2.0, label="a")
    graph = pygraphviz.AGraph(string=draw(a.exp()).source)
    assert [lines[-1] for lines in texts(graph)] == ["grad not yet"] * 2
    assert edges(graph) == [["∂ 7.389"]]


def test_both_uses_of_an_operand(pygraphviz: ModuleType) -> None:
    """a*a has two edges from a, each with its partial."""
    a = Value(5.0)
    graph = pygraphviz.AGraph(string=draw(a * a).source)
    assert len(boxes(graph)) == 2
    assert edges(graph) == [["∂ 5"], ["∂ 5"]]
    assert sorted(graph.edges()) == [
        ("node0", "partial1_0"),
        ("node0", "partial1_1"),
        ("partial1_0", "node1"),
        ("partial1_1", "node1"),
    ]


def test_constants_are_literals(pygraphviz: ModuleType) -> None:
    """Constants are numbers at their operation, one below the other, without name or gradient."""
    x = Value(3.0, label="x")
    graph = pygraphviz.AGraph(string=draw(autograd.sum([1.5, x, 2.5, 2.5])).source)
    assert sorted(map(len, texts(graph))) == [1, 2, 3, 3]
    assert ["1.5"] in texts(graph)
    assert ["2.5", "2.5"] in texts(graph)
    assert len(edges(graph)) == 3
    many = pygraphviz.AGraph(string=draw(autograd.sum([x, *map(float, range(9))])).source)
    assert ["0", "1", "2", "… 6 more"] in texts(many)


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda x: 2.0 / x, "v1 = 2 / x"),
        (lambda x: -x, "v1 = -x"),
        (lambda x: autograd.exp(x), "v1 = exp(x)"),
        (lambda x: autograd.max(x, 1.0), "v1 = max(x, 1)"),
        (lambda x: autograd.sum([x] * 10), "v1 = sum(x, x, … 8 more)"),
    ],
)
def test_formulas(pygraphviz: ModuleType, make: Any, formula: str) -> None:
    """A node shows its formula; long lists of operands are truncated."""
    graph = pygraphviz.AGraph(string=draw(make(Value(3.0, label="x"))).source)
    assert formula in [lines[0] for lines in texts(graph)]


def test_numbered_names_avoid_labels(pygraphviz: ModuleType) -> None:
    """A node without a label gets a name that differs from all labels."""
    out = Value(1.0, label="v1") * Value(2.0) * Value(3.0, label="v3")
    graph = pygraphviz.AGraph(string=draw(out, names={}).source)
    assert sorted(lines[0].partition(" = ")[0] for lines in texts(graph)) == ["v1", "v2", "v3", "v4", "v5"]


CONTROLS = {
    "bell \a": r"bell \x07",
    "null \0": r"null \x00",
    "red \x1b[31m": r"red \x1b[31m",
    "csi \x9b31m": r"csi \x9b31m",
    "tab\t, return\r": r"tab\t, return\r",
    "half \ud800": r"half \ud800",
    "no character \ufffe": r"no character \ufffe",
    "turned \u202e": r"turned \u202e",
}


@pytest.mark.parametrize(
    "label",
    [
        "<script>",
        "<b>bold</b>",
        'say "hi"',
        "back\\slash",
        "ends in \\",
        "two\nlines",
        "\\n",
        "&amp;",
        "größe ∂",
        *CONTROLS,
    ],
)
def test_any_label_survives(pygraphviz: ModuleType, label: str) -> None:
    """Labels are shown as plain text, without markup or escapes, in the graph and in the picture."""
    picture = draw(Value(1.0, label=label))
    expected = [*CONTROLS.get(label, label).split("\n"), "value 1", "grad not yet"]
    assert texts(pygraphviz.AGraph(string=picture.source)) == [expected]
    svg = ElementTree.fromstring(picture.render("svg"))
    assert [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")] == expected


def test_labels_are_no_markup_in_a_page() -> None:
    """In a notebook, markup in a label is escaped."""
    page = draw(Value(1.0, label="<script>alert(1)</script>"))._repr_mimebundle_()["image/svg+xml"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_precision() -> None:
    """Numbers have as many significant digits as asked for."""
    x = Value(1 / 3)
    assert "value 0.3333\n" in draw(x).source
    assert "value 0.3333333333\n" in draw(x, precision=10).source


def test_left_out_operands(pygraphviz: ModuleType) -> None:
    """A dotted edge says how many operands are not drawn."""
    leaves = [Value(float(i)) for i in range(6)]
    graph = pygraphviz.AGraph(string=draw(autograd.sum(leaves), max_nodes=2).source)
    assert ["… 5 more"] in texts(graph)
    assert [edge.attr["style"] for edge in graph.edges()].count("dotted") == 1


def test_method() -> None:
    """`v.draw()` is `draw(v)`, options included."""
    out = Value(1.0) * 2.0
    assert out.draw(precision=2).source == draw(out, precision=2).source


@pytest.mark.parametrize("root", [1.0, None, [Value(1.0)]])
def test_only_values_are_drawn(root: Any) -> None:
    """Anything but a Value raises a TypeError."""
    with pytest.raises(TypeError, match="draw expected a Value, got"):
        draw(root)


@pytest.mark.parametrize("options", [{"max_nodes": 0}, {"precision": 0}, {"max_nodes": -1}])
def test_limits(options: dict[str, Any]) -> None:
    """A limit below 1 raises a ValueError."""
    with pytest.raises(ValueError, match=">= 1"):
        draw(Value(1.0), **options)


@given(expressions(), st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), max_size=4))
def test_any_graph_is_dot(drawn: Program, labels: list[str]) -> None:
    """For any graph and labels, the text is valid DOT and contains each node and each use."""
    pygraphviz = pytest.importorskip("pygraphviz")
    variables = [Value(number) for number in drawn.point]
    for variable, label in zip(variables, labels, strict=False):
        variable.label = label
    root = drawn.on(call_public, float, variables)
    order = nodes(root)
    graph = pygraphviz.AGraph(string=draw(root, fold=None).source)
    names = {f"node{i}" for i in range(len(order))}
    assert names == {node for node in graph.nodes() if "_" not in node}
    expected = 0
    for node in order:
        which = [isinstance(arg, Value) for arg in node.args]
        # Constants that follow one another are at one edge.
        expected += sum(which) + sum(not is_node for is_node, _ in itertools.groupby(which))
    assert len(edges(graph)) == expected
    shown = {str(node): lines for node, lines in zip(boxes(graph), texts(graph), strict=True)}
    for i, node in enumerate(order):
        if node.label and "." not in node.label:
            assert shown[f"node{i}"][0].startswith(node.label.split("\n")[0])


# ----------------------------------------------------------------------------------------------- options


def test_what_is_shown(pygraphviz: ModuleType) -> None:
    """Values, gradients and partials can be left out."""
    x = Value(3.0, label="x")
    y = x * 2.0
    y.backward()
    graph = pygraphviz.AGraph(string=draw(y, values=False, grads=False, partials=False).source)
    assert sorted(texts(graph)) == [["2"], ["x"], ["y = x * 2"]]
    assert edges(graph) == [[""], [""]]
    assert edges(pygraphviz.AGraph(string=draw(y, grads=False).source)) == [[""], ["∂ 2"]]


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
def test_directions(pygraphviz: ModuleType, direction: str) -> None:
    """The picture has the given direction."""
    graph = pygraphviz.AGraph(string=draw(Value(1.0), direction=direction).source)
    assert graph.graph_attr["rankdir"] == direction


def test_names_of_variables(pygraphviz: ModuleType) -> None:
    """Nodes without a label are named by the caller's variables, but not by IPython's."""
    x = Value(3.0, label="input")
    w = [Value(1.0), Value(2.0)]
    table = np.array([[Value(5.0)]])
    hidden = x * w[1]
    out = hidden + table[0, 0]
    names = {"x": x, "w": w, "table": table, "hidden": hidden, "_": hidden, "_5": out, "n": 3}
    graph = pygraphviz.AGraph(string=draw(out, names=names).source)
    assert sorted(lines[0] for lines in texts(graph)) == [
        "hidden = input * w[1]",
        "input",
        "table[0, 0]",
        "v1 = hidden + table[0, 0]",
        "w[1]",
    ]


def test_depth(pygraphviz: ModuleType) -> None:
    """`depth` limits the drawing to that many operations from the result, and says what is left out."""
    x = Value(1.0)
    y = ((x + 1.0) + 1.0) + 1.0
    graph = pygraphviz.AGraph(string=draw(y, depth=1).source)
    assert ["… 1 more"] in texts(graph)
    assert [lines[1] for lines in texts(graph) if len(lines) == 3] == ["value 3", "value 4"]
    assert "2 of 4 nodes are not drawn: draw(v, depth=...) draws more" in draw(y, depth=1).source
    assert "3 of 4 nodes are not drawn: draw(v, max_nodes=...)" in draw(y, depth=2, max_nodes=1).source


def marked(picture: Drawing, pygraphviz: ModuleType) -> tuple[int, int]:
    """Return how many nodes and edges are highlighted."""
    graph = pygraphviz.AGraph(string=picture.source)
    return tuple(
        sum(item.attr["penwidth"] == "2.5" for item in items)
        for items in (graph.nodes(), [edge for edge in graph.edges() if edge.attr["id"][:4] != "tail"])
    )


def test_highlight(pygraphviz: ModuleType) -> None:
    """A node's influence, a path, or the nodes of a path can be highlighted."""
    a, b = Value(2.0), Value(3.0)
    v = a * b
    y = (v + a) * b.exp()
    assert marked(draw(y), pygraphviz) == (0, 0)
    assert marked(draw(y, highlight=a), pygraphviz) == (4, 4)
    assert marked(draw(y, highlight=v), pygraphviz) == (3, 2)
    between = y.args[0]
    assert isinstance(between, Value)
    assert marked(draw(y, highlight=[a, v, between, y]), pygraphviz) == (4, 3)
    for path in paths(y, b):
        assert marked(draw(y, highlight=path), pygraphviz) == (len(path.edges) + 1, len(path.edges))


def test_colour_by_gradient(pygraphviz: ModuleType) -> None:
    """Gradients are blue above 0, orange below, white at 0; before a backward nothing is coloured."""
    x, z, n = (Value(1.0, label=label) for label in "xzn")
    y = x * 1000.0 + z * 0.0 + n * -1000.0
    before = draw(y, color_by_grad=True).source
    assert before == draw(y).source
    y.backward()
    graph = pygraphviz.AGraph(string=draw(y, color_by_grad=True).source)
    fill = {lines[0]: node.attr["fillcolor"] for node, lines in zip(boxes(graph), texts(graph), strict=True)}
    assert (fill["x"], fill["z"], fill["n"]) == ("#5faaf0", "#ffffff", "#f59b4b")
    legend = graph.graph_attr["label"]
    assert "-1000" in legend
    assert "nan" not in legend
    assert all(colour in legend for colour in fill.values() if colour)


def test_the_legend_has_what_is_not_finite(pygraphviz: ModuleType) -> None:
    """A gradient that is nan or infinite has a colour of its own, and the legend tells it."""
    x, z = Value(0.0, label="x"), Value(2.0, label="z")
    with np.errstate(all="ignore"):
        y = x.log() + z
        y.backward()
    graph = pygraphviz.AGraph(string=draw(y, color_by_grad=True).source)
    fill = {lines[0]: node.attr["fillcolor"] for node, lines in zip(boxes(graph), texts(graph), strict=True)}
    assert fill["x"] == "#d3a6f5"
    assert "nan or inf" in graph.graph_attr["label"]
    assert "#d3a6f5" in graph.graph_attr["label"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "left"}, "expected direction to be one of LR, RL, TB, BT, got 'left'"),
        ({"depth": 0}, ">= 1"),
        ({"highlight": Value(1.0)}, "is not in the graph"),
        ({"fold": True}, "no parameter in this graph has one"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    """An invalid option raises a ValueError with the reason."""
    with pytest.raises(ValueError, match=message):
        draw(Value(1.0) + 1.0, **options)


# ---------------------------------------------------------------------------------------------- networks


def hinge_of(sizes: list[int], samples: int) -> Value:
    """Return the loss of a network on some samples, after a backward."""
    model = MLP(2, sizes, "relu", rng=0)
    x = np.random.default_rng(0).normal(size=(samples, 2))
    loss = losses.hinge(model(x), np.where(x[:, 0] > 0.0, 1, -1))
    loss.label = "loss"
    loss.backward()
    return loss


def test_frames(pygraphviz: ModuleType) -> None:
    """Neurons are frames within their layer's frame, and names inside a frame are short."""
    graph = pygraphviz.AGraph(string=draw(hinge_of([2, 1], samples=1)).source)
    frames = {frame.graph_attr["label"] for frame in graph.subgraphs()}
    assert frames == {"layers.0", "layers.1"}
    inner = {f.graph_attr["label"] for frame in graph.subgraphs() for f in frame.subgraphs()}
    assert inner == {"neurons.0", "neurons.1"}
    first = [lines[0] for lines in texts(graph)]
    assert first.count("b") == 3
    assert first.count("w[0]") == 3
    assert any(line.startswith("loss = ") for line in first)


@settings(max_examples=30)
@given(st.text(min_size=1), st.booleans())
def test_modules_of_any_name(name: str, fold: bool) -> None:
    """A module of any name is one box or frame, and nothing else is drawn."""
    x, z = Value(1.0, "x"), Value(2.0, "z")
    w, b = Value(1.0, f"m{name}.w"), Value(2.0, f"n{name}.b")
    picture = draw(((x * w).tanh() * z + b).tanh() * 2.0, fold=fold or None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = ElementTree.fromstring(picture.render("svg"))
    groups = svg.iter("{http://www.w3.org/2000/svg}g")
    shown = Counter(group.get("class", "").split()[0] for group in groups)
    assert (shown["node"], shown["edge"]) == ((4, 3) if fold else (20, 19))


def test_depth_of_a_graph_with_many_paths() -> None:
    """Each node is visited once, although 2^60 paths lead to the deepest."""
    y = Value(1.0)
    for _ in range(60):
        y = y + y
    assert repr(draw(y, depth=60, max_nodes=61)).startswith("<Drawing of 120 edges")
    assert draw(y, depth=10**9, max_nodes=61).source == draw(y, max_nodes=61).source


def test_a_network_folds_by_itself(pygraphviz: ModuleType) -> None:
    """Each neuron with all its samples is folded into a box, and so is the loss; or into circles."""
    loss = hinge_of([3, 1], samples=40)
    assert "shape=circle" in draw(loss).source
    graph = pygraphviz.AGraph(string=draw(loss, fold="modules").source)
    drawn = texts(graph)
    assert sorted(lines[0] for lines in drawn) == [
        "loss, after the network",
        "neurons.0",
        "neurons.0",
        "neurons.1",
        "neurons.2",
    ]
    assert ["neurons.2", "3 parameters", "dot, add, relu ×40"] in [lines[:3] for lines in drawn]
    assert edges(graph) == [["×40"]] * 4
    assert f"{len(nodes(loss)):,} nodes, folded" in draw(loss, fold="modules").source
    assert draw(loss, fold=False, max_nodes=1000).source.count("value") > 300


def test_folding_on_request(pygraphviz: ModuleType) -> None:
    """A small network folds on request, colours and highlights included."""
    loss = hinge_of([2, 1], samples=1)
    w = next(node for node in nodes(loss) if node.label == "layers.0.neurons.0.w[0]")
    graph = pygraphviz.AGraph(string=draw(loss, fold="modules", highlight=w, color_by_grad=True).source)
    assert graph.number_of_nodes() == 4
    assert sum(node.attr["penwidth"] == "2.5" for node in graph.nodes()) == 3


def test_highlights_of_folded_networks(pygraphviz: ModuleType) -> None:
    """What leads from one box to another is highlighted if something in both of them is."""
    loss = hinge_of([2, 1], samples=3)
    by_neuron = {}
    for name in ("layers.0.neurons.0.w[0]", "layers.1.neurons.0.w[0]"):
        w = next(node for node in nodes(loss) if node.label == name)
        graph = pygraphviz.AGraph(string=draw(loss, fold="modules", highlight=w).source)
        by_neuron[name] = [edge.attr["penwidth"] for edge in graph.edges()].count("2.5")
        assert graph.number_of_edges() == 3
    assert by_neuron == {"layers.0.neurons.0.w[0]": 2, "layers.1.neurons.0.w[0]": 1}


def test_large_networks(pygraphviz: ModuleType) -> None:
    """30,000 nodes fold into one box per layer; a request for all of them raises instead of hanging."""
    loss = hinge_of([32, 32, 1], samples=200)
    assert len(nodes(loss)) > 30_000
    graph = pygraphviz.AGraph(string=draw(loss, fold="modules").source)
    assert sorted(lines[0] for lines in texts(graph)) == [
        "layers.0",
        "layers.1",
        "layers.2",
        "loss, after the network",
    ]
    with pytest.raises(ValueError, match=r"nodes are more than anybody can read.* fold them, pass depth"):
        draw(loss, fold=False)


# ------------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [
        (".svg", b"<?xml"),
        (".png", b"\x89PNG\r\n\x1a\n"),
        (".pdf", b"%PDF-"),
        (".dot", b"digraph"),
        (".html", b"<!doctype html>"),
        (".SVG", b"<?xml"),
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_save(tmp_path: Path, suffix: str, magic: bytes, kind: type) -> None:
    """The suffix determines the format of the file; the path is returned."""
    target = tmp_path / f"graph{suffix}"
    assert draw(Value(1.0) + 1.0).save(kind(target)) == target
    assert target.read_bytes().startswith(magic)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["graph.txt", "graph", "svg"])
def test_other_suffixes(tmp_path: Path, name: str) -> None:
    """Any other suffix raises a ValueError that lists the valid ones, and writes nothing."""
    with pytest.raises(ValueError, match=r"\.dot, \.html, \.svg, \.png, \.pdf, got "):
        draw(Value(1.0)).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_other_forms() -> None:
    """Any other format raises a ValueError that lists the valid ones."""
    with pytest.raises(ValueError, match="one of svg, png, pdf, got 'jpeg'"):
        draw(Value(1.0)).render("jpeg")


@pytest.mark.parametrize("suffix", [".svg", ".dot"])
def test_unwritable_paths(tmp_path: Path, suffix: str) -> None:
    """A missing folder, or a folder at the target, raises an OSError and leaves no partial file."""
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    for target in (tmp_path / "missing" / f"graph{suffix}", folder):
        with pytest.raises(OSError, match=target.name):
            draw(Value(1.0)).save(target)
    assert list(tmp_path.rglob("*")) == [folder]


def test_a_failure_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a new file cannot be put in place, the older one of that name is unchanged."""

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    target = tmp_path / "graph.dot"
    write_whole(target, b"older")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        draw(Value(1.0)).save(target)
    assert target.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [target]


def test_shown_in_a_notebook() -> None:
    """A notebook shows the picture, a terminal one line."""
    picture = draw(Value(1.0) + Value(2.0))
    assert isinstance(picture, Drawing)
    assert picture._repr_mimebundle_()["image/svg+xml"].startswith("<?xml")
    assert repr(picture) == "<Drawing of 2 edges; .save('graph.svg') writes it>"


def test_a_comparison_shows_no_gradient() -> None:
    """Before a backward every node says "not yet"; after it the condition of a choice shows no gradient."""
    a = Value(2.0, label="a")
    y = autograd.where(a > 0.0, a * 3.0, 1.0)
    assert y.draw().source.count("not yet") == 4
    y.backward()
    assert "not yet" not in y.draw().source


def test_highlighting_looks_at_the_graph_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph is read the same number of times for a path of any length."""

    class Counted(list[Value]):
        reads = 0

        def __iter__(self) -> Iterator[Value]:
            Counted.reads += 1
            return super().__iter__()

    monkeypatch.setattr(computation_graph, "nodes", lambda root: Counted(nodes(root)))
    reads = []
    for length in (3, 30):
        y = Value(0.5)
        for _ in range(length):
            y = y * 2.0
        Counted.reads = 0
        draw(y, highlight=nodes(y))
        reads.append(Counted.reads)
    assert reads[0] == reads[1] > 0


# ------------------------------------------------------------------------------ the order of operands


def height_of(picture: Drawing, pygraphviz: ModuleType) -> dict[str, float]:
    """Return how high each node with a name, and each constant, stands in a picture."""
    graph = pygraphviz.AGraph(string=picture.source)
    graph.layout("dot")
    names = [lines[0].partition(" = ")[0] for lines in texts(graph)]
    heights = [float(node.attr["pos"].split(",")[1]) for node in boxes(graph)]
    return dict(zip(names, heights, strict=True))


@pytest.mark.parametrize(
    ("make", "first", "second"),
    [
        (lambda a, b: a - b, "a", "b"),
        (lambda a, b: b - a, "b", "a"),
        (lambda a, b: a / b, "a", "b"),
        (lambda a, b: b / a, "b", "a"),
        (lambda a, b: autograd.where(b, a, 5.0), "b", "a"),
        (lambda a, b: autograd.sum([b, a]), "b", "a"),
        (lambda a, _: 2.0 - a, "2", "a"),
        (lambda a, _: a - 2.0, "a", "2"),
        (lambda a, _: a**3.0, "a", "3"),
        (lambda a, b: autograd.where(b, 5.0, a), "b", "5"),
        (lambda a, b: autograd.where(b, 5.0, a), "5", "a"),
    ],
)
def test_operands_in_order(pygraphviz: ModuleType, make: Any, first: str, second: str) -> None:
    """The left operand stands above the right one, constants included."""
    out = make(Value(2.0, label="a"), Value(3.0, label="b"))
    out.label = "out"
    out.backward()
    height = height_of(draw(out), pygraphviz)
    assert height[first] > height[second]


def test_a_constant_is_at_its_operation(pygraphviz: ModuleType) -> None:
    """A constant stands right before its operation, beside the text of the other edge."""
    out = 2.0 * Value(3.0, label="x")
    graph = pygraphviz.AGraph(string=draw(out, names={}).source)
    graph.layout("dot")
    places = {node.attr["label"][:2].strip("\n"): node.attr["pos"].split(",") for node in boxes(graph)}
    assert 0.0 < float(places["v1"][0]) - float(places["2"][0]) < 120.0
    assert abs(float(places["2"][1]) - float(places["v1"][1])) < 40.0
    assert float(places["x"][0]) < float(places["2"][0]) - 40.0


def test_no_negative_zero() -> None:
    """A contribution of -0 is a 0."""
    x = Value(0.0, label="x")
    y = x * -1.0
    y = y * 0.0
    y.backward()
    assert "-0" not in draw(y).source.replace("rounded", "")


# ------------------------------------------------------------------------------------ size and themes


def test_the_canonical_lesson_folds(pygraphviz: ModuleType) -> None:
    """The loss of micrograd's lesson, 157 nodes and 327 edges, has a box for each neuron, and is small."""
    model = MLP(3, [4, 4, 1], rng=0)
    samples = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    loss = sum((model(x) - y) ** 2 for x, y in zip(samples, [1.0, -1.0, -1.0, 1.0], strict=True))
    assert isinstance(loss, Value)
    graph = pygraphviz.AGraph(string=draw(loss, fold="modules").source)
    assert graph.number_of_nodes() == 10
    assert ["neurons.3", "4 parameters", "dot, add, tanh ×4", "grad not yet"] in texts(graph)
    graph.layout("dot")
    right, top = map(float, graph.graph_attr["bb"].split(",")[2:])
    assert right < 1000.0
    assert top < 700.0


@pytest.mark.parametrize(
    ("length", "wide", "least"), [(1000, 2, 10), (30, 200, 10), (1, 200, 19), (2, 70, 21)]
)
def test_a_large_graph_without_modules(length: int, wide: int, least: int) -> None:
    """The part nearest to the result is drawn, at most 60 nodes and 120 edges; a caption says so."""
    x = Value(1.0)
    y = autograd.sum([x * float(i) for i in range(wide)])
    for _ in range(length):
        y = y * x + x
    picture = draw(y)
    drawn = picture.source.count("shape=box")
    assert least <= drawn <= 60
    assert int(repr(picture).split()[2]) <= 120 + drawn
    left_out = len(nodes(y)) - drawn
    assert f"{left_out:,} of {len(nodes(y)):,} nodes are not drawn: draw(v, max_nodes=...)" in picture.source


def test_more_nodes_than_anybody_can_read() -> None:
    """With ``fold=False`` the message says how to see it all the same."""
    y = Value(1.0)
    for _ in range(300):
        y = y * 1.5
    with pytest.raises(ValueError, match=r"anybody can read.*: fold them, pass depth=\.\.\., or"):
        draw(y, fold=False, max_nodes=50)


def test_alike_nodes_are_one_box(pygraphviz: ModuleType) -> None:
    """An unfolded module shows what all samples do once, and how often."""
    loss = hinge_of([3, 1], samples=40)
    view = draw(loss, fold="modules").views["layers.0.neurons.1"]
    graph = pygraphviz.AGraph(string=view.source)
    drawn = [lines[0] for lines in texts(graph)]
    assert {"dot ×40", "add ×40", "relu ×40", "w[0]", "w[1]", "b", "neurons.0", "layers.1"} <= {*drawn}
    assert "layers.0" in view.unfolds.values()
    assert "layers.0.neurons.2" in view.unfolds.values()


def test_views_are_as_many_as_modules() -> None:
    """Each module with something in it can be unfolded, from a box or a frame, within what can be read."""
    picture = draw(hinge_of([20, 20, 1], samples=5), fold="modules")
    assert len(picture.views) == 1 + 41 + 3 + 1
    for view in picture.views.values():
        assert view.source.count("shape=box") <= 60
        assert view.source.count("->") <= 120
        for identity, path in view.unfolds.items():
            assert path in picture.views
            assert f"id={identity}" in view.source or f'id="{identity}"' in view.source


@pytest.mark.parametrize("fold", ["network ", "neurons", 2, "False"])
def test_unknown_folds(fold: Any) -> None:
    """Another way to fold raises a ValueError with those that there are."""
    with pytest.raises(ValueError, match="expected fold to be one of None, True, False"):
        draw(Value(1.0), fold=fold)


def test_themes() -> None:
    """A picture is light, dark, or in an SVG as the reader's system is."""
    y = Value(1.0, label="</style><script>") * 2.0
    light, dark, auto = (draw(y, theme=theme) for theme in ("light", "dark", "auto"))
    assert "#12161b" in dark.source
    assert "#12161b" not in light.source + auto.source
    assert b"prefers-color-scheme: dark" in auto.render("svg")
    for picture in (light, dark, auto):
        svg = ElementTree.fromstring(picture.render("svg"))
        assert ("style" in svg[0].tag) is (picture is auto)
    with pytest.raises(ValueError, match="expected theme to be one of auto, light, dark, got 'blue'"):
        draw(y, theme="blue")


def test_the_resolution_of_a_png() -> None:
    """A PNG has two pixels where the SVG has one, so that text is sharp on any screen."""
    picture = draw(Value(1.0) * 2.0)
    width = int.from_bytes(picture.render("png")[16:20], "big")
    svg = ElementTree.fromstring(picture.render("svg"))
    assert abs(width - float(svg.attrib["width"].removesuffix("pt")) * 192 / 72) <= 2.0


def test_a_png_of_another_kind_is_left_alone() -> None:
    """Only a palette of 8 bits is repaired: a PNG of Graphviz that has true colours stays as it is."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes([0, 1, 2, 3])))]
    image = small_png._SIGNATURE + b"".join(small_png._chunk(*part) for part in parts)
    assert small_png.repaired(image, "digraph { }") == image


def test_boxes_and_edges_tell_what_they_are() -> None:
    """Each box and each bundle of edges in any view has its title and numbers; nodes theirs."""
    picture = draw(hinge_of([3, 1], samples=40), fold="modules")
    told = picture.details
    titles = {detail.title: dict(detail.rows) for detail in told.values()}
    assert titles["neurons.2"]["parameters"] == "3 parameters"
    assert titles["neurons.2 → neurons.0"] == {"uses": "40"}
    assert titles["relu ×40"]["value"].startswith("values ")
    assert titles["layers.0.neurons.1.b → add ×40"] == {"uses": "40"}
    for view in picture.views.values():
        svg = ElementTree.fromstring(Drawing(view.source).render("svg"))
        groups = [
            g for g in svg.iter("{http://www.w3.org/2000/svg}g") if g.get("class") not in (None, "constant")
        ]
        assert {g.get("id") for g in groups if g.get("class", "")[:4] in ("node", "edge")} <= told.keys()


def test_what_is_between_modules(pygraphviz: ModuleType) -> None:
    """What mixes the results of modules for a later one is a box in the module around them, not the loss."""
    x = [Value(1.0, "x"), Value(2.0, "z")]
    q, k, o = (Value(0.5, f"block.{name}.w") for name in "qko")
    mixed = autograd.softmax([q * x[0], k * x[1]])
    loss = ((mixed[0] * o).tanh() - 1.0) ** 2.0
    loss.label = "loss"
    picture = draw(loss, fold="modules", names={})
    graph = pygraphviz.AGraph(string=picture.source)
    assert sorted(lines[0] for lines in texts(graph)) == [
        "between its modules",
        "inputs",
        "k",
        "loss, after the network",
        "o",
        "q",
    ]
    title = {str(node): lines[0] for node, lines in zip(boxes(graph), texts(graph), strict=True)}
    assert sorted((title[source], title[target]) for source, target in graph.edges()) == [
        ("between its modules", "o"),
        ("inputs", "k"),
        ("inputs", "q"),
        ("k", "between its modules"),
        ("o", "loss, after the network"),
        ("q", "between its modules"),
    ]
    assert any("exp" in lines[0] for lines in texts(pygraphviz.AGraph(string=picture.views["block"].source)))


def test_what_is_between_modules_without_one_around(pygraphviz: ModuleType) -> None:
    """Where no module is around them, what mixes their results belongs to the module that comes after."""
    x = [Value(1.0, "x"), Value(2.0, "z")]
    q, k, o = (Value(0.5, f"{name}.w") for name in "qko")
    loss = autograd.softmax([q * x[0], k * x[1]])[0] * o
    graph = pygraphviz.AGraph(string=draw(loss, fold="modules", names={}).source)
    assert sorted(lines[0] for lines in texts(graph)) == ["inputs", "k", "o", "q"]


@pytest.mark.parametrize(
    ("name", "more"),
    [("blocks.{}.w", "… more of blocks"), ("block{}.w", "… more of the model")],
    ids=["in a list", "beside each other"],
)
def test_a_long_list_of_modules(pygraphviz: ModuleType, name: str, more: str) -> None:
    """Of more modules than a picture has room for, the last ones of a list are one box."""
    y = Value(1.0, "x")
    for i in range(70):
        y = Value(0.5, name.format(i)) * y
    picture = draw(y, fold="modules", names={})
    titles = [lines[0] for lines in texts(pygraphviz.AGraph(string=picture.source))]
    assert sorted(titles) == sorted(["inputs", *(name.format(i).removesuffix(".w") for i in range(16)), more])
    assert len(picture.views) == len(titles)
    assert all(view.source.startswith("digraph") for view in picture.views.values())


def test_a_single_module_is_no_single_box() -> None:
    """Of a long recurrence with one cell, the last steps are drawn rather than a box."""
    w, u = Value(0.3, "cell.w"), Value(0.2, "cell.u")
    state = Value(0.0)
    for i in range(60):
        state = (w * state + u * float(i)).tanh()
    assert "nodes are not drawn" in draw(state).source
    assert draw(state).source.count("tanh(") >= 2
    assert "2 parameters" in draw(state, fold=True).source
