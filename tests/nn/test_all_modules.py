"""Modules for `Sequential`, and what all modules can do: `children`, `apply`, `eval`, `summary`, `repr`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from autograd import Value, as_values, data, grad, grads, jit, make_functional, value_and_grad
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
    fit,
)
from nn.losses import cross_entropy, mse


class Net(Module):
    """A module of a user, with modules in all kinds of containers."""

    def __init__(self) -> None:
        self.first = Linear(2, 3, rng=0)
        self.blocks = [Neuron(3, rng=1), {"a": Neuron(3, rng=2)}]
        self.table: dict[str, Any] = {"x": (Linear(3, 1, rng=3),), "first": self.first}
        self.array = np.array([Layer(1, 1, rng=4), None], dtype=object)
        self.scale = Value(2.0)

    def forward(self, x: Any) -> Any:
        """Return the output for one sample."""
        return self.table["x"][0].forward(self.first.forward(x))


# --------------------------------------------------------------------------------------------- the modules


@pytest.mark.parametrize(
    ("module", "name", "settings"),
    [
        (ReLU(), "ReLU", {}),
        (LeakyReLU(), "LeakyReLU", {}),
        (LeakyReLU(0.3), "LeakyReLU", {"negative_slope": 0.3}),
        (ELU(), "ELU", {}),
        (ELU(2.0), "ELU", {"alpha": 2.0}),
        (Tanh(), "Tanh", {}),
        (Sigmoid(), "Sigmoid", {}),
        (GELU(), "GELU", {}),
        (GELU("tanh"), "GELU", {"approximate": "tanh"}),
        (SiLU(), "SiLU", {}),
        (Softplus(), "Softplus", {}),
        (Softmax(), "Softmax", {"dim": -1}),
    ],
    ids=lambda part: repr(part) if isinstance(part, Module) else None,
)
def test_activations_agree_with_pytorch(module: Module, name: str, settings: dict[str, Any]) -> None:
    """Value and gradient are those of PyTorch's module of that name, for samples and batches."""
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(scale=3.0, size=(4, 5))
    twin = torch.tensor(x, requires_grad=True)
    weights = np.random.default_rng(1).normal(size=x.shape)
    expected = getattr(torch.nn, name)(**settings)(twin)
    (expected * torch.tensor(weights)).sum().backward()
    values = as_values(x)
    out = Sequential(module)(values)
    (out * weights).sum().backward()
    np.testing.assert_allclose(data(out), expected.detach(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(grads(values), twin.grad, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(data(module(x[0])), data(out)[0], rtol=1e-14)
    np.testing.assert_allclose(jit(module)(x), data(out), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_agrees_with_pytorch(bias: bool) -> None:
    """Arguments, shapes, outputs and gradients are those of `torch.nn.Linear`."""
    torch = pytest.importorskip("torch")
    ours, twin = Linear(3, 2, bias, rng=0), torch.nn.Linear(3, 2, bias, dtype=torch.float64)
    assert ours.weight.shape == tuple(twin.weight.shape)
    assert (ours.in_features, ours.out_features) == (twin.in_features, twin.out_features)
    numbers = np.random.default_rng(0).normal(size=8)
    twin.load_state_dict(
        {"weight": torch.tensor(numbers[:6].reshape(2, 3))}
        | ({"bias": torch.tensor(numbers[6:])} if bias else {})
    )
    ours.load_state_dict(dict(zip(ours.state_dict(), numbers.tolist(), strict=False)))
    x = np.random.default_rng(1).normal(size=(4, 3))
    expected, out = twin(torch.tensor(x)), ours(x)
    np.testing.assert_allclose(data(out), expected.detach(), rtol=1e-14)
    (expected**2).sum().backward()
    (out**2).sum().backward()
    np.testing.assert_allclose(grads(ours.weight), twin.weight.grad, rtol=1e-13)
    assert (ours.bias is None) == (twin.bias is None)


def test_flatten() -> None:
    """Samples of any shape become rows; a batch has one dimension more, also in nested lists."""
    images = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(data(Flatten()(images)), images.reshape(2, 12))
    np.testing.assert_array_equal(data(Flatten()(images[:, 0])), images[:, 0])
    np.testing.assert_array_equal(Flatten()(images[0, 0]), images[0, 0])
    net = Sequential(Flatten(), Linear(12, 3, rng=0))
    np.testing.assert_allclose(data(net(images.tolist())), data(net(images)), rtol=1e-14)
    np.testing.assert_allclose(jit(lambda x: net(x))(images), data(net(images)), rtol=1e-13)


def test_embedding_agrees_with_pytorch() -> None:
    """The rows of tokens, and gradients that are added up where a token stands twice; eager and compiled."""
    torch = pytest.importorskip("torch")
    tokens, targets = np.array([[0, 1, 2], [3, 3, 3], [4, 0, 4], [1, 2, 4]]), np.array([0, 1, 2, 0])
    embedding, linear = Embedding(5, 2, rng=0), Linear(6, 3, rng=1)
    net = Sequential(embedding, Flatten(), linear)
    table = torch.tensor(data(embedding.weight), requires_grad=True)
    rows = torch.nn.functional.embedding(torch.tensor(tokens), table)
    np.testing.assert_array_equal(data(embedding(tokens)), rows.detach())
    scores = rows.reshape(4, 6) @ torch.tensor(data(linear.weight)).T
    torch.nn.functional.cross_entropy(scores, torch.tensor(targets)).backward()
    loss = cross_entropy(net(tokens), targets)
    loss.backward()
    np.testing.assert_allclose(grads(embedding.weight), table.grad, atol=1e-15)
    step = jit(value_and_grad(make_functional(lambda x, y: cross_entropy(net(x), y), net.parameters())))
    for count in (4, 2, 1, 3):
        value, gradient = step(data(net.parameters()), tokens[:count], targets[:count])
        if count == 4:
            assert value == pytest.approx(loss.data, rel=1e-13)
            np.testing.assert_allclose(gradient, grads(net.parameters()), atol=1e-14)
    assert step.report().compilations == 1
    with pytest.raises(IndexError, match="there are 5 elements, got 7"):
        embedding([7])


@pytest.mark.parametrize("compiled", [False, True])
def test_images_are_learnt(compiled: bool) -> None:
    """`fit` takes samples of more dimensions where the model does, also held-out ones; else it raises."""
    images = np.random.default_rng(0).normal(size=(12, 2, 3))
    targets = images[:, 0, 0] - images[:, 1, 2]
    net = Sequential(Flatten(), Linear(6, 1, rng=0))
    held_out = (images[:4], targets[:4])
    history = fit(
        net, images, targets, loss=mse, epochs=200, validation_data=held_out, verbose=0, jit=compiled
    )
    assert history.val_loss[-1] < 1e-3
    with pytest.raises(ValueError, match=r"expected held-out samples of 2 × 3 inputs, .* got 6"):
        fit(net, images, targets, loss=mse, validation_data=(images.reshape(12, 6), targets), verbose=0)
    with pytest.raises(ValueError, match=r"expected a 2-D array of inputs .* \(12, 2, 3\)"):
        fit(MLP(6, [1]), images, targets, loss=mse, verbose=0, jit=compiled)


def test_tokens_are_learnt() -> None:
    """`fit` trains an embedding, compiled."""
    tokens, targets = np.array([[0, 1], [1, 2], [2, 0], [1, 1]]), np.array([0, 1, 2, 1])
    net = Sequential(Embedding(3, 3, rng=0), Flatten(), Linear(6, 3, rng=1))
    history = fit(net, tokens, targets, loss=cross_entropy, epochs=100, verbose=0)
    assert history.how == "compiled"
    assert data(net(tokens)).argmax(axis=1).tolist() == targets.tolist()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Linear(0, 1), "expected in_features to be a whole number of at least 1, got 0"),
        (lambda: Linear(1, 2.0), "expected out_features .* got 2.0"),  # type: ignore[arg-type]
        (lambda: Embedding(0, 1), "expected num_embeddings .* got 0"),
        (lambda: Embedding(2, True), "expected embedding_dim .* got True"),
        (lambda: Linear(1, 1, init="he_norml"), "did you mean 'he_normal'?"),
    ],
)
def test_wrong_arguments(build: Any, message: str) -> None:
    """A wrong size or name raises an error that says which."""
    with pytest.raises(ValueError, match=message):
        build()
    with pytest.raises(TypeError, match="expected bias to be True or False, got 3"):
        Linear(1, 2, 3)  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------- walking, and modes


def test_modules_are_found_in_containers() -> None:
    """Children and modules stand in attributes, lists, tuples, dicts and arrays; each is found once."""
    net = Net()
    names = ["first", "blocks.0", "blocks.1.a", "table.x.0", "array[0]"]
    assert [name for name, _ in net.named_children()] == names
    assert [name for name, _ in net.named_modules()] == ["", *names, "array[0].neurons.0"]
    assert next(iter(net.modules())) is net
    assert [*net.children()] == [module for _, module in net.named_children()]
    assert [*Linear(1, 1).children()] == []


def test_apply_agrees_with_pytorch() -> None:
    """`apply` calls a function with each module, parts first, in PyTorch's order, and returns the module."""
    torch = pytest.importorskip("torch")
    made = torch.nn.Sequential(
        torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.Tanh(), torch.nn.ReLU()), torch.nn.Sigmoid()
    )
    ours = Sequential(Linear(2, 2), Sequential(Tanh(), ReLU()), Sigmoid())
    orders: list[list[str]] = [[], []]
    made.apply(lambda module: orders[0].append(type(module).__name__))
    assert ours.apply(lambda module: orders[1].append(type(module).__name__)) is ours
    assert orders[1] == orders[0]


