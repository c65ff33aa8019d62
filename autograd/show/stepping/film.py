"""Animated images of a stepper, for slides: each moment is a frame, and dots travel along edges."""

from __future__ import annotations

import base64
import html
import io
import os
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from ...files import checked_suffix, write_whole
from ..picture.drawing import Drawing
from .moments import Moment

if TYPE_CHECKING:
    from matplotlib.text import Text
    from numpy.typing import NDArray

FORMATS = (".gif", ".mp4")

# Nobody watches more, and a frame takes a tenth of a second to draw.
MOST_MOMENTS = 400

# Between two moments so many frames show dots that travel; only as long as an image has this number of them.
_DOTS, _MOST_FRAMES = 6, 500

_SECONDS_OF_A_DOT, _SECONDS_AT_THE_END = 0.07, 3.0

# In points: the band for the sentence above the picture, the least width of it, and the margin.
_BAND, _WIDTH, _MARGIN = 58.0, 420.0, 10.0

_PIXELS = 1400

# A wider picture has a larger sentence.
_LARGEST = 700.0

_INK, _QUIET, _WIRE = "#1d2733", "#52606d", "#8592a0"
_ACCENT = {"Start": _QUIET, "Forward": "#1864ab", "Backward": "#b0245a", "Update": "#227a38"}
_FILL = {
    "known": "#e2effb",
    "partly": "#fdf8ec",
    "complete": "#fdf0d2",
    "updated": "#e0f4e4",
    "broken": "#efe2ff",
}
_EDGE = {
    "known": "#1864ab",
    "partly": "#b0245a",
    "complete": "#b0245a",
    "updated": "#227a38",
    "broken": "#6b2fb3",
}

# The pictures are laid out for Helvetica. The last of these matplotlib brings along, and it has the signs
# that others lack, such as those of w¹₀.
_FONTS = ("Helvetica", "Arial", "Liberation Sans", "Nimbus Sans", "DejaVu Sans")


