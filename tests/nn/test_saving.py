from __future__ import annotations

import contextlib
import functools
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, data, softmax
from nn import (
    ELU,
    GELU,
    MLP,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LeakyReLU,
    Linear,
    Module,
    Neuron,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    load,
    save,
)
from nn.datasets import Preprocessing, Standardizer, moons
from nn.saving import models, read_model
from nn.saving.describing import described
from nn.saving.known import FUNCTIONS, MODULES
from nn.saving.rebuilding import rebuilt

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
    load(kind(target), model)
    assert [float.hex(w.data) for w in model.w] == list(map(float.hex, NUMBERS))


def test_files_hold_plain_arrays(target: Path) -> None:
    """A file contains names, values, extras and the description as arrays that NumPy reads without pickle."""
    model = MLP(2, [2, 1], "tanh", rng=0)
    standardize = Standardizer(np.array([1.0]), np.array([2.0]))
    save(model, target, standardize, mean=[1.0, 2.0], classes=["cat", "dog"])
    with np.load(target, allow_pickle=False) as archive:
        arrays = dict(archive)
    assert arrays["names"].tolist() == list(model.state_dict())
    assert arrays["values"].tolist() == list(model.state_dict().values())
    assert arrays["mean"].tolist() == [1.0, 2.0]
    assert arrays["classes"].tolist() == ["cat", "dog"]
    assert json.loads(arrays["description"].item()) == {
        "version": 1,
        "model": {
            "module": "MLP",
            "args": [],
            "kwargs": {"n_in": 2, "sizes": [2, 1], "activation": "tanh", "output": "linear"},
        },
        "preprocessing": {
            "preprocessing": "Standardizer",
            "of": {
                "mean": {"array": [1.0], "shape": [1], "dtype": "float64"},
                "scale": {"array": [2.0], "shape": [1], "dtype": "float64"},
            },
        },
    }
    assert len(arrays) == 5


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


@pytest.mark.parametrize("name", ["names", "values", "description"])
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
        load(target, Neuron(1))


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
    load(target, model)
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
        load(target, model)
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
        load(target, model)
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
            load(target, Neuron(2))
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
        load(target, Neuron(2))


def test_a_file_that_never_ends() -> None:
    """An endless device raises, and is not read to its end."""
    with pytest.raises(ValueError, match="/dev/zero' does not hold the parameters"):
        load("/dev/zero", Neuron(2))


def test_a_model_without_parameters(target: Path) -> None:
    """A model without parameters can be saved and loaded."""
    save(Row([]), target)
    load(target, Row([]))


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
            load(target, model)
        except (ValueError, OSError):
            assert model.state_dict() == Neuron(2, rng=1).state_dict()
        else:
            assert model.state_dict() == saved.state_dict()
        with contextlib.suppress(ValueError, OSError):
            assert load(target).state_dict() == saved.state_dict()


# ---------------------------------------------------------------------------------------- architectures


class Ends(Module):
    """A module of a user: another one, with the distance of its outputs from a number."""

    def __init__(self, inner: Any, at: Any = (0.0,), *, names: dict[int, str]) -> None:
        self.inner = inner
        self.at = at
        self.names = names

    def forward(self, x: Any) -> Any:
        """Return the distances."""
        return [abs(output - at) for output, at in zip(self.inner.forward(x), self.at, strict=True)]


shared = Layer(2, 2, "tanh", rng=3)

