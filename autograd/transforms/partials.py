"""The partials of a node as graphs, which can be differentiated again: the rules of the table on `Value`s."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from functools import cache
from typing import Any

from ..engine.apply import evaluate
from ..engine.nonfinite import PYTHON_RAISES
from ..engine.tracing import may_be_traced
from ..engine.value import Value
from ..ops.rule import Application, Expression, Name, Number
from ..ops.table import OPS, Op
from .partials_by_cases import by_cases, chooses_formulas, has_choice
from .rules_on_values import on_values, while_traced

Scalar = Value | float

# Numbers and partials that a node has stored are those of the forward pass. If recomputed ones differ by more
# than rounding, a leaf was assigned to since. The partial alone does not tell: that of sin(x) is the same at
# -x, where the second derivative is the opposite one.
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
    assert op is not None
    # Not whether it is structural, which takes longer to find out.
    if not isinstance(op, Op):
        return op.pull(node, 1.0, wanted, {})
    args = node.args
    atoms = _atoms(op)
    of_elements = _of_elements(node, op, args) if atoms is None else []
    found: list[Scalar | None] = []
    by_rule = False
    for i, stored in enumerate(node.partials):
        if stored is None or args[i] not in wanted:
            found.append(None)
            continue
        if atoms is None:
            partial = _without_zero(of_elements[i])
        else:
            atom = atoms[i]
            if isinstance(atom, float):
                found.append(atom)
                continue
            partial = _by_rule(node, op, args, i) if atom is None else _operand_of(node, args, atom)
        if isinstance(partial, Value):
            is_rule = atoms is None or atoms[i] is None
            # Asked for equality first, which holds for nearly all. At inf and nan a rule may give other
            # numbers on nodes.
            if partial._data != stored and _differ(stored, partial._data, lenient=is_rule):
                raise _out_of_date(node)
            by_rule = by_rule or is_rule
        found.append(partial)
    if by_rule and not may_be_traced(node) and _is_out_of_date(node, op, args):
        raise _out_of_date(node)
    return found


def _is_out_of_date(node: Value, op: Op, args: Sequence[Scalar]) -> bool:
    """Return whether the operands of a node have other numbers than it was computed from."""
    numbers = [arg._data if isinstance(arg, Value) else arg for arg in args]
    columns = [*map(list, op.columns(numbers))] if op.variadic else numbers
    return _differ(node._data, evaluate(op, columns)[0])


def _out_of_date(node: Value) -> RuntimeError:
    return RuntimeError(
        f"a leaf below {node!r} was assigned to after it was computed, so that its derivative "
        "cannot be differentiated any more; build the expression again"
    )


def _operand_of(node: Value, args: Sequence[Scalar], atom: int) -> Scalar:
    """Return an operand of a node, or after the last one the node."""
    found = args[atom] if atom < len(args) else node
    # A constant factor 1 would be left out of a product, which would be unlike the others of a trace.
    return found if isinstance(found, Value) or not may_be_traced(node) else Value(found)


def _by_rule(node: Value, op: Op, args: Sequence[Scalar], i: int) -> Scalar:
    """Return what the rule of a row gives for the partial of one operand."""
    if not may_be_traced(node):
        return _without_zero(_applied(on_values(op).partials[i], args, node))
    partial = _without_zero(_applied(while_traced(op).partials[i], [*map(_leaf, args)], node))
    if chooses_formulas(op, i) and isinstance(partial, Value) and has_choice(partial, node):
        return by_cases(op, i, node, partial)
    return partial


def _of_elements(node: Value, op: Op, args: Sequence[Scalar]) -> list[Scalar]:
    """Return the partials of a row that takes sequences."""
    rules = on_values(op)
    if may_be_traced(node):
        args, rules = [*map(_leaf, args)], while_traced(op)
    columns = op.columns(args)
    # A value that all elements share, such as the sum of a softmax, is recorded once.
    return [partial for rule in rules.partials for partial in rule(*columns, node)]


@cache
def _atoms(op: Op) -> tuple[float | int | None, ...] | None:
    """Return for each partial of a row the number that it is, or which operand, the output being the last.

    None for any other rule, and for a row that takes sequences. Most partials of a program are those of sums
    and products.
    """
    if op.variadic:
        return None
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


def _differ(stored: float, found: float, lenient: bool = False) -> bool:
    if lenient and (math.isnan(stored) or math.isnan(found) or math.isinf(stored)):
        return False
    if math.isnan(stored) and math.isnan(found):
        return False
    return not math.isclose(stored, found, rel_tol=_ROUNDING)
