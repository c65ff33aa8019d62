"""Formulas, pictures, workings and functions of expressions support each row of the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracles import public, sample, split

import autograd
from autograd import OPS, Op, Value, draw, lambdify, lint, steps, to_latex
from autograd.show.text.formulas import expression

rows = pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPS.values()])


def graph(op: Op) -> tuple[Value, list[Value]]:
    """Return a node of a row, and its operands."""
    leaves = [Value(number, f"x{i}") for i, number in enumerate(sample(op)[0])]
    return public(op)(*split(op, leaves)), leaves


@rows
def test_formulas(op: Op) -> None:
    """The formula of a row shows each of its operands, as Python and as LaTeX."""
    node, leaves = graph(op)
    assert all(leaf.label in str(node) for leaf in leaves)
    assert all(f"x_{{{i}}}" in to_latex(node) for i in range(len(leaves)))


@rows
def test_python(op: Op) -> None:
    """The Python formula of a row evaluates to its value."""
    node, leaves = graph(op)
    names: dict[str, Any] = {name: getattr(autograd, name) for name in autograd.__all__}
    names |= {leaf.label: leaf.data for leaf in leaves}
    assert eval(expression(node), names) == pytest.approx(node.data, rel=1e-14)


@rows
def test_pictures(op: Op) -> None:
    """A picture shows a row by its sign or name."""
    node, _ = graph(op)
    node.backward()
    source = draw(node).source
    assert (op.symbol or op.name).replace("<", "&lt;").replace(">", "&gt;") in source


@rows
def test_workings(op: Op) -> None:
    """A row has sweep steps, an explanation for each operand, and no lint findings except for a choice."""
    node, leaves = graph(op)
    assert str(steps(node))
    for leaf in leaves:
        assert str(node.explain(leaf))
    assert {finding.kind for finding in lint(node)} <= {"unreached", "zero gradient"}


@rows
def test_functions_of_leaves(op: Op) -> None:
    """An expression with a row becomes a function of its leaves, for numbers and arrays."""
    node, leaves = graph(op)
    f = lambdify(node, leaves)
    numbers = [leaf.data for leaf in leaves]
    assert f(*numbers) == pytest.approx(node.data, rel=1e-14)
    np.testing.assert_allclose(f(*(np.full(2, number) for number in numbers)), [node.data] * 2, rtol=1e-14)
