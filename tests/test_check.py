import html
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import OPS, Op, Value, check_grads
from autograd.apply import apply, apply_variadic
from autograd.check import KinkWarning, Report
from autograd.node import has_gradient
from nn import MLP

ROWS = [pytest.param(op, id=op.name) for op in OPS.values()]
PARTIALS = [
    pytest.param(op, i, id=f"{op.name}-{i}")
    for op in OPS.values()
    for i, (rule, (low, high)) in enumerate(zip(op.partials, op.domain, strict=True))
    if rule != "0.0"  # 0.1% more of 0 is not wrong
]


def call(op: Op) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a row as a function of what it is differentiated by, and a point inside of its domain."""
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
) -> Report:
    """Return the table of a check."""
    found = check_grads(f, args, order, modes, report=True)
    assert isinstance(found, Report)
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
    rules = [f"1.001 * ({rule})" if j == i else rule for j, rule in enumerate(op.partials)]
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
    """Derivatives that are right pass up to the third order, without a warning."""
    assert check_grads(f, args, order=3) is None


def test_models() -> None:
    """A model is checked by its parameters, which the table names, and is not changed."""
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
    """At a kink the check warns of the two slopes, the subgradients between, and the convention taken."""
    with pytest.warns(KinkWarning) as caught:
        assert check_grads(f, args) is None
    lines = str(caught[0].message).splitlines()
    for line, (low, high, taken) in zip(lines, expected, strict=True):
        assert line.endswith(
            f"kink: any slope in [{low:g}, {high:g}] is a subgradient, the convention taken is {taken:g}"
        )
    assert caught[0].filename == __file__


def test_a_kink_has_no_second_derivative() -> None:
    """An input at a kink is left out of the next order, while the others go on."""
    rows = report(lambda x, y: autograd.relu(x) * y + y**3, 0.0, 2.0, order=2, modes=["rev"]).rows
    assert [(row.order, row.input, row.is_kink) for row in rows] == [
        (1, "x", True),
        (1, "y", False),
        (2, "y", False),
    ]


def test_a_wrong_slope_at_a_kink_fails() -> None:
    """At a kink a derivative beyond the slopes of the two sides is wrong."""
    wrong = replace(OPS["relu"], partials=("where(x <= 0.0, 1.5, 1.0)",))
    with pytest.raises(AssertionError, match=r"\[0, 1\] .* taken is 1.5, which is WRONG"):
        check_grads(lambda x: apply(wrong, x), (0.0,))


def test_the_edge_of_a_domain() -> None:
    """Where only one side has values, the derivative is compared with its slope."""
    (row,) = report(autograd.sqrt, 0.0, order=2).rows
    assert (row.analytic, row.slopes.right.value) == (math.inf, math.inf)
    assert math.isnan(row.slopes.left.value)
    assert (row.remark, row.is_right, row.error) == ("edge of the domain", True, 0.0)


def test_an_infinite_slope_on_one_side() -> None:
    """Where the slope on one side is infinite, that of the other is a subgradient."""
    (row,) = report(lambda x: autograd.sqrt(x) if x > 0.0 else x, 0.0).rows
    assert (row.slopes.left.value, row.slopes.right.value) == (1.0, math.inf)
    assert (row.analytic, row.is_kink, row.is_right) == (1.0, True, True)


def test_an_infinite_slope_is_not_a_finite_derivative() -> None:
    """A finite derivative is wrong where the slopes of both sides are infinite."""
    (row,) = report(lambda x: autograd.sum([autograd.abs(x) ** 0.5 * autograd.where(x > 0, 1, -1)]), 0.0).rows
    assert (row.slopes.left.value, row.slopes.right.value) == (math.inf, math.inf)
    assert (row.is_kink, row.is_right, row.remark) == (False, False, "WRONG")


def test_the_table() -> None:
    """The report shows for each input derivative, slopes, error and step; as text and in a page."""
    found = report(lambda x, y: autograd.relu(x) * y, 0.0, 2.0)
    head, *lines = str(found).splitlines()
    assert head == "order     modes  input  analytic  left  right  central  relative error     step"
    assert [line.split()[:7] for line in lines] == [
        ["1", "fwd,", "rev", "x", "0", "0", "2"],
        ["1", "fwd,", "rev", "y", "0", "0", "0"],
    ]
    assert "kink: any slope in [0, 2]" in lines[0]
    page = found._repr_html_()
    assert page.count("<tr>") == 3
    assert html.escape("kink: any slope in [0, 2]") in page
    assert found.passed
    assert repr(found) == str(found)


def test_names_in_a_page_are_text() -> None:
    """Keys of an argument are no markup in a page."""
    page = report(lambda d: d["<b>"] * 2.0, {"<b>": 1.0})._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_a_report_neither_raises_nor_warns() -> None:
    """With report=True what is wrong stands in the table."""
    wrong = replace(OPS["sin"], partials=("1.1 * cos(x)",))
    found = report(lambda x, y: apply(wrong, x) + abs(y), 1.0, 0.0)
    assert [row.remark[:5] for row in found.rows] == ["WRONG", "kink:"]
    assert not found.passed
    assert found.rows[0].error == pytest.approx(0.1 / 1.1)


def test_the_message_shows_what_is_wrong_only() -> None:
    """The error counts the derivatives, and lists the wrong ones."""
    wrong = replace(OPS["mul"], partials=("y", "2.0 * x"))
    with pytest.raises(AssertionError) as raised:
        check_grads(lambda x, y: apply(wrong, x, y), (1.0, 3.0), order=1)
    first, _, *rows = str(raised.value).splitlines()
    assert first == "1 of 2 derivatives are wrong:"
    assert [row.split()[3] for row in rows] == ["y"]


def test_values_at_the_edge_do_not_warn() -> None:
    """Moving an input out of the domain is the check's doing, of which the user is not warned."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report(autograd.log, 1e-9)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"args": 1.0}, TypeError, "args is a tuple"),
        ({"args": ("x",)}, TypeError, "'x'"),
        ({"args": (np.array([1, 2]),)}, TypeError, "astype"),
        ({"order": 0}, ValueError, "order is at least 1"),
        ({"modes": ()}, ValueError, "'fwd' and 'rev'"),
        ({"modes": ("backward",)}, ValueError, "'backward'"),
    ],
)
def test_bad_input(words: dict[str, Any], error: type[Exception], message: str) -> None:
    """Arguments that cannot be checked raise an error that says what is wanted."""
    with pytest.raises(error, match=message):
        check_grads(**{"f": autograd.exp, "args": (1.0,)} | words)


def test_arguments_may_be_values() -> None:
    """An argument that is a Value is checked at its number, and keeps no gradient."""
    x = Value(2.0)
    assert check_grads(lambda x: x**3, (x,)) is None
    assert not has_gradient(x)
