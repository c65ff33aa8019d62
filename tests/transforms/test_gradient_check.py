import html
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import OPS, Op, Value, check_grads
from autograd.engine.apply import apply, apply_variadic
from autograd.engine.gradients import has_gradient
from autograd.ops.rule import Rule
from autograd.transforms import gradient_check
from autograd.transforms.gradient_check import GradientReport, KinkWarning, _scaled_direction
from nn import MLP

ROWS = [pytest.param(op, id=op.name) for op in OPS.values()]
PARTIALS = [
    pytest.param(op, i, id=f"{op.name}-{i}")
    for op in OPS.values()
    for i in range(len(op.partials))
    if not op.selects(i)  # 0 times 1.001 is still right.
]


def call(op: Op) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a row as a function of its differentiable operands, and a point inside its domain."""
    point = [0.3 * low + 0.7 * high for low, high in op.domain]
    if op.variadic:
        return lambda *columns: apply_variadic(op, *columns), tuple(
            np.array([number, 0.5 * number, number + 0.25]) for number in point
        )
    if op.name == "where":
        return lambda x, y: apply(op, 1.0, x, y) + apply(op, 0.0, x, y), tuple(point[1:])
    return lambda *args: apply(op, *args), tuple(point)


def report(
    f: Callable[..., Any], *args: Any, order: int = 1, modes: Sequence[str] = ("fwd", "rev")
) -> GradientReport:
    """Return the table of a check."""
    found = check_grads(f, args, order, modes, report=True)
    assert isinstance(found, GradientReport)
    return found


@pytest.mark.parametrize("op", ROWS)
def test_each_row_passes(op: Op) -> None:
    """Derivatives of each row of the table are right up to the second order, in both modes."""
    f, args = call(op)
    assert check_grads(f, args) is None


@pytest.mark.parametrize(("op", "i"), PARTIALS)
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_a_wrong_rule_is_caught(op: Op, i: int, mode: str) -> None:
    """A partial that is wrong by 0.1% is caught in either mode, and the message shows it."""
    rules = [Rule(f"1.001 * ({rule})") if j == i else rule for j, rule in enumerate(op.partials)]
    f, args = call(replace(op, partials=tuple(rules)))
    if (op.name == "max" and i == 1) or (op.name == "min" and i == 1):
        args = args[::-1]
    with pytest.raises(AssertionError, match="derivatives are wrong"):
        check_grads(f, args, 1, [mode])


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda x: autograd.exp(autograd.sin(x)) * x**3, (0.7,)),
        (lambda x: autograd.sum(x**3) / x[0], (np.array([0.5, -1.5, 2.0]),)),
        (lambda x: np.array([x[0] * x[1], autograd.tanh(x[1])]), (np.array([0.5, -1.5]),)),
        (lambda d, c: {"a": d["w"][0] * c, "b": [d["v"] ** 2]}, ({"w": [1.5], "v": 2.0}, 3.0)),
        (lambda x: x**3, (0.0,)),
        (lambda x: x, (1e8,)),
        (lambda x: 3.0, (1.0,)),
    ],
    ids=["scalar", "array", "several results", "nested", "flat", "large", "constant"],
)
def test_right_functions_pass(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Right derivatives pass up to the third order, without a warning."""
    assert check_grads(f, args, order=3) is None


def test_models() -> None:
    """A model is checked with respect to its parameters, named in the table, and is not changed."""
    model = MLP(2, [2, 1], "tanh", rng=0)
    before = model.state_dict()
    rows = report(lambda model, x: model(x), model, np.array([0.5, -1.0])).rows
    assert [row.input for row in rows] == [f"model[{name!r}]" for name in before] + ["x[0]", "x[1]"]
    assert all(row.is_right for row in rows)
    assert model.state_dict() == before
    assert not any(map(has_gradient, model.parameters()))


