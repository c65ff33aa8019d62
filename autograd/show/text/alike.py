"""Nodes that are alike: the same operations, on operands that are alike, between an input and the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from ...engine.graph import Edge
from ...engine.value import Value
from ...ops.renderer import POWER
from ...ops.table import Op


class Alike:
    """The classes of the nodes between an input and a result, and one node that stands for each.

    A chain of samples, layers and neurons is then shown once: of a network of 100 samples the equations of
    one sample are left, and those of one neuron a layer.

    Parameters
    ----------
    x : Value
        The input.
    between : sequence of Value
        The nodes that depend on it, each after its operands; the result comes last.
    edges_of : callable
        The edges of a node that are shown.

    Attributes
    ----------
    shown : list of Value
        A node of each class, in order. Each one's operands are among them, so that they form a chain.
    others : dict of Value to int
        For each of them, how many more nodes there are in its class.

    Examples
    --------
    >>> from autograd.engine.graph import edges
    >>> x = Value(0.5)
    >>> a, b = (x * 2.0).tanh(), (x * 3.0).tanh()
    >>> alike = Alike(x, [*a.args[:1], *b.args[:1], a, b, a + b], edges)
    >>> [node.op.name for node in alike.shown], list(alike.others.values())
    (['mul', 'tanh', 'add'], [1, 1, 0])
    """

    def __init__(
        self, x: Value, between: Sequence[Value], edges_of: Callable[[Value], Collection[Edge]]
    ) -> None:
        self._edges_of = edges_of
        self._class_of = {x: 0}
        numbers: dict[object, int] = {}
        for node in between:
            key = self._key(node)
            self._class_of[node] = numbers.setdefault(key, len(numbers) + 1)
        sizes = Counter(self._class_of[node] for node in between)
        standing = {self._class_of[between[-1]]: between[-1]}
        for node in reversed(between):
            if standing.get(self._class_of[node]) is node:
                for edge in edges_of(node):
                    standing.setdefault(self._class_of[edge.operand], edge.operand)
        self.shown = [node for node in between if standing[self._class_of[node]] is node]
        self.others = {node: sizes[self._class_of[node]] - 1 for node in self.shown}
        self._standing = standing
        self._uses = Counter(self._kind(edge) for node in between for edge in edges_of(node))

    def edges(self, node: Value) -> list[tuple[Edge, int]]:
        """Return the edges of a node that stand for others, and how many more there are of each."""
        found: dict[tuple[int, int, int], Edge] = {}
        for edge in self._edges_of(node):
            kind = self._kind(edge)
            if kind not in found or self._standing.get(kind[-1]) is edge.operand is not found[kind].operand:
                found[kind] = edge
        return [(edge, self._uses[kind] - 1) for kind, edge in found.items()]

    def _kind(self, edge: Edge) -> tuple[int, int, int]:
        """Return the class of the node, which argument of its operation it is, and the operand's class."""
        op, slot = edge.node.op, edge.slot
        if isinstance(op, Op) and op.variadic:
            slot //= len(edge.node.args) // len(op.partials)
        return self._class_of[edge.node], slot, self._class_of[edge.operand]

    def _key(self, node: Value) -> object:
        """Return what nodes of a class have in common."""
        op = node.op
        shown = {edge.slot: self._class_of[edge.operand] for edge in self._edges_of(node)}
        if not isinstance(op, Op):
            return op, tuple(shown.items())
        if op.variadic:
            # Some neurons pass on nothing, so that sums of them differ in length.
            return op, frozenset(shown.values())
        # x**2 and x**3 have other rules; x - 1 and x - 2 have not.
        keep = op.precedence == POWER
        rest = (arg if keep and not isinstance(arg, Value) else isinstance(arg, Value) for arg in node.args)
        return op, tuple(shown.get(slot, -1) for slot in range(len(node.args))), tuple(rest)
