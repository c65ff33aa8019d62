from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, as_values, data, grads
from autograd.engine.graph import nodes
from nn import GELU, MLP, Layer, Module, Neuron, Sequential, datasets
from nn.activations import ACTIVATIONS, activation, hardmax
from nn.initializers import INITIALIZERS, initializer
from nn.losses import hinge
from nn.modules.activation_modules import Elementwise

activations = pytest.mark.parametrize("name", ACTIVATIONS)

MODELS: dict[str, Callable[[str], Any]] = {
    "Neuron": lambda name: Neuron(3, name, rng=0),
    "Layer": lambda name: Layer(3, 4, name, rng=0),
    "MLP": lambda name: MLP(3, [4, 5, 2], name, output=name, rng=0),
    "Sequential": lambda name: Sequential(Layer(3, 4, name, rng=0), Layer(4, 2, name, rng=1)),
}


@pytest.fixture(scope="module")
def torch() -> Any:
    """Return PyTorch, or skip the test."""
    return pytest.importorskip("torch")


def in_torch(torch: Any, name: str, x: Any) -> Any:
    """Return PyTorch's version of an activation."""
    if name == "linear":
        return x
    if name == "gelu":
        return torch.nn.functional.gelu(x, approximate="tanh")
    return getattr(torch if name in ("sigmoid", "tanh") else torch.nn.functional, name)(x)


def neurons(model: Any) -> list[list[Neuron]]:
    """Return the neurons of a model, one list per layer."""
    if isinstance(model, Neuron):
        return [[model]]
    layers: dict[type, Callable[[], Any]] = {
        Layer: lambda: [model],
        MLP: lambda: model.layers,
        Sequential: lambda: model.steps,
    }
    return [layer.neurons for layer in layers[type(model)]()]


# ---------------------------------------------------------------------------------------- against PyTorch