@pytest.mark.parametrize(
    ("f", "args", "expected"),
    [
        (autograd.relu, (0.0,), [(0.0, 1.0, 0.0)]),
        (abs, (0.0,), [(-1.0, 1.0, 0.0)]),
        (autograd.max, (2.0, 2.0), [(0.0, 1.0, 1.0), (0.0, 1.0, 0.0)]),
        (autograd.min, (2.0, 2.0), [(0.0, 1.0, 1.0), (0.0, 1.0, 0.0)]),
        (lambda x: -3.0 * autograd.relu(x) + x, (0.0,), [(-2.0, 1.0, 1.0)]),
        (lambda x: autograd.hypot(x, 0.0), (0.0,), [(-1.0, 1.0, 0.0)]),
    ],
    ids=["relu", "abs", "max", "min", "sum", "hypot"],
)
def test_kinks_are_explained(
    f: Callable[..., Any], args: tuple[float, ...], expected: list[tuple[float, float, float]]
) -> None:
    """At a kink the check warns with both slopes, the subgradients between them and the convention used."""
    with pytest.warns(KinkWarning) as caught:
        assert check_grads(f, args) is None
    lines = str(caught[0].message).splitlines()
    for line, (low, high, taken) in zip(lines, expected, strict=True):
        assert line.endswith(
            f"kink: any number in [{low:g}, {high:g}] is a subgradient, the convention taken is {taken:g}"
        )
    assert caught[0].filename == __file__


def test_a_kink_has_no_second_derivative() -> None:
    """An input at a kink is left out of the next order; the others are checked."""
    rows = report(lambda x, y: autograd.relu(x) * y + y**3, 0.0, 2.0, order=2, modes=["rev"]).rows
    assert [(row.order, row.input, row.is_kink) for row in rows] == [
        (1, "x", True),
        (1, "y", False),
        (2, "y", False),
    ]


def test_a_wrong_slope_at_a_kink_fails() -> None:
    """At a kink a derivative outside the interval of the two slopes is wrong."""
    wrong = replace(OPS["relu"], partials=(Rule("where(x <= 0.0, 1.5, 1.0)"),))
    with pytest.raises(AssertionError, match=r"\[0, 1\] .* taken is 1.5, which is WRONG"):
        check_grads(lambda x: apply(wrong, x), (0.0,))


def test_the_edge_of_a_domain() -> None:
    """At the edge of a domain the derivative is compared with the slope inside."""
    (row,) = report(autograd.sqrt, 0.0, order=2).rows
    assert (row.analytic, row.slopes.right.value) == (math.inf, math.inf)
    assert math.isnan(row.slopes.left.value)
    assert (row.remark, row.is_right, row.error) == ("edge of the domain", True, 0.0)


def test_an_infinite_slope_on_one_side() -> None:
    """If the slope on one side is infinite, that of the other side is a subgradient."""
    (row,) = report(lambda x: autograd.sqrt(x) if x > 0.0 else x, 0.0).rows
    assert (row.slopes.left.value, row.slopes.right.value) == (1.0, math.inf)
    assert (row.analytic, row.is_kink, row.is_right) == (1.0, True, True)


def test_an_infinite_slope_is_not_a_finite_derivative() -> None:
    """A finite derivative is wrong if the slopes on both sides are infinite."""
    (row,) = report(lambda x: autograd.sum([autograd.abs(x) ** 0.5 * autograd.where(x > 0, 1, -1)]), 0.0).rows
    assert (row.slopes.left.value, row.slopes.right.value) == (math.inf, math.inf)
    assert (row.is_kink, row.is_right, row.remark) == (False, False, "WRONG")


def test_the_table() -> None:
    """For each input the report shows derivative, slopes, error and step, as text and HTML."""
    found = report(lambda x, y: autograd.relu(x) * y, 0.0, 2.0)
    head, *lines = str(found).splitlines()
    assert head == "order  modes     input  analytic  left  right  central  relative error     step  remark"
    assert [line.split()[:7] for line in lines] == [
        ["1", "fwd,", "rev", "x", "0", "0", "2"],
        ["1", "fwd,", "rev", "y", "0", "0", "0"],
    ]
    assert "kink: any number in [0, 2]" in lines[0]
    page = found._repr_html_()
    assert page.count("<tr>") == 3
    assert html.escape("kink: any number in [0, 2]") in page
    assert found.passed
    assert repr(found) == str(found)


