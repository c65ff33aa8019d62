"""The nodes of a graph in the order in which a reader of its formula meets them."""

from __future__ import annotations

from collections.abc import Sequence

from ...engine.graph import operands
from ...engine.value import Value


def in_reading_order(shown: Sequence[Value]) -> list[Value]:
    """Return nodes of a graph, each after its operands, and these in the order in which the user wrote them.

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
