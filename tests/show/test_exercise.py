"""Exercises: what they show, which answers they accept, and what they say of wrong ones."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies_of_graphs import graphs

from autograd import OPS, Value, cos, custom_vjp, dot, exercise, exp, log, max, relu, sin, tanh
from autograd.show.exercises.answers import Answer, UnreadableError


def leaves(**numbers: float) -> list[Value]:
    """Return labelled leaves."""
    return [Value(number, label=name) for name, number in numbers.items()]


def neuron() -> Value:
    """Return the loss of B1 to B3, with names."""
    x, w, b = leaves(x=2.0, w=-0.5, b=1.5)
    z = w * x + b
    a = tanh(z)
    e = a - 0.25
    loss = e * e * 0.5
    for node, name in ((z, "z"), (a, "a"), (e, "e"), (loss, "J")):
        node.label = name
    return loss


@pytest.mark.parametrize("kind", ["gradients", "partials", "line"])
def test_right_answers(kind: Any) -> None:
    """The answers are right, in order and by name, as numbers and as text; rounded as shown, too."""
    question = exercise(neuron(), kind)
    answers = question.answers()
    assert tuple(answers) == question.names
    assert question.check(answers).all_right
    assert question.check(*answers.values()).all_right
    assert question.check(list(answers.values())).all_right
    assert question.check(np.array(list(answers.values()))).all_right
    assert question.check(*[f"{answer:.3g}" for answer in answers.values()]).all_right
    assert question.check(dict(enumerate(answers.values(), 1))).all_right


def test_gradients_are_those_of_backward() -> None:
    """The answers are what a backward pass computes."""
    x, y = leaves(x=0.3, y=-1.2)
    loss = sin(x * y) + x / y
    answers = exercise(loss, hide=[x, y]).answers()
    loss.backward()
    assert [*answers.values()] == [x.grad, y.grad]


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if not op.variadic])
def test_each_row_can_be_asked_for(name: str) -> None:
    """The local partials of each row are marked, and no mistake explains a right answer."""
    op = OPS[name]
    args = [Value(low + 0.3 * (high - low), label=f"u{i}") for i, (low, high) in enumerate(op.domain)]
    from oracles import public

    y = public(op)(*args)
    if all(partial is None for partial in y.partials):
        with pytest.raises(ValueError, match="nothing to ask"):
            exercise(y, "partials")
        return
    question = exercise(y, "partials")
    assert question.check(question.answers()).all_right
    assert question.check(*[3.0 * answer + 0.7 for answer in question.answers().values()]).right == 0


@pytest.mark.parametrize("kind", ["gradients", "partials", "line"])
def test_answers_are_not_shown(kind: Any) -> None:
    """Neither the text, nor the table, nor the picture of a notebook has the answers."""
    (x,) = leaves(x=1.2345)
    u = sin(x)
    loss = tanh(u) + cos(u)
    loss.backward()
    question = exercise(loss, kind, hide=u)
    page = question._repr_html_()
    image = re.search(r"base64,([^\"]+)", page)
    assert image is not None
    texts = re.findall(">([^<]+)</text>", base64.b64decode(image[1]).decode())
    shown = "\n".join([str(question), re.sub("<img[^>]*>", "", page), *texts])
    for name, answer in question.answers().items():
        assert f"{answer:.4g}" not in shown, name
        assert f"{answer}" not in shown, name
    assert shown.count("? (1)") == 3 + (kind == "line") * 2


def x_squared_plus_x(at: float = 3.0) -> Value:
    """Return x + x * x, of C6."""
    (x,) = leaves(x=at)
    return x + x * x


def composite() -> Value:
    """Return sin(x**2), of C8."""
    (x,) = leaves(x=1.3)
    u = x**2
    u.label = "u"
    y = sin(u)
    y.label = "y"
    return y


def kinked() -> Value:
    """Return a ReLU at its kink."""
    (x,) = leaves(x=0.0)
    y = relu(x)
    y.label = "y"
    return y


def tie() -> Value:
    """Return a maximum of two equal numbers, of A7."""
    x, z = leaves(x=2.0, z=2.0)
    y = max(x, z)
    y.label = "y"
    return y


def product() -> Value:
    """Return a product of three factors."""
    x, y, z = leaves(x=2.0, y=5.0, z=-3.0)
    u = x * y
    u.label = "u"
    loss = u * z
    loss.label = "J"
    return loss


def weighted() -> Value:
    """Return a dot product, whose partials have one rule for all operands."""
    y: Value = dot(leaves(w0=1.0, w1=2.0), [3.0, 4.0])
    y.label = "y"
    return y


@pytest.mark.parametrize(
    ("make", "kind", "answers", "hint"),
    [
        (x_squared_plus_x, "gradients", {"x": 6}, r"used 3 times, and the use in v2 is missing.*C6"),
        (x_squared_plus_x, "gradients", {"x": 4}, r"used 3 times, and the use in v1 is missing.*C6"),
        (x_squared_plus_x, "gradients", {"x": 1}, r"only the use in v2 is in it.*C6"),
        (x_squared_plus_x, "gradients", {"x": 3}, r"the value of x, not its gradient"),
        (x_squared_plus_x, "gradients", {"x": -7}, r"only its sign is wrong"),
        (x_squared_plus_x, "gradients", {"x": 7 / 3}, r"do not average"),
        (x_squared_plus_x, "gradients", {"v1": 2, "x": 13}, r"follows from your answer for v1"),
        (x_squared_plus_x, "gradients", {"x": math.nan}, r"no number"),
        (composite, "gradients", {"x": math.cos(1.69)}, r"∂u/∂x: it is left out.*inner derivative.*C8"),
        (composite, "gradients", {"x": 2.6}, r"look at ∂y/∂u: it is left out"),
        (composite, "gradients", {"x": 2.6 * math.sin(1.69)}, r"∂y/∂u: that is the value of y"),
        (composite, "gradients", {"x": 1.69 * math.cos(1.69)}, r"∂u/∂x: that is the value of u"),
        (composite, "partials", {1: 1.3}, r"a factor is missing"),
        (composite, "partials", {1: 2 * 1.69}, r"subtracted"),
        (composite, "partials", {2: -math.cos(1.69)}, r"only its sign is wrong"),
        (composite, "partials", {1: 2.6 * math.cos(1.69)}, r"leave out the gradient of u"),
        (composite, "partials", {1: 0.0}, r"u does move with x"),
        (composite, "partials", {1: 1 / 2.6}, r"upside down"),
        (kinked, "partials", {1: 1}, r"another case.*at the kink itself.*C9"),
        (kinked, "partials", {1: 0.5}, r"another case"),
        (tie, "partials", {1: 0.5, 2: 0.5}, r"a tie goes wholly to the first \(A7\)"),
        (product, "partials", {1: 2}, r"the derivative of u by y, not by x"),
        (product, "partials", {3: -10}, r"hold all but u fixed|the value of"),
        (product, "gradients", {"x": 5}, r"look at ∂J/∂u: it is left out"),
        (product, "gradients", {"x": 15}, r"look at ∂J/∂u: only its sign is wrong"),
        (product, "gradients", {"x": 50}, r"look at ∂J/∂u: that is the derivative of J by z, not by u"),
        (product, "gradients", {"x": 123.0}, r"it is the gradient of u times the local partial"),
        (x_squared_plus_x, "gradients", {"x": 123.0}, r"add up over its 3 uses, in v1 and v2: each time"),
        (weighted, "partials", {1: 123.0}, r"hold all but w0 fixed: how much does y grow"),
        (neuron, "partials", {1: "a"}, r"hold all|value"),
    ],
)  # fmt: skip
def test_hints(make: Callable[[], Value], kind: Any, answers: dict[Any, Any], hint: str) -> None:
    """The hint names the mistake that gives the answer, and the local partial or the use that it is in."""
    marks = exercise(make(), kind).check(answers)
    wrong = [mark for mark in marks if mark.right is False]
    assert wrong
    assert re.search(hint, wrong[0].hint), wrong[0].hint


def test_hints_do_not_tell_the_answer() -> None:
    """No hint has the number that is asked for."""
    question = exercise(neuron(), hide=["x"])
    (answer,) = question.answers().values()
    for wrong in np.linspace(-3.0, 3.0, 41):
        for mark in question.check(float(wrong)):
            assert f"{answer:.3g}" not in mark.hint


def test_the_wrong_local_partial_is_found() -> None:
    """Whichever local partial of a chain has the wrong sign or is left out, the hint names it."""
    (x,) = leaves(x=0.7)
    chain = [x]
    for i, function in enumerate((sin, exp, tanh, log)):
        chain.append(function(chain[-1]))
        chain[-1].label = f"u{i}"
    question = exercise(chain[-1], hide=[x])
    (answer,) = question.answers().values()
    for below, above in pairwise(chain):
        (partial,) = above.partials
        assert partial is not None
        (mark,) = question.check(answer / partial)
        assert mark.hint.startswith(f"look at ∂{above.label}/∂{below.label}: it is left out")
        assert "(C8)" in mark.hint


@pytest.mark.parametrize(
    ("formula", "right"),
    [("2*x", True), ("x + x", True), ("2·x", True), ("x + 3", False), ("6", True), ("x^2 - 3", False)],
)
def test_formulas_hold_elsewhere(formula: str, right: bool) -> None:
    """A formula that only gives the right number at this point is not right."""
    (x,) = leaves(x=3.0)
    (mark,) = exercise(x * x).check(formula)
    assert mark.right is right
    assert ("by chance" in mark.hint) is not right


def test_formulas_where_another_case_holds() -> None:
    """A formula that is right for this case of a function is right, though there are other cases."""
    (x,) = leaves(x=-0.02)
    assert exercise(relu(x + 0.015) * x + x, hide=[x]).check("1 + 0*x").all_right


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2^3", 8.0), ("2**-1", 0.5), ("-x**2", -9.0), ("(x+1)/2", 2.0), ("exp(0) + ln(e)", 2.0),
        ("π", math.pi), ("−2", -2.0), ("3²", 9.0), ("w[0] * 2", 20.0), ("w[0]·layers.0.b", 50.0),
        ("1e-3", 1e-3), ("1/0", math.nan),
        ("max(x, 5)", 5.0), ("sigmoid(0)", 0.5), ("+x", 3.0), ("xx - x", 4.0), ("lambda * 2", 12.0),
        ("log(-1)", math.nan), ("W·x - W", 4.0),
    ],
)  # fmt: skip
def test_reading(text: str, number: float) -> None:
    """Formulas are read as people write them, with the names of nodes as they are."""
    values = {"x": 3.0, "xx": 7.0, "w[0]": 10.0, "layers.0.b": 5.0, "lambda": 6.0, "W": 4.0, "W·x": 8.0}
    assert Answer(text, values).number(values) == pytest.approx(number, nan_ok=True)


@pytest.mark.parametrize(
    "text",
    [
        "", "2 x", "x.real", "__import__('os')", "y + 1", "foo(x)", "[1]", "'a'", "x if x else 1", "1j",
        "(" * 100, "x" * 1000, "True", "x = 3", "sum(x)", "exp", "open", "exp(x, x)", "x; x", "lambda: 0",
    ],
)  # fmt: skip
def test_unreadable(text: str) -> None:
    """Anything else is no formula, and nothing of it is called."""
    with pytest.raises(UnreadableError):
        Answer(text, {"x": 3.0}).number({"x": 3.0})


@given(st.text(alphabet="x0123456789.+-*/^() e,[]_'=", max_size=12))
def test_any_text(text: str) -> None:
    """Any text is a number or unreadable."""
    with suppress(UnreadableError):
        assert isinstance(Answer(text, {"x": 3.0}).number({"x": 3.0}), float)


def test_the_marks() -> None:
    """The marks print as a table, and count; a missing answer is neither right nor wrong."""
    marks = exercise(x_squared_plus_x()).check(None, "1")
    assert [mark.right for mark in marks] == [None, True]
    assert (marks.right, marks.all_right) == (1, False)
    assert str(marks).splitlines() == [
        "1 of 2 right",
        "  –  dv2/dx           not answered",
        "  ✓  dv2/dv1       1",
    ]
    assert "not answered" in marks._repr_html_()


def test_the_line() -> None:
    """A line is that of the node with the most uses, or of the one that is named."""
    assert exercise(x_squared_plus_x(), "line").line == (
        "dv2/dx = dv2/dv1 · ∂v1/∂x + dv2/dv1 · ∂v1/∂x + dv2/dv2 · ∂v2/∂x"
        " = 1 · ? (1) + 1 · ? (2) + 1 · ? (3) = ? (4)"
    )
    line = exercise(x_squared_plus_x(), "line", hide="v1").line
    assert line == "dv2/dv1 = dv2/dv2 · ∂v2/∂v1 = 1 · ? (1) = ? (2)"


def test_what_is_hidden() -> None:
    """Blanks are chosen by node, by name, or by number: the same ones for the same seed."""
    loss = neuron()
    assert exercise(loss, hide="z").names == ("dJ/dz",)
    assert exercise(loss, "partials", hide=["a", "e"]).names == ("∂a/∂z", "∂e/∂a")
    drawn = exercise(loss, hide=3, rng=1).names
    assert len(drawn) == 3
    assert drawn == exercise(loss, hide=3, rng=1).names
    assert len({exercise(loss, hide=3, rng=seed).names for seed in range(9)}) > 1
    assert len(exercise(loss, "partials").names) == 8


def test_names_of_the_caller_and_hostile_ones() -> None:
    """Nodes have the names of variables; labels are escaped wherever they appear."""
    first = Value(2.0)
    rate = first * 3.0
    assert exercise(rate * rate).names == ("dv1/dfirst", "dv1/drate")
    label = "<script>alert('&\x1b[31m')</script>"
    page = exercise(Value(2.0, label=label) * 3.0)._repr_html_()
    assert "<script" not in page
    assert "\x1b" not in page


def test_constant_and_wide_operands() -> None:
    """Constants have no blanks; a dot product has one for each operand."""
    w = leaves(w0=1.0, w1=2.0)
    assert exercise(dot(w, [3.0, 4.0]), "partials").answers() == {"∂v1/∂w0": 3.0, "∂v1/∂w1": 4.0}


def custom(x: Value) -> Any:
    """Return a function that says itself what flows back."""
    f = custom_vjp(lambda x: x * 2.0)
    f.defvjp(lambda x: (x * 2.0, None), lambda _, adjoint: (adjoint,))
    return f(x)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: exercise(2.0), TypeError, "exercise expected a Value, got 2.0"),  # type: ignore[arg-type]
        (lambda x: exercise(x, "sum"), ValueError, "gradients, partials, line, got 'sum'"),  # type: ignore[arg-type]
        (lambda x: exercise(x * x, hide="y"), ValueError, r"nodes of this graph \(x, v1\), got 'y'"),
        (lambda x: exercise(x * x, hide=0), ValueError, "the number of blanks, to be at least 1, got 0"),
        (lambda x: exercise(x), ValueError, "nothing to ask"),
        (lambda x: exercise(x, "line"), ValueError, "nothing to ask"),
        (lambda x: exercise(custom(x)), ValueError, "custom_vjp"),
        (lambda x: exercise(sum((x * i for i in range(99)), x)), ValueError, "199 nodes are no exercise"),
        (lambda x: exercise(x * Value(2.0, "x")), ValueError, "2 nodes are called 'x'"),
        (lambda x: exercise(x * x).check(1, 2), TypeError, "at most 1 answer, got 2"),
        (lambda x: exercise(x * x).check(y=2), ValueError, "one of dv1/dx; got 'y'"),
        (lambda x: exercise(x * x).check(object()), ValueError, "a number or a formula, got <object"),
        (lambda x: exercise(x * x).check("2 y"), ValueError, "cannot read '2 y'"),
    ],
)
def test_mistakes(call: Callable[[Value], Any], error: type[Exception], message: str) -> None:
    """Messages say what came and what was wanted."""
    with pytest.raises(error, match=message):
        call(Value(3.0, label="x"))


@given(graphs(steps=6))
@settings(max_examples=40)
def test_each_single_mistake_is_explained(y: Value) -> None:
    """Whichever local partial is left out, or has lost its sign, the hint is about what gives that answer."""
    question = exercise(y, names={})
    solution = question._solution
    for blank in question._blanks:
        right, tangents = solution.answer(blank), solution.tangents(blank.node)
        for edge in solution.edges():
            weight = solution.gradients[edge.node] * tangents[edge.operand]
            for wrong in (1.0, abs(edge.partial)):
                answer = right + (wrong - edge.partial) * weight
                (mark,) = (mark for mark in question.check({blank.name: answer}) if mark.name == blank.name)
                if not mark.right:
                    assert not mark.hint.startswith(("it is the gradient of", "add up over its")), mark
