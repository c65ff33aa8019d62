"""What a derivation is about: the nodes between an input and a result, and the edges that contribute."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from functools import cached_property

from ...engine.graph import Edge, consumers_first, depending_on, edges, operands
from ...engine.value import Value
from ...ops.structural import Structural
from ...transforms.sweeps import push
from .alike import Alike
from .path_products import Paths, trails

# More paths are not listed.
MAX_PATHS = 6


class Derivation:
    """The part of a graph through which a derivative flows.

    Parameters
    ----------
    order : sequence of Value
        The graph, each node after its operands; the result comes last.
    x : Value
        What to differentiate with respect to.
    whole : bool
        Whether to keep the paths on which a partial is 0, as long as there are others.

    Attributes
    ----------
    y, x : Value
        The result and the input.
    total : float
        The derivative.
    derivative_of : dict of Value to float
        That of each node by the input.
    between : list of Value
        The nodes between them, without the input.
    shown : list of Value
        Those to show.
    uses : dict of Value to list of (Edge, int)
        The edges of each of them to show, and how many more each edge stands for.
    fixed : list of Value
        The operands that do not depend on x, each once: first those of nodes that are shown.
    count, zeros : int
        The number of paths, and of those that are left out.

    Examples
    --------
    >>> x = Value(3.0)
    >>> found = Derivation([x, x * 0.0, x], x)
    >>> found.total, found.count
    (1.0, 1)
    """

    def __init__(self, order: Sequence[Value], x: Value, *, whole: bool = False) -> None:
        self.x, self.y = x, order[-1]
        every = Paths(self.y, x, 0, {})
        self.total = every.total
        affected = depending_on([x], order, by_derivative=True) | {self.y}
        moving = [x, *(node for node in order if node in affected and node is not x)]
        tangents = push(consumers_first(*moving), moving, [x], [1.0], as_graph=False)
        self.derivative_of = dict(zip(moving, map(float, tangents), strict=True))
        every_edge = {node: [edge for edge in edges(node) if edge.operand in affected] for node in moving[1:]}
        # Conditions and operands of comparisons are held constant: no derivative flows through them.
        self._through = _on_paths(x, self.y, every_edge)
        within = self._through
        # The product of a partial of 0 and an infinite one is nan, and belongs to the sum.
        if not whole and math.isfinite(self.total):
            carrying = {node: list(filter(_carries, found)) for node, found in every_edge.items()}
            without_zeros = _on_paths(x, self.y, carrying)
            if x in without_zeros:
                within, every_edge = without_zeros, carrying
        self.between = [node for node in moving[1:] if node in within]
        self._edges = {
            node: [edge for edge in every_edge[node] if edge.operand in within] for node in self.between
        }
        self.count = self._number_of_paths()
        self.zeros = every.count - self.count
        self._show(None)

    def merged(self) -> Derivation:
        """Return the same derivation, in which one node stands for all that are alike."""
        other = copy.copy(self)
        other._show(Alike(self.x, self.between, self.edges))
        return other

    def _show(self, alike: Alike | None) -> None:
        self._alike = alike
        self.shown = alike.shown if alike else self.between
        self.uses = {
            node: alike.edges(node) if alike else [(e, 0) for e in self.edges(node)] for node in self.shown
        }
        args = (arg for node in [*self.shown, *self.between] for arg in operands(node))
        self.fixed = [arg for arg in dict.fromkeys(args) if arg not in self._through]

    def _number_of_paths(self) -> int:
        ways = {self.x: 1}
        for node in self.between:
            ways[node] = sum(ways.get(edge.operand, 0) for edge in self.edges(node))
        return ways.get(self.y, 0)

    def edges(self, node: Value) -> list[Edge]:
        """Return the edges of a node that contribute."""
        return self._edges[node]

    @cached_property
    def trails(self) -> list[tuple[Edge, ...]]:
        """The edges of each path, if they are few enough to be shown."""
        return list(trails(self.y, self.x, self.edges)) if self.count <= MAX_PATHS else []

    def others(self, node: Value) -> int:
        """Return how many more nodes one that is shown stands for."""
        return self._alike.others[node] if self._alike else 0


def _on_paths(x: Value, y: Value, edges_of: dict[Value, list[Edge]]) -> set[Value]:
    """Return the result, and the nodes on the paths from x to it that have only the given edges."""
    reached = {x}
    for node, found in edges_of.items():
        if any(edge.operand in reached for edge in found):
            reached.add(node)
    wanted = {y}
    for node in reversed(edges_of):
        if node in wanted:
            wanted.update(edge.operand for edge in edges_of[node] if edge.operand in reached)
    return wanted


def _carries(edge: Edge) -> bool:
    # What a structural operation stores along an edge is not what it multiplies by.
    return edge.partial != 0.0 or isinstance(edge.node.op, Structural)
