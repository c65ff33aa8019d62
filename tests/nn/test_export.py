from __future__ import annotations

import ast
import ctypes
import functools
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autograd
from autograd import OPS, Value, data, where
from autograd.ops.rule import Rule
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
)
from nn.activations import ACTIVATIONS, hardmax
from nn.datasets import Dataset, Preprocessing, Standardizer
from nn.export import expressions, to_c, to_numpy, to_onnx
from nn.export.c_expressions import C, variadic
from nn.export.expressions import Written

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e300, 5e-324, 710.0, -745.0, 40.0, -1e-9]


class Bumps(Module):
    """A module of a user: layers, parameters beside them, rows of many operands, and a choice."""

    def __init__(self) -> None:
        self.inner = MLP(2, [3, 3], "tanh", rng=5)
        self.height = Value(0.7)
        self.at = [Value(0.3), Value(-0.4), Value(1.1)]

    def forward(self, x: Any) -> Any:
        """Return five numbers."""
        h = self.inner.forward(x)
        bumps = [self.height * autograd.exp(-((a - b) ** 2)) for a, b in zip(h, self.at, strict=True)]
        total = autograd.sum(bumps) + autograd.dot(h, bumps) + autograd.prod(bumps) * autograd.mean(h)
        chosen = where(x[0] > x[1], bumps[0] * 3.0, autograd.max(bumps[1], bumps[2]))
        return [total, chosen, autograd.norm(h), autograd.logsumexp(h), 0.25]


def pair(activation: Any) -> Layer:
    """Return a layer whose neurons have different activations."""
    layer = Layer(2, 2, "tanh", rng=1)
    layer.neurons[1].activation = activation
    return layer


def tied() -> Sequential:
    """Return a model in which neurons share weights, and one number does not train."""
    first, last = Layer(2, 3, "tanh", rng=1), Layer(3, 2, "linear", rng=2)
    first.neurons[2].w = [first.neurons[0].w[1], Value(0.5)]
    last.neurons[1].w = last.neurons[0].w
    first.neurons[0].b = first.neurons[1].b
    return Sequential(first, last, first)


twice = Layer(2, 2, "sigmoid", rng=3)


KINDS = (ReLU, Tanh, Sigmoid, GELU, SiLU, Softplus, Softmax, ELU, LeakyReLU, Dropout, Flatten)


def between(kind: type[Module]) -> Sequential:
    """Return a model with a module between two layers."""
    return Sequential(Linear(2, 3, rng=0), kind(), Linear(3, 2, rng=1))


class Drops(Module):
    """A module of a user with a dropout."""

    def __init__(self) -> None:
        self.dropout = Dropout(0.5)
        self.scale = Value(2.0)

    def forward(self, x: Any) -> Any:
        """Return two numbers, some of them 0 in training."""
        return [self.scale * number for number in self.dropout.forward(x)]


class Recurs(Module):
    """A recurrence over the inputs, by a loop that stays one and by one in Python."""

    def __init__(self) -> None:
        self.w, self.u = Value(0.5), Value(-1.3)

    def step(self, h: Any, x: Any) -> tuple[Any, Any]:
        """Return the next state, twice."""
        after = autograd.tanh(self.w * h + self.u * x)
        return after, after

    def forward(self, x: Any) -> Any:
        """Return the last state, and that of the other loop."""
        h, _ = autograd.scan(self.step, 0.0, np.stack(list(x)))
        state = 0.3
        for number in x:
            state, _ = self.step(state, number)
        return [h, state]


class Multiplies(Module):
    """Arrays of parameters, and modules in a dict."""

    def __init__(self) -> None:
        self.weights = autograd.as_values(np.random.default_rng(0).normal(size=(3, 2)))
        self.inner = {"last": [Linear(3, 2, rng=0)]}

    def forward(self, x: Any) -> Any:
        """Return two numbers."""
        return self.inner["last"][0].forward(np.maximum(self.weights @ np.stack(list(x)), 0.1))


