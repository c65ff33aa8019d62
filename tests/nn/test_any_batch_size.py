"""Models, losses and training steps are traced once, for batches of any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import jit, sigmoid, value_and_grad
from nn import MLP, Layer, Module, Sequential, fit, losses
from nn.losses.classes import LossClass
from nn.optimizers import SGD, Adam
from nn.training.compiled_steps import CompiledSteps
from nn.training.eager_steps import EagerSteps
from nn.training.samples import samples_of

Array = Any
Targets = Callable[[np.random.Generator, int], Array]

SIZES = (5, 3, 1, 8)
RTOL, ATOL = 1e-11, 1e-13


def probabilities(rng: np.random.Generator, samples: int) -> Array:
    """Return three probabilities for each sample, some of which are 0 or 1."""
    numbers = rng.integers(0, 3, size=(samples, 3)) + np.eye(3)[rng.integers(0, 3, size=samples)]
    return numbers / numbers.sum(axis=1, keepdims=True)


def bce(logits: Array, targets: Array) -> Any:
    """Return the binary cross entropy of probabilities."""
    return losses.binary_cross_entropy(sigmoid(logits), targets)


ONE: dict[str, tuple[Callable[[Array, Array], Any], Targets]] = {
    "mse": (losses.mse, lambda rng, m: rng.normal(size=m)),
    "mse of a column": (losses.mse, lambda rng, m: rng.normal(size=(m, 1))),
    "half_squared_error": (losses.half_squared_error, lambda rng, m: rng.normal(size=m)),
    "binary_cross_entropy": (bce, lambda rng, m: rng.integers(0, 2, size=m).astype(float)),
    "binary_cross_entropy of integers": (bce, lambda rng, m: rng.integers(0, 2, size=m)),
    "binary_cross_entropy of probabilities": (bce, lambda rng, m: rng.random(size=m)),
    "with_logits": (losses.binary_cross_entropy_with_logits, lambda rng, m: rng.integers(0, 2, size=m)),
    "with_logits of probabilities": (losses.binary_cross_entropy_with_logits, lambda rng, m: rng.random(m)),
    "with_logits of rare ones": (
        losses.BCEWithLogitsLoss(pos_weight=3.0),
        lambda rng, m: rng.integers(0, 2, size=m),
    ),
    "hinge": (losses.hinge, lambda rng, m: 2 * rng.integers(0, 2, size=m) - 1),
    "mae": (losses.mae, lambda rng, m: rng.normal(size=m)),
    "huber": (losses.HuberLoss(delta=0.5), lambda rng, m: rng.normal(size=m)),
}
"""Losses of a single output, and their targets."""

THREE: dict[str, tuple[Callable[[Array, Array], Any], Targets]] = {
    "mse of rows": (losses.mse, lambda rng, m: rng.normal(size=(m, 3))),
    "half_squared_error of rows": (losses.half_squared_error, lambda rng, m: rng.normal(size=(m, 3))),
    "binary_cross_entropy of rows": (bce, lambda rng, m: rng.random(size=(m, 3))),
    "with_logits of rows": (losses.binary_cross_entropy_with_logits, lambda rng, m: rng.random(size=(m, 3))),
    "hinge of rows": (losses.hinge, lambda rng, m: 2.0 * rng.integers(0, 2, size=(m, 3)) - 1.0),
    "cross_entropy of labels": (losses.cross_entropy, lambda rng, m: rng.integers(0, 3, size=m)),
    "cross_entropy of one-hot": (losses.cross_entropy, lambda rng, m: np.eye(3)[rng.integers(0, 3, size=m)]),
    "cross_entropy of probabilities": (losses.cross_entropy, probabilities),
    "huber of rows": (losses.huber, lambda rng, m: rng.normal(size=(m, 3))),
    "with_logits of rare columns": (
        losses.BCEWithLogitsLoss(pos_weight=[3.0, 1.0, 0.5]),
        lambda rng, m: rng.random(size=(m, 3)),
    ),
    "weighted cross_entropy of labels": (
        losses.CrossEntropyLoss([3.0, 1.0, 0.0]),
        lambda rng, m: rng.integers(0, 3, size=m),
    ),
    "smoothed cross_entropy of labels": (
        losses.CrossEntropyLoss([3.0, 1.0, 0.5], label_smoothing=0.1),
        lambda rng, m: rng.integers(0, 3, size=m),
    ),
    "smoothed cross_entropy of probabilities": (
        losses.CrossEntropyLoss([3.0, 1.0, 0.5], label_smoothing=0.1),
        probabilities,
    ),
}
"""Losses of three outputs, and their targets."""

LOSSES = {**ONE, **THREE}


class Counted(Module):
    """A model that counts its traces and calls, one for each batch or sample."""

    def __init__(self, outputs: int) -> None:
        self.mlp = MLP(2, [4, outputs], "tanh", rng=0)

    def forward(self, x: Any) -> Any:
        """Return the outputs of a sample."""
        CALLS.append(1)
        return self.mlp.forward(x)


CALLS: list[int] = []


def batch(name: str, samples: int) -> tuple[Array, Array]:
    """Return inputs and targets of so many samples."""
    rng = np.random.default_rng(samples)
    return rng.normal(size=(samples, 2)), LOSSES[name][1](rng, samples)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_traced_once(name: str) -> None:
    """Gradients are those of the eager call, and batches of other sizes compile nothing."""
    model = MLP(2, [4, 1 if name in ONE else 3], "tanh", rng=0)
    traces = []

    def loss(model: Any, x: Any, y: Any) -> Any:
        traces.append(1)
        return LOSSES[name][0](model(x), y) + losses.l2_penalty(model, 1e-3)

    compiled = jit(value_and_grad(loss))
    found = [compiled(model, *batch(name, samples)) for samples in SIZES]
    assert len(traces) == 1
    for samples, (value, gradient) in zip(SIZES, found, strict=True):
        expected, gradients = value_and_grad(loss)(model, *batch(name, samples))
        assert value == pytest.approx(expected, rel=RTOL)
        for parameter, number in gradients.items():
            assert gradient[parameter] == pytest.approx(number, rel=RTOL, abs=ATOL)


def reduced(name: str, reduction: Any) -> Callable[[Array, Array, Array], Any]:
    """Return a loss of outputs, targets and weights of the samples, with a reduction."""
    loss: Any = LOSSES[name][0]
    if isinstance(loss, LossClass):
        return lambda out, y, w: replace(loss, reduction=reduction)(out, y, sample_weight=w)
    if loss is bce:
        return lambda out, y, w: losses.BCELoss(reduction=reduction)(sigmoid(out), y, sample_weight=w)
    return lambda out, y, w: loss(out, y, sample_weight=w, reduction=reduction)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_reduction_of_weighted_samples_is_traced_once(name: str, reduction: str, weighted: bool) -> None:
    """Weights of the samples are an argument of the program, and batches of other sizes compile nothing."""
    model = MLP(2, [4, 1 if name in ONE else 3], "tanh", rng=0)
    traces = []

    def loss(model: Any, x: Any, y: Any, w: Any) -> Any:
        traces.append(1)
        found = reduced(name, reduction)(model(x), y, w if weighted else None)
        return found if reduction != "none" else (found * found).sum(), found

    compiled = jit(value_and_grad(loss, has_aux=True))
    batches = [(*batch(name, m), np.arange(m) % 3 * 0.5) for m in SIZES]
    found = [compiled(model, *parts) for parts in batches]
    assert len(traces) == 1
    for parts, ((value, terms), gradient) in zip(batches, found, strict=True):
        (expected, wanted), gradients = value_and_grad(loss, has_aux=True)(model, *parts)
        assert value == pytest.approx(expected, rel=RTOL)
        np.testing.assert_allclose(terms, ag.data(wanted), rtol=RTOL, atol=ATOL)
        for parameter, number in gradients.items():
            assert gradient[parameter] == pytest.approx(number, rel=RTOL, abs=ATOL)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_a_training_step_is_traced_once(name: str, optimizer: Any) -> None:
    """Compiled steps move the parameters as eager ones do; the last, smaller batch compiles nothing."""
    outputs = 1 if name in ONE else 3
    model, same = Counted(outputs), Counted(outputs)
    steps = CompiledSteps(model, LOSSES[name][0], optimizer(model.parameters(), lr=0.05))
    eager = EagerSteps(same, LOSSES[name][0], optimizer(same.parameters(), lr=0.05))
    CALLS.clear()
    found = [steps(samples_of(*batch(name, samples))) for samples in SIZES]
    assert len(CALLS) == 1
    steps.write()
    for samples, (value, out) in zip(SIZES, found, strict=True):
        expected, outs = eager(samples_of(*batch(name, samples)))
        assert value == pytest.approx(expected, rel=RTOL)
        np.testing.assert_allclose(out, outs, rtol=RTOL, atol=ATOL)
    np.testing.assert_allclose(ag.data(model.parameters()), ag.data(same.parameters()), rtol=RTOL, atol=ATOL)


def test_an_epoch_compiles_one_step() -> None:
    """`fit` traces the model once, although the last batch of each epoch is smaller."""
    model = Counted(3)
    x, y = batch("cross_entropy of labels", 23)
    CALLS.clear()
    history = fit(model, x, y, loss=losses.cross_entropy, epochs=4, batch_size=5, verbose=0, jit=True)
    # Four calls are those of the eager check.
    assert len(CALLS) == 1 + 4
    assert history.how == "compiled"
    assert len(history.loss) == 4


def layers() -> Sequential:
    """Return layers with functions of one output and of all of them between."""
    return Sequential(Layer(2, 4, "linear", rng=0), ag.tanh, Layer(4, 3, "relu", rng=1), ag.softmax)


@pytest.mark.parametrize("make", [layers, lambda: MLP(2, [4, 3], rng=0), lambda: MLP(2, [3], rng=0)])
def test_a_batch_through_a_model_is_traced_once(make: Callable[[], Module]) -> None:
    """Outputs are those of the eager call for any number of samples."""
    model = make()
    traces = []

    def outputs(x: Any) -> Any:
        traces.append(1)
        return model(x)

    compiled = jit(outputs)
    for samples in SIZES:
        x, _ = batch("mse", samples)
        np.testing.assert_allclose(compiled(x), ag.data(model(x)), rtol=RTOL, atol=ATOL)
    assert len(traces) == 1


def test_a_loss_written_by_hand_is_traced_once() -> None:
    """So are the functions of autograd and NumPy on the outputs of a batch."""
    model = layers()
    traces = []

    def loss(model: Any, x: Any, y: Any) -> Any:
        traces.append(1)
        outputs = model(x)
        entropy = -(ag.log(outputs) * y).sum(axis=1).mean()
        return (
            entropy + 0.1 * np.mean((outputs - y) ** 2) + ((outputs[:, 0] - y[:, 0]) ** 2).sum() / y.shape[0]
        )

    compiled = jit(value_and_grad(loss))
    found = [compiled(model, *batch("cross_entropy of probabilities", samples)) for samples in SIZES]
    assert len(traces) == 1
    for samples, (value, _) in zip(SIZES, found, strict=True):
        expected, _ = value_and_grad(loss)(model, *batch("cross_entropy of probabilities", samples))
        assert value == pytest.approx(expected, rel=RTOL)


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        (losses.mse, np.ones(4), r"predictions of shape \(3, 1\) do not fit targets of shape \(4,\)"),
        (
            losses.cross_entropy,
            np.array([0, 1, 0]),
            r"shape \(3, 1\): one output .* with binary_",
        ),
        (losses.hinge, np.array([0, 1, 1]), "to be -1 or 1, got 0.0; use"),
        (losses.binary_cross_entropy_with_logits, np.array([0.0, 1.0, 2.0]), "to be from 0 to 1, got 2.0"),
    ],
)
def test_errors_of_a_loss_are_those_of_an_eager_call(loss: Any, targets: Array, message: str) -> None:
    """Targets that are constants of a compiled function are checked as eager ones are."""
    model, x = MLP(2, [1], rng=0), np.ones((3, 2))
    for call in (loss, jit(lambda outputs: loss(model(outputs), targets))):
        with pytest.raises(ValueError, match=message):
            call(x if call is not loss else model(x), *([targets] if call is loss else []))
