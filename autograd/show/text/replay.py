"""Replay: a recorded graph, evaluated again at another point."""

from __future__ import annotations

from collections.abc import Mapping

from ...engine.apply import apply_again
from ...engine.graph import nodes
from ...engine.value import Value


def replay(root: Value, changes: Mapping[Value, float]) -> dict[Value, Value]:
    """Return a copy of a graph with other values for some of its nodes.

    Parameters
    ----------
    root : Value
        The result.
    changes : mapping of Value to float
        The new values. Changed nodes become leaves. Other leaves keep the ``data`` that they have now.

    Returns
    -------
    dict
        The copy of each node, with its label. A `where` may take its other branch; the branch of an ``if`` is
        no part of the graph, and stays.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> replay(y, {x: 4.0})[y]
    Value(16.0, op='*')
    """
    copies: dict[Value, Value] = {}
    for node in nodes(root):
        if node.op is None or node in changes:
            copies[node] = Value(changes.get(node, node.data), node.label)
            continue
        args = [copies[arg] if isinstance(arg, Value) else arg for arg in node.args]
        copies[node] = apply_again(node.op, args)
        copies[node].label = node.label
    return copies
