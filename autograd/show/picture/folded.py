"""The picture of a network in which each neuron, or each layer, is one box."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from ...engine.gradients import has_gradient
from ...engine.graph import edges
from ...engine.value import Value
from ..text.formulas import count, digits
from ..text.modules import enclosing, within
from .drawing import Drawing
from .styles import HIGHLIGHT, LEAF, RESULT, ROOT, digraph, escape, frames, heat
from .unfolded import Look

# Beyond this number of edges nobody can follow a line from box to box: each layer is then one box.
MAX_EDGES = 150

# Graphviz reserves room for each label: with more labels, a picture gets ten times as high as wide.
_MAX_LABELS = 12

_INPUTS, _BEFORE, _AFTER = "inputs", "before", "after"


def draw_folded(
    order: Sequence[Value], name_of: Mapping[Value, str], home: Mapping[Value, str], look: Look
) -> Drawing:
    """Draw modules as boxes; all samples of a batch share them.

    Parameters
    ----------
    order : sequence of Value
        The graph in topological order, the result last.
    name_of : mapping
        Name of each node.
    home : mapping
        Module of each node that has one.
    look : Look
        What to show.

    Returns
    -------
    Drawing
        Boxes for the innermost modules between which there are at most `MAX_EDGES` edges, for the inputs,
        and for what comes before and after the network.

    Examples
    --------
    >>> w = Value(2.0, label="layer.w")
    >>> picture = draw_folded([w], {w: "layer.w"}, {w: "layer"}, Look())
    >>> "layer" in picture.source and "1 parameter" in picture.source
    True
    """
    levels = {path: enclosing(path) for path in set(home.values())}
    deepest = max(map(len, levels.values()))
    for level in range(deepest, 0, -1):
        shown = {path: modules[:level] for path, modules in levels.items()}
        box_of = _boxes(order, {node: shown[path][-1] for node, path in home.items()})
        edges = _edges(order, box_of)
        if len(edges) <= MAX_EDGES:
            break
    members: dict[str, list[Value]] = {}
    for node in order:
        members.setdefault(box_of[node], []).append(node)
    dot = digraph(rankdir=look.direction, ranksep="1.2")
    dot.attr(label=f"{len(order):,} nodes, folded")
    around = {modules[-1]: modules[:-1] for modules in shown.values()}
    marked = {box_of[node] for edge in look.marked for node in (edge.node, edge.operand)}
    largest = max((_size(_parameters(inside)) for inside in members.values()), default=0.0)
    # Graphviz reads what follows a colon in the name of an edge's end as a port.
    name_of_box = {box: f"box{i}" for i, box in enumerate(members)}
    for box, inside in members.items():
        style = ROOT if box == _AFTER else LEAF if box == _INPUTS else RESULT
        if look.color_by_grad and box in around and largest:
            style = style | {"fillcolor": heat(_size(_parameters(inside)), largest)}
        if box in marked:
            style = style | HIGHLIGHT
        text = (
            _describe_module(box, inside, look)
            if box in around
            else _describe_rest(box, inside, name_of, look)
        )
        with frames(dot, around.get(box, [])) as part:
            part.node(name_of_box[box], escape(text), **style)
    for (source, target), number in edges.items():
        width = f"{1.0 + math.log10(number) / 2:.2f}"
        style = HIGHLIGHT if {source, target} <= marked else {"penwidth": width}
        label = f"×{number:,}" if number > 1 and len(edges) <= _MAX_LABELS else ""
        dot.edge(name_of_box[source], name_of_box[target], label=label, **style)
    return Drawing(dot.source)


def _boxes(order: Sequence[Value], module_of: Mapping[Value, str]) -> dict[Value, str]:
    """Return the box of each node: its module, or the inputs, or what is before or after the network."""
    found: dict[Value, str] = {}
    for node in order:
        if node in module_of:
            found[node] = module_of[node]
        elif node.op is None:
            found[node] = _INPUTS
        else:
            below = {found[edge.operand] for edge in edges(node)}
            found[node] = _BEFORE if below <= {_INPUTS, _BEFORE} else _AFTER
    return found


def _edges(order: Sequence[Value], box_of: Mapping[Value, str]) -> Counter[tuple[str, str]]:
    """Return the number of edges between each pair of boxes."""
    pairs = ((box_of[edge.operand], box_of[node]) for node in order for edge in edges(node))
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def _describe_module(path: str, inside: Sequence[Value], look: Look) -> str:
    """Return the lines of text in the box of a module."""
    parameters = _parameters(inside)
    lines = [within(path, enclosing(path)[-2]) if len(enclosing(path)) > 1 else path]
    lines.append(count(len(parameters), "parameter"))
    if operations := _operations(inside):
        lines.append(operations)
    if look.grads and parameters:
        size = _size(parameters)
        lines.append(f"|grad| ≤ {digits(size, look.precision)}" if size >= 0 else "grad not yet")
    return "\n".join(lines)


def _describe_rest(box: str, inside: Sequence[Value], name_of: Mapping[Value, str], look: Look) -> str:
    """Return the lines of text in a box of nodes outside all modules."""
    if box == _INPUTS:
        return f"inputs\n{count(len(inside), 'leaf', 'leaves')}"
    lines = [f"{box} the network", _operations(inside)]
    if box == _AFTER:
        lines[0] = f"{name_of[inside[-1]]}, {lines[0]}"
        lines += [f"value {digits(inside[-1].data, look.precision)}"] if look.values else []
    return "\n".join(lines)


def _operations(inside: Sequence[Value]) -> str:
    """Return the counts of the most frequent operations."""
    counts = Counter(node.op.name for node in inside if node.op)
    most = [f"{number:,} {name}" for name, number in counts.most_common(3)]
    return ", ".join([*most, f"{len(counts) - 3} other kinds"] if len(counts) > 3 else most)


def _parameters(inside: Sequence[Value]) -> list[Value]:
    return [node for node in inside if node.op is None]


def _size(parameters: Sequence[Value]) -> float:
    """Return the largest gradient, -1 before a backward pass."""
    return max((abs(float(node.grad)) for node in parameters if has_gradient(node)), default=-1.0)
