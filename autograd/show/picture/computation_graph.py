"""Draw a computation graph: nodes with values and gradients, edges with partials and contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from ...engine.graph import Edge, depending_on, edges, nodes
from ...engine.value import Value
from ..text.caller_names import names_for_caller
from ..text.modules import modules_of
from ..text.path_products import Path
from .budget import READABLE, Budget, is_readable, nearest
from .drawing import Drawing
from .folded import Folding
from .network import NetworkPicture
from .neurons import neurons_of
from .node_details import details_of_nodes
from .styles import THEMES
from .unfolded import Look, draw_unfolded
from .views import Detail, View

DIRECTIONS = ("LR", "RL", "TB", "BT")
FOLDS = (None, True, False, "network", "modules")

# Graphviz lays out so many nodes within seconds.
_MAX_NODES = 300


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
    fold: bool | str | None = None,
    max_nodes: int | None = None,
    theme: str = "auto",
) -> Drawing:
    """Draw the graph that leads to a node.

    Each node shows its name, its formula, its value, and its gradient, or "not yet" before a backward pass.
    Each edge shows the local partial ∂ and, after a backward pass, its contribution to the operand's
    gradient: the partial times the gradient of the result. A constant is drawn as its number, right at the
    operation. Operands stand in the user's order. The nodes of a module stand in a frame with the module's
    name.

    A picture of more than 60 nodes or 120 edges could not be read. So a larger network is folded, and its
    samples share what they use: layers of neurons become circles, with the weights as edges, blue above 0 and
    orange below, thick by their size; of other networks each module becomes a box. Of any other large graph
    the part nearest to the result is drawn, and the picture says how many nodes are left out.

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
        Whether to colour nodes by the gradient: orange where it is negative, blue where it is positive, the
        stronger the larger over four decades, and white at 0. The picture has a legend.
    depth : int, optional
        Draw only the nodes at most this many operations away from the result.
    fold : bool, "network" or "modules", optional
        Whether to fold. ``"network"`` draws neurons as circles in layers, ``"modules"`` draws modules as
        boxes, True takes the first of these that is possible, False draws every node. None folds what would
        be too large to read.
    max_nodes : int, optional
        The largest number of nodes to draw, instead of as many as a person can read.
    theme : str
        ``"light"``, ``"dark"``, or ``"auto"``: light, but dark in an SVG that is shown on a dark system.

    Returns
    -------
    Drawing
        A picture that notebooks show and ``save`` writes.

    Raises
    ------
    TypeError
        If `root` is not a `Value`.
    ValueError
        If a number is less than 1, for an unknown direction, theme or fold, for a highlight that is not in
        the graph, for folding without modules, and for ``fold=False`` with more nodes than `max_nodes`, or
        300 without it.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> draw(x * x)  # x is used twice
    <Drawing of 2 edges; .save('graph.svg') writes it>
    """
    if not isinstance(root, Value):
        raise TypeError(f"draw expected a Value, got {root!r} ({type(root).__name__})")
    for option, number in (("max_nodes", max_nodes), ("precision", precision), ("depth", depth)):
        if number is not None and number < 1:
            raise ValueError(f"expected {option} >= 1, got {number}")
    for option, given, known in (
        ("direction", direction, DIRECTIONS),
        ("theme", theme, THEMES),
        ("fold", fold, FOLDS),
    ):
        if given not in known:
            raise ValueError(f"expected {option} to be one of {', '.join(map(str, known))}, got {given!r}")
    order = nodes(root)
    marked = _marked(order, highlight)
    look = Look(direction, precision, values, grads, partials, color_by_grad, marked, theme)
    name_of = names_for_caller(order, names)
    shown = order if depth is None else _within(root, depth, order)
    fits = is_readable(shown) if max_nodes is None else len(shown) <= max_nodes
    home = modules_of(shown if fits and not fold else order)
    if fold and not home:
        raise ValueError(
            f"fold={fold!r} draws the modules of a network, but no parameter in this graph has one"
        )
    # A single module, such as a cell of a recurrence, would be a single box.
    if fold or (fold is None and not fits and len({*home.values()}) > 1):
        return _folded(order, name_of, home, look, fold)
    if fold is False and len(shown) > (max_nodes or _MAX_NODES):
        raise ValueError(
            f"{len(shown):,} nodes are more than anybody can read, and Graphviz may take minutes: fold them, "
            f"pass depth=..., or insist with max_nodes={len(shown)}"
        )
    if fits or fold is False:
        return _unfolded(order, shown, name_of, home, look, "depth")
    part = nearest(shown, READABLE if max_nodes is None else Budget(max_nodes))
    return _unfolded(order, part, name_of, home, look, "max_nodes")


def _unfolded(
    order: Sequence[Value],
    shown: Sequence[Value],
    name_of: Mapping[Value, str],
    home: Mapping[Value, str],
    look: Look,
    cut_by: str,
) -> Drawing:
    """Draw every node that is shown."""
    source = draw_unfolded(order, shown, name_of, home, look, cut_by=cut_by).source
    return Drawing(
        source,
        lambda: {"": View(name_of[order[-1]], source, {})},
        lambda: details_of_nodes(order, shown, name_of, look),
    )


def _folded(
    order: Sequence[Value],
    name_of: Mapping[Value, str],
    home: Mapping[Value, str],
    look: Look,
    fold: bool | str | None,
) -> Drawing:
    """Draw neurons as circles where that is possible, else modules as boxes."""
    folding = Folding(order, name_of, home, look)
    neurons = None if fold == "modules" else neurons_of(order, home)
    if neurons is None and fold == "network":
        raise ValueError(
            'fold="network" draws layers of neurons, and this graph has something else between its weights: '
            'fold="modules" draws any module as a box'
        )
    network = None if neurons is None else NetworkPicture(order, name_of, neurons, look)
    first = folding.draw("") if network is None else network.draw(folding.modules.unfoldable)

    @cache
    def views() -> dict[str, View]:
        return folding.views(first)

    def details() -> dict[str, Detail]:
        views()  # Which tells what has been drawn.
        alone = [node for node in order if node in folding.shown]
        found = folding.details | details_of_nodes(order, alone, name_of, look)
        return found if network is None else network.all_details(found)

    return Drawing(first.source, views, details)


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
