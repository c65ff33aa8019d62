"""The rules of the table on `Value`s: a derivative is just more graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

from ..engine.apply import apply
from ..engine.tracing import may_be_traced
from ..engine.value import Value
from ..functions import generated as functions
from ..ops.meanings import products_of_others
from ..ops.rules import Rules, compile_row, on_sequences
from ..ops.sequences import is_reduction
from ..ops.table import CONSTANTS, Op

Scalar = Value | float


def _power(x: Scalar, y: Scalar) -> Scalar:
    """Return x**y, without a node for the constant exponents 0 and 1."""
    if isinstance(y, float) and y in (0.0, 1.0):
        return x if y == 1.0 else 1.0
    return x**y


def _constant(x: Scalar) -> Scalar:
    """Return a number through which no derivative flows."""
    return apply(CONSTANTS["constant"], x)  # type: ignore[no-any-return]


# `where` is left out: conditions are evaluated, so that the branch not taken records no nodes.
_MEANING = {name: getattr(functions, name) for name in functions.__all__ if name != "where"}
_MEANING |= {"pow": _power, "inf": math.inf, "constant": _constant, "products_of_others": products_of_others}


@cache
def on_values(op: Op) -> Rules:
    """Return the rules of a row on Values, of which a choice records the branch that is taken.

    Examples
    --------
    >>> from autograd.ops.table import OPS
    >>> on_values(OPS["mul"]).partials[0](Value(2.0), Value(3.0), Value(6.0))
    Value(3.0)
    """
    return on_sequences(op, _MEANING) if op.variadic else compile_row(op, _MEANING)


@cache
def in_single_steps(op: Op) -> Callable[..., Value]:
    """Return the value of a row that takes sequences on Values, with a node for each step of its loop.

    Examples
    --------
    >>> from autograd.ops.table import OPS
    >>> print(in_single_steps(OPS["dot"])([Value(2.0), Value(3.0)], [Value(4.0), Value(5.0)]))
    0 + 2 * 4 + 3 * 5 = 23
    """
    meaning = {word: function for word, function in _MEANING.items() if not is_reduction(word)}
    return on_sequences(op, meaning).value


def _choose(condition: Any, x: Scalar, y: Scalar) -> Scalar:
    """Return a node that chooses when the program runs, or the choice if the condition is known already.

    It is known if it is about a constant exponent: so x**3 has one derivative rather than a choice of two.
    """
    if isinstance(condition, Value) and may_be_traced(condition):
        return functions.where(condition, x, y)
    return x if condition else y


@cache
def while_traced(op: Op) -> Rules:
    """Return the rules of a row on Values with both branches, since other inputs may take the other one.

    Examples
    --------
    >>> from autograd.ops.table import OPS
    >>> while_traced(OPS["relu"]).partials[0](Value(2.0), Value(2.0))
    1.0
    """
    meaning = _MEANING | {"where": _choose}
    return on_sequences(op, meaning) if op.variadic else compile_row(op, meaning)
