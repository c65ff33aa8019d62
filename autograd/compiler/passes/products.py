"""Which rows add up numbers, or products of two: it follows from their rules."""

from __future__ import annotations

from ...ops.rule import Application, Expression, Name
from ...ops.table import OPS, Op


def factors_of(op: Op) -> int | None:
    """Return how many factors each term has that a row adds up, of its operands in order.

    Parameters
    ----------
    op : Op
        The row.

    Returns
    -------
    int or None
        1 for a sum, 2 for a product and a sum of products; None for a row that does anything else.

    Examples
    --------
    >>> [factors_of(OPS[name]) for name in ("add", "sum", "mul", "dot", "sub", "prod")]
    [1, 1, 2, 2, None, None]
    """
    terms = _added(op)
    names = tuple(name for term in terms for name in term)
    sizes = {len(term) for term in terms}
    return sizes.pop() if names == op.parameters and len(sizes) == 1 and max(sizes) <= 2 else None


Names = tuple[str, ...]


def _added(op: Op) -> list[Names]:
    """Return the names in each term that a row adds up; of a reduction those of one element."""
    if not op.variadic:
        return _terms(op.value.tree) if op.is_primitive else []
    match op.reduction and op.reduction.accumulators[0].step.tree:
        case Application("add", (Name(name), term)) if op.reduction and name == op.reduction.result.text:
            return _terms(term)
    return []


def _terms(expression: Expression) -> list[Names]:
    match expression:
        case Name(name):
            return [(name,)]
        case Application("mul", (Name(x), Name(y))):
            return [(x, y)]
        case Application("add", (Name(x), Name(y))):
            return [(x,), (y,)]
    return []


PARTS = frozenset(op for op in OPS.values() if factors_of(op))
"""What a larger sum can take up: sums, and products of two."""

SUMS = frozenset(op for op in PARTS if op is not OPS["mul"])
"""Those that add something. The order of their terms may change."""

PLAIN_SUMS = frozenset(op for op in PARTS if factors_of(op) == 1)
"""Those that multiply nothing."""

DOTS = SUMS - PLAIN_SUMS
"""Sums of products, of which many may be a matrix product."""
