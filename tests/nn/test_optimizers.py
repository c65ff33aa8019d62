from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np
import pytest
from interrupts import interrupted_at

from autograd import Value, as_values, data, jit
from nn import MLP, assignment
from nn.optimizers import SGD, Adam, Optimizer
from nn.optimizers import base as base_of_optimizers


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_sgd_is_that_of_pytorch(momentum: float) -> None:
    """At each step the parameters agree with PyTorch; without a gradient, parameter and momentum stay."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start = rng.normal(size=3)
    parameters = as_values(start)
    twins = [torch.tensor(number, requires_grad=True) for number in start]
    optimizer = SGD(parameters, lr=0.1, momentum=momentum)
    twin_optimizer = torch.optim.SGD(twins, lr=0.1, momentum=momentum)
    for step in range(50):
        for i, (parameter, twin) in enumerate(zip(parameters, twins, strict=True)):
            gradient = [float(rng.normal()), 0.0, None][(step + i) % 3]
            parameter.grad = gradient
            twin.grad = None if gradient is None else torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        twin_optimizer.step()
        np.testing.assert_allclose(data(parameters), [twin.item() for twin in twins], rtol=1e-12)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3},
        {"betas": (0.0, 0.0)},
        {"lr": 0.1, "weight_decay": 0.3},
    ],
)
def test_adam_is_that_of_pytorch(arguments: dict[str, Any]) -> None:
    """Over 50 steps, on gradients of all scales, the parameters agree with PyTorch."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    start, scales = rng.normal(size=4), np.array([1e-6, 1.0, 1e6, 0.0])
    parameters = as_values(start)
    twin = torch.tensor(start, requires_grad=True)
    optimizer = Adam(parameters, **arguments)
    kind = torch.optim.AdamW if "weight_decay" in arguments else torch.optim.Adam
    twin_optimizer = kind([twin], **arguments)
    for _ in range(50):
        gradients = rng.normal(size=4) * scales
        for parameter, gradient in zip(parameters, gradients.tolist(), strict=True):
            parameter.grad = gradient
        twin.grad = torch.tensor(gradients)
        optimizer.step()
        twin_optimizer.step()
        np.testing.assert_allclose(data(parameters), twin.detach().numpy(), rtol=1e-12)


def test_the_first_steps_of_adam() -> None:
    """On a constant gradient each step is the learning rate against its sign; on 0 it is 0."""
    parameters = [Value(1.0), Value(1.0), Value(1.0)]
    optimizer = Adam(parameters)
    for parameter, gradient in zip(parameters, (1e3, -2.0, 0.0), strict=True):
        parameter.grad = gradient
    for _ in range(3):
        optimizer.step()
    np.testing.assert_allclose(data(parameters), [0.997, 1.003, 1.0], rtol=1e-10)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_parameters_without_a_gradient_stay(kind: type[Optimizer]) -> None:
    """A parameter without a gradient is not moved, and its state stays."""
    reached, other = Value(1.0), Value(2.0)
    optimizer = kind([reached, other], lr=0.5)
    (reached * reached).backward()
    optimizer.step()
    assert reached.data < 1.0
    assert other.data == 2.0
    assert optimizer.states[1] == optimizer.initial


