"""Gradients that are graphs, without the reference cycle of a leaf and its gradient.

A leaf holds its gradient, and the gradient is computed from the leaf, and from nodes that were computed from
it. All of these get stand-ins: the gradient is a function of the very nodes that the user has, and of copies
in their place once they are gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from .graph import consumers_first, operands
from .graph_copies import stand_in, with_operands
from .stand_ins import Operands
from .value import Value
from .variables import is_parameter


def without_cycles(gradients: Sequence[Value], graph: Collection[Value]) -> list[Value]:
    """Return gradients that do not hold any leaf of the graph that they are gradients of.

    Parameters
    ----------
    gradients : sequence of Value
        What a sweep over the graph has made. Nobody else may have them yet, since they are changed.
    graph : collection of Value
        All nodes of the graph.

    Returns
    -------
    list of Value
        The same functions of the same nodes.

    Examples
    --------
    >>> x = Value(2.0, label="x")
    >>> y = x * x
    >>> (gradient,) = without_cycles([x + x], {x, y})
    >>> gradient, gradient.args[0] is x
    (Value(4.0, op='+'), True)
    >>> del x, y
    >>> gradient.args
    (Value(2.0, label='x'), Value(2.0, label='x'))
    """
    # The copy of a leaf, or of a variable that stands for one, is nothing to differentiate by.
    gradients = [+node if node in graph and is_parameter(node) else node for node in gradients]
    copies: dict[Value, Value] = {}
    stand_ins: dict[Value, Value] = {}
    # What holds a leaf.
    holding: set[Value] = set()
    for node in reversed(consumers_first(*gradients)):
        is_leaf = node.op is None and node in graph
        if not is_leaf and holding.isdisjoint(_held(node)):
            continue
        holding.add(node)
        if node in graph:
            copies[node] = with_operands(Value(node._data), node, _replaced(node, stand_ins))
            stand_ins[node] = stand_in(node, copies[node])
        elif not stand_ins.keys().isdisjoint(operands(node)):
            with_operands(node, node, _replaced(node, stand_ins))
    return [copies.get(node, node) for node in gradients]


def _held(node: Value) -> list[Value]:
    """Return the operands that a node keeps alive, and those that its stand-ins do."""
    stored = node._x
    if not isinstance(stored, Operands):
        return operands(node)
    return [arg for arg in stored.held() if isinstance(arg, Value)]


def _replaced(node: Value, stand_ins: Mapping[Value, Value]) -> Operands:
    """Return the operands of a node, with stand-ins where there are any."""
    return Operands([stand_ins.get(arg, arg) if isinstance(arg, Value) else arg for arg in node.args])
