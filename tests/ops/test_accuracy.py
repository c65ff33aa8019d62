"""Accuracy over the whole range of doubles, against formulas evaluated with 50 digits.

Errors are measured in units in the last place (ulp) of the double nearest to the exact result. A partial
computed from the output is only as accurate as the output: if the output over- or underflows, only rules
that do not use it must meet the limit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from inspect import isfunction
from itertools import product
from math import inf, nextafter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from function_oracles import FUNCTIONS, REAL
from mpmath import mp, mpf
from oracles import ORACLES, Formula, Point, log_sum_exp, public, soft_maximum

import autograd
from autograd import OPS, Op, Value, as_values, data, grad, grads, hessian, jit, jvp, value_and_grad, vmap
from benchmarks.accuracy.exceptions import DERIVATIVES, VALUES
from benchmarks.accuracy.measure import COMPILED, bound, measure
from benchmarks.accuracy.peers import eager
from benchmarks.accuracy.subjects import subjects
from benchmarks.accuracy.truths import Truths, drawn
from nn import losses

LARGEST, SMALLEST = 1.7976931348623157e308, 2.2250738585072014e-308

# Limits for rows; in functions composed of several rows the rounding errors add up. The row says how accurate
# its value is, at most so much.
VALUE_ULPS, PARTIAL_ULPS, COMPOSITE_ULPS = 2.0, 4.0, 4.0


# Derivatives that are multiples of exp(-x * x): rounding x * x has the effect of rounding x.
BELLS = ("erf", "erfc")


@contextmanager
def digits() -> Iterator[None]:
    """Use 50 digits, without NumPy's warnings."""
    with np.errstate(all="ignore"), mp.workdps(50):
        yield


def neighbours(number: float) -> tuple[float, float, float]:
    """Return a number and the doubles next to it."""
    return nextafter(number, -inf), number, nextafter(number, inf)


# Points at which a rule or NumPy switches formulas, or a function over- or underflows.
TURNS = (0.0, 0.5, 1.0, 2.0, 5.0, 19.06, 37.0, 40.0, 354.9, 372.6, 709.78, 745.1)
MODERATE = [2.0**k * f for k in range(-30, 10) for f in (1.0, 1.37)]


@cache
def numbers(step: int) -> list[float]:
    """Return doubles over their whole range, `step` powers of ten apart, and the neighbours of the turns."""
    powers = [float(f"{digit}e{k}") for k in range(-323, 309, step) for digit in ("1", "1.7")]
    found = {number for turn in TURNS for number in neighbours(turn)} | {*powers, *MODERATE, LARGEST}
    return sorted({sign * number for number in found for sign in (-1.0, 1.0)})


def ulps(found: float, exact: Any) -> float:
    """Return the error of a number in ulp of the exact one."""
    nearest = float(exact)
    if math.isnan(found) or math.isinf(found) or math.isinf(nearest):
        return 0.0 if found == nearest else inf
    return float(abs(mpf(found) - exact) / math.ulp(nearest))


def is_real(exact: Any) -> bool:
    """Return whether the result of a formula is real and finite."""
    return not isinstance(exact, mp.mpc) and bool(mp.isfinite(exact))


# ----------------------------------------------------------------------------------------------------- rows


KINK_OR_POLE_AT_0 = ("abs", "relu", "cbrt", "truediv", "floordiv", "mod", "hypot", "arctan2")


def has_partials(op: Op, point: Point) -> bool:
    """Return whether a point is inside the domain, not at a kink, and its quotient (if any) has digits."""
    if op.name in KINK_OR_POLE_AT_0 and point[-1] == 0.0:
        return False
    if op.name in ("log", "log2", "log10", "sqrt", "pow") and point[0] <= 0.0:
        return False
    if op.name == "log1p" and point[0] <= -1.0:
        return False
    if op.name in ("arcsin", "arccos", "arctanh") and abs(point[0]) >= 1.0:
        return False
    if op.name == "arccosh" and point[0] <= 1.0:
        return False
    if op.name in ("floordiv", "mod"):
        return abs(point[0]) < 2.0**50 * abs(point[1])
    # Beyond, mpmath would compute every digit of the power.
    return op.name != "pow" or abs(point[1] * math.log(point[0])) < 2000.0


