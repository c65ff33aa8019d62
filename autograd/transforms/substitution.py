"""Other operands in a recorded graph: the same operations, recorded again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..engine.apply import apply_again
from ..engine.graph import consumers_first, depending_on
from ..engine.value import Value


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
        if node.op is not None and node in dependent and node not in made:
            args = [made.get(arg, arg) if isinstance(arg, Value) else arg for arg in node.args]
            made[node] = apply_again(node.op, args)
    return made
