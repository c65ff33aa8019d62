from __future__ import annotations

import re

import pytest

import autograd
import nn
from autograd import Value, explain
from autograd.engine.graph import edges, nodes
from autograd.show.picture.drawing import Drawing
from autograd.show.picture.views import Detail
from autograd.show.text.formulas import digits


def told(picture: Drawing) -> dict[str, Detail]:
    """Return what is told of each thing in a picture, once its views are drawn."""
    assert picture.views
    return dict(picture.details)


def test_nodes_and_edges() -> None:
    """A node tells its formula, value and gradient, an edge its partial and what it adds."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = a * b + a
    before = told(y.draw())
    assert ("gradient", "not yet: call backward()") in before["node0"].rows
    assert [row[0] for row in before["edge2_0"].rows] == ["local partial"]
    y.backward()
    details = told(y.draw())
    assert details["node2"].rows == (("formula", "a * b"), ("value", "-6"), ("gradient", "1"))
    assert details["edge2_0"] == details["tail2_0"] == details["partial2_0"]
    assert details["edge2_0"].title == "a → v1"
    assert details["edge2_0"].rows == (
        ("local partial", "∂v1/∂a = -3"),
        ("adds to the gradient", "1 · (-3) = -3"),
    )


def test_explanations() -> None:
    """A node explains its step of the sweep, and then its derivative as `explain` does."""
    x = Value(3.0, label="x")
    y = autograd.sin(x) * x
    y.backward()
    details = told(y.draw())
    step, _, derivation = details["node0"].explanation.partition("\n\n")
    assert step.splitlines()[0] == "The chain rule at this node: a term for each use"
    assert step.splitlines()[-1].endswith(f"= {digits(x.grad)}")
    assert derivation == explain(y, x).text
    assert details["node2"].explanation.startswith("The result")


@pytest.mark.parametrize(("uses", "listed", "end"), [(6, 6, "∂v11/∂x"), (7, 5, "… (2 more)")])
def test_many_uses(uses: int, listed: int, end: str) -> None:
    """Of many uses of a node the first ones are listed, with how many more there are, which is not one."""
    x = Value(2.0, label="x")
    y = Value(0.0)
    for i in range(uses):
        y = y + x * float(i + 1)
    y.backward()
    by_title = {detail.title: detail for detail in told(y.draw()).values()}
    _, symbols, numbers, total = by_title["x"].explanation.partition("\n\n")[0].splitlines()
    assert symbols.count("∂x") == listed
    assert symbols.endswith(end)
    assert numbers.count("1 · ") == listed
    assert total.endswith(f"= {uses * (uses + 1) // 2}")


def test_ids_are_those_of_the_picture() -> None:
    """In any view of a network, all nodes, edges and texts that stand for one thing have a detail."""
    x = [Value(1.0, label="x0"), Value(-2.0, label="x1")]
    net = nn.MLP(2, [2, 1])
    loss = (net(x) - 1.0) ** 2
    loss.backward()
    order = nodes(loss)
    for picture in (loss.draw(fold=False), loss.draw(fold=True)):
        details = told(picture)
        sources = "".join(view.source for view in picture.views.values())
        for i, node in enumerate(order):
            names = [f"node{i}", *(f"edge{i}_{edge.slot}" for edge in edges(node))]
            drawn = [name for name in names if f"id={name} " in sources or f"id={name}]" in sources]
            assert drawn == [name for name in drawn if name in details]
        for view in picture.views.values():
            assert all(f"id={box}" in view.source for box in view.unfolds)
    assert f"node{len(order) - 1}" in told(loss.draw(fold=False))


def test_edges_in_any_view() -> None:
    """Where a node and its operand are both drawn, so is the edge between them."""
    loss = nn.MLP(2, [2, 1], rng=0)([Value(1.0, label="x0"), Value(-2.0, label="x1")]) * 2.0
    order = nodes(loss)
    number_of = {node: i for i, node in enumerate(order)}
    between = 0
    for view in loss.draw(fold="modules").views.values():
        drawn = {int(number) for number in re.findall(r"id=node(\d+)", view.source)}
        for i in drawn:
            found = [edge.slot for edge in edges(order[i]) if number_of[edge.operand] in drawn]
            between += len(found)
            assert all(f"id=edge{i}_{slot} " in view.source for slot in found)
    assert between > 10


def test_broken_numbers() -> None:
    """nan is told as it is."""
    a = Value(2.0, label="a")
    with pytest.warns(RuntimeWarning):
        y = autograd.log(a - 3.0) * 2.0
    y.backward()
    details = told(y.draw())
    assert ("value", "nan") in details["node3"].rows


def test_conditions() -> None:
    """What only decides has no step of the sweep and no derivation."""
    a, b = Value(2.0, label="a"), Value(4.0, label="b")
    y = autograd.where(a > 0.0, b * 3.0, 1.0)
    y.backward()
    details = told(y.draw())
    of = {detail.title: detail for detail in details.values()}
    assert of["a"].explanation == ""
    assert "gradient" not in dict(of["a"].rows)
    assert "db" in of["b"].explanation


def test_assigned_leaves() -> None:
    """After an assignment to a leaf, the numbers are those of the picture, without a derivation."""
    w = Value(2.0, label="w")
    y = w * w * 3.0
    y.backward()
    w.data = 5.0
    explanation = told(y.draw())["node0"].explanation
    assert explanation.startswith("The chain rule at this node")
    assert "\n\n" not in explanation


def test_large_graphs() -> None:
    """A thousand nodes have no derivation each, which would take minutes, but each has its own step."""
    x = Value(1.0, label="x")
    y = x
    for _ in range(1000):
        y = y * 1.001 + x
    details = told(y.draw(max_nodes=60))
    assert 50 < len(details) < 1000
    explanations = [detail.explanation for detail in details.values()]
    assert not any("Intermediate variables" in text for text in explanations)
    assert sum(text.startswith("The chain rule") for text in explanations) > 20
