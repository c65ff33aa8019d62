"""Walks over a recorded graph: operands, edges, topological orders, and the names of nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, filterfalse
from typing import Any, NamedTuple

import numpy as np

from ..printable import printable
from .description import IN_TUPLES
from .levels import highest_open, open_levels
from .value import Value


def operands(node: Value) -> list[Value]:
    """Return the operands of a node that are nodes: in order, and twice if used twice.

    Examples
    --------
    >>> a = Value(2.0, label="a")
    >>> operands(a * a * 3.0)
    [Value(4.0, op='*')]
    >>> operands(a * a)
    [Value(2.0, label='a'), Value(2.0, label='a')]
    """
    x, y = node._x, node._y
    if node._edges >= IN_TUPLES:
        if type(x) is not tuple:
            x = x.present()
        return [arg for arg in x if type(arg) is not float]
    # Written out, since to go through a pair takes as long as all else that a walk does.
    if y is None or type(y) is float:
        return [] if x is None or type(x) is float else [x]
    return [y] if type(x) is float else [x, y]


def consumers_first(*roots: Value, level: int = 0, by_derivative: bool = False) -> list[Value]:
    """Return nodes and all that they depend on, each after all of its consumers.

    This is a topological order from the results to the leaves, found depth first without recursion. It is the
    order of `Value.backward`, so that both add contributions in the same order. In another order a node could
    pass on its adjoint before a consumer has added to it.

    Parameters
    ----------
    *roots : Value
        The results.
    level : int
        The level of a derivative (`levels`): only nodes of this level or above, which can depend on its
        variables, are visited. Otherwise an inner derivative in a loop would walk through all earlier steps.
    by_derivative : bool
        Whether to leave out nodes to which no derivative flows: those that are only compared or select.

    Returns
    -------
    list of Value
        Each node once; a single root comes first.

    Examples
    --------
    >>> a = Value(2.0)
    >>> b = a + 1.0
    >>> [f"{node:.0f}" for node in consumers_first(a * b)]
    ['6', '3', '2']
    """
    entered: set[Value] = set()
    done: set[Value] = set()
    order: list[Value] = []
    stack = [root for root in roots if root._level >= level]
    while stack:
        node = stack[-1]
        if node in entered:
            stack.pop()
            if node not in done:
                done.add(node)
                order.append(node)
            continue
        entered.add(node)
        for operand in _differentiated(node) if by_derivative else operands(node):
            if operand._level >= level and operand not in done:
                stack.append(operand)
    order.reverse()
    return order


def level_outside(nodes: Sequence[Value], level: int) -> int:
    """Return the highest open level below a given one on whose variables nodes depend.

    Parameters
    ----------
    nodes : sequence of Value
        The results of a derivative.
    level : int
        The level of that derivative.

    Returns
    -------
    int
        The level of the enclosing derivative or trace that the nodes belong to as well; 0 if there is none.

    Examples
    --------
    >>> level_outside([Value(1.0)], 1)
    0
    """
    levels = {other for other in open_levels() if other < level}
    if not levels:
        return 0
    # A node made outside shows it by its level, unless that level is of a call that has ended.
    own = consumers_first(*nodes, level=level)
    # What stands for all samples of a batch belongs to the trace, though it came after the call began.
    batches = {other for other in open_levels(traces=True) if other > level}
    if batches and any(node._level in batches for node in own):
        return max(levels & open_levels(traces=True), default=0)
    below = {arg for node in own for arg in operands(node) if 0 < arg._level < level}
    below.update(node for node in nodes if 0 < node._level < level)
    return highest_open(below, levels)


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

    After Kahn (1962): count the consumers of each node, then take a node when its last consumer has been
    taken. So the operations on the elements of an array stay together, in the order of the elements, and the
    compiler lays the array out as the user did. With an order found depth first it would write ``x.T`` for
    ``x`` in many programs.

    Examples
    --------
    >>> a = Value(2.0)
    >>> [node.data for node in nodes_of([a * a, a + 1.0])]
    [2.0, 3.0, 4.0]
    """
    found = numbered(roots)
    return [found.nodes[number] for number in found.order]


def data_of(nodes: list[Value]) -> list[float]:
    """Return the numbers of some nodes: compiled, in a third of the time that their attributes take.

    Examples
    --------
    >>> data_of([Value(2.0), Value(3.0)])
    [2.0, 3.0]
    """
    return [node._data for node in nodes]


class Numbered(NamedTuple):
    """The nodes that lead to some results, each by a number.

    Lists of integers, because lists of nodes would keep the cyclic collector busy.

    Attributes
    ----------
    nodes : list of Value
        The nodes by number.
    operands : list of int
        The operands of all nodes: first those of node 0, then those of node 1, ... Constant k is -1 - k.
    constants : list of float
        The constants by number.
    bounds : list of int
        Where in that list the operands of each node begin, and at last its length.
    roots : list of int
        The results.
    order : list of int
        Each node once and after its operands, as `nodes_of` has them.
    """

    nodes: list[Value]
    operands: list[int]
    constants: list[float]
    bounds: list[int]
    roots: list[int]
    order: list[int]


