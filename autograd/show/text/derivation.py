"""What a derivation is about: the nodes between an input and a result, and the edges that contribute."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ...engine.graph import Edge, consumers_first, depending_on, edges, operands
from ...engine.value import Value
from ...ops.structural import Structural
from ...transforms.sweeps import push
from .alike import Alike
from .path_products import Paths, trails


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
    merged : bool
        Whether one node stands for all that are alike.

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
    count, zeros : int
        The number of paths, and of those that are left out.

    Examples
    --------
    >>> x = Value(3.0)
    >>> found = Derivation([x, x * 0.0, x], x)
    >>> found.total, found.count
    (1.0, 1)
    """

    def __init__(
        self, order: Sequence[Value], x: Value, *, whole: bool = False, merged: bool = False
    ) -> None:
        self.x, self.y = x, order[-1]
        every = Paths(self.y, x, 0, {})
        self.total = every.total
        affected = depending_on([x], order, by_derivative=True) | {self.y}
        moving = [x, *(node for node in order if node in affected and node is not x)]
        tangents = push(consumers_first(*moving), moving, [x], [1.0], as_graph=False)
        self.derivative_of = dict(zip(moving, map(float, tangents), strict=True))
        # Conditions and operands of comparisons are held constant: no derivative flows through them.
        self._through = self._on_paths(moving, lambda edge: True)
        self._within, self._drops_zeros = self._through, False
        # The product of a partial of 0 and an infinite one is nan, and belongs to the sum.
        if not whole and math.isfinite(self.total):
            without_zeros = self._on_paths(moving, _carries)
            self._drops_zeros = x in without_zeros
            self._within = without_zeros if self._drops_zeros else self._through
        self.between = [node for node in moving[1:] if node in self._within]
        self.count = self._number_of_paths()
        self.zeros = every.count - self.count
        self._alike = Alike(x, self.between, self.edges) if merged else None
        self.shown = self._alike.shown if self._alike else self.between

    def _on_paths(self, moving: Sequence[Value], carries: Callable[[Edge], bool]) -> set[Value]:
        """Return the result, and the nodes on the paths that have only some of the edges."""
        reached = {self.x}
        for node in moving[1:]:
            if any(edge.operand in reached and carries(edge) for edge in edges(node)):
                reached.add(node)
        found = {self.y}
        for node in reversed(moving):
            if node in found:
                found |= {edge.operand for edge in edges(node) if edge.operand in reached and carries(edge)}
        return found

    def _number_of_paths(self) -> int:
        ways = {self.x: 1}
        for node in self.between:
            ways[node] = sum(ways.get(edge.operand, 0) for edge in self.edges(node))
        return ways.get(self.y, 0)

    def edges(self, node: Value) -> list[Edge]:
        """Return the edges of a node that contribute."""
        found = [edge for edge in edges(node) if edge.operand in self._within]
        return [edge for edge in found if _carries(edge)] if self._drops_zeros else found

    def trails(self, most: int) -> list[tuple[Edge, ...]]:
        """Return the edges of each path, of not more than so many."""
        found = trails(self.y, self.x, self.edges)
        return [trail for _, trail in zip(range(most), found, strict=False)]

    def others(self, node: Value) -> int:
        """Return how many more nodes one that is shown stands for."""
        return self._alike.others[node] if self._alike else 0

    def uses(self, node: Value) -> list[tuple[Edge, int]]:
        """Return the edges of a node to show, and how many more each one stands for."""
        return self._alike.edges(node) if self._alike else [(edge, 0) for edge in self.edges(node)]

    def fixed(self) -> list[Value]:
        """Return the operands that do not depend on x, each once: first those of nodes that are shown."""
        args = (arg for node in [*self.shown, *self.between] for arg in operands(node))
        return [arg for arg in dict.fromkeys(args) if arg not in self._through]


def _carries(edge: Edge) -> bool:
    # What a structural operation stores along an edge is not what it multiplies by.
    return edge.partial != 0.0 or isinstance(edge.node.op, Structural)