def points_of(op: Op) -> list[Point]:
    """Return points over the whole range of the arguments of a row."""
    if len(op.partials) == 1:
        points: Iterable[Point] = [(x,) for x in numbers(7)]
    else:
        some = [*numbers(47)[::6], -2.0, -0.5, 0.25, 1 / 3, 1.5, 2.0, 3.0]
        points = product(some, some)
    return [point for point in points if has_partials(op, point)]


ROWS = [name for name, op in OPS.items() if len(op.partials) < 3 and not op.variadic]


@pytest.mark.parametrize("name", ROWS)
def test_rows(name: str) -> None:
    """Values are within 2 ulp and partials within 4, from the smallest double to the largest."""
    op = OPS[name]
    with digits():
        for point in points_of(op):
            exact = ORACLES[name].exact(*map(mpf, point))
            if not is_real(exact):
                continue
            node = public(op)(*map(Value, point))
            assert ulps(node.data, exact) <= op.ulps, (point, node.data, float(exact))
            in_range = exact == 0 or SMALLEST <= abs(exact) <= LARGEST
            for rule, partial, slope in zip(op.partials, node.partials, ORACLES[name].slopes, strict=True):
                if in_range or "out" not in rule.names:
                    wanted = slope(*map(mpf, point))
                    error = ulps(0.0 if partial is None else partial, wanted)
                    limit = PARTIAL_ULPS * (condition(slope, *point) if name in BELLS else 1.0)
                    assert error <= limit or is_lost(op, wanted), (rule, point, partial, float(wanted))


def is_lost(op: Op, exact: Any) -> bool:
    """Return whether a partial may be 0: that of arctan2 is below 1e-308 if the distance overflows."""
    return op.name == "arctan2" and abs(exact) < SMALLEST


def test_every_row_is_tested() -> None:
    """Each row has an oracle, and each oracle a row, with a derivative for each argument."""
    assert ORACLES.keys() == OPS.keys() == {"where", *subjects()} - FUNCTIONS.keys()
    assert {name: len(oracle.slopes) for name, oracle in ORACLES.items()} == {
        name: len(op.partials) for name, op in OPS.items()
    }


def test_every_loss_is_measured() -> None:
    """Each function of `nn.losses` that returns a loss is among what is measured."""
    functions = [f for f in map(vars(losses).get, losses.__all__) if isfunction(f)]
    found = {f.__name__ for f in functions if f.__annotations__["return"] == "Value"}
    assert {"mse", "l1_penalty"} < found
    assert found <= {re.split(r"[ ,]", name)[0] for name in FUNCTIONS}


@pytest.mark.parametrize("condition", [0.0, 1.0])
@pytest.mark.parametrize("x", [-LARGEST, 5e-324, 0.0, inf])
def test_choices(condition: float, x: float) -> None:
    """A choice is exact."""
    one, other = Value(x), Value(0.75)
    chosen = autograd.where(condition, one, other)
    chosen.backward()
    assert (chosen.data, one.grad, other.grad) == (x if condition else 0.75, condition, 1.0 - condition)


LOGITS = [
    (0.0, -40.0),
    (0.0, -800.0, -1.0),
    (1e16, 1e16),
    (1000.0, 1000.25, 998.0),
    (-1000.0, -1003.0),
    (1e308, 1e308, -1e308),
    (5e-324, -5e-324, 0.0),
    (0.1, 0.2, 0.3, 0.4, -50.0),
    (-745.0, 0.0, 710.0),
    (30.0, 30.0, 30.0, 29.0),
]


@pytest.mark.parametrize("logits", LOGITS)
def test_softmax(logits: Point) -> None:
    """`logsumexp` and its partials are as accurate as the logits allow."""
    with digits():
        leaves = as_values(logits)
        value = autograd.logsumexp(leaves)
        value.backward()
        assert ulps(value.data, log_sum_exp([*map(mpf, logits)])) <= VALUE_ULPS
        wanted = soft_maximum([*map(mpf, logits)])
        numbers_found = zip(logits, grads(leaves), data(autograd.softmax(leaves)), wanted, strict=True)
        for x, partial, share, exact in numbers_found:
            # The difference of two logits that are 50 apart is rounded to half an ulp of 50.
            apart = max(1.0, abs(x - max(logits)))
            assert ulps(partial, exact) <= PARTIAL_ULPS * apart
            assert ulps(share, exact) <= COMPOSITE_ULPS * apart


