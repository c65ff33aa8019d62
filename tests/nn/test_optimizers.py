from __future__ import annotations

import json
from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np
import pytest
from interrupts import interrupted_at

from autograd import Value, as_values, data, jit
from nn import MLP, Neuron, assignment, fit
from nn.losses import mse
from nn.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop, optimizer
from nn.optimizers import base as base_of_optimizers
from nn.training.compiled_steps import CompiledSteps
from nn.training.eager_steps import EagerSteps
from nn.training.samples import samples_of

KINDS: list[Any] = [SGD, Adagrad, RMSprop, Adam, AdamW]


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


RULES_OF_PYTORCH: list[tuple[type[Optimizer], dict[str, Any]]] = [
    (SGD, {}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    (SGD, {"lr": 0.1, "dampening": 0.5}),
    (SGD, {"lr": 0.1, "weight_decay": 0.3}),
    (SGD, {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1, "nesterov": True}),
    (SGD, {"lr": 0.01, "momentum": 0.5, "dampening": 0.1, "weight_decay": 0.1, "maximize": True}),
    (Adagrad, {}),
    (
        Adagrad,
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 0.1},
    ),
    (Adagrad, {"maximize": True}),
    (RMSprop, {}),
    (RMSprop, {"alpha": 0.5, "eps": 1e-3, "weight_decay": 0.1}),
    (RMSprop, {"momentum": 0.9}),
    (RMSprop, {"centered": True, "alpha": 0.9}),
    (RMSprop, {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    (Adam, {}),
    (Adam, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}),
    (Adam, {"betas": (0.0, 0.0)}),
    (Adam, {"lr": 0.1, "weight_decay": 0.3}),
    (Adam, {"lr": 0.1, "amsgrad": True, "betas": (0.5, 0.5)}),
    (Adam, {"weight_decay": 0.1, "maximize": True}),
    (AdamW, {}),
    (AdamW, {"lr": 0.1, "weight_decay": 0.3}),
    (AdamW, {"lr": 0.1, "amsgrad": True, "weight_decay": 0.0, "maximize": True}),
]


def name_of(item: Any) -> str:
    """Name a rule and its settings."""
    return item.__name__ if isinstance(item, type) else ", ".join(f"{k}={v}" for k, v in item.items())


@pytest.mark.parametrize(("kind", "arguments"), RULES_OF_PYTORCH, ids=name_of)
def test_steps_are_those_of_pytorch(kind: type[Optimizer], arguments: dict[str, Any]) -> None:
    """Over 50 steps, on gradients of all scales, the parameters agree with PyTorch after each step."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    start, scales = rng.normal(size=4), np.array([1e-6, 1.0, 1e6, 0.0])
    parameters = as_values(start)
    twin = torch.tensor(start, requires_grad=True)
    optimizer = kind(parameters, **arguments)
    twin_optimizer = getattr(torch.optim, kind.__name__)([twin], **arguments)
    for _ in range(50):
        gradients = rng.normal(size=4) * scales
        for parameter, gradient in zip(parameters, gradients.tolist(), strict=True):
            parameter.grad = gradient
        twin.grad = torch.tensor(gradients)
        optimizer.step()
        twin_optimizer.step()
        np.testing.assert_allclose(data(parameters), twin.detach().numpy(), rtol=1e-12)


X = np.array([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0], [2.0, 1.0]])
Y = np.array([1.0, -0.5, 0.25, 2.0])


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize(("kind", "arguments"), RULES_OF_PYTORCH, ids=name_of)
def test_a_training_is_that_of_pytorch(kind: type[Optimizer], arguments: dict[str, Any], jit: bool) -> None:
    """Each of 50 losses of `fit`, eager and compiled, and the parameters agree with PyTorch."""
    torch = pytest.importorskip("torch")
    model = Neuron(2, "linear", rng=0)
    twin = torch.tensor(data(model.parameters()), requires_grad=True)
    x, y = torch.tensor(X), torch.tensor(Y)
    twin_optimizer = getattr(torch.optim, kind.__name__)([twin], **arguments)
    losses = []
    for _ in range(50):
        twin_optimizer.zero_grad()
        loss = torch.mean((x @ twin[:2] + twin[2] - y) ** 2)
        loss.backward()
        losses.append(loss.item())
        twin_optimizer.step()
    optimizer = kind(model, **arguments)
    history = fit(model, X, Y, loss=mse, optimizer=optimizer, epochs=50, verbose=0, jit=jit)
    assert history.how.startswith("compiled" if jit else "eager")
    np.testing.assert_allclose(history.loss, losses, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(data(model.parameters()), twin.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "arguments", "changes"),
    [
        (SGD, {"momentum": 0.9}, {"lr": 0.02, "momentum": 0.5}),
        (RMSprop, {"momentum": 0.9}, {"lr": 0.02, "momentum": 0.5}),
        (Adagrad, {}, {"lr": 0.02}),
        (Adam, {}, {"lr": 0.02, "betas": (0.5, 0.7)}),
        (AdamW, {}, {"lr": 0.02, "betas": (0.5, 0.7)}),
    ],
    ids=name_of,
)
def test_settings_that_vary_compile_nothing(
    kind: type[Optimizer], arguments: dict[str, Any], changes: dict[str, Any]
) -> None:
    """A setting of `varying` may change between compiled steps, which no program is compiled for."""
    left = []
    for steps_of in (CompiledSteps, EagerSteps):
        model = Neuron(2, "linear", rng=0)
        optimizer = kind(model, lr=0.1, **arguments)
        steps = steps_of(model, mse, optimizer)
        for step in range(6):
            if step == 3:
                for name, setting in changes.items():
                    setattr(optimizer, name, setting)
            steps(samples_of(X, Y))
        steps.write()
        assert set(changes) == set(optimizer.varying)
        if isinstance(steps, CompiledSteps):
            assert steps._update.report().compilations == 1
        left.append(data(model.parameters()))
    np.testing.assert_allclose(left[0], left[1], rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "arguments", "name", "setting"),
    [
        (SGD, {}, "momentum", 0.9),
        (SGD, {"dampening": 0.5}, "momentum", 0.9),
        (SGD, {}, "weight_decay", 0.5),
        (RMSprop, {}, "momentum", 0.9),
        (Adam, {}, "eps", 0.1),
        (AdamW, {}, "maximize", True),
    ],
)
def test_other_settings_may_change_as_well(
    kind: type[Optimizer], arguments: dict[str, Any], name: str, setting: Any
) -> None:
    """After `read` compiled steps use a setting that has changed, also one that the rule branches on."""
    torch = pytest.importorskip("torch")
    left = []
    for steps_of in (CompiledSteps, EagerSteps):
        model = Neuron(2, "linear", rng=0)
        optimizer = kind(model, lr=0.1, **arguments)
        steps = steps_of(model, mse, optimizer)
        for step in range(6):
            if step == 3:
                steps.write()
                setattr(optimizer, name, setting)
                steps.read()
            steps(samples_of(X, Y))
        steps.write()
        left.append(data(model.parameters()))
    np.testing.assert_allclose(left[0], left[1], rtol=1e-12)
    if kind is SGD:
        twin = torch.tensor(data(Neuron(2, "linear", rng=0).parameters()), requires_grad=True)
        twin_optimizer = torch.optim.SGD([twin], lr=0.1, **arguments)
        for step in range(6):
            if step == 3:
                twin_optimizer.param_groups[0][name] = setting
            twin_optimizer.zero_grad()
            torch.mean((torch.tensor(X) @ twin[:2] + twin[2] - torch.tensor(Y)) ** 2).backward()
            twin_optimizer.step()
        np.testing.assert_allclose(left[1], twin.detach().numpy(), rtol=1e-12)


def test_centered_rmsprop_on_a_gradient_that_stays() -> None:
    """Where rounding makes the variance negative, the step stays finite; PyTorch's is nan."""
    optimizer = RMSprop([Value(1.0)], centered=True, alpha=0.5)
    for _ in range(200):
        optimizer.parameters[0].grad = 0.1
        optimizer.step()
    assert np.isfinite(optimizer.parameters[0].data)


def test_the_first_steps_of_adam() -> None:
    """On a constant gradient each step is the learning rate against its sign; on 0 it is 0."""
    parameters = [Value(1.0), Value(1.0), Value(1.0)]
    optimizer = Adam(parameters)
    for parameter, gradient in zip(parameters, (1e3, -2.0, 0.0), strict=True):
        parameter.grad = gradient
    for _ in range(3):
        optimizer.step()
    np.testing.assert_allclose(data(parameters), [0.997, 1.003, 1.0], rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
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
    Adam([Value(0.0)], lr=0.1, weight_decay=0.2, amsgrad=True),
    AdamW([Value(0.0)], lr=0.1, weight_decay=0.2),
    Adagrad([Value(0.0)], lr=0.1, lr_decay=0.1),
    RMSprop([Value(0.0)], lr=0.1, momentum=0.5),
    RMSprop([Value(0.0)], lr=0.1, centered=True),
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


@pytest.mark.parametrize("kind", KINDS)
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
        ({"parameters": 3}, TypeError, "expected a model, or a list of its parameters, got 3"),
        ({"lr": 0.0}, ValueError, "expected the learning rate to be positive, got 0.0"),
        ({"lr": -0.1}, ValueError, "expected the learning rate to be positive, got -0.1"),
        ({"lr": nan}, ValueError, "expected the learning rate to be positive, got nan"),
        ({"momentum": 1.0}, ValueError, "at least 0 and less than 1, got 1.0"),
        ({"momentum": -0.1}, ValueError, "at least 0 and less than 1, got -0.1"),
        ({"momentum": nan}, ValueError, "at least 0 and less than 1, got nan"),
        ({"nesterov": True}, ValueError, "nesterov with a momentum and without dampening, got momentum=0.0"),
        (
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
            ValueError,
            "without dampening, got momentum=0.9 and dampening=0.1",
        ),
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


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (Adagrad, {"lr_decay": -1.0}, "expected lr_decay to be at least 0, got -1.0"),
        (Adagrad, {"initial_accumulator_value": nan}, "expected initial_accumulator_value to be at least 0"),
        (Adagrad, {"eps": 0.0}, "expected eps to be positive, got 0.0"),
        (RMSprop, {"alpha": 1.0}, "expected alpha to be at least 0 and less than 1, got 1.0"),
        (RMSprop, {"momentum": -0.1}, "expected momentum to be at least 0 and less than 1, got -0.1"),
        (AdamW, {"weight_decay": -0.1}, "expected weight_decay to be at least 0, got -0.1"),
    ],
)
def test_numbers_out_of_range(kind: Any, arguments: dict[str, Any], message: str) -> None:
    """Numbers out of range raise an error that names them."""
    with pytest.raises(ValueError, match=message):
        kind([Value(1.0)], **arguments)


