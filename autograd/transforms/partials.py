"""The partials of a node as graphs, which can be differentiated again: the rules of the table on `Value`s."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from functools import cache
from typing import Any

from ..engine.apply import apply
from ..engine.nonfinite import PYTHON_RAISES
from ..engine.tracing import may_be_traced
from ..engine.value import Value
from ..functions import generated as functions
from ..ops.meanings import products_of_others
from ..ops.rules import Rules, compile_row, on_sequences
from ..ops.structural import Structural
from ..ops.table import CONSTANTS, OPS, Op

Scalar = Value | float

# Stored partials are those of the forward pass. If recomputed ones differ by more than rounding, a leaf was
# assigned to since.
_ROUNDING = 1e-9


def partials_as_graph(node: Value, wanted: Container[Value]) -> Sequence[Scalar | None]:
    """Return the partials of a node as functions of its operands that can be differentiated.

    Parameters
    ----------
    node : Value
        The result of an operation.
    wanted : container of Value
        The operands with respect to which the partials are wanted.

    Returns
    -------
    sequence of Value, float or None
        One for each operand: a float if the partial is constant, None if it is not wanted.

    Raises
    ------
    RuntimeError
        If a leaf was assigned to since the node was computed.

    Examples
    --------
    >>> x = Value(3.0)
    >>> partials_as_graph(x * x, {x})
    [Value(3.0), Value(3.0)]
    """
    if isinstance(node.op, Structural):
        return node.op.pull(node, 1.0, wanted, {})
    uses = zip(node.args, node.partials, _applications(node), strict=True)
    found = [
        _without_zero(_applied(rule, args, node)) if stored is not None and operand in wanted else None
        for operand, stored, (rule, args) in uses
    ]
    for stored, partial in zip(node.partials, found, strict=True):
        if stored is not None and partial is not None and _differ(stored, partial):
            raise RuntimeError(
                f"a leaf below {node!r} was assigned to after it was computed, so that its derivative cannot "
                "be differentiated any more; build the expression again"
            )
    return found


def _applications(node: Any) -> list[tuple[Callable[..., Any], Sequence[Scalar]]]:
    """Return for each operand the rule of the partial, and its arguments."""
    if node.op is None:
        return []
    args = node.args
    rules = _on_values(node.op).partials
    if may_be_traced(node):
        # Constants as leaves: a constant factor 1 would be left out, and its product be unlike the others.
        args = tuple(map(_leaf, args))
        rules = _while_traced(node.op).partials
    if not node.op.variadic:
        return [(rule, args) for rule in rules]
    # A value that all elements share, such as the sum of a softmax, is recorded once.
    columns = node.op.columns(args)
    return [(lambda _, found=found: found, ()) for rule in rules for found in rule(*columns, node)]


def _applied(rule: Callable[..., Any], args: Sequence[Scalar], node: Value) -> Scalar:
    """Return a partial; where Python raises for constants, such as 1/0, `Value`s give what IEEE 754 says."""
    try:
        return rule(*args, node)  # type: ignore[no-any-return]
    except PYTHON_RAISES:
        return rule(*map(_leaf, args), node)  # type: ignore[no-any-return]


def _leaf(arg: Scalar) -> Value:
    return arg if isinstance(arg, Value) else Value(arg)


def _without_zero(partial: Scalar) -> Scalar:
    """Return the constant 0 in place of a product with it, such as the partial of x**0."""
    is_zero = (
        isinstance(partial, Value)
        and partial.op is OPS["mul"]
        # The product 0 * inf is nan, and stays.
        and partial._data == 0.0
        and any(isinstance(arg, float) and arg == 0.0 for arg in partial.args)
    )
    return 0.0 if is_zero else partial


def _differ(stored: float, partial: Scalar) -> bool:
    found = partial._data if isinstance(partial, Value) else partial
    if math.isnan(stored) or math.isnan(found) or math.isinf(stored):
        return False
    return abs(found - stored) > _ROUNDING * max(abs(stored), abs(found))


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
def _on_values(op: Op) -> Rules:
    """Return the rules of a row on Values."""
    return on_sequences(op, _MEANING) if op.variadic else compile_row(op, _MEANING)


def _choose(condition: Any, x: Scalar, y: Scalar) -> Scalar:
    """Return a node that chooses when the program runs, or the choice if the condition is known already.

    It is known if it is about a constant exponent: so x**3 has one derivative rather than a choice of two.
    """
    if isinstance(condition, Value) and may_be_traced(condition):
        return functions.where(condition, x, y)
    return x if condition else y


@cache
def _while_traced(op: Op) -> Rules:
    """Return the rules of a row on Values with both branches, since other inputs may take the other one."""
    meaning = _MEANING | {"where": _choose}
    return on_sequences(op, meaning) if op.variadic else compile_row(op, meaning)
