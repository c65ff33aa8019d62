"""The page of a picture: it zooms, tells of what is pointed at, unfolds modules and explains nodes."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from .page_scripts import allowed, graphviz_script
from .self_contained import asset, digest, packed
from .views import Detail, View


def interactive_page(
    views: Mapping[str, View], details: Mapping[str, Detail], svgs: Sequence[str] | None
) -> str:
    """Return the self-contained page of a graph: it loads nothing and works from disk.

    Parameters
    ----------
    views : mapping
        The states of the graph, by module; the first is shown first.
    details : mapping
        What is told of nodes, edges and boxes, by their id in the SVG.
    svgs : sequence of str, optional
        The ``<svg>`` element of each view. Without them, the page carries Graphviz as WebAssembly, 0.8 MB,
        and lays out each view when it is shown.

    Returns
    -------
    str
        The page.

    Examples
    --------
    >>> views = {"": View("y", "digraph { a -> b }", {})}
    >>> len(interactive_page(views, {}, ["<svg></svg>"])) < 30_000
    True
    >>> len(interactive_page(views, {}, None)) > 800_000
    True
    """
    style, script = asset(__file__, "css"), asset(__file__, "js")
    engines = [graphviz_script()] if svgs is None else []
    first = next(iter(views.values()))
    return Template(asset(__file__, "html")).substitute(
        title=html.escape(f"Graph of {first.title}" if first.title else "Graph"),
        svg="" if svgs is None else svgs[0],
        without_script=(
            "This page lays out a graph with JavaScript, which is switched off here."
            if svgs is None
            else "This page unfolds and explains the graph with JavaScript, which is switched off here."
        ),
        data=json.dumps(packed({"views": _states(views, svgs), "details": _texts(details)})),
        style=style,
        style_hash=digest(style),
        engine="".join(f'<script type="module">{engine}</script>' for engine in engines),
        script=script,
        scripts=allowed(script, engines),
    )


def _states(views: Mapping[str, View], svgs: Sequence[str] | None) -> dict[str, Any]:
    """Return what the script knows of each view; the picture of the first stands in the page already."""
    if svgs is None:
        pictures = [{"source": view.source} for view in views.values()]
    else:
        pictures = [{"svg": svg if i else ""} for i, svg in enumerate(svgs)]
    return {
        key: {"title": view.title, "unfolds": dict(view.unfolds), **picture}
        for (key, view), picture in zip(views.items(), pictures, strict=True)
    }


def _texts(details: Mapping[str, Detail]) -> dict[str, Any]:
    return {key: detail._asdict() for key, detail in details.items()}