MODELS: dict[str, Callable[[], Module]] = {
    "neuron": lambda: Neuron(2, "sigmoid", init="zeros", n_out=3),
    "layer": lambda: Layer(2, 3, "softplus", init=lambda rng, n_in, n_out: rng.normal(size=(n_out, n_in))),
    "MLP": lambda: MLP(2, [3, 1], "tanh", output="sigmoid", init="glorot", rng=1),
    "sizes of NumPy": lambda: MLP(2, np.array([3, 1]), activation=autograd.gelu),  # type: ignore[arg-type]
    "no hidden layer": lambda: MLP(n_in=2, sizes=(1,)),
    "sequential": lambda: Sequential(Layer(2, 3), autograd.tanh, Sequential(Layer(3, 2), softmax)),
    "NumPy's functions": lambda: Sequential(np.tanh, Layer(2, 2), np.arcsinh),
    "partial": lambda: MLP(2, [3, 1], functools.partial(autograd.leaky_relu, slope=0.2)),
    "one layer twice": lambda: Sequential(shared, shared, Layer(2, 1)),
    "linear": lambda: Linear(2, 3, bias=False),
    "embedding": lambda: Embedding(5, 3),
    "flatten": Flatten,
    "dropout": lambda: Dropout(0.3, rng=np.random.default_rng(0)).eval(),
    "settings": lambda: Sequential(LeakyReLU(0.2), ELU(alpha=2.0)),
    **{kind.__name__: kind for kind in (ReLU, LeakyReLU, ELU, GELU, SiLU)},
    **{kind.__name__: kind for kind in (Softplus, Sigmoid, Softmax, Tanh)},
    "no parameters": lambda: Sequential(autograd.tanh),
}


def test_all_modules_are_described() -> None:
    """Each module of `nn` is in the table, and is one of those that are tested here."""
    tested = {type(part) for make in MODELS.values() for part in (make(),)}
    assert set(MODULES) <= tested


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_models_are_built_again(target: Path, make: Callable[[], Module]) -> None:
    """A model that is loaded is of the same class and structure, with the same parameters."""
    model = make()
    save(model, target)
    copy = load(target)
    assert repr(copy) == repr(model)
    assert copy.state_dict() == model.state_dict()
    inputs = np.random.default_rng(0).normal(size=(5, 2))
    if isinstance(model, Embedding):
        inputs = np.array([[0, 4], [1, 1]])
    np.testing.assert_array_equal(data(copy(inputs)), data(model(inputs)))


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_functions_are_known_by_name(function: str) -> None:
    """Each function of the table is described by a name, and found again by it."""
    assert rebuilt(described(FUNCTIONS[function])) is FUNCTIONS[function]


def test_steps_that_are_one_module_stay_one(target: Path) -> None:
    """A layer that is used twice is one layer after loading, too."""
    save(Sequential(shared, autograd.tanh, shared), target)
    copy = load(target)
    assert isinstance(copy, Sequential)
    assert copy.steps[0] is copy.steps[2]


def test_own_classes(target: Path) -> None:
    """A class of the user's own is built with its arguments where it is given; else the error names it."""
    save(Ends(MLP(2, [1], rng=0), (0.5,), names={1: "a"}), target)
    copy = load(target, classes=(Ends,))
    assert isinstance(copy, Ends)
    assert (copy.at, copy.names) == ((0.5,), {1: "a"})
    assert copy.state_dict() == {f"inner.{k}": v for k, v in MLP(2, [1], rng=0).state_dict().items()}
    for classes in [(), (Row,)]:
        with pytest.raises(
            ValueError, match=r"a module of the class Ends, .*load\(path, classes=\(Ends,\)\)"
        ):
            load(target, classes=classes)


def test_a_class_that_has_the_name_of_ours(target: Path) -> None:
    """A class of the user's own that is called as one of `nn` is not taken for it."""
    own = type("MLP", (Row,), {})
    save(own([1.0]), target)
    with pytest.raises(ValueError, match=r"classes=\(MLP,\)"):
        load(target)
    assert type(load(target, classes=(own,))) is own


def renamed() -> MLP:
    """Return a model whose activation was replaced."""
    model = MLP(2, [2, 1])
    model.layers[0].neurons[1].activation = autograd.relu
    return model


def grown() -> MLP:
    """Return a model that has got a layer."""
    model = MLP(2, [2, 1])
    model.layers.append(Layer(1, 1))
    return model


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (
            lambda: MLP(2, [2, 1], lambda x: x * x),
            r"the function .*<lambda> cannot be .* with which MLP was made",
        ),
        (
            lambda: Sequential(Layer(2, 1), lambda x: x),
            r"the function .*<lambda> .* with which Sequential was",
        ),
        (lambda: Ends(MLP(2, [1]), np.array([None]), names={}), "array.* with which Ends was made"),
        (lambda: Ends(object(), names={}), "object.* cannot be described .* with which Ends was made"),
        (renamed, r"MLP\.layers\.0\.neurons\.1\.activation has been changed since it was made"),
        (grown, r"MLP\.layers has been changed since it was made"),
    ],
    ids=["lambda", "step", "objects", "an object", "replaced", "grown"],
)
def test_what_cannot_be_described(target: Path, make: Callable[[], Module], why: str) -> None:
    """Of a model that cannot be described the parameters are saved; `load` says why, and takes a model."""
    model = make()
    save(model, target)
    with pytest.raises(
        ValueError, match=rf"weights\.npz' holds parameters alone, since .*{why}.*: build the model"
    ):
        load(target)
    saved = model.state_dict()
    for parameter in model.parameters():
        parameter.data += 1.0
    assert load(target, model) is model
    assert model.state_dict() == saved


