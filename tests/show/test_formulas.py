from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from programs import Program, call_public
from strategies import expressions

import autograd
from autograd import OPS, Value, to_latex
from autograd.show.text.formulas import MAX_TERMS, digits, expression, formula, latex_name

A, B, C = (Value(number, label) for number, label in ((2.0, "a"), (3.0, "b"), (0.5, "c")))
WORDS = {name: getattr(autograd, name) for name in autograd.functions.generated.__all__} | {
    "abs": abs,
    "inf": math.inf,
    "nan": math.nan,
}


def test_what_no_line_has_room_for() -> None:
    """Of a large graph of long names the last operation is shown, however long it is."""
    names = [f"{'long' * 25}{i}" for i in range(50)]
    y = Value(1.0, names[0])
    for name in names[1:]:
        y = y * Value(1.0, name)
    assert str(y) == f"… * {names[-1]} = 1, and 97 more"


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ((A + B) * C, "(a + b) * c"),
        (A + B * C, "a + b * c"),
        (A + (B + C), "a + (b + c)"),
        (A - (B - C), "a - (b - c)"),
        (A - B - C, "a - b - c"),
        (A / (B * C), "a / (b * c)"),
        (A / B * C, "a / b * c"),
        (-A * B, "-a * b"),
        (-(A * B), "-(a * b)"),
        (-(A**2.0), "-a**2"),
        ((-A) ** B, "(-a)**b"),
        (A ** (B**C), "a**b**c"),
        ((A**B) ** C, "(a**b)**c"),
        (A**-B, "a**-b"),
        (A ** (B + 1.0), "a**(b + 1)"),
        (A - -B, "a - -b"),
        (-2.0 * A, "-2 * a"),
        (A * -2.0, "a * -2"),
        ((-2.0) ** (A * 1.5), "(-2)**(a * 1.5)"),
        (autograd.exp(A + B) * C, "exp(a + b) * c"),
        (autograd.max(A, B), "max(a, b)"),
        (autograd.dot([A, B], [B, C]), "dot([a, b], [b, c])"),
        (autograd.sum([A, 2.0]), "sum([a, 2])"),
        (A + 0.1, "a + 0.1"),
        (A + math.inf, "a + inf"),
    ],
)
def test_parentheses(node: Value, text: str) -> None:
    """`str` of a result has its expression, with parentheses where Python would group differently."""
    assert expression(node) == text
    assert str(node) == f"{text} = {digits(node.data)}"
    assert f"{node}" == str(node)


def evaluate(text: str, variables: dict[str, Value]) -> Any:
    """Evaluate a text as Python over Values."""
    return eval(text, WORDS | variables)


def pairs_of_parentheses(text: str) -> list[tuple[int, int]]:
    """Return the positions of the pairs of parentheses that do not belong to a call."""
    found, stack = [], []
    for i, sign in enumerate(text):
        if sign == "(":
            stack.append(i)
        elif sign == ")":
            start = stack.pop()
            if start == 0 or not (text[start - 1].isalnum() or text[start - 1] == "_"):
                found.append((start, i))
    return found


@given(expressions())
def test_the_text_means_the_same(drawn: Program) -> None:
    """Evaluated as Python, the text gives the same value, bit for bit, and the same gradient."""
    root, variables = drawn.graph()
    try:
        text = expression(root, max_terms=2000)
    except ValueError:
        assume(False)
    again = evaluate(text, {variable.label: variable for variable in variables})
    assert repr(again.data) == repr(root.data)


@given(expressions())
def test_no_pair_of_parentheses_is_superfluous(drawn: Program) -> None:
    """Removing any pair of parentheses changes the parsed tree."""
    root, _ = drawn.graph()
    try:
        text = expression(root)
    except ValueError:
        assume(False)
    tree = ast.dump(ast.parse(text, mode="eval"))
    for start, end in pairs_of_parentheses(text):
        less = text[:start] + text[start + 1 : end] + text[end + 1 :]
        try:
            other = ast.dump(ast.parse(less, mode="eval"))
        except SyntaxError:
            continue
        assert other != tree


def test_comparisons_of_comparisons() -> None:
    """Compared comparisons are put in parentheses, since Python would chain them."""
    for node, text in [
        (~(A > B), "(a > b) == 0"),
        ((A > B) == (A < C), "(a > b) == (a < c)"),
        ((A + B > C) & (A != 1.0), "(a + b > c) * (a != 1) != 0"),
    ]:
        assert expression(node) == text
        assert evaluate(text, {"a": A, "b": B, "c": C}).data == node.data
    assert to_latex(~(A > B)) == r"\left(a > b\right) = 0"


def test_leaves_keep_their_repr() -> None:
    """A leaf without a label is shown by its repr, one with a label like any other node."""
    unlabelled = Value(2.0)
    assert str(unlabelled) == "Value(2.0)"
    assert str(A) == f"{A}" == "a = 2"
    assert str(Value(2.0) * 3.0) == "2 * 3 = 6"


