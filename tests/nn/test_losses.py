from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log, nan, prod
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Value, as_values, data, grads, jit, value_and_grad
from nn import MLP, Module
from nn.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    half_squared_error,
    hinge,
    l2_penalty,
    mse,
)

Shape = tuple[int, ...]

reals = st.floats(-50.0, 50.0)
unit = st.floats(0.0, 1.0)


class Case(NamedTuple):
    """A loss, its PyTorch equivalent, and the ranges of its predictions and targets."""

    loss: Callable[[Any, Any], Value]
    torch: Callable[[Any, Any, Any], Any]
    predictions: st.SearchStrategy[float]
    targets: st.SearchStrategy[float]


ELEMENTWISE = {
    "mse": Case(mse, lambda t, p, y: t.nn.functional.mse_loss(p, y), reals, reals),
    "half_squared_error": Case(half_squared_error, lambda t, p, y: ((p - y) ** 2).sum() / 2, reals, reals),
    "binary_cross_entropy": Case(
        binary_cross_entropy,
        lambda t, p, y: t.nn.functional.binary_cross_entropy(p, y),
        st.floats(0.01, 0.99),
        unit,
    ),
    "binary_cross_entropy_with_logits": Case(
        binary_cross_entropy_with_logits,
        lambda t, p, y: t.nn.functional.binary_cross_entropy_with_logits(p, y),
        reals,
        unit,
    ),
    "hinge": Case(hinge, lambda t, p, y: t.relu(1 - p * y).mean(), reals, st.sampled_from([-1.0, 1.0])),
}

every_loss = pytest.mark.parametrize("case", ELEMENTWISE.values(), ids=list(ELEMENTWISE))


@pytest.fixture(scope="module")
def torch() -> Any:
    """Return PyTorch, or skip the test."""
    return pytest.importorskip("torch")


