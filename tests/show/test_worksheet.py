"""Sheets of exercises: as a page to print, and as a PDF."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autograd
from autograd import Value, exercise, worksheet
from autograd.show import LayoutUnavailableError, Worksheet
from autograd.show.exercises.examples import EXAMPLES
from autograd.show.exercises.question_picture import TALLEST, TEXT_WIDTH, size_on_paper
from autograd.show.exercises.worksheet_pdf import _Sheet
from autograd.show.picture.drawing import Drawing


def sheet() -> Worksheet:
    """Return a sheet of three exercises."""
    x = Value(1.7, label="x")
    return worksheet(["C6", exercise("C6", "line"), exercise((x * x).sin(), "partials")], title="Week <1>")


def pictures(page: str) -> str:
    """Return the texts of the pictures of a page."""
    images = re.findall(r"base64,([^\"]+)", page)
    return "\n".join(
        text for image in images for text in re.findall(">([^<]+)</text>", base64.b64decode(image).decode())
    )


def test_the_sheet_has_blanks_and_no_answers() -> None:
    """Each blank has a line, and the answers are on the sheet only if they are asked for."""
    questions = sheet()
    page, solved = questions.html(), questions.html(answers=True)
    for question in questions.exercises:
        for i, name in enumerate(question.names, 1):
            assert f"<li>({i}) {name} =</li>" in page
        for line in question.solved():
            assert f"{html.escape(line)}</li>" not in page
            assert f"{html.escape(line)}</li>" in solved
    assert "<h1>Week &lt;1&gt;</h1>" in page
    assert page.count("<figure>") == 3
    assert pictures(page).count("?") == sum(len(question.names) for question in questions.exercises)
    assert "Answers" not in page


def test_the_answers_have_pictures_without_blanks() -> None:
    """In the pictures of the answers the blanks are filled in."""
    answers = sheet().html(answers=True).partition('<section class="answers">')[2]
    assert answers.count("<figure>") == 3
    assert "?" not in pictures(answers)
    assert "gradient 7 (1)" in pictures(answers)


def test_the_page_loads_nothing() -> None:
    """The page has no script, allows nothing but its own style, and has no address in it."""
    page = sheet().html(answers=True)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_pictures_are_black_on_white() -> None:
    """On paper nothing is coloured."""
    page = exercise("A5").picture(paper=True).source
    drawn = re.findall(r'(?:fillcolor|fontcolor|\bcolor)="?([#\w]+)', page.partition("node0 [")[2])
    assert set(drawn) == {"black", "white"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_the_notes(name: str) -> None:
    """Each example has labelled leaves, right answers, and a picture that is legible on paper."""
    question = exercise(name)
    assert question.check(question.answers()).all_right
    drawing = question.picture(paper=True)
    width, height = size_on_paper(drawing)
    assert width <= TEXT_WIDTH + 1e-9
    assert height <= TALLEST + 1e-9
    natural = re.search(r'<svg width="([\d.]+)pt"', drawing.render("svg").decode())
    assert natural is not None
    # Letters of at least 6 points.
    assert width / float(natural[1]) > 6.0 / 11.0


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("B3", {"b": -4, "w1": -4, "w2": 0, "w3": -8, "x1": -16, "x2": -8, "x3": 20, "ŷ": -4}),
        ("A5", {"x": 9, "z": 13}),
        ("A7", {"x": 1, "z": 0}),
        ("C2", {"x": "6*x*y", "y": "3*x**2"}),
        ("C6", {"x": "1 + 2*x"}),
        ("C8", {"x": "2*x*cos(x**2)"}),
        ("C9", {"w": 0, "b": 0}),
        ("D1", {"z": "a - 1"}),
        ("E2", {"w2": "a1 * a2 * (1 - a2) * 2 * (a2 - 1)", "a1": "w2 * a2 * (1 - a2) * 2 * (a2 - 1)"}),
        ("A4", {"x": "2*x * cos(a1) * exp(a2)"}),
    ],
)
def test_numbers_of_the_notes(name: str, answers: dict[str, Any]) -> None:
    """The answers are those of the lecture notes (A4, A5, A7, B3, C2, C6, C8, C9, D1, E2)."""
    marks = exercise(name, hide=[*answers]).check(answers)
    assert marks.all_right, marks


def test_the_kink_of_the_notes() -> None:
    """The ReLU of C9 is at its kink, where another subgradient is explained."""
    (mark,) = exercise("C9", "partials", hide=["a"]).check(1)
    assert "at the kink itself" in mark.hint


def test_a_pdf(tmp_path: Path) -> None:
    """The PDF has a page for the answers, and the same sheet is the same file."""
    pytest.importorskip("matplotlib")
    x = Value(3.0, label="$x_1")
    questions = worksheet([x * x, exercise(x * x, "line"), exercise("C6")], lines=2)
    first = questions.save(tmp_path / "sheet.pdf").read_bytes()
    again = questions.save(tmp_path / "again.pdf").read_bytes()
    solved = questions.save(tmp_path / "solved.PDF", answers=True).read_bytes()
    assert first.startswith(b"%PDF-")
    assert first == again
    # A4, in points.
    assert b"/MediaBox [ 0 0 595.44 841.68 ]" in first
    assert (first.count(b"/Type /Page "), solved.count(b"/Type /Page ")) == (1, 2)
    full = worksheet([x * x] * 4, lines=9).save(tmp_path / "full.pdf").read_bytes()
    assert full.count(b"/Type /Page ") == 3


def test_the_texts_of_a_pdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions and answers have titles of the same size, and the same numbers; a line is to be filled in."""
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_pdf import PdfPages

    pages: list[list[Any]] = []
    drawn: list[str] = []
    monkeypatch.setattr(PdfPages, "savefig", lambda self, page: pages.append(page.texts))
    monkeypatch.setattr(_Sheet, "picture", lambda self, drawing: drawn.append(drawing.source))
    question, line = exercise("C6"), exercise("C6", "line", hide=["x"])
    worksheet([question, line], title="Week 1", lines=0).save(tmp_path / "sheet.pdf", answers=True)
    of_questions, of_answers = pages
    titles = [(text.get_text(), text.get_size(), text.get_weight()) for text, *_ in pages]
    assert titles == [("Week 1", 17.0, "bold"), ("Answers: Week 1", 17.0, "bold")]
    blanks = [text.get_text() for text in of_questions if text.get_text().startswith("(")]
    items = [item for one in (question, line) for item in enumerate(one.names, 1)]
    assert blanks == [f"({i}) {name} =" for i, name in items]
    solved = [text.get_text() for text in of_answers if text.get_text().startswith("(")]
    items = [item for one in (question, line) for item in enumerate(one.solved(), 1)]
    assert solved == [f"({i}) {answer}" for i, answer in items]
    assert line.line in " ".join(text.get_text() for text in of_questions)
    assert drawn == [
        one.picture(answers=solved, paper=True).source for solved in (False, True) for one in (question, line)
    ]


