"""Kinks: where a partial jumps, and which of the possible numbers the table takes."""

from __future__ import annotations

import math
from functools import cache

from ...engine.graph import Edge
from ...engine.nonfinite import PYTHON_RAISES
from ...engine.value import Value
from ...ops.rules import on_floats
from ...ops.table import Op
from ...transforms.kink_remark import said_of_kink

# The partial of x**2, which is 2 * x, has other values beside 0, too.
_SMALL = 1e-9


def remark_at_kink(edge: Edge) -> str:
    """Return what is to be said of the partial along an edge if the operation has a kink there, else nothing.

    Parameters
    ----------
    edge : Edge
        A slot of a node, with its operand.

    Returns
    -------
    str
        The numbers that the partial could be, and the one that is taken (C9 and A7 of the notes).

    Examples
    --------
    >>> from autograd import relu
    >>> remark_at_kink(Edge(relu(Value(0.0)), 0))
    'kink: any number in [0, 1] is a subgradient, the convention taken is 0'
    >>> remark_at_kink(Edge(relu(Value(2.0)), 0))
    ''
    """
    op = edge.node.op
    if not isinstance(op, Op) or not _may_jump(op):
        return ""
    left, right = (_partial(edge, op, towards) for towards in (-math.inf, math.inf))
    # Beside a kink there are two finite numbers; beside a pole, or the edge of a domain, there are not.
    if math.isclose(left, right, abs_tol=_SMALL) or not (math.isfinite(left) and math.isfinite(right)):
        return ""
    return said_of_kink(left, right, edge.partial)


@cache
def _may_jump(op: Op) -> bool:
    # A `where` may also be there for accuracy, or for nan: then the partials beside it agree.
    return not op.variadic and any("where" in rule.words for rule in op.partials)


def _partial(edge: Edge, op: Op, towards: float) -> float:
    """Return the partial at the operand's neighbour among floats."""
    args = [arg.data if isinstance(arg, Value) else arg for arg in edge.node.args]
    args[edge.slot] = math.nextafter(args[edge.slot], towards)
    rules = on_floats(op)
    try:
        return float(rules.partials[edge.slot](*args, rules.value(*args)))
    except PYTHON_RAISES:
        return math.nan
