"""The stepper: a page that steps through forward pass, backward pass and gradient descent."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any

from ...engine.graph import Edge, edges, nodes
from ...engine.value import Value
from ...files import checked_suffix, write_whole
from ...ops.table import COMPARISONS, OPS
from ...quiet import quiet
from ..picture.computation_graph import DIRECTIONS
from ..picture.drawing import Drawing
from ..picture.layout import LayoutUnavailableError
from ..picture.opening import opened_in_a_browser, shown_by_a_notebook
from ..picture.page_scripts import allowed, graphviz_script
from ..picture.self_contained import asset, digest, framed, inert
from ..picture.unfolded import Look, draw_unfolded
from ..text.caller_names import names_for_caller
from ..text.formulas import formula
from ..text.modules import modules_of
from ..text.short_names import legend, short_names
from .film import FORMATS, Film
from .graph_program import graph_program
from .javascript import can_say, rules_source
from .moments import Moment, Script

# Larger graphs take long to lay out, and nobody presses the button that often.
MAX_NODES, MAX_MOMENTS = 300, 3000

# Numbers on the page change: there is room for such a one, and a longer one is condensed.
_USUAL = "-0.123"


class Stepper:
    """A page that steps through a graph: notebooks show it, `save` writes it.

    Parameters
    ----------
    title : str
        The name of the result.
    moments : sequence of Moment
        The moments that the page shows, one after the other.
    program : mapping
        The graph as data, from which the page computes them, see `graph_program`.
    drawing : Drawing
        The graph, with the longest texts of all moments, so that there is room for each.
    still : Drawing
        The graph with its numbers after one sweep, which is seen where no script runs.
    predict : bool
        Whether the page begins by asking for each gradient.

    Attributes
    ----------
    moments : tuple of Moment
        The same.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> stepper(x * x).moments[-1].text
    'v1 passes 1 · 3 = 3 to x, whose gradient becomes 3 + 3 = 6.'
    """

    def __init__(
        self,
        title: str,
        moments: Sequence[Moment],
        program: Mapping[str, Any],
        drawing: Drawing,
        still: Drawing,
        predict: bool = False,
    ) -> None:
        self.title = title
        self.moments = tuple(moments)
        self._program = program
        self._drawing = drawing
        self._still = still
        self._predict = predict

    @cached_property
    def html(self) -> str:
        """The self-contained page: it loads nothing, works from disk, and lays out without Graphviz."""
        style, page = (asset(__file__, suffix) for suffix in ("css", "html"))
        names = {node["op"] for node in self._program["nodes"] if "op" in node}
        rules = rules_source(
            [op for op in (*OPS.values(), *COMPARISONS.values()) if op.name in names and can_say(op)]
        )
        beside = (str(Path(__file__).with_name(name)) for name in ("numbers", "moments", "page"))
        numbers, moments, moving = (asset(path, "js") for path in beside)
        script = numbers + rules + moments + moving
        data = {"program": self._program, "predict": self._predict}
        engines = []
        try:
            svg = self._drawing.inline_svg()
        except LayoutUnavailableError:
            svg, engines = "", [graphviz_script()]
            script = asset(str(Path(__file__).with_name("layout")), "js") + script
            data["source"] = self._drawing.source
        return Template(page).substitute(
            title=html.escape(self.title),
            svg=svg,
            data=inert(json.dumps(data)),
            style=style,
            style_hash=digest(style),
            engine="".join(f'<script type="module">{engine}</script>' for engine in engines),
            # Only a module can wait for the layout.
            kind=' type="module"' if engines else "",
            script=script,
            scripts=allowed(script, engines),
        )

    def show(self) -> None:
        """Show the page: in a notebook below the cell, elsewhere in the web browser."""
        if not shown_by_a_notebook(self):
            opened_in_a_browser(self.html)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file.

        Parameters
        ----------
        path : path-like
            A path that ends in ``.html``; or in ``.gif`` or ``.mp4``, for an animated image of its moments,
            see `animate`.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ValueError
            For another suffix, and for an animated image of more than 400 moments.
        ImportError
            If an animated image is wanted, and matplotlib is not installed.
        RuntimeError
            For ``.mp4`` without ffmpeg.
        OSError
            If the file cannot be written; an existing file is left unchanged.
        """
        target = Path(path)
        if checked_suffix(target, (".html", *FORMATS)) in FORMATS:
            return self.film().save(target)
        write_whole(target, self.html.encode())
        return target

    def film(self, seconds: float = 1.5) -> Film:
        """Return the moments as an animated image.

        Parameters
        ----------
        seconds : float
            How long each moment is seen.

        Returns
        -------
        Film
            Notebooks show it, and ``save`` writes it.

        Raises
        ------
        ValueError
            For more than 400 moments.
        """
        leaves = frozenset(i for i, node in enumerate(self._program["nodes"]) if "op" not in node)
        return Film(self.title, self.moments, self._drawing, leaves, seconds)

    def _repr_html_(self) -> str:
        try:
            image = self._still.preview()
        except LayoutUnavailableError:
            image = None
        return framed(self.html, f"Stepping through {self.title}", image, height="40rem")

    def __repr__(self) -> str:
        return f"<Stepper through {self.title!r}, {len(self.moments)} moments; .save('steps.html') writes it>"


