"""Rules as functions: of floats, of arrays, and of whatever else their words are given a meaning for.

`compile_rule` writes a rule in Python, and gives its words a meaning: `FLOAT`, `NUMPY`, or on `Value`s the
functions of `autograd` themselves, which is how a derivative becomes more graph.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeGuard

from .meanings import FLOAT, NUMPY
from .renderer import CHOICE, SIGNS, Form, Renderer, called
from .rule import Application, Expression, Rule
from .sequences import OverElements
from .table import OPS, Op


class _Python(Renderer):
    """Python, where a word without a form is a call of its name."""

    def form(self, word: str, count: int) -> Form | None:
        return self.forms.get(word) or called(word, count)


BY_BRANCH = _Python({**SIGNS, "where": CHOICE, "shortcut": CHOICE})
"""Python for single numbers, which evaluates one branch of a choice."""

BOTH_BRANCHES = _Python({**SIGNS, "shortcut": Form("{2}")})
"""Python for arrays and traced programs, which need both branches of a choice: ``where`` is a call."""


def is_choice(expression: Expression) -> TypeGuard[Application]:
    """Return whether an expression is a conditional expression in Python.

    Examples
    --------
    >>> is_choice(Rule("where(x <= 0.0, 0.0, x)").tree)
    True
    """
    return isinstance(expression, Application) and BY_BRANCH.forms.get(expression.word) is CHOICE


def may_raise(rule: Rule) -> bool:
    """Return whether Python may raise for some floats: in a division, remainder, or function of `math`.

    Examples
    --------
    >>> may_raise(Rule("x * y")), may_raise(Rule("x / y")), may_raise(Rule("softplus(x)"))
    (False, True, True)
    """
    return any(map(_word_may_raise, set(rule.words)))


def _word_may_raise(word: str) -> bool:
    if word in BY_BRANCH.forms:
        return word in ("truediv", "floordiv", "mod")
    if word in OPS and not OPS[word].is_primitive:
        return may_raise(OPS[word].value)
    return FLOAT[word] is not getattr(builtins, word, None)


def compile_rule(rule: Rule, parameters: Sequence[str], meaning: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function that computes a rule.

    Parameters
    ----------
    rule : Rule
        A rule of the table.
    parameters : sequence of str
        The names that it is a function of.
    meaning : mapping
        What its words mean. Words that only the table defines, such as ``sigmoid``, may be left out. Without
        ``where`` only the branch that is taken is evaluated; with it no shortcut is.

    Returns
    -------
    callable
        The rule as a function of the parameters, by position.

    Examples
    --------
    >>> compile_rule(Rule("1.0 - out * out"), ["x", "out"], FLOAT)(0.0, 0.5)
    0.75
    """
    return _function(rule.words, _python(meaning).write(rule), parameters, meaning)


def _python(meaning: Mapping[str, Any]) -> Renderer:
    """Return the Python for a meaning."""
    return BOTH_BRANCHES if "where" in meaning else BY_BRANCH


