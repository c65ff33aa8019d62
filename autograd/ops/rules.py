"""What the words of a rule mean: on floats, and on NumPy arrays.

A rule is a text of the table (`autograd.ops.table`) such as ``"1.0 + out * out"``. Its words are the public
names of `autograd` plus ``pow``, ``abs``, ``inf`` and ``constant``. `FLOAT` and `NUMPY` give each word a
meaning, and `compile_rule` makes a function of a rule and a meaning. On `Value`s the words mean the
functions of `autograd` themselves: that is how a derivative becomes more graph.

``shortcut(condition, x, y)`` is y, for which x may be taken where the condition holds: it costs less there,
and is the formula of the textbooks. A program that does not know the number yet has y alone.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial, wraps
from itertools import accumulate, starmap
from operator import matmul, mul
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from .renderer import CHOICE, SIGNS, Form, Renderer, called
from .rule import Application, Expression, Name, Rule
from .sequences import OverElements
from .table import OPS, Op


def _sum(x: Sequence[float]) -> float:
    """Return the sum, which the interpreter compensates for rounding from Python 3.12 on."""
    return sum(x, 0.0)


def products_of_others(x: Sequence[Any]) -> list[Any]:
    """Return for each factor the product of all others.

    Examples
    --------
    >>> products_of_others([2.0, 3.0, 4.0]), products_of_others([2.0, 0.0])
    ([12.0, 8.0, 6.0], [0.0, 2.0])
    """
    before = [1.0, *accumulate(x[:-1], mul)]
    after = [1.0, *accumulate(x[:0:-1], mul)][::-1]
    return [_product(*pair) for pair in zip(before, after, strict=True)][: len(x)]


def _product(x: Any, y: Any) -> Any:
    """Return a product, in which no factor of 1 is recorded."""
    return y if x.__class__ is float and x == 1.0 else x if y.__class__ is float and y == 1.0 else x * y


def _dot(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the sum of products."""
    return sum(map(mul, x, y), 0.0)


def _logsumexp(x: Sequence[float]) -> float:
    """Return log(sum(exp(x))), shifted so that the largest exponent is 0."""
    top = max(x)
    if math.isinf(top) and not any(map(math.isnan, x)):
        return top
    # The 1 of the largest is not added but given to log1p: of exp(-40) beside it nothing would be left.
    others = [math.exp(item - top) for item in x]
    others.remove(1.0)
    return top + math.log1p(_sum(others))


def _floor(x: float) -> float:
    """Return the floor as a float; that of `math` is an int, and of inf an error."""
    return x if x - x else x // 1.0


def _in_math(name: str) -> str:
    """Return what `math` would call a row: NumPy's arctan2 is its atan2."""
    return name.replace("arc", "a")


def ieee(f: Callable[..., float]) -> Callable[..., float]:
    """Return a function of floats that gives inf or nan, and tells NumPy, where another one raises.

    Parameters
    ----------
    f : callable
        A function of floats, such as those of `math`.

    Returns
    -------
    callable
        Where `f` overflows, inf; at any other error of arithmetic, nan.

    Examples
    --------
    >>> with np.errstate(all="ignore"):
    ...     ieee(math.gamma)(3.0), ieee(math.gamma)(-1.0), ieee(math.gamma)(1000.0)
    (2.0, nan, inf)
    """

    def careful(*args: float) -> float:
        try:
            return float(f(*args))
        except OverflowError:
            return float(np.exp(np.float64(1000.0)))
        except (ArithmeticError, ValueError):
            return float(np.sqrt(np.float64(-1.0)))

    return careful


def _of_numbers(ufunc: np.ufunc) -> Callable[..., float]:
    """Return a function of NumPy as one of floats, which does not warn."""

    def number(*args: float) -> float:
        with np.errstate(all="ignore"):
            return float(ufunc(*args))

    return number


def _of_arrays(f: Callable[..., float]) -> Callable[..., Any]:
    """Return a function of floats as one of arrays."""
    careful = ieee(f)

    def function(*args: Any) -> Any:
        # Not `numpy.vectorize`, which would tell once more of each error.
        points = np.broadcast(*args)
        return np.fromiter(starmap(careful, points), float, points.size).reshape(points.shape)[()]

    return function


def _of_lists(f: Callable[..., float]) -> Callable[..., float]:
    """Return a reduction of `math` as one that gives a float; the product of nothing is an int."""

    @wraps(f)
    def reduced(*columns: Sequence[float]) -> float:
        return float(f(*columns))

    return reduced