def assert_equal_to_torch(torch: Any, loss: Value, logits: Any, twin_loss: Any, twin: Any) -> None:
    """Assert that a loss and its gradient agree with PyTorch."""
    loss.backward()
    twin_loss.backward()
    assert loss.data == pytest.approx(twin_loss.item(), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(grads(logits), twin.grad.numpy(), rtol=1e-12, atol=1e-12)


def loss_and_gradient(loss: Callable[[Any, Any], Value], predictions: Any, targets: Any) -> Any:
    """Return the value of a loss and its derivatives with respect to the predictions."""
    leaves: Any = as_values(predictions) if np.ndim(predictions) else Value(predictions)
    out = loss(leaves, targets)
    out.backward()
    return out.data, (grads(leaves) if np.ndim(predictions) else leaves.grad)


# ---------------------------------------------------------------------------------------- against PyTorch


@every_loss
@given(data=st.data())
def test_losses_are_those_of_pytorch(torch: Any, case: Case, data: st.DataObject) -> None:
    """Each loss and its gradient agree with PyTorch, for any shape."""
    shape = data.draw(st.sampled_from([(1,), (3,), (1, 1), (3, 1), (2, 3)]))
    predictions, targets = (
        np.reshape([data.draw(number) for _ in range(prod(shape))], shape)
        for number in (case.predictions, case.targets)
    )
    leaves, twin = as_values(predictions), torch.tensor(predictions, requires_grad=True)
    twin_loss = case.torch(torch, twin, torch.tensor(targets))
    assert_equal_to_torch(torch, case.loss(leaves, targets), leaves, twin_loss, twin)


@given(data=st.data(), samples=st.integers(1, 4), classes=st.integers(2, 4), one_class=st.booleans())
def test_cross_entropy_is_that_of_pytorch(
    torch: Any, data: st.DataObject, samples: int, classes: int, one_class: bool
) -> None:
    """Cross entropy and its gradient agree with PyTorch, for classes and for class probabilities."""
    row = st.lists(reals, min_size=classes, max_size=classes)
    weights = st.lists(unit, min_size=classes, max_size=classes)
    target = st.integers(0, classes - 1) if one_class else weights
    logits = np.array(data.draw(st.lists(row, min_size=samples, max_size=samples)))
    targets = np.array(data.draw(st.lists(target, min_size=samples, max_size=samples)))
    leaves, twin = as_values(logits), torch.tensor(logits, requires_grad=True)
    twin_loss = torch.nn.functional.cross_entropy(twin, torch.tensor(targets))
    assert_equal_to_torch(torch, cross_entropy(leaves, targets), leaves, twin_loss, twin)


# ------------------------------------------------------------------------------------------------- shapes


@every_loss
def test_an_output_column_goes_with_a_row_of_targets(case: Case) -> None:
    """Outputs of shape (samples, 1) are matched with targets of shape (samples,) element by element."""
    predictions, targets = (
        np.array([0.2, 0.7, 0.4]),
        [1.0, -1.0, 1.0] if case.loss is hinge else [1.0, 0.0, 1.0],
    )
    value, gradient = loss_and_gradient(case.loss, predictions, targets)
    column_value, column_gradient = loss_and_gradient(case.loss, predictions[:, None], targets)
    assert column_value == value
    np.testing.assert_array_equal(column_gradient[:, 0], gradient)


@every_loss
def test_a_single_prediction(case: Case) -> None:
    """A loss accepts a single `Value` and a number, like lists of one element."""
    alone = loss_and_gradient(case.loss, 0.3, 1.0)
    value, gradient = loss_and_gradient(case.loss, [0.3], [1.0])
    assert alone == (value, gradient[0])


@every_loss
@pytest.mark.parametrize(
    ("predictions", "targets"),
    [
        ((3,), (2,)),
        ((3,), (3, 1)),
        ((3, 1), (3, 3)),
        ((2, 3), (3, 2)),
        ((3, 2), (3,)),
        ((), (3,)),
        ((3,), ()),
    ],
)
def test_shapes_that_do_not_fit(case: Case, predictions: Shape, targets: Shape) -> None:
    """Shapes are not broadcast: a mismatch raises a ValueError that names both."""
    message = (
        rf"predictions of shape \({str(predictions)[1:-1]}\) .* targets of shape \({str(targets)[1:-1]}\)"
    )
    with pytest.raises(ValueError, match=message):
        case.loss(np.ones(predictions), np.ones(targets))


@every_loss
@pytest.mark.parametrize("shape", [(0,), (0, 1), (3, 0)])
def test_no_predictions(case: Case, shape: Shape) -> None:
    """A loss without predictions raises a ValueError, since its mean is undefined."""
    with pytest.raises(ValueError, match="pass at least one"):
        case.loss(np.empty(shape), np.empty(shape))


def test_gradients_reach_the_targets() -> None:
    """Targets that are `Value`s get gradients too."""
    prediction, target = Value(3.0), Value(1.0)
    mse(prediction, target).backward()
    assert (prediction.grad, target.grad) == (4.0, -4.0)


# --------------------------------------------------------------------------------------- cross entropy


@pytest.mark.parametrize(
    "target",
    [1, np.int64(1), np.uint8(1), [0, 1, 0], [0.0, 1.0, 0.0], np.array([0, 1, 0])],
    ids=repr,
)
def test_cross_entropy_of_one_sample(target: Any) -> None:
    """For one sample the target is a class or one-hot; the gradient is softmax minus one-hot."""
    logits = np.log([0.3, 0.2, 0.5])
    value, gradient = loss_and_gradient(cross_entropy, logits, target)
    assert value == pytest.approx(-log(0.2), rel=1e-14)
    np.testing.assert_allclose(gradient, [0.3, -0.8, 0.5], rtol=1e-14)


@pytest.mark.parametrize(
    "targets", [[1, 0], np.array([1, 0], dtype=np.uint8), [[0, 1, 0], [1, 0, 0]]], ids=repr
)
def test_cross_entropy_of_a_batch_is_the_mean(targets: Any) -> None:
    """The cross entropy of a batch is the mean over its samples."""
    logits = as_values([[1.0, 2.0, 3.0], [0.5, 0.0, -4.0]])
    alone = [cross_entropy(row, target).data for row, target in zip(logits, targets, strict=True)]
    assert cross_entropy(logits, targets).data == pytest.approx(sum(alone) / 2, rel=1e-15)


@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        (np.ones((2, 3)), [0, 3], "expected classes to be from 0 to 2, got 0 to 3"),
        (np.ones((2, 3)), [-1, 0], "expected classes to be from 0 to 2, got -1 to 0"),
        (np.ones(3), 3, "expected classes to be from 0 to 2, got 3"),
        (np.ones((2, 3)), [0, 1, 2], "2 rows of logits do not fit 3 targets"),
        (np.ones((2, 3)), [[0.5, 0.5], [0.5, 0.5]], r"probabilities of shape \(2, 3\), .* shape \(2, 2\)"),
        (np.ones((2, 3)), [0.0, 1.0], r"whole class numbers, .* got float64 of shape \(2,\)"),
        (np.ones(3), 1.0, "whole class numbers"),
        (np.ones((1, 2)), [[-1.0, 2.0]], "from 0 to 1"),
        (np.ones((1, 2)), [[nan, 1.0]], "from 0 to 1"),
        (np.empty((0, 3)), np.empty(0, dtype=int), "at least one"),
        (np.empty((2, 0)), [0, 0], "at least one"),
        (np.ones((2, 2, 2)), [0, 1], r"shape \(2, 2, 2\)"),
        (1.0, 1, r"shape \(\)"),
    ],
)
def test_cross_entropy_of_wrong_targets(logits: Any, targets: Any, message: str) -> None:
    """Targets that do not match the logits raise a ValueError that says what was expected."""
    logits = as_values(logits)
    with pytest.raises(ValueError, match=message):
        cross_entropy(logits if logits.ndim else logits[()], targets)