def test_settings_from_numpy_and_values(target: Path) -> None:
    """Numbers of NumPy and leaves among the arguments of a model are described as what they are."""
    save(Ends(MLP(2, [1], rng=0), np.float64(0.5), names=Value(2.0)), target)  # type: ignore[arg-type]
    copy = load(target, classes=(Ends,))
    assert isinstance(copy, Ends)
    assert copy.at == 0.5
    assert isinstance(copy.names, Value)
    assert copy.names.data == 2.0


def test_a_layer_of_another_kind(target: Path) -> None:
    """A part of another kind than the one that it was made with is a change."""
    model: Any = MLP(2, [1], rng=0)
    model.layers[0] = Linear(2, 1, rng=0)
    save(model, target)
    with pytest.raises(ValueError, match=r"since MLP\.layers\.0 has been changed since it was made"):
        load(target)


def test_modules_that_are_nested_too_deeply(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the description would need more room on the stack than there is, the parameters are saved."""
    monkeypatch.setattr(models, "described", recursing)
    save(Linear(2, 1, rng=0), target)
    with pytest.raises(ValueError, match="holds parameters alone, since its modules are nested too deeply"):
        load(target)


def recursing(model: Module) -> Any:
    """Call itself for ever."""
    return recursing(model)


def test_files_of_older_versions(target: Path) -> None:
    """A file that holds parameters alone, as older versions wrote it, is loaded into a model."""
    model = Neuron(2, rng=0)
    write_compressed(model, target)
    assert load(target, Neuron(2)).state_dict() == model.state_dict()
    with pytest.raises(
        ValueError, match=r"parameters alone, since it is of an older version of nn: build the"
    ):
        load(target)


def test_the_arguments_of_older_versions(target: Path) -> None:
    """`load(model, path)`, which it was before, says what the order is now."""
    with pytest.raises(TypeError, match=r"expected load\(path\) or load\(path, model\), got the model"):
        load(Neuron(2), target)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "preprocessing",
    [
        None,
        {"columns": ["a", "b"], 3: (1, 2.5, None, True), "scale": {"x": [float("inf")]}},
        [np.arange(6).reshape(2, 3), np.zeros((0, 2)), np.array(["cat", "Zürich"]), np.array([True])],
        Standardizer(np.array([0.1, 1e-300]), np.array([1.0, 2.0])),
        Preprocessing.of(moons()),
    ],
    ids=["none", "plain", "arrays", "standardizer", "preprocessing"],
)
def test_preprocessing_goes_round(target: Path, preprocessing: Any) -> None:
    """What prepares the inputs comes back as it was; so do further arrays."""
    save(Neuron(2), target, preprocessing, mean=[1.0])
    saved = read_model(target)
    assert repr(saved.preprocessing) == repr(preprocessing)
    assert {name: array.tolist() for name, array in saved.extras.items()} == {"mean": [1.0]}


def test_a_preprocessing_that_cannot_be_described(target: Path) -> None:
    """A function as preprocessing raises, and nothing is written."""
    with pytest.raises(ValueError, match=r"the function .*<lambda> cannot be described in a file"):
        save(Neuron(2), target, lambda x: x)
    assert listing(target.parent) == {}


def layer(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the description of a layer."""
    return {"module": "Layer", "args": list(args), "kwargs": kwargs}


def nested(depth: int) -> Any:
    """Return the description of a Sequential in a Sequential, and so on."""
    description = layer(2, 1)
    for _ in range(depth):
        description = {"module": "Sequential", "args": [description], "kwargs": {}}
    return description


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (
            layer(10**9, 10**9),
            "its Layer would have 1,000,000,001,000,000,000 parameters, and it holds 3 numbers",
        ),
        ({"module": "MLP", "args": [2, [10**9, -(10**9)]], "kwargs": {}}, "its MLP would have"),
        ({"module": "MLP", "args": [2, [10**9, float("nan")]], "kwargs": {}}, "its MLP would have"),
        (
            {"module": "Sequential", "args": [layer(2, 1), layer(1, 1)], "kwargs": {}},
            "would have 2 parameters",
        ),
        (layer("2", 1), "how to build a model"),
        (layer(2, -1), "expected n_out to be"),
        (layer(2, 1, "system"), "unknown activation 'system'"),
        (layer(2, 1, {"function": "os.system"}), "it names the function 'os.system', which this version"),
        (layer(2, 1, {"function": "autograd.draw"}), "it names the function 'autograd.draw'"),
        (layer(2, 1, {"function": ["autograd.tanh"]}), "how to build a model"),
        (layer(2, 1, width=3), "width"),
        ({"module": "Module", "args": [], "kwargs": {}}, "it names the module 'Module'"),
        ({"module": "Layer"}, "args"),
        ({"module": "Neuron", "args": [2], "kwargs": {"n_out": 10**12}}, "its Neuron would draw its weights"),
        ({"preprocessing": "Path", "of": {}}, "it names the preprocessing 'Path'"),
        ({"array": [1], "shape": [10**9], "dtype": "float64"}, "how to build a model"),
        ({"array": [1], "shape": [1], "dtype": "U1000000000"}, "an array of 'U1000000000'"),
        ({"array": [1], "shape": [1], "dtype": "object"}, "an array of 'object'"),
        ({"array": ["", "x" * 2**22], "shape": [2], "dtype": "str"}, "2 texts of up to 4,194,304 characters"),
        ({"array": [[1], [2]], "shape": [2], "dtype": "str"}, "other things than numbers and texts"),
        ({"module": "Sequential", "args": [{"same": 0}], "kwargs": {}}, "a module that is not made yet"),
        ({"same": -1}, "a module that is not made yet"),
        ({"class": "Layer"}, r"something unknown, with the keys \['class'\]"),
        ({}, "something unknown"),
        ([layer(2, 1)], "it describes"),
        ("Layer", "it describes 'Layer'"),
        (nested(5_000), "r"),
    ],
)
def test_descriptions_that_are_not_to_be_trusted(target: Path, description: Any, message: str) -> None:
    """A description that names what is not in the table, or a model of another size, raises."""
    state = Layer(2, 1).state_dict()
    text = json.dumps({"version": 1, "model": 0}).replace("0}", f"{as_text(description)}}}")
    np.savez(target, names=list(state), values=list(state.values()), description=text)
    with pytest.raises(ValueError, match=rf"weights\.npz' .*{message}"):
        load(target)


