from __future__ import annotations

import base64
import io
import os
import re
import stat
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, animate, stepper
from autograd.show.stepping import film as films
from autograd.show.stepping.film import MOST_MOMENTS
from nn import MLP

image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")


def product() -> Value:
    """Return x * x at 3."""
    x = Value(3.0, label="x")
    y = x * x
    y.label = "y"
    return y


@cache
def gif() -> bytes:
    """Return the GIF of x * x."""
    return animate(product()).gif()


def frames(gif: bytes) -> list[Any]:
    """Return the frames of a GIF as arrays, each with how long it is seen in milliseconds."""
    opened = image.open(io.BytesIO(gif))
    found = []
    for i in range(opened.n_frames):
        opened.seek(i)
        found.append((np.asarray(opened.convert("RGB")).astype(int), opened.info["duration"]))
    return found


def has_color(pixels: Any, color: str) -> bool:
    """Return whether some pixels have a colour."""
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    # A few pixels may have it as a shade of another one.
    return bool((np.abs(pixels - wanted).max(axis=-1) <= 2).sum() > 300)


def test_each_moment_is_a_frame() -> None:
    """Each moment is seen for its time, after dots where something flows, and the last one for longest."""
    moments = stepper(product()).moments
    seen = frames(animate(product(), seconds=0.5).gif())
    assert [duration for _, duration in seen if duration > 100] == [500] * (len(moments) - 1) + [3000]
    # v = x * x, and each of its two edges.
    flowing = sum(m.passing is not None for m in moments) + 1
    assert sum(duration < 100 for _, duration in seen) == flowing * films._DOTS
    assert len({pixels.shape for pixels, _ in seen}) == 1
    assert [size % 2 for size in seen[0][0].shape[:2]] == [0, 0]


def test_what_a_frame_shows() -> None:
    """A box is coloured by what is known of it, as on the page."""
    seen = [pixels for pixels, duration in frames(gif()) if duration > 100]
    known, complete, forward = films._FILL["known"], films._FILL["complete"], films._ACCENT["Forward"]
    assert not has_color(seen[0], known)
    assert has_color(seen[1], known)
    assert has_color(seen[1], forward)
    assert not has_color(seen[2], complete)
    assert has_color(seen[-1], complete)
    assert not has_color(seen[-1], known)
    with np.errstate(all="ignore"):
        broken = animate(autograd.log(Value(0.0, label="x")))
    assert has_color(frames(broken.gif())[-1][0], films._FILL["broken"])


def test_a_descent() -> None:
    """Leaves keep their values from one descent to the next; an update has its colour."""
    w = Value(2.0, label="w")
    seen = [pixels for pixels, ms in frames(animate(w * w, descend=[w], times=2).gif()) if ms > 100]
    phases = [moment.phase for moment in stepper(w * w, descend=[w], times=2).moments]
    updated, known = films._FILL["updated"], films._FILL["known"]
    assert [has_color(pixels, updated) for pixels in seen] == [phase == "Update" for phase in phases]
    assert has_color(seen[phases.index("Update") + 1], known)


@pytest.mark.parametrize("label", ["$x$ _^", "<b>&amp;</b>", "two\nlines", "é" * 60], ids=range(4))
def test_any_label(label: str) -> None:
    """A label is text, also where it looks like mathematics or markup."""
    x = Value(2.0, label=label)
    assert animate(x * 2.0).gif().startswith(b"GIF89a")


def test_the_frames_of_modules() -> None:
    """The frame of a module is a line, without a fill that would hide what is inside of it."""
    stage = animate(MLP(1, [1], rng=0)([Value(2.0, "x")]))._stage()
    frame = pytest.approx((*films._rgb("#c9d1d9") / 255.0, 1.0))
    assert [patch.get_fill() for patch in stage.axes.patches if patch.get_edgecolor() == frame] == [False] * 2