def test_modes_reach_all_modules() -> None:
    """`eval` and `train` tell all modules inside, and return the module; anything but a bool raises."""
    net = Net()
    assert all(module.training for module in net.modules())
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert all(module.training for module in net.train().modules())
    with pytest.raises(ValueError, match="expected mode to be True or False, got 1"):
        net.train(1)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Frozen(Module):
    """A module that nobody may assign to."""

    rate: float

    def forward(self, x: Any) -> Any:
        """Return the output for one sample."""
        return x[0] * (self.rate if self.training else 1.0)


def test_the_mode_is_part_of_the_key() -> None:
    """A compiled function of a module is compiled for each mode, and once for models that nobody told."""
    f = jit(lambda module, x: module(x))
    told = Frozen(3.0)
    told.eval().train()
    assert [f(Frozen(3.0), [2.0]), f(told, [2.0]), f(told.eval(), [2.0]), f(told.train(), [2.0])] == [
        6,
        6,
        2,
        6,
    ]
    assert f.report().compilations == 2


def test_derivatives_see_the_mode() -> None:
    """The copy of a module that is differentiated has its mode."""
    net = Sequential(Linear(1, 1, rng=0), Frozen(3.0)).eval()
    gradient = grad(lambda net: net([2.0]))(net)
    assert gradient["steps.0.weight[0, 0]"] == 2.0


