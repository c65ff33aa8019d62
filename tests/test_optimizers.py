from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
import pytest

from autograd import Value, as_values, data
from nn import MLP
from nn.optimizers import SGD


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_sgd_is_that_of_pytorch(momentum: float) -> None:
    """Step after step the parameters are PyTorch's; one without a gradient stays, and keeps its momentum."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start = rng.normal(size=3)
    parameters = as_values(start)
    twins = [torch.tensor(number, requires_grad=True) for number in start]
    optimizer = SGD(parameters, lr=0.1, momentum=momentum)
    twin_optimizer = torch.optim.SGD(twins, lr=0.1, momentum=momentum)
    for step in range(6):
        for i, (parameter, twin) in enumerate(zip(parameters, twins, strict=True)):
            gradient = [float(rng.normal()), 0.0, None][(step + i) % 3]
            parameter.grad = gradient
            twin.grad = None if gradient is None else torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        twin_optimizer.step()
        np.testing.assert_allclose(data(parameters), [twin.item() for twin in twins], rtol=1e-14)


def test_parameters_without_a_gradient_stay() -> None:
    """A parameter that no backward has reached is not moved."""
    reached, other = Value(1.0), Value(2.0)
    optimizer = SGD([reached, other], lr=0.5)
    (reached * reached).backward()
    optimizer.step()
    assert (reached.data, other.data) == (0.0, 2.0)


def test_zero_grad() -> None:
    """`zero_grad` sets the gradients to 0, and a step then moves nothing."""
    parameters = [Value(1.0), Value(2.0)]
    optimizer = SGD(iter(parameters))
    for parameter in parameters:
        parameter.grad = 3.0
    optimizer.zero_grad()
    optimizer.step()
    assert [(p.data, p.grad) for p in parameters] == [(1.0, 0.0), (2.0, 0.0)]


def test_steps_lower_a_loss() -> None:
    """Steps against the gradient go down to the minimum."""
    x, y = Value(4.0), Value(-3.0)
    optimizer = SGD([x, y], lr=0.1, momentum=0.5)
    for _ in range(100):
        optimizer.zero_grad()
        ((x - 1.0) ** 2 + 2.0 * (y - 2.0) ** 2).backward()
        optimizer.step()
    assert (x.data, y.data) == pytest.approx((1.0, 2.0), abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"parameters": []}, ValueError, r"at least one parameter; pass model.parameters\(\)"),
        ({"parameters": [1.0]}, TypeError, "a leaf Value, but came 1.0"),
        ({"parameters": [Value(1.0) * 2.0]}, TypeError, r"a leaf Value, but came Value\(2.0, op='\*'\)"),
        ({"parameters": MLP(1, [1])}, TypeError, "not iterable"),
        ({"lr": 0.0}, ValueError, "the learning rate is positive, but came 0.0"),
        ({"lr": -0.1}, ValueError, "the learning rate is positive, but came -0.1"),
        ({"lr": nan}, ValueError, "the learning rate is positive, but came nan"),
        ({"momentum": 1.0}, ValueError, "at least 0 and less than 1, but came 1.0"),
        ({"momentum": -0.1}, ValueError, "at least 0 and less than 1, but came -0.1"),
        ({"momentum": nan}, ValueError, "at least 0 and less than 1, but came nan"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """Arguments that cannot be meant raise an error that says what came."""
    with pytest.raises(error, match=message):
        SGD(**{"parameters": [Value(1.0)]} | arguments)