class Film:
    """An animated image of a stepper: notebooks show it, `save` writes it.

    Parameters
    ----------
    title : str
        The name of the result.
    moments : sequence of Moment
        What happens, one after the other.
    drawing : Drawing
        The graph, with room for all texts.
    leaves : set of int
        The nodes, by their index, that are given.
    seconds : float
        How long each moment is seen.

    Examples
    --------
    >>> from autograd import Value, animate
    >>> x = Value(3.0, label="x")
    >>> animate(x * x)
    <Film of 'v1', 6 moments; .save('steps.gif') writes it>
    """

    def __init__(
        self,
        title: str,
        moments: tuple[Moment, ...],
        drawing: Drawing,
        leaves: frozenset[int],
        seconds: float,
    ) -> None:
        if len(moments) > MOST_MOMENTS:
            raise ValueError(
                f"an animated image shows at most {MOST_MOMENTS} moments, got {len(moments):,}: pass a node "
                "nearer to the leaves or smaller times, or save the page, .save('steps.html')"
            )
        self.title = title
        self._moments = moments
        self._drawing = drawing
        self._leaves = leaves
        self._seconds = seconds

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the animated image to a file.

        Parameters
        ----------
        path : path-like
            A path that ends in ``.gif`` or ``.mp4``.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ValueError
            For another suffix.
        ImportError
            If matplotlib is not installed.
        RuntimeError
            For ``.mp4`` without ffmpeg.
        LayoutUnavailableError
            If neither ``dot`` nor pygraphviz is installed.
        OSError
            If the file cannot be written; an existing file is left unchanged.
        """
        target = Path(path)
        suffix = checked_suffix(target, FORMATS)
        write_whole(target, self.gif() if suffix == ".gif" else self.mp4())
        return target

    def gif(self) -> bytes:
        """Return the animated image as a GIF, which repeats.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        LayoutUnavailableError
            If neither ``dot`` nor pygraphviz is installed.
        """
        stage = self._stage()
        from PIL import Image

        images, seconds = [], []
        # One palette for all frames: to choose one for each takes three times as long.
        palette = Image.new("P", (1, 1))
        palette.putpalette(_palette())
        for frame, duration in stage.frames(self._seconds):
            images.append(Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE))
            seconds.append(duration)
        written = io.BytesIO()
        first, *others = images
        first.save(
            written,
            "gif",
            save_all=True,
            append_images=others,
            duration=[round(1000 * duration) for duration in seconds],
            loop=0,
        )
        return written.getvalue()

    def mp4(self) -> bytes:
        """Return the animated image as an MP4 film.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        RuntimeError
            If ffmpeg is not installed.
        LayoutUnavailableError
            If neither ``dot`` nor pygraphviz is installed.
        """
        program = shutil.which("ffmpeg")
        if program is None:
            raise RuntimeError(
                "an .mp4 needs ffmpeg, which is not on the PATH: install the system package ffmpeg, or save "
                "a .gif"
            )
        stage = self._stage()
        rate = round(1 / _SECONDS_OF_A_DOT)
        width, height = stage.canvas.get_width_height()
        given = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {rate} -i -".split()
        # What every player and every slide programme shows.
        made = ["-pix_fmt", "yuv420p", "-movflags", "+faststart"]
        with TemporaryDirectory() as folder:
            path = Path(folder, "film.mp4")
            command = [program, "-loglevel", "error", *given, *made, str(path)]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                assert process.stdin is not None
                assert process.stderr is not None
                # If it stops early, it says why.
                with suppress(BrokenPipeError):
                    for frame, duration in stage.frames(self._seconds):
                        for _ in range(max(1, round(duration * rate))):
                            process.stdin.write(frame.tobytes())
                    process.stdin.close()
                told = process.stderr.read().decode(errors="replace").strip()
            if process.returncode:
                raise RuntimeError(
                    f"ffmpeg could not write the film: {told.splitlines()[-1:] or process.returncode}"
                )
            return path.read_bytes()

    def _stage(self) -> _Stage:
        try:
            import matplotlib  # noqa: F401
        except ImportError as error:
            raise ImportError(
                "an animated image needs matplotlib: pip install 'chainrule[viz]', or save the page, "
                ".save('steps.html')"
            ) from error
        return _Stage(self._drawing.inline_svg(), self._moments, self._leaves)

    def _repr_html_(self) -> str:
        image = base64.b64encode(self.gif()).decode()
        name = html.escape(f"Stepping through {self.title}")
        return f'<img alt="{name}" style="max-width: 100%" src="data:image/gif;base64,{image}">'

    def __repr__(self) -> str:
        return f"<Film of {self.title!r}, {len(self._moments)} moments; .save('steps.gif') writes it>"


class _Shape(NamedTuple):
    """A box or an arrow of the picture."""

    outlines: list[Any]
    texts: list[Text]
    curve: NDArray[np.float64]
    room: float


class _Stage:
    """The picture, whose texts and colours change from moment to moment."""

    def __init__(self, svg: str, moments: tuple[Moment, ...], leaves: frozenset[int]) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.font_manager import get_font_names

        self.moments, self.leaves = moments, leaves
        # matplotlib would warn of each that is missing, each time that it draws.
        known = set(get_font_names())
        self.fonts = [font for font in _FONTS if font in known]
        tree = ElementTree.fromstring(svg)
        _, _, wide, high = map(float, tree.attrib["viewBox"].split())
        width = max(wide, _WIDTH) + 2 * _MARGIN
        # The sentence is large enough to be read, however small a large picture gets.
        large = max(1.0, width / _LARGEST)
        height = high + _BAND * large + 2 * _MARGIN
        # Even numbers of pixels, which films need.
        dpi = min(144.0, 72.0 * _PIXELS / width)
        size = [2 * round(length * dpi / 144.0) / dpi for length in (width, height)]
        self.figure = Figure(figsize=(size[0], size[1]), dpi=dpi, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        left = (width - wide) / 2
        # Graphviz has moved its origin by 4 points, and its y grows downward.
        self.axes.set(xlim=(-left - 4, width - left - 4), ylim=(4 + _MARGIN, 4 + _MARGIN - height))
        self.axes.axis("off")
        top = 4 + _MARGIN - height
        self.columns = int((width - 2 * _MARGIN) / (6.2 * large))
        start = _MARGIN - left - 4
        self.phase = self._text(start, top + _MARGIN + 8 * large, 11 * large, weight="bold", ha="left")
        self.sentence = self._text(start, top + _MARGIN + 16 * large, 11 * large, ha="left", va="top")
        self.dots = self.axes.plot([], [], "o", ms=8, mec="white", animated=True)[0]
        self.shapes = {
            group.attrib.get("id", ""): self._draw(group)
            for group in tree.iter(f"{_SVG}g")
            if group.attrib.get("class", "").split()[:1] != ["graph"]
        }

    def _text(self, x: float, y: float, size: float, **style: Any) -> Text:
        aligned = {"ha": "center", "va": "baseline", "color": _INK, "family": self.fonts} | style
        return self.axes.text(x, y, "", fontsize=size, parse_math=False, **aligned)

    def _draw(self, group: ElementTree.Element) -> _Shape:
        """Draw a box with its texts, an arrow with its label, or the frame of a module."""
        from matplotlib.patches import PathPatch, Polygon

        kind = group.attrib["class"].split()[0]
        outlines: list[Any] = []
        curve: NDArray[np.float64] = np.zeros((0, 2))
        room = np.inf
        for item in group:
            if item.tag == f"{_SVG}path":
                path = _bezier(item.attrib["d"])
                curve = path.interpolated(12).vertices if kind == "edge" else curve
                outlines.append(PathPatch(path, fill=kind != "edge", ec=_WIRE, fc="white", lw=1))
                room = path.get_extents().width - 8
            elif item.tag == f"{_SVG}polygon":
                outlines.append(Polygon(_points(item.attrib["points"]), fc=_WIRE, ec=_WIRE))
        if kind == "cluster":
            for outline in outlines:
                outline.set(fill=False, ec="#c9d1d9")
        for outline in outlines:
            self.axes.add_patch(outline)
        texts = []
        for item in group.iter(f"{_SVG}text"):
            size, name = float(item.attrib["font-size"]), "".join(item.itertext())
            texts.append(self._text(float(item.attrib["x"]), float(item.attrib["y"]), size, color=_QUIET))
            texts[-1].set_text(name)
        if kind == "node" and "constant" not in group.attrib["class"]:
            texts[0].set(color=_INK, weight="bold")
            self._fit(texts[0], room)
        return _Shape(outlines, texts, curve, room if kind == "node" else np.inf)

    def _fit(self, text: Text, room: float) -> None:
        """Make a text smaller that is wider than its box."""
        width = text.get_window_extent().width * 72.0 / self.figure.dpi
        if width > room:
            text.set_fontsize(float(text.get_fontsize()) * room / width)

    def frames(self, seconds: float) -> Iterator[tuple[NDArray[np.uint8], float]]:
        """Yield each frame, and how long it is seen."""
        state = _State(self.leaves)
        has_dots = len(self.moments) * (_DOTS + 1) <= _MOST_FRAMES
        for i, moment in enumerate(self.moments):
            state.begin(moment.round)
            curves = self._curves(moment)
            if has_dots and curves:
                self._show(state, moment)
                for pixels in self._travel(curves, _ACCENT[moment.phase]):
                    yield pixels, _SECONDS_OF_A_DOT
            state.change(moment)
            self._show(state, moment)
            self.canvas.draw()  # type: ignore[no-untyped-call]
            yield self._pixels(), _SECONDS_AT_THE_END if i == len(self.moments) - 1 else seconds

    def _travel(self, curves: list[NDArray[np.float64]], color: str) -> Iterator[NDArray[np.uint8]]:
        """Yield frames in which a dot travels along each curve, over a picture that is drawn once."""
        self.canvas.draw()  # type: ignore[no-untyped-call]
        background = self.canvas.copy_from_bbox(self.figure.bbox)  # type: ignore[no-untyped-call]
        self.dots.set_color(color)
        for step in range(_DOTS):
            self.canvas.restore_region(background)  # type: ignore[no-untyped-call]
            places = np.array([curve[round(step / _DOTS * (len(curve) - 1))] for curve in curves])
            self.dots.set_data(places[:, 0], places[:, 1])
            self.axes.draw_artist(self.dots)
            yield self._pixels()

    def _pixels(self) -> NDArray[np.uint8]:
        return np.array(self.canvas.buffer_rgba())[..., :3]  # type: ignore[no-untyped-call]

    def _curves(self, moment: Moment) -> list[NDArray[np.float64]]:
        """Return the curves along which something flows at a moment, from where it comes."""
        if moment.passing is not None:
            return [self.shapes[f"edge{moment.passing.node}_{moment.passing.slot}"].curve[::-1]]
        if moment.phase != "Forward":
            return []
        head = f"edge{moment.target}_"
        return [shape.curve for name, shape in self.shapes.items() if name.startswith(head)]

    def _show(self, state: _State, moment: Moment) -> None:
        """Write the numbers that are known at a moment, and colour what they belong to."""
        accent = _ACCENT[moment.phase]
        self.phase.set(text=" · ".join(filter(None, (moment.round, moment.phase))), color=accent)
        lines = textwrap.wrap(moment.text, self.columns) or [""]
        self.sentence.set_text("\n".join([*islice(lines, 2), *(["…"] if len(lines) > 2 else [])]))
        for name, shape in self.shapes.items():
            if node := re.fullmatch(r"node(\d+)", name):
                self._show_node(int(node[1]), shape, state, moment)
            elif edge := re.fullmatch(r"edge(\d+)_(\d+)", name):
                self._show_edge((int(edge[1]), int(edge[2])), shape, state, moment)

    def _show_node(self, i: int, shape: _Shape, state: _State, moment: Moment) -> None:
        numbers = (("value", state.values.get(i)), ("gradient", state.gradients.get(i)))
        for text, (word, number) in zip(shape.texts[-2:], numbers, strict=True):
            line = "" if number is None else f"{word} {number}"
            if line != text.get_text():
                text.set(text=line, fontsize=11.0, color=_INK)
                self._fit(text, shape.room)
        kind = state.kind(i)
        is_from = moment.passing is not None and moment.passing.node == i
        for outline in shape.outlines:
            outline.set(
                facecolor=_FILL.get(kind, "white"),
                edgecolor=_ACCENT[moment.phase] if moment.target == i else _EDGE.get(kind, _WIRE),
                linewidth=3.0 if moment.target == i else 2.0 if is_from else 1.0,
                linestyle="--" if kind == "partly" else "-",
            )

    def _show_edge(self, slot: tuple[int, int], shape: _Shape, state: _State, moment: Moment) -> None:
        passing = moment.passing
        is_now = passing is not None and (passing.node, passing.slot) == slot
        feeds = moment.phase == "Forward" and moment.target == slot[0]
        lines = state.edges.get(slot, ("", "", ""))
        color = _ACCENT[moment.phase] if is_now or feeds else _EDGE["complete"] if lines[0] else _WIRE
        for outline in shape.outlines:
            outline.set(edgecolor=color, linewidth=2.5 if is_now or feeds else 1.0)
        # The head of the arrow is the last of them, and filled.
        shape.outlines[-1].set_facecolor(color)
        for text, line in zip(shape.texts, lines, strict=False):
            text.set(text=line, color=color if is_now else _QUIET, weight="bold" if is_now else "normal")


class _State:
    """The numbers that are known after some moments, as texts."""

    def __init__(self, leaves: frozenset[int]) -> None:
        self.leaves = leaves
        self.values: dict[int, str] = {}
        self.gradients: dict[int, str] = {}
        self.complete: set[int] = set()
        self.updated: set[int] = set()
        self.edges: dict[tuple[int, int], tuple[str, str, str]] = {}
        self.round = ""

    def begin(self, turn: str) -> None:
        """Forget a descent when the next one begins, but for the values of the leaves."""
        if turn != self.round:
            self.round = turn
            self.values = {i: value for i, value in self.values.items() if i in self.leaves}
            for found in (self.gradients, self.complete, self.updated, self.edges):
                found.clear()

    def change(self, moment: Moment) -> None:
        """Take what changes at a moment."""
        i = moment.target
        if i is None:
            return
        if moment.value is not None:
            self.values[i] = moment.value
        if moment.adjoint is not None:
            self.gradients[i] = moment.adjoint
        if moment.complete:
            self.complete.add(i)
        if moment.phase == "Update":
            self.updated.add(i)
        if moment.passing is not None:
            self.edges[moment.passing.node, moment.passing.slot] = moment.passing.lines

    def kind(self, i: int) -> str:
        """Return what is known of a node, by which it is coloured."""
        if {"nan", "inf", "-inf"} & {self.values.get(i), self.gradients.get(i)}:
            return "broken"
        if i in self.updated:
            return "updated"
        if i in self.gradients:
            return "complete" if i in self.complete else "partly"
        return "known" if i in self.values else ""


_SVG = "{http://www.w3.org/2000/svg}"


def _palette() -> list[int]:
    """Return the colours of the picture, and the shades of lines and texts on each ground, in one list."""
    lines = [_rgb(color) for color in dict.fromkeys([_INK, _WIRE, *_ACCENT.values(), *_EDGE.values()])]
    grounds = [_rgb(color) for color in ("#ffffff", *_FILL.values())]
    shades = [line + (ground - line) * share for line in lines for ground in grounds for share in _SHADES]
    return np.round(np.array([*lines, *grounds, *shades])).astype(int).ravel().tolist()


_SHADES = (0.25, 0.5, 0.75)


def _rgb(color: str) -> NDArray[np.float64]:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


def _points(text: str) -> NDArray[np.float64]:
    """Return the points of a polygon of an SVG."""
    return np.array([pair.split(",") for pair in text.split()], dtype=float)


def _bezier(text: str) -> Any:
    """Return a path of an SVG as Graphviz writes it: a start, then cubic curves."""
    from matplotlib.path import Path as Outline

    numbers = np.array(re.findall(r"-?\d+(?:\.\d+)?", text), dtype=float).reshape(-1, 2)
    codes = [Outline.MOVETO, *[Outline.CURVE4] * (len(numbers) - 1)]
    return Outline(numbers, codes)
