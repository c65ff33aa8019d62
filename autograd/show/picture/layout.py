"""Laying out pictures: by Graphviz's ``dot`` if that is on the PATH, else by pygraphviz."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec

from .small_png import repaired

FORMATS = ("svg", "png", "pdf")

# A screen of today has two dots a CSS pixel, and Graphviz's 96 a picture that is blurred on it.
_DOTS_PER_INCH = 192
_POINTS_PER_INCH = 72
_MOST_PIXELS = 2000

_MISSING = (
    "drawing needs Graphviz: pip install 'chainrule[viz]', or install the system package graphviz; "
    "draw(v).source has the graph as text, and draw(v).save('graph.html') a page that lays it out by itself"
)


class LayoutUnavailableError(RuntimeError):
    """Neither Graphviz nor pygraphviz is installed; the message says how to install one."""


def laid_out(source: str, form: str) -> bytes:
    """Return the image of a graph.

    Parameters
    ----------
    source : str
        The graph in Graphviz's DOT language.
    form : str
        ``"svg"``, ``"png"`` of 192 dots an inch, or ``"pdf"``.

    Returns
    -------
    bytes
        The content of a file of that format.

    Raises
    ------
    LayoutUnavailableError
        If neither ``dot`` nor pygraphviz is installed.

    Examples
    --------
    >>> laid_out("digraph { a -> b }", "png")[1:4]
    b'PNG'
    """
    options = [f"-Gdpi={_DOTS_PER_INCH}"] if form == "png" else []
    image = _by_dot(source, [f"-T{form}", *options])
    return _by_pygraphviz(source, form, options) if image is None else image


def preview(source: str, svg: str) -> bytes:
    """Return a PNG image that stands for a picture: of few colours, and of at most 2,000 pixels either way.

    That of 337 weights, each an edge, is 2.8 MB otherwise, and a notebook stores it twice.

    Parameters
    ----------
    source : str
        The graph in Graphviz's DOT language.
    svg : str
        The same laid out, which says how large it is.

    Returns
    -------
    bytes
        The content of a file of that format.

    Raises
    ------
    LayoutUnavailableError
        If neither ``dot`` nor pygraphviz is installed.

    Examples
    --------
    >>> graph = "digraph { a -> b }"
    >>> preview(graph, laid_out(graph, "svg").decode())[1:4]
    b'PNG'
    """
    longest = max(map(float, re.findall(r'(?:width|height)="([\d.]+)pt"', svg)))
    dots = min(_DOTS_PER_INCH, _MOST_PIXELS * _POINTS_PER_INCH / longest)
    try:
        image = _by_dot(source, ["-Tpng:cairo:gd", f"-Gdpi={dots:.0f}"])
    except ValueError:
        # Graphviz without the library that chooses colours.
        image = None
    return laid_out(source, "png") if image is None else repaired(image, source)


def inline_svgs(sources: Sequence[str]) -> list[str]:
    """Return several graphs as SVG elements to embed in an HTML page.

    A single process of ``dot`` lays out all of them: 13 views of a network take 25 ms, where 13 processes
    take 200.

    Parameters
    ----------
    sources : sequence of str
        The graphs in Graphviz's DOT language.

    Returns
    -------
    list of str
        The ``<svg>`` elements, without the XML declaration and document type.

    Raises
    ------
    LayoutUnavailableError
        If neither ``dot`` nor pygraphviz is installed.

    Examples
    --------
    >>> [svg[:5] for svg in inline_svgs(["digraph { a }", "digraph { b }"])]
    ['<svg ', '<svg ']
    """
    # An engine that a graph names, as layout=neato, is that of all later ones: these come last.
    order = sorted(range(len(sources)), key=lambda i: "layout=" in sources[i])
    together = _by_dot("\n".join(sources[i] for i in order), ["-Tsvg"])
    if together is None:
        return [inline(_by_pygraphviz(source, "svg", []).decode()) for source in sources]
    documents = together.decode().split("<?xml")[1:]
    return [inline(document) for _, document in sorted(zip(order, documents, strict=True))]


def inline(document: str) -> str:
    """Return the element of an SVG document.

    Examples
    --------
    >>> inline('<?xml version="1.0"?><svg></svg>')
    '<svg></svg>'
    """
    return document[document.index("<svg") :]


def _by_dot(source: str, options: Sequence[str]) -> bytes | None:
    """Return the output of ``dot``, None if there is no such program."""
    command = ["dot", "-Kdot", *options]
    # On Windows, a program of the console would open a window.
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        process = subprocess.run(
            command, input=source.encode(), capture_output=True, check=False, creationflags=flags
        )
    except OSError:  # Not there, or, in a browser, no processes at all.
        return None
    if process.returncode:
        message = process.stderr.decode(errors="replace").strip()
        raise ValueError(f"Graphviz cannot lay out this graph: {message}")
    return process.stdout


def _by_pygraphviz(source: str, form: str, options: Sequence[str]) -> bytes:
    if find_spec("pygraphviz") is None:
        raise LayoutUnavailableError(_MISSING) from None
    import pygraphviz

    image: bytes = pygraphviz.AGraph(string=source).draw(format=form, prog="dot", args=" ".join(options))
    return image
