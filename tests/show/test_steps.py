from __future__ import annotations

import math
from collections import defaultdict

import pytest
from hypothesis import given
from programs import Program
from strategies import expressions

import autograd
from autograd import Value, steps, where
from autograd.engine.gradients import has_gradient
from autograd.engine.graph import nodes
from autograd.show.text.nudges import nudge
from autograd.show.text.replay import replay

# ------------------------------------------------------------------------------------------------ steps


@given(expressions())
def test_contributions_add_up(drawn: Program) -> None:
    """Contributions to a node sum to its adjoint; each running sum starts where the previous one ends."""
    root, _ = drawn.graph()
    received: dict[Value, float] = defaultdict(float, {root: 1.0})
    for step in steps(root):
        assert received[step.node] == step.adjoint
        for flow in step.flows:
            assert flow.contribution == step.adjoint * flow.partial
            assert flow.before == received[flow.operand]
            received[flow.operand] += flow.contribution
            assert flow.after == received[flow.operand]


@given(expressions())
def test_steps_are_what_backward_does(drawn: Program) -> None:
    """The adjoints are the gradients of `backward`, bit for bit, and `steps` changes nothing."""
    root, _ = drawn.graph()
    found = {step.node: step.adjoint for step in steps(root, 2.0)}
    assert not any(map(has_gradient, nodes(root)))
    root.backward(2.0)
    assert {node: node.grad for node in nodes(root)} == dict.fromkeys(nodes(root), 0.0) | found


@given(expressions())
def test_a_line_for_each_step_of_any_expression(drawn: Program) -> None:
    """The steps of any expression can be shown, also with conditions."""
    root, _ = drawn.graph()
    assert len(repr(steps(root)).splitlines()) == len(steps(root))


def test_what_is_only_chosen_by_has_a_name_but_no_step() -> None:
    """The condition of a choice is named in its line; no adjoint flows to it."""
    a = Value(2.0, label="a")
    y = where(a > 0.0, a * 3.0, 1.0)
    assert str(y.steps()[0]).startswith("y = where(v2, v1, 1): gradient 1; v1: 0 + 1·1 = 1")
    assert [step.node.op and step.node.op.name for step in y.steps()] == ["where", "mul", None]


def test_a_line_for_each_node() -> None:
    """The REPL shows one line per node, with each product and running sum; a * a has two."""
    a = Value(2.0, label="a")
    y = a * a + 10.0
    y.label = "y"
    assert repr(y.steps()) == "\n".join(map(str, y.steps()))
    assert [str(step) for step in y.steps()] == [
        "y = v1 + 10: gradient 1; v1: 0 + 1·1 = 1",
        "v1 = a * a: gradient 1; a: 0 + 1·2 = 2; a: 2 + 1·2 = 4",
        "a: gradient 4",
    ]


def test_steps_of_a_deep_graph() -> None:
    """Graphs of any depth have steps."""
    y = x = Value(1.0)
    for _ in range(20_000):
        y = y + 1.0
    assert steps(y)[-1].node is x
    assert len(steps(y)) == 20_001


def test_steps_take_values() -> None:
    """Anything but a Value raises a TypeError."""
    with pytest.raises(TypeError, match="steps expected a Value, got 'y'"):
        steps("y")  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------- replay


@given(expressions())
def test_replay_at_the_same_point(drawn: Program) -> None:
    """A copy at the same point has the same values and partials, and shares no node with the original."""
    root, _ = drawn.graph()
    copies = replay(root, {})
    for node, copy in copies.items():
        assert copy is not node
        assert (repr(copy.data), copy.op, copy.label) == (repr(node.data), node.op, node.label)
        assert repr(copy.partials) == repr(node.partials)


def test_replay_elsewhere() -> None:
    """A replaced leaf changes the nodes that depend on it; a replaced result becomes a leaf."""
    x, z = Value(3.0, "x"), Value(2.0, "z")
    v = x * z
    y = v + autograd.sum([x, z]) + autograd.dot([x], [z])
    assert replay(y, {x: 5.0})[y].data == 10.0 + 7.0 + 10.0
    assert replay(y, {v: 100.0})[y].data == 100.0 + 5.0 + 6.0
    assert replay(y, {v: 100.0})[v].op is None
    assert y.data == 17.0


def test_replay_of_an_empty_sum() -> None:
    """An empty reduction, which is a plain number and not a node, can be replayed."""
    x = Value(1.0)
    y = x + autograd.sum([])
    assert replay(y, {x: 2.0})[y].data == 2.0


# ------------------------------------------------------------------------------------------------ nudge


def test_nudge() -> None:
    """The predicted change is gradient times nudge; the actual change comes from a new evaluation."""
    x, w = Value(3.0, "x"), Value(0.5, "w")
    y = (w * x).tanh() * x
    found = nudge(y, x, 0.01)
    y.backward()
    assert found.predicted == pytest.approx(x.grad * 0.01, rel=1e-12)
    assert found.actual == math.tanh(0.5 * 3.01) * 3.01 - y.data
    assert abs(found.actual - found.predicted) < 1e-4
    assert [change.name for change in found.through] == ["x", "v1", "v2", "y"]
    assert [change.actual for change in found.through[:2]] == pytest.approx([0.01, 0.005])
    assert found.through[2].predicted == pytest.approx(0.005 * (1 - math.tanh(1.5) ** 2))
    assert str(found).startswith("x by 0.01: y changes by ")


def test_a_table_of_changes() -> None:
    """A notebook shows a row for each node that changes."""
    x, w = Value(3.0, "x"), Value(0.5, "w")
    table = nudge((w * x).tanh() * x, x, 0.01, names={})._repr_html_()
    assert table.count("<tr>") == 1 + 4
    assert all(f">{name}</td>" in table for name in ("x", "v1", "v2", "v3"))


def test_a_table_without_remarks() -> None:
    """Where nothing is remarked, there is no column for it."""
    x, w = Value(3.0, "x"), Value(0.5, "w")
    assert "remark" not in steps(x * w)._repr_html_()


def test_nudge_of_a_result() -> None:
    """An interior node can be nudged like a leaf."""
    x = Value(3.0, "x")
    v = x * x
    assert nudge(v * 2.0, v, 1.0).actual == 2.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((Value(1.0), Value(2.0), 0.1), ValueError, "does not depend on"),
        ((1.0, Value(2.0), 0.1), TypeError, "expected Values, got 1.0"),
    ],
)
def test_bad_nudges(arguments: tuple[object, ...], error: type[Exception], message: str) -> None:
    """A node that is not upstream raises a ValueError, anything but a Value a TypeError."""
    with pytest.raises(error, match=message):
        nudge(*arguments)  # type: ignore[arg-type]


def test_a_nudge_is_a_number() -> None:
    """A nudge that is not a number raises a TypeError."""
    x = Value(1.0)
    with pytest.raises(TypeError, match="expected a real number, got"):
        nudge(x * 2.0, x, "0.1")  # type: ignore[arg-type]
