"""What a page tells of nodes and edges: numbers under the mouse, and how a gradient arises after a click."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ...engine.gradients import has_gradient
from ...engine.graph import Edge, consumers_first, edges
from ...engine.value import Value
from ...quiet import quiet
from ..text.explanation import explain
from ..text.formulas import formula
from ..text.notation import Notation
from .unfolded import Look
from .views import Detail

# A derivation walks through the graph. So many steps take about a second, and nobody waits longer for a
# picture; beyond them, the explanation of a node ends with its own step of the sweep.
_MOST_STEPS = 10_000

# Of more uses of a node, the first ones are written out.
_MOST_USES = 6


def details_of_nodes(
    order: Sequence[Value], shown: Sequence[Value], name_of: Mapping[Value, str], look: Look
) -> dict[str, Detail]:
    r"""Return what is told of nodes and of the edges between them, by their id in the SVG.

    Parameters
    ----------
    order : sequence of Value
        The whole graph in topological order, the result last.
    shown : sequence of Value
        The nodes to tell of.
    name_of : mapping
        Name of each node.
    look : Look
        How the picture writes numbers.

    Returns
    -------
    dict
        Ids are those of `draw_unfolded`.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> y.backward()
    >>> details = details_of_nodes([x, y], [x, y], {x: "x", y: "y"}, Look())
    >>> details["edge1_0"].rows
    (('local partial', '∂y/∂x = 3'), ('adds to the gradient', '1 · 3 = 3'))
    >>> print(details["node0"].explanation.partition("\n\n")[0])
    The chain rule at this node: a term for each use
      dy/dx = dy/dy · ∂y/∂x + dy/dy · ∂y/∂x
            = 1 · 3 + 1 · 3
            = 6
    """
    return dict(_Teller(order, shown, name_of, look).details())


class _Teller:
    """Tells of the nodes of a graph."""

    def __init__(
        self, order: Sequence[Value], shown: Sequence[Value], name_of: Mapping[Value, str], look: Look
    ) -> None:
        self.root = order[-1]
        self.shown = shown
        self.name_of = name_of
        self.look = look
        self.write = Notation(name_of)
        self.index = {node: i for i, node in enumerate(order)}
        self.is_swept = has_gradient(self.root)
        self.uses: dict[Value, list[Edge]] = {node: [] for node in shown}
        for edge in (edge for node in order for edge in edges(node)):
            if edge.operand in self.uses and edge.partial is not None:
                self.uses[edge.operand].append(edge)
        self.variables = {name: node for node, name in name_of.items()}
        few = len(order) * len(shown) <= _MOST_STEPS
        # Those to which the gradient flows: a condition has no derivation.
        self.explained = set(consumers_first(self.root, by_derivative=True)) if few else set()

    def details(self) -> Iterator[tuple[str, Detail]]:
        drawn = set(self.shown)
        for node in self.shown:
            yield f"node{self.index[node]}", self.of_node(node)
            for edge in edges(node):
                if edge.operand in drawn and edge.partial is not None:
                    # An edge is drawn in two parts with a text between them.
                    for part in ("tail", "partial", "edge"):
                        yield f"{part}{self.index[node]}_{edge.slot}", self.of_edge(edge, edge.partial)

    def of_node(self, node: Value) -> Detail:
        rows = [("formula", formula(node, self.name_of, precision=self.look.precision))] if node.op else []
        rows.append(("value", self.look.digits(node.data)))
        # No gradient ever reaches a node that is only compared or selected by.
        if has_gradient(node) or not self.is_swept:
            grad = self.look.digits(float(node.grad)) if has_gradient(node) else "not yet: call backward()"
            rows.append(("gradient", grad))
        return Detail(self.name_of[node], tuple(rows), self.explanation(node))

    def of_edge(self, edge: Edge, partial: float) -> Detail:
        rows = [("local partial", f"{self.write.partial(edge)} = {self.look.digits(partial)}")]
        if has_gradient(edge.node):
            grad = float(edge.node.grad)
            product = self.write.product([self.write.number(grad), self.write.number(partial)])
            rows.append(("adds to the gradient", f"{product} = {self.look.digits(grad * partial)}"))
        return Detail(f"{self.name_of[edge.operand]} → {self.name_of[edge.node]}", tuple(rows))

    def explanation(self, node: Value) -> str:
        if node is self.root:
            return "The result: its gradient with respect to itself is 1, where the backward pass begins."
        uses = self.uses[node]
        if not uses:
            return ""
        title = "The chain rule at this node" + (": a term for each use" if len(uses) > 1 else "")
        sections = [f"{title}\n{self.step(node, uses)}"]
        return "\n\n".join([*sections, *self.derivation(node)])

    def derivation(self, node: Value) -> list[str]:
        if node not in self.explained:
            return []
        try:
            with quiet():
                return [explain(self.root, node, names=self.variables).text]
        except RuntimeError:
            # A leaf was assigned to since: the numbers would not be those of the picture.
            return []

    def step(self, node: Value, uses: Sequence[Edge]) -> str:
        """Return what the sweep does at a node: the gradient of each consumer times the local partial."""
        listed = uses if len(uses) <= _MOST_USES else uses[: _MOST_USES - 1]
        more = len(uses) - len(listed)
        write = Notation(self.short_names({self.root, node, *(edge.node for edge in listed)}))
        symbols = [f"{write.total(self.root, edge.node)} · {write.partial(edge)}" for edge in listed]
        sides = [write.sum(symbols, more)]
        if has_gradient(node):
            # A use that no gradient has reached is one of another result.
            swept = [edge for edge in listed if has_gradient(edge.node)]
            pairs = [(float(edge.node.grad), edge.partial) for edge in swept]
            numbers = [write.product([write.number(grad), write.number(partial)]) for grad, partial in pairs]
            sides += [write.sum(numbers, more), self.look.digits(float(node.grad))]
        name = write.total(self.root, node)
        return f"  {name} = " + f"\n  {' ' * len(name)} = ".join(sides)

    def short_names(self, nodes: set[Value]) -> dict[Value, str]:
        """Return names without the modules, as far as these tell some nodes apart."""
        short = {node: self.name_of[node].rpartition(".")[2] for node in nodes}
        times = Counter(short.values())
        return {node: name if times[name] == 1 else self.name_of[node] for node, name in short.items()}