def test_names_in_a_page_are_text() -> None:
    """Keys of an argument are escaped in HTML."""
    page = report(lambda d: d["<b>"] * 2.0, {"<b>": 1.0})._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_a_report_neither_raises_nor_warns() -> None:
    """With report=True the check neither raises nor warns; the table shows what is wrong."""
    wrong = replace(OPS["sin"], partials=(Rule("1.1 * cos(x)"),))
    found = report(lambda x, y: apply(wrong, x) + abs(y), 1.0, 0.0)
    assert [row.remark[:5] for row in found.rows] == ["WRONG", "kink:"]
    assert not found.passed
    assert found.rows[0].error == pytest.approx(0.1 / 1.1)


def test_the_message_shows_what_is_wrong_only() -> None:
    """The error message counts all derivatives and lists the wrong ones."""
    wrong = replace(OPS["mul"], partials=(Rule("y"), Rule("2.0 * x")))
    with pytest.raises(AssertionError) as raised:
        check_grads(lambda x, y: apply(wrong, x, y), (1.0, 3.0), order=1)
    first, _, *rows = str(raised.value).splitlines()
    assert first == "1 of 2 derivatives are wrong:"
    assert [row.split()[3] for row in rows] == ["y"]


def test_values_at_the_edge_do_not_warn() -> None:
    """Evaluating outside the domain, which is the check's doing, gives no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report(autograd.log, 1e-9)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"args": 1.0}, TypeError, "expected args to be a tuple"),
        ({"args": ("x",)}, TypeError, "'x'"),
        ({"args": (np.array([1, 2]),)}, TypeError, "astype"),
        ({"order": 0}, ValueError, "expected order >= 1"),
        ({"modes": ()}, ValueError, "'fwd' and 'rev'"),
        ({"modes": ("backward",)}, ValueError, "'backward'"),
    ],
)
def test_bad_input(words: dict[str, Any], error: type[Exception], message: str) -> None:
    """Arguments that cannot be checked raise an error that says what is expected."""
    with pytest.raises(error, match=message):
        check_grads(**{"f": autograd.exp, "args": (1.0,), **words})


def test_arguments_may_be_values() -> None:
    """An argument that is a Value is checked at its number and gets no gradient."""
    x = Value(2.0)
    assert check_grads(lambda x: x**3, (x,)) is None
    assert not has_gradient(x)


# ---------------------------------------------------------------------------------------------- false alarms


SMOOTH: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "x**0.5": (lambda x: x**0.5, True),
    "x**-1.5": (lambda x: x**-1.5, True),
    "x**3": (lambda x: x**3, False),
    "1/x": (lambda x: 1.0 / x, False),
    "1/(1 + x*x)": (lambda x: 1.0 / (1.0 + x * x), False),
    "1e6 + x*x": (lambda x: 1e6 + x * x, False),
    "sin(x) if small": (lambda x: autograd.sin(x) if abs(float(x.data)) < 1.2345e6 else x, False),
    **{name: (getattr(autograd, name), name in ("log", "sqrt")) for name in ("exp", "log", "sqrt", "tanh")},
    **{name: (getattr(autograd, name), False) for name in ("sigmoid", "softplus", "arctan", "log1p", "relu")},
}


@pytest.mark.parametrize("name", SMOOTH)
@settings(max_examples=30)
@given(exponent=st.integers(-300, 300) | st.integers(-12, 12), factor=st.floats(1.0, 9.0), sign=st.booleans())
def test_no_false_alarms(name: str, exponent: int, factor: float, sign: bool) -> None:
    """Right derivatives pass at any scale, to the second order."""
    f, is_positive = SMOOTH[name]
    x = factor * 10.0**exponent * (-1.0 if sign and not is_positive else 1.0)
    assert check_grads(f, (x,)) is None


@pytest.mark.parametrize(
    ("f", "x"),
    [(lambda x: x**0.5, 1e-12), (autograd.log, 1e-300), (lambda x: 1.0 / x, 1e-5), (autograd.tanh, 10.0)],
    ids=["root", "log", "inverse", "tanh"],
)
def test_no_false_alarms_at_known_points(f: Callable[..., Any], x: float) -> None:
    """Points that once gave false alarms pass."""
    assert check_grads(f, (x,), order=3) is None


@pytest.mark.parametrize("name", ["sqrt", "log", "inverse"])
@pytest.mark.parametrize("x", [1e-150, 1e-12, 1e-5, 1e-3, 1.0])
def test_errors_are_found_at_any_scale(name: str, x: float) -> None:
    """An error of 0.1% is found at any scale."""
    rules = {"sqrt": ["1.001 * 0.5 / out"], "log": ["1.001 / x"], "inverse": ["1.0 / y", "-1.001 * out / y"]}
    wrong = replace(OPS["truediv" if name == "inverse" else name], partials=tuple(map(Rule, rules[name])))
    f = partial(apply, wrong, *[1.0] * (name == "inverse"))
    with pytest.raises(AssertionError, match="WRONG"):
        check_grads(f, (x,), order=1)


def test_nothing_can_be_measured() -> None:
    """If all values nearby are non-finite, any number passes as a derivative, but not nan."""
    (row,) = report(lambda x: autograd.where(x > 1.0, np.nan, autograd.where(x < 1.0, np.nan, x)), 1.0).rows
    assert (row.is_right, row.remark) == (True, "no finite values around")
    with pytest.raises(AssertionError, match=r"no finite values around, WRONG"):
        check_grads(lambda x: x * np.nan, (1.0,), order=1)


# --------------------------------------------------------------------------------------------- many inputs


WRONG = replace(OPS["sin"], partials=(Rule("1.001 * cos(x)"),))

# Gradient entries from 1 down to 1e-6.
SIZES = 10.0 ** -np.linspace(0.0, 6.0, 100)


def waves(x: Any, wrong: int = -1) -> Any:
    """Return a sum of sines of different sizes, one of them with a wrong derivative."""
    parts = [apply(WRONG, item) if i == wrong else autograd.sin(item) for i, item in enumerate(x)]
    return autograd.sum(parts * SIZES)


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_an_error_in_any_entry_is_found(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of 0.1% in any one of 100 inputs is detected along a direction."""

    class FoundError(Exception):
        """Raised when the check goes on to every entry."""

    def found(*_: Any) -> Any:
        raise FoundError

    monkeypatch.setattr(gradient_check._Point, "each", found)
    x = np.random.default_rng(1).uniform(-1.0, 1.0, 100)
    check_grads(waves, (x,), 1, [mode])
    for wrong in range(100):
        with pytest.raises(FoundError):
            check_grads(partial(waves, wrong=wrong), (x,), 1, [mode])