def test_pictures_of_a_pdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stand on the page, between what is above and the blanks."""
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_pdf import PdfPages

    pages: list[Any] = []
    monkeypatch.setattr(PdfPages, "savefig", lambda self, page: pages.append(page))
    monkeypatch.setattr("matplotlib.image.imread", lambda *args, **options: [[0.0]])
    worksheet("C6", lines=0).save(tmp_path / "sheet.pdf")
    (page,) = pages
    (place,) = [axes.get_position() for axes in page.axes]
    blank, *above = sorted(text.get_position()[1] for text in page.texts if text.get_text())
    assert len(above) > 2
    assert blank < place.y0 < place.y1 < min(height for height in above if height > place.y0)
    assert 0.0 < place.x0 < place.x1 < 1.0


def test_many_blanks_of_a_pdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They go on at the top of the next page before the bottom of one is reached."""
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_pdf import PdfPages

    pages: list[Any] = []
    monkeypatch.setattr(PdfPages, "savefig", lambda self, page: pages.append(page))
    monkeypatch.setattr(_Sheet, "picture", lambda self, drawing: None)
    y = autograd.sum([Value(float(i), label=f"x{i}") for i in range(59)])
    worksheet([exercise(y, hide=59)], lines=0).save(tmp_path / "sheet.pdf")
    places = [text.get_position()[1] for page in pages for text in page.texts]
    assert len(pages) > 1
    assert len(places) == 63
    assert all(0.05 < place < 0.97 for place in places)
    # The lines of the second column end where that of the date does.
    ends = [max(line.get_xdata()) for page in pages for line in page.artists]
    assert sum(end > max(ends) - 1e-9 for end in ends) == 1 + 29


def test_a_pdf_without_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error says what to install, and what works without."""
    monkeypatch.setattr("autograd.show.exercises.worksheet_pdf.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"'chainrule\[viz\]'; save\('sheet.html'\) does not"):
        sheet().save(tmp_path / "sheet.pdf")


def test_without_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no picture can be laid out, the page has the nodes and their blanks as a table."""

    def unavailable(self: Drawing, form: str) -> bytes:
        raise LayoutUnavailableError("no Graphviz")

    monkeypatch.setattr(Drawing, "render", unavailable)
    page = worksheet("C6").html(answers=True)
    assert "<figure>" not in page
    assert "<td" in page
    assert "? (1)" in page
    assert "? (1)" in exercise("C6")._repr_html_()


def test_a_notebook_shows_the_sheet() -> None:
    """In a notebook the sheet is in a frame that runs nothing; as text it says how to write it."""
    shown = sheet()._repr_html_()
    assert 'sandbox=""' in shown
    assert html.unescape(re.findall('srcdoc="([^"]*)"', shown)[0]) == sheet().html()
    assert repr(sheet()) == "<Worksheet of 3 exercises; .save('sheet.html') or .save('sheet.pdf') writes it>"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: worksheet([]), ValueError, "at least one exercise, got none"),
        (lambda: worksheet("Z9"), ValueError, "the id of an example, one of A4, A5.*got 'Z9'"),
        (lambda: worksheet([3.0]), TypeError, "expected a Value, got 3.0"),  # type: ignore[list-item]
        (lambda: worksheet("C6", lines=-1), ValueError, "at least 0, got -1"),
        (lambda: worksheet("C6").save("sheet.txt"), ValueError, "ending in .html or .pdf, got 'sheet.txt'"),
        (lambda: worksheet("C6").save("no/such/sheet.html"), FileNotFoundError, "folder does not exist"),
    ],
)
def test_mistakes(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    """Messages say what came and what was wanted."""
    with pytest.raises(error, match=message):
        call()
