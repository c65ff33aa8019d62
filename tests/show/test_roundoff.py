"""Rounding errors: bounds against mpmath with 50 digits, on cancellations in the manner of FPBench."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp, mpf

import autograd
from autograd import OPS, Value, custom_vjp, exp, roundoff
from autograd.engine.graph import nodes
from autograd.show.rounding_errors import RoundoffReport

Formula = Callable[..., Any]

# Terms of second order, and nothing else.
SLACK = 1.0 + 1e-6

POLYNOMIAL = (-945.0, 0.0, 1260.0, 0.0, -378.0, 0.0, 36.0, 0.0, -1.0)


def rump(_: Any, a: Any, b: Any) -> Any:
    """Return Rump's polynomial, of which no digit is right."""
    b2 = b * b
    return (
        333.75 * b2 * b2 * b2
        + a * a * (11.0 * a * a * b2 - b2 * b2 * b2 - 121.0 * b2 * b2 - 2.0)
        + 5.5 * b2 * b2 * b2 * b2
        + a / (2.0 * b)
    )


def horner(_: Any, x: Any) -> Any:
    """Return a polynomial, evaluated as a chain."""
    total = x * 0.0
    for coefficient in POLYNOMIAL:
        total = total * x + coefficient
    return total


def heron(m: Any, a: Any, b: Any, c: Any) -> Any:
    """Return the area of a triangle."""
    s = (a + b + c) / 2.0
    return m.sqrt(s * (s - a) * (s - b) * (s - c))


def doppler(_: Any, u: Any, v: Any, t: Any) -> Any:
    """Return the frequency shift, as FPBench's doppler1 has it."""
    sound = 331.4 + 0.6 * t
    return -sound * v / ((sound + u) * (sound + u))


CANCELLING: dict[str, tuple[Formula, tuple[float, ...]]] = {
    "roots": (lambda m, x: m.sqrt(x + 1.0) - m.sqrt(x), (1e8,)),
    "inverses": (lambda m, x: 1.0 / (x + 1.0) - 1.0 / x, (1e7,)),
    "1 - cos": (lambda m, x: (1.0 - m.cos(x)) / (x * x), (1.3e-5,)),
    "expm1": (lambda m, x: (m.exp(x) - 1.0) / x, (1.7e-9,)),
    "log1p": (lambda m, x: m.log(1.0 + x) / x, (3e-11,)),
    "quadratic": (lambda m, a, b, c: (-b + m.sqrt(b * b - 4.0 * a * c)) / (2.0 * a), (1.1, 1e5, 3.3)),
    "doppler": (doppler, (-30.0, 500.7, 20.3)),
    "rump": (rump, (77617.0, 33096.0)),
    "needle": (heron, (9.0000001, 4.50000005, 4.50000007)),
    "sines": (lambda m, x, e: m.sin(x + e) - m.sin(x), (1.3, 1e-9)),
    "horner": (horner, (1.3097,)),
    "products": (lambda m, a, b, c: a * b - c * c, (1.0000001, 0.9999999, 1.0)),
    "tangent": (lambda m, x: m.tan(x) - m.sin(x), (1e-4,)),
    "logarithms": (lambda m, x: m.log(x + 1.0) - m.log(x), (3e9,)),
}

HARMLESS: dict[str, tuple[Formula, int]] = {
    "doppler": (doppler, 3),
    "length": (lambda m, x, y: m.sqrt(x * x + y * y), 2),
    "logistic": (lambda m, x: 1.0 / (1.0 + m.exp(-x)), 1),
    "sum": (lambda m, x, y, z: x + y + z, 3),
}


def values_of(numbers: tuple[float, ...]) -> list[Value]:
    """Return leaves."""
    return [Value(number) for number in numbers]


def error_of(formula: Formula, point: tuple[float, ...], found: float) -> Any:
    """Return how far a number is from the exact value of a formula."""
    with mp.workdps(50):
        return abs(mpf(found) - formula(mp, *map(mpf, point)))


@pytest.mark.parametrize("name", CANCELLING)
def test_the_error_is_within_the_bound(name: str) -> None:
    """Where digits cancel, the true error is at most the bound."""
    formula, point = CANCELLING[name]
    y = formula(autograd, *values_of(point))
    assert error_of(formula, point, y.data) <= roundoff(y).bound * SLACK