@pytest.mark.parametrize(("backend", "logits"), [*product(["numpy"], LOGITS), ("numba", LOGITS[3])])
def test_compiled_softmax(backend: str, logits: Point) -> None:
    """Compiled functions subtract the maximum first as well."""
    if backend == "numba":
        pytest.importorskip("numba")
    compiled = jit(value_and_grad(autograd.logsumexp), backend=backend)
    compiled(np.array(logits))
    compiled.wait()
    value, partials = compiled(np.array(logits))
    with digits():
        assert ulps(value, log_sum_exp([*map(mpf, logits)])) <= VALUE_ULPS
        for x, partial, exact in zip(logits, partials, soft_maximum([*map(mpf, logits)]), strict=True):
            assert ulps(partial, exact) <= PARTIAL_ULPS * max(1.0, abs(x - max(logits)))


def test_dot_is_exact_in_its_partials() -> None:
    """The partials of `dot` are exactly the other operands, those of `sum` are exactly 1."""
    x, y = as_values([1e-300, 3.0, -1e300]), as_values([5e-324, 1 / 3, 7.0])
    autograd.dot(x, y).backward()
    np.testing.assert_array_equal([grads(x), grads(y)], [data(y), data(x)])
    leaves = as_values([1e300, -5e-324])
    autograd.sum(leaves).backward()
    np.testing.assert_array_equal(grads(leaves), [1.0, 1.0])


# ------------------------------------------------------------------------------------ second derivatives


SECOND: dict[str, Formula] = {
    "tanh": lambda x: -2 * mp.tanh(x) * mp.sech(x) ** 2,
    "sech2": lambda x: mp.sech(x) ** 2 * (4 * mp.tanh(x) ** 2 - 2 * mp.sech(x) ** 2),
    "sigmoid": lambda x: -mp.tanh(x / 2) * mp.sech(x / 2) ** 2 / 4,
    "softplus": lambda x: mp.sech(x / 2) ** 2 / 4,
    "expm1": mp.exp,
    "arctan": lambda x: -2 * x / (1 + x * x) ** 2,
    "log1p": lambda x: -1 / (1 + x) ** 2,
    "sqrt": lambda x: -1 / (4 * x * mp.sqrt(x)),
    "tan": lambda x: 2 * mp.tan(x) * mp.sec(x) ** 2,
    "arcsinh": lambda x: -x / (1 + x * x) / mp.sqrt(1 + x * x),
}


@pytest.mark.parametrize("name", SECOND)
@pytest.mark.parametrize("way", ["eager", "compiled"])
def test_second_derivatives(name: str, way: str) -> None:
    """Second derivatives follow from the same rules and are as accurate."""
    points = [x for x in numbers(29) if 1e-30 < abs(x) < 1e30 and has_partials(OPS[name], (x,))]
    second = grad(grad(public(OPS[name])))
    with digits():
        found = (
            [second(x) for x in points]
            if way == "eager"
            else jit(vmap(second), backend="numpy")(np.array(points)).tolist()
        )
        for x, number in zip(points, found, strict=True):
            exact = SECOND[name](mpf(x))
            if abs(exact) > LARGEST:
                continue
            # Near a root two terms cancel; the error is that of one term, about as large as the slope.
            slack = 2.0 * math.ulp(float(ORACLES[name].slopes[0](mpf(x)))) / math.ulp(float(exact))
            assert ulps(number, exact) <= 16.0 + slack, (x, number, float(exact))


# ------------------------------------------------------------------------------------- composites and losses


# One-argument forms of functions of two: the other argument is fixed.
FIXED = {
    "mae": 0.75,
    "mse": 0.75,
    "huber": -0.75,
    "half_squared_error": -0.75,
    "binary_cross_entropy": 0.25,
    "binary_cross_entropy_with_logits": 0.25,
}


def of_one(name: str) -> tuple[Formula, Formula, Formula]:
    """Return a function of one number, its formula and that of its derivative."""
    function = FUNCTIONS[name]
    rest = [FIXED[name]] if name in FIXED else []
    return (
        lambda x: function.ours([x, *rest]),
        lambda x: function.exact(x, *map(mpf, rest)),
        lambda x: function.slopes(x, *map(mpf, rest))[0],
    )


