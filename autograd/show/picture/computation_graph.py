"""Draw a computation graph: nodes with values and gradients, edges with partials and contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ...engine.graph import Edge, depending_on, edges, nodes
from ...engine.value import Value
from ..text.caller_names import names_for_caller
from ..text.modules import modules_of
from ..text.path_products import Path
from .drawing import Drawing
from .folded import draw_folded
from .unfolded import Look, draw_unfolded

DIRECTIONS = ("LR", "RL", "TB", "BT")


def draw(
    root: Value,
    *,
    names: Mapping[str, Any] | None = None,
    direction: str = "LR",
    precision: int = 4,
    values: bool = True,
    grads: bool = True,
    partials: bool = True,
    highlight: Value | Path | Sequence[Value] | None = None,
    color_by_grad: bool = False,
    depth: int | None = None,
    fold: bool | None = None,
    max_nodes: int = 300,
) -> Drawing:
    """Draw the graph that leads to a node.

    Each node shows its name, its formula, its value, and its gradient, or "not yet" before a backward pass.
    Each edge shows the local partial ∂ and, after a backward pass, its contribution to the operand's
    gradient: the partial times the gradient of the result. A constant is drawn as its number. The nodes of a
    module stand in a frame with the module's name.

    A network of more than `max_nodes` nodes is folded: each neuron or layer becomes one box. Of any other
    large graph the part nearest to the result is drawn, and the picture says how many nodes are left out.

    Parameters
    ----------
    root : Value
        The result.
    names : mapping, optional
        Variables to name nodes without a label; by default the caller's, and none for ``{}``.
    direction : str
        ``"LR"``, ``"RL"``, ``"TB"`` or ``"BT"``: from the leaves to the result.
    precision : int
        Significant digits of numbers.
    values, grads, partials : bool
        Whether to show them; `partials` includes the contributions.
    highlight : Value, Path or sequence of Value, optional
        A node, to highlight with all that it influences; or a path, from `autograd.paths` or as its nodes in
        order.
    color_by_grad : bool
        Whether to colour nodes by the size of the gradient, white to red over four decades.
    depth : int, optional
        Draw only the nodes at most this many operations away from the result.
    fold : bool, optional
        Whether to draw modules as boxes; None does so beyond `max_nodes`.
    max_nodes : int
        The largest number of nodes to draw.

    Returns
    -------
    Drawing
        A picture that notebooks show and ``save`` writes.

    Raises
    ------
    TypeError
        If `root` is not a `Value`.
    ValueError
        If a number is less than 1, for an unknown direction, for a highlight that is not in the graph,
        for ``fold=True`` without modules, and for ``fold=False`` with more nodes than `max_nodes`.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> drawing = draw(x * x)
    >>> drawing.source.count("->")  # x is used twice
    2
    """
    if not isinstance(root, Value):
        raise TypeError(f"draw expected a Value, got {root!r} ({type(root).__name__})")
    if max_nodes < 1 or precision < 1 or (depth is not None and depth < 1):
        raise ValueError(
            f"expected max_nodes, precision and depth >= 1, got {max_nodes}, {precision} and {depth}"
        )
    if direction not in DIRECTIONS:
        raise ValueError(f"expected direction to be one of {', '.join(DIRECTIONS)}, got {direction!r}")
    order = nodes(root)
    marked = _marked(order, highlight)
    look = Look(direction, precision, values, grads, partials, color_by_grad, marked)
    name_of = names_for_caller(order, names)
    shown = order if depth is None else _within(root, depth, order)
    home = modules_of(order) if fold or len(shown) > max_nodes else modules_of(shown)
    if fold and not home:
        raise ValueError("fold=True draws the modules of a network, but no parameter in this graph has one")
    if fold or (fold is None and len(shown) > max_nodes and home):
        return draw_folded(order, name_of, home, look)
    if fold is False and len(shown) > max_nodes:
        raise ValueError(
            f"{len(shown):,} nodes are more than anybody can read, and Graphviz may take minutes: fold them, "
            f"pass depth=..., or insist with max_nodes={len(shown)}"
        )
    cut_by = "max_nodes" if len(shown) > max_nodes else "depth"
    return draw_unfolded(order, shown[-max_nodes:], name_of, home, look, cut_by=cut_by)


def _within(root: Value, depth: int, order: Sequence[Value]) -> list[Value]:
    """Return the nodes at most `depth` edges before the root, in order."""
    found, frontier = {root}, {root}
    while frontier and depth:
        # As a set: in y = y + y, the k-th node is an operand of 2^k uses.
        frontier = {edge.operand for node in frontier for edge in edges(node)} - found
        found |= frontier
        depth -= 1
    return [node for node in order if node in found]


def _marked(order: Sequence[Value], highlight: Value | Path | Sequence[Value] | None) -> frozenset[Edge]:
    """Return the edges to highlight."""
    if highlight is None:
        return frozenset()
    if isinstance(highlight, Path):
        marked = frozenset(highlight.edges)
        stations = [edge.node for edge in highlight.edges]
    elif isinstance(highlight, Value):
        stations = [highlight]
        influenced = depending_on([highlight], order)
        marked = frozenset(edge for node in influenced for edge in edges(node) if edge.operand in influenced)
    else:
        stations = list(highlight)
        steps = set(pairwise(stations))
        marked = frozenset(edge for node in stations for edge in edges(node) if (edge.operand, node) in steps)
    known = set(order)
    missing = [node for node in stations if node not in known]
    if missing:
        raise ValueError(f"highlight: {missing[0]!r} is not in the graph that is drawn")
    return marked