@activations
@pytest.mark.parametrize("kind", MODELS)
def test_outputs_and_gradients_are_those_of_pytorch(torch: Any, kind: str, name: str) -> None:
    """With the same weights, outputs and gradients agree with PyTorch, also where w·x + b is 0."""
    model = MODELS[kind](name)
    for layer in neurons(model):
        for neuron in layer[::2]:
            neuron.b.data = 0.3
    rng = np.random.default_rng(2)
    x = as_values(np.vstack([np.zeros(3), rng.normal(size=(4, 3))]))
    outputs = model(x)
    weights = rng.normal(size=outputs.shape)
    autograd.sum((outputs * weights).flat).backward()

    twin_x = torch.tensor(data(x), requires_grad=True)
    twins = {p: torch.tensor(p.data, dtype=torch.float64, requires_grad=True) for p in model.parameters()}
    twin_outputs = twin_x
    for layer in neurons(model):
        w = torch.stack([torch.stack([twins[w] for w in neuron.w]) for neuron in layer])
        b = torch.stack([twins[neuron.b] for neuron in layer])
        twin_outputs = in_torch(torch, name, twin_outputs @ w.T + b)
    (twin_outputs * torch.tensor(weights)).sum().backward()

    np.testing.assert_allclose(data(outputs), twin_outputs.detach().numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(grads(x), twin_x.grad.numpy(), rtol=1e-12, atol=1e-12)
    for parameter, twin in twins.items():
        assert parameter.grad == pytest.approx(twin.grad.item(), rel=1e-12, abs=1e-12), parameter


@activations
@pytest.mark.parametrize("at", [-1000.0, -30.0, 0.0, 30.0, 1000.0])
def test_activations_far_from_zero(torch: Any, name: str, at: float) -> None:
    """Activations do not overflow: far from 0, value and derivative agree with PyTorch."""
    x = Value(at)
    out = activation(name)(x) + 0.0
    out.backward()
    twin = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    twin_out = in_torch(torch, name, twin)
    twin_out.backward()
    # PyTorch's softplus returns x from x = 20 on, which is 1e-13 too small at 30.
    assert (out.data, x.grad) == pytest.approx((twin_out.item(), twin.grad.item()), rel=1e-12, abs=1e-12)


# ------------------------------------------------------------------------------------------- construction


@pytest.mark.parametrize(
    ("n_in", "sizes", "count"),
    [(2, [16, 16, 1], 337), (1, [1], 2), (4, [3], 15), (3, [4, 5, 2], 16 + 25 + 12), (2, (2, 1), 9)],
)
def test_number_of_parameters(n_in: int, sizes: Any, count: int) -> None:
    """An MLP has one weight per connection and one bias per neuron."""
    model = MLP(n_in, sizes)
    assert len(model.parameters()) == count
    assert f"{count} parameters" in repr(model)


def test_activations_of_an_mlp() -> None:
    """The last layer is linear by default; the others have the activation."""

    def shapes(model: MLP) -> list[str]:
        return [repr(layer).partition(":")[0] for layer in model.layers]

    assert shapes(MLP(2, [3, 1])) == ["Layer(2, 3, 'tanh')", "Layer(3, 1, 'linear')"]
    assert shapes(MLP(2, [3, 1], "relu", output="sigmoid")) == [
        "Layer(2, 3, 'relu')",
        "Layer(3, 1, 'sigmoid')",
    ]


@pytest.mark.parametrize("kind", MODELS)
def test_biases_begin_at_zero_and_weights_do_not(kind: str) -> None:
    """Weights are drawn independently, also within a layer; biases are 0."""
    state = MODELS[kind]("tanh").state_dict()
    biases, weights = ([state[name] for name in state if name.endswith("b") is end] for end in (True, False))
    assert set(biases) == {0.0}
    assert len(set(weights)) == len(weights)


@pytest.mark.parametrize("kind", MODELS)
def test_the_same_seed_gives_the_same_model(kind: str) -> None:
    """Models with the same seed are equal."""
    assert MODELS[kind]("tanh").state_dict() == MODELS[kind]("tanh").state_dict()


def test_seeds_and_generators() -> None:
    """A seed equals its generator; another seed, a used generator, or none gives other weights."""
    rng = np.random.default_rng(0)
    seeded, drawn = MLP(2, [3, 1], rng=0).state_dict(), MLP(2, [3, 1], rng=rng).state_dict()
    assert drawn == seeded
    for other in (rng, 1, None):
        assert MLP(2, [3, 1], rng=other).state_dict() != seeded


def test_numpys_global_generator_is_left_alone() -> None:
    """The global random state neither changes the weights nor is consumed by drawing them."""
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    weights = MLP(2, [3, 1], rng=0).state_dict()
    np.random.seed(0)  # noqa: NPY002
    assert MLP(2, [3, 1], rng=0).state_dict() == weights
    MLP(2, [3, 1])
    assert np.random.random() == expected  # noqa: NPY002


@activations
def test_an_activation_and_its_name_give_the_same_model(name: str) -> None:
    """An activation function and its name build the same model, initial weights included."""
    by_name = MLP(2, [3, 1], name, output=name, rng=0)
    by_function = MLP(2, [3, 1], ACTIVATIONS[name], output=ACTIVATIONS[name], rng=0)
    assert by_function.state_dict() == by_name.state_dict()
    assert repr(by_function) == repr(by_name)


def test_an_activation_may_be_any_function() -> None:
    """Any function of a `Value` is an activation, and any function of (rng, n_in, n_out) an initializer."""
    neuron = Neuron(2, lambda z: z * z, init=lambda rng, n_in, n_out: np.full((n_out, n_in), 3.0))
    assert neuron([1.0, 1.0]) == 36.0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Neuron(0), "expected n_in to be a whole number of at least 1, got 0"),
        (lambda: Neuron(-2), "n_in .* got -2"),
        (lambda: Neuron(2.0), r"n_in .* got 2\.0"),  # type: ignore[arg-type]
        (lambda: Neuron(True), "n_in .* got True"),
        (lambda: Layer(2, 0), "expected n_out to be a whole number of at least 1, got 0"),
        (lambda: Layer(2, "3"), "n_out .* got '3'"),  # type: ignore[arg-type]
        (lambda: MLP(0, [1]), "n_in .* got 0"),
        (lambda: MLP(2, []), r"at least one layer; pass sizes such as \[16, 16, 1\]"),
        (lambda: MLP(2, [3, 0, 1]), r"sizes\[1\] .* got 0"),
        (lambda: MLP(2, [3, 1.0]), r"sizes\[1\] .* got 1\.0"),  # type: ignore[list-item]
        (
            lambda: MLP(2, [3], "rellu"),
            r"unknown activation .rellu. \(did you mean .relu.\?\); take one of linear, relu,",
        ),
        (lambda: MLP(2, [3], output=["relu"]), r"unknown activation \['relu'\]; take one of"),  # type: ignore[arg-type]
        (lambda: MLP(2, [3], init=2), "unknown initializer 2; take one of he_normal"),  # type: ignore[arg-type]
        (lambda: MLP(2, [1], output="step"), "unknown activation 'step'; take one of linear, relu,"),
        (lambda: Layer(2, 1, "ReLU"), "unknown activation 'ReLU'; .* or a function"),
        (lambda: Neuron(2, init="xavier"), "unknown initializer 'xavier'; take one of he_normal,"),
    ],
)
def test_bad_sizes_and_names(build: Callable[[], Module], message: str) -> None:
    """Sizes other than integers of at least 1, and unknown names, raise and say what to pass."""
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("sizes", [3, np.int64(3), "3", None, 2.5], ids=repr)
def test_sizes_that_are_no_sequence(sizes: Any) -> None:
    """Sizes that are not a sequence raise; for a number the error shows how to write a single layer."""
    message = r"such as \[16, 16, 1\], got .*"
    if isinstance(sizes, int | np.integer):
        message += r"; a single layer of 3 is \[3\]"
    with pytest.raises(TypeError, match=message):
        MLP(2, sizes)


