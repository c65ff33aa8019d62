"""Walking a recorded graph."""

from __future__ import annotations

from .node import consumers_first
from .value import Value


def nodes(root: Value) -> list[Value]:
    """Return the nodes that lead to a result, each after its operands.

    Parameters
    ----------
    root : Value
        The result.

    Returns
    -------
    list of Value
        In the order of evaluation; `root` comes last.

    Examples
    --------
    >>> a = Value(2.0, label="a")
    >>> [node.data for node in nodes(a * a + 1.0)]
    [2.0, 4.0, 5.0]
    """
    return consumers_first(root)[::-1]  # type: ignore[return-value]


def names(order: list[Value]) -> dict[Value, str]:
    """Return a name for each node: its label, else ``v1``, ``v2``, ... in the order given.

    Parameters
    ----------
    order : list of Value
        The nodes, such as `nodes` returns.

    Returns
    -------
    dict
        Name of each node; a number is left out where a label is that name already.

    Examples
    --------
    >>> a = Value(2.0, label="a")
    >>> list(names(nodes(a * a + 1.0)).values())
    ['a', 'v1', 'v2']
    """
    labels = {node.label for node in order}
    numbered = (f"v{i}" for i in range(1, 2 * len(order) + 1) if f"v{i}" not in labels)
    return {node: node.label or next(numbered) for node in order}
