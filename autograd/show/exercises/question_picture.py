"""The picture of an exercise: the graph, with a question mark in the place of each blank."""

from __future__ import annotations

from collections.abc import Mapping

from ...engine.graph import Edge, edges
from ...engine.value import Value
from ..picture.drawing import Drawing
from ..picture.styles import LEAF, RESULT, ROOT, digraph, escape
from ..text.formulas import digits, formula
from .solution import Solution

# Black on white, for printers.
_INK = {"color": "black", "fontcolor": "black", "fillcolor": "white"}


def picture(
    solution: Solution, written: Mapping[Value | Edge, str], *, ink: bool = False, dpi: int = 0
) -> Drawing:
    """Draw the graph of an exercise.

    Parameters
    ----------
    solution : Solution
        The graph.
    written : mapping of Value or Edge to str
        What is written for gradients and local partials, such as ``"? (1)"``; others are left out.
    ink : bool
        Whether to draw black on white.
    dpi : int
        The resolution of a PNG; 0 for the usual one.

    Returns
    -------
    Drawing
        The picture.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> picture(Solution(x, {x: "x"}), {x: "? (1)"}).source.count("gradient ?")
    1
    """
    dot = digraph(rankdir="LR", **({"dpi": str(dpi)} if dpi else {}))
    identity = {node: f"node{i}" for i, node in enumerate(solution.order)}
    for node in solution.order:
        style = ROOT if node is solution.y else LEAF if node.op is None else RESULT
        lines = [solution.name_of[node], f"value {digits(node.data)}"]
        if node.op:
            lines[0] += f" = {formula(node, solution.name_of)}"
        if node in written:
            lines.append(f"gradient {written[node]}")
        dot.node(identity[node], escape("\n".join(lines)), **(style | _INK if ink else style))
        for edge in edges(node):
            label = f"∂ {written[edge]}" if edge in written else ""
            dot.edge(identity[edge.operand], identity[node], label=label, **(_INK if ink else {}))
    return Drawing(dot.source)
