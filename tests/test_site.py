"""What the site makes of the code: every row, every public name, every speed."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import autograd
import nn
from autograd.ops.table import COMPARISONS, OPS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))


def made_by(name: str) -> Any:
    """Return a module of the site."""
    return import_module(name)


def test_the_chart_has_the_speeds_of_the_results() -> None:
    """The committed chart is what the results give; else run ``python docs/_ext/speeds.py``."""
    speeds = made_by("speeds")
    assert speeds.CHART.read_text(encoding="utf-8") == speeds.current()
    times = speeds.medians((ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8"))
    assert all(
        f">{speeds.written(times[bar.case, bar.peer])}</text>" in speeds.current()
        for panel in speeds.PANELS
        for bar in panel.bars
    )


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_each_row_has_its_formulas_and_its_special_points(op: Any) -> None:
    """The section of a row has balanced formulas, its rules as they stand, and a line for each point."""
    text = "\n".join(made_by("operations").section(op))
    assert all(rule.text in text for rule in (op.value, *op.partials))
    formulas = re.findall(r"\$([^$]+)\$|```{math}\n(.*?)```", text, re.DOTALL)
    assert all(pair[0].count("{") == pair[0].count("}") for pair in formulas)
    assert text.count(r"\begin{cases}") == text.count(r"\end{cases}")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == len(op.special_points) + bool(op.special_points)
    assert len({line.count("|") for line in lines}) <= 1


def test_a_choice_within_a_choice_is_one_more_case() -> None:
    """Cases follow one another, as in a book, where the table nests them."""
    section = "\n".join(made_by("operations").section(OPS["abs"]))
    assert r"\begin{cases} 0 & x = 0 \\ -1 & x < 0 \\ 1 & \text{else} \end{cases}" in section


def test_the_page_of_operations_has_all_rows() -> None:
    """Each row has a line in the summary and a section; comparisons have a line."""
    text = made_by("operations").page()
    assert [name for name in OPS if f"(op-{name})=" not in text or f"(#op-{name})" not in text] == []
    assert [name for name in COMPARISONS if f"| {name} |" not in text] == []


def test_each_public_name_is_on_one_page_of_the_reference() -> None:
    """What `__all__` of a public package names is documented, and documented once."""
    reference = made_by("reference")
    pages = list(reference.contents())
    shown = Counter(f"{part.package}.{name}" for part, names in pages for name in names)
    assert max(shown.values()) == 1
    documented = {id(getattr(import_module(part.package), name)) for part, names in pages for name in names}
    for package in (autograd, nn, nn.losses, nn.optimizers, nn.datasets, nn.metrics, nn.plots, nn.export):
        missing = [
            name
            for name in package.__all__
            if not inspect.ismodule(getattr(package, name)) and id(getattr(package, name)) not in documented
        ]
        assert missing == [], package.__name__


def test_each_page_of_the_reference_is_in_its_contents() -> None:
    """A page that the generator writes is in the table of contents, and the other way round."""
    listed = re.findall(r"^api/(\S+)$", (DOCS / "reference.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(part.file for part, _ in made_by("reference").contents())


def test_links_of_notebooks_fit_the_site(tmp_path: Path) -> None:
    """A copied notebook links to pages of the site, and else to files of the repository."""
    repository = made_by("repository")
    source, target = tmp_path / "notebooks", tmp_path / "docs" / "notebooks"
    source.mkdir()
    target.parent.mkdir()
    cell = '{"cell_type": "markdown", "source": ["[a](../docs/notes.md#c6) [b](../nn/losses/terms.py)"]}'
    (source / "01.ipynb").write_text(f'{{"cells": [{cell}]}}', encoding="utf-8")
    repository.copy_notebooks(source, target)
    assert "[a](../notes.md#c6) [b](../../nn/losses/terms.py)" in (target / "01.ipynb").read_text("utf-8")


def test_broken_links_are_found(tmp_path: Path) -> None:
    """The check of the built site finds missing files, missing places, and what is loaded from elsewhere."""
    (tmp_path / "a.html").write_text(
        '<a href="b.html#there"></a><a href="b.html#lost"></a><a href="c.html"></a><a href="https://x.org"></a>'
        '<script src="https://y.org/z.js"></script>',
        encoding="utf-8",
    )
    (tmp_path / "b.html").write_text('<p id="there"></p>', encoding="utf-8")
    found, external = made_by("check_links").problems(tmp_path)
    assert sorted(found) == [
        "a.html links to b.html#lost, which has no such place",
        "a.html links to c.html, which is no file",
        "a.html loads https://y.org/z.js",
    ]
    assert "https://x.org" in external


def test_all_pages_are_in_the_contents() -> None:
    """Each page in docs/ is in a table of contents, so that a reader can find it."""
    contents = "\n".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    listed = re.findall(r"^(?:\w[\w-]*)$", contents, re.MULTILINE)
    pages = {page.stem for page in DOCS.glob("*.md")} - {"index"}
    assert pages <= set(listed)


def test_ids_of_the_notes_become_links() -> None:
    """An id that the notes have is a link to its place there; what only looks like one stays text."""
    pytest.importorskip("sphinx")
    found = list(made_by("chainrule_site")._cited("by C6, not Z9 or A99", "../notes.html", {"A9", "C6"}))
    assert [(node.astext(), node.get("refuri") if hasattr(node, "get") else None) for node in found] == [
        ("by ", None),
        ("C6", "../notes.html#c6"),
        (", not Z9 or A99", None),
    ]


def test_docstrings_become_valid_markup() -> None:
    """Markup ends where a plural begins, absolute values are no substitutions, examples stay as they are."""
    pytest.importorskip("sphinx")
    lines = ["Two `Value`s, `x`, ``a``s and |x|.", ">>> `x`s | |y|"]
    made_by("chainrule_site").valid_markup(None, "function", "f", None, None, lines)
    assert lines == [r"Two `Value`\ s, `x`, ``a``s and \|x|.", ">>> `x`s | |y|"]


def test_a_live_example_is_its_last_expression() -> None:
    """The code above runs first, as in a notebook, and names are those of the example."""
    pytest.importorskip("sphinx")
    run = made_by("chainrule_site")._last_expression
    picture = run("from autograd import Value, draw\nx = Value(2.0)\nresult = x * x\ndraw(result)")
    assert "result = x * x" in picture.source