def stepper(
    root: Value,
    *,
    names: Mapping[str, Any] | None = None,
    descend: Iterable[Value] | None = None,
    lr: float | None = None,
    times: int | None = None,
    direction: str = "LR",
    predict: bool = False,
) -> Stepper:
    """Make a page that steps through the graph that leads to a node.

    First come the values, one node at a time; then the gradients flow back, one edge at a time, with the
    local partial, the product and the running sum. Leaves have their present values; neither their ``data``
    nor any ``grad`` is changed.

    On the page a leaf's number can be dragged or typed, and everything is computed anew, by the rules of the
    table in JavaScript. A click on a node shows its derivation; the sweep can be run in a wrong order, to see
    why the order matters; and each gradient can be predicted before it is shown.

    Parameters
    ----------
    root : Value
        The result.
    names : mapping, optional
        Variables to name nodes without a label; by default the caller's, and none for ``{}``.
    descend : iterable of Value, optional
        Leaves to train: after each backward pass they take a step of gradient descent, and the passes repeat.
    lr : float, optional
        The learning rate of `descend`, 0.1 if left out.
    times : int, optional
        The number of steps of gradient descent, 3 if left out.
    direction : str
        ``"LR"``, ``"RL"``, ``"TB"`` or ``"BT"``: from the leaves to the result.
    predict : bool
        Whether the page begins by asking for each gradient; a button of the page does so, too.

    Returns
    -------
    Stepper
        The page; notebooks show it, and ``save`` writes it.

    Raises
    ------
    TypeError
        If `root` is not a `Value`, or `descend` not `Value`s.
    ValueError
        For a graph of more than 300 nodes or a page of more than 3,000 moments, for a node to descend
        that is not a leaf of the graph or for none, for an unknown direction and for ``times`` below 1.

    Examples
    --------
    >>> w = Value(2.0, label="w")
    >>> stepper(w * w)
    <Stepper through 'v1', 6 moments; .save('steps.html') writes it>
    >>> stepper(w * w, descend=[w], lr=0.1, times=5).moments[6].text
    'w ← w − lr · dv1/dw = 2 − 0.1 · 4 = 1.6'
    """
    if not isinstance(root, Value):
        raise TypeError(f"stepper expected a Value, got {root!r} ({type(root).__name__})")
    if descend is None and (lr, times) != (None, None):
        raise ValueError("lr and times are for a descent: pass descend=[...], the leaves to train, as well")
    times = 3 if times is None else times
    if times < 1:
        raise ValueError(f"expected times to be at least 1, got {times}")
    if direction not in DIRECTIONS:
        raise ValueError(f"expected direction to be one of {', '.join(DIRECTIONS)}, got {direction!r}")
    order = nodes(root)
    trained = [] if descend is None else _leaves(descend, order)
    _check_size(order, times if trained else 1)
    names_in_full = names_for_caller(order, names)
    script = Script(order, short_names(names_in_full))
    # Non-finite values are visible on the page, and were warned of when the graph was built.
    with quiet():
        if trained:
            script.descend(trained, 0.1 if lr is None else lr, times)
        else:
            script.sweep({}, "")
        program = graph_program(script, trained, 0.1 if lr is None else lr, times)
    program["symbols"] = legend([names_in_full[node] for node in order], script.names)
    drawing, still = (_draw(script, direction, still=still) for still in (False, True))
    return Stepper(script.names[-1], script.moments, program, drawing, still, predict)


