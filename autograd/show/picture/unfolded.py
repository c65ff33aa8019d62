"""The picture of a graph in which each node is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...engine.gradients import has_gradient
from ...engine.graph import Edge
from ...engine.value import Value
from ..text.formulas import digits, formula
from ..text.modules import enclosing, within
from .drawing import Drawing
from .styles import CONSTANT, HIGHLIGHT, LEAF, RESULT, ROOT, digraph, escape, frames, heat


class Look(NamedTuple):
    """The options of `autograd.draw`: what a picture shows, and how."""

    direction: str = "LR"
    precision: int = 4
    values: bool = True
    grads: bool = True
    partials: bool = True
    color_by_grad: bool = False
    marked: frozenset[Edge] = frozenset()


def draw_unfolded(
    order: Sequence[Value],
    shown: Sequence[Value],
    name_of: Mapping[Value, str],
    home: Mapping[Value, str],
    look: Look,
    texts: Mapping[Value | Edge, str] | None = None,
    cut_by: str = "max_nodes",
) -> Drawing:
    """Draw nodes of a graph.

    In the SVG, the i-th node of the order has the id ``node{i}``, and the edge from its j-th operand the id
    ``edge{i}_{j}``.

    Parameters
    ----------
    order : sequence of Value
        The whole graph in topological order, the result last.
    shown : sequence of Value
        The nodes to draw.
    name_of : mapping
        Name of each node.
    home : mapping
        Module of each node that has one.
    look : Look
        What to show.
    texts : mapping, optional
        The text of nodes and edges, where it replaces the text that `look` describes.
    cut_by : str
        The option of `autograd.draw` that leaves nodes out, for the caption.

    Returns
    -------
    Drawing
        The picture.

    Examples
    --------
    >>> x = Value(3.0)
    >>> "v1" in draw_unfolded([x], [x], {x: "v1"}, {}, Look()).source
    True
    """
    picture = _Picture(order, shown, name_of, home, look, texts or {})
    for path, members in _by_home(shown, home).items():
        picture.draw_nodes(members, enclosing(path) if path else [])
    for node in shown:
        picture.draw_edges(node)
    if len(order) > len(shown):
        text = f"{len(order) - len(shown):,} of {len(order):,} nodes are not drawn"
        picture.dot.attr(label=f"{text}: draw(v, {cut_by}=...) draws more")
    return Drawing(picture.dot.source)


def _by_home(shown: Sequence[Value], home: Mapping[Value, str]) -> dict[str, list[Value]]:
    found: dict[str, list[Value]] = {}
    for node in shown:
        found.setdefault(home.get(node, ""), []).append(node)
    return found


class _Picture:
    """A picture that is drawn node by node."""

    def __init__(
        self,
        order: Sequence[Value],
        shown: Sequence[Value],
        name_of: Mapping[Value, str],
        home: Mapping[Value, str],
        look: Look,
        texts: Mapping[Value | Edge, str],
    ) -> None:
        self.root = order[-1]
        self.home = home
        self.name_of = name_of
        self.look = look
        self.index = {node: i for i, node in enumerate(order)}
        self.drawn = set(shown)
        self.texts = texts
        self.grad_of = {node: float(node.grad) if has_gradient(node) else None for node in shown}
        sizes = [abs(grad) for grad in self.grad_of.values() if grad is not None and math.isfinite(grad)]
        self.largest = max(sizes, default=0.0)
        self.marked = {node for edge in look.marked for node in (edge.node, edge.operand)}
        self.dot = digraph(rankdir=look.direction)

    def digits(self, number: float) -> str:
        return digits(number, self.look.precision)

    def draw_nodes(self, members: Sequence[Value], modules: Sequence[str]) -> None:
        """Draw nodes inside the frames of their modules, the outermost first."""
        with frames(self.dot, modules) as dot:
            for node in members:
                style = ROOT if node is self.root else LEAF if node.op is None else RESULT
                if self.look.color_by_grad and (grad := self.grad_of[node]) is not None:
                    style = style | {"fillcolor": heat(abs(grad), self.largest)}
                if node in self.marked:
                    style = style | HIGHLIGHT
                name = f"node{self.index[node]}"
                dot.node(name, escape(self._describe(node)), id=name, **style)
                for slot, arg in enumerate(node.args):
                    if not isinstance(arg, Value):
                        constant = f"constant{self.index[node]}_{slot}"
                        dot.node(constant, self.digits(arg), id=constant, **CONSTANT)

    def _describe(self, node: Value) -> str:
        """Return the lines of text inside a node."""
        if node in self.texts:
            return self.texts[node]
        home = self.home.get(node, "")
        called = {
            item: within(self.name_of[item], home) for item in (node, *node.args) if isinstance(item, Value)
        }
        operation = f" = {formula(node, called, precision=self.look.precision)}" if node.op else ""
        lines = [f"{called[node]}{operation}"]
        if self.look.values:
            lines.append(f"value {self.digits(node.data)}")
        if self.look.grads:
            grad = self.grad_of[node]
            # No gradient ever reaches a node that is only compared or selected by, so "not yet" would
            # mislead.
            if grad is not None or not has_gradient(self.root):
                lines.append(f"grad {'not yet' if grad is None else self.digits(grad)}")
        return "\n".join(lines)

    def draw_edges(self, node: Value) -> None:
        """Draw an edge from each operand; one dotted edge stands for those that are left out."""
        left_out = 0
        name = f"node{self.index[node]}"
        for slot, (arg, partial) in enumerate(zip(node.args, node.partials, strict=True)):
            if isinstance(arg, Value) and arg not in self.drawn:
                left_out += 1
            elif isinstance(arg, Value):
                edge = Edge(node, slot)
                style = HIGHLIGHT if edge in self.look.marked else {}
                label = self.texts.get(edge) or ("" if partial is None else self._label(node, partial))
                identity = f"edge{self.index[node]}_{slot}"
                self.dot.edge(f"node{self.index[arg]}", name, label=label, id=identity, **style)
            else:
                # Without an explicit id, Graphviz assigns one that a node or edge has already.
                constant = f"constant{self.index[node]}_{slot}"
                self.dot.edge(constant, name, id=f"from_{constant}", **{"class": "constant"})
        if left_out:
            more = f"more{self.index[node]}"
            self.dot.node(more, f"… {left_out} more", id=more, **CONSTANT)
            self.dot.edge(more, name, id=f"from_{more}", style="dotted")

    def _label(self, node: Value, partial: float) -> str:
        if not self.look.partials:
            return ""
        adjoint = self.grad_of[node]
        local = f"∂ {self.digits(partial)}"
        if adjoint is None or not self.look.grads:
            return local
        return f"{local}\nadds {self.digits(adjoint * partial)}"
