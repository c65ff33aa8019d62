"""The picture of a graph in which each node is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import graphviz

from ...engine.gradients import has_gradient
from ...engine.graph import Edge, operands
from ...engine.value import Value
from ..text.formulas import digits, formula
from ..text.modules import around_both, enclosing, within
from ..text.reading_order import in_reading_order
from .drawing import Drawing
from .styles import Style, add_edge, add_node, caption, digraph, frames, legend

# More constants of one operation, such as the pixels of a sample, are counted.
_MAX_CONSTANTS = 4

_FROM_CONSTANT = {"weight": "4", "class": "constant"}


class Look(NamedTuple):
    """The options of `autograd.draw`: what a picture shows, and how."""

    direction: str = "LR"
    precision: int = 4
    values: bool = True
    grads: bool = True
    partials: bool = True
    color_by_grad: bool = False
    marked: frozenset[Edge] = frozenset()
    theme: str = "light"

    def digits(self, number: float) -> str:
        """Return a number as the picture writes it; -0 is 0 to whoever reads one."""
        return digits(number + 0.0, self.precision)

    def legend(self, grads: Iterable[float]) -> str:
        """Return what the colours of gradients mean, if there are any."""
        sizes = [abs(grad) for grad in grads]
        finite = [size for size in sizes if math.isfinite(size)]
        return legend(max(finite, default=0.0), len(finite) < len(sizes)) if sizes else ""


class Shade(NamedTuple):
    """How a node is coloured that has the share `size` of something, and whether its frame is highlighted."""

    size: float
    is_marked: bool = False


def draw_unfolded(
    order: Sequence[Value],
    shown: Sequence[Value],
    name_of: Mapping[Value, str],
    home: Mapping[Value, str],
    look: Look,
    texts: Mapping[Value | Edge, str] | None = None,
    cut_by: str = "max_nodes",
    shades: Mapping[Value, Shade] | None = None,
) -> Drawing:
    """Draw nodes of a graph.

    In the SVG, the i-th node of the order has the id ``node{i}``, the edge from its j-th operand the id
    ``edge{i}_{j}``, and the text in the middle of that edge ``partial{i}_{j}``. A constant stands at the
    tail of a short edge, among the operands where the user wrote it.

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
        The text of nodes and edges, where it replaces the text that `look` describes. That of an edge stands
        beside it, as its label.
    cut_by : str
        The option of `autograd.draw` that leaves nodes out, for the caption; "" for pictures of others.
    shades : mapping, optional
        The colours of nodes, from white to red for the largest.

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
    picture = Picture(order, shown, name_of, home, look, texts, shades)
    # Graphviz places what it has no reason to place otherwise in the order of the text.
    drawn = in_reading_order(shown)
    for path, members in _by_home(drawn, home).items():
        with frames(picture.dot, enclosing(path) if path else []) as inside:
            for node in members:
                picture.draw_node(inside, node)
    for node in drawn:
        picture.draw_edges(node)
    text = ""
    if len(order) > len(shown):
        left_out = f"{len(order) - len(shown):,} of {len(order):,} nodes are not drawn"
        text = f"{left_out}: draw(v, {cut_by}=...) draws more" if cut_by else left_out
    caption(picture.dot, text, look.legend(picture.grads.values()) if look.color_by_grad else "")
    return Drawing(picture.dot.source)


def _by_home(shown: Sequence[Value], home: Mapping[Value, str]) -> dict[str, list[Value]]:
    found: dict[str, list[Value]] = {}
    for node in shown:
        found.setdefault(home.get(node, ""), []).append(node)
    return found