@pytest.mark.parametrize("name", CANCELLING)
def test_the_bound_says_something(name: str) -> None:
    """The largest true error at neighbouring points is not much smaller than the bound."""
    formula, point = CANCELLING[name]
    shares = []
    for k in range(20):
        moved = tuple(x * (1.0 + k * 1e-3) for x in point)
        y = formula(autograd, *values_of(moved))
        shares.append(error_of(formula, moved, y.data) / roundoff(y).bound)
    assert 0.02 <= max(shares) <= SLACK


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_formulas_keep_their_digits(name: str) -> None:
    """Where nothing cancels, at least 14 digits are said to be right, and they are."""
    formula, count = HARMLESS[name]
    for k in range(20):
        point = tuple(1.1 + 0.37 * k + i for i in range(count))
        y = formula(autograd, *values_of(point))
        report = roundoff(y)
        assert report.digits > 14.0
        assert report.cancellations == ()
        assert error_of(formula, point, y.data) <= report.bound * SLACK


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.variadic], ids=lambda op: op.name)
def test_rows_of_sequences(op: Any) -> None:
    """The bound of a row that takes sequences is that of its loop, and covers what cancels in it."""
    from oracles import ORACLES, public, split

    numbers = [0.1, -0.7, 0.30000000000000004, 0.2, 1e-3, 0.1]
    if op.name in ("norm", "prod", "logsumexp"):
        numbers = [abs(number) + 0.3 for number in numbers]
    y = public(op)(*split(op, values_of(tuple(numbers))))
    with mp.workdps(50):
        error = abs(mpf(y.data) - ORACLES[op.name].exact(*split(op, [*map(mpf, numbers)])))
    assert error <= roundoff(y).bound * SLACK
    assert roundoff(y).bound < 1e-13


SAFE = ["exp", "sin", "cos", "tanh", "arctan", "sqrt", "log"]


@st.composite
def formulas(draw: st.DrawFn) -> tuple[Formula, tuple[float, ...]]:
    """Draw a formula of up to eight steps, and a point."""
    steps = draw(
        st.lists(
            st.tuples(st.sampled_from([*SAFE, "+", "-", "*", "/"]), st.integers(0, 9), st.integers(0, 9)),
            min_size=1, max_size=8,
        )
    )  # fmt: skip
    point = draw(st.tuples(*[st.floats(-3.0, 3.0).filter(lambda x: abs(x) > 1e-3)] * 2))

    def formula(m: Any, *point: Any) -> Any:
        found = list(point)
        for word, i, j in steps:
            x, y = found[i % len(found)], found[j % len(found)]
            signs = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
            if word in signs:
                found.append(signs[word](x, y))
            elif word == "/":
                found.append(x / (y * y + 0.1))
            elif word in ("sqrt", "log"):
                found.append(getattr(m, word)(x * x + 0.1))
            else:
                function = getattr(m, {"arctan": "atan"}.get(word, word) if m is mp else word)
                found.append(function(x if word != "exp" else x / (1.0 + x * x)))
        return found[-1]

    return formula, point


@given(formulas())
def test_no_formula_is_worse_than_its_bound(drawn: tuple[Formula, tuple[float, ...]]) -> None:
    """The true error of any formula is within the bound, up to terms of second order."""
    formula, point = drawn
    y = formula(autograd, *values_of(point))
    # Where a number on the way has no digits, the second order is as large as the first.
    assume(all(node.data == 0.0 or roundoff(node).relative < 1e-4 for node in nodes(y)))
    assume(abs(y.data) < 1e100)
    assert error_of(formula, point, y.data) <= roundoff(y).bound * 1.01 + 1e-300


def test_the_sum_is_that_of_the_definition() -> None:
    """The bound is the sum of |gradient · value · ε|, which the report ranks and shares out."""
    a, b = Value(0.1, label="a"), Value(0.7, label="b")
    product = a * b
    report = roundoff(product * product + a)
    unit = 2.0**-53
    square, total = product.data**2, product.data**2 + a.data
    wanted = [unit * total, 2.0 * product.data * unit * product.data, unit * square]
    assert [error.contribution for error in report[:3]] == pytest.approx(wanted)
    assert report.bound == pytest.approx(sum(wanted))
    assert sum(error.share for error in report) == pytest.approx(1.0)
    assert report.relative == report.bound / total
    assert report.digits == pytest.approx(-math.log10(report.relative))


def test_exact_operations_add_nothing() -> None:
    """What came out exact has no rounding error: twice a number, or the difference of neighbours."""
    x = Value(0.1)
    assert roundoff(2.0 * x).bound == 0.0
    assert roundoff(x - 0.11).bound == 0.0
    assert roundoff(autograd.relu(-x) + autograd.max(x, 0.0)).bound == 0.0
    assert roundoff(2.0 * x).digits > 15.9
    assert roundoff(x * 3.0).bound > 0.0