# ------------------------------------------------------------------------------------------ models, names


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimizer_takes_a_model(kind: Any) -> None:
    """A model stands for its parameters, in their order."""
    model = MLP(2, [3, 1], rng=0)
    assert all(a is b for a, b in zip(kind(model).parameters, model.parameters(), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimizer_by_name(kind: Any) -> None:
    """Each optimizer has a name, takes settings by it, and says them in its repr."""
    found = optimizer(kind.__name__.lower(), Neuron(2, rng=0), lr=0.25)
    assert type(found) is kind
    assert repr(found).startswith(f"{kind.__name__}(3 parameters, ")
    assert "lr=0.25" in repr(found)


def test_a_name_that_no_optimizer_has() -> None:
    """An unknown name suggests the nearest."""
    with pytest.raises(ValueError, match=r"unknown optimizer 'adamm' \(did you mean 'adam'\?\)"):
        optimizer("adamm", Neuron(2, rng=0))


def test_an_optimizer_that_is_made() -> None:
    """It stays as it is, takes no settings, and is one of the model."""
    model = Neuron(2, rng=0)
    made = Adam(model, lr=0.25)
    assert optimizer(made, model) is made
    with pytest.raises(TypeError, match="expected no settings of an optimizer that is made, got lr"):
        optimizer(made, model, lr=0.5)
    with pytest.raises(ValueError, match="has none of the model's parameters: make it of the model"):
        optimizer(made, Neuron(2, rng=0))


def test_a_step_by_a_closure() -> None:
    """As in PyTorch, a step calls a closure that computes loss and gradients, and returns the loss."""
    w = Value(1.0)
    rule = SGD([w], lr=0.1)

    def closure() -> Value:
        rule.zero_grad()
        loss = w * w
        loss.backward()
        return loss

    assert rule.step(closure) == 1.0
    assert w.data == 0.8


# ------------------------------------------------------------------------------------------------- states


@pytest.mark.parametrize(("kind", "arguments"), RULES_OF_PYTORCH, ids=name_of)
def test_a_state_goes_through_json(kind: Any, arguments: dict[str, Any]) -> None:
    """Another optimizer with the state, read from JSON, does the same steps, to the last bit."""

    def stepped(rule: Optimizer, count: int) -> None:
        for i in range(count):
            for parameter in rule.parameters:
                parameter.grad = parameter.data - 0.5 * i
            rule.step()

    first = kind(as_values(np.array([1.0, -2.0])), **arguments)
    stepped(first, 3)
    first.lr *= 0.5
    second = kind(as_values(data(first.parameters)), lr=7.0)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert (second.settings, second.states, second.steps) == (first.settings, first.states, 3)
    stepped(first, 3)
    stepped(second, 3)
    assert data(second.parameters).tolist() == data(first.parameters).tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "SGD"}, "expected the state of Adam, got that of SGD"),
        ({"states": []}, "expected states of 1 parameters, got 0: build the model with the same sizes"),
        ({"settings": {"lr": 0.5, "rate": 1.0}}, "Adam has no settings called rate"),
    ],
)
def test_a_state_that_does_not_fit(change: dict[str, Any], message: str) -> None:
    """A state of another optimizer raises, and changes nothing."""
    rule = Adam([Value(1.0)])
    before = rule.state_dict()
    with pytest.raises(ValueError, match=message):
        rule.load_state_dict(before | change)
    with pytest.raises(ValueError, match="got one without steps, states"):
        rule.load_state_dict({"optimizer": "Adam", "settings": {}})
    assert rule.state_dict() == before


def test_settings_that_are_no_numbers() -> None:
    """A setting of an own rule that JSON cannot hold is left out of its state."""

    class Scaled(Optimizer):
        def __init__(self, parameters: Any, scale: Callable[[Any], Any]) -> None:
            super().__init__(parameters, 0.1)
            self.scale = scale

        def update(self, parameter: Any, gradient: Any, state: Any, step: Any) -> Any:
            return parameter - self.lr * self.scale(gradient), state

    rule = Scaled(Neuron(2, rng=0), abs)
    assert "scale" not in rule.state_dict()["settings"]
    rule.load_state_dict(rule.state_dict())
    assert rule.scale is abs


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
