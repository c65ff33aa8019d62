"""Drawing a graph: its nodes with values and gradients, its edges with local partials."""

from __future__ import annotations

import graphviz

from ..graph import names, nodes
from ..ops import Op
from ..value import Value
from .drawing import Drawing

_NODE = {"fontname": "Helvetica", "fontsize": "11", "height": "0.3", "color": "#5b6b7b"}
_EDGE = {"fontname": "Helvetica", "fontsize": "10", "color": "#8a97a5", "fontcolor": "#8a5a00"}
_LEAF = {"shape": "box", "style": "rounded,filled", "fillcolor": "#e8f1fb"}
_RESULT = {"shape": "box", "style": "rounded,filled", "fillcolor": "#f5f6f8"}
_ROOT = {"shape": "box", "style": "rounded,filled", "fillcolor": "#fdf1d8"}
_CONSTANT = {"shape": "plaintext", "fontcolor": "#5b6b7b"}


def draw(root: Value, *, max_nodes: int = 150, precision: int = 4) -> Drawing:
    """Draw the graph that leads to a node.

    Each node shows its name, how it was computed, its value and, after a backward, its gradient; each
    edge shows the local partial. A constant is drawn as the number it is. Of a graph of more than
    `max_nodes` nodes the part nearest to the result is drawn, and the picture says how many are left out.

    Parameters
    ----------
    root : Value
        The result.
    max_nodes : int
        How many nodes to draw at the most.
    precision : int
        Significant digits of numbers.

    Returns
    -------
    Drawing
        A picture that notebooks show and ``save`` writes.

    Raises
    ------
    TypeError
        If `root` is not a `Value`.
    ValueError
        If `max_nodes` or `precision` is less than 1.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> drawing = draw(x * x)
    >>> drawing.source.count("->")  # x is used twice
    2
    """
    if not isinstance(root, Value):
        raise TypeError(f"draw takes a Value, but came {root!r} ({type(root).__name__})")
    if max_nodes < 1 or precision < 1:
        raise ValueError(f"max_nodes and precision are at least 1, but came {max_nodes} and {precision}")
    order = nodes(root)
    shown = order[-max_nodes:]
    name_of = names(order)
    dot = graphviz.Digraph(graph_attr={"rankdir": "LR"}, node_attr=_NODE, edge_attr=_EDGE)
    drawn = {node: str(i) for i, node in enumerate(shown)}
    for node in shown:
        style = _ROOT if node is root else _LEAF if node.op is None else _RESULT
        text = _describe(node, name_of[node], name_of, precision)
        dot.node(drawn[node], _escape(text), **style)
    for node in shown:
        _draw_edges(dot, node, drawn, precision)
    if len(order) > len(shown):
        text = f"{len(order) - len(shown):,} of {len(order):,} nodes are not drawn"
        dot.attr(label=f"{text}: draw(v, max_nodes=...) draws more", fontname="Helvetica", fontsize="11")
    return Drawing(dot.source)


def _escape(text: str) -> str:
    """Return text that Graphviz shows as it is: it reads backslashes, and entities such as &amp;."""
    return graphviz.escape(text.replace("&", "&amp;"))  # type: ignore[no-any-return]


def _describe(node: Value, name: str, name_of: dict[Value, str], precision: int) -> str:
    """Return the lines of text inside a node."""
    operation = f" = {_formula(node.op, node.args, name_of, precision)}" if node.op else ""
    gradient = "not yet" if node.grad is None else f"{node.grad:.{precision}g}"
    return f"{name}{operation}\nvalue {node.data:.{precision}g}\ngrad {gradient}"


def _formula(op: Op, args: tuple[Value | float, ...], name_of: dict[Value, str], precision: int) -> str:
    """Return the operation with the names of its operands, at most three of them."""
    texts = [name_of[arg] if isinstance(arg, Value) else f"{arg:.{precision}g}" for arg in args]
    if op.symbol:
        return f" {op.symbol} ".join(texts) if len(texts) == 2 else op.symbol + texts[0]
    shown = texts if len(texts) <= 3 else [*texts[:2], f"… {len(texts) - 2} more"]
    return f"{op.name}({', '.join(shown)})"


def _draw_edges(dot: graphviz.Digraph, node: Value, drawn: dict[Value, str], precision: int) -> None:
    """Draw an edge from each operand; one dotted edge stands for those that are left out."""
    left_out = 0
    for slot, (arg, partial) in enumerate(zip(node.args, node.partials, strict=True)):
        if isinstance(arg, Value) and arg not in drawn:
            left_out += 1
        elif isinstance(arg, Value):
            dot.edge(drawn[arg], drawn[node], label=f"{partial:.{precision}g}")
        else:
            constant = f"{drawn[node]}_{slot}"
            dot.node(constant, f"{arg:.{precision}g}", **_CONSTANT)
            dot.edge(constant, drawn[node])
    if left_out:
        dot.node(f"{drawn[node]}_more", f"… {left_out} more", **_CONSTANT)
        dot.edge(f"{drawn[node]}_more", drawn[node], style="dotted")