def drawn(seed: int) -> Sequential:
    """Return a random model of two to six steps."""
    rng = np.random.default_rng(seed)
    steps: list[Any] = []
    width = 2
    for _ in range(rng.integers(2, 7)):
        after, name = int(rng.integers(1, 6)), str(rng.choice(list(ACTIVATIONS)))
        kinds: list[Callable[[], Any]] = [
            functools.partial(Layer, width, after, name, rng=rng),
            functools.partial(MLP, width, [int(rng.integers(1, 4)), after], name, rng=rng),
            functools.partial(ACTIVATIONS.__getitem__, name),
            lambda: autograd.softmax,
            lambda: lambda x: [autograd.tanh(number * x[0]) for number in x],
        ]
        kind = int(rng.integers(len(kinds)))
        steps.append(kinds[kind]())
        width = after if kind < 2 else width
    return Sequential(*steps)


MODELS: dict[str, Callable[[], Module]] = {
    **{name: functools.partial(MLP, 2, [5, 2], name, output=name, rng=0) for name in ACTIVATIONS},
    "neuron": lambda: Neuron(2, "tanh", rng=0),
    "no hidden layer": lambda: MLP(2, [3], rng=0),
    "large": lambda: MLP(2, [60, 60, 1], "relu", rng=0),
    "functions": lambda: Sequential(
        Layer(2, 3, rng=0), autograd.tanh, Layer(3, 2, "linear", rng=1), np.arctan
    ),
    "softmax": lambda: Sequential(Layer(2, 4, "linear", rng=0), autograd.softmax),
    "hardmax": lambda: Sequential(Layer(2, 4, "linear", rng=0), hardmax),
    "partial": lambda: MLP(2, [3, 1], functools.partial(autograd.leaky_relu, slope=0.2), rng=0),
    "lambda": lambda: MLP(2, [3, 1], lambda x: x * x + 0.5 * x, output=lambda x: 2.0 - x, rng=0),
    "constant": lambda: MLP(2, [3, 1], lambda x: 1.0, rng=0),
    "whole": lambda: Sequential(Layer(2, 3, rng=0), lambda x: x / (1.0 + autograd.norm(x))),
    "nested": lambda: Sequential(Sequential(Layer(2, 3, rng=0)), MLP(3, [2], "elu", rng=1), autograd.gelu),
    "one layer twice": lambda: Sequential(twice, autograd.tanh, twice),
    "mixed": lambda: Sequential(pair(autograd.relu), pair(lambda x: x * x)),
    "tied": tied,
    "own": Bumps,
    "recurrence": Recurs,
    "arrays": Multiplies,
    "own in the middle": lambda: Sequential(Layer(2, 2, rng=0), Bumps(), Layer(5, 1, "sigmoid", rng=1)),
    "no parameters": lambda: Sequential(autograd.tanh),
    "nothing": Sequential,
    **{f"module {kind.__name__}": functools.partial(between, kind) for kind in KINDS},
    "settings": lambda: Sequential(Linear(2, 3, rng=0), LeakyReLU(0.3), LeakyReLU(0.2), ELU(2.0), ELU(0.5)),
    "without bias": lambda: Sequential(Flatten(), Linear(2, 3, bias=False, rng=0), Dropout(0.5)),
    "dropout inside": Drops,
    **{f"random {seed}": functools.partial(drawn, seed) for seed in range(8)},
}
ROWS = [
    name
    for name, op in autograd.OPS.items()
    if len(op.partials) == 1 and not op.variadic and name in autograd.__all__
]
MODELS.update({f"row {name}": functools.partial(Neuron, 2, getattr(autograd, name), rng=0) for name in ROWS})

STANDARDIZER = Standardizer(np.array([0.5, -1.0]), np.array([2.0, 0.1]))


def inputs() -> npt.NDArray[np.float64]:
    """Return random samples, and special ones."""
    random = np.random.default_rng(0).normal(size=(10, 2))
    return np.vstack([random, 10.0 * random, [[x, 0.5] for x in SPECIAL], [[-1.5, x] for x in SPECIAL]])


