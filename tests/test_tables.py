from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from autograd import Value, check_grads, lint, nudge, paths, sin, sqrt, steps
from autograd.tables import html_table, text_table, without_middle
from nn import MLP
from nn.training.history import History

HOSTILE = "<script>alert(1)</script>&\"'"


class Cells(HTMLParser):
    """The rows of the tables of a page, and its other tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or a cell."""
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        """Add to a cell."""
        if self.tags[-1] in ("th", "td"):
            self.rows[-1][-1] += data


def _shown() -> dict[str, Callable[[str], object]]:
    def graph(name: str) -> tuple[Value, Value]:
        x = Value(0.0, label=name)
        return sqrt(x) + x * 2.0, x

    return {
        "steps": lambda name: steps(graph(name)[0]),
        "paths": lambda name: paths(*graph(name)),
        "nudge": lambda name: nudge(*graph(name), 0.5),
        "lint": lambda name: lint(graph(name)[0]),
        "check_grads": lambda name: check_grads(lambda d: d[name] ** 2.0, ({name: 1.0},), report=True),
        "history": lambda name: History(loss=[1.0], metrics={name: [0.5]}),
        "summary": lambda name: MLP(2, [3, 1]).summary(),
    }


@pytest.mark.filterwarnings("ignore:.*sqrt")
@pytest.mark.parametrize("show", _shown().values(), ids=_shown())
def test_tables_in_notebooks(show: Callable[[str], object]) -> None:
    """Each is one table whose rows are as long as its head; names stay texts, and no colour is set."""
    page = show(HOSTILE)._repr_html_()  # type: ignore[attr-defined]
    found = Cells(page)
    assert set(found.tags) <= {"p", "table", "thead", "tbody", "tr", "th", "td"}
    assert found.tags.count("table") == 1
    assert len({len(row) for row in found.rows}) == 1
    assert len(found.rows) > 1
    assert "color" not in page


def test_cells() -> None:
    """Numbers, nan and blanks go to the right, in HTML and in text; a single cell goes over all columns."""
    head, rows = ["node", "value"], [["x", "1,000.5"], ["speed", "nan"], ["w", ""]]
    page = html_table(head, [*rows, ["… 3 more …"]], "title", "more")
    assert (
        '<th style="text-align: left">node</th><th style="text-align: right; white-space: nowrap">value</th>'
        in page
    )
    assert '<td colspan="2" style="text-align: left">… 3 more …</td>' in page
    assert page.startswith("<p>title</p>")
    assert page.endswith("<p>more</p>")
    assert text_table(head, rows).splitlines() == ["node     value", "x      1,000.5", "speed      nan", "w"]


def test_the_middle_is_left_out() -> None:
    """Of many items the ends are shown, and those in the middle are not even asked for."""
    asked: list[int] = []

    def show(i: int) -> list[str]:
        asked.append(i)
        return [str(i)]

    assert without_middle(range(10**9), 2, show, str) == ["0", "… 999,999,998 more …", "999999999"]
    assert asked == [0, 10**9 - 1]
    assert without_middle(range(3), 3, show, str) == ["0", "1", "2"]


def test_steps_of_a_large_graph_are_cut() -> None:
    """A chain of a hundred thousand nodes, and a sum of as many terms, are a few screens."""
    y = x = Value(0.5, label="x")
    for _ in range(1000):
        y = sin(y)
    found = steps(y, names={})
    assert repr(found).count("\n") == 200
    assert "… 801 more …" in repr(found)
    assert "… 801 more …" in found._repr_html_()
    wide = steps(sum([x * float(i) for i in range(40)], Value(0.0)))
    assert len(repr(wide)) < 10_000


def test_a_table_of_paths_says_how_many_more() -> None:
    """Below the paths that are listed stands how many there are besides."""
    y = x = Value(1.0, label="x")
    for _ in range(100):
        y = y + y
    assert paths(y, x, k=2)._repr_html_().endswith("<p>… about 2^99 more</p>")


def test_a_row_for_each_contribution() -> None:
    """The table of a sweep has the node once, and a row for each operand that it adds to."""
    x = Value(3.0, label="x")
    y = x + x * x
    rows = Cells(steps(y)._repr_html_()).rows
    assert rows[1:3] == [["y", "x + v1", "1", "x", "1", "1", "1"], ["", "", "", "v1", "1", "1", "1"]]
    assert rows[-1] == ["x", "", "7", "", "", "", ""]
