"""Walking a recorded graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from .node import consumers_first
from .printable import printable
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
    return nodes_of([root])


def nodes_of(roots: Sequence[Value]) -> list[Value]:
    """Return the nodes that lead to several results, each once and after its operands.

    Examples
    --------
    >>> a = Value(2.0)
    >>> [node.data for node in nodes_of([a * a, a + 1.0])]
    [2.0, 3.0, 4.0]
    """
    return consumers_first(*roots)[::-1]  # type: ignore[return-value]


class Use(NamedTuple):
    """An edge of a graph: one operand slot of one node.

    Attributes
    ----------
    node : Value
        The node.
    slot : int
        Which of its operands, from 0.
    """

    node: Value
    slot: int

    @property
    def operand(self) -> Value:
        """The operand in that slot."""
        return self.node.args[self.slot]  # type: ignore[return-value]

    @property
    def partial(self) -> float:
        """The derivative of the node by that operand."""
        return self.node.partials[self.slot]  # type: ignore[return-value]


def uses(node: Value) -> list[Use]:
    """Return the slots of a node that hold nodes, constants left out.

    Examples
    --------
    >>> a = Value(2.0)
    >>> [use.slot for use in uses(a * a)]
    [0, 1]
    """
    return [Use(node, slot) for slot, partial in enumerate(node.partials) if partial is not None]


def depending_on(inputs: Iterable[Value], order: Iterable[Value]) -> set[Value]:
    """Return some nodes of a graph and all that depend on them.

    Parameters
    ----------
    inputs : iterable of Value
        The nodes.
    order : iterable of Value
        The graph, each node after its operands.

    Returns
    -------
    set of Value
        By identity, as nodes hash.

    Examples
    --------
    >>> a, b = Value(2.0), Value(3.0)
    >>> len(depending_on([a], nodes(a * b + b)))
    3
    """
    found = set(inputs)
    for node in order:
        if node not in found and any(isinstance(arg, Value) and arg in found for arg in node.args):
            found.add(node)
    return found


def names(order: Sequence[Value], variables: Mapping[str, Any] | None = None) -> dict[Value, str]:
    """Return a name for each node: its label, else its variable's name, else ``v1``, ``v2``, ...

    Parameters
    ----------
    order : sequence of Value
        The nodes, such as `nodes` returns.
    variables : mapping, optional
        The caller's variables, such as ``locals()``. Lists and arrays of `Value`s name their elements;
        names that begin with ``_`` are left out, since IPython stores its results under such.

    Returns
    -------
    dict
        Name of each node; a number is left out where a name is that number already.

    Examples
    --------
    >>> a = Value(2.0, label="a")
    >>> b = a * a
    >>> list(names(nodes(b + 1.0)).values())
    ['a', 'v1', 'v2']
    >>> list(names(nodes(b + 1.0), {"b": b}).values())
    ['a', 'b', 'v1']
    """
    given = {id(value): name for name, value in _named_values(variables or {})}
    # A picture shows a label in lines of its own.
    known = {node: printable(node.label or given.get(id(node), ""), keep="\n") for node in order}
    taken = set(known.values())
    numbered = (f"v{i}" for i in count(1) if f"v{i}" not in taken)
    return {node: name or next(numbered) for node, name in known.items()}


def _named_values(variables: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    """Yield the Values among variables, and the elements of lists and arrays of them."""
    for name, item in variables.items():
        entries: Iterable[tuple[str, Any]] = []
        if isinstance(item, Value):
            entries = [(name, item)]
        elif isinstance(item, list | tuple):
            entries = ((f"{name}[{i}]", entry) for i, entry in enumerate(item))
        elif isinstance(item, np.ndarray) and item.dtype == object:
            entries = (
                (f"{name}[{', '.join(map(str, index))}]", item[index]) for index in np.ndindex(item.shape)
            )
        if not name.startswith("_"):
            yield from ((path, entry) for path, entry in entries if isinstance(entry, Value))
