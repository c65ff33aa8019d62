"""References in the documents are valid: ids of the notes, links, anchors and paths."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from test_structure import GROUND, imports, is_ours, loaded_by_name, modules, room

ROOT = Path(__file__).parent.parent
NOTES = ROOT / "docs" / "notes.md"
SOURCES = sorted(
    path for folder in ("autograd", "nn", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)
# The change log may name files that no longer exist.
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")} - {ROOT / "CHANGELOG.md"})
ID = re.compile(r"\b[A-F][1-9]\d?\b")


def name_of(path: Path) -> str:
    """Name a file by its path from the root."""
    return path.relative_to(ROOT).as_posix()


def docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def headings(page: Path) -> list[str]:
    """Return the headings of a page, outside code blocks."""
    return re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)


@cache
def prose(page: Path) -> str:
    """Return a page without its fenced blocks of code and formulas."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub generates for the headings of a page."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def links(page: Path) -> list[str]:
    """Return the local targets of the links and images of a page."""
    found = re.findall(r"\]\(([^()\s]+)\)", re.sub(r"\$[^$]+\$|`[^`]+`", "", prose(page)))
    return [target for target in found if not target.startswith(("http://", "https://"))]


def paths(page: Path) -> list[str]:
    """Return the paths in code style on a page: files in folders, and folders with a trailing slash.

    Link texts are excluded, since they may be abbreviated.
    """
    named = re.findall(r"(?<!\[)`([\w./-]+)`(?!\])", prose(page))
    return [path for path in named if path.endswith("/") or re.fullmatch(r"[^/].*/.*\.[a-z]+", path)]


def test_each_id_that_is_cited_is_in_the_notes() -> None:
    """Each id, such as C6, in a docstring or on a page is a heading of the notes."""
    known, unknown = set(headings(NOTES)), {}
    for path in [*SOURCES, *PAGES]:
        text = "\n".join(docstrings(path)) if path.suffix == ".py" else prose(path)
        unknown[name_of(path)] = set(ID.findall(text)) - known
    assert {name: ids for name, ids in unknown.items() if ids} == {}


def test_the_notes_have_no_gaps() -> None:
    """The items of each section are numbered from 1, in order, without gaps or repeats."""
    ids = [heading for heading in headings(NOTES) if ID.fullmatch(heading)]
    numbers = {letter: [int(item[1:]) for item in ids if item[0] == letter] for letter in "ABCDE"}
    assert ids == sorted(ids, key=lambda item: (item[0], int(item[1:])))
    assert numbers == {letter: list(range(1, len(found) + 1)) for letter, found in numbers.items()}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_formulas_within_lines(page: Path) -> None:
    """Inline formulas contain no < and no backslash before punctuation, which Markdown would consume."""
    formulas = re.findall(r"\$[^$\n]+\$", re.sub(r"`[^`]+`", "", prose(page)))
    assert [formula for formula in formulas if re.search(r"\\[^A-Za-z]|<", formula)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Links to files of the project, and to headings in them, have targets."""
    for link in links(page):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_promises_are_kept_by_tests(page: Path) -> None:
    """Where a page says that a test keeps a promise, the file that it links has that test."""
    for name, file in re.findall(r"\[`(test_\w+)`\]\(([^)]+\.py)\)", page.read_text(encoding="utf-8")):
        assert f"\ndef {name}(" in (page.parent / file).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_exist(page: Path) -> None:
    """The files and folders that a page names exist."""
    assert [path for path in paths(page) if not (ROOT / path).exists()] == []


def test_versions_agree() -> None:
    """Tool versions agree with the dev group everywhere, and the citation has the project's version."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = re.findall(r"[\w.-]+==[\w.]+", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert pinned
    assert [each for each in pinned if each not in settings["dependency-groups"]["dev"]] == []
    assert "==" not in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    version = settings["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## [{version}] - " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def arrows() -> dict[str, set[str]]:
    """Return for each folder of the engine the folders that its files import, also when first used."""
    found: dict[str, set[str]] = {}
    for name in modules("autograd").keys() - GROUND:
        imported = imports(name) | imports(name, late=True) | loaded_by_name(name)
        targets = {target for target in imported if is_ours(target)}
        found.setdefault(room(name), set()).update(map(room, targets - GROUND))
    return {folder: targets - {folder, "autograd"} for folder, targets in found.items()}


def test_the_drawing_shows_what_is_imported() -> None:
    """The drawing of the architecture is the transitive reduction of the imports between folders."""
    direct = arrows()

    def reached(folder: str) -> set[str]:
        return direct[folder] | {far for near in direct[folder] for far in reached(near)}

    needed = {
        (folder, target)
        for folder, targets in direct.items()
        for target in targets
        if not any(target in reached(other) for other in targets)
    }
    drawing = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("```mermaid")[2]
    drawn = re.findall(r"^ +(\S+) --> (\S+)$", drawing, re.MULTILINE)
    named = [tuple(folder.removeprefix("autograd.") for folder in arrow) for arrow in needed]
    assert sorted(drawn) == sorted(named)
