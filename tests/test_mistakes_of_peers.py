from __future__ import annotations

import re
import sys
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, anomaly, draw
from autograd.engine.graph import nodes
from autograd.show.picture import layout
from nn import MLP, load, losses, save


def test_recursion_error_beyond_depth_1000() -> None:
    """An expression ten times deeper than the recursion limit is swept, drawn and freed."""
    depth = 10 * sys.getrecursionlimit()
    x = Value(1.0)
    out = x
    for _ in range(depth):
        out = out * 1.0 + 1.0
    out.backward()
    assert (out.data, x.grad) == (1.0 + depth, 1.0)
    assert "not drawn" in draw(out).source
    del out


def test_wrong_gradients_on_second_backward() -> None:
    """A second backward adds the same gradient again: 108, then 216, not 324."""
    x = Value(3.0)
    out = (x * x) ** 2
    totals = []
    for _ in range(3):
        out.backward()
        totals.append(x.grad)
    assert totals == [108.0, 216.0, 324.0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda v: 2**v, 8.0),
        (lambda v: v**v, 27.0),
        (lambda v: max(v, 1), 3.0),
        (lambda v: max(v, 5.0), 5.0),
        (lambda v: np.exp(v), np.exp(3.0)),
        (lambda v: v < 1, False),
        (lambda v: f"{v:.2f}", "3.00"),
    ],
    ids=["2**v", "v**v", "max", "max of a constant", "np.exp(v)", "v < 1", "format"],
)
def test_everyday_expressions_that_raise(expression: Any, expected: Any) -> None:
    """Powers, comparisons, the builtin max, NumPy's functions and format specifications work."""
    out = expression(Value(3.0))
    assert (out.data if isinstance(out, Value) else out) == expected


def test_value_times_ndarray_nests() -> None:
    """A Value times an array is an array of Values, on either side."""
    array = np.array([1.0, 2.0])
    for out in (Value(3.0) * array, array * Value(3.0)):
        assert [(type(node), type(node.data)) for node in out] == [(Value, float)] * 2


def test_value_of_a_value_nests() -> None:
    """Constructing a Value from a Value raises instead of nesting."""
    with pytest.raises(TypeError, match=r"got Value\(2.0\)"):
        Value(Value(2))  # type: ignore[arg-type]


def test_nan_that_nobody_can_trace() -> None:
    """Anomaly mode raises at the operation that produces nan and names its operands and line."""

    def loss(w: Value) -> Value:
        shifted = w - 3.0
        return autograd.log(shifted) * 2.0 + w

    with anomaly(), pytest.raises(FloatingPointError) as error:
        loss(Value(1.0, label="w"))
    assert "invalid value encountered in log(-2.0), which gives nan" in str(error.value)
    assert str(error.value).endswith("return autograd.log(shifted) * 2.0 + w")
    assert Path(__file__).name in str(error.value)


@pytest.mark.parametrize(
    "hide", [autograd.relu, lambda v: autograd.max(v, 0.0), lambda v: np.maximum(0.0, v), autograd.leaky_relu]
)
def test_relu_hides_nan(hide: Any) -> None:
    """nan propagates through relu and max, for Values and arrays."""
    assert isnan(hide(Value(nan)).data)
    assert np.isnan(hide(np.array([nan]))).all()


def test_zeros_drawn_as_gradients_before_backward() -> None:
    """A graph drawn before backward shows that there are no gradients yet."""
    x = Value(0.0, label="x")
    out = x * 2.0
    assert draw(out).source.count("grad not yet") == 2
    out.backward()
    assert "not yet" not in draw(out).source


def hide_dot(monkeypatch: pytest.MonkeyPatch, *, pygraphviz: bool) -> None:
    """Hide `dot` and, unless requested, pygraphviz."""
    monkeypatch.setenv("PATH", "")
    if not pygraphviz:
        monkeypatch.setattr(layout, "find_spec", lambda name: None)


def test_dot_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a layout engine, a one-line message says what to install, and DOT can be saved."""
    hide_dot(monkeypatch, pygraphviz=False)
    picture = draw(Value(1.0) + 1.0)
    with pytest.raises(layout.LayoutUnavailableError, match="pip install") as error:
        picture.save(tmp_path / "graph.svg")
    message = str(error.value)
    assert "\n" not in message
    assert error.value.__suppress_context__
    assert picture._repr_mimebundle_()["text/plain"] == message
    assert picture.save(tmp_path / "graph.dot").read_text() == picture.source
    assert [path.name for path in tmp_path.iterdir()] == ["graph.dot"]


def test_dot_is_not_installed_but_pygraphviz_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """pygraphviz without `dot` renders the picture."""
    pytest.importorskip("pygraphviz")
    hide_dot(monkeypatch, pygraphviz=True)
    assert b"<svg" in draw(Value(1.0, label="seen") + 1.0).render("svg")


def test_pictures_of_3000_nodes() -> None:
    """Of a large graph the last eight steps, or max_nodes nodes, are drawn, and the picture says so."""
    out = Value(0.0)
    for _ in range(2999):
        out = out + 1.0
    for limit, picture in [(9, draw(out)), (20, draw(out, max_nodes=20))]:
        values = re.findall(r"value (\d+)", picture.source)
        assert sorted(map(int, values)) == list(range(3000 - limit, 3000))
        assert f"{3000 - limit:,} of 3,000 nodes are not drawn" in picture.source


def sweep_depth_first(root: Value) -> dict[Value, float]:
    """Return the adjoints of a wrong sweep that visits a node as soon as one consumer was visited."""
    adjoints = {root: 1.0}
    visited = set()

    def visit(node: Value) -> None:
        visited.add(node)
        for operand, partial in zip(node.args, node.partials, strict=True):
            if isinstance(operand, Value) and partial is not None:
                adjoints[operand] = adjoints.get(operand, 0.0) + adjoints[node] * partial
                if operand not in visited:
                    visit(operand)

    visit(root)
    return adjoints


def test_why_topological_order_is_needed() -> None:
    """A depth-first sweep visits b before its second consumer has contributed; backward waits for both.

    b = 3x is used by the result d = b + c and by c = b². So ∂d/∂b = 1 + 2b and ∂d/∂x = 3 + 6b.
    """
    x = Value(2.0)
    b = x * 3.0
    d = b + b * b
    wrong = sweep_depth_first(d)
    d.backward()
    assert (b.grad, x.grad) == (13.0, 39.0)
    assert (wrong[b], wrong[x]) == (13.0, 3.0)


def test_no_way_to_save_a_model(tmp_path: Path) -> None:
    """A model saved to a file and loaded into another one makes the same predictions."""
    model, other = MLP(2, [4, 1], rng=0), MLP(2, [4, 1], rng=1)
    save(model, tmp_path / "model.npz")
    load(tmp_path / "model.npz", other)
    assert other([0.5, -1.0]) == model([0.5, -1.0])


def test_steps_that_take_a_second_each() -> None:
    """A step of micrograd's demo records 10,000 nodes, not 65,000: three per neuron and sample."""
    model, rng = MLP(2, [16, 16, 1], rng=0), np.random.default_rng(0)
    x, y = rng.normal(size=(100, 2)), np.sign(rng.normal(size=100))
    loss = losses.hinge(model(x), y)
    # The output neuron has no ReLU; the hinge loss has three nodes per sample, and two for the mean.
    assert len(nodes(loss)) == 337 + 100 * (3 * 33 - 1) + 3 * 100 + 2
