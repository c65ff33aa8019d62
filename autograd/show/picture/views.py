"""What a page shows of a graph besides its first picture: other states of it, and texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class View(NamedTuple):
    """A graph in one state: with one module unfolded in place, say, and all others folded.

    The views of a picture are a mapping from modules to these; that of ``""`` comes first, and has everything
    folded. So there are as many views as modules, where any choice of modules would be 2^modules.

    Attributes
    ----------
    title : str
        What is unfolded, for the trail at the top of the page.
    source : str
        The picture in Graphviz's DOT language. An id stands for the same thing in all views of a picture.
    unfolds : mapping
        For the id of a box, or of a frame, in the SVG: the module whose view a click shows. A frame names the
        module around it, or ``""``, and so is folded by a click.

    Examples
    --------
    >>> folded = View("everything", 'digraph { layer [id="box:layer"] }', {"box:layer": "layer"})
    >>> views = {"": folded, "layer": View("layer", "digraph { w -> v1 }", {})}
    >>> views[""].unfolds["box:layer"] in views
    True
    """

    title: str
    source: str
    unfolds: Mapping[str, str]


class Detail(NamedTuple):
    """What is told of a node, an edge or a box, under the mouse and after a click.

    Attributes
    ----------
    title : str
        What it is: the name of a node or a module, both ends of an edge.
    rows : tuple of (str, str)
        What is shown beside it, each with its name: a formula, a value, a gradient, a local partial.
    explanation : str
        A longer text, which a click shows; lines stay as they are.

    Examples
    --------
    >>> Detail("v1", (("formula", "x * x"), ("value", "9")), "dv1/dx = 2x").rows[1]
    ('value', '9')
    """

    title: str
    rows: tuple[tuple[str, str], ...] = ()
    explanation: str = ""
