from __future__ import annotations

import base64
import io
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import pytest

from autograd import Value, stepper
from autograd.show.picture import layout
from autograd.show.picture.drawing import Drawing
from autograd.show.picture.views import Detail, View


def test_views_and_details_are_made_when_asked_for() -> None:
    """The text and the image of a picture cost no view and no detail; each is made once."""
    made = []

    def views() -> Mapping[str, View]:
        made.append("views")
        return {"": View("all", "digraph { a -> b }", {"a": "a"}), "a": View("a", "digraph { c }", {})}

    def details() -> Mapping[str, Detail]:
        made.append("details")
        return {"a": Detail("a", (("value", "2"),), "given")}

    picture = Drawing("digraph { a -> b }", views, details)
    assert picture.render("svg")
    assert repr(picture).startswith("<Drawing of 1 edges")
    assert made == []
    assert picture.views["a"].source == "digraph { c }"
    assert picture.details["a"].explanation == "given"
    assert (len(picture.views), len(picture.details)) == (2, 1)
    assert made == ["views", "details"]


def test_a_picture_without_states() -> None:
    """A picture that nothing unfolds in is its only view."""
    picture = Drawing("digraph { a }")
    assert picture.views == {"": View("", "digraph { a }", {})}
    assert picture.details == {}


# ----------------------------------------------------------------------------------------- the images


def test_no_window_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows, where `dot` would open one, it is told not to."""
    run = Mock(side_effect=OSError)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 8, raising=False)
    assert layout._by_dot("digraph { }", ["-Tsvg"]) is None
    assert run.call_args.kwargs["creationflags"] == 8


def test_a_process_for_all_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of any number of views runs `dot` once."""
    run = Mock(wraps=subprocess.run)
    monkeypatch.setattr(subprocess, "run", run)
    views = {name: View(name, f"digraph {{ {name or 'root'} -> b }}", {}) for name in ("", "m", "n")}
    assert "root" in Drawing(views[""].source, lambda: views).page
    assert run.call_count == 1


