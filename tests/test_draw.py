from __future__ import annotations

import html
import os
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

import autograd
from autograd import Value, draw
from autograd.files import write_whole
from autograd.show.drawing import Drawing


@pytest.fixture
def pygraphviz() -> ModuleType:
    """Return pygraphviz, which reads a graph's text independently of this project."""
    return pytest.importorskip("pygraphviz")


def texts(graph: Any) -> list[list[str]]:
    """Return the lines of text in each node of a graph, escapes and entities resolved."""
    labels = [node.attr["label"].replace("\\\\", "\\") for node in graph.nodes()]
    return [html.unescape(label).split("\n") for label in labels]


# ---------------------------------------------------------------------------------------- what is drawn


def test_a_small_graph(pygraphviz: ModuleType) -> None:
    """Each node shows name, formula, value and gradient; each edge its partial; a constant is a number."""
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
    assert sorted(edge.attr["label"] or "" for edge in graph.edges()) == ["", "-3", "1", "2"]


def test_both_uses_of_an_operand(pygraphviz: ModuleType) -> None:
    """a*a has two edges from a, each with its partial."""
    a = Value(5.0)
    graph = pygraphviz.AGraph(string=draw(a * a).source)
    assert graph.number_of_nodes() == 2
    assert [edge.attr["label"] for edge in graph.edges()] == ["5", "5"]
    assert len({(source, target) for source, target in graph.edges()}) == 1


def test_constants_are_literals(pygraphviz: ModuleType) -> None:
    """Each use of a constant is a plain number with an edge of its own, without name or gradient."""
    x = Value(3.0, label="x")
    graph = pygraphviz.AGraph(string=draw(autograd.sum([x, 2.5, 2.5])).source)
    assert sorted(map(len, texts(graph))) == [1, 1, 3, 3]
    assert texts(graph).count(["2.5"]) == 2
    assert graph.number_of_edges() == 3


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
    """A node says how it was computed, long lists cut short."""
    graph = pygraphviz.AGraph(string=draw(make(Value(3.0, label="x"))).source)
    assert formula in [lines[0] for lines in texts(graph)]


def test_numbered_names_avoid_labels(pygraphviz: ModuleType) -> None:
    """A node without a label has a name that no label has."""
    out = Value(1.0, label="v1") * Value(2.0) * Value(3.0, label="v3")
    graph = pygraphviz.AGraph(string=draw(out).source)
    assert sorted(lines[0].partition(" = ")[0] for lines in texts(graph)) == ["v1", "v2", "v3", "v4", "v5"]


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
    ],
)
def test_any_label_survives(pygraphviz: ModuleType, label: str) -> None:
    """Labels are text, whatever they hold: neither markup nor escapes, in the graph and in the picture."""
    picture = draw(Value(1.0, label=label))
    expected = [*label.split("\n"), "value 1", "grad not yet"]
    assert texts(pygraphviz.AGraph(string=picture.source)) == [expected]
    svg = ElementTree.fromstring(picture.render("svg"))
    assert [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")] == expected


def test_labels_are_no_markup_in_a_page() -> None:
    """What a notebook shows contains no element that a label asks for."""
    page = draw(Value(1.0, label="<script>alert(1)</script>"))._repr_mimebundle_()["image/svg+xml"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_precision() -> None:
    """Numbers have as many significant digits as asked for."""
    x = Value(1 / 3)
    assert "value 0.3333\n" in draw(x).source
    assert "value 0.3333333333\n" in draw(x, precision=10).source


def test_left_out_operands(pygraphviz: ModuleType) -> None:
    """Where operands are left out, a dotted edge says how many."""
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
    with pytest.raises(TypeError, match="draw takes a Value, but came"):
        draw(root)


@pytest.mark.parametrize("options", [{"max_nodes": 0}, {"precision": 0}, {"max_nodes": -1}])
def test_limits(options: dict[str, int]) -> None:
    """A limit below 1 raises a ValueError."""
    with pytest.raises(ValueError, match="at least 1"):
        draw(Value(1.0), **options)


# ------------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [
        (".svg", b"<?xml"),
        (".png", b"\x89PNG\r\n\x1a\n"),
        (".pdf", b"%PDF-"),
        (".dot", b"digraph"),
        (".SVG", b"<?xml"),
    ],
)
@pytest.mark.parametrize("kind", [str, Path])
def test_save(tmp_path: Path, suffix: str, magic: bytes, kind: type) -> None:
    """The suffix says what kind of file is written; the path is returned."""
    target = tmp_path / f"graph{suffix}"
    assert draw(Value(1.0) + 1.0).save(kind(target)) == target
    assert target.read_bytes().startswith(magic)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["graph.txt", "graph", "svg"])
def test_other_suffixes(tmp_path: Path, name: str) -> None:
    """Another suffix raises a ValueError that names those there are, and writes nothing."""
    with pytest.raises(ValueError, match=r"\.dot, \.svg, \.png, \.pdf, but the path is"):
        draw(Value(1.0)).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_other_forms() -> None:
    """Another form raises a ValueError that names those there are."""
    with pytest.raises(ValueError, match="renders to svg, png, pdf, but came 'jpeg'"):
        draw(Value(1.0)).render("jpeg")


@pytest.mark.parametrize("suffix", [".svg", ".dot"])
def test_unwritable_paths(tmp_path: Path, suffix: str) -> None:
    """A folder that is missing, or in the way, raises an OSError and leaves nothing half-written."""
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    for target in (tmp_path / "missing" / f"graph{suffix}", folder):
        with pytest.raises(OSError, match=target.name):
            draw(Value(1.0)).save(target)
    assert list(tmp_path.rglob("*")) == [folder]


def test_a_failure_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a new file cannot be put in place, the older one of that name is as it was."""

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
    """A notebook gets the picture, and a terminal one line."""
    picture = draw(Value(1.0) + Value(2.0))
    assert isinstance(picture, Drawing)
    assert picture._repr_mimebundle_()["image/svg+xml"].startswith("<?xml")
    assert repr(picture) == "<Drawing of 2 edges; .save('graph.svg') writes it>"
