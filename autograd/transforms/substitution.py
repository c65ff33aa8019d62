"""Other operands in a recorded graph: the same operations, recorded again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..engine.apply import apply, apply_variadic
from ..engine.graph import consumers_first, depending_on
from ..engine.tracing import trace_also
from ..engine.value import Value
from .batch_tracing import LANE, STACK, TOTAL, lane, stack, total


def substituted(roots: Sequence[Value], new: Mapping[Value, Any], level: int = 0) -> dict[Value, Any]:
    """Return what the nodes of a graph become when some of them are replaced.

    Parameters
    ----------
    roots : sequence of Value
        The results.
    new : mapping of Value to Value or float
        What takes the place of some nodes.
    level : int
        The level (`engine.levels`) that all nodes that depend on the replaced ones have at least.

    Returns
    -------
    dict of Value to Value or float
        The entries of `new`, and for each node that depends on one of them its copy; a number where all
        operands are numbers.

    Examples
    --------
    >>> x, y = Value(3.0), Value(4.0)
    >>> z = x * x + 1.0
    >>> substituted([z], {x: y})[z], substituted([z], {x: 5.0})[z]
    (Value(17.0, op='+'), 26.0)
    """
    order = consumers_first(*roots, level=level)[::-1]
    made = dict(new)
    dependent = depending_on(new, order)
    for node in order:
        if node in dependent and node not in made:
            made[node] = _recorded_again(
                node, [made.get(arg, arg) if isinstance(arg, Value) else arg for arg in node.args]
            )
    return made


def _recorded_again(node: Value, args: Sequence[Any]) -> Any:
    op: Any = node.op
    if op is STACK:
        stacked = stack(args)
        trace_also([stacked])
        return stacked
    if op is LANE:
        return lane(args[0], int(args[1])) if isinstance(args[0], Value) else args[0]
    if op is TOTAL:
        return total(args[0], int(args[1]))
    return apply_variadic(op, *op.columns(args)) if op.variadic else apply(op, *args)