def of(model: Module, samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the outputs of a model as numbers, as it computes in evaluation."""
    model.eval()
    with np.errstate(all="ignore"):
        return np.asarray(data(model(samples)), float)


def finite(name: str) -> npt.NDArray[np.float64]:
    """Return samples for a model; the largest of nan and others is not defined."""
    samples = inputs()
    return samples[np.isfinite(samples).all(axis=1)] if name == "hardmax" else samples


def built(name: str) -> Module:
    """Return a model with biases that are not 0."""
    model = MODELS[name]()
    rng = np.random.default_rng(7)
    for parameter in model.parameters():
        if parameter.data == 0.0:
            parameter.data = float(rng.normal())
    return model


# ------------------------------------------------------------------------------------------------ NumPy


def executed(source: str) -> dict[str, Any]:
    """Return the names that a module defines, after a look at what it imports."""
    tree = ast.parse(source)
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {alias.name for node in imported for alias in node.names} <= {"numpy", "math", "base64"}
    names: dict[str, Any] = {}
    exec(compile(tree, "model.py", "exec"), names)
    return names


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("preprocessing", [None, STANDARDIZER], ids=["raw", "standardised"])
def test_numpy_agrees(name: str, preprocessing: Standardizer | None) -> None:
    """The exported function gives the model's outputs for samples and batches, special values included."""
    model, samples = built(name), finite(name)
    predict = executed(to_numpy(model, None, preprocessing, n_in=2))["predict"]
    with np.errstate(all="ignore"):
        expected = of(model, preprocessing(samples) if preprocessing else samples)
        np.testing.assert_allclose(predict(samples), expected, rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(predict(samples[0].tolist()), expected[0], rtol=1e-12)
        assert predict(samples[:0]).shape == (0, expected.shape[1])


def test_numpy_reads_like_written_by_hand(tmp_path: Path) -> None:
    """The source of an MLP is a line for each layer, and matrices named by layer."""
    source = to_numpy(MLP(2, [2, 1], "tanh", rng=0), tmp_path / "model.py", STANDARDIZER)
    assert (tmp_path / "model.py").read_text() == source
    body = source[source.index("    x = np.asarray") : source.index("\n\n\nmean")]
    assert body.splitlines() == [
        "    x = np.asarray(x, dtype=float)",
        "    h = (x - mean) / scale",
        "    h = np.tanh(h @ W1.T)",
        "    return h @ W2.T",
    ]


def test_large_matrices_are_packed() -> None:
    """A matrix of more than 2,000 numbers is base64, a smaller one a literal; lines are not long."""
    source = to_numpy(MODELS["large"]())
    assert "W2 = unpacked(\n" in source
    assert "W1 = np.array([\n" in source
    assert max(map(len, source.splitlines())) <= 110


# ---------------------------------------------------------------------------------------------------- C


def in_c(name: str) -> str:
    """Return the name of the function of a model."""
    return "model_" + name.replace(" ", "_")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return all models, compiled without a warning."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("c")
    for name in MODELS:
        preprocessing = STANDARDIZER if name == "tanh" else None
        to_c(built(name), folder / f"{in_c(name)}.c", preprocessing, n_in=2)
    files = sorted(map(str, folder.glob("*.c")))
    words = [
        "-std=c99",
        "-pedantic",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-ffp-contract=off",
        "-shared",
        "-fPIC",
    ]
    command = [compiler, *words, *files, "-o", str(folder / "models.so"), "-lm"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return ctypes.CDLL(str(folder / "models.so"))


Doubles = ctypes.POINTER(ctypes.c_double)


def pointer(array: npt.NDArray[np.float64]) -> Any:
    """Return an array as C takes it."""
    return array.ctypes.data_as(Doubles)


def gradients(
    model: Module, x: npt.NDArray[np.float64], seed: npt.NDArray[np.float64]
) -> tuple[list[float], list[float]]:
    """Return the derivatives of a weighted sum of outputs by inputs and parameters."""
    values = [Value(float(number)) for number in x]
    outputs = model(values)
    listed = outputs if isinstance(outputs, list) else [outputs]
    model.zero_grad()
    total = autograd.sum([Value(0.0), *(k * y for k, y in zip(seed.tolist(), listed, strict=True))])
    total.backward()
    return [value.grad for value in values], [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("name", MODELS)
def test_c_agrees(library: Any, name: str) -> None:
    """The compiled function gives the model's outputs, special values included."""
    model, samples = built(name), finite(name)
    expected = of(model, STANDARDIZER(samples) if name == "tanh" else samples)
    result = np.zeros_like(expected)
    for sample, row in zip(samples, result, strict=True):
        library[in_c(name)](pointer(sample), pointer(row))
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"hardmax"}))
def test_gradients_in_c_agree(library: Any, name: str) -> None:
    """The compiled gradient is that of `backward`, by inputs and by parameters; either may be left out."""
    model, samples = built(name), inputs()
    width = of(model, samples[:1]).shape[1]
    rng = np.random.default_rng(1)
    gradient = library[f"{in_c(name)}_gradient"]
    for sample in samples:
        seed = rng.normal(size=(width,))
        scaled = STANDARDIZER(sample) if name == "tanh" else sample
        with np.errstate(all="ignore"):
            by_inputs, by_parameters = gradients(model, scaled, seed)
        expected = np.array(by_inputs) / STANDARDIZER.scale if name == "tanh" else np.array(by_inputs)
        dx, dp = np.full(2, 9.0), np.full(len(by_parameters), 9.0)
        gradient(pointer(sample), pointer(seed), pointer(dx), pointer(dp))
        np.testing.assert_allclose(dx, expected, rtol=1e-11, atol=1e-13, err_msg=str(sample))
        np.testing.assert_allclose(dp, by_parameters, rtol=1e-11, atol=1e-13, err_msg=str(sample))
        only = np.full(2, 9.0)
        gradient(pointer(sample), pointer(seed), pointer(only), None)
        np.testing.assert_array_equal(only, dx)
        gradient(pointer(sample), pointer(seed), None, pointer(dp))


def test_nothing_happens_to_a_hard_choice(library: Any) -> None:
    """The derivative of hardmax is 0."""
    dx, dp = np.ones(2), np.ones(12)
    library.model_hardmax_gradient(pointer(np.ones(2)), pointer(np.ones(4)), pointer(dx), pointer(dp))
    assert not dx.any()
    assert not dp.any()


@pytest.mark.parametrize("name", ["2nd", "while", "tanh", "W1", "x", "größe", "a-b"])
def test_names_that_c_has_not(name: str) -> None:
    """A name that C, or the file itself, uses for something else raises."""
    with pytest.raises(ValueError, match=f"expected a name that C has for a function, got '{name}'"):
        to_c(Neuron(2), name=name)


# ------------------------------------------------------------------------------------------------- ONNX


def run_onnx(proto: Any, samples: npt.NDArray[Any]) -> Any:
    """Return what onnxruntime computes."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": samples})[0]


@pytest.mark.parametrize("name", MODELS)
def test_onnx_agrees(name: str) -> None:
    """The exported model gives the outputs to the accuracy of 32 bits, and nan where they are."""
    pytest.importorskip("onnx")
    model = built(name)
    samples = finite(name)[:10].astype(np.float32)
    outputs = run_onnx(to_onnx(model, n_in=2), samples)
    np.testing.assert_allclose(outputs, of(model, samples.astype(float)), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", [*ACTIVATIONS, "large", "softmax", "whole", "tied", "own in the middle"])
def test_onnx_of_64_bits_agrees(name: str) -> None:
    """With 64 bits it gives them exactly, special values included; runtimes have kernels for these models."""
    pytest.importorskip("onnx")
    model, samples = built(name), inputs()
    outputs = run_onnx(to_onnx(model, None, STANDARDIZER, dtype="float64", n_in=2), samples)
    np.testing.assert_allclose(outputs, of(model, STANDARDIZER(samples)), rtol=1e-12, atol=1e-14)


def test_onnx_reads_as_a_network(tmp_path: Path) -> None:
    """The graph of an MLP has a Gemm for each layer, and names for matrices; the file is what is returned."""
    pytest.importorskip("onnx")
    proto = to_onnx(MLP(2, [3, 1], "relu"), tmp_path / "model.onnx")
    assert [node.op_type for node in proto.graph.node] == ["Gemm", "Relu", "Gemm"]
    assert [tensor.name for tensor in proto.graph.initializer if "W" in tensor.name] == ["W1", "W2"]
    assert (tmp_path / "model.onnx").read_bytes() == proto.SerializeToString()
    with pytest.raises(ValueError, match="expected dtype to be 'float32' or 'float64', got 'float16'"):
        to_onnx(MLP(2, [1]), dtype="float16")  # type: ignore[arg-type]


def test_names_of_inputs_and_outputs(tmp_path: Path) -> None:
    """The files name features and classes, whatever characters those have."""
    names = ("length", 'a"""b', "*/ int c; /*", "back\\", "new\nline", "größe")
    samples = np.random.default_rng(0).normal(size=(6, len(names)))
    labels = np.array([0, 1, 0, 1, 0, 1])
    preprocessing = Preprocessing.of(Dataset("odd", samples, labels, names, ("cat", "dog\\")))
    model = MLP(len(names), [2], rng=0)
    module = executed(to_numpy(model, None, preprocessing))
    assert "Inputs: length, a'''b, * / int c; / *, back/, new/nline, größe." in module["__doc__"]
    assert "Outputs: the scores of cat, dog/." in module["__doc__"]
    source = to_c(model, tmp_path / "odd.c", preprocessing)
    assert "   Outputs: the scores of cat, dog/. */" in source
    if compiler := shutil.which("cc"):
        command = [compiler, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", str(tmp_path / "odd.c")]
        subprocess.run(command, check=True)


# ------------------------------------------------------------------------------ tokens and the training


def test_tokens(tmp_path: Path) -> None:
    """An Embedding gives the rows of tokens in all three, and in C its gradient by token."""
    model = Sequential(Embedding(5, 3, rng=0), Flatten(), Linear(6, 2, rng=1), Tanh())
    samples = np.array([[0.0, 4.0], [2.0, 2.0], [3.0, 1.0]])
    expected = data(model(samples.astype(int)))
    predict = executed(to_numpy(model, n_in=2))["predict"]
    np.testing.assert_allclose(predict(samples), expected, rtol=1e-12)
    np.testing.assert_allclose(predict([2, 2]), expected[1], rtol=1e-12)
    if find_spec("onnx") and find_spec("onnxruntime"):
        proto = to_onnx(model, dtype="float64", n_in=2)
        np.testing.assert_allclose(run_onnx(proto, samples), expected, rtol=1e-12)
    to_c(model, tmp_path / "tokens.c", n_in=2)
    if compiler := shutil.which("cc"):
        library = tmp_path / "tokens.so"
        command = [compiler, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library)]
        subprocess.run([*command, str(tmp_path / "tokens.c"), "-lm"], check=True)
        compiled = ctypes.CDLL(str(library))
        y, dx, dp, seed = np.zeros(2), np.ones(2), np.ones(29), np.array([1.0, -2.0])
        compiled.tokens(pointer(samples[1]), pointer(y))
        np.testing.assert_allclose(y, expected[1], rtol=1e-12)
        compiled.tokens_gradient(pointer(samples[1]), pointer(seed), pointer(dx), pointer(dp))
        first, second = model([2, 2])
        (first - 2.0 * second).backward()
        np.testing.assert_allclose(dp, [p.grad for p in model.parameters()], rtol=1e-12, atol=1e-300)
        assert not dx.any()


@pytest.mark.parametrize("export", [to_numpy, to_c], ids=["numpy", "c"])
def test_the_model_goes_on_training(export: Callable[..., Any]) -> None:
    """What is exported computes as in evaluation; afterwards each module is in the mode that it was in."""
    last = Dropout(0.5).eval()
    model = Sequential(Linear(2, 2), Drops(), last)
    before = [module.training for module in model.modules()]
    training = export(model)
    assert [module.training for module in model.modules()] == before
    assert export(model.eval()) == training


# ----------------------------------------------------------------------------------------- regressions


def test_outputs_in_the_unit_of_the_targets(tmp_path: Path) -> None:
    """With a regression's preprocessing, all three give what `Preprocessing.answers` says."""
    samples = np.random.default_rng(0).normal(size=(20, 3))
    regression = Preprocessing.of(
        Dataset("line", samples, 50.0 + 7.0 * samples.sum(axis=1), ("a", "b", "c"), ())
    )
    model = MLP(3, [4, 1], "tanh", rng=0)
    expected = regression.answers(data(model(regression(samples))))
    results = {"numpy": executed(to_numpy(model, None, regression))["predict"](samples)[:, 0]}
    source = tmp_path / "line.c"
    to_c(model, source, regression)
    if compiler := shutil.which("cc"):
        library = tmp_path / "line.so"
        subprocess.run([compiler, "-shared", "-fPIC", str(source), "-o", str(library), "-lm"], check=True)
        outputs = np.zeros(20)
        for sample, place in zip(samples, range(20), strict=True):
            ctypes.CDLL(str(library)).line(pointer(sample), pointer(outputs[place:]))
        results["c"] = outputs
    if find_spec("onnx") and find_spec("onnxruntime"):
        results["onnx"] = run_onnx(to_onnx(model, None, regression, dtype="float64"), samples)[:, 0]
    for result in results.values():
        np.testing.assert_allclose(result, expected, rtol=1e-12)


# ------------------------------------------------------------------------------------------ what cannot be


class Branches(Module):
    """A module that branches on its inputs."""

    def forward(self, x: Any) -> Any:
        """Return the larger number."""
        return x[0] if x[0] > x[1] else x[1]


class Chooses(Module):
    """A module that chooses when it runs."""

    def forward(self, x: Any) -> Any:
        """Return one of two numbers."""
        return autograd.cond(x[0] > 0, lambda: x[0], lambda: x[1] * 2)


class Stacks(Module):
    """A module that gives arrays."""

    def forward(self, x: Any) -> Any:
        """Return two rows."""
        return np.stack([x, x])


@pytest.mark.parametrize("export", [to_numpy, to_c, to_onnx], ids=["numpy", "c", "onnx"])
def test_what_cannot_be_exported(export: Callable[..., Any]) -> None:
    """A module that branches, a model without a width, another width, and other objects raise and say why."""
    if export is to_onnx:
        pytest.importorskip("onnx")
    with pytest.raises(TypeError, match=r"Branches cannot be exported: .*where"):
        export(Sequential(Layer(2, 2), Branches()))
    with pytest.raises(
        TypeError, match=r"Chooses cannot be exported, since choose is no operation .* by where"
    ):
        export(Chooses(), n_in=2)
    with pytest.raises(
        TypeError, match=r"Stacks cannot be exported: expected numbers as its outputs, got array"
    ):
        export(Stacks(), n_in=2)
    with pytest.raises(ValueError, match=r"the number of inputs of Bumps is not known: pass n_in="):
        export(Bumps())
    with pytest.raises(ValueError, match=r"expected 3 inputs of a layer, got 2"):
        export(Sequential(Layer(2, 2), Layer(3, 1)))
    with pytest.raises(TypeError, match=r"expected a Module to export, got .*tanh"):
        export(autograd.tanh)
    with pytest.raises(TypeError, match=r"expected a Preprocessing or a Standardizer, got .*: prepare the"):
        export(Neuron(2), None, abs)


def test_rows_that_they_have_no_word_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new row of the table is written by its rule; a primitive, or a reduction, is named in an error."""
    row, reduction = (replace(OPS[name], name="bessel", value=Rule("bessel(x)")) for name in ("exp", "sum"))
    monkeypatch.setattr(expressions, "OPS", {"bessel": row})
    with pytest.raises(TypeError, match="the operation bessel cannot be exported: write it with others"):
        C.applied("bessel", [Written("x")], {})
    with pytest.raises(TypeError, match="the operation bessel cannot be exported to C: write it with others"):
        variadic(reduction, [Written("x")])


def test_without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs onnx: pip install 'chainrule\[export\]'"):
        to_onnx(Neuron(2))


def test_a_width_that_is_not_known() -> None:
    """Functions of each number are of any width, until a layer says it."""
    with pytest.raises(ValueError, match="the number of inputs of Sequential is not known: pass n_in="):
        to_numpy(Sequential(ReLU(), Softmax()))
    model = Sequential(Tanh(), Linear(2, 1, rng=0))
    samples = inputs()[:3]
    np.testing.assert_allclose(executed(to_numpy(model))["predict"](samples), of(model, samples), rtol=1e-12)


def test_weights_that_are_computed_do_not_train_in_c() -> None:
    """A layer of which no number is a parameter adds nothing to their gradient; such a table is refused."""
    layer, table, number = Linear(2, 2, rng=0), Embedding(2, 2, rng=0), Value(0.5)
    weights: Any = np.array([[number * 2.0, number * 3.0], [number * 4.0, number * 5.0]])
    layer.weight = table.weight = weights
    layer.bias = [number * 6.0, number * 7.0]
    assert not layer.parameters()
    assert "if (dp" not in to_c(layer)
    with pytest.raises(TypeError, match="Embedding cannot be exported to C: some of its rows do not train"):
        to_c(table, n_in=1)
