"""The style of pictures of graphs, and escaping text for Graphviz."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import graphviz

from ..text.modules import within

GRAPH = {"fontname": "Helvetica", "fontsize": "11", "fontcolor": "#5b6b7b"}
NODE = {"fontname": "Helvetica", "fontsize": "11", "height": "0.3", "color": "#5b6b7b"}
EDGE = {"fontname": "Helvetica", "fontsize": "10", "color": "#8a97a5", "fontcolor": "#8a5a00"}
LEAF = {"shape": "box", "style": "rounded,filled", "fillcolor": "#e8f1fb", "class": "leaf"}
RESULT = {"shape": "box", "style": "rounded,filled", "fillcolor": "#f5f6f8", "class": "result"}
ROOT = {"shape": "box", "style": "rounded,filled", "fillcolor": "#fdf1d8", "class": "root"}
CONSTANT = {"shape": "plaintext", "fontcolor": "#5b6b7b", "class": "constant"}
CLUSTER = {"style": "rounded", "color": "#b8c2cc", "fontname": "Helvetica", "fontsize": "10"}
HIGHLIGHT = {"color": "#c2255c", "penwidth": "2.5"}

# A gradient below 1e-4 of the largest has no colour.
_DECADES = 4.0


def escape(text: str) -> str:
    """Return text escaped for Graphviz, which interprets backslashes and entities such as &amp;.

    Examples
    --------
    >>> escape("a & b")
    'a &amp; b'
    """
    return graphviz.escape(text.replace("&", "&amp;"))  # type: ignore[no-any-return]


def digraph(**attributes: str) -> graphviz.Digraph:
    """Return an empty picture in the common style.

    Parameters
    ----------
    **attributes : str
        Further attributes of the graph.

    Returns
    -------
    graphviz.Digraph
        The picture, to add nodes and edges to.

    Examples
    --------
    >>> digraph(rankdir="LR").graph_attr["rankdir"]
    'LR'
    """
    return graphviz.Digraph(graph_attr=GRAPH | attributes, node_attr=NODE, edge_attr=EDGE)


@contextmanager
def frames(dot: graphviz.Digraph, modules: Sequence[str]) -> Iterator[graphviz.Digraph]:
    """Open the nested frames of modules in a picture.

    Parameters
    ----------
    dot : graphviz.Digraph
        The picture.
    modules : sequence of str
        Paths of the modules, the outermost first.

    Yields
    ------
    graphviz.Digraph
        The innermost frame, to draw in.

    Examples
    --------
    >>> dot = digraph()
    >>> with frames(dot, ["layers.0", "layers.0.neurons.3"]) as inside:
    ...     inside.node("w")
    >>> dot.source.count("subgraph"), "neurons.3" in dot.source
    (2, True)
    """
    with ExitStack() as stack:
        outer = ""
        for module in modules:
            dot = stack.enter_context(dot.subgraph(name=f"cluster_{escape(module)}", graph_attr=CLUSTER))
            dot.attr(label=escape(within(module, outer)))
            outer = module
        yield dot


def heat(number: float, largest: float) -> str:
    """Return a colour from white to red for a size, on a logarithmic scale.

    Parameters
    ----------
    number : float
        The size.
    largest : float
        The size that is drawn red.

    Returns
    -------
    str
        A colour; violet for nan and infinity.

    Examples
    --------
    >>> heat(1.0, 1.0), heat(0.0, 1.0), heat(1e-2, 1.0)
    ('#ff6b4a', '#ffffff', '#ffb5a4')
    """
    if not math.isfinite(number):
        return "#c9a7f5"
    share = max(0.0, 1.0 + math.log10(number / largest) / _DECADES) if number else 0.0
    red, green, blue = (round(255 + (end - 255) * share) for end in (255, 107, 74))
    return f"#{red:02x}{green:02x}{blue:02x}"
