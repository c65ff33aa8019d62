"""The rules of the table in JavaScript, with which a page computes values and gradients by itself.

What JavaScript's ``Math`` lacks stands in ``words.js``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ...ops.renderer import ATOM, COMPARISON, CONDITIONAL, SIGNS, DeclinedError, Form, Renderer, Term, called
from ...ops.sequences import OverElements
from ...ops.structural import Operation
from ...ops.table import OPS, Op

_MATH = {"asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh", "abs", "cbrt", "cos", "cosh", "exp"} | {
    "expm1", "floor", "hypot", "log", "log10", "log1p", "log2", "sin", "sinh", "sqrt", "tan", "tanh"
}  # fmt: skip


class _JavaScript(Renderer):
    """JavaScript on numbers, where the words of ``words.js`` are calls."""

    def form(self, word: str, count: int) -> Form | None:
        """Return the form of a word; one of reductions is a function that the page defines."""
        found = self.forms.get(word)
        if found is None and (word in _words() or (word in OPS and OPS[word].reduction is not None)):
            return called(word, count)
        return found

    def apply(self, word: str, operands: tuple[Term, ...]) -> Term:
        """Return a word with its operands; a number is a condition as in Python, where nan is true."""
        if word in ("where", "shortcut") and operands[0].precedence != COMPARISON:
            condition = Term(f"{self.grouped(operands[0], ATOM)} != 0", COMPARISON)
            operands = (condition, *operands[1:])
        return super().apply(word, operands)

    def number(self, number: float) -> Term:
        """Return a number."""
        return Term("Infinity") if number == math.inf else super().number(number)


@cache
def _words() -> frozenset[str]:
    """Return the functions that ``words.js`` defines."""
    return frozenset(re.findall(r"^(?:const|function) (\w+)", words_source(), re.MULTILINE))


@cache
def words_source() -> str:
    """Return the script that defines the words that JavaScript lacks.

    Examples
    --------
    >>> "function erf(x)" in words_source()
    True
    """
    return Path(__file__).with_name("words.js").read_text(encoding="utf-8")


_CHOICE = Form("{0} ? {1} : {2}", CONDITIONAL, (COMPARISON, COMPARISON, CONDITIONAL))


def _in_math(name: str) -> str:
    return re.sub("^arc", "a", name)


_LANGUAGE = _JavaScript(
    {
        **{word: form for word, form in SIGNS.items() if word not in ("floordiv", "mod")},
        **{
            name: called(f"Math.{_in_math(name)}", len(op.partials))
            for name, op in OPS.items()
            if op.is_primitive and _in_math(name) in _MATH
        },
        # A second sign would make it a decrement.
        "neg": Form("-{}", SIGNS["neg"].precedence, (ATOM,)),
        "where": _CHOICE,
        "shortcut": _CHOICE,
        "constant": Form("{}", CONDITIONAL, (CONDITIONAL,)),
    }
)


class _OverElements(OverElements):
    """Writes rules of variadic rows over arrays of JavaScript."""

    def _listed(self, text: str) -> str:
        if text in self.parameters:
            return text
        names = ", ".join([*self.parameters, *self.lists.values()])
        return f"each(({names}) => {text}, {', '.join([*self.parameters, *self.lists])})"

    def _after_totals(self, text: str) -> str:
        for total, name in reversed(self.totals.items()):
            text = f"(({name}) => {text})({total})"
        return text

    def _repeated(self, text: str) -> str:
        return f"{self.parameters[0]}.map(() => {text})"


def javascript_of_row(op: Op) -> str:
    """Return the rules of a row as an object: functions for its value, and for each partial.

    Parameters
    ----------
    op : Op
        The row.

    Returns
    -------
    str
        An expression in JavaScript, in the words of ``words.js`` and of `javascript_of_reduction`.

    Raises
    ------
    DeclinedError
        For a row that JavaScript has no words for.

    Examples
    --------
    >>> print(javascript_of_row(OPS["mul"]))
    {value: (x, y) => x * y, partials: [(x, y, out) => y, (x, y, out) => x]}
    """
    if op.variadic:
        value = _OverElements(op, _LANGUAGE).total(op.value)
        partials = [_OverElements(op, _LANGUAGE).each(rule) for rule in op.partials]
    else:
        value, *partials = map(_LANGUAGE.write, (op.value, *op.partials))
    arguments = ", ".join(op.parameters)
    listed = ", ".join(f"({arguments}, out) => {partial}" for partial in partials)
    variadic = "variadic: true, " if op.variadic else ""
    return f"{{{variadic}value: ({arguments}) => {value}, partials: [{listed}]}}"


def javascript_of_reduction(op: Op) -> str:
    """Return the function of a variadic row that is computed by loops.

    Parameters
    ----------
    op : Op
        The row, with a reduction.

    Returns
    -------
    str
        A definition in JavaScript.

    Examples
    --------
    >>> print(javascript_of_reduction(OPS["sum"]))
    function sum(...columns) {
      let total = 0.0;
      each((x) => { total = total + x; }, ...columns);
      return total;
    }
    """
    assert op.reduction is not None
    arguments = ", ".join(op.parameters)
    lines = [f"function {op.name}(...columns) {{"]
    for accumulator in op.reduction.accumulators:
        step = _LANGUAGE.write(accumulator.step)
        lines += [
            f"  let {accumulator.name} = {_number(accumulator.start)};",
            f"  each(({arguments}) => {{ {accumulator.name} = {step}; }}, ...columns);",
        ]
    return "\n".join([*lines, f"  return {_LANGUAGE.write(op.reduction.result)};", "}"])


def _number(number: float) -> str:
    return repr(number).replace("inf", "Infinity")


def can_say(op: Operation) -> bool:
    """Return whether JavaScript has words for an operation: it is a row of the table, none made by a user.

    Examples
    --------
    >>> can_say(OPS["erf"])
    True
    """
    if not isinstance(op, Op):
        return False
    try:
        javascript_of_row(op)
    except DeclinedError:
        return False
    return True


def rules_source(rows: Iterable[Op]) -> str:
    """Return the script that defines the rules of some rows, and the words that they are written in.

    Parameters
    ----------
    rows : iterable of Op
        The rows, which JavaScript can say.

    Returns
    -------
    str
        A script, after which ``RULES`` has the rules by the names of the rows.

    Examples
    --------
    >>> "exp: {value: (x) => Math.exp(x), partials: [(x, out) => out]}," in rules_source([OPS["exp"]])
    True
    """
    # In a function of their own, so that a page may name things as it likes.
    reductions = [javascript_of_reduction(op) for op in OPS.values() if op.reduction is not None]
    rules = [f"{op.name}: {javascript_of_row(op)}," for op in rows]
    body = "\n".join([words_source(), *reductions, "return {", *rules, "};"])
    return f"const RULES = (() => {{\n{body}\n}})();\n"