@pytest.mark.parametrize("loss", [cross_entropy, mse, binary_cross_entropy_with_logits])
@pytest.mark.parametrize("wrap", [Value, float])
def test_rows_of_different_lengths(loss: Any, wrap: Any) -> None:
    """Predictions, or targets, that are no array raise a ValueError that says what was expected."""
    ragged = [[wrap(0.5), wrap(1.0)], [wrap(0.5)]]
    with pytest.raises(ValueError, match="expected numbers, or rows that are all of one length"):
        loss(ragged, [[0.0, 1.0], [0.5, 0.5]])
    with pytest.raises(ValueError, match="expected numbers, or rows that are all of one length"):
        loss(as_values([[0.5, 1.0], [0.5, 1.0]]), ragged)


# --------------------------------------------------------------------------------------------- stability


@pytest.mark.parametrize(
    ("logit", "target", "value", "gradient"),
    [
        (800.0, 1.0, 0.0, 0.0),
        (800.0, 0.0, 800.0, 1.0),
        (-800.0, 1.0, 800.0, -1.0),
        (-800.0, 0.0, 0.0, 0.0),
        (800.0, 0.25, 600.0, 0.75),
    ],
)
def test_binary_cross_entropy_of_large_logits(
    logit: float, target: float, value: float, gradient: float
) -> None:
    """If the sigmoid rounds to 0 or 1, the loss is exact and the gradient is sigmoid minus target."""
    assert loss_and_gradient(binary_cross_entropy_with_logits, logit, target) == (value, gradient)


@pytest.mark.parametrize(
    ("logits", "target", "value", "gradient"),
    [
        ([1000.0, -1000.0, 0.0], 0, 0.0, [0.0, 0.0, 0.0]),
        ([1000.0, -1000.0, 0.0], 1, 2000.0, [1.0, -1.0, 0.0]),
        ([1000.0, 1000.0], 0, log(2), [-0.5, 0.5]),
        ([-1000.0, -1000.0], 1, log(2), [0.5, -0.5]),
    ],
)
def test_cross_entropy_of_large_logits(
    logits: list[float], target: int, value: float, gradient: list[float]
) -> None:
    """Cross entropy does not overflow for large logits."""
    found_value, found_gradient = loss_and_gradient(cross_entropy, logits, target)
    assert found_value == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(found_gradient, gradient, rtol=1e-12)


def test_mse_that_overflows() -> None:
    """The squared error of plain numbers is inf where it overflows, as that of Values is."""
    with np.errstate(over="ignore"):
        for large in (1e200, Value(1e200), np.float64(1e200)):
            assert float(mse([large], [-1e200])) == inf


def test_cross_entropy_of_a_class_that_is_far_ahead() -> None:
    """It keeps its digits, also for a compiled program that gets the class, or a row of zeros and a one."""
    expected = (exp(-50.0), [-exp(-50.0), exp(-50.0)])
    step = value_and_grad(cross_entropy)
    for target in (0, [1.0, 0.0]):
        for found in (step([50.0, 0.0], target), jit(step, backend="numpy")([50.0, 0.0], target)):
            np.testing.assert_allclose(np.hstack(found), np.hstack(expected), rtol=1e-14)


