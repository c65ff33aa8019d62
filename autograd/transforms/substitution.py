"""Substitution: the operations of a recorded graph, recorded again on other operands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..engine.apply import apply_again
from ..engine.graph import consumers_first, depending_on
from ..engine.value import Value


def substituted(roots: Sequence[Value], new: Mapping[Value, Any], level: int = 0) -> dict[Value, Any]:
    """Record a graph again with some of its nodes replaced.

    Parameters
    ----------
    roots : sequence of Value
        The results.
    new : mapping of Value to Value or float
        The replacements.
    level : int
        The lowest level (`engine.levels`) of nodes that depend on the replaced ones; others are skipped.

    Returns
    -------
    dict of Value to Value or float
        The entries of `new`, and the copy of each node that depends on a replaced one: a number if all of
        its operands are numbers.

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
        if node.op is not None and node in dependent and node not in made:
            args = [made.get(arg, arg) if isinstance(arg, Value) else arg for arg in node.args]
            made[node] = apply_again(node.op, args)
    return made