def as_text(description: Any) -> str:
    """Return JSON of any depth."""
    try:
        return json.dumps(description)
    except RecursionError:
        depth = 5_000
        inner = json.dumps(layer(2, 1))
        return '{"module": "Sequential", "args": [' * depth + inner + '], "kwargs": {}}' * depth


def test_a_version_to_come(target: Path) -> None:
    """A file of a later version raises, and says which versions there are."""
    np.savez(target, names=["b"], values=[1.0], description=json.dumps({"version": 2, "model": {}}))
    with pytest.raises(
        ValueError, match=r"weights\.npz' has the version 2 of its format, and this nn reads 1"
    ):
        load(target)


def test_a_file_that_does_not_fit_itself(target: Path) -> None:
    """A file whose parameters are not those of the model that it describes raises."""
    description = json.dumps({"version": 1, "model": layer(2, 1)})
    np.savez(target, names=["a", "b", "c"], values=np.ones(3), description=description)
    with pytest.raises(ValueError, match=r"weights\.npz' does not fit itself: .* it lacks neurons"):
        load(target)


def test_a_bomb_without_a_model(target: Path) -> None:
    """An archive that would unpack to hundreds of its size is refused without a model, too."""
    np.savez_compressed(target, names=["b"], values=[1.0], large=np.zeros(2**21))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="does not hold the parameters of a model: it unpacks to 16,7"):
            load(target)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()