def test_texts_stand_where_they_belong() -> None:
    """The phase and the sentence are above the graph and whole, and the texts of a node are in its box."""
    film = animate(product())
    stage = film._stage()
    next(stage.frames(0.1))
    whole = stage.figure.bbox
    boxes = [
        (shape.outlines[0].get_window_extent(), [text.get_window_extent() for text in shape.texts])
        for name, shape in stage.shapes.items()
        if name.startswith("node")
    ]
    assert len(boxes) == 2
    assert all(box.x0 <= text.x0 <= text.x1 <= box.x1 for box, texts in boxes for text in texts)
    assert all(box.y0 <= text.y0 <= text.y1 <= box.y1 for box, texts in boxes for text in texts)
    phase, sentence = stage.phase.get_window_extent(), stage.sentence.get_window_extent()
    assert whole.y1 >= phase.y1 > phase.y0 >= sentence.y1 > sentence.y0 > max(box.y1 for box, _ in boxes)
    assert all(whole.x0 <= text.x0 < text.x1 <= whole.x1 for text in (phase, sentence))


def test_numbers_in_boxes() -> None:
    """In the end each box has the value and the gradient of its node."""
    stage = animate(product())._stage()
    state = films._State(stage.leaves)
    for moment in stage.moments:
        state.begin(moment.round)
        state.change(moment)
        stage._show(state, moment)
    texts = {name: [text.get_text() for text in shape.texts] for name, shape in stage.shapes.items()}
    assert (texts["node0"][-2:], texts["node1"][-2:]) == (
        ["value 3", "gradient 6"],
        ["value 9", "gradient 1"],
    )


def test_in_a_notebook() -> None:
    """A notebook shows the GIF as an image with a name."""
    film = animate(product())
    shown = re.fullmatch(
        r'<img alt="Stepping through y" style="max-width: 100%" src="data:image/gif;base64,([^"]*)">',
        film._repr_html_(),
    )
    assert shown is not None
    assert base64.b64decode(shown[1]) == gif()
    assert repr(film) == "<Film of 'y', 6 moments; .save('steps.gif') writes it>"


@pytest.mark.parametrize("save", [animate, stepper])
def test_save(tmp_path: Path, save: Any) -> None:
    """A film and a page write the same GIF, for a suffix in any case."""
    path = tmp_path / "steps.GIF"
    assert save(product()).save(path) == path
    assert path.read_bytes() == gif()


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that puts a program in place of ffmpeg."""

    def made(body: str) -> None:
        program = tmp_path / "bin" / "ffmpeg"
        program.parent.mkdir()
        program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n", encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return made


def test_a_film(tmp_path: Path, ffmpeg: Any) -> None:
    """Ffmpeg gets whole frames of the size that it is told, and what it writes is the file."""
    ffmpeg("open(sys.argv[-1], 'w').write(f'{sys.argv} {len(sys.stdin.buffer.read())}')")
    written = stepper(product()).save(tmp_path / "steps.mp4").read_text(encoding="utf-8")
    told = re.search(r"'-s', '(\d+)x(\d+)', '-r', '(\d+)'.* (\d+)$", written)
    assert told is not None
    width, height, rate, size = map(int, told.groups())
    assert size == 3 * width * height * sum(max(1, round(ms / 1000 * rate)) for _, ms in frames(gif()))
    assert "'yuv420p'" in written


def test_ffmpeg_fails(tmp_path: Path, ffmpeg: Any) -> None:
    """What ffmpeg says of an error is told, and no file is left."""
    ffmpeg("sys.exit('no encoder')")
    with pytest.raises(RuntimeError, match=r"ffmpeg could not write the film: .*no encoder"):
        animate(product()).save(tmp_path / "steps.mp4")
    assert not (tmp_path / "steps.mp4").exists()


def test_without_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ffmpeg a film is refused with what to do, before anything is drawn."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match=r"needs ffmpeg.*install the system package ffmpeg, or "):
        animate(product()).save(tmp_path / "steps.mp4")


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib the error says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"needs matplotlib: pip install 'chainrule\[viz\]'"):
        animate(product()).gif()


def test_mistakes(tmp_path: Path) -> None:
    """Another suffix, no time, no node and too many moments are refused with what was expected."""
    with pytest.raises(ValueError, match=r"expected a path ending in \.gif or \.mp4, got .*x\.png"):
        animate(product()).save(tmp_path / "x.png")
    with pytest.raises(ValueError, match=r"expected seconds to be positive, got 0"):
        animate(product(), seconds=0)
    with pytest.raises(TypeError, match=r"stepper expected a Value, got 3\.0"):
        animate(3.0)  # type: ignore[arg-type]
    w = Value(1.0, label="w")
    with pytest.raises(ValueError, match=rf"at most {MOST_MOMENTS} moments, got 503: .* smaller times"):
        animate(w * w, descend=[w], times=100)