# --------------------------------------------------------------------------------------------- what is shown


def test_trees() -> None:
    """A `repr` has a line for each module with its parameters, own modules and shared ones included."""
    assert repr(Net()).splitlines() == [
        "Net: 24 parameters",
        "  first: Linear(2, 3), 9 parameters",
        "  blocks.0: Neuron(3, 'tanh'), 4 parameters",
        "  blocks.1.a: Neuron(3, 'tanh'), 4 parameters",
        "  table.x.0: Linear(3, 1), 4 parameters",
        "  array[0]: Layer(1, 1, 'tanh'), 2 parameters",
    ]
    shared = Layer(2, 2)
    assert repr(Sequential(shared, abs, Sequential(Dropout(0.2), Flatten()), shared)).splitlines() == [
        "Sequential: 6 parameters",
        "  steps.0: Layer(2, 2, 'tanh'), 6 parameters",
        "  steps.1: abs",
        "  steps.2: Sequential, 0 parameters",
        "    steps.0: Dropout(0.2), 0 parameters",
        "    steps.1: Flatten, 0 parameters",
        "  steps.3: the same as steps.0",
    ]
    assert repr(Neuron(2)) == "Neuron(2, 'tanh'): 3 parameters"
    assert repr(Frozen(3.0)).endswith("Frozen(rate=3.0)")


def test_long_trees_are_short() -> None:
    """Neighbours that are alike share a line, and the middle of many lines is left out."""
    assert (
        repr(MLP(2, [3] * 50, "linear")).splitlines()[2]
        == "  layers.1 to layers.49, each: Layer(3, 3, 'linear'), 12 parameters"
    )
    lines = repr(MLP(1, [2, 1] * 100)).splitlines()
    assert len(lines) == 40
    assert lines[20] == "  ... 162 more lines; see summary()"


def test_deep_trees() -> None:
    """Modules that are nested deeply are shown, found and told their mode without recursion."""
    net = Sequential(Linear(1, 1))
    for _ in range(500):
        net = Sequential(net)
    assert len(repr(net).splitlines()) == 40
    assert not any(module.training for module in net.eval().modules())


