"""How much a picture holds that a person reads: found by looking at pictures of many sizes."""

from __future__ import annotations

from collections.abc import Sequence

from ...engine.graph import operands
from ...engine.value import Value

# At 1,400 pixels, text in a picture of more boxes is too small to read, and with more edges nobody can follow
# a line from box to box.
MAX_BOXES, MAX_EDGES = 60, 120


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


def nearest(order: Sequence[Value], boxes: int, edges: float) -> list[Value]:
    """Return the nodes that are nearest to the result, in order.

    Parameters
    ----------
    order : sequence of Value
        The graph in topological order, the result last.
    boxes, edges : int
        The largest numbers of nodes and of edges between them.

    Returns
    -------
    list of Value
        At least the result.

    Examples
    --------
    >>> x = Value(2.0)
    >>> y = x + 1.0
    >>> [node.data for node in nearest([x, y, y * y], 2, 2)]
    [3.0, 9.0]
    """
    found = {order[-1]}
    reached = [order[-1]]
    for node in reached:
        for operand in operands(node):
            edges -= 1
            if edges < 0 or (operand not in found and len(found) == boxes):
                return [node for node in order if node in found]
            if operand not in found:
                found.add(operand)
                reached.append(operand)
    return list(order)
