from __future__ import annotations

import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import Value
from nn import MLP, Module, Neuron, load, save

NUMBERS = [0.1, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("nan"), 1 / 3]


class Row(Module):
    """A module with one parameter per given number."""

    def __init__(self, numbers: list[float]) -> None:
        self.w = [Value(number) for number in numbers]


def listing(folder: Path) -> dict[str, bytes]:
    """Return the content of each file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the path of a file to write."""
    return tmp_path / "weights.npz"


@pytest.mark.parametrize("kind", [str, Path])
def test_parameters_go_round(target: Path, kind: Callable[[Path], Any]) -> None:
    """Saved parameters are loaded bit for bit, from a str or a Path."""
    save(Row(NUMBERS), kind(target))
    model = Row([0.0] * len(NUMBERS))
    load(model, kind(target))
    assert [float.hex(w.data) for w in model.w] == list(map(float.hex, NUMBERS))


def test_files_hold_plain_arrays(target: Path) -> None:
    """A file contains names, values and extras as arrays that NumPy reads without pickle."""
    model = MLP(2, [2, 1], rng=0)
    save(model, target, mean=[1.0, 2.0], classes=["cat", "dog"])
    with np.load(target, allow_pickle=False) as archive:
        arrays = dict(archive)
    assert arrays["names"].tolist() == list(model.state_dict())
    assert arrays["values"].tolist() == list(model.state_dict().values())
    assert arrays["mean"].tolist() == [1.0, 2.0]
    assert arrays["classes"].tolist() == ["cat", "dog"]
    assert len(arrays) == 4


def test_extras_are_never_pickled(target: Path) -> None:
    """An extra that would need pickle raises, and nothing is written."""
    with pytest.raises((TypeError, ValueError), match=r"object|pickle"):
        save(Neuron(1), target, inputs=[Value(1.0)])  # type: ignore[arg-type]
    assert listing(target.parent) == {}


@pytest.mark.parametrize("name", ["mean", "file", "allow_pickle"])
def test_extras_of_any_name(target: Path, name: str) -> None:
    """An extra may have any name, also that of an argument of NumPy's savez."""
    save(Neuron(1), target, **{name: [1.0]})
    with np.load(target) as archive:
        assert archive[name].tolist() == [1.0]


@pytest.mark.parametrize("name", ["names", "values"])
def test_extras_do_not_replace_the_parameters(target: Path, name: str) -> None:
    """An extra with the name of one of the parameter arrays raises, and nothing is written."""
    with pytest.raises((TypeError, ValueError), match=name):
        save(Neuron(1), target, **{name: [1.0]})
    assert listing(target.parent) == {}


@pytest.mark.parametrize("name", ["weights", "weights.txt", "weights.npy", "weights.npz.gz", ".npz"])
def test_another_suffix(tmp_path: Path, name: str) -> None:
    """A path that does not end in .npz raises, and nothing is written."""
    with pytest.raises(ValueError, match=rf"ending in \.npz, got .*{name}"):
        save(Neuron(1), tmp_path / name)
    assert listing(tmp_path) == {}


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    """Saving into a missing folder raises and names the file."""
    with pytest.raises(FileNotFoundError, match=r"weights\.npz.* folder does not exist"):
        save(Neuron(1), tmp_path / "missing" / "weights.npz")


def test_a_file_that_does_not_exist(target: Path) -> None:
    """Loading a missing file raises the same error as opening it."""
    with pytest.raises(FileNotFoundError, match=r"weights\.npz"):
        load(Neuron(1), target)


