"""The style of pictures of graphs, in two themes, and escaping text for Graphviz."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import NamedTuple

import graphviz

from ..text.formulas import digits
from ..text.modules import within


class Palette(NamedTuple):
    """The colours of a theme, by what they are for."""

    surface: str
    ink: str
    quiet: str
    wire: str
    frame: str
    leaf: str
    result: str
    root: str
    partial: str
    highlight: str
    positive: str
    negative: str


PALETTES = {
    "light": Palette(
        surface="#ffffff",
        ink="#1b242d",
        quiet="#56646f",
        wire="#7c8995",
        frame="#b8c2cc",
        leaf="#e3eefa",
        result="#f3f5f7",
        root="#fdf0d3",
        partial="#855600",
        highlight="#c2255c",
        positive="#1f77c4",
        negative="#e8750c",
    ),
    "dark": Palette(
        surface="#12161b",
        ink="#e8ebef",
        quiet="#a3b0bc",
        wire="#8592a0",
        frame="#4a5662",
        leaf="#1c3552",
        result="#272e37",
        root="#4b3b14",
        partial="#e9bd66",
        highlight="#ff79ab",
        positive="#58a9f5",
        negative="#f79a45",
    ),
}
"""The colours of each theme; text has a contrast of at least 4.5 on what it stands on."""

THEMES = ("auto", *PALETTES)
"""What pictures can look like: ``"auto"`` is light, and in an SVG dark where the reader's system is."""

# A gradient below 1e-4 of the largest has no colour.
_DECADES = 4

# Light enough for dark ink, in both themes.
_TINT_INK = PALETTES["light"].ink
_MOST_POSITIVE, _MOST_NEGATIVE, _MOST, NOT_FINITE = (95, 170, 240), (245, 155, 75), (255, 107, 74), "#d3a6f5"

_CONSTANT = {"shape": "plaintext", "fontsize": "10", "width": "0", "height": "0", "margin": "0.04,0.02"}


class Style(NamedTuple):
    """The attributes of what a picture consists of, in one theme."""

    theme: str = "light"

    @property
    def palette(self) -> Palette:
        """The colours; those of ``"auto"`` are light, which `DARK_RULES` replaces."""
        return PALETTES["dark" if self.theme == "dark" else "light"]

    def box(self, kind: str) -> dict[str, str]:
        """Return the style of the box of a ``"leaf"``, a ``"result"`` or the ``"root"``."""
        fill = getattr(self.palette, kind)
        return {"shape": "box", "style": "rounded,filled", "fillcolor": fill, "class": kind}

    def quiet(self, kind: str) -> dict[str, str]:
        """Return the style of a text without a box, such as a ``"constant"``."""
        return _CONSTANT | {"fontcolor": self.palette.quiet, "class": kind}

    @property
    def partial(self) -> dict[str, str]:
        """The style of the text in the middle of an edge."""
        return _CONSTANT | {"fontcolor": self.palette.partial, "class": "partial"}

    def marked(self, style: Mapping[str, str]) -> dict[str, str]:
        """Return the style of a node or an edge that is highlighted."""
        colour = {"color": self.palette.highlight, "penwidth": "2.5"}
        return {**style, **colour, "class": f"{style.get('class', '')} marked".strip()}

    def tinted(self, box: Mapping[str, str], number: float, largest: float) -> dict[str, str]:
        """Return the style of a box that is coloured by a number."""
        return self._coloured(box, tint_of(number, largest))

    def heated(self, box: Mapping[str, str], size: float, largest: float) -> dict[str, str]:
        """Return the style of a box that is coloured by a number without a sign."""
        return self._coloured(box, heat(size, largest))

    def _coloured(self, box: Mapping[str, str], colour: str) -> dict[str, str]:
        tint = {"fillcolor": colour, "fontcolor": _TINT_INK}
        return {**box, **tint, "class": f"{box.get('class', '')} tinted"}


LEAF, RESULT, ROOT = (Style().box(kind) for kind in ("leaf", "result", "root"))


def escape(text: str) -> str:
    """Return text escaped for Graphviz, which interprets backslashes and entities such as &amp;.

    Examples
    --------
    >>> escape("a & b")
    'a &amp; b'
    """
    return graphviz.escape(text.replace("&", "&amp;"))  # type: ignore[no-any-return]