def numbered(roots: Sequence[Value]) -> Numbered:
    """Return the nodes that lead to several results, their operands, and the order of `nodes_of`.

    Examples
    --------
    >>> a = Value(2.0)
    >>> found = numbered([a * a, a + 1.0])
    >>> found.operands, found.constants, found.bounds, found.order
    ([2, 2, 2, -1], [1.0], [0, 2, 4, 4], [2, 1, 0])
    """
    nodes: list[Value] = []
    uses: list[int] = []
    # A number that is passed on is any object to mypyc: compiled code would put an int into a new object for
    # each operand, which doubles what a walk takes.
    number_of: dict[Value, Any] = {}
    linked: list[Any] = []
    constants: list[float] = []
    bounds = [0]
    of_roots: list[Any] = []
    operand: Any
    for root in roots:
        known: Any = number_of.get(root)
        if known is None:
            known = number_of[root] = len(nodes)
            nodes.append(root)
            uses.append(0)
        of_roots.append(known)
    for node in nodes:
        if node.op is None or node._edges >= IN_TUPLES:
            operands: tuple[Any, ...] = node.args
        else:
            # Written out: the property takes a quarter of the walk.
            operands = (node._x,) if node._y is None else (node._x, node._y)
        for operand in operands:
            if type(operand) is float:
                constants.append(operand)
                linked.append(-len(constants))
                continue
            known = number_of.get(operand)
            if known is None:
                known = number_of[operand] = len(nodes)
                nodes.append(operand)
                uses.append(1)
            else:
                number: int = known
                uses[number] += 1
            linked.append(known)
        bounds.append(len(linked))
    # Results that no other one depends on come last, each where it is named for the last time.
    order: list[Any] = [number for number in dict.fromkeys(reversed(of_roots)) if not uses[number]]
    order.reverse()
    for taken in order:
        at: int = taken
        for i in range(bounds[at], bounds[at + 1]):
            operand_at: int = linked[i]
            if operand_at >= 0:
                uses[operand_at] -= 1
                if not uses[operand_at]:
                    order.append(linked[i])
    order.reverse()
    return Numbered(nodes, linked, constants, bounds, of_roots, order)


class Edge(NamedTuple):
    """An edge of a graph: one slot of a node that holds an operand.

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
        """The derivative of the node with respect to that operand."""
        return self.node.partials[self.slot]  # type: ignore[return-value]


def edges(node: Value) -> list[Edge]:
    """Return the edges of a node, one for each operand that is a node.

    Examples
    --------
    >>> a = Value(2.0)
    >>> [edge.slot for edge in edges(a * a)]
    [0, 1]
    """
    return [Edge(node, slot) for slot, partial in enumerate(node.partials) if partial is not None]


def _differentiated(node: Value) -> list[Value]:
    """Return the operands to which a derivative flows, as the edges of a node have them."""
    args = zip(node.args, node.partials, strict=True)
    return [arg for arg, partial in args if partial is not None]  # type: ignore[misc]


def depending_on(
    inputs: Iterable[Value], order: Iterable[Value], *, by_derivative: bool = False
) -> set[Value]:
    """Return some nodes of a graph and all nodes that depend on them.

    Parameters
    ----------
    inputs : iterable of Value
        The nodes.
    order : iterable of Value
        The graph, each node after its operands.
    by_derivative : bool
        Whether to follow only edges along which a derivative flows, so not those of a condition.

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
        if node in found:
            continue
        for operand in _differentiated(node) if by_derivative else operands(node):
            if operand in found:
                found.add(node)
                break
    return found


def names(order: Sequence[Value], variables: Mapping[str, Any] | None = None) -> dict[Value, str]:
    """Return a name for each node: its label, else its variable's name, else ``v1``, ``v2``, ...

    Parameters
    ----------
    order : sequence of Value
        The nodes, such as `nodes` returns.
    variables : mapping, optional
        Variables, such as ``locals()``. Lists and arrays of `Value`s, and lists of such lists, name their
        elements. Of several names the first is taken. Names that begin with ``_`` are left out, since IPython
        stores its results under them, and so are those that are a label of another node.

    Returns
    -------
    dict
        The name of each node; ``v1`` and the like are skipped where they are labels already.

    Examples
    --------
    >>> a = Value(2.0, label="a")
    >>> b = a * a
    >>> list(names(nodes(b + 1.0)).values())
    ['a', 'v1', 'v2']
    >>> list(names(nodes(b + 1.0), {"b": b}).values())
    ['a', 'b', 'v1']
    """
    known = known_names(order, variables or {})
    taken = set(known.values())
    numbered = filterfalse(taken.__contains__, map("v{}".format, count(1)))
    return {node: known.get(node) or next(numbered) for node in order}


def known_names(order: Iterable[Value], variables: Mapping[str, Any]) -> dict[Value, str]:
    """Return the names of nodes that have one: their labels, else their variables' names.

    Examples
    --------
    >>> a, b = Value(2.0, label="a"), Value(3.0)
    >>> known_names([a, b, a * b], {"c": a, "b": b}).values()
    dict_values(['a', 'b'])
    """
    found = {node: node.label for node in order}
    labels = set(found.values())
    for name, value in _named_values(variables):
        if found.get(value) == "" and name not in labels:
            found[value] = name
    # Pictures show a label that has several lines in several lines.
    return {node: printable(name, keep="\n") for node, name in found.items() if name}


def _named_values(variables: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    """Yield the Values among variables, and the elements of lists and arrays of them."""
    for name, item in variables.items():
        if name.startswith("_"):
            continue
        if isinstance(item, Value):
            yield name, item
        elif isinstance(item, np.ndarray) and item.dtype == object:
            for index in np.ndindex(item.shape):
                entry: Any = item[index]
                if isinstance(entry, Value):
                    yield f"{name}[{', '.join(map(str, index))}]", entry
        elif _is_list(item):
            for i, entry in enumerate(item):
                if isinstance(entry, Value):
                    yield f"{name}[{i}]", entry
                # A table of numbers has many rows: only its first column is looked at.
                elif _is_list(entry) and entry and isinstance(entry[0], Value):
                    for j, number in enumerate(entry):
                        if isinstance(number, Value):
                            yield f"{name}[{i}][{j}]", number


def _is_list(item: Any) -> bool:
    """Return whether an object has no other names for its elements, as a named tuple has."""
    return isinstance(item, list) or type(item) is tuple