def test_a_failed_write_leaves_the_older_file(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the file cannot be put in place, the older one is unchanged, and no other file is left behind."""
    save(Neuron(1, rng=0), target)
    before = listing(target.parent)

    def fail(*paths: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        save(Neuron(1, rng=1), target)
    assert listing(target.parent) == before


def test_saving_again_replaces_the_file(target: Path) -> None:
    """A second save replaces the first."""
    for seed in (0, 1):
        save(Neuron(1, rng=seed), target)
    model = Neuron(1)
    load(model, target)
    assert model.state_dict() == Neuron(1, rng=1).state_dict()
    assert list(listing(target.parent)) == [target.name]


# -------------------------------------------------------------------------------------- invalid files


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (MLP(2, [3, 1]), "does not fit Neuron: it lacks w.*, b and has layers"),
        (Neuron(3), r"it lacks nothing and has w\[2\]"),
        (Neuron(1), r"it lacks w\[1\] and has nothing"),
    ],
)
def test_another_structure(target: Path, other: Module, message: str) -> None:
    """Loading the parameters of a different structure raises, and the model is unchanged."""
    save(other, target)
    model = Neuron(2, rng=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match=message):
        load(model, target)
    assert model.state_dict() == before


def write_truncated(path: Path) -> None:
    """Write the first half of an archive."""
    save(Neuron(2), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


NAMES = ["w[0]", "w[1]", "b"]


def write_array(path: Path) -> None:
    """Write a single array."""
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("w[0],1.0"),
        lambda path: np.savez(path, weights=np.zeros(3)),
        lambda path: np.savez(path, names=["w[0]", "w[1]", "b"], values=np.zeros(2)),
        lambda path: np.savez(path, names=["w[0]", "w[1]", "b"], values=np.array([1.0, 2.0, None])),
        write_truncated,
        write_array,
        lambda path: np.savez(path, names=NAMES, values=np.array([1j, 2j, 3j])),
        lambda path: np.savez(path, names=NAMES, values=np.ones((3, 1))),
        lambda path: np.savez(path, names=NAMES, values=np.array(5.0)),
        lambda path: np.savez(path, names=NAMES, values=["1_0", "2", "3"]),
        lambda path: np.savez(path, names=NAMES, values=[True, False, True]),
        lambda path: np.savez(path, names=NAMES, values=np.array([1, 2, 3], "M8[s]")),
        lambda path: np.savez(path, names=[0, 1, 2], values=np.ones(3)),
        lambda path: np.savez(path, names=[[*NAMES]], values=np.ones((1, 3))),
        lambda path: np.savez(path, names=[b"w[0]", b"w[1]", b"b"], values=np.ones(3)),
        lambda path: np.savez(path, names=[*NAMES, "b"], values=np.ones(4)),
        lambda path: np.savez(path, names=NAMES, values=np.zeros(3, [("a", "f8"), ("b", "f8")])),
    ],
    ids=[
        "empty",
        "text",
        "other arrays",
        "too few",
        "objects",
        "truncated",
        "a single array",
        "complex",
        "a column",
        "a single number",
        "texts",
        "booleans",
        "dates",
        "whole numbers as names",
        "a row",
        "bytes as names",
        "a name twice",
        "records",
    ],
)
def test_a_file_of_another_kind(target: Path, write: Callable[[Path], Any]) -> None:
    """A file not written by `save` raises an error with its name, and the model is unchanged."""
    write(target)
    model = Neuron(2, rng=0)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"weights\.npz.* does not hold the parameters of a model"):
        load(model, target)
    assert model.state_dict() == before


@pytest.mark.parametrize("name", ["names", "values"])
@pytest.mark.parametrize("tells_its_size", [True, False])
def test_an_archive_that_unpacks_to_much_more(target: Path, name: str, tells_its_size: bool) -> None:
    """A decompression bomb raises before it is unpacked, or at the size that its header claims."""
    arrays: dict[str, Any] = {"names": NAMES, "values": np.ones(3)}
    arrays[name] = np.zeros(2**21, dtype="f8" if name == "values" else "U2")
    np.savez_compressed(target, **arrays)
    content = target.read_bytes()
    assert len(content) < 2**17
    if not tells_its_size:
        size = (arrays[name].nbytes + 128).to_bytes(4, "little")
        assert content.count(size) >= 1
        target.write_bytes(content.replace(size, (400).to_bytes(4, "little")))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="does not hold the parameters of a model"):
            load(Neuron(2), target)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_a_header_that_promises_too_much(target: Path) -> None:
    """No memory is allocated for numbers that the header claims but the file does not contain."""
    np.savez(target, names=NAMES, values=np.ones(3))
    content = target.read_bytes()
    with zipfile.ZipFile(target) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["values.npy"] = parts["values.npy"].replace(b"(3,), }" + b" " * 9, b"(3000000000,), }")
    assert len(parts["values.npy"]) == 128 + 24
    with zipfile.ZipFile(target, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    assert target.read_bytes() != content
    with pytest.raises(ValueError, match="does not hold the parameters of a model"):
        load(Neuron(2), target)


def test_a_file_that_never_ends() -> None:
    """An endless device raises, and is not read to its end."""
    with pytest.raises(ValueError, match="/dev/zero' does not hold the parameters"):
        load(Neuron(2), "/dev/zero")


def test_a_model_without_parameters(target: Path) -> None:
    """A model without parameters can be saved and loaded."""
    save(Row([]), target)
    load(Row([]), target)


@pytest.mark.parametrize("number", ["1_0", "1", b"1", None, 1j, [1.0]])
def test_a_state_of_what_are_no_numbers(number: Any) -> None:
    """A value that is not a real number raises with the parameter's name, and no parameter changes."""
    model = Neuron(2, rng=0)
    before = model.state_dict()
    error = ValueError if isinstance(number, str) else TypeError
    with pytest.raises(error, match=r"the parameter 'b': expected a real number, got"):
        model.load_state_dict({"w[0]": 5.0, "w[1]": 5.0, "b": number})
    assert model.state_dict() == before


def write_compressed(model: Module, path: Path) -> None:
    """Write the same arrays as `save`, compressed."""
    state = model.state_dict()
    np.savez_compressed(path, names=list(state), values=list(state.values()))


@pytest.mark.parametrize("write", [save, write_compressed])
def test_damaged_files(target: Path, write: Callable[[Module, Path], None]) -> None:
    """A file with any one damaged byte loads as it was saved, or raises and changes nothing."""
    saved = Neuron(2, rng=0)
    write(saved, target)
    content = target.read_bytes()
    for position in range(len(content)):
        target.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        model = Neuron(2, rng=1)
        try:
            load(model, target)
        except (ValueError, OSError):
            assert model.state_dict() == Neuron(2, rng=1).state_dict()
        else:
            assert model.state_dict() == saved.state_dict()