def add_node(dot: graphviz.Digraph, identity: str, text: str, style: Mapping[str, str]) -> None:
    r"""Draw a node whose name in the graph is its id in the SVG.

    Graphviz's Python package looks at each attribute of each node anew, which takes half of the time of
    `draw`; there are but few styles.

    Parameters
    ----------
    dot : graphviz.Digraph
        The picture.
    identity : str
        Letters, digits and ``_``.
    text : str
        What stands in it, as it is to be read.
    style : mapping
        Other attributes.

    Examples
    --------
    >>> dot = digraph()
    >>> add_node(dot, "node1", 'say "x"', {"shape": "box"})
    >>> print(dot.body[0].strip())
    node1 [label="say \"x\"" id=node1 shape=box]
    """
    label = escape(text).replace('"', '\\"')
    dot.body.append(f'\t{identity} [label="{label}" id={identity} {_attributes(tuple(style.items()))}]\n')


def add_edge(dot: graphviz.Digraph, tail: str, head: str, identity: str, style: Mapping[str, str]) -> None:
    """Draw an edge between nodes of `add_node`.

    Without an explicit id, Graphviz would assign one that a node or edge has already.

    Examples
    --------
    >>> dot = digraph()
    >>> add_edge(dot, "node0", "node1", "edge1_0", {})
    >>> print(dot.body[0].strip())
    node0 -> node1 [id=edge1_0 ]
    """
    dot.body.append(f"\t{tail} -> {head} [id={identity} {_attributes(tuple(style.items()))}]\n")


@lru_cache(256)
def _attributes(style: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f"{name}={graphviz.quoting.quote(value)}" for name, value in style)


def digraph(theme: str = "light", **attributes: str) -> graphviz.Digraph:
    """Return an empty picture in the common style.

    Parameters
    ----------
    theme : str
        One of `THEMES`.
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
    colours = Style(theme).palette
    font = {"fontname": "Helvetica", "fontsize": "11"}
    # Not transparent: a notebook may be dark where the reader's system, which an SVG asks, is light.
    graph = font | {"fontcolor": colours.quiet, "bgcolor": colours.surface, "class": theme}
    node = font | {"fontcolor": colours.ink, "color": colours.wire, "height": "0.3"}
    edge = font | {"fontsize": "10", "color": colours.wire, "fontcolor": colours.partial}
    return graphviz.Digraph(graph_attr=graph | attributes, node_attr=node, edge_attr=edge)


@contextmanager
def frames(
    dot: graphviz.Digraph, modules: Sequence[str], identities: Mapping[str, str] | None = None
) -> Iterator[graphviz.Digraph]:
    """Open the nested frames of modules in a picture.

    Parameters
    ----------
    dot : graphviz.Digraph
        The picture.
    modules : sequence of str
        Paths of the modules, the outermost first.
    identities : mapping, optional
        The id of each frame in the SVG.

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
    colours = Style(dot.graph_attr.get("class", "light")).palette
    frame = {
        "style": "rounded",
        "bgcolor": "transparent",
        "color": colours.frame,
        "fontsize": "10",
        "class": "frame",
    }
    with ExitStack() as stack:
        outer = ""
        for module in modules:
            dot = stack.enter_context(dot.subgraph(name=f"cluster_{escape(module)}", graph_attr=frame))
            identity = {"id": identities[module]} if identities else {}
            dot.attr(label=escape(within(module, outer)), **identity)
            outer = module
        yield dot


def tint_of(number: float, largest: float) -> str:
    """Return a colour for a number: orange below 0, blue above, the stronger the larger, white at 0.

    The scale is logarithmic, over four decades.

    Parameters
    ----------
    number : float
        The number.
    largest : float
        The size that has the full colour.

    Returns
    -------
    str
        The colour; violet for nan and infinity.

    Examples
    --------
    >>> tint_of(1.0, 1.0), tint_of(-1e-2, 1.0), tint_of(0.0, 1.0), tint_of(float("nan"), 1.0)
    ('#5faaf0', '#facda5', '#ffffff', '#d3a6f5')
    """
    return _shade(number, largest, _MOST_POSITIVE if number > 0.0 else _MOST_NEGATIVE)


def heat(size: float, largest: float) -> str:
    """Return a colour for a number that has no sign, from white to red on the scale of `tint_of`.

    Parameters
    ----------
    size : float
        The number.
    largest : float
        The size that is red.

    Returns
    -------
    str
        The colour; violet for nan and infinity.

    Examples
    --------
    >>> heat(1.0, 1.0), heat(0.0, 1.0), heat(1e-2, 1.0)
    ('#ff6b4a', '#ffffff', '#ffb5a4')
    """
    return _shade(size, largest, _MOST)


def _shade(number: float, largest: float, end: tuple[int, ...]) -> str:
    if not math.isfinite(number):
        return NOT_FINITE
    share = max(0.0, 1.0 + math.log10(abs(number) / largest) / _DECADES) if number else 0.0
    return "#" + "".join(f"{round(255 + (part - 255) * share):02x}" for part in end)