def test_summaries() -> None:
    """A table has names, layers, shapes of outputs and parameters, of which shared ones count once."""
    net = Sequential(Embedding(5, 2), Flatten(), MLP(6, [4, 3]), Dropout())
    assert [row[2] for row in net.summary().rows] == [None] * 6
    assert str(net.summary(3)).splitlines() == [
        "name              layer                  output shape  parameters",
        "steps.0           Embedding(5, 2)        (3, 2)                10",
        "steps.1           Flatten                (6,)                   0",
        "steps.2           MLP                    (3,)                  43",
        "steps.2.layers.0  Layer(6, 4, 'tanh')    (4,)                  28",
        "steps.2.layers.1  Layer(4, 3, 'linear')  (3,)                  15",
        "steps.3           Dropout(0.5)           (3,)                   0",
        "total                                                          53",
    ]
    assert ">Embedding(5, 2)</td>" in net.summary(3)._repr_html_()
    shared = Layer(2, 2)
    assert Sequential(shared, shared).summary().parameters == 6
    with pytest.raises(ValueError, match="expected 2 inputs, got 5"):
        shared.summary(5)


def test_a_summary_changes_nothing() -> None:
    """The mode, the attributes and the generators of a model are as before."""
    net = Sequential(Linear(2, 2, rng=0), Dropout(0.5, rng=0))
    net.summary()
    assert net.training
    assert net([1.0, 2.0]) == Sequential(Linear(2, 2, rng=0), Dropout(0.5, rng=0))([1.0, 2.0])


# ---------------------------------------------------------------------------------------------- wrong sizes


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (MLP(2, [3, 1]), r"^layers\.0, a Layer\(2, 3, 'tanh'\), expected 2 inputs, got 4: pass it 2 numbers"),
        (Layer(2, 3), r"^this Layer\(2, 3, 'tanh'\) expected 2 inputs, got 4"),
        (
            Sequential(Layer(4, 3), MLP(2, [1])),
            r"^steps\.1\.layers\.0, a Layer\(2, 1, .*expected 2 inputs, got 3",
        ),
        (Sequential(Linear(4, 2), Tanh(), Linear(3, 1)), r"^steps\.2, a Linear\(3, 1\), expected 3 .* got 2"),
        (Sequential(Sequential(Neuron(5))), r"^steps\.0\.steps\.0, a Neuron\(5, .* expected 5 .* got 4"),
    ],
)
def test_a_wrong_width_names_the_layer(net: Module, message: str) -> None:
    """The error has the path of the layer, for samples, batches, compiled calls and `fit`."""
    x = np.ones((3, 4))
    calls: list[Callable[[], Any]] = [
        lambda: net(x),
        lambda: net(x[0]),
        lambda: net(x.tolist()),
        lambda: jit(lambda x: net(x))(x),
        lambda: grad(lambda net: mse(net(x), [0.0] * 3))(net),
        lambda: fit(net, x, np.zeros(3), loss=mse, jit=True, verbose=0),
        lambda: fit(net, x, np.zeros(3), loss=mse, jit=False, verbose=0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()


def test_sizes_without_the_number_of_inputs() -> None:
    """`MLP([2, 8, 1])` says how it is written."""
    with pytest.raises(TypeError, match=r"got \[2, 8, 1\] alone: write MLP\(2, \[8, 1\]\)"):
        MLP([2, 8, 1])  # type: ignore[arg-type]


def test_samples_with_more_dimensions() -> None:
    """A layer takes rows of numbers: an array of more dimensions raises."""
    with pytest.raises(
        ValueError, match=r"expected a 1-D sample or a 2-D batch, got an array of shape \(3, 2, 2\)"
    ):
        MLP(2, [1])(np.ones((3, 2, 2)))


# ------------------------------------------------------------------------------------- the default activation


def test_the_lesson_of_micrograd() -> None:
    """Twenty steps on four samples, as in micrograd's lecture, end below 0.1 for nearly all seeds."""
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    ends = []
    for seed in range(60):
        net = MLP(3, [4, 4, 1], rng=seed)
        for _ in range(20):
            loss = sum((net(x) - y) ** 2 for x, y in zip(xs, ys, strict=True))
            net.zero_grad()
            loss.backward()
            for p in net.parameters():
                p.data -= 0.05 * p.grad
        ends.append(sum((net(x).data - y) ** 2 for x, y in zip(xs, ys, strict=True)))
    assert sum(end < 0.1 for end in ends) >= 55
