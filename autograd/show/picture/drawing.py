"""A picture in Graphviz's DOT language, and the images and the page that are made of it."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ...files import write_whole
from .interactive_page import interactive_page
from .layout import FORMATS, LayoutUnavailableError, inline, inline_svgs, laid_out, preview
from .opening import opened_in_a_browser, shown_by_a_notebook
from .self_contained import framed
from .styles import themed
from .views import Detail, View


class Drawing:
    """A drawn graph: notebooks show it, `show` opens it, `save` writes it, `source` is its text.

    It is laid out by ``dot`` if that is on the PATH, else by pygraphviz. Where neither is, there are no
    images, and the page lays the graph out by itself.

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
        return self._svg if form == "svg" else laid_out(self.source, form)

    @cached_property
    def _svg(self) -> bytes:
        return themed(laid_out(self.source, "svg"))

    @cached_property
    def page(self) -> str:
        """The self-contained page, in which one zooms, unfolds modules and asks nodes."""
        try:
            svgs = inline_svgs([view.source for view in self.views.values()])
        except LayoutUnavailableError:
            return interactive_page(self.views, self.details, None)
        return interactive_page(self.views, self.details, svgs)

    def show(self) -> None:
        """Show the picture: in a notebook below the cell, elsewhere as a page in the web browser."""
        if not shown_by_a_notebook(self):
            opened_in_a_browser(self.page)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file.

        Parameters
        ----------
        path : path-like
            The suffix determines the format: ``.svg``, ``.png``, ``.pdf``, ``.html`` for the page, and
            ``.dot`` for the text.

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
            For an image, if neither ``dot`` nor pygraphviz is installed.
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
            return self.page.encode()
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
        return inline(self.render("svg").decode())

    def preview(self) -> bytes:
        """Return a PNG of few colours, and of at most 2,000 pixels either way, which a notebook stores.

        Raises
        ------
        LayoutUnavailableError
            If neither ``dot`` nor pygraphviz is installed.
        """
        return preview(self.source, self._svg.decode())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        title = next(iter(self.views.values())).title
        name = f"Graph of {title}" if title else "Graph"
        try:
            svg = self.render("svg").decode()
            png = self.preview()
        except LayoutUnavailableError as error:
            return {"text/html": framed(self.page, name), "text/plain": str(error)}
        return {
            "text/html": framed(self.page, name, png),
            "image/svg+xml": svg,
            "image/png": base64.b64encode(png).decode(),
            "text/plain": repr(self),
        }

    def __repr__(self) -> str:
        # An edge with a text in its middle is drawn in two parts.
        edges = self.source.count("->") - self.source.count("id=tail")
        return f"<Drawing of {edges} edges; .save('graph.svg') writes it>"