def legend(largest: float, not_finite: bool, title: str = "gradient") -> str:
    """Return what the colours of `tint_of` mean, as rows of a table for `caption`.

    Parameters
    ----------
    largest : float
        The size that has the full colour.
    not_finite : bool
        Whether something is nan or infinite.
    title : str
        What the colours show.

    Returns
    -------
    str
        A row in Graphviz' language of tables.

    Examples
    --------
    >>> "1e-4" in legend(1.0, False), "nan" in legend(1.0, True), legend(0.0, False).count("TD")
    (False, True, 2)
    """
    cells = [_words(title)]
    if largest:
        shares = [sign * 10.0**-decade for sign in (-1.0, 1.0) for decade in range(_DECADES)]
        scale = sorted([largest * share for share in shares] + [0.0])
        cells += [_words(digits(-largest)), *(_swatch(tint_of(number, largest)) for number in scale)]
        cells.append(_words(digits(largest)))
    if not_finite:
        cells += [_words(" "), _swatch(NOT_FINITE), _words("nan or inf")]
    return f"<TR>{''.join(cells)}</TR>"


def key(*meanings: tuple[str, str]) -> str:
    """Return what some colours mean, as a row of a table for `caption`.

    Examples
    --------
    >>> key(("#ff0000", "hot")).count("<TD")
    2
    """
    return f"<TR>{''.join(_swatch(colour) + _words(text) for colour, text in meanings)}</TR>"


def caption(dot: graphviz.Digraph, text: str, rows: str = "") -> None:
    """Write below a picture: a text, and a table of some rows.

    Examples
    --------
    >>> dot = digraph()
    >>> caption(dot, "2 & more")
    >>> "2 &amp; more" in dot.source
    True
    """
    if rows:
        table = '<TABLE BORDER="0" CELLSPACING="1" CELLPADDING="2">'
        lines = [_plain(text)] if text else []
        lines.append(f"{table}{rows}</TABLE>")
        dot.attr(label=f"<{table}{''.join(f'<TR><TD>{line}</TD></TR>' for line in lines)}</TABLE>>")
    elif text:
        dot.attr(label=escape(text))


def _words(text: str) -> str:
    return f"<TD>{_plain(text)}</TD>"


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _swatch(colour: str) -> str:
    edge = f'BORDER="1" COLOR="{PALETTES["light"].frame}"'
    return f'<TD BGCOLOR="{colour}" {edge} WIDTH="16" HEIGHT="12" FIXEDSIZE="TRUE"></TD>'


def themed(svg: bytes) -> bytes:
    """Return an SVG of the theme ``"auto"`` with the rules that make it dark where the reader's system is.

    Parameters
    ----------
    svg : bytes
        What Graphviz wrote.

    Returns
    -------
    bytes
        The same for any other theme.

    Examples
    --------
    >>> themed(b'<svg width="8pt"><g class="graph auto"></g></svg>')[:23]
    b'<svg width="8pt"><style'
    >>> themed(b'<svg><g class="graph light"></g></svg>')
    b'<svg><g class="graph light"></g></svg>'
    """
    if b'class="graph auto"' not in svg:
        return svg
    head = svg.index(b">", svg.index(b"<svg")) + 1
    return svg[:head] + f"<style>{DARK_RULES}</style>".encode() + svg[head:]


def _dark_rules() -> str:
    """Return a style sheet: colours hang on classes, since attributes give way to any rule."""
    dark = PALETTES["dark"]
    rules = {
        "> polygon:first-of-type": f"fill: {dark.surface}",
        "text": f"fill: {dark.ink}",
        "> text": f"fill: {dark.quiet}",
        ":is(.cluster, .constant, .more) text": f"fill: {dark.quiet}",
        ":is(.partial, .edge) text": f"fill: {dark.partial}",
        ".tinted text": f"fill: {_TINT_INK}",
        ":is(.node, .edge) :is(path, polygon, ellipse)": f"stroke: {dark.wire}",
        ".edge polygon": f"fill: {dark.wire}",
        ".cluster path": f"stroke: {dark.frame}",
        ".leaf:not(.tinted) :is(path, ellipse)": f"fill: {dark.leaf}",
        ".result:not(.tinted) :is(path, ellipse)": f"fill: {dark.result}",
        ".root:not(.tinted) :is(path, ellipse)": f"fill: {dark.root}",
        ".positive path": f"stroke: {dark.positive}",
        ".negative path": f"stroke: {dark.negative}",
        ".marked :is(path, polygon, ellipse)": f"stroke: {dark.highlight}",
        ".edge.marked polygon": f"fill: {dark.highlight}",
    }
    inside = " ".join(f".graph.auto {selector} {{ {rule} }}" for selector, rule in rules.items())
    return f"@media (prefers-color-scheme: dark) {{ {inside} }}"


DARK_RULES = _dark_rules()
"""What `themed` inserts; a page with a content security policy needs its hash."""