@pytest.mark.parametrize("every_entry", [None, True])
def test_the_entry_that_is_wrong_is_named(every_entry: bool | None) -> None:
    """The message names exactly the input with the wrong derivative."""
    with pytest.raises(AssertionError, match="1 of 100 derivatives are wrong") as raised:
        check_grads(partial(waves, wrong=71), (np.full(100, 0.5),), order=1, every_entry=every_entry)
    assert [line.split()[3] for line in str(raised.value).splitlines()[2:]] == ["x[71]"]


@pytest.mark.parametrize(("count", "probability"), [(100, 1.0), (300, 0.9999), (1000, 0.98)])
def test_how_probably_an_error_is_found(count: int, probability: float) -> None:
    """A direction detects an error of 0.1% in one of many entries with the stated probability."""
    gradient = (10.0 ** -np.linspace(0.0, 3.0, count)).tolist()
    found = 0
    for seed in range(1000):
        parts = np.array(_scaled_direction(gradient, range(count), seed)) * gradient
        found += int((1e-3 * np.abs(parts) > 1e-5 * max(1.0, abs(parts.sum())) + 1e-5).sum())
    assert found / (1000 * count) >= probability


def test_a_common_factor_is_found() -> None:
    """An error common to all entries is detected along a direction too."""
    with pytest.raises(AssertionError, match="100 of 100 derivatives are wrong"):
        check_grads(lambda x: autograd.sum([apply(WRONG, item) for item in x]), (np.full(100, 0.5),), order=1)