OPTIMIZERS = [
    SGD([Value(0.0)], lr=0.1),
    SGD([Value(0.0)], lr=0.1, momentum=0.9),
    Adam([Value(0.0)], lr=0.1),
    Adam([Value(0.0)], lr=0.1, weight_decay=0.2),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("gradients", [[0.5, -2.0, 3e4], [0.0, 0.0, 1e-9]])
def test_the_rule_is_that_of_floats_and_of_values(optimizer: Optimizer, gradients: list[float]) -> None:
    """`update` gives the same result for floats and `Value`s, and has no side effects."""
    number, state = 1.5, optimizer.initial
    value, values = Value(number), tuple(map(Value, state))
    for step, gradient in enumerate(gradients, start=1):
        number, state = optimizer.update(number, gradient, state, step)
        value, values = optimizer.update(value, Value(gradient), values, Value(step))
        assert value.data == number
        assert tuple(v.data for v in values) == state
    assert (optimizer.steps, optimizer.states) == (0, [optimizer.initial])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_rule_is_compiled(optimizer: Optimizer) -> None:
    """`update` can be compiled: it does not branch on its numbers."""

    def update(parameters: Any, gradients: Any, step: Any) -> Any:
        pairs = zip(parameters, gradients, strict=True)
        moved = [optimizer.update(p, g, optimizer.initial, step) for p, g in pairs]
        return [parameter for parameter, _ in moved]

    compiled = jit(update)
    for step, gradients in [(1.0, [0.5, -2.0]), (7.0, [0.0, 1e-3])]:
        arguments = [1.0, 2.0], gradients, step
        np.testing.assert_allclose(compiled(*arguments), update(*arguments), rtol=1e-15)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_steps_are_counted(kind: type[Optimizer]) -> None:
    """An optimizer counts its steps and has one state per parameter."""
    parameter = Value(1.0)
    optimizer = kind([parameter], lr=0.5)
    parameter.grad = 2.0
    for steps in range(3):
        assert optimizer.steps == steps
        number, state = optimizer.update(parameter.data, 2.0, optimizer.states[0], steps + 1)
        optimizer.step()
        assert (parameter.data, optimizer.states) == (number, [state])


def test_an_optimizer_without_a_rule() -> None:
    """A subclass without an update rule raises an error that says so."""
    parameter = Value(1.0)
    parameter.grad = 1.0
    with pytest.raises(NotImplementedError, match=r"Optimizer does not define update\(parameter, gradient"):
        Optimizer([parameter], lr=0.1).step()


def test_zero_grad() -> None:
    """`zero_grad` sets the gradients to 0, after which a step moves nothing."""
    parameters = [Value(1.0), Value(2.0)]
    optimizer = SGD(iter(parameters))
    for parameter in parameters:
        parameter.grad = 3.0
    optimizer.zero_grad()
    optimizer.step()
    assert [(p.data, p.grad) for p in parameters] == [(1.0, 0.0), (2.0, 0.0)]


def test_steps_lower_a_loss() -> None:
    """Optimizer steps converge to the minimum."""
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
        ({"parameters": [1.0]}, TypeError, "a leaf Value, got 1.0"),
        ({"parameters": [Value(1.0) * 2.0]}, TypeError, r"a leaf Value, got Value\(2.0, op='\*'\)"),
        ({"parameters": MLP(1, [1])}, TypeError, "not iterable"),
        ({"lr": 0.0}, ValueError, "expected the learning rate to be positive, got 0.0"),
        ({"lr": -0.1}, ValueError, "expected the learning rate to be positive, got -0.1"),
        ({"lr": nan}, ValueError, "expected the learning rate to be positive, got nan"),
        ({"momentum": 1.0}, ValueError, "at least 0 and less than 1, got 1.0"),
        ({"momentum": -0.1}, ValueError, "at least 0 and less than 1, got -0.1"),
        ({"momentum": nan}, ValueError, "at least 0 and less than 1, got nan"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """Invalid arguments raise an error that shows what was passed."""
    with pytest.raises(error, match=message):
        SGD(**{"parameters": [Value(1.0)]} | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parameters": []}, r"at least one parameter; pass model.parameters\(\)"),
        ({"lr": -0.1}, "expected the learning rate to be positive, got -0.1"),
        ({"betas": (0.9, 1.0)}, r"at least 0 and less than 1, got \(0.9, 1.0\)"),
        ({"betas": (-0.1, 0.9)}, r"at least 0 and less than 1, got \(-0.1, 0.9\)"),
        ({"betas": (nan, 0.9)}, r"at least 0 and less than 1, got \(nan, 0.9\)"),
        ({"betas": (0.9,)}, r"expected betas to be two numbers .* got \(0.9,\)"),
        ({"eps": 0.0}, "expected eps to be positive, got 0.0"),
        ({"weight_decay": -0.1}, "expected weight_decay to be at least 0, got -0.1"),
        ({"weight_decay": nan}, "expected weight_decay to be at least 0, got nan"),
    ],
)
def test_bad_arguments_of_adam(arguments: dict[str, Any], message: str) -> None:
    """Numbers out of range raise an error that shows what was passed."""
    with pytest.raises(ValueError, match=message):
        Adam(**{"parameters": [Value(1.0)]} | arguments)


# ------------------------------------------------------------------------------------- errors, interrupts


RULES: list[Callable[[Any], Optimizer]] = [
    lambda parameters: SGD(parameters, lr=0.1, momentum=0.5),
    lambda parameters: Adam(parameters, lr=0.1),
]


def state_of(optimizer: Optimizer) -> tuple[Any, ...]:
    """Return everything that a step changes."""
    return [parameter.data for parameter in optimizer.parameters], list(optimizer.states), optimizer.steps


@pytest.mark.parametrize("make", RULES, ids=["SGD", "Adam"])
def test_an_interrupted_step_is_done_or_not(make: Callable[[Any], Optimizer]) -> None:
    """Wherever Ctrl-C interrupts, parameters, states and the number of steps are consistent."""
    files = {base_of_optimizers.__file__, assignment.__file__}
    for count in range(1, 10_000):
        found = make(as_values(np.arange(1.0, 6.0)))
        for parameter in found.parameters:
            parameter.grad = 2.0
        before = state_of(found)
        was_interrupted = interrupted_at(count, found.step, files)
        after = state_of(found)
        is_moved = [a != b for a, b in zip(after[0], before[0], strict=True)]
        assert after == before or (after[2] == 1 and all(is_moved))
        if not was_interrupted:
            break
    assert after[2] == 1
    assert count > 30


@pytest.mark.parametrize("result", [ZeroDivisionError(), "2", 1j, None], ids=repr)
def test_a_rule_that_fails_moves_nothing(result: Any) -> None:
    """If the rule raises at one parameter, or returns no number, no parameter moves."""

    class Failing(Optimizer):
        def update(self, parameter: Any, gradient: Any, state: Any, step: Any) -> Any:
            if gradient != 3.0:
                return parameter - gradient, (1.0,)
            if isinstance(result, Exception):
                raise result
            return result, (1.0,)

    optimizer = Failing(as_values(np.ones(4)), lr=0.1)
    for i, parameter in enumerate(optimizer.parameters):
        parameter.grad = float(i + 1)
    before = state_of(optimizer)
    with pytest.raises((ZeroDivisionError, TypeError)):
        optimizer.step()
    assert state_of(optimizer) == before


@pytest.mark.parametrize("make", RULES, ids=["SGD", "Adam"])
def test_a_step_before_any_backward(make: Callable[[Any], Optimizer]) -> None:
    """A step before any backward raises and is not counted; a gradient of 0 is enough for a step."""
    optimizer = make(as_values(np.ones(3)))
    before = state_of(optimizer)
    with pytest.raises(
        RuntimeError, match=r"no parameter has a gradient yet.*call loss\.backward\(\) before"
    ):
        optimizer.step()
    assert state_of(optimizer) == before
    (optimizer.parameters[0] * 0.0).backward()
    optimizer.step()
    assert optimizer.steps == 1