def reducing(op: Op) -> tuple[np.ufunc, Mapping[str, Any]] | None:
    """Return NumPy's function that reduces as a row does, and the options that it takes to do so.

    Examples
    --------
    >>> reducing(OPS["norm"]), reducing(OPS["dot"])
    ((<ufunc 'hypot'>, {'initial': 0.0}), None)
    """
    if op.reduction is None:
        return None
    if op.reduction.ufunc is not None:
        return op.reduction.ufunc, {}
    if len(op.reduction.accumulators) > 1:
        return None
    (accumulator,) = op.reduction.accumulators
    match accumulator.step.tree:
        case Application(word, (Name(total), Name(_))) if total == accumulator.name:
            ufunc = OPS[word].ufunc
            # Without a start NumPy takes the first number as it is: the norm of [-3] would be -3.
            options = {} if word in ("add", "mul") else {"initial": accumulator.start}
            return None if ufunc is None else (ufunc, options)
    return None


# Signs are written, not called.
_PRIMITIVES = {op.name: op for op in OPS.values() if op.is_primitive and op.name not in SIGNS}

_IN_MATH = {
    name: getattr(math, _in_math(name)) for name in OPS if hasattr(math, _in_math(name)) and name != "floor"
}

FLOAT: dict[str, Any] = (
    {name: _of_numbers(op.ufunc) for name, op in _PRIMITIVES.items() if op.ufunc is not None}
    | {
        "inf": math.inf,
        "constant": float,
        "abs": abs,
        "max": max,
        "sum": _sum,
        "dot": _dot,
        "logsumexp": _logsumexp,
        "floor": _floor,
        "len": len,
        "products_of_others": products_of_others,
    }
    | {name: _of_lists(f) if OPS[name].variadic else f for name, f in _IN_MATH.items()}
)
"""Meaning of each word on Python floats. Functions of `math` raise where NumPy gives nan or inf."""

NUMPY: dict[str, Any] = (
    {
        name: ieee(_IN_MATH[name]) if op.variadic else _of_arrays(_IN_MATH[name])
        for name, op in _PRIMITIVES.items()
        if name in _IN_MATH
    }
    | {
        op.name: partial(found[0].reduce, **found[1])
        for op in _PRIMITIVES.values()
        if op.variadic and (found := reducing(op))
    }
    | {
        "inf": math.inf,
        "constant": np.asarray,
        "where": np.where,
        "pow": np.power,
        "sum": np.sum,
        # Unlike `numpy.dot`, it tells of an overflow also in NumPy 2.0 to 2.2.
        "dot": matmul,
        # A float of NumPy: 0 / 0 is nan.
        "len": lambda x: np.float64(len(x)),
        "products_of_others": products_of_others,
    }
    | {op.name: op.ufunc for op in OPS.values() if op.ufunc is not None}
)
"""Meaning of each word on NumPy arrays, element by element; what NumPy lacks is asked of `math`."""


class _Python(Renderer):
    """Python, in which every word that has no form is called by its name."""

    def form(self, word: str, count: int) -> Form | None:
        return self.forms.get(word) or called(word, count)


BY_BRANCH = _Python({**SIGNS, "where": CHOICE, "shortcut": CHOICE})
"""Python for single numbers: of a choice one branch is evaluated."""

BOTH_BRANCHES = _Python({**SIGNS, "shortcut": Form("{2}")})
"""Python for arrays and for programs, whose numbers differ or are not known yet: ``where`` is called."""


def is_choice(expression: Expression) -> TypeGuard[Application]:
    """Return whether a part of a rule is a choice of Python.

    Examples
    --------
    >>> is_choice(Rule("where(x <= 0.0, 0.0, x)").tree)
    True
    """
    return isinstance(expression, Application) and BY_BRANCH.forms.get(expression.word) is CHOICE


def may_raise(rule: Rule) -> bool:
    """Return whether Python raises for some floats: in a division or remainder, or in a function of `math`.

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
    return _function(rule, _python(meaning).write(rule), parameters, meaning)


def _python(meaning: Mapping[str, Any]) -> Renderer:
    """Return the Python for a meaning."""
    return BOTH_BRANCHES if "where" in meaning else BY_BRANCH


def _function(
    rule: Rule, expression: str, parameters: Sequence[str], meaning: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return the expression of a rule as a function, with the words in it that only the table defines."""
    words = set(rule.words) - set(meaning) - set(_python(meaning).forms)
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
    value = _function(op.value, OverElements(op, language).total(op.value), op.parameters, known)
    partials = [
        _function(rule, OverElements(op, language).each(rule), (*op.parameters, "out"), known)
        for rule in op.partials
    ]
    return Rules(value, tuple(partials))


@cache
def on_arrays(op: Op) -> Rules:
    """Return the rules of a row on NumPy arrays, compiled at the first use."""
    return compile_row(op, NUMPY)