def test_errors_of_inputs() -> None:
    """Leaves may be off themselves: then a difference of two of them loses digits, too."""
    x, y = Value(1.001), Value(1.0)
    assert roundoff(x - y).cancellations == ()
    report = roundoff(x - y, inputs=1e-2)
    assert report.bound == pytest.approx(0.02001)
    assert report.digits == 0.0
    assert [error.remark for error in report.cancellations] == ["cancellation loses 3.3 digits"]
    assert "no digit is certain" in str(report)


def test_blame() -> None:
    """The remark names the subtraction; the shares, the roundings that it uncovers."""
    x = Value(1e8, label="x")
    v = (x + 0.1).sqrt()
    report = roundoff(v - x.sqrt(), names={"v": v})
    assert {error.formula for error in report[:2]} == {"sqrt(x)", "sqrt(v1)"}
    assert [error.node.op for error in report.cancellations] == [OPS["sub"]]
    assert "cancellation loses 9.6 digits of its operands" in str(report)
    assert "cancellation loses 9.6 digits of its operands" in report._repr_html_()


def test_growth_without_cancellation() -> None:
    """A function that makes relative errors larger gets a remark as well."""
    x = Value(0.1)
    report = roundoff((x * 3.0 + 300.0).exp())
    assert [error.remark for error in report.cancellations] == ["loses 2.5 digits"]


def test_a_result_that_is_not_finite() -> None:
    """Without finite numbers there is no bound, and the text says so."""
    with pytest.warns(RuntimeWarning):
        y = 1.0 / (1.0 + exp(Value(1000.0)))
    assert math.isnan(roundoff(y).bound)
    assert "no bound" in str(roundoff(y))


def test_a_function_with_a_rule_of_its_own() -> None:
    """A custom function counts as right to two units in the last place."""

    @custom_vjp
    def f(x: Any) -> Any:
        return x * x

    f.defvjp(lambda x: (x * x, x), lambda x, adjoint: (2.0 * x * adjoint,))
    assert roundoff(f(Value(3.0)) * 1.5).bound == pytest.approx(13.5 * 2.0**-51)


def test_what_a_function_of_its_own_does_not_cancel() -> None:
    """Only sums and differences are said to cancel; a function with a rule of its own may do anything."""
    half = custom_vjp(lambda x: x * 0.5)
    half.defvjp(lambda x: (x * 0.5, None), lambda _, adjoint: (adjoint * 0.5,))
    x = Value(1.0)
    report = str(roundoff(half(x + 1e-9) * 1e9))
    assert "cancel" not in report


def test_what_a_function_of_its_own_loses() -> None:
    """It is said to lose digits by its derivative, though not why."""
    less = custom_vjp(lambda x: x - 1.0)
    less.defvjp(lambda x: (x - 1.0, None), lambda _, adjoint: (adjoint,))
    report = str(roundoff(less(Value(1.0) + 1e-9)))
    assert "loses 9 digits" in report
    assert "cancellation" not in report


def test_a_long_chain() -> None:
    """Depth is no limit, and the table of many nodes is short."""
    x = Value(0.1)
    y = x
    for _ in range(5000):
        y = y + x
    report = roundoff(y)
    assert abs(y.data - 500.1) <= report.bound * SLACK
    lines = str(report).splitlines()
    assert len(lines) == 15
    assert "more nodes" in lines[-1]
    assert "more nodes" in report._repr_html_()


def test_a_picture() -> None:
    """The picture has a node for each of the graph, whose colours are the shares."""
    x = Value(1e-5, label='<x> "&')
    report = roundoff((1.0 - x.cos()) / (x * x))
    source = report.draw().source
    assert source.count("fillcolor") == len(report)
    assert "#ff6b4a" in source
    assert "cancellation loses 10 digits" in source
    assert report.draw().render("svg").startswith(b"<?xml")
    assert "#12161b" in report.draw("TB", theme="dark").source


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: roundoff(2.0), TypeError, "roundoff expected a Value, got 2.0"),  # type: ignore[arg-type]
        (lambda: roundoff(Value(2.0), inputs=-1.0), ValueError, "inputs, the relative error of each leaf"),
        (lambda: roundoff(Value(2.0), inputs=math.nan), ValueError, "to be at least 0, got nan"),
        (lambda: roundoff(Value(2.0)).draw(theme="red"), ValueError, "theme to be one of auto, light"),
        (lambda: roundoff(Value(2.0)).draw("up"), ValueError, "direction to be one of LR"),
    ],
)
def test_mistakes(call: Callable[[], RoundoffReport], error: type[Exception], message: str) -> None:
    """Messages say what came and what was wanted."""
    with pytest.raises(error, match=message):
        call()
