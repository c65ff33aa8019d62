from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Value, as_values, data, grads, jit, make_functional, value_and_grad
from nn import MLP, Neuron, schedules
from nn.losses import binary_cross_entropy_with_logits, l2_penalty, mse
from nn.optimizers import LBFGS, Optimizer

pytest.importorskip("scipy")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
LABELS = (X @ [1.0, -2.0, 0.5] + 0.3 * RNG.normal(size=40) > 0.2).astype(float)


def rosenbrock(x: Any, y: Any) -> Any:
    """Return a function whose valley is bent."""
    return (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2


def closure_of(optimizer: Optimizer, loss: Callable[[], Value]) -> Callable[[], Value]:
    """Return a closure as PyTorch's optimizers take it."""

    def closure() -> Value:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure


def test_it_finds_the_minimum_that_pytorch_finds() -> None:
    """A logistic regression with a penalty ends at the minimum of PyTorch's L-BFGS, to eight digits."""
    torch = pytest.importorskip("torch")
    model = Neuron(3, "linear", rng=0)
    optimizer = LBFGS(model, max_iter=100, tolerance_change=0.0, tolerance_grad=1e-10)
    optimizer.step(
        closure_of(
            optimizer,
            lambda: binary_cross_entropy_with_logits(model(X), LABELS) + l2_penalty(model, 0.1),
        )
    )
    twin = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    twins = torch.optim.LBFGS(
        [twin], max_iter=100, tolerance_grad=1e-12, tolerance_change=0.0, line_search_fn="strong_wolfe"
    )

    def closure() -> Any:
        twins.zero_grad()
        logits = torch.tensor(X) @ twin[:3] + twin[3]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(LABELS))
        loss = loss + 0.05 * torch.sum(twin[:3] ** 2)
        loss.backward()
        return loss

    twins.step(closure)
    np.testing.assert_allclose(data(model.parameters()), twin.detach().numpy(), atol=1e-7)
    assert np.abs(grads(model.parameters())).max() < 1e-7


def test_defaults_are_those_of_pytorch() -> None:
    """A setting that both have is the same, also how many evaluations follow from the iterations."""
    torch = pytest.importorskip("torch")
    every: list[dict[str, Any]] = [{}, {"max_iter": 7}, {"max_iter": 1}, {"max_eval": 3}]
    for arguments in every:
        ours = vars(LBFGS([Value(0.0)], **arguments))
        theirs = torch.optim.LBFGS([torch.zeros(1)], line_search_fn="strong_wolfe", **arguments).defaults
        shared = {name: setting for name, setting in theirs.items() if name in ours}
        assert len(shared) == 7
        assert shared == {name: ours[name] for name in shared}


def test_a_compiled_function_is_minimised() -> None:
    """The loss of a network, compiled, falls with each iteration, of which the callback is told."""
    model = MLP(3, [4, 1], "tanh", rng=0)
    start = data(model.parameters())
    parameters = model.parameters()
    step = jit(value_and_grad(make_functional(lambda: mse(model(X), LABELS), parameters)))
    told: list[tuple[Any, float]] = []
    found = LBFGS(model).minimize(step, start, 30, lambda numbers, loss: told.append((numbers, loss)))
    losses = [loss for _, loss in told]
    assert len(told) == found.iterations == 30
    assert losses == sorted(losses, reverse=True)
    assert found.loss == losses[-1] < 0.1 * step(start)[0]
    np.testing.assert_array_equal(found.parameters, told[-1][0])
    np.testing.assert_allclose(found.gradients, step(found.parameters)[1], rtol=1e-12)
    np.testing.assert_array_equal(data(model.parameters()), start)


def test_a_callback_ends_it() -> None:
    """After StopIteration the numbers are those of the last iteration."""
    seen: list[Any] = []

    def callback(numbers: Any, loss: float) -> None:
        seen.append(numbers)
        if len(seen) == 3:
            raise StopIteration

    step = value_and_grad(lambda v: rosenbrock(v[0], v[1]))
    found = LBFGS([Value(0.0)]).minimize(step, [-1.0, 1.0], 100, callback)
    assert found.iterations == 3
    np.testing.assert_array_equal(found.parameters, seen[-1])
    assert "StopIteration" in found.why


def test_steps_of_some_iterations() -> None:
    """A step does as many iterations as asked for, leaves the gradient there, and returns the first loss."""
    values = as_values([-1.0, 1.5])
    optimizer = LBFGS(values, max_iter=8, tolerance_change=0.0)
    losses = [optimizer.step(closure_of(optimizer, lambda: rosenbrock(*values))).data for _ in range(20)]
    assert losses[0] == rosenbrock(-1.0, 1.5)
    assert losses == sorted(losses, reverse=True)
    np.testing.assert_allclose(data(values), [1.0, 1.0], rtol=1e-4)
    (_, expected) = value_and_grad(lambda v: rosenbrock(v[0], v[1]))(data(values))
    np.testing.assert_array_equal(grads(values), expected)
    assert 20 <= optimizer.steps <= 160


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_step_changes_no_parameter(error: type[BaseException]) -> None:
    """If the closure raises in the middle of a step, the parameters are as before it."""
    values = as_values([-1.0, 1.5])
    optimizer = LBFGS(values)
    calls: list[int] = []

    def loss() -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise error
        return rosenbrock(*values)

    with pytest.raises(error):
        optimizer.step(closure_of(optimizer, loss))
    assert (data(values).tolist(), optimizer.steps) == ([-1.0, 1.5], 0)


def test_a_schedule_has_nothing_to_change() -> None:
    """A schedule of L-BFGS raises, since the line search finds the length of each step."""
    with pytest.raises(TypeError, match="LBFGS finds the length of its steps itself: leave out the schedule"):
        schedules.StepLR(LBFGS([Value(1.0)]), 3)


def test_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SciPy a step says what to install."""
    monkeypatch.setattr("nn.optimizers.lbfgs.find_spec", lambda name: None)
    optimizer = LBFGS([Value(1.0)])
    with pytest.raises(ModuleNotFoundError, match=r"L-BFGS needs SciPy: pip install 'chainrule\[train\]'"):
        optimizer.step(closure_of(optimizer, lambda: optimizer.parameters[0] ** 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr": 0.5}, "expected lr to be 1, got 0.5: the line search finds the length of each step"),
        ({"max_iter": 0}, "expected max_iter to be at least 1, got 0"),
        ({"history_size": 0}, "expected history_size to be at least 1, got 0"),
        ({"tolerance_grad": -1.0}, "expected tolerance_grad to be at least 0, got -1.0"),
        (
            {"line_search_fn": "armijo"},
            "expected line_search_fn to be \"strong_wolfe\" or None, got 'armijo'",
        ),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    """Invalid arguments raise an error that shows what was passed."""
    with pytest.raises(ValueError, match=message):
        LBFGS([Value(1.0)], **arguments)
    with pytest.raises(TypeError, match="needs a closure"):
        LBFGS([Value(1.0)]).step()
