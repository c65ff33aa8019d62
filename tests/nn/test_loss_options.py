"""Weights, reductions and the other options of losses, in eager calls."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from math import inf, nan, prod
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Value, as_values, check_grads, data, grad, grads, hessian, jit, vmap
from nn import MLP, Module, losses

Shape = tuple[int, ...]
RTOL, ATOL = 1e-12, 1e-12
AVERAGE: Any = "average"
REDUCTIONS = ["mean", "sum", "none"]


class Case(NamedTuple):
    """A loss, the terms of PyTorch, and examples of predictions and targets."""

    loss: Callable[..., Any]
    torch: Callable[[Any, Any, Any], Any]
    predictions: Callable[[np.random.Generator, Shape], Any]
    targets: Callable[[np.random.Generator, Shape], Any]


def normal(rng: np.random.Generator, shape: Shape) -> Any:
    """Return numbers of both signs, some of which are large."""
    return 2.0 * rng.normal(size=shape)


def unit(rng: np.random.Generator, shape: Shape) -> Any:
    """Return probabilities."""
    return rng.uniform(0.01, 0.99, size=shape)


def functional(name: str, **options: Any) -> Callable[[Any, Any, Any], Any]:
    """Return the terms of a loss of PyTorch."""
    return lambda t, p, y: getattr(t.nn.functional, name)(p, y, reduction="none", **options)


CASES = {
    "mse": Case(losses.mse, functional("mse_loss"), normal, normal),
    "half_squared_error": Case(losses.half_squared_error, lambda t, p, y: (p - y) ** 2 / 2, normal, normal),
    "mae": Case(losses.mae, functional("l1_loss"), normal, normal),
    "huber": Case(losses.huber, functional("huber_loss"), normal, normal),
    "huber of 0.3": Case(losses.HuberLoss(delta=0.3), functional("huber_loss", delta=0.3), normal, normal),
    "binary_cross_entropy": Case(losses.binary_cross_entropy, functional("binary_cross_entropy"), unit, unit),
    "with_logits": Case(
        losses.binary_cross_entropy_with_logits,
        functional("binary_cross_entropy_with_logits"),
        normal,
        unit,
    ),
    "hinge": Case(
        losses.hinge,
        lambda t, p, y: t.relu(1 - p * y),
        normal,
        lambda rng, shape: np.sign(rng.normal(size=shape)),
    ),
}

every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@pytest.fixture(scope="module")
def torch() -> Any:
    """Return PyTorch, or skip the test."""
    return pytest.importorskip("torch")


def call(loss: Any, predictions: Any, targets: Any, reduction: Any, **options: Any) -> Any:
    """Return a loss of a function or of a class."""
    if isinstance(loss, losses.HuberLoss):
        loss, options = losses.huber, {"delta": loss.delta, **options}
    return loss(predictions, targets, reduction=reduction, **options)


def assert_same(found: Any, leaves: Any, expected: Any, twin: Any) -> None:
    """Assert that a loss, and the gradient of a random sum of its terms, agree with PyTorch."""
    factors = np.random.default_rng(0).normal(size=np.shape(found))
    np.testing.assert_allclose(data(found), expected.detach().numpy(), rtol=RTOL, atol=ATOL)
    np.sum(found * factors).backward()
    (expected * expected.new_tensor(factors)).sum().backward()
    np.testing.assert_allclose(grads(leaves), twin.grad.numpy(), rtol=RTOL, atol=ATOL)


# -------------------------------------------------------------------------------------- against PyTorch


@every_case
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 3)], ids=str)
@pytest.mark.parametrize("weighted", ["no", "samples", "elements"])
def test_reductions_and_weights(torch: Any, case: Case, reduction: Any, shape: Shape, weighted: str) -> None:
    """The terms are weighted by sample or element; their mean is divided by the weights."""
    rng = np.random.default_rng(prod(shape))
    predictions, targets = case.predictions(rng, shape), case.targets(rng, shape)
    weights = None if weighted == "no" else rng.uniform(size=shape[:1] if weighted == "samples" else shape)
    leaves = as_values(predictions)[()]
    twin = torch.tensor(predictions, requires_grad=True)
    found = call(case.loss, leaves, targets, reduction, sample_weight=weights)

    terms = case.torch(torch, twin, torch.tensor(targets))
    rows = (
        np.ones(())
        if weights is None
        else np.reshape(weights, weights.shape + (1,) * (len(shape) - weights.ndim))
    )
    wide = torch.tensor(np.array(np.broadcast_to(rows, shape)))
    expected = terms * wide
    if reduction != "none":
        expected = expected.sum() / (wide.sum() if reduction == "mean" else 1.0)
    assert np.shape(found) == tuple(expected.shape)
    assert_same(found, leaves, expected, twin)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weight", [None, [0.5, 2.0, 0.0], [1.0, 1.0, 1.0]], ids=str)
@pytest.mark.parametrize("targets", ["labels", "one-hot", "probabilities", "one label", "one row"])
def test_options_of_cross_entropy(
    torch: Any, reduction: Any, smoothing: float, weight: Any, targets: str
) -> None:
    """Weights of classes and smoothed labels mean what they do in PyTorch."""
    rng = np.random.default_rng(1)
    single = targets.startswith("one ")
    logits = 3.0 * rng.normal(size=3 if single else (5, 3))
    wanted: Any = {
        "labels": np.array([0, 2, 1, 1, 0]),
        "one-hot": np.eye(3)[[0, 2, 1, 1, 0]],
        "probabilities": rng.dirichlet([1.0, 1.0, 1.0], size=5),
        "one label": np.array(1),
        "one row": np.array([0.5, 0.25, 0.25]),
    }[targets]
    leaves, twin = as_values(logits), torch.tensor(logits, requires_grad=True)
    options = {"label_smoothing": smoothing, "reduction": reduction}
    found: Any = losses.cross_entropy(leaves, wanted, weight=weight, **options)
    of_classes = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    expected = torch.nn.functional.cross_entropy(twin, torch.tensor(wanted), weight=of_classes, **options)
    assert np.shape(found) == tuple(expected.shape)
    assert_same(found, leaves, expected, twin)


@pytest.mark.parametrize("pos_weight", [3.0, [3.0], [0.5, 2.0, 1.0]], ids=str)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_pos_weight(torch: Any, pos_weight: Any, reduction: Any) -> None:
    """The weight of class 1 is one number, or one for each column, as in PyTorch."""
    rng = np.random.default_rng(2)
    logits, targets = 3.0 * rng.normal(size=(4, 3)), rng.choice([0.0, 0.25, 0.5, 1.0], size=(4, 3))
    leaves, twin = as_values(logits), torch.tensor(logits, requires_grad=True)
    found = losses.binary_cross_entropy_with_logits(
        leaves, targets, pos_weight=pos_weight, reduction=reduction
    )
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        twin,
        torch.tensor(targets),
        pos_weight=torch.tensor(pos_weight, dtype=torch.float64),
        reduction=reduction,
    )
    assert_same(found, leaves, expected, twin)


@pytest.mark.parametrize(("logit", "target"), [(800.0, 0.0), (-800.0, 1.0), (800.0, 1.0), (-800.0, 0.0)])
def test_pos_weight_of_large_logits(logit: float, target: float) -> None:
    """The weighted loss is as exact as without weights where the sigmoid rounds."""
    z = Value(logit)
    loss = losses.binary_cross_entropy_with_logits(z, target, pos_weight=3.0)
    loss.backward()
    factor = 3.0 if target else 1.0
    is_wrong = (logit > 0) != bool(target)
    assert (loss.data, z.grad) == ((800.0 * factor, np.sign(logit) * factor) if is_wrong else (0.0, 0.0))


# ------------------------------------------------------------------------------------------------- laws


CROSS_ENTROPIES: dict[str, Any] = {
    "labels": ({}, [0, 2, 1, 1]),
    "weights of classes": ({"weight": [0.5, 2.0, 1.0]}, [0, 2, 1, 1]),
    "smoothed": ({"weight": [0.5, 2.0, 1.0], "label_smoothing": 0.2}, [0, 2, 1, 1]),
    "rows": ({"label_smoothing": 0.2}, [[0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
}


@given(counts=st.lists(st.integers(0, 3), min_size=4, max_size=4).filter(any))
@pytest.mark.parametrize("name", CROSS_ENTROPIES)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_weight_is_a_number_of_samples(name: str, reduction: Any, counts: list[int]) -> None:
    """Samples of whole weights are as good as so many samples each."""
    options, targets = CROSS_ENTROPIES[name]
    logits = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0], [2.0, 2.0, -1.0], [0.3, 0.1, 0.2]])
    rows = np.repeat(np.arange(4), counts)
    weighted = losses.cross_entropy(logits, targets, sample_weight=counts, reduction=reduction, **options)
    repeated = losses.cross_entropy(logits[rows], np.array(targets)[rows], reduction=reduction, **options)
    assert weighted == pytest.approx(repeated, rel=1e-12)
    error = losses.huber(logits, np.zeros((4, 3)), sample_weight=counts, reduction=reduction)
    assert error == pytest.approx(losses.huber(logits[rows], np.zeros((len(rows), 3)), reduction=reduction))


@every_case
def test_no_weight_at_all(case: Case) -> None:
    """A mean over samples of no weight is 0, and so is its gradient: such a batch moves nothing."""
    leaves = as_values([0.25, 0.75])
    loss = call(case.loss, leaves, [1.0, 1.0], "mean", sample_weight=[0.0, 0.0])
    loss.backward()
    assert loss == 0.0
    assert not grads(leaves).any()


def test_settings_have_gradients() -> None:
    """Weights of classes and delta are numbers as others are, traced ones too."""

    def loss(weight: Any, positive: Any, delta: Any) -> Any:
        logits = np.array([[1.0, 2.0], [3.0, 5.0]])
        return (
            losses.cross_entropy(logits, [0, 1], weight=weight)
            + losses.binary_cross_entropy_with_logits(logits, np.ones((2, 2)), pos_weight=positive)
            + losses.huber(logits, np.zeros((2, 2)), delta=delta)
        )

    arguments = np.array([1.0, 2.0]), np.array([2.0, 3.0]), 1.5
    check_grads(loss, arguments, order=1)
    gradient = grad(loss, argnums=(0, 1, 2))
    for found, expected in zip(jit(gradient)(*arguments), gradient(*arguments), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_weights_have_gradients() -> None:
    """Weights that are `Value`s get gradients: a sample pulls the mean towards its own loss."""
    weights = as_values([1.0, 3.0])
    losses.mse([1.0, 2.0], [0.0, 0.0], sample_weight=weights).backward()
    np.testing.assert_allclose(grads(weights), [-9 / 16, 3 / 16], rtol=1e-14)


@pytest.mark.parametrize("error", [-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, inf, -inf])
def test_derivatives_of_the_huber_loss(error: float) -> None:
    """The first is the error, clipped; the second is 1 up to delta, also where there is no error."""
    slope = grad(losses.huber)(error, 0.0)
    assert slope == np.clip(error, -1.0, 1.0)
    if abs(error) != 1.0:
        assert grad(grad(losses.huber))(error, 0.0) == float(abs(error) < 1.0)


@every_case
def test_options_under_transformations(case: Case) -> None:
    """A weighted loss maps over batches, and its Hessian is that of its terms."""
    rng = np.random.default_rng(3)
    predictions, targets = case.predictions(rng, (3, 4)), case.targets(rng, (3, 4))
    weights = rng.uniform(size=4)

    def loss(p: Any, y: Any) -> Any:
        return call(case.loss, p, y, "mean", sample_weight=weights)

    expected = [loss(p, y) for p, y in zip(predictions, targets, strict=True)]
    np.testing.assert_allclose(vmap(loss)(predictions, targets), expected, rtol=1e-12)
    terms = [
        grad(grad(lambda p, y=y: call(case.loss, p, y, "sum")))(p)
        for p, y in zip(predictions[0], targets[0], strict=True)
    ]
    found = hessian(loss)(predictions[0], targets[0])
    np.testing.assert_allclose(found, np.diag(terms * weights / weights.sum()), rtol=1e-10, atol=1e-12)


# ----------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            [1.0, 2.0, 3.0],
            r"sample_weight of shape \(2,\), one for each sample, or \(2, 3\), got shape \(3,\)",
        ),
        (1.0, r"sample_weight of shape \(2,\), .*, got shape \(\)"),
        (np.ones((2, 1)), r"got shape \(2, 1\)"),
        ([1.0, -2.0], "sample weights to be finite and not negative, got -2.0 at 1"),
        ([nan, 1.0], "sample weights .* got nan at 0"),
        ([1.0, inf], "sample weights .* got inf at 1"),
        ([1.0, None], "sample weights .* got None at 1"),
    ],
)
def test_wrong_weights_of_samples(weights: Any, message: str) -> None:
    """Weights that are no weights, or of another shape, raise."""
    with pytest.raises(ValueError, match=message):
        losses.mse(np.ones((2, 3)), np.ones((2, 3)), sample_weight=weights)
    with pytest.raises(ValueError, match=message.partition(", or")[0]):
        losses.cross_entropy(np.ones((2, 3)), [0, 1], sample_weight=weights)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.mse(1.0, 1.0, reduction=AVERAGE),
            'expected reduction to be "mean", "sum" or "none", got',
        ),
        (lambda: losses.MSELoss(reduction=AVERAGE), "got 'average'"),
        (
            lambda: losses.huber(1.0, 1.0, delta=0.0),
            "delta of the Huber loss to be positive and finite, got 0.0",
        ),
        (lambda: losses.huber(1.0, 1.0, delta=nan), "got nan"),
        (lambda: losses.cross_entropy(np.ones(2), 0, label_smoothing=1.5), "label_smoothing .* got 1.5"),
        (
            lambda: losses.cross_entropy(np.ones(2), 0, weight=[1.0]),
            r"for each of 2 classes, got shape \(1,\)",
        ),
        (
            lambda: losses.cross_entropy(np.ones(2), 0, weight=[1.0, -1.0]),
            "weights of classes .* got -1.0 at 1",
        ),
        (
            lambda: losses.binary_cross_entropy_with_logits(
                np.ones((2, 3)), np.ones((2, 3)), pos_weight=[1.0, 2.0]
            ),
            r"pos_weight to be a number or of shape \(3,\), one for each column, got shape \(2,\)",
        ),
        (
            lambda: losses.binary_cross_entropy_with_logits(1.0, 1.0, pos_weight=-1.0),
            "pos_weight to be finite and not negative, got -1.0",
        ),
    ],
)
def test_wrong_options(call: Callable[[], Any], message: str) -> None:
    """Options that mean nothing raise an error that shows them."""
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("score", [-0.5, 1.5, 7.0, -inf])
def test_raw_scores_are_no_probabilities(score: float) -> None:
    """The binary cross entropy of raw scores names the loss that takes them, also while differentiating."""
    message = rf"probabilities from 0 to 1, got {score}: raw scores go with binary_cross_entropy_with_logits"
    for scores in ([0.5, score], as_values([[0.5], [score]])):
        with pytest.raises(ValueError, match=message):
            losses.binary_cross_entropy(scores, [0.0, 1.0])
    with pytest.raises(ValueError, match=message):
        grad(lambda p: losses.binary_cross_entropy(p, [0.0, 1.0]))(np.array([0.5, score]))


@pytest.mark.parametrize("logits", [[0.5], [[0.5], [1.5]], 0.5], ids=str)
def test_cross_entropy_of_one_output(logits: Any) -> None:
    """The cross entropy of one output, which is always 0, raises and names the binary one."""
    with pytest.raises(ValueError, match=r"two logits .* goes with binary_cross_entropy_with_logits"):
        losses.cross_entropy(as_values(logits)[()], [0, 1])


# --------------------------------------------------------------------------------------- names, classes


CLASSES = {
    losses.MSELoss(): "MSELoss()",
    losses.MSELoss(reduction="sum"): "MSELoss(reduction='sum')",
    losses.L1Loss(): "L1Loss()",
    losses.HuberLoss(delta=0.5): "HuberLoss(delta=0.5)",
    losses.HingeLoss(): "HingeLoss()",
    losses.BCELoss(reduction="none"): "BCELoss(reduction='none')",
    losses.BCEWithLogitsLoss(pos_weight=np.array([2.0])): "BCEWithLogitsLoss(pos_weight=(2.0,))",
    losses.CrossEntropyLoss(np.ones(2), label_smoothing=0.1): (
        "CrossEntropyLoss(weight=(1.0, 1.0), label_smoothing=0.1)"
    ),
}


@pytest.mark.parametrize("loss", CLASSES, ids=repr)
def test_classes_are_the_functions(loss: Any) -> None:
    """A class calls the function with its settings; it is equal to its copies, and written as it is made."""
    assert repr(loss) == CLASSES[loss]
    assert pickle.loads(pickle.dumps(loss)) == loss == eval(repr(loss), vars(losses))
    function = getattr(losses, loss.__name__)
    settings = dict(vars(loss))
    predictions = np.array([[0.25, 0.75], [0.5, 0.125]])
    targets = np.array([1, 0]) if function is losses.cross_entropy else np.ones((2, 2))
    weights = [1.0, 3.0]
    found = loss(predictions, targets, sample_weight=weights)
    np.testing.assert_array_equal(found, function(predictions, targets, sample_weight=weights, **settings))


def test_losses_by_name() -> None:
    """Names of peers are those of the functions; functions, instances and classes are taken as they are."""
    assert {name: losses.loss(name) for name in losses.LOSSES} == losses.LOSSES
    for name, function in {
        "mean_squared_error": losses.mse,
        "l1": losses.mae,
        "mean_absolute_error": losses.mae,
        "bce": losses.binary_cross_entropy,
        "bce_with_logits": losses.binary_cross_entropy_with_logits,
    }.items():
        assert losses.loss(name) is function
    own = losses.HuberLoss(delta=0.5)
    assert losses.loss(own) is own
    assert losses.loss(losses.HuberLoss) == losses.HuberLoss()
    with pytest.raises(ValueError, match=r"unknown loss 'crossentropy' .did you mean 'cross_entropy'"):
        losses.loss("crossentropy")
    with pytest.raises(ValueError, match="unknown loss 3"):
        losses.loss(3)  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------------- penalties


class Affine(Module):
    """A model with biases in an array, and of another module."""

    def __init__(self) -> None:
        self.weight, self.bias = as_values([[2.0, -3.0]]), as_values([7.0])
        self.inner = MLP(1, [1], rng=0)
        self.slab = Value(-5.0)


@pytest.mark.parametrize(("penalty", "power"), [(losses.l1_penalty, 1), (losses.l2_penalty, 2)])
def test_penalties_leave_biases_alone(penalty: Any, power: int) -> None:
    """Penalties are those of PyTorch's Lasso and ridge terms over all that is no bias."""
    model = Affine()
    model.load_state_dict({**model.state_dict(), "inner.layers.0.neurons.0.w[0]": 0.5})
    loss = penalty(model, 0.1)
    loss.backward()
    weights = np.array([2.0, -3.0, 0.5, -5.0])
    assert loss.data == pytest.approx(0.1 * np.sum(np.abs(weights) ** power) / power)
    gradients = {name: p.grad for name, p in model.named_parameters()}
    assert gradients == pytest.approx(
        {
            "weight[0, 0]": 0.2 if power == 2 else 0.1,
            "weight[0, 1]": -0.3 if power == 2 else -0.1,
            "bias[0]": 0.0,
            "inner.layers.0.neurons.0.w[0]": 0.05 if power == 2 else 0.1,
            "inner.layers.0.neurons.0.b": 0.0,
            "slab": -0.5 if power == 2 else -0.1,
        }
    )
