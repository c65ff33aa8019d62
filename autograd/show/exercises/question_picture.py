"""The picture of an exercise: the graph, with a question mark in the place of each blank."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...engine.graph import Edge, edges
from ...engine.value import Value
from ..picture.drawing import Drawing
from ..picture.styles import LEAF, RESULT, ROOT, digraph, escape
from ..text.formulas import digits, formula
from .solution import Solution

# The width of the text on paper, and the largest height of a picture, in points.
TEXT_WIDTH, TALLEST = 490.0, 400.0

# Black on white, for printers.
_INK = {"color": "black", "fontcolor": "black", "fillcolor": "white"}


def picture(
    solution: Solution,
    written: Mapping[Value | Edge, str],
    *,
    direction: str = "LR",
    ink: bool = False,
) -> Drawing:
    """Draw the graph of an exercise.

    Parameters
    ----------
    solution : Solution
        The graph.
    written : mapping of Value or Edge to str
        What is written for gradients and local partials, such as ``"? (1)"``; others are left out.
    direction : str
        From the leaves to the result.
    ink : bool
        Whether to draw black on white.

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
    # From top to bottom, edges are short: a page is soon full.
    dot = digraph(
        "light" if ink else "auto", rankdir=direction, **({"ranksep": "0.25"} if direction == "TB" else {})
    )
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
            # The space keeps it off the arrow, where that goes down.
            label = f" ∂ {written[edge]}" if edge in written else ""
            dot.edge(identity[edge.operand], identity[node], label=label, **(_INK if ink else {}))
    return Drawing(dot.source)


def on_paper(solution: Solution, written: Mapping[Value | Edge, str]) -> Drawing:
    """Draw for a page, in the direction in which the picture has to be shrunk less.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> "rankdir=LR" in on_paper(Solution(x, {x: "x"}), {}).source
    True
    """
    across, down = (picture(solution, written, direction=way, ink=True) for way in ("LR", "TB"))
    # From left to right as on the screen, unless that is a lot smaller.
    return across if 1.25 * _scale(across) >= _scale(down) else down


def size_on_paper(drawing: Drawing) -> tuple[float, float]:
    """Return the width and height of a picture on a page in points: as large as it is, or as fits.

    Examples
    --------
    >>> size_on_paper(Drawing("digraph { a }"))
    (62.0, 44.0)
    """
    width, height = _size(drawing)
    scale = _scale(drawing)
    return width * scale, height * scale


def _scale(drawing: Drawing) -> float:
    """Return by how much a picture has to be shrunk for a page."""
    width, height = _size(drawing)
    return min(1.0, TEXT_WIDTH / width, TALLEST / height)


def _size(drawing: Drawing) -> tuple[float, float]:
    """Return the width and height of a picture in points, as the SVG says them."""
    found = re.search(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"', drawing.render("svg").decode())
    return (float(found[1]), float(found[2])) if found else (TEXT_WIDTH, TALLEST)
