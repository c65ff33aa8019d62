"""How much a picture holds that a person reads: found by looking at pictures of many sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ...engine.graph import operands
from ...engine.value import Value

# At 1,400 pixels, text in a picture of more boxes is too small to read, and with more edges nobody can follow
# a line from box to box.
MAX_BOXES, MAX_EDGES = 60, 120


class Budget(NamedTuple):
    """The largest size of a part of a graph.

    Attributes
    ----------
    boxes, edges : float
        The nodes, and the edges between them.
    steps : float
        The edges from a node to the result.
    operands : int
        The operands of a node; there are more of a long sum.
    """

    boxes: float
    edges: float = math.inf
    steps: float = math.inf
    operands: int | None = None


# Of a graph that does not fit, a part is drawn whose text can be read at 1,400 pixels: a step with numbers is
# 2 inches wide, and an operand half an inch high.
READABLE = Budget(MAX_BOXES, MAX_EDGES, steps=8, operands=16)


def number_of_edges(shown: Sequence[Value]) -> int:
    """Return the number of edges that lead to nodes.

    Examples
    --------
    >>> x = Value(2.0)
    >>> number_of_edges([x, x * x])
    2
    """
    return sum(len(operands(node)) for node in shown)


def is_readable(shown: Sequence[Value]) -> bool:
    """Return whether a picture of nodes has a size that a person reads.

    Examples
    --------
    >>> is_readable([Value(0.0)] * 60), is_readable([Value(0.0)] * 61)
    (True, False)
    """
    return len(shown) <= MAX_BOXES and number_of_edges(shown) <= MAX_EDGES


def nearest(order: Sequence[Value], budget: Budget) -> list[Value]:
    """Return the nodes that are nearest to the result, in order.

    Parameters
    ----------
    order : sequence of Value
        The graph in topological order, the result last.
    budget : Budget
        How many.

    Returns
    -------
    list of Value
        At least the result.

    Examples
    --------
    >>> x = Value(2.0)
    >>> y = x + 1.0
    >>> [node.data for node in nearest([x, y, y * y], Budget(2))]
    [3.0, 9.0]
    """
    distance = {order[-1]: 0}
    reached = [order[-1]]
    used = 0
    for node in reached:
        for operand in operands(node)[: budget.operands]:
            used += 1
            is_new = operand not in distance
            is_full = len(distance) >= budget.boxes or distance[node] >= budget.steps
            if used > budget.edges or (is_new and is_full):
                return [node for node in order if node in distance]
            if is_new:
                distance[operand] = distance[node] + 1
                reached.append(operand)
    return [node for node in order if node in distance]
