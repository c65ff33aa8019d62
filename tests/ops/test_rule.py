"""Rules are parsed once and rendered back with the same meaning."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import OPS, Op
from autograd.ops.renderer import CHOICE, SIGNS, DeclinedError, Renderer, called
from autograd.ops.rule import Application, Expression, Name, Number, Rule
from autograd.ops.rules import BY_BRANCH, may_raise
from autograd.ops.table import COMPARISONS, CONSTANTS

RULES = [
    pytest.param(rule, id=f"{op.name}: {rule}") for op in OPS.values() for rule in (op.value, *op.partials)
]
WORDS = {*OPS, *COMPARISONS, *CONSTANTS, "shortcut", "len", "products_of_others"}


@pytest.mark.parametrize("rule", RULES)
def test_words(rule: Rule) -> None:
    """A rule consists of known words, arguments and numbers."""
    assert {*rule.words} <= WORDS
    assert {*rule.names} <= {"x", "y", "condition", "out"}


@pytest.mark.parametrize("rule", RULES)
def test_written_as_it_is(rule: Rule) -> None:
    """A renderer that calls each word by its name gives the same rule again."""
    calls = {word: called(word, rule_arity(word)) for word in WORDS - SIGNS.keys()}
    text = Renderer({**calls, **SIGNS}).write(rule)
    assert shown(Rule(text).tree) == shown(rule.tree)


def rule_arity(word: str) -> int:
    """Return the number of operands of a word."""
    op = OPS.get(word) or COMPARISONS.get(word)
    return len(op.partials) if op else 3 if word == "shortcut" else 1


def shown(expression: Expression) -> str:
    """Return an expression fully parenthesised."""
    match expression:
        case Name(name):
            return name
        case Number(number):
            return repr(number)
        case Application(word, operands):
            return f"{word}({', '.join(map(shown, operands))})"
    raise AssertionError(expression)


BINARY = sorted(word for word in SIGNS if word != "neg" and word != "pos")
EXPRESSIONS = st.recursive(
    st.one_of(st.sampled_from(["x", "y", "out"]).map(Name), st.floats(0.0, 1e3).map(Number)),
    lambda inner: st.one_of(
        st.builds(lambda word, x, y: Application(word, (x, y)), st.sampled_from(BINARY), inner, inner),
        st.builds(lambda x: Application("neg", (x,)), inner),
        st.builds(lambda x: Application("exp", (x,)), inner),
        st.builds(lambda *three: Application("where", three), inner, inner, inner),
    ),
    max_leaves=12,
)


@given(EXPRESSIONS)
@settings(max_examples=300)
def test_parentheses(expression: Expression) -> None:
    """Rendered expressions have the parentheses they need: parsing them gives the same tree."""
    language = Renderer({**SIGNS, "exp": called("exp", 1), "where": called("where", 3)})
    rule = Rule("")
    rule.__dict__["tree"] = expression
    assert shown(Rule(language.write(rule)).tree) == shown(expression)


@given(EXPRESSIONS, st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
def test_choices(expression: Expression, x: float, y: float) -> None:
    """A choice rendered as Python's conditional expression has the same value as a call of `where`."""
    names = {"x": x, "y": y, "out": 0.5, "exp": lambda z: min(max(z, -9.0), 9.0)}
    names["where"] = lambda condition, one, other: one if condition else other
    rule = Rule("")
    rule.__dict__["tree"] = expression
    results = []
    for form in (called("where", 3), CHOICE):
        text = Renderer({**SIGNS, "exp": called("exp", 1), "where": form}).write(rule)
        try:
            results.append(repr(eval(text, {}, names)))
        except (ArithmeticError, ValueError):
            return
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "text",
    ["x ** y", "x if y else out", "[x]", "x.real", "f(x=1.0)", "x < y < out", "x and y", "1 + x", "'x'"],
)
def test_what_is_no_rule(text: str) -> None:
    """Syntax that no renderer supports raises an error that shows it."""
    with pytest.raises(ValueError, match="expected a rule of names, floats, calls"):
        _ = Rule(text).tree


def test_declined_words() -> None:
    """A renderer expands a row that has a rule, and declines a primitive row that it does not know."""
    language = Renderer({**SIGNS, "where": CHOICE})
    assert language.write(Rule("relu(x) * y")) == "(0.0 if x <= 0.0 else x) * y"
    with pytest.raises(DeclinedError, match="abs"):
        language.write(Rule("sigmoid(x)"))


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPS.values()])
def test_primitive(op: Op) -> None:
    """A row is primitive if its rule uses its own name."""
    assert op.is_primitive is (op.name in op.value.words)


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPS.values() if not op.variadic])
def test_what_may_raise(op: Op) -> None:
    """A rule for which `may_raise` is false returns a float for any floats."""
    points = [0.0, -0.0, 1.0, -1.5, 1e308, -1e308, 5e-324, float("inf"), float("-inf"), float("nan")]
    if may_raise(op.value):
        return
    names = {"abs": abs, "max": max}
    for x in points:
        for y in points:
            operands = dict(zip(op.parameters, (x, y, x), strict=False))
            assert isinstance(eval(BY_BRANCH.write(op.value), {}, {**names, **operands}), float)


def test_one_reader() -> None:
    """Only `rule.py` reads rules by Python's `ast`; others an answer, a function, and loops for C."""
    package = Path(autograd.__file__).parent
    readers = {
        path.relative_to(package) for path in package.rglob("*.py") if "import ast\n" in path.read_text()
    }
    of_loops = {path for path in readers if path.parent == Path("compiler", "c")}
    assert sorted(path.name for path in readers - of_loops) == ["answers.py", "rule.py", "symbols.py"]


def test_rules_of_the_same_text_are_one() -> None:
    """Rules are compared by their texts, so that they can be keys."""
    assert {Rule("exp(x)"): 1}[Rule("exp(x)")] == 1
    assert Rule("exp(x)") != Rule("x")
    assert Rule("exp(x)") != "exp(x)"