@pytest.mark.parametrize("sizes", [np.array([3, 1]), (np.int64(3), np.int32(1))], ids=["array", "tuple"])
def test_sizes_may_come_from_numpy(sizes: Any) -> None:
    """Sizes may be NumPy integers, also in an array."""
    assert repr(MLP(np.int64(2), sizes)) == repr(MLP(2, [3, 1]))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ training


def test_the_loop_of_micrograd() -> None:
    """The update `p.data -= lr * p.grad` lowers the loss at each step."""
    moons = datasets.moons(20)
    model = MLP(2, [16, 16, 1], rng=0)
    losses = []
    for _ in range(10):
        loss = hinge(model(moons.inputs), 2 * moons.labels - 1)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.05 * p.grad
        losses.append(loss.data)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.75 * losses[0]


@pytest.mark.parametrize("sizes", [[1], [3, 1], [16, 16, 1]], ids=str)
def test_a_neuron_is_three_nodes(sizes: list[int]) -> None:
    """A neuron has three nodes per sample: product, bias and activation."""
    model, samples = MLP(2, sizes, rng=0), 5
    order = nodes(autograd.sum(model(np.ones((samples, 2))).flat))
    made = [node.op.name for node in order if node.op is not None]
    assert made.count("dot") == samples * sum(sizes)
    assert made.count("add") == samples * sum(sizes)
    assert made.count("tanh") == samples * sum(sizes[:-1])
    assert len(order) == len(model.parameters()) + samples * (3 * sum(sizes) - sizes[-1]) + 1


# ----------------------------------------------------------------------------------------------- sequential


def test_functions_between_layers() -> None:
    """A function receives all outputs of the previous step: tanh maps each, softmax all together."""
    layer = Layer(2, 3, "linear", rng=0)
    x = [1.0, -2.0]
    z = data(layer(x))
    np.testing.assert_allclose(data(Sequential(layer, autograd.tanh)(x)), np.tanh(z), rtol=1e-15)
    probabilities = data(Sequential(layer, autograd.softmax)(x))
    np.testing.assert_allclose(probabilities, np.exp(z) / np.exp(z).sum(), rtol=1e-14)


def test_sequential_of_layers_is_an_mlp() -> None:
    """A Sequential of layers, nested or not, agrees with the MLP of those layers."""
    mlp = MLP(2, [3, 4, 1], rng=0)
    first, *rest = mlp.layers
    x = np.random.default_rng(0).normal(size=(5, 2))
    for model in (Sequential(first, *rest), Sequential(first, Sequential(*rest)), Sequential(mlp)):
        np.testing.assert_array_equal(data(model(x)), data(mlp(x)))
        assert len(model.parameters()) == len(mlp.parameters())


def test_a_function_that_gives_one_number() -> None:
    """A step may reduce all outputs to one, which is the input of the next step."""
    model = Sequential(
        autograd.sum, Neuron(1, "linear", init=lambda rng, n_in, n_out: np.full((n_out, n_in), 2.0))
    )
    assert model([1.0, 2.0]) == 6.0


def test_a_step_that_cannot_be_called() -> None:
    """A step that is not callable raises."""
    with pytest.raises(TypeError, match=r"expected each step to be a Module or a function, got 'tanh'"):
        Sequential(Layer(2, 1), "tanh")  # type: ignore[arg-type]


# --------------------------------------------------------------------------- activations and initializers


def test_unknown_activation() -> None:
    """An unknown name raises an error that lists the known ones."""
    with pytest.raises(ValueError, match=f"unknown activation 'step'; take one of {', '.join(ACTIVATIONS)}"):
        activation("step")


def test_modules_of_activations() -> None:
    """GELU has two formulas; a class of one's own defines its function."""
    with pytest.raises(ValueError, match="expected approximate to be 'none' or 'tanh', got 'erf'"):
        GELU("erf")

    class Unfinished(Elementwise):
        pass

    with pytest.raises(NotImplementedError, match=r"Unfinished does not define function\(x\)"):
        Unfinished()([1.0])


