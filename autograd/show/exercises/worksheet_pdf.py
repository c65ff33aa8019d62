"""A worksheet as a PDF, by Matplotlib: text is text, and pictures have at least 192 dots per inch."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..picture.drawing import Drawing
from .question_picture import size_on_paper
from .questions import Exercise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Inches: A4, and its margins.
_WIDTH, _HEIGHT, _MARGIN = 8.27, 11.69, 0.73

# How many characters of the text fit on a line.
_CHARACTERS = 92


def pdf_of(exercises: Sequence[Exercise], title: str, lines: int, *, answers: bool) -> bytes:
    """Return a worksheet as a PDF on A4.

    Parameters
    ----------
    exercises : sequence of Exercise
        The exercises.
    title : str
        The line above them.
    lines : int
        How many ruled lines follow each.
    answers : bool
        Whether the answers follow, on pages of their own.

    Returns
    -------
    bytes
        The content of the file.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from ...engine.value import Value
    >>> from .questions import exercise
    >>> pdf_of([exercise(Value(2.0, label="x") * 3.0)], "One product", 2, answers=False)[:5]
    b'%PDF-'
    """
    if find_spec("matplotlib") is None:
        raise ImportError("a PDF needs Matplotlib: pip install 'chainrule[viz]'; save('sheet.html') does not")
    sheet = _Sheet()
    sheet.text(title, size=17, weight="bold")
    sheet.who()
    for number, item in enumerate(exercises, 1):
        _write_question(sheet, number, item, lines)
    if answers:
        sheet.turn()
        sheet.text(f"Answers: {title}", size=17, weight="bold")
        for number, item in enumerate(exercises, 1):
            drawing = item.picture(answers=True, paper=True)
            sheet.keep_together(_size(drawing)[1] + 0.9)
            sheet.text(f"{number}.", size=11.5, weight="bold", above=0.2)
            sheet.picture(drawing)
            for i, line in enumerate(item.solved(), 1):
                sheet.text(f"({i}) {line}")
    return sheet.written()


def _write_question(sheet: _Sheet, number: int, item: Exercise, lines: int) -> None:
    drawing = item.picture(paper=True)
    # An exercise is not parted, if it fits on a page.
    rows = (len(item.names) + 1) // 2
    sheet.keep_together(_size(drawing)[1] + 0.9 + 0.36 * rows + 0.34 * lines)
    sheet.text(f"{number}. {item.title}", size=11.5, weight="bold", above=0.2)
    if item.line:
        sheet.text(item.line)
    sheet.picture(drawing)
    sheet.blanks([f"({i}) {name} =" for i, name in enumerate(item.names, 1)])
    sheet.rules(lines)


class _Sheet:
    """Pages that are written from top to bottom, in inches."""

    def __init__(self) -> None:
        self.pages: list[Figure] = []
        self.y = 0.0
        self.turn()

    def turn(self) -> None:
        """Begin a new page."""
        from matplotlib.figure import Figure

        self.pages.append(Figure(figsize=(_WIDTH, _HEIGHT)))
        self.y = _MARGIN

    def keep_together(self, height: float) -> None:
        """Begin a new page if that much does not fit on this one."""
        if self.y + height > _HEIGHT - _MARGIN and self.y > _MARGIN:
            self.turn()

    def text(self, text: str, *, size: float = 10.0, weight: str = "normal", above: float = 0.05) -> None:
        """Write a paragraph."""
        self.y += above
        for line in textwrap.wrap(text, int(_CHARACTERS * 10.0 / size * (0.92 if weight == "bold" else 1.0))):
            step = size / 72.0 * 1.4
            self.keep_together(step)
            self._write(_MARGIN, line, size, weight)
            self.y += step

    def _write(self, x: float, text: str, size: float = 10.0, weight: str = "normal") -> None:
        self.pages[-1].text(
            x / _WIDTH, 1.0 - self.y / _HEIGHT, text, fontsize=size, weight=weight, va="top", parse_math=False
        )

    def _line(self, left: float, right: float, y: float, colour: str = "black") -> None:
        from matplotlib.lines import Line2D

        xs, height = [left / _WIDTH, right / _WIDTH], 1.0 - y / _HEIGHT
        self.pages[-1].add_artist(Line2D(xs, [height, height], color=colour, linewidth=0.6))

    def who(self) -> None:
        """Write where the name and the date go."""
        self.y += 0.12
        half = _WIDTH * 0.62
        for left, right, text in ((_MARGIN, half, "Name:"), (half + 0.3, _WIDTH - _MARGIN, "Date:")):
            self._write(left, text)
            self._line(left + 0.5, right, self.y + 0.16)
        self.y += 0.3

    def picture(self, drawing: Drawing) -> None:
        """Draw a picture in the middle."""
        from matplotlib.image import imread

        width, height = _size(drawing)
        self.y += 0.1
        left = (_WIDTH - width) / 2.0
        place = (left / _WIDTH, 1.0 - (self.y + height) / _HEIGHT, width / _WIDTH, height / _HEIGHT)
        axes = self.pages[-1].add_axes(place)
        axes.imshow(
            imread(io.BytesIO(drawing.render("png")), format="png"), aspect="auto", interpolation="none"
        )
        axes.set_axis_off()
        self.y += height + 0.1

    def blanks(self, names: Sequence[str]) -> None:
        """Write what is asked for in two columns, each with a line to write on."""
        width = (_WIDTH - 2.0 * _MARGIN - 0.4) / 2.0
        text = min(max(0.085 * max(map(len, names)), 0.8), width - 0.8)
        for i, name in enumerate(names):
            column = i % 2
            if column == 0:
                self.keep_together(0.4)
            left = _MARGIN + column * (width + 0.4)
            self._write(left, name)
            self._line(left + text, left + width, self.y + 0.17)
            if column == 1 or i + 1 == len(names):
                self.y += 0.36

    def rules(self, lines: int) -> None:
        """Draw lines to work on."""
        for _ in range(lines):
            self.keep_together(0.34)
            self.y += 0.34
            self._line(_MARGIN, _WIDTH - _MARGIN, self.y, "#999999")
        self.y += 0.1

    def written(self) -> bytes:
        """Return the file."""
        from matplotlib.backends.backend_pdf import PdfPages

        stream = io.BytesIO()
        # Without the date, so that the same sheet is the same file.
        with PdfPages(stream, metadata={"CreationDate": None}) as pages:
            for page in self.pages:
                pages.savefig(page)
        return stream.getvalue()


def _size(drawing: Drawing) -> tuple[float, float]:
    """Return the width and height of a picture on the page in inches."""
    width, height = size_on_paper(drawing)
    return width / 72.0, height / 72.0
