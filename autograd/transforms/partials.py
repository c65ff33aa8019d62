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
from ..ops.rule import Application, Expression, Name, Number
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
    op = node.op
    if op is None:
        return []
    if isinstance(op, Structural):
        return op.pull(node, 1.0, wanted, {})
    found = _of_elements(node, op, wanted) if op.variadic else _of_operands(node, op, wanted)
    for stored, partial in zip(node.partials, found, strict=True):
        # Asked for equality first, which holds for nearly all.
        if isinstance(partial, Value) and partial._data != stored and _differ(stored, partial._data):
            raise RuntimeError(
                f"a leaf below {node!r} was assigned to after it was computed, so that its derivative cannot "
                "be differentiated any more; build the expression again"
            )
    return found


def _of_operands(node: Value, op: Op, wanted: Container[Value]) -> list[Scalar | None]:
    """Return the partials of a row of a fixed number of operands."""
    args = node.args
    found: list[Scalar | None] = []
    for i, (operand, stored, atom) in enumerate(zip(args, node.partials, _atoms(op), strict=True)):
        if stored is None or operand not in wanted:
            found.append(None)
        elif atom is None:
            found.append(_of_rule(node, op, i))
        elif atom.__class__ is float:
            found.append(atom)
        else:
            of_row = args[atom] if atom < len(args) else node  # type: ignore[index]
            found.append(_leaf(of_row) if may_be_traced(node) else of_row)
    return found


def _of_rule(node: Value, op: Op, i: int) -> Scalar:
    """Return a partial by its rule."""
    args: Sequence[Scalar] = node.args
    rules = _on_values(op)
    if may_be_traced(node):
        # Constants as leaves: a constant factor 1 would be left out, and its product be unlike the others.
        args, rules = [*map(_leaf, args)], _while_traced(op)
    return _without_zero(_applied(rules.partials[i], args, node))


def _of_elements(node: Value, op: Op, wanted: Container[Value]) -> list[Scalar | None]:
    """Return the partials of a row that takes sequences."""
    args: Sequence[Scalar] = node.args
    rules = _on_values(op)
    if may_be_traced(node):
        args, rules = [*map(_leaf, args)], _while_traced(op)
    columns = op.columns(args)
    # A value that all elements share, such as the sum of a softmax, is recorded once.
    partials = [partial for rule in rules.partials for partial in rule(*columns, node)]
    uses = zip(node.args, node.partials, partials, strict=True)
    return [
        _without_zero(partial) if stored is not None and operand in wanted else None
        for operand, stored, partial in uses
    ]


@cache
def _atoms(op: Op) -> tuple[float | int | None, ...]:
    """Return for each partial of a row the number that it is, or which operand, the output being the last.

    None for any other rule. Most partials of a program are those of sums and products.
    """
    names = (*op.parameters, "out")
    return tuple([_atom(rule.tree, names) for rule in op.partials])


def _atom(expression: Expression, names: Sequence[str]) -> float | int | None:
    match expression:
        case Name(name):
            return names.index(name)
        case Number(number):
            return number
        case Application("neg", (Number(number),)):
            return -number
    return None


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


def _differ(stored: float | None, found: float) -> bool:
    if stored is None or math.isnan(stored) or math.isnan(found) or math.isinf(stored):
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
