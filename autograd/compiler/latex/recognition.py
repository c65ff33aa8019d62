"""Recognise what the rules of the table have become: the derivative of an activation, an activation itself.

A trace holds the rules, not the names: the derivative of `sigmoid` is ``0.25 * sech2(0.5 * x)``, and `relu` a
choice. What to look for is computed from the rules of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from ...ops.rule import Application, Rule
from ...ops.table import COMPARISONS, OPS, Op
from .algebra import applied, times
from .index_notation import (
    Applied,
    Entry,
    Expression,
    Numeral,
    ProductOf,
    SlopeOf,
    entries_of,
)

_X = Entry("the argument of a rule")
_OUT = Entry("the value of a rule")

_OTHERWISE = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne", "ne": "eq"}
"""What holds of two numbers where a comparison does not."""

# The row that stands in for derivatives, since formulas with tanh and exp cancel.
_STAND_IN = "sech2"


class _Translated:
    """A rule as a formula; of a shortcut the branch that holds everywhere, or the one that people write."""

    def __init__(self, names: Mapping[str, Expression], *, shortcut: bool) -> None:
        self.names, self.shortcut = names, shortcut

    def name(self, name: str) -> Expression:
        return self.names[name]

    def number(self, number: float) -> Expression:
        return Numeral(number)

    def apply(self, word: str, operands: tuple[Expression, ...]) -> Expression:
        if word == "shortcut":
            return operands[1 if self.shortcut else 2]
        return applied(word, operands)


def rule_as_formula(rule: Rule, names: Mapping[str, Expression], *, shortcut: bool = False) -> Expression:
    """Return a rule as a formula.

    Examples
    --------
    >>> rule_as_formula(Rule("x * x"), {"x": Entry("a")})
    ProductOf(number=1.0, factors=((Entry(array='a', at=(), is_padded=False), 2),))
    """
    return rule.on(_Translated(names, shortcut=shortcut))


class _Scaled(NamedTuple):
    """The derivative of a row as a number times a row of a multiple of its argument."""

    row: str
    number: float
    multiple: float


@cache
def _scaled() -> tuple[_Scaled, ...]:
    """Return the derivatives that are written by the row that stands in for them."""
    found = []
    for op in _rows_of_one_argument():
        match rule_as_formula(op.partials[0], {"x": _X, "out": _OUT}):
            case Applied(word, (argument,)) if word == _STAND_IN:
                found.append(_Scaled(op.name, 1.0, _multiple(argument)))
            case ProductOf(number, ((Applied(word, (argument,)), 1),)) if word == _STAND_IN:
                found.append(_Scaled(op.name, number, _multiple(argument)))
    return tuple(sorted(found, key=lambda scaled: scaled.multiple))


def _multiple(argument: Expression) -> float:
    return argument.number if isinstance(argument, ProductOf) else 1.0


@cache
def _choices() -> tuple[tuple[str, bool, Expression], ...]:
    """Return the values and derivatives that are choices, each with its row, and whether it is a value."""
    found = []
    for op in _rows_of_one_argument():
        for rule, is_value in ((op.value, True), (op.partials[0], False)):
            if isinstance(rule.tree, Application) and rule.tree.word == "where" and "out" not in rule.names:
                found.append((op.name, is_value, rule_as_formula(rule, {"x": _X})))
    return tuple(found)


def _rows_of_one_argument() -> list[Op]:
    return [op for op in OPS.values() if len(op.partials) == 1 and not op.variadic]


def matched(pattern: Expression, expression: Expression) -> Expression | None:
    """Return what an expression has in the place of the argument of a rule, if it is one.

    Examples
    --------
    >>> x = Entry("a")
    >>> matched(Applied("sin", (_X,)), Applied("sin", (x,))) == x
    True
    """
    if pattern == _X:
        return expression
    match pattern, expression:
        case Applied(word, ours), Applied(other, theirs) if word == other:
            pairs = zip(ours, theirs, strict=True)
            found = [matched(one, of) for one, of in pairs if one != of or not isinstance(one, Numeral)]
            arguments = {item for item in found if item is not None}
            return arguments.pop() if None not in found and len(arguments) == 1 else None
    return None


def recognised(expression: Expression) -> Expression:
    """Return an expression with the names of rows in the places of their rules.

    Examples
    --------
    >>> x = Entry("a")
    >>> recognised(applied("where", [applied("le", [x, Numeral(0.0)]), Numeral(0.0), x])).word
    'relu'
    """
    match expression:
        case Applied("eq", (x, y)) if x == y:
            return Numeral(1.0)
        case Applied("where", (Numeral(condition), x, y)):
            return x if condition else y
        case Applied("where", (_, x, y)) if x == y:
            return x
        case Applied("where", _):
            return _choice(expression)
        case Applied(word, (argument,)) if word == _STAND_IN:
            return _slope(argument)
    return expression


def _choice(expression: Expression) -> Expression:
    """Return a choice by the name of its row, or as a comparison if it is between 1 and 0."""
    for word, is_value, pattern in _choices():
        argument = matched(pattern, expression)
        if argument is not None:
            return Applied(word, (argument,)) if is_value else SlopeOf(word, argument)
    match expression:
        case Applied("where", (Applied(word) as condition, Numeral(1.0), Numeral(0.0))) if (
            word in COMPARISONS
        ):
            return condition
    return _indicator(expression)


def _slope(argument: Expression) -> Expression:
    """Return the derivative that a stand-in is."""
    scaled = _scaled()
    number = argument.number if isinstance(argument, ProductOf) else 1.0
    found = next((s for s in scaled if s.multiple == number), scaled[-1])
    inner = times([Numeral(1.0 / found.multiple), argument])
    return times([Numeral(1.0 / found.number), SlopeOf(found.row, inner)])


def slope_formula(word: str, argument: Expression) -> Expression:
    """Return the derivative of a row as people write it, by its value or its argument.

    Examples
    --------
    >>> slope_formula("relu", Entry("x")).word
    'gt'
    """
    by_value = slope_by_value(word, Applied(word, (argument,)))
    if by_value is not None:
        return by_value
    return _indicator(
        rule_as_formula(OPS[word].partials[0], {"x": argument, "out": Applied(word, (argument,))})
    )


def _indicator(expression: Expression) -> Expression:
    match expression:
        case Applied("where", (Applied(word, pair), Numeral(0.0), Numeral(1.0))) if word in _OTHERWISE:
            return Applied(_OTHERWISE[word], pair)
    return expression


def slope_by_value(word: str, value: Expression) -> Expression | None:
    """Return the derivative of a row as people write it by the value of the row; None if there is none.

    Examples
    --------
    >>> a = Entry("a")
    >>> from .algebra import power
    >>> slope_by_value("tanh", a) == applied("sub", [Numeral(1.0), power(a, 2)])
    True
    """
    rule = OPS[word].partials[0]
    is_shortcut = isinstance(rule.tree, Application) and rule.tree.word == "shortcut"
    if not is_shortcut or set(rule.names) - {"x"} != {"out"}:
        return None
    found = rule_as_formula(rule, {"x": _X, "out": value}, shortcut=True)
    return None if _X in entries_of(found) else found