# NumPy's functions of arrays are tested by `test_bounds`.
ONES = [
    name
    for name, function in FUNCTIONS.items()
    if (name in FIXED or len(function.within) == 1) and not name.startswith("numpy")
]


def condition(formula: Formula, x: float) -> float:
    """Return the relative condition number of a formula at a point, or 1 if it is smaller."""
    at, value = mpf(x), formula(mpf(x))
    if value == 0 or x == 0.0:
        return 1.0
    step = abs(at) * mpf(10) ** -20
    slope = (formula(at + step) - formula(at - step)) / (2 * step)
    return max(1.0, float(min(abs(at * slope / value), 1e300)))


def assert_accurate(found: float, formula: Formula, x: float) -> None:
    """Assert that a result is as accurate as with exact arithmetic on a slightly rounded argument."""
    exact = formula(mpf(x))
    limit = COMPOSITE_ULPS * condition(formula, x)
    assert ulps(found, exact) <= limit or abs(exact) < SMALLEST, (x, found, float(exact))


@pytest.mark.parametrize("name", ONES)
def test_composites_and_losses(name: str) -> None:
    """Functions composed of rows, and their derivatives, are as accurate as their arguments allow."""
    function, formula, slope = of_one(name)
    low, high = FUNCTIONS[name].within[0]
    with digits():
        for x in numbers(7):
            if not low < x < high:
                continue
            leaf = Value(x)
            out = function(leaf)
            out.backward()
            assert_accurate(out.data, formula, x)
            # At most 1e307: an infinite loss or derivative cannot be compared.
            if x not in (0.0, -1.0, 1.0) and math.isfinite(out.data) and abs(slope(mpf(x))) < 1e307:
                assert_accurate(leaf.grad, slope, x)


BATCHED = [name for name in ONES if name != "mse" and FUNCTIONS[name].within[0] == REAL]


# Numba is not given programs as long as that of all.
@pytest.mark.parametrize(("backend", "part"), [("numpy", 0), *product(["numba"], [0, 1, 2])])
def test_compiled_composites_and_losses(backend: str, part: int) -> None:
    """Compiled for a batch they are as accurate, allowing 4 more ulp for NumPy's own functions."""
    if backend == "numba":
        pytest.importorskip("numba")
    cases = {name: of_one(name) for name in (BATCHED[part::3] if backend == "numba" else BATCHED)}
    points = np.array([x for x in numbers(31) if abs(x) < 1e100 and x not in (0.0, -1.0, 1.0)])

    def batch(x: Any) -> Any:
        return {name: vmap(value_and_grad(function))(x) for name, (function, _, _) in cases.items()}

    compiled = jit(batch, backend=backend)
    compiled(points)
    compiled.wait()
    assert compiled.report().backend == backend
    with digits():
        for name, found in compiled(points).items():
            for numbers_found, formula in zip(found, cases[name][1:], strict=True):
                for x, number in zip(points.tolist(), numbers_found.tolist(), strict=True):
                    exact, factor = formula(mpf(x)), condition(formula, x)
                    assert ulps(number, exact) <= 8.0 * factor or abs(exact) < SMALLEST, (name, x, number)


@pytest.mark.parametrize("name", subjects())
def test_bounds(name: str) -> None:
    """At random points of every kind, values and derivatives are within the bounds of the published table."""
    truths = drawn(subjects()[name], seed=1, count=50)
    assert measure(truths, {"chainrule": eager}).missed("chainrule") == []


def test_published_table() -> None:
    """No figure of the published table is beyond its bound, and nothing in it is unknown."""
    text = (Path(__file__).parents[2] / "benchmarks" / "ACCURACY.md").read_text(encoding="utf-8")
    line = r"^\| `([^`]+)`(?: \([\d, ]+\))? \| (.+) \|$"
    found = dict(re.findall(line, text.partition("## Compiled")[0], re.MULTILINE))
    assert found.keys() <= subjects().keys()
    assert len(found) > len(ROWS)
    for name, cells in found.items():
        figures = [float(cell or "nan") for cell in cells.split(" | ")]
        # Values of chainrule, NumPy, PyTorch and JAX, then derivatives of all but NumPy.
        assert figures[0] <= bound(subjects()[name], VALUES), name
        assert figures[4] <= bound(subjects()[name], DERIVATIVES), name