@pytest.mark.parametrize(
    ("logits", "expected"),
    [([5.0, 2.0, -1.0, 3.0], [1.0, 0.0, 0.0, 0.0]), ([1.0, 2.0, 2.0], [0.0, 1.0, 0.0]), ([7.0], [1.0])],
)
def test_hardmax(logits: list[float], expected: list[float]) -> None:
    """Hardmax is 1 at the first largest logit and 0 elsewhere; it accepts `Value`s too."""
    assert hardmax(logits) == hardmax(map(Value, logits)) == expected


def drawn(name: str, n_in: int, n_out: int, neurons: int = 4000) -> np.ndarray:
    """Return the weights of many neurons."""
    rng = np.random.default_rng(0)
    layers = [INITIALIZERS[name](rng, n_in, n_out) for _ in range(neurons // n_out)]
    return np.concatenate(layers)


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (3, 5), (16, 2)])
@pytest.mark.parametrize(
    ("name", "mean", "variance"),
    [
        ("he", 0.0, lambda n_in, n_out: 2 / n_in),
        ("he_normal", 0.0, lambda n_in, n_out: 2 / n_in),
        ("he_uniform", 0.0, lambda n_in, n_out: 2 / n_in),
        ("glorot", 0.0, lambda n_in, n_out: 2 / (n_in + n_out)),
        ("glorot_normal", 0.0, lambda n_in, n_out: 2 / (n_in + n_out)),
        ("glorot_uniform", 0.0, lambda n_in, n_out: 2 / (n_in + n_out)),
        ("uniform", 0.0, lambda n_in, n_out: 1 / 3),
        ("normal", 0.0, lambda n_in, n_out: 1.0),
        ("orthogonal", 0.0, lambda n_in, n_out: 1 / max(n_in, n_out)),
        ("unit_uniform", 0.5, lambda n_in, n_out: 1 / 12),
        ("zeros", 0.0, lambda n_in, n_out: 0.0),
    ],
)
def test_distribution_of_initial_weights(
    name: str, mean: float, variance: Callable[[int, int], float], n_in: int, n_out: int
) -> None:
    """Initial weights have the published mean and variance; there is one weight per input."""
    weights = drawn(name, n_in, n_out)
    expected = variance(n_in, n_out)
    assert weights.shape == (4000, n_in)
    assert weights.mean() == pytest.approx(mean, abs=4 * sqrt(expected / prod(weights.shape)))
    assert weights.var() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("glorot", -sqrt(0.75), sqrt(0.75)), ("he_uniform", -sqrt(2), sqrt(2)), ("unit_uniform", 0.0, 1.0)],
)
def test_bounds_of_initial_weights(name: str, low: float, high: float) -> None:
    """Uniform weights fill their interval and stay inside it."""
    weights = drawn(name, 3, 5)
    assert low <= weights.min() < low + 0.01
    assert high - 0.01 < weights.max() < high


@pytest.mark.parametrize(
    ("name", "init"), [("relu", "he"), ("gelu", "he"), ("tanh", "glorot"), ("linear", "glorot")]
)
def test_initializer_by_activation(name: str, init: str) -> None:
    """By default the ReLU family uses He initialisation, the others Glorot."""
    chosen, explicit = Layer(3, 4, name, rng=0), Layer(3, 4, name, init=init, rng=0)
    other = Layer(3, 4, name, init="unit_uniform", rng=0)
    assert chosen.state_dict() == explicit.state_dict() != other.state_dict()


def test_initializers_are_told_the_size_of_the_layer() -> None:
    """For each layer of an MLP, the initializer receives its numbers of inputs and outputs."""
    asked = []

    def ones(rng: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        asked.append((n_in, n_out))
        return np.ones((n_out, n_in))

    MLP(3, [4, 2], init=ones)
    assert asked == [(3, 4), (4, 2)]


def test_weights_of_another_shape() -> None:
    """An initializer that does not give a row for each neuron raises."""
    message = r"expected the initializer to return weights of shape \(2, 3\), .* got shape \(3,\)"
    with pytest.raises(ValueError, match=message):
        Layer(3, 2, init=lambda rng, n_in, n_out: np.ones(n_in))


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 2)], ids=str)
def test_orthogonal_weights(shape: tuple[int, int]) -> None:
    """The fewer of rows and columns are orthonormal, as in PyTorch, also in a layer."""
    layer = Layer(*shape, init="orthogonal", rng=0)
    w = np.array([data(neuron.w) for neuron in layer.neurons])
    gram = w @ w.T if shape[1] <= shape[0] else w.T @ w
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-12)


def test_initializer_by_name() -> None:
    """An initializer can be given by name or as a function."""
    for name, function in INITIALIZERS.items():
        assert initializer(name) is initializer(function) is function
