from __future__ import annotations

import io
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd.files import NoFileError, opened_file
from nn.saving.archives import read_archive, write_archive

ARRAYS: dict[str, Any] = {
    "number": np.array(2.5),
    "matrix": np.arange(6.0).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "turned": np.arange(6.0).reshape(2, 3).T,
    "strided": np.arange(10)[::3],
    "whole": np.arange(3, dtype=np.uint8),
    "half": np.array([0.1], np.float16),
    "truths": np.array([True, False]),
    "texts": np.array(["cat", "Zürich", ""]),
    "empty": np.zeros((0, 3)),
    "big-endian": np.arange(3.0, dtype=">f8"),
    "complex": np.array([1j]),
    "dates": np.array(["2020-01-01"], "M8[D]"),
    "file": np.array([np.nan, -0.0, np.inf]),
}
DESCRIBED = {"version": 1, "text": "Zürich", "nested": [{"a": None, "b": [True, 0.1, -1e300]}]}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the path of a file to write."""
    return tmp_path / "run.npz"


def rewritten(path: Path, changes: dict[str, bytes]) -> None:
    """Write an archive again with other members."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in {**parts, **changes}.items():
            archive.writestr(name, part)


def test_arrays_and_description_go_round(target: Path) -> None:
    """Arrays of every kind and shape come back as they were, and can be written to; so does the JSON."""
    write_archive(target, ARRAYS, DESCRIBED)
    arrays, described = read_archive(target, most_bytes=10_000)
    assert described == DESCRIBED
    assert list(arrays) == list(ARRAYS)
    for name, array in arrays.items():
        assert (array.dtype, array.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)
        assert array.tobytes() == ARRAYS[name].tobytes()
        assert array.flags.writeable


def test_numpy_reads_it_too(target: Path) -> None:
    """`numpy.load` finds the arrays, and the JSON as a text, without pickle."""
    write_archive(target, ARRAYS, DESCRIBED)
    with np.load(target, allow_pickle=False) as archive:
        assert sorted(archive) == sorted([*ARRAYS, "description"])
        assert json.loads(archive["description"].item()) == DESCRIBED


def test_some_arrays_alone(target: Path) -> None:
    """Of an archive with a large array, a small one is read, and it alone counts."""
    write_archive(target, {"small": [1.0], "large": np.zeros(10_000)}, {"a": 1})
    arrays, described = read_archive(target, most_bytes=1_000, only=["small", "missing"])
    assert (list(arrays), arrays["small"].tolist(), described) == (["small"], [1.0], {"a": 1})
    with pytest.raises(ValueError, match="80,128 of them in 'large', and at most 1,000"):
        read_archive(target, most_bytes=1_000)


def test_an_archive_of_numpy(target: Path) -> None:
    """An archive without a description has an empty one."""
    np.savez_compressed(target, a=[1])
    arrays, described = read_archive(target, most_bytes=1_000)
    assert (list(arrays), arrays["a"].tolist(), described) == (["a"], [1], {})


def test_what_cannot_be_written(target: Path) -> None:
    """Objects, what JSON has not, the reserved name and another suffix raise; nothing is written."""
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        write_archive(target, {"a": np.array([None])}, {})
    with pytest.raises(TypeError, match="JSON"):
        write_archive(target, {}, {"a": {1}})
    with pytest.raises(ValueError, match="call yours something else"):
        write_archive(target, {"description": [1.0]}, {})
    with pytest.raises(ValueError, match=r"expected a path ending in \.npz, got .*run\.txt"):
        write_archive(target.with_suffix(".txt"), {}, {})
    assert list(target.parent.iterdir()) == []


def deep(length: int) -> np.ndarray[Any, Any]:
    """Return the text of nested lists."""
    return np.array('{"a": ' + "[" * length + "]" * length + "}")


