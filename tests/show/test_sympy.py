"""Graphs as expressions of SymPy and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from oracles import public, sample, split
from strategies_of_graphs import graphs

import autograd
from autograd import OPS, Op, Value, custom_vjp, from_sympy, grad, jit, nudge, relu, sin, to_sympy, where
from autograd.engine.graph import nodes
from autograd.ops.table import COMPARISONS
from autograd.show.text.formulas import expression as expression_of

sp = pytest.importorskip("sympy")

# SymPy has no derivative of a floor.
STEPS = {"floor", "floordiv", "mod"}


def row_of_symbols(op: Op, point: tuple[float, ...]) -> tuple[Value, list[Value], dict[Any, float]]:
    """Return a row at a point, its operands, and the numbers of their symbols."""
    leaves = [Value(number, label=f"u{i}") for i, number in enumerate(point)]
    at = {sp.Symbol(f"u{i}", real=True): number for i, number in enumerate(point)}
    return public(op)(*split(op, leaves)), leaves, at


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_rows(op: Op) -> None:
    """Each row has the value and the derivatives that SymPy computes for its expression, and comes back."""
    for point in sample(op, 2):
        y, leaves, at = row_of_symbols(op, point)
        expression = to_sympy(y)
        assert float(expression.subs(at)) == pytest.approx(y.data, rel=1e-9)
        again = from_sympy(expression, {symbol: at[symbol] for symbol in expression.free_symbols})
        assert again.data == pytest.approx(y.data, rel=1e-9)
        if op.name in STEPS:
            continue
        y.backward()
        for leaf, symbol in zip(leaves, at, strict=True):
            derivative = float(sp.diff(expression, symbol).subs(at))
            assert derivative == pytest.approx(float(leaf.grad), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("op", COMPARISONS.values(), ids=lambda op: op.name)
@pytest.mark.parametrize("other", [1.0, 2.0, 3.0])
def test_choices(op: Op, other: float) -> None:
    """A choice by a comparison is made anew at other points, there and back."""
    x = Value(2.0, label="x")
    y = where(public(op)(x, 2.0), x * 3.0, -x)
    expression = to_sympy(y)
    moved = nudge(y, x, other - 2.0).through[-1].after
    assert float(expression.subs(sp.Symbol("x", real=True), other)) == moved
    again = from_sympy(expression, x=2.0)
    (leaf,) = (node for node in nodes(again) if node.label == "x")
    assert nudge(again, leaf, other - 2.0).through[-1].after == moved


def test_textbook_forms() -> None:
    """Expressions are those of textbooks, with the names of leaves and exact fractions."""
    x, w = Value(0.5, label="x"), Value(2.0)
    real = {"real": True}
    a, b = sp.Symbol("x", **real), sp.Symbol("w", **real)
    assert to_sympy((w * x).sigmoid()) == 1 / (1 + sp.exp(-a * b))
    assert to_sympy(relu(x) / 4.0 - w**-1.0) == sp.Max(0, a) / 4 - 1 / b
    assert to_sympy(x * 0.1).args[0] == sp.Float(0.1)
    assert to_sympy(Value(3.0) * x, {}) == 3 * a
    assert to_sympy(x.softplus(), real=False) == sp.log(1 + sp.exp(sp.Symbol("x")))
    assert to_sympy((x > w) * 2.0) == 2 * sp.Piecewise((1, a > b), (0, True))


def test_what_sympy_is_for() -> None:
    """Expressions simplify: the derivative of a sigmoid is σ(1 - σ) (A8), a squared error is convex."""
    x = Value(0.5, label="x")
    sigma = to_sympy(x.sigmoid())
    symbol = sp.Symbol("x", real=True)
    assert sp.simplify(sp.diff(sigma, symbol) - sigma * (1 - sigma)) == 0
    assert sp.solve(sp.diff(to_sympy((x - 3.0) ** 2), symbol), symbol) == [3]


@given(graphs())
@settings(max_examples=40)
def test_round_trip(y: Value) -> None:
    """There and back, a graph has the same value and the same gradients."""
    expression = to_sympy(y)
    leaves = {node.label: node for node in nodes(y) if node.label}
    symbols = {symbol.name for symbol in expression.free_symbols}
    again = from_sympy(expression, {name: leaves[name].data for name in symbols})
    assert again.data == pytest.approx(y.data, rel=1e-8, abs=1e-9)
    y.backward()
    again.backward()
    for node in nodes(again):
        if node.label:
            assert node.grad == pytest.approx(leaves[node.label].grad, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    "step",
    [
        lambda y, x: y.sin(),
        lambda y, x: y * x - 0.25,
        lambda y, x: relu(y - x),
        lambda y, x: autograd.max(y * x, x).tanh(),
        lambda y, x: where(y > x, y * 0.5, y / x),
    ],
)
def test_deep_graphs(step: Callable[[Value, Value], Value]) -> None:
    """Depth is no limit for us, though SymPy recurses."""
    x = Value(0.75, label="x")
    y = x
    for _ in range(1500):
        y = step(y, x)
    assert from_sympy(to_sympy(y), x=0.75).data == pytest.approx(y.data, rel=1e-9)


@pytest.mark.parametrize("operations", [100, 101])
def test_how_deep_expressions_are_simplified(operations: int) -> None:
    """Up to 100 operations on the longest way to the result; beyond, each is written as it is."""
    y, w = Value(2.0, label="x"), Value(1.0, label="w")
    for _ in range(operations):
        y = y - w
    text = str(to_sympy(y))
    assert text == "-100*w + x" if operations == 100 else text.startswith("-w + (-w + (-w + ")


def test_ten_thousand_operations() -> None:
    """A graph of 10,000 operations in a row, and a sum of a thousand terms."""
    x = Value(0.75, label="x")
    y = x
    for _ in range(10_000):
        y = y.sin()
    assert from_sympy(to_sympy(y), x=0.75).data == y.data
    terms = [Value(float(i), label=f"a{i}") for i in range(1000)]
    assert len(to_sympy(autograd.sum(terms)).args) == 1000


def test_sharing() -> None:
    """What a graph shares the expression shares, so that 2^60 paths take 60 steps."""
    x = Value(0.5, label="x")
    y = x
    for _ in range(60):
        y = (y * y).sin() + y * 0.5
    again = from_sympy(to_sympy(y), x=0.5)
    assert again.data == pytest.approx(y.data)
    assert len(nodes(again)) < 1000


def test_functions_of_sympy() -> None:
    """Other functions of SymPy are written in rows, and derivatives with steps come back."""
    x = sp.Symbol("x")
    for expression in (
        sp.sec(x) + sp.csc(x) * sp.cot(x), sp.sech(x) - sp.csch(x) / sp.coth(x), sp.sign(x) * sp.pi,
        sp.Max(x, 0, x**2).diff(x), sp.Piecewise((x, (x > 0) & (x < 1)), (1, ~(x < 5)), (x**2, True)),
        sp.Piecewise((x, (x > 3) | (x < 1)), (0, True)), sp.sqrt(x) + 1 / sp.sqrt(x), sp.log(x, 2) - sp.E,
        sp.series(sp.sin(x), x, 0, 8).removeO(), sp.integrate(sp.exp(-(x**2)), x), -x - sp.Rational(1, 3),
    ):  # fmt: skip
        assert from_sympy(expression, x=0.7).data == pytest.approx(float(expression.subs(x, 0.7)))
    assert from_sympy(sp.Integer(3)).data == 3.0
    assert [from_sympy(sp.sign(x), x=at).data for at in (-2.0, 0.0, 2.0)] == [-1.0, 0.0, 1.0]
    assert expression_of(from_sympy((x - 1) / (x + 2) - x**2, x=0.7)) == "(x - 1) / (x + 2) - x**2"


def test_a_function_of_values() -> None:
    """A Value is used as it is: an expression is a function to differentiate and compile."""
    x = sp.Symbol("x")
    expression = sp.sin(x) * x
    wanted = float(sp.diff(expression, x).subs(x, 0.3))

    def f(value: Any) -> Value:
        return from_sympy(expression, x=value)

    assert grad(f)(0.3) == pytest.approx(wanted)
    assert jit(grad(f))(0.3) == pytest.approx(wanted)
    piecewise = sp.Piecewise((x**2, x > 0), (1 / x**x, x < -5), (x ** (x + 1) / x, True))
    assert jit(grad(lambda value: from_sympy(piecewise, x=value)))(0.3) == pytest.approx(0.6)
    both = sp.Symbol("x", real=True) * x
    assert grad(lambda value: from_sympy(both, x=value))(3.0) == 6.0
    w = Value(2.0)
    assert w in set(nodes(from_sympy(x + 1, {x: w})))


def test_a_function_with_a_rule_of_its_own() -> None:
    """A custom function is a function of its name, of which SymPy knows nothing else."""

    @custom_vjp
    def clip(x: Any) -> Any:
        return x * 1.0

    clip.defvjp(lambda x: (x, None), lambda _, adjoint: (adjoint,))
    expression = to_sympy(sin(clip(Value(2.0, label="x"))))
    assert expression == sp.sin(sp.Function("clip")(sp.Symbol("x", real=True)))


@pytest.mark.parametrize("number", [0.1, -2.5, 1e300, 5e-324, 1 / 3, float("inf"), -float("inf"), 12345678.0])
def test_numbers(number: float) -> None:
    """A constant keeps all of its digits."""
    assert from_sympy(to_sympy(Value(number))).data == number


X = sp.Symbol("x")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: to_sympy(2.0), TypeError, "to_sympy expected a Value, got 2.0"),  # type: ignore[arg-type]
        (lambda: to_sympy(Value(1.0, "x") * Value(2.0, "x")), ValueError, "two leaves are called 'x'"),
        (lambda: from_sympy(X), ValueError, r"a number for each symbol \(x\); missing: x"),
        (lambda: from_sympy(X, x=1.0, y=2.0), ValueError, "not in the expression: y"),
        (lambda: from_sympy(X, x="2"), TypeError, "'2'"),  # type: ignore[arg-type]
        (lambda: from_sympy(sp.besselj(0, X), x=1.0), ValueError, "knows no besselj"),
        (lambda: from_sympy(X * sp.I, x=1.0), ValueError, "expected real numbers, got I"),
        (lambda: from_sympy(sp.Tuple(X), x=1.0), TypeError, "expected an expression"),
    ],
)
def test_mistakes(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    """Messages say what came and what was wanted."""
    with pytest.raises(error, match=message):
        call()


def test_without_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SymPy is not installed, the message says how to install it."""
    monkeypatch.setattr("autograd.show.sympy_expressions.find_spec", lambda name: None)
    for call in (lambda: to_sympy(Value(1.0)), lambda: from_sympy(X, x=1.0)):
        with pytest.raises(ImportError, match=r"pip install 'chainrule\[sympy\]'"):
            call()