def test_a_node_as_its_formula_and_its_value() -> None:
    """What is printed has the names of the caller's variables, but not those of intermediate results."""
    x, w = Value(0.5), Value(-2.0)
    z = w * x
    assert str(z.tanh() + x**2) == "tanh(w * x) + x**2 = -0.5116"
    weights = [Value(2.0), Value(3.0)]
    assert str(weights[0] * weights[1]) == "weights[0] * weights[1] = 6"
    many, number = [Value(2.0)] * 10**5, np.array(2.0)
    assert number.ndim == 0
    assert str(many[0] * 1.0) == "2 * 1 = 2"


def test_long_expressions_are_cut() -> None:
    """A longer expression shows the operations nearest to the result, and how many nodes more there are."""
    y = A
    for _ in range(1000):
        y = y + y
    assert str(y) == "… + … + (… + …) + (… + … + (… + …)) = 2.143e+301, and 998 more"
    with pytest.raises(ValueError, match=f"more than {MAX_TERMS} terms; draw"):
        to_latex(y)
    deep = A
    for _ in range(32_000):
        deep = deep * 1.0 + 1.0
    assert str(deep) == "(((… * 1 + 1) * 1 + 1) * 1 + 1) * 1 + 1 = 3.2e+04, and 63,993 more"
    wide = autograd.dot([A, *[Value(3.0) for _ in range(99)]], list(range(100)))
    assert str(wide) == "dot([a, 3, … 98 more], [0, 1, … 98 more]) = 1.485e+04, and 98 more"


def test_a_sign_after_a_sign() -> None:
    """A formula of a picture or an explanation puts a negative number after a sign in parentheses."""
    name_of = {A: "a"}
    assert formula(A - -1.0, name_of) == "a - (-1)"
    assert formula(A * -2.0, name_of) == "a * (-2)"
    assert formula(-2.0 * A, name_of) == "-2 * a"
    assert formula(A**-1.0, name_of) == "a**-1"


@pytest.mark.parametrize(
    ("node", "latex"),
    [
        ((A + B) / C, r"\frac{a + b}{c}"),
        ((A / B) ** 2.0, r"\left(\frac{a}{b}\right)^{2}"),
        ((A + B) * C, r"\left(a + b\right) \cdot c"),
        (A * (B / C), r"a \cdot \frac{b}{c}"),
        (A ** (B + C), "a^{b + c}"),
        (A + -B, r"a + \left(-b\right)"),
        (A * -2.0, r"a \cdot \left(-2\right)"),
        (autograd.exp(A) ** 2.0, r"\left(e^{a}\right)^{2}"),
        (autograd.expm1(A) * B, r"\left(e^{a} - 1\right) \cdot b"),
        (autograd.sqrt(A + B), r"\sqrt{a + b}"),
        (A + 1e-05, r"a + 1 \cdot 10^{-5}"),
        (autograd.dot([A, B], [B, C]) + A, r"\left(a, b\right) \cdot \left(b, c\right) + a"),
    ],
)
def test_latex(node: Value, latex: str) -> None:
    """LaTeX uses conventional notation, from the templates of the table."""
    assert to_latex(node) == latex


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_latex_of_every_row(op: Any) -> None:
    """The LaTeX of every row can be typeset."""
    mathtext = pytest.importorskip("matplotlib.mathtext")
    arguments = [[A, B] if op.variadic else Value(sum(interval) / 2, "a") for interval in op.domain]
    latex = to_latex(call_public(op, *arguments))
    mathtext.MathTextParser("path").parse(f"${latex}$")
    assert "a" in latex


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x", "x"),
        ("x12", "x_{12}"),
        ("w[0, 1]", "w_{0, 1}"),
        ("w[0][1]", "w_{0, 1}"),
        ("layers.0.neurons.3.w[1]", r"\mathrm{layers.0.neurons.3.w}_{1}"),
        ("a_b", r"\text{a\_b}"),
        ("50% & more", r"\text{50\% \& more}"),
        ("\\", r"\text{\textbackslash{}}"),
        ("two\nlines", r"\text{two lines}"),
    ],
)
def test_latex_names(name: str, latex: str) -> None:
    """Indices become subscripts, and LaTeX's special characters are escaped."""
    assert latex_name(name) == latex


def test_latex_of_numbers_and_strangers() -> None:
    """A leaf without a label is its number; anything but a Value raises a TypeError."""
    assert to_latex(Value(0.25)) == "0.25"
    assert to_latex(Value(-math.inf)) == r"-\infty"
    with pytest.raises(TypeError, match="to_latex expected a Value, got"):
        to_latex(2.0)  # type: ignore[arg-type]


def test_digits() -> None:
    """Numbers have at most four significant digits, without trailing zeros."""
    assert [digits(number) for number in (1.0, 1 / 3, 1e10, -0.0, math.nan)] == [
        "1",
        "0.3333",
        "1e+10",
        "-0",
        "nan",
    ]