@pytest.mark.parametrize(
    "text",
    [np.array("[1]"), np.array("{"), np.array(["{}"]), np.array(1.0), np.array(b"{}"), deep(100_000)],
    ids=["a list", "cut off", "a list of texts", "a number", "bytes", "nested deeply"],
)
def test_a_description_that_is_none(target: Path, text: Any) -> None:
    """A description that is no JSON object raises with the name of the file."""
    np.savez(target, description=text)
    with pytest.raises(ValueError, match=r"run\.npz' does not hold a run: "):
        read_archive(target, most_bytes=2**20, what="a run")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"(2, 3), }", b"(2, 4), }"),
        (b"(2, 3), }  ", b"(2, 300), }"),
        (b"(2, 3), }" + b" " * 9, b"(2, 3000000000), }"),
        (b"(2, 3), } ", b"(-2,-3), }"),
        (b"'<f8'", b"'|O' "),
        (b"\x93NUMPY\x01", b"\x93NUMPY\x09"),
    ],
)
def test_headers_that_promise_something_else(target: Path, was: bytes, becomes: bytes) -> None:
    """An array whose header does not fit its bytes raises before memory is allocated."""
    write_archive(target, {"a": np.ones((2, 3))}, {})
    with zipfile.ZipFile(target) as archive:
        content = archive.read("a.npy")
    assert len(was) == len(becomes)
    assert was in content
    rewritten(target, {"a.npy": content.replace(was, becomes)})
    with pytest.raises(ValueError, match=r"run\.npz' does not hold arrays and their description: "):
        read_archive(target, most_bytes=10_000)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice(target: Path) -> None:
    """An archive with two arrays of one name raises."""
    write_archive(target, {"a": [1.0]}, {})
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("a.npy", archive.read("a.npy"))
    with pytest.raises(ValueError, match="names are not all different"):
        read_archive(target, most_bytes=10_000)


def test_what_is_no_file(tmp_path: Path) -> None:
    """A pipe raises at once, without waiting for somebody who writes; a folder as `open` does."""
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(ValueError, match=r"pipe\.npz' does not hold .*: it is a device or a pipe"):
        read_archive(tmp_path / "pipe.npz", most_bytes=100)
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        read_archive(tmp_path, most_bytes=100)
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        read_archive(tmp_path / "missing.npz", most_bytes=100)


def member(described: str, shape: tuple[int, ...], content: bytes = b"") -> bytes:
    """Return an array as it stands in an archive, with any header."""
    stream = io.BytesIO()
    header = {"descr": described, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + content


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_compress(target: Path, method: int) -> None:
    """Only what NumPy writes is unpacked: of others, zipfile unpacks all that a piece of the file holds."""
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr("a.npy", member("<f8", (1,), bytes(8)))
    with pytest.raises(ValueError, match=r"'a' is compressed in another way than by deflate"):
        read_archive(target, most_bytes=1_000)


@pytest.mark.parametrize("described", ["<U0", "|S0", "|V0"])
def test_elements_of_no_bytes(target: Path, described: str) -> None:
    """A billion texts without a letter are no array: as a list they would take 8 GB."""
    rewritten_alone(target, {"a.npy": member(described, (10**9,))})
    with pytest.raises(ValueError, match=r"'a' has 0 bytes, and its header states 1,000,000,000"):
        read_archive(target, most_bytes=1_000)


def rewritten_alone(path: Path, parts: dict[str, bytes]) -> None:
    """Write an archive of some members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)


def test_names_that_are_paths(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names in an archive are names: nothing is written where they point to."""
    monkeypatch.chdir(target.parent)
    names = ["../up", "/tmp/root", "..", "a/../../b", "C:\\x", ""]
    rewritten_alone(target, {f"{name}.npy": member("<f8", (1,), bytes(8)) for name in names})
    arrays, _ = read_archive(target, most_bytes=10_000)
    assert sorted(arrays) == sorted(names)
    assert os.listdir(target.parent) == [target.name]


def test_a_pipe_in_the_place_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that becomes a pipe after it was looked at is not waited for, either."""
    (tmp_path / "file").write_bytes(b"")
    status = (tmp_path / "file").stat()
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(os, "stat", lambda path: status)
    with pytest.raises(NoFileError, match="a device or a pipe"):
        opened_file(tmp_path / "pipe")