@pytest.mark.parametrize("path", [None, ""], ids=["dot", "pygraphviz"])
def test_an_engine_of_one_view(path: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view that names an engine is laid out by that, and the others as they are alone."""
    if path is not None:
        pytest.importorskip("pygraphviz")
        monkeypatch.setenv("PATH", path)
    pinned = 'digraph { graph [layout=neato]; a [pos="0,0!"]; b [pos="2,0!"]; a -> b }'
    plain = "digraph { a -> b -> c }"
    found = layout.inline_svgs([pinned, plain, pinned])
    alone = [layout.inline_svgs([source])[0] for source in (pinned, plain, pinned)]
    sizes = [[re.findall(r'(?:width|height)="(\d+)pt"', svg) for svg in svgs] for svgs in (found, alone)]
    assert sizes[0] == sizes[1]
    assert sizes[0][0] != sizes[0][1]


def test_pygraphviz_lays_out_views_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `dot`, each view is laid out by pygraphviz."""
    pytest.importorskip("pygraphviz")
    monkeypatch.setenv("PATH", "")
    svgs = layout.inline_svgs(["digraph { a -> b }", "digraph { c }"])
    assert [svg.count('class="node"') for svg in svgs] == [2, 1]


def test_the_resolution_of_images() -> None:
    """A PNG has 192 dots an inch, twice those of a CSS pixel."""
    sizes = []
    for source in ("digraph { a [width=1 height=1] }", "digraph { a [width=2 height=1] }"):
        sizes.append(struct.unpack(">II", Drawing(source).render("png")[16:24]))
    assert sizes[1][0] - sizes[0][0] == 192


def chooses_colours() -> bool:
    """Return whether there is a Graphviz that writes images of few colours."""
    try:
        return layout._by_dot("digraph { }", ["-Tpng:cairo:gd"]) is not None
    except ValueError:
        return False


@pytest.mark.skipif(not chooses_colours(), reason="needs dot with the gd library")
def test_images_for_notebooks() -> None:
    """They have the picture's colours, are much smaller than others, and of at most 2,000 pixels."""
    image_of = pytest.importorskip("PIL.Image").open
    for paper, fill in (("#ffffff", "#f3f5f7"), ("#12161b", "#1c3552")):
        node = f'a [shape=box style=filled fillcolor="{fill}" width=4 label="a" color="#7c8995"]'
        picture = Drawing(f'digraph {{ graph [bgcolor="{paper}"] {node}; a -> b }}')
        png = picture.preview()
        assert len(png) < len(picture.render("png")) / 2
        image = image_of(io.BytesIO(png)).convert("RGB")
        pixels = {image.getpixel((2, 2)), image.getpixel((image.width // 3, image.height // 4))}
        assert pixels == {tuple(bytes.fromhex(colour[1:])) for colour in (paper, fill)}
        # The paper goes to the edges.
        assert image.getpixel((image.width - 1, image.height - 1)) == image.getpixel((2, 2))
    wide = Drawing("digraph { a [width=60 height=1] }").preview()
    assert 1900 < image_of(io.BytesIO(wide)).width <= 2000


def test_images_without_the_library_of_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where dot cannot choose colours, or is not there, the image has all of them."""
    by_dot = layout._by_dot

    def without(source: str, options: list[str]) -> bytes | None:
        return by_dot(source, [option.replace(":gd", ":missing") for option in options])

    monkeypatch.setattr(layout, "_by_dot", without)
    picture = Drawing("digraph { a -> b }")
    assert picture.preview() == picture.render("png")


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs dot on the PATH")
def test_no_graph() -> None:
    """A text that is no graph raises a ValueError with what Graphviz says."""
    with pytest.raises(ValueError, match=r"Graphviz cannot lay out this graph: .*syntax error"):
        Drawing("digraph {").render("svg")


# ------------------------------------------------------------------------------------------- notebooks


def test_what_a_notebook_stores() -> None:
    """A notebook stores the page, over the image that stands for it, and the image in two formats."""
    picture = (Value(2.0, label="a") * 3.0).draw()
    bundle = picture._repr_mimebundle_()
    assert list(bundle) == ["text/html", "image/svg+xml", "image/png", "text/plain"]
    assert base64.b64decode(bundle["image/png"])[1:4] == b"PNG"
    assert bundle["image/svg+xml"].startswith("<?xml")
    before, frame, _ = bundle["text/html"].partition("<iframe")
    assert frame
    assert f"data:image/png;base64,{bundle['image/png']}" in before
    assert 'sandbox="allow-scripts"' in bundle["text/html"]


def test_without_any_layout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Graphviz the page lays out by itself, and the text says why there is no image."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(layout, "find_spec", lambda name: None)
    picture = (Value(2.0) * 3.0).draw()
    bundle = picture._repr_mimebundle_()
    assert list(bundle) == ["text/html", "text/plain"]
    assert "pip install" in bundle["text/plain"]
    page = picture.save(tmp_path / "graph.html").read_text(encoding="utf-8")
    assert "wasm-unsafe-eval" in page
    assert "<img" not in bundle["text/html"]


def test_pages_without_graphviz_are_small() -> None:
    """The page of a graph that has been laid out does not carry Graphviz."""
    page = (Value(2.0) * 3.0).draw().page
    assert "wasm" not in page
    assert len(page) < 40_000


# ------------------------------------------------------------------------------------------------ show


@pytest.mark.parametrize("make", [lambda y: y, Value.draw, stepper], ids=["value", "drawing", "stepper"])
def test_shown_in_a_browser(
    make: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outside notebooks a private file is opened; without a browser a line says where it is."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    item = make(Value(2.0, label="a") * 3.0)
    with patch("webbrowser.open", return_value=True) as browser:
        item.show()
    (path,) = tmp_path.iterdir()
    browser.assert_called_once_with(path.as_uri())
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert capsys.readouterr().out == ""
    for missing in ({"return_value": False}, {"side_effect": webbrowser.Error}):
        before = set(tmp_path.iterdir())
        with patch("webbrowser.open", **missing):
            item.show()
        (path,) = set(tmp_path.iterdir()) - before
        assert capsys.readouterr().out == f"no web browser was found; the page is {path}\n"


@pytest.mark.parametrize("shell", ["ZMQInteractiveShell", "TerminalInteractiveShell"])
def test_shown_in_a_notebook(shell: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a notebook a picture is displayed; IPython in a terminal is no notebook."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ipython = Mock(get_ipython=lambda: type(shell, (), {})())
    picture = Drawing("digraph { a }")
    modules = {"IPython": ipython, "IPython.display": ipython.display}
    with patch.dict(sys.modules, modules), patch("webbrowser.open") as browser:
        picture.show()
    shown = [call.args for call in ipython.display.display.call_args_list]
    assert shown == ([(picture,)] if shell == "ZMQInteractiveShell" else [])
    assert browser.called != bool(shown)
