"""The numbers that an exercise asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...engine.description import BY_RULE
from ...engine.graph import Edge, consumers_first, edges, nodes
from ...engine.value import Value
from ...transforms.sweeps import adjoints_of, push
from ..text.notation import Notation
from ..text.reading_order import in_reading_order
from ..text.replay import replay

# How far the leaves are moved to try a formula elsewhere: so little that few cases change.
_NEARBY = 1.1


class Blank(NamedTuple):
    """A number that is asked for: the gradient of a node, or the local partial along one of its edges.

    Attributes
    ----------
    name : str
        How it is written, as ``dy/dx`` or ``∂v1/∂x``.
    node : Value
        The node.
    slot : int or None
        Of a local partial, which operand of the node it is for; None for a gradient.

    Examples
    --------
    >>> Blank("dy/dx", Value(3.0, label="x"), None).slot is None
    True
    """

    name: str
    node: Value
    slot: int | None


class Solution:
    """The gradients and local partials of a graph, with the names of its nodes.

    Parameters
    ----------
    y : Value
        The result.
    name_of : mapping of Value to str
        The name of each node.

    Attributes
    ----------
    order : list of Value
        The nodes, each after its operands.
    gradients : dict of Value to float
        The derivative of the result with respect to each node to which one flows.
    uses : dict of Value to list of Edge
        The edges that lead from a node to its consumers, in the order of the consumers.

    Raises
    ------
    ValueError
        If a function with a rule of its own is in the graph, which has no local partials.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> y = x + x * x
    >>> found = Solution(y, {node: str(node.data) for node in nodes(y)})
    >>> found.gradients[x], len(found.uses[x])
    (7.0, 3)
    """

    def __init__(self, y: Value, name_of: Mapping[Value, str]) -> None:
        self.y = y
        self.name_of = name_of
        self.order = in_reading_order(nodes(y))
        if any(node._edges == BY_RULE for node in self.order):
            raise ValueError(
                "an exercise needs local partials, but a function in this graph says itself what flows back "
                "(custom_vjp)"
            )
        self.write = Notation(name_of)
        by_derivative = consumers_first(y, by_derivative=True)
        reached = set(by_derivative)
        leaves = [node for node in self.order if node.op is None]
        found = adjoints_of(by_derivative, [y], [1.0], leaves, as_graph=False)
        self.gradients: dict[Value, float] = {
            node: float(found.get(node, 0.0)) for node in self.order if node in reached
        }
        self.uses: dict[Value, list[Edge]] = {node: [] for node in self.order}
        for node in self.order:
            if node in self.gradients:
                for edge in edges(node):
                    self.uses[edge.operand].append(edge)

    def edges(self) -> list[Edge]:
        """Return the edges along which a derivative flows, in the order of the nodes."""
        return [edge for node in self.order if node in self.gradients for edge in edges(node)]

    def gradient(self, node: Value) -> Blank:
        """Return the blank for the gradient of a node."""
        return Blank(self.write.total(self.y, node), node, None)

    def partial(self, edge: Edge) -> Blank:
        """Return the blank for the partial along an edge."""
        same = [other.slot for other in edges(edge.node) if other.operand is edge.operand]
        nth = same.index(edge.slot) + 1 if len(same) > 1 else None
        return Blank(self.write.partial(edge, nth), edge.node, edge.slot)

    def answer(self, blank: Blank) -> float:
        """Return what a blank stands for."""
        if blank.slot is None:
            return self.gradients[blank.node]
        return Edge(blank.node, blank.slot).partial

    def contribution(self, edge: Edge) -> float:
        """Return what flows back along an edge."""
        return self.gradients[edge.node] * edge.partial

    def tangents(self, node: Value) -> dict[Value, float]:
        """Return the derivative of each node with respect to one of them."""
        found = push(consumers_first(self.y, by_derivative=True), self.order, [node], [1.0], as_graph=False)
        return {other: float(tangent) for other, tangent in zip(self.order, found, strict=True)}

    def values(self) -> dict[str, float]:
        """Return the values of the nodes by name."""
        return {name: node.data for node, name in self.name_of.items()}

    def elsewhere(self, blanks: Sequence[Blank]) -> tuple[Solution, dict[Blank, Blank]]:
        """Return the same graph at another point, and what each blank is there."""
        copies = replay(self.y, {node: node.data * _NEARBY + 0.01 for node in self.order if node.op is None})
        moved = Solution(copies[self.y], {copies[node]: name for node, name in self.name_of.items()})
        return moved, {blank: blank._replace(node=copies[blank.node]) for blank in blanks}
