"""`worksheet`: exercises on paper, with lines to write on, and the answers on a page of their own."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from ...engine.value import Value
from ...files import checked_suffix, write_whole
from ...printable import printable
from ..picture.layout import LayoutUnavailableError
from ..text.formulas import count
from .questions import Exercise, Kind, exercise

# Ruled lines to work on below the blanks of an exercise.
_LINES = 4


class Worksheet:
    """Exercises to print; notebooks show the sheet, `save` writes it.

    Parameters
    ----------
    exercises : sequence of Exercise
        The exercises, in order.
    title : str
        The line above them.
    lines : int
        How many ruled lines follow each exercise.

    Attributes
    ----------
    exercises, title, lines
        The same.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> worksheet([x * x, x + x])
    <Worksheet of 2 exercises; .save('sheet.html') or .save('sheet.pdf') writes it>
    """

    def __init__(self, exercises: Sequence[Exercise], title: str, lines: int = _LINES) -> None:
        self.exercises = tuple(exercises)
        self.title = printable(title)
        self.lines = lines

    def html(self, *, answers: bool = False) -> str:
        """Return the sheet as a page that loads nothing, black on white on A4.

        Parameters
        ----------
        answers : bool
            Whether the answers follow, on pages of their own.

        Returns
        -------
        str
            The page.
        """
        folder = Path(__file__).parent
        style = folder.joinpath("worksheet.css").read_text(encoding="utf-8")
        body = [
            f"<h1>{html.escape(self.title)}</h1>",
            '<p class="who"><span>Name:</span><span>Date:</span></p>',
            *(self._question(i, item) for i, item in enumerate(self.exercises, 1)),
        ]
        if answers:
            each = "\n".join(_answers(i, item) for i, item in enumerate(self.exercises, 1))
            body.append(
                f'<section class="answers"><h1>Answers: {html.escape(self.title)}</h1>\n{each}\n</section>'
            )
        return Template(folder.joinpath("worksheet.html").read_text(encoding="utf-8")).substitute(
            title=html.escape(self.title),
            style=style,
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            body="\n".join(body),
        )

    def _question(self, number: int, item: Exercise) -> str:
        blanks = "".join(f"<li>({i}) {html.escape(name)} =</li>" for i, name in enumerate(item.names, 1))
        return "\n".join(
            [
                f"<section><h2>{number}. {html.escape(item.title)}</h2>",
                f'<p class="equation">{html.escape(item.line)}</p>' if item.line else "",
                _figure(item),
                f'<ol class="blanks">{blanks}</ol>',
                f'<div class="room">{"<div></div>" * self.lines}</div></section>',
            ]
        )

    def save(self, path: str | os.PathLike[str], *, answers: bool = False) -> Path:
        """Write the sheet to a file.

        Parameters
        ----------
        path : path-like
            A path that ends in ``.html``, for a page to print from a browser, or in ``.pdf``.
        answers : bool
            Whether the answers follow, on pages of their own.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ValueError
            For another suffix.
        ImportError
            For a PDF without Matplotlib.
        LayoutUnavailableError
            For a PDF where neither ``dot`` nor pygraphviz is installed.
        OSError
            If the file cannot be written; an existing file is left unchanged.
        """
        target = Path(path)
        if checked_suffix(target, (".html", ".pdf")) == ".html":
            content = self.html(answers=answers).encode()
        else:
            from .worksheet_pdf import pdf_of

            content = pdf_of(self.exercises, self.title, self.lines, answers=answers)
        write_whole(target, content)
        return target

    def _repr_html_(self) -> str:
        # In an iframe, since its style is that of paper.
        return (
            f'<iframe title="{html.escape(self.title)}" srcdoc="{html.escape(self.html())}" sandbox="" '
            'style="width: 100%; height: 640px; border: 0"></iframe>'
        )

    def __repr__(self) -> str:
        exercises = count(len(self.exercises), "exercise")
        return f"<Worksheet of {exercises}; .save('sheet.html') or .save('sheet.pdf') writes it>"


def _figure(item: Exercise, *, answers: bool = False) -> str:
    """Return the picture of an exercise; its table where no picture can be laid out."""
    try:
        image = base64.b64encode(item.picture(answers=answers, paper=True).render("svg")).decode()
    except LayoutUnavailableError:
        return "" if answers else item.table()
    return f'<figure><img alt="" src="data:image/svg+xml;base64,{image}"></figure>'


def _answers(number: int, item: Exercise) -> str:
    lines = "".join(f"<li>({i}) {html.escape(line)}</li>" for i, line in enumerate(item.solved(), 1))
    return f"<h2>{number}.</h2>{_figure(item, answers=True)}<ol>{lines}</ol>"


def worksheet(
    exercises: Value | Exercise | str | Iterable[Value | Exercise | str],
    blanks: Kind = "gradients",
    *,
    title: str = "The chain rule",
    lines: int = _LINES,
    hide: Any = None,
    rng: int | np.random.Generator = 0,
    names: Mapping[str, Any] | None = None,
) -> Worksheet:
    """Make a sheet of exercises to print, with and without the answers.

    Parameters
    ----------
    exercises : Value, Exercise, str, or iterable of these
        Graphs, of which exercises are made; exercises as they are; and ids of the notes (see `exercise`).
    blanks, hide, rng, names
        What `exercise` takes, for those that are made here.
    title : str
        The line above them.
    lines : int
        How many ruled lines to work on follow each exercise.

    Returns
    -------
    Worksheet
        What notebooks show, and ``save("sheet.html")`` and ``save("sheet.pdf", answers=True)`` write.

    Raises
    ------
    TypeError
        For what no exercise can be made of.
    ValueError
        If there are none, or for options that `exercise` does not take.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> sheet = worksheet([exercise(x * x, "partials"), "C6", x.sin() * x], title="First week")
    >>> [question.names for question in sheet.exercises][0]
    ('∂v1/∂x (1st use)', '∂v1/∂x (2nd use)')
    """
    alone = isinstance(exercises, Value | Exercise | str)
    given: list[Any] = [exercises] if alone else [*exercises]  # type: ignore[misc]
    if not given:
        raise ValueError("worksheet expected at least one exercise, got none")
    if lines < 0:
        raise ValueError(f"expected lines, to write on, to be at least 0, got {lines}")
    found = [
        item if isinstance(item, Exercise) else exercise(item, blanks, hide=hide, rng=rng, names=names)
        for item in given
    ]
    return Worksheet(found, title, lines)