FOUND = [
    ("sech2", [[7.450580596928922e-09], [-7.202390904330893e-09]]),
    ("tanh", [[-0.9999999999999993], [0.874], [0.876]]),
    ("cross_entropy of 4 logits, the first class", [[-1e17, 0.0, 1.0, 2.0], [-1000.0, 0.1, 0.2, 0.3]]),
    (
        "cross_entropy of 4 logits, 4 probabilities",
        [[1.0, 27.2, 95.9, 7e-4, 0.2, 0.1, 0.54, 0.16], [5e-13, 0.0, 0.0, 7e75, 2e-9, 7e-4, 1e-6, 0.61]],
    ),
]


@pytest.mark.parametrize(("name", "points"), FOUND)
def test_found(name: str, points: list[list[float]]) -> None:
    """At points where large errors were found, values and derivatives are within the bounds now."""
    truths = Truths(subjects()[name], np.array(points))
    found = measure(truths, {"eager": eager, "compiled": COMPILED["numpy"]})
    assert found.missed("eager") + found.missed("compiled") == []


# ------------------------------------------------------------------------------------------- masked logits


MASKED = [
    (0, [math.log1p(math.exp(-1.0)), -0.2689414213699951, 0.0, 0.2689414213699951]),
    ([1.0, 0.0, 0.0], [math.log1p(math.exp(-1.0)), -0.2689414213699951, 0.0, 0.2689414213699951]),
    ([0.9, 0.0, 0.1], [0.41326168751822287, -0.1689414213699951, 0.0, 0.1689414213699951]),
    (1, [inf, 0.7310585786300049, -1.0, 0.2689414213699951]),
]


@pytest.mark.parametrize(("target", "expected"), MASKED)
def test_masked_logits(target: Any, expected: list[float]) -> None:
    """A class with a logit of minus infinity contributes nothing to the loss or any of its derivatives."""
    logits = np.array([2.0, -inf, 1.0])

    def loss(x: Any) -> Any:
        return losses.cross_entropy(x, target)

    def batch(x: Any) -> Any:
        return losses.cross_entropy(x, [target, target])

    value, gradient = value_and_grad(loss)(logits)
    assert [value, *gradient] == pytest.approx(expected, rel=1e-15)
    _, slope = jvp(loss, (logits,), (np.array([1.0, 0.0, 0.0]),))
    assert slope == pytest.approx(expected[1], rel=1e-15)
    curvature = 0.19661193324148185
    wanted = [[curvature, 0.0, -curvature], [0.0, 0.0, 0.0], [-curvature, 0.0, curvature]]
    for backend in (None, "numpy"):
        of = (lambda f: f) if backend is None else (lambda f: jit(f, backend="numpy"))
        np.testing.assert_allclose(of(hessian(loss))(logits), wanted, rtol=1e-14)
        value, gradient = of(value_and_grad(batch))(np.array([logits, logits]))
        assert value == pytest.approx(expected[0], rel=1e-15)
        np.testing.assert_allclose(gradient, np.array([expected[1:]] * 2) / 2, rtol=1e-14)


@pytest.mark.parametrize("logit", [-inf, inf])
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_infinite_logits(logit: float, target: float) -> None:
    """An infinite logit of the right sign has loss 0; the derivative is -1, 0 or 1."""
    expected = (inf if (logit > 0) != (target == 1.0) else 0.0, float(logit > 0) - target)

    def loss(x: Any, y: Any) -> Any:
        return losses.binary_cross_entropy_with_logits(x, y)

    assert value_and_grad(loss)(logit, target) == expected
    assert jit(value_and_grad(loss), backend="numpy")(logit, target) == expected


def test_gradients_by_targets() -> None:
    """The gradient with respect to a target is continuous at targets of 0 and 1."""
    for target in (0.0, 1.0):
        y = Value(target)
        losses.binary_cross_entropy_with_logits(0.75, y).backward()
        assert y.grad == pytest.approx(-0.75, rel=1e-15)
        y.grad = 0.0
        losses.binary_cross_entropy(0.75, y).backward()
        assert y.grad == pytest.approx(math.log(0.25) - math.log(0.75), rel=1e-15)
    weights = as_values([1.0, 0.0])
    losses.cross_entropy([0.0, 0.75], weights).backward()
    total = math.log(1.0 + math.exp(0.75))
    np.testing.assert_allclose(grads(weights), [total, total - 0.75], rtol=1e-14)
