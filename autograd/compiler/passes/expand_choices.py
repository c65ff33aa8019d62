"""Writing out rows that choose: ``relu(x)`` is a comparison and a choice by it.

Its derivative is a choice by the same comparison, which is then made once.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ...ops.table import COMPARISONS, OPS, Op
from ..trace.tape import Tape, rewritten

_COMPARISON_OF = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}


def spread_choices(tape: Tape) -> Tape:
    """Return a tape in which `relu`, `max` and `min` are comparisons and `where`.

    Parameters
    ----------
    tape : Tape
        A program.

    Returns
    -------
    Tape
        A program of the same results, bit for bit: what is written out is the rule of the table.

    Examples
    --------
    >>> from autograd import Value, relu
    >>> from ..trace.tape import tape_of
    >>> x = Value(1.0)
    >>> spread = spread_choices(tape_of([relu(x)], [[x]]))
    >>> [op.name for op in spread.ops if op]
    ['le', 'where']
    """
    return rewritten(tape, _spread)


def _spread(tape: Tape, op: Op, args: tuple[int, ...]) -> int:
    if op not in CHOICES:
        return tape.add(op, args)
    return _written(CHOICES[op], dict(zip(op.parameters, args, strict=True)), tape)


def _written(rule: ast.expr, meaning: Mapping[str, int], tape: Tape) -> int:
    """Append the instructions of a rule made of comparisons and choices."""
    if isinstance(rule, ast.Name):
        return meaning[rule.id]
    if isinstance(rule, ast.Constant):
        return tape.constant(float(rule.value))  # type: ignore[arg-type]
    parts = rule.args if isinstance(rule, ast.Call) else [rule.left, *rule.comparators]  # type: ignore[attr-defined]
    args = tuple(_written(part, meaning, tape) for part in parts)
    op = OPS["where"] if isinstance(rule, ast.Call) else COMPARISONS[_COMPARISON_OF[type(rule.ops[0])]]  # type: ignore[attr-defined]
    return tape.add(op, args)


def _is_choice(rule: ast.expr) -> bool:
    """Return whether a rule is made of `where`, comparisons, arguments and numbers alone."""
    allowed = (ast.Compare, ast.Name, ast.Constant, ast.expr_context, ast.cmpop)
    return all(
        isinstance(node, allowed) or (isinstance(node, ast.Call) and ast.unparse(node.func) == "where")
        for node in ast.walk(rule)
    )


_RULES = {op: ast.parse(op.value, mode="eval").body for op in OPS.values() if op.name != "where"}
CHOICES: dict[Op, ast.expr] = {
    op: rule for op, rule in _RULES.items() if isinstance(rule, ast.Call) and _is_choice(rule)
}