def _leaves(descend: Iterable[Value], order: Sequence[Value]) -> list[Value]:
    """Return the leaves to train, each once."""
    if isinstance(descend, Value):
        raise TypeError(f"descend expected a list of leaves, got {descend!r}")
    given, graph = list(descend), set(order)
    if not given:
        raise ValueError("descend expected leaves of the graph, got none")
    for leaf in given:
        if not isinstance(leaf, Value):
            raise TypeError(f"descend expected Values, got {leaf!r} ({type(leaf).__name__})")
        if leaf not in graph or leaf.op is not None:
            raise ValueError(f"descend takes leaves of the graph, which {leaf!r} is not")
    return list(dict.fromkeys(given))


def _check_size(order: Sequence[Value], times: int) -> None:
    if len(order) > MAX_NODES:
        raise ValueError(
            f"{len(order):,} nodes are more than anybody steps through, the most is {MAX_NODES}: pass a node "
            "nearer to the leaves, or the loss of a single sample"
        )
    moments = times * sum(1 + len(edges(node)) for node in order)
    if moments > MAX_MOMENTS:
        raise ValueError(
            f"the page would have about {moments:,} moments, the most is {MAX_MOMENTS:,}: pass smaller times"
        )


def _draw(script: Script, direction: str, *, still: bool) -> Drawing:
    """Draw the graph with its numbers after one sweep, or with room for the longest text of each place."""
    first = script.moments[1].round
    moments = [
        moment
        for moment in script.moments
        if not still or (moment.round in ("", first) and moment.phase != "Update")
    ]
    choose, least = (_last, "") if still else (_longest, _USUAL)
    values = choose((moment.target, moment.value) for moment in moments)
    adjoints = choose((moment.target, moment.adjoint) for moment in moments)
    passings = [moment.passing for moment in moments if moment.passing]
    lines = [choose(((edge.node, edge.slot), edge.lines[i]) for edge in passings) for i in range(3)]
    home = modules_of(script.order)
    texts: dict[Value | Edge, str] = {}
    for i, node in enumerate(script.order):
        name = script.names[i]
        head = f"{name} = {formula(node, script.name_of)}" if node.op else name
        # No gradient reaches a node that is only compared or selected by.
        value, adjoint = (max(text, least, key=len) for text in (values[i], adjoints.get(i, "0")))
        texts[node] = f"{head}\nvalue {value}\ngradient {adjoint}"
        flowing = [edge for edge in edges(node) if (i, edge.slot) in lines[0]]
        texts |= {edge: "\n".join(line[i, edge.slot] for line in lines) for edge in flowing}
    return draw_unfolded(script.order, script.order, script.name_of, home, Look(direction), texts)


def _longest(texts: Iterable[tuple[Any, str | None]]) -> dict[Any, str]:
    """Return the longest text for each key."""
    found: dict[Any, str] = {}
    for key, text in texts:
        if text is not None:
            found[key] = max(found.get(key, ""), text, key=len)
    return found


def _last(texts: Iterable[tuple[Any, str | None]]) -> dict[Any, str]:
    """Return the last text for each key."""
    return {key: text for key, text in texts if text is not None}
