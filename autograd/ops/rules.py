"""What the words of a rule mean: on floats, and on NumPy arrays.

A rule is a text of the table (`autograd.ops.table`) such as ``"1.0 + out * out"``. Its words are the public
names of `autograd` plus ``pow``, ``abs``, ``inf`` and ``constant``. `FLOAT` and `NUMPY` give each word a
meaning, and `compile_rule` makes a function of a rule and a meaning. On `Value`s the words mean the
functions of `autograd` themselves: that is how a derivative becomes more graph.

``shortcut(condition, x, y)`` is y, for which x may be taken where the condition holds: it costs less there,
and is the formula of the textbooks. A program that does not know the number yet has y alone.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import starmap
from operator import matmul, mul
from typing import Any, NamedTuple

import numpy as np

from .table import OPS, Op


def _sum(x: Sequence[float]) -> float:
    """Return the sum, which the interpreter compensates for rounding from Python 3.12 on."""
    return sum(x, 0.0)


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


def is_primitive(op: Op) -> bool:
    """Return whether a row's rule is its own name, so that somebody has to know what it is.

    Examples
    --------
    >>> is_primitive(OPS["exp"]), is_primitive(OPS["sigmoid"])
    (True, False)
    """
    return any(isinstance(n, ast.Name) and n.id == op.name for n in ast.walk(ast.parse(op.value)))


_PRIMITIVES = {op.name: op for op in OPS.values() if is_primitive(op)}

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
    }
    | _IN_MATH
)
"""Meaning of each word on Python floats. Functions of `math` raise where NumPy gives nan or inf."""

NUMPY: dict[str, Any] = (
    {name: _of_arrays(_IN_MATH[name]) for name in _PRIMITIVES if name in _IN_MATH}
    | {
        "inf": math.inf,
        "constant": np.asarray,
        "where": np.where,
        "pow": np.power,
        "sum": np.sum,
        # Unlike `numpy.dot`, it tells of an overflow also in NumPy 2.0 to 2.2.
        "dot": matmul,
        "logsumexp": np.logaddexp.reduce,
    }
    | {op.name: op.ufunc for op in OPS.values() if op.ufunc is not None}
)
"""Meaning of each word on NumPy arrays, element by element; what NumPy lacks is asked of `math`."""


class _WhereToConditional(ast.NodeTransformer):
    """Rewrites ``where`` and ``shortcut`` as ``x if c else y``, which evaluates one branch only."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("where", "shortcut"):
            condition, x, y = node.args
            return ast.IfExp(condition, x, y)
        return node


class _WithoutShortcuts(ast.NodeTransformer):
    """Rewrites ``shortcut(c, x, y)`` as ``y``."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[2] if isinstance(node.func, ast.Name) and node.func.id == "shortcut" else node


def python_expression(rule: str) -> str:
    """Return a rule as the Python expression over floats that a person would write.

    Parameters
    ----------
    rule : str
        A rule of the table.

    Returns
    -------
    str
        The same with each ``where`` and ``shortcut`` as a conditional expression.

    Examples
    --------
    >>> python_expression("where(x <= 0.0, 0.0, x)")
    '0.0 if x <= 0.0 else x'
    """
    return ast.unparse(_WhereToConditional().visit(ast.parse(rule, mode="eval")))


def compile_rule(rule: str, parameters: Sequence[str], meaning: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function that computes a rule.

    Parameters
    ----------
    rule : str
        A rule of the table.
    parameters : sequence of str
        The names that it is a function of.
    meaning : mapping
        What its other words mean. Words that only the table defines, such as ``sigmoid``, may be
        left out. Without ``where`` only the branch that is taken is evaluated; with it no shortcut is.

    Returns
    -------
    callable
        The rule as a function of the parameters, by position.

    Examples
    --------
    >>> compile_rule("1.0 - out * out", ["x", "out"], FLOAT)(0.0, 0.5)
    0.75
    """
    expression = python_expression(rule)
    if "where" in meaning:
        expression = ast.unparse(_WithoutShortcuts().visit(ast.parse(rule, mode="eval")))
    function = eval(f"lambda {', '.join(parameters)}: {expression}", {"__name__": __name__, **meaning})
    for word in set(function.__code__.co_names) - set(meaning):
        op = OPS[word]
        if is_primitive(op):
            raise NotImplementedError(
                f"the rule of the row {word!r} is {op.value!r}, but neither NumPy nor math has a function of "
                "this name: give the row a ufunc, or a rule in other words"
            )
        function.__globals__[word] = compile_rule(op.value, op.parameters, meaning)
    return function  # type: ignore[no-any-return]


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
    partials = tuple(
        compile_rule(_over_elements(rule, op.parameters), (*op.parameters, "out"), known)
        for rule in op.partials
    )
    return Rules(compile_rule(op.value, op.parameters, meaning), partials)


def _over_elements(rule: str, parameters: Sequence[str]) -> str:
    """Return the rule for one element as the rule for all, over which each ``sum`` in it goes."""
    if rule in parameters:
        return rule
    tree = ast.parse(rule, mode="eval")
    if isinstance(tree.body, ast.Constant):
        return f"[{rule}] * len({parameters[0]})"
    names = ", ".join(parameters)
    each = f"for {names} in {names if len(parameters) == 1 else f'zip({names})'}"
    totals = _Totals(each)
    element = ast.unparse(totals.visit(tree))
    return f"(lambda {', '.join(totals.names.values())}: [{element} {each}])({', '.join(totals.names)})"


class _Totals(ast.NodeTransformer):
    """Writes a name in place of each ``constant(sum(...))``, and keeps what it stands for."""

    def __init__(self, each: str) -> None:
        self.each = each
        self.names: dict[str, str] = {}

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id == "constant":
            (total,) = node.args
            assert isinstance(total, ast.Call)
            text = f"constant(sum([{ast.unparse(total.args[0])} {self.each}]))"
            return ast.Name(self.names.setdefault(text, f"total{len(self.names)}"))
        return self.generic_visit(node)


@cache
def on_arrays(op: Op) -> Rules:
    """Return the rules of a row on NumPy arrays, compiled at the first use."""
    return compile_row(op, NUMPY)
