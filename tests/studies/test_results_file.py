from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sweep_functions as functions
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autograd import sweep
from autograd.studies.json_trees import as_json, from_json, line_of, stated
from autograd.studies.results_file import checked_line

run = partial(sweep, progress=False)

numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text()
dtypes = arrays.scalar_dtypes()
leaves = (
    numbers
    | arrays.arrays(dtypes, arrays.array_shapes(min_dims=0, min_side=0))
    | dtypes.flatmap(arrays.from_dtype)
)
keys = st.text() | st.integers() | st.tuples(st.integers(), st.booleans())
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner) | st.lists(inner).map(tuple),
    max_leaves=8,
)


def are_identical(one: Any, two: Any) -> bool:
    """Return whether two trees are equal bit by bit, types included."""
    if type(one) is not type(two):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(are_identical, one, two))
    if isinstance(one, dict):
        return are_identical([*one.items()], [*two.items()])
    if isinstance(one, np.ndarray | np.generic | float | complex):
        one, two = np.asarray(one), np.asarray(two)
        return (one.dtype, one.shape, one.tobytes()) == (two.dtype, two.shape, two.tobytes())
    return bool(one == two)


@settings(max_examples=30)
@given(trees)
def test_what_a_file_holds(tree: Any) -> None:
    """Trees of numbers, texts and arrays come back as they were, types and bits of nan included."""
    assert are_identical(from_json(json.loads(line_of(as_json(tree)))), tree)


OF_EACH_KIND = [
    [math.nan, -math.inf, -0.0, complex(math.nan, -0.0)],
    {1: "one", (1, True): [], 0.5: {}, "pi": None},
    [np.complex64(1j), np.True_, np.str_("ä"), np.datetime64("2020-01-01")],
    (np.zeros((0, 3), np.float32), np.array(["a", "bc"]), np.array(2)),
]


@pytest.mark.parametrize("tree", OF_EACH_KIND, ids=lambda tree: type(tree).__name__)
def test_what_a_file_holds_of_each_kind(tree: Any) -> None:
    """So do the floats that JSON has no numbers for, dicts whose keys are no texts, and numbers of NumPy."""
    assert are_identical(from_json(json.loads(line_of(as_json(tree)))), tree)


def test_what_an_object_is_called() -> None:
    """Two objects of a class are stated alike wherever they lie in memory, and a number by its text."""

    class Setting:
        pass

    assert stated(Setting()) == stated(Setting()) == f"<{__name__}.{Setting.__qualname__} object>"
    assert stated([math.nan, 1 + 2j]) == ["nan", "(1+2j)"]


UNWRITTEN = [object(), {1.0}, np.array([None]), np.zeros(2, [("a", float)]), functions.loss]


@pytest.mark.parametrize("result", UNWRITTEN, ids=type)
def test_what_a_file_does_not_hold(tmp_path: Path, result: Any) -> None:
    """A result that only pickle could write is an error, which says what to return in its place."""
    with pytest.raises(TypeError, match=r"the result at x=1 cannot be written to .*state_dict"):
        run(lambda x: result, [1], resume=tmp_path / "study.jsonl")


def test_a_line_cut_off_anywhere(tmp_path: Path) -> None:
    """Wherever a process was killed while it wrote, only the last point is computed again."""
    path = tmp_path / "study.jsonl"
    calls: list[int] = []

    def f(x: int) -> float:
        calls.append(x)
        return x / 2

    results = list(run(f, [0, 1, 3], resume=path))
    whole = path.read_bytes()
    start = whole[:-1].rindex(b"\n") + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        calls.clear()
        assert list(run(f, [0, 1, 3], resume=path)) == results
        assert calls == [3]
        assert path.read_bytes() == whole


def test_a_damaged_line(tmp_path: Path) -> None:
    """A byte that has changed before the last line is an error with the number of the line."""
    path = tmp_path / "study.jsonl"
    run(functions.not_at_two, [0, 1, 3], resume=path)
    path.write_bytes(path.read_bytes().replace(b'"result": 0.5', b'"result": 0.6'))
    with pytest.raises(ValueError, match=r"line 3 of '.*study.jsonl' is damaged"):
        run(functions.not_at_two, [0, 1, 3], resume=path)


@pytest.mark.parametrize("content", [b"", b"epoch,loss\n1,2\n", b"\x00" * 100, b'{"format": 1}\n'])
def test_another_file(tmp_path: Path, content: bytes) -> None:
    """A file of something else is refused, and left as it is."""
    path = tmp_path / "study.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"study.jsonl' is no file of a sweep"):
        run(functions.not_at_two, [0, 1, 3], resume=path)
    assert path.read_bytes() == content