class Picture:
    """A picture that is drawn node by node.

    Parameters
    ----------
    order, shown, name_of, home, look, texts, shades
        As for `draw_unfolded`.

    Attributes
    ----------
    dot : graphviz.Digraph
        The picture.
    grads : dict
        The gradients of the nodes that are drawn, of those that have one.
    """

    def __init__(
        self,
        order: Sequence[Value],
        shown: Sequence[Value],
        name_of: Mapping[Value, str],
        home: Mapping[Value, str],
        look: Look,
        texts: Mapping[Value | Edge, str] | None = None,
        shades: Mapping[Value, Shade] | None = None,
    ) -> None:
        self.root = order[-1]
        self.home = home
        self.name_of = name_of
        self.look = look
        self.style = Style(look.theme)
        self.index = {node: i for i, node in enumerate(order)}
        self.drawn = set(shown)
        self.texts = {} if texts is None else texts
        self.shades = {} if shades is None else shades
        self.hottest = max((shade.size for shade in self.shades.values()), default=0.0)
        self.grads = {node: float(node.grad) for node in shown if has_gradient(node)}
        self.largest = max((abs(grad) for grad in self.grads.values() if math.isfinite(grad)), default=0.0)
        self.marked = {node for edge in look.marked for node in (edge.node, edge.operand)}
        # Without `ordering`, Graphviz draws the operands of a - b in the order that crosses least. Among
        # frames it mistakes the order: of 76 pairs in networks 40 are right, and 60 without.
        order_of_edges = {} if home else {"ordering": "in"}
        apart = {} if self.texts else {"ranksep": "0.25", "nodesep": "0.18"}
        # Without limits, Graphviz takes minutes for a chain of 80 sums of one leaf, and 5 s with them.
        limits = {"nslimit": "1", "nslimit1": "1"}
        self.dot = digraph(look.theme, rankdir=look.direction, **limits, **order_of_edges, **apart)

    def draw_node(self, dot: graphviz.Digraph, node: Value) -> None:
        """Draw a node."""
        style = self.style.box("root" if node is self.root else "leaf" if node.op is None else "result")
        if self.look.color_by_grad and node in self.grads:
            style = self.style.tinted(style, self.grads[node], self.largest)
        shade = self.shades.get(node, Shade(0.0))
        if shade.size:
            style = self.style.heated(style, shade.size, self.hottest)
        if node in self.marked or shade.is_marked:
            style = self.style.marked(style)
        name = f"node{self.index[node]}"
        add_node(dot, name, self.describe(node), style)

    def describe(self, node: Value) -> str:
        """Return the lines of text inside a node."""
        if node in self.texts:
            return self.texts[node]
        lines = [self.definition(node)]
        if self.look.values:
            lines.append(f"value {self.look.digits(node.data)}")
        # No gradient ever reaches a node that is only compared or selected by, so "not yet" would mislead.
        if self.look.grads and (node in self.grads or not has_gradient(self.root)):
            grad = self.grads.get(node)
            lines.append(f"grad {'not yet' if grad is None else self.look.digits(grad)}")
        return "\n".join(lines)

    def definition(self, node: Value) -> str:
        """Return the name of a node, with its formula if it is a result."""
        home = self.home.get(node, "")
        called = {item: within(self.name_of[item], home) for item in (node, *operands(node))}
        operation = f" = {formula(node, called, precision=self.look.precision)}" if node.op else ""
        return f"{called[node]}{operation}"

    def draw_edges(self, node: Value) -> None:
        """Draw the edges to a node in the user's order; a dotted one stands for those that are left out."""
        left_out = 0
        constants: list[str] = []
        for slot, arg in enumerate(node.args):
            if not isinstance(arg, Value):
                constants.append(self.look.digits(arg))
                continue
            self._draw_constants(node, slot, constants)
            constants = []
            if arg in self.drawn:
                self.draw_edge(Edge(node, slot))
            else:
                left_out += 1
        self._draw_constants(node, len(node.args), constants)
        if left_out:
            more = f"more{self.index[node]}"
            add_node(self.dot, more, f"… {left_out:,} more", self.style.quiet("more"))
            add_edge(self.dot, more, f"node{self.index[node]}", f"from_{more}", {"style": "dotted"})

    def _draw_constants(self, node: Value, before: int, constants: Sequence[str]) -> None:
        """Draw constants that follow one another, before a slot, as one text at the tail of an edge."""
        if constants:
            name = f"constant{self.index[node]}_{before - len(constants)}"
            with frames(self.dot, enclosing(self.home[node]) if node in self.home else []) as dot:
                add_node(dot, name, _listed(constants), self.style.quiet("constant"))
                add_edge(dot, name, f"node{self.index[node]}", f"from_{name}", _FROM_CONSTANT)

    def draw_edge(self, edge: Edge) -> None:
        """Draw an edge, in two parts where a text stands in its middle."""
        identity = f"{self.index[edge.node]}_{edge.slot}"
        ends = f"node{self.index[edge.operand]}", f"node{self.index[edge.node]}"
        style = self.style.marked({}) if edge in self.look.marked else {}
        if edge in self.texts:
            self.dot.edge(*ends, label=self.texts[edge], id=f"edge{identity}", **style)
            return
        text = self.passing(edge)
        if not text:
            add_edge(self.dot, *ends, f"edge{identity}", style)
            return
        # As the label of an edge, it would stand beside it, and as well beside another one.
        modules = around_both(self.home.get(edge.operand, ""), self.home.get(edge.node, ""))
        with frames(self.dot, modules) as dot:
            middle = f"partial{identity}"
            add_node(dot, middle, text, self.style.partial)
            add_edge(dot, ends[0], middle, f"tail{identity}", {"arrowhead": "none", **style})
            add_edge(dot, middle, ends[1], f"edge{identity}", style)

    def passing(self, edge: Edge) -> str:
        """Return what an edge passes: the local partial, and what it adds to the operand's gradient."""
        partial = edge.node.partials[edge.slot]
        if partial is None or not self.look.partials:
            return ""
        local = f"∂ {self.look.digits(partial)}"
        adjoint = self.grads.get(edge.node)
        if adjoint is None or not self.look.grads:
            return local
        return f"{local}\nadds {self.look.digits(adjoint * partial)}"


def _listed(numbers: Sequence[str]) -> str:
    """Return numbers in a column; of many, the first ones."""
    if len(numbers) <= _MAX_CONSTANTS:
        return "\n".join(numbers)
    shown = numbers[: _MAX_CONSTANTS - 1]
    return "\n".join([*shown, f"… {len(numbers) - len(shown):,} more"])
