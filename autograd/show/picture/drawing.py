"""A picture in Graphviz's DOT language, and rendering it to an image."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import graphviz

from ...files import write_whole
from .views import Detail, View

FORMATS = ("svg", "png", "pdf")

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Graph</title>
<style>body {{ margin: 1rem; background: white; }} svg {{ max-width: 100%; height: auto; }}</style>
{svg}
</html>
"""


class LayoutUnavailableError(RuntimeError):
    """Neither Graphviz nor pygraphviz is installed; the message says how to install one."""


class Drawing:
    """A drawn graph: notebooks show it, `save` writes it, `source` is its text.

    It is laid out by ``dot`` if that is on the PATH, else by pygraphviz.

    Parameters
    ----------
    source : str
        The graph in Graphviz's DOT language.
    views : callable, optional
        Makes the states between which a page switches, by module; that of ``""`` comes first.
    details : callable, optional
        Makes what is told of nodes, edges and boxes, by their id in the SVG of any view.

    Attributes
    ----------
    source : str
        The same.

    Examples
    --------
    >>> Drawing("digraph { a -> b }").render("svg")[:5]
    b'<?xml'
    """

    def __init__(
        self,
        source: str,
        views: Callable[[], Mapping[str, View]] | None = None,
        details: Callable[[], Mapping[str, Detail]] | None = None,
    ) -> None:
        self.source = source
        self._make_views = views
        self._make_details = details

    @cached_property
    def views(self) -> Mapping[str, View]:
        """The states between which a page switches, made when first asked for."""
        return {"": View("", self.source, {})} if self._make_views is None else self._make_views()

    @cached_property
    def details(self) -> Mapping[str, Detail]:
        """What a page tells of nodes, edges and boxes, made when first asked for."""
        return {} if self._make_details is None else self._make_details()

    def render(self, form: str) -> bytes:
        """Return the image.

        Parameters
        ----------
        form : str
            ``"svg"``, ``"png"`` or ``"pdf"``.

        Returns
        -------
        bytes
            The content of a file of that format.

        Raises
        ------
        LayoutUnavailableError
            If neither ``dot`` nor pygraphviz is installed.
        ValueError
            For another form.
        """
        if form not in FORMATS:
            raise ValueError(f"expected form to be one of {', '.join(FORMATS)}, got {form!r}")
        try:
            image: bytes = graphviz.Source(self.source).pipe(format=form)
        except graphviz.ExecutableNotFound:
            return self._render_with_pygraphviz(form)
        return image

    def _render_with_pygraphviz(self, form: str) -> bytes:
        if find_spec("pygraphviz") is None:
            raise LayoutUnavailableError(
                "drawing needs Graphviz: pip install 'chainrule[viz]', or install the system package "
                "graphviz; draw(v).source has the graph as text"
            ) from None
        import pygraphviz

        image: bytes = pygraphviz.AGraph(string=self.source).draw(format=form, prog="dot")
        return image

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file.

        Parameters
        ----------
        path : path-like
            The suffix determines the format: ``.svg``, ``.png``, ``.pdf``, ``.html`` for a page with the
            picture in it, or ``.dot`` for the text.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ValueError
            For another suffix.
        OSError
            If the file cannot be written; an existing file is left unchanged.
        LayoutUnavailableError
            If neither ``dot`` nor pygraphviz is installed.
        """
        target = Path(path)
        form = target.suffix.removeprefix(".").lower()
        if form not in ("dot", "html", *FORMATS):
            raise ValueError(
                f"expected a path ending in .dot, .html, .{', .'.join(FORMATS)}, got {str(target)!r}"
            )
        write_whole(target, self._content(form))
        return target

    def _content(self, form: str) -> bytes:
        if form == "dot":
            return self.source.encode()
        if form == "html":
            return _PAGE.format(svg=self.inline_svg()).encode()
        return self.render(form)

    def inline_svg(self) -> str:
        """Return the picture as an SVG element to embed in an HTML page.

        Returns
        -------
        str
            The ``<svg>`` element, without the XML declaration and document type.

        Raises
        ------
        LayoutUnavailableError
            If neither ``dot`` nor pygraphviz is installed.
        """
        text = self.render("svg").decode()
        return text[text.index("<svg") :]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        try:
            return {"image/svg+xml": self.render("svg").decode(), "text/plain": repr(self)}
        except LayoutUnavailableError as error:
            return {"text/plain": str(error)}

    def __repr__(self) -> str:
        return f"<Drawing of {self.source.count('->')} edges; .save('graph.svg') writes it>"
