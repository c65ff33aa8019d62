from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
import pytest

from autograd import as_values, grads, has_gradient, jit
from nn import Neuron, clip_grad_norm_, clip_grad_value_
from nn.optimizers.clipping import clipped

GRADIENTS = [
    [3.0, -4.0, 0.5],
    [0.0, 0.0, 0.0],
    [1e-9, 2e-3, -1e-5],
    [1e8, -1e-8, 1.0],
    [inf, 1.0, -1.0],
    [nan, 1, 2],
]


def with_gradients(numbers: Any) -> Any:
    """Return parameters that have these gradients."""
    parameters = as_values(np.zeros(len(numbers)))
    for parameter, number in zip(parameters, numbers, strict=True):
        parameter.grad = float(number)
    return parameters


@pytest.mark.parametrize("numbers", GRADIENTS, ids=str)
@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.5, inf])
@pytest.mark.parametrize("limit", [0.01, 1.0, 5.0])
def test_norms_are_those_of_pytorch(numbers: list[float], norm_type: float, limit: float) -> None:
    """The gradients, clipped by a norm, and the norm itself are those of PyTorch."""
    torch = pytest.importorskip("torch")
    parameters, twin = with_gradients(numbers), torch.zeros(3, dtype=torch.float64, requires_grad=True)
    twin.grad = torch.tensor(numbers, dtype=torch.float64)
    with np.errstate(invalid="ignore"):
        found = clip_grad_norm_(parameters, limit, norm_type)
    expected = torch.nn.utils.clip_grad_norm_([twin], limit, norm_type)
    np.testing.assert_allclose(found, expected.item(), rtol=1e-12)
    np.testing.assert_allclose(grads(parameters), twin.grad.numpy(), rtol=1e-12)
    if norm_type == 2.0:
        with np.errstate(invalid="ignore"):
            same = clipped(np.array(numbers), norm=limit)
        np.testing.assert_array_equal(same, grads(parameters))


@pytest.mark.parametrize("numbers", GRADIENTS, ids=str)
@pytest.mark.parametrize("limit", [0.01, 1.0, 5.0])
def test_values_are_those_of_pytorch(numbers: list[float], limit: float) -> None:
    """The gradients, clipped one by one, are those of PyTorch."""
    torch = pytest.importorskip("torch")
    parameters, twin = with_gradients(numbers), torch.zeros(3, dtype=torch.float64, requires_grad=True)
    twin.grad = torch.tensor(numbers, dtype=torch.float64)
    clip_grad_value_(parameters, limit)
    torch.nn.utils.clip_grad_value_([twin], limit)
    np.testing.assert_array_equal(grads(parameters), twin.grad.numpy())
    np.testing.assert_array_equal(clipped(np.array(numbers), value=limit), twin.grad.numpy())


def test_both_limits_hold() -> None:
    """Clipped by value and norm, neither limit is exceeded."""
    found = clipped(np.array([3.0, -4.0, 0.5]), value=1.0, norm=1.2)
    assert np.linalg.norm(found) == pytest.approx(1.2, rel=1e-6)
    assert np.abs(found).max() <= 1.0


def test_clipping_is_compiled() -> None:
    """The function of an array works where it is traced."""
    numbers = np.array([3.0, -4.0, 0.5])
    found = jit(lambda g: clipped(g, value=2.0, norm=1.0))(numbers)
    np.testing.assert_allclose(found, clipped(numbers, value=2.0, norm=1.0), rtol=1e-15)


def test_what_is_clipped() -> None:
    """A model, one `Value` or several; those without a gradient stay without."""
    model = Neuron(2, "linear", rng=0)
    assert clip_grad_norm_(model, 1.0) == 0.0
    assert not any(map(has_gradient, model.parameters()))
    model([3.0, 4.0]).backward()
    assert clip_grad_norm_(model, 1.0) == pytest.approx(26**0.5)
    clip_grad_value_(model.b, 0.01)
    assert model.b.grad == 0.01
    clip_grad_value_(model, 0.5)
    assert grads(model.w).tolist() == [0.5, 0.5]


def test_a_norm_that_is_not_finite() -> None:
    """If asked for, it raises, and no gradient is changed."""
    parameters = with_gradients([nan, 1.0])
    with pytest.raises(RuntimeError, match="the norm of the gradients is nan"):
        clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(grads(parameters), [nan, 1.0])


@pytest.mark.parametrize("limit", [0.0, -1.0, nan])
def test_limits_are_positive(limit: float) -> None:
    """Any other limit raises."""
    with pytest.raises(ValueError, match="expected max_norm to be positive"):
        clip_grad_norm_(with_gradients([1.0]), limit)
    with pytest.raises(ValueError, match="expected clip_value to be positive"):
        clip_grad_value_(with_gradients([1.0]), limit)
    with pytest.raises(ValueError, match="expected norm to be positive"):
        clipped(np.ones(2), norm=limit)