NUMBERS = {"point": 1, "at": {"x": 1}, "result": 0.5}
LINES: dict[str, Any] = {
    "a point that there is not": NUMBERS | {"point": 3},
    "a negative point": NUMBERS | {"point": -1},
    "a text as a point": NUMBERS | {"point": "1"},
    "a list as a point": NUMBERS | {"point": []},
    "no point": {"result": 0.5},
    "no result": {"point": 1},
    "an unknown tag": NUMBERS | {"result": {"module": "os"}},
    "an array of objects": NUMBERS | {"result": {"array": ["|O", [1], "AAAAAAAAAAA="]}},
    "an array of fewer numbers": NUMBERS | {"result": {"array": ["<f8", [10**12], "AAAAAAAAAAA="]}},
    "a negative length": NUMBERS | {"result": {"array": ["<f8", [-5], "AAAAAAAAAAA="]}},
    "an array that is none": NUMBERS | {"result": {"array": 3}},
    "pairs without a key": NUMBERS | {"result": {"pairs": [[[], 1]]}},
    "a complex number of text": NUMBERS | {"result": {"complex": "one"}},
    "two tags": NUMBERS | {"result": {"tuple": [], "dict": {}}},
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_line_made_by_somebody_else(tmp_path: Path, line: dict[str, Any]) -> None:
    """A line with the right checksum that says what no sweep has written is damaged, too."""
    path = tmp_path / "study.jsonl"
    run(functions.not_at_two, [0, 1, 3], resume=path)
    first, *others = path.read_bytes().splitlines(keepends=True)
    content = b"".join([first, checked_line(line), *others])
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"line 2 of '.*study.jsonl' is damaged; remove that line"):
        run(functions.not_at_two, [0, 1, 3], resume=path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("tree", ["[" * 50_000 + "]" * 50_000, "9" * 5_000, "nul"])
def test_a_line_that_json_does_not_read(tmp_path: Path, tree: str) -> None:
    """A line that is nested too deeply, or has a number of too many digits, is damaged, too."""
    path = tmp_path / "study.jsonl"
    run(functions.not_at_two, [0, 1, 3], resume=path)
    text = b'{"point": 1, "result": %s' % tree.encode()
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, text + b', "crc32": "%08x"}\n' % zlib.crc32(text), *others]))
    with pytest.raises(ValueError, match=r"line 2 of '.*study.jsonl' is damaged"):
        run(functions.not_at_two, [0, 1, 3], resume=path)


@pytest.mark.parametrize("name", ["names", "values", "seed", "digest", "points", "function", "source"])
@pytest.mark.parametrize("other", [None, 3, [3], {"x": 1}], ids=str)
def test_a_first_line_made_by_somebody_else(tmp_path: Path, name: str, other: Any) -> None:
    """Whatever the first line says of its sweep, the file is taken for that of another one, or damaged."""
    path = tmp_path / "study.jsonl"
    run(functions.noisy, {"x": [1.0, 2.0]}, seed=1, resume=path)
    first, *others = path.read_bytes().splitlines(keepends=True)
    said = json.loads(first)
    del said["crc32"]
    changed = said | ({"digest": "other"} if name == "values" else {}) | {name: other}
    if other is None:
        del changed[name]
    path.write_bytes(b"".join([checked_line(changed), *others]))
    # There is a warning where the source alone is another one.
    with contextlib.suppress(ValueError, RuntimeWarning):
        run(functions.noisy, {"x": [1.0, 2.0]}, seed=1, resume=path)


def test_a_file_without_an_end(tmp_path: Path) -> None:
    """Of a file of something else no more is read than its beginning, be it 1 TiB of zeros."""
    path = tmp_path / "study.jsonl"
    path.touch()
    os.truncate(path, 2**40)
    with pytest.raises(ValueError, match=r"study.jsonl' is no file of a sweep"):
        run(functions.not_at_two, [0, 1, 3], resume=path)
    assert path.stat().st_size == 2**40