def test_many_inputs_cost_few_calls() -> None:
    """The number of function calls does not grow with the number of inputs, unless every_entry is set."""
    calls = []

    def f(x: Any) -> Any:
        calls.append(len(x))
        return autograd.sum(autograd.sin(x) * x[0])

    counts = []
    for size, every_entry in ((20, None), (100, None), (20, True)):
        calls.clear()
        check_grads(f, (np.linspace(0.1, 1.0, size),), every_entry=every_entry)
        counts.append(len(calls))
    assert counts[0] == counts[1] < 250 < counts[2]


def test_reports_of_many_inputs() -> None:
    """A report has a row for every entry, or one for all with every_entry=False."""
    x = (np.linspace(0.1, 1.0, 12),)
    whole = check_grads(waves_of_few, x, 1, report=True)
    assert whole is not None
    assert len(whole.rows) == 12
    short = check_grads(waves_of_few, x, 2, report=True, every_entry=False)
    assert short is not None
    assert [(row.order, row.modes, row.input) for row in short.rows] == [
        (1, "fwd, rev", "12 inputs"),
        (2, "fwd", "12 inputs"),
        (2, "rev", "12 inputs"),
    ]
    assert short.passed


def waves_of_few(x: Any) -> Any:
    """Return a sum of x sin x."""
    return autograd.sum(autograd.sin(x) * x)


def test_kinks_among_many_inputs() -> None:
    """A kink in one of many inputs is explained and left out of the next order, as among few."""
    x = np.linspace(0.5, 1.5, 20)
    x[7] = 0.0
    with pytest.warns(KinkWarning, match=r"at input x\[7\]: kink: any number in \[0, 1\] .* taken is 0"):
        check_grads(lambda x: autograd.sum(autograd.relu(x) * x[0] * 2.0), (x,))


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1e3, 1e9])
def test_many_inputs_of_other_scales(scale: float) -> None:
    """Inputs and derivatives of any, also mixed, scales pass; errors in them are found."""
    x = scale * np.linspace(0.1, 1.0, 30)
    x[::3] = np.linspace(0.5, 2.0, 10)
    for f in (lambda x: autograd.sum(autograd.log(x)), lambda x: autograd.sum(autograd.sqrt(x)) * x[3]):
        assert check_grads(f, (x,)) is None
    if 1e-3 <= scale <= 1e3:
        wrong = replace(OPS["log"], partials=(Rule("1.001 / x"),))
        for i in (0, 1):
            rows = [wrong if i == j else OPS["log"] for j in range(30)]
            with pytest.raises(AssertionError, match="1 of 30 derivatives are wrong"):
                check_grads(lambda x, rows=rows: autograd.sum(map(apply, rows, x)), (x,), order=1)


def test_a_function_without_a_signature() -> None:
    """The inputs of a builtin of which Python knows no signature are named by their places."""
    report = check_grads(max, (2.0, 1.0), 1, report=True)
    assert report is not None
    assert report.passed
    assert len({row.input for row in report.rows}) == 2


def test_an_infinite_gradient_along_a_direction() -> None:
    """A direction says nothing of an infinite derivative, among many inputs either: each is looked at."""
    x = np.linspace(0.0, 1.0, 20)
    report = check_grads(lambda x: autograd.sum(autograd.sqrt(x)), (x,), 1, ["rev"], report=True)
    assert report is not None
    assert [row.analytic for row in report.rows] == [math.inf, *(0.5 / np.sqrt(x[1:]))]
    assert report.passed
