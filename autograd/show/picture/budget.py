"""How much a picture holds that a person reads: found by looking at pictures of many sizes."""

from __future__ import annotations

from collections.abc import Sequence

from ...engine.graph import operands
from ...engine.value import Value

# At 1,400 pixels, text in a picture of more boxes is too small to read, and with more edges nobody can follow
# a line from box to box.
MAX_BOXES, MAX_EDGES = 60, 120

# Of a graph that does not fit, so many steps before the result are drawn: a step with its numbers is 2 inches
# wide, and at 1,400 pixels the text of more steps is too small to read.
MAX_STEPS = 8


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


def nearest(order: Sequence[Value], boxes: int, edges: float, steps: float) -> list[Value]:
    """Return the nodes that are nearest to the result, in order.

    Parameters
    ----------
    order : sequence of Value
        The graph in topological order, the result last.
    boxes, edges, steps : int
        The largest numbers of nodes, of edges between them, and of edges from a node to the result.

    Returns
    -------
    list of Value
        At least the result.

    Examples
    --------
    >>> x = Value(2.0)
    >>> y = x + 1.0
    >>> [node.data for node in nearest([x, y, y * y], 2, 2, 1)]
    [3.0, 9.0]
    """
    found = {order[-1]: 0}
    reached = [order[-1]]
    for node in reached:
        for operand in operands(node):
            edges -= 1
            is_new = operand not in found
            if edges < 0 or (is_new and (len(found) == boxes or found[node] == steps)):
                return [node for node in order if node in found]
            if is_new:
                found[operand] = found[node] + 1
                reached.append(operand)
    return list(order)


def in_reading_order(shown: Sequence[Value]) -> list[Value]:
    """Return nodes of a graph, each after its operands, and these in the order in which the user wrote them.

    Graphviz places what it has no reason to place otherwise in the order of the text.

    Examples
    --------
    >>> from autograd.engine.graph import nodes
    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> [node.label for node in in_reading_order(nodes((a - 1.0) * b))]
    ['a', '', 'b', '']
    """
    found: dict[Value, None] = {}
    entered: set[Value] = set()
    stack = [*shown]
    known = set(shown)
    while stack:
        node = stack[-1]
        if node in entered:
            found[stack.pop()] = None
        else:
            entered.add(node)
            used = reversed(operands(node))
            stack.extend(operand for operand in used if operand in known and operand not in found)
    return list(found)