@pytest.mark.parametrize(
    ("f", "grid", "seed", "message"),
    [
        (
            partial(functions.noisy, y=1),
            {"x": [1.0, 2.0]},
            1,
            "its function is sweep_functions.noisy, this one's",
        ),
        (
            functions.noisy,
            {"x": [1.0, 3.0]},
            1,
            r"its values of x are \[1.0, 2.0\], this one's \[1.0, 3.0\]",
        ),
        (functions.noisy, {"x": [1.0, 2.0], "y": [3.0]}, 1, "it varies x, this one x, y"),
        (functions.noisy, {"x": [1.0, 2.0, 2.0]}, 1, "it has 2 points, this one 3"),
        (functions.noisy, {"x": [2.0, 1.0]}, 1, r"its values of x are \[1.0, 2.0\], this one's \[2.0, 1.0\]"),
        (functions.noisy, {"x": [1.0, 2.0]}, 2, "its seed is 1, this one's 2"),
        (functions.noisy, {"x": [np.array([1.0]), 2.0]}, 1, "its values of x are"),
    ],
)
def test_the_file_of_another_sweep(
    tmp_path: Path, f: Callable[..., Any], grid: Any, seed: int, message: str
) -> None:
    """A file of another function, grid or seed is refused, and the error says what differs."""
    path = tmp_path / "study.jsonl"
    run(functions.noisy, {"x": [1.0, 2.0]}, seed=1, resume=path)
    with pytest.raises(ValueError, match=message):
        run(f, grid, seed=seed, resume=path)


def test_the_same_points_in_another_order(tmp_path: Path) -> None:
    """Points whose values first come in the same order are told apart by all of them."""
    path = tmp_path / "study.jsonl"
    run(functions.not_at_two, [0, 1, 1, 0], resume=path)
    with pytest.raises(ValueError, match="its points are others, or in another order"):
        run(functions.not_at_two, [0, 1, 0, 1], resume=path)


def test_a_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no locks for files, results are written and read without one."""
    monkeypatch.setattr("autograd.studies.results_file.fcntl", None)
    path = tmp_path / "study.jsonl"
    for _ in range(2):
        assert list(run(functions.not_at_two, [0, 1, 3], resume=path)) == [0.0, 0.5, 1.5]


def test_two_sweeps_at_once(tmp_path: Path) -> None:
    """Two sweeps do not write one file at the same time."""
    pytest.importorskip("fcntl")
    path = tmp_path / "study.jsonl"

    def f(x: int) -> int:
        with pytest.raises(BlockingIOError, match="another sweep is writing"):
            run(f, [1], resume=path)
        return x

    assert list(run(f, [1], resume=path)) == [1]


def test_a_function_that_has_changed(tmp_path: Path) -> None:
    """Results of an older form of the function are kept, and a warning says so."""
    path, made = tmp_path / "study.jsonl", []
    for text in ("return x", "return x + 0"):
        source = tmp_path / f"{len(text)}.py"
        source.write_text(f"def f(x):\n    {text}\n")
        space: dict[str, Any] = {"__name__": "study"}
        exec(compile(source.read_text(), str(source), "exec"), space)
        made.append(space["f"])
    run(made[0], [1], resume=path)
    with pytest.warns(RuntimeWarning, match=r"the source of study.f is not that of the results"):
        assert list(run(made[1], [1], resume=path)) == [1]


KILLED = """
import os, signal, sys
from autograd import sweep
def f(x):
    if x == 3 and sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    print(x, flush=True)
    return 0.1 * x
print(list(sweep(f, range(5), resume=sys.argv[1], progress=False)))
"""


def test_a_killed_run(tmp_path: Path) -> None:
    """What was done before a `kill -9` is not computed again."""
    script = tmp_path / "study.py"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def output(what: str) -> str:
        command = [sys.executable, str(script), str(tmp_path / "study.jsonl"), what]
        return subprocess.run(command, capture_output=True, text=True, env=environment).stdout

    assert output("die") == "0\n1\n2\n"
    assert output("go on") == f"3\n4\n{[0.1 * x for x in range(5)]}\n"


@pytest.mark.parametrize("fits", [0, 1, 30])
def test_a_full_disk(tmp_path: Path, fits: int) -> None:
    """A line of which only a part can be written is an error, and the next run goes on before it."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "study.jsonl"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def f(x: int) -> float:
        calls.append(x)
        if len(calls) == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + fits, limits[1]))
        return x / 3

    calls: list[int] = []
    try:
        with pytest.raises(OSError, match=r"No space left|File too large"):
            run(f, range(5), resume=path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes().count(b"\n") == 3
    assert path.read_bytes().endswith(b"\n")
    assert list(run(f, range(5), resume=path)) == [x / 3 for x in range(5)]
    assert calls == [0, 1, 2, 2, 3, 4]