def _function(
    words: Iterable[str], expression: str, parameters: Sequence[str], meaning: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return an expression in some words as a function, with those of them that only the table defines."""
    words = set(words) - set(meaning) - set(_python(meaning).forms)
    known = {"__name__": __name__, **meaning, **{word: _defined(OPS[word], meaning) for word in words}}
    return eval(f"lambda {', '.join(parameters)}: {expression}", known)  # type: ignore[no-any-return]


def _defined(op: Op, meaning: Mapping[str, Any]) -> Callable[..., Any]:
    """Return a row as the table defines it: by its rule, or by its loop."""
    if op.reduction is not None:
        return _loop(op, meaning)
    if op.is_primitive:
        raise NotImplementedError(
            f"the rule of the row {op.name!r} is {op.value.text!r}, but neither NumPy nor math has a "
            "function of this name: give the row a ufunc, a reduction, or a rule in other words"
        )
    return on_sequences(op, meaning).value if op.variadic else compile_rule(op.value, op.parameters, meaning)


def _loop(op: Op, meaning: Mapping[str, Any]) -> Callable[..., Any]:
    """Return a variadic row as a loop over its elements."""
    assert op.reduction is not None
    accumulators = op.reduction.accumulators
    names = [accumulator.name for accumulator in accumulators]
    steps = [compile_rule(a.step, (*names, *op.parameters), meaning) for a in accumulators]
    result = compile_rule(op.reduction.result, names, meaning)

    def loop(*columns: Any) -> Any:
        found = [accumulator.start for accumulator in accumulators]
        for i, step in enumerate(steps):
            for items in zip(*columns, strict=True):
                found[i] = step(*found, *items)
        return result(*found)

    return loop


class Rules(NamedTuple):
    """The rules of one row as functions."""

    value: Callable[..., Any]
    partials: tuple[Callable[..., Any], ...]


def compile_row(op: Op, meaning: Mapping[str, Any]) -> Rules:
    """Return the value and the partials of a row as functions.

    Parameters
    ----------
    op : Op
        The row.
    meaning : mapping
        What the words of its rules mean.

    Returns
    -------
    Rules
        The value takes the arguments; each partial takes the arguments and the output.

    Examples
    --------
    >>> value, (partial,) = compile_row(OPS["exp"], NUMPY)
    >>> partial(0.0, value(0.0))
    np.float64(1.0)
    """
    return Rules(
        compile_rule(op.value, op.parameters, meaning),
        tuple(compile_rule(rule, (*op.parameters, "out"), meaning) for rule in op.partials),
    )


@cache
def on_floats(op: Op) -> Rules:
    """Return the rules of a row on Python floats, compiled at the first use.

    The partials of a variadic row give a list, one number for each element.
    """
    return on_sequences(op, FLOAT) if op.variadic else compile_row(op, FLOAT)


@cache
def in_one_call(op: Op) -> Callable[..., list[Any]]:
    """Return the rules of a row on Python floats as one function, compiled at the first use.

    For a dot product, the two calls that it saves would take as long as ten of the products.

    Returns
    -------
    callable
        It takes the arguments, and gives a list of the value and the partials.

    Examples
    --------
    >>> in_one_call(OPS["mul"])(2.0, 3.0), in_one_call(OPS["dot"])([2.0, 3.0], [10.0, 100.0])
    ([6.0, 3.0, 2.0], [320.0, [10.0, 100.0], [2.0, 3.0]])
    """
    if op.variadic:
        value = OverElements(op, BY_BRANCH).total(op.value)
        partials = [OverElements(op, BY_BRANCH).each(rule) for rule in op.partials]
    else:
        value, *partials = map(BY_BRANCH.write, (op.value, *op.partials))
    words = {word for rule in (op.value, *op.partials) for word in rule.words}
    expression = f"[{', '.join([f'out := {value}', *partials])}]"
    return _function(words, expression, op.parameters, {**FLOAT, "zip": zip})


def on_sequences(op: Op, meaning: Mapping[str, Any]) -> Rules:
    """Return the value and the partials of a variadic row as functions of sequences.

    Parameters
    ----------
    op : Op
        The row.
    meaning : mapping
        What the words of its rules mean.

    Returns
    -------
    Rules
        The value takes the sequences; each partial takes them and the output, and gives one for each
        element.

    Examples
    --------
    >>> value, (partial,) = on_sequences(OPS["logsumexp"], FLOAT)
    >>> partial([1000.0, 1000.0], value([1000.0, 1000.0]))
    [0.5, 0.5]
    """
    known = {**meaning, "zip": zip, "len": len}
    language = _python(meaning)
    value = _function(op.value.words, OverElements(op, language).total(op.value), op.parameters, known)
    partials = [
        _function(rule.words, OverElements(op, language).each(rule), (*op.parameters, "out"), known)
        for rule in op.partials
    ]
    return Rules(value, tuple(partials))


@cache
def on_arrays(op: Op) -> Rules:
    """Return the rules of a row on NumPy arrays, compiled at the first use."""
    return compile_row(op, NUMPY)