@pytest.mark.parametrize(
    ("probabilities", "targets", "value", "gradient"),
    [
        ([1.0], [1.0], 0.0, [-1.0]),
        ([0.0], [0.0], 0.0, [1.0]),
        ([1e-20], [0.0], 1e-20, [1.0]),
        ([1.0, 0.0, 0.5], [1.0, 0.0, 1.0], log(2) / 3, [-1 / 3, 1 / 3, -2 / 3]),
    ],
)
def test_binary_cross_entropy_of_certainty(
    probabilities: list[float], targets: list[float], value: float, gradient: list[float]
) -> None:
    """A right probability of (nearly) 0 or 1 has a loss of about 0 and a finite gradient."""
    found_value, found_gradient = loss_and_gradient(binary_cross_entropy, probabilities, targets)
    np.testing.assert_allclose(found_value, value, rtol=1e-15)
    np.testing.assert_allclose(found_gradient, gradient, rtol=1e-15)


@pytest.mark.parametrize(("probability", "target"), [(0.0, 1.0), (1.0, 0.0)])
def test_binary_cross_entropy_of_false_certainty(probability: float, target: float) -> None:
    """A wrong probability of exactly 0 or 1 has an infinite loss, with NumPy's warning."""
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log"):
        assert binary_cross_entropy(Value(probability), target) == inf


@pytest.mark.parametrize(
    ("score", "target", "value", "gradient"),
    [
        (1.0, 1, 0.0, 0.0),
        (-1.0, -1, 0.0, 0.0),
        (0.75, 1, 0.25, -1.0),
        (-3.0, 1, 4.0, -1.0),
        (9.0, -1, 10.0, 1.0),
    ],
)
def test_hinge(score: float, target: int, value: float, gradient: float) -> None:
    """The hinge loss is the distance to the margin; its slope on the margin is 0."""
    assert loss_and_gradient(hinge, score, target) == (value, gradient)


# ---------------------------------------------------------------------------------------------- targets


@pytest.mark.parametrize("target", [0.0, 0.5, 2.0, nan])
def test_targets_of_the_hinge_loss(target: float) -> None:
    """Targets of the hinge loss other than -1 and 1 raise; the message says how to convert 0 and 1."""
    with pytest.raises(ValueError, match=rf"-1 or 1, got {target}; use 2\*y - 1"):
        hinge([Value(0.5), Value(0.5)], [1.0, target])


@pytest.mark.parametrize("loss", [binary_cross_entropy, binary_cross_entropy_with_logits])
@pytest.mark.parametrize("target", [-1.0, 1.5, nan])
def test_targets_of_the_binary_cross_entropy(loss: Callable[[Any, Any], Value], target: float) -> None:
    """Targets outside [0, 1] raise an error that shows them."""
    with pytest.raises(ValueError, match=f"from 0 to 1, got {target}"):
        loss([Value(0.5), Value(0.5)], [1.0, target])


def test_probabilities_that_are_not_known() -> None:
    """While a function is traced they are not checked; the loss is that of eager calls."""

    def loss(p: Any) -> Any:
        return binary_cross_entropy([p, 0.5 * p], [1.0, 0.0])

    assert jit(loss)(0.25) == pytest.approx(loss(0.25), rel=1e-15)
    with pytest.raises(ValueError, match=r"expected probabilities from 0 to 1, got 1\.25"):
        loss(1.25)


# ----------------------------------------------------------------------------------------- regularisation


def test_l2_penalty() -> None:
    """The penalty is half the strength times the sum of the squared weights, without the biases."""
    model = MLP(2, [3, 1], rng=0)
    weights = [p for name, p in model.named_parameters() if "w[" in name]
    biases = [p for name, p in model.named_parameters() if name.endswith(".b")]
    penalty = l2_penalty(model, 0.1)
    penalty.backward()
    assert penalty.data == pytest.approx(0.05 * np.sum(data(weights) ** 2), rel=1e-14)
    np.testing.assert_allclose(grads(weights), 0.1 * data(weights), rtol=1e-14)
    assert [bias.grad for bias in biases] == [0.0] * 4


def test_l2_penalty_goes_by_the_whole_name() -> None:
    """Only a parameter whose own name is ``b`` is a bias."""

    class Line(Module):
        def __init__(self) -> None:
            self.slab, self.b = Value(2.0), Value(5.0)

    assert l2_penalty(Line(), 1.0) == 2.0
