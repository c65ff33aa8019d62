from __future__ import annotations

from collections.abc import Callable
from math import exp, tanh
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from mpmath import mp
from oracles import ORACLES
from programs import Program, call_public
from strategies import expressions

import autograd
from autograd import Op, Value


def differentiate(expression: Program) -> tuple[float, list[float]]:
    """Return the value and the gradient that `backward` computes."""
    out, variables = expression.graph()
    out.backward()
    return out.data, [variable.grad for variable in variables]


def evaluate_exactly(expression: Program, variables: list[Any]) -> Any:
    """Return the value by the oracles of the operations, in the current precision."""
    return expression.on(lambda op, *args: ORACLES[op.name].exact(*args), mp.mpf, variables)


@given(expressions())
def test_central_differences(expression: Program) -> None:
    """Value and gradient of any expression agree with central differences at 50 digits."""
    value, gradient = differentiate(expression)
    with mp.workdps(50):
        point = [mp.mpf(coordinate) for coordinate in expression.point]
        step = mp.mpf(10) ** -15
        slopes = []
        for i in range(len(point)):
            ahead, behind = list(point), list(point)
            ahead[i] += step
            behind[i] -= step
            rise = evaluate_exactly(expression, ahead) - evaluate_exactly(expression, behind)
            slopes.append(float(rise / (2 * step)))
        assert value == pytest.approx(float(evaluate_exactly(expression, point)), rel=1e-9, abs=1e-9)
    assert gradient == pytest.approx(slopes, rel=1e-9, abs=1e-9)


@given(expressions())
def test_pytorch(expression: Program) -> None:
    """Value and gradient of any expression agree with PyTorch in double precision."""
    torch = pytest.importorskip("torch")

    def tensor(number: float) -> Any:
        return torch.tensor(number, dtype=torch.float64)

    def call(op: Op, *args: Any) -> Any:
        return ORACLES[op.name].torch(torch, *args)

    variables = [tensor(coordinate).requires_grad_() for coordinate in expression.point]
    out = expression.on(call, tensor, variables)
    out.backward()
    value, gradient = differentiate(expression)
    assert value == pytest.approx(out.item(), rel=1e-9, abs=1e-9)
    slopes = [0.0 if variable.grad is None else variable.grad.item() for variable in variables]
    assert gradient == pytest.approx(slopes, rel=1e-9, abs=1e-9)


@given(expressions())
def test_with_and_without_a_graph(expression: Program) -> None:
    """An expression has the same value on plain floats as on Values."""
    value, _ = differentiate(expression)
    assert expression.on(call_public, float, expression.point) == value


# ------------------------------------------------------------------------------- functions composed of rows


@pytest.mark.parametrize(
    ("call", "formula"),
    [
        (autograd.leaky_relu, lambda x: x if x > 0 else 0.01 * x),
        (lambda x: autograd.leaky_relu(x, slope=0.3), lambda x: x if x > 0 else 0.3 * x),
        (autograd.elu, lambda x: x if x > 0 else exp(x) - 1),
        (lambda x: autograd.elu(x, alpha=0.5), lambda x: x if x > 0 else 0.5 * (exp(x) - 1)),
        (autograd.silu, lambda x: x / (1 + exp(-x))),
        (autograd.gelu, lambda x: 0.5 * x * (1 + tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))),
    ],
)
def test_activations(call: Callable[[Any], Any], formula: Callable[[float], float]) -> None:
    """Activations have the value of their formula, also on arrays, and the slope of finite differences."""
    points = [-3.0, -0.5, 0.2, 2.5]
    np.testing.assert_allclose(call(np.array(points)), [formula(x) for x in points], rtol=1e-14)
    for point in points:
        x = Value(point)
        out = call(x)
        out.backward()
        assert out.data == pytest.approx(formula(point), rel=1e-14)
        slope = (formula(point + 1e-6) - formula(point - 1e-6)) / 2e-6
        assert x.grad == pytest.approx(slope, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "slope"),
    [(autograd.leaky_relu, 0.01), (autograd.elu, 1.0), (autograd.silu, 0.5), (autograd.gelu, 0.5)],
)
def test_activations_at_zero(call: Callable[[Value], Value], slope: float) -> None:
    """At 0 an activation is 0; if 0 is a kink, the derivative is the one from the left."""
    x = Value(0.0)
    out = call(x)
    out.backward()
    assert (out.data, x.grad) == (0.0, slope)


@pytest.mark.parametrize("call", [autograd.leaky_relu, autograd.elu, autograd.silu, autograd.gelu])
def test_activations_show_nan(call: Callable[[Value], Value]) -> None:
    """An activation propagates nan and does not overflow at large arguments."""
    assert np.isnan(call(Value(np.nan)).data)
    assert call(Value(1000.0)).data == 1000.0
    assert -10.0 <= call(Value(-1000.0)).data <= 0.0


def test_softmax() -> None:
    """Softmax sums to 1, has the Jacobian diag(p) - p pᵀ, and does not overflow."""
    logits = [Value(number) for number in (1001.0, 1000.0, -1000.0)]
    p = autograd.softmax(logits)
    expected = np.exp([0.0, -1.0, -2001.0]) / np.exp([0.0, -1.0, -2001.0]).sum()
    np.testing.assert_allclose(autograd.data(p), expected, rtol=1e-12)
    for i, out in enumerate(p):
        for logit in logits:
            logit.grad = 0.0
        out.backward()
        np.testing.assert_allclose(
            autograd.grads(logits), expected[i] * (np.eye(3)[i] - expected), atol=1e-12
        )


def test_softmax_of_nothing() -> None:
    """The softmax of an empty sequence is empty."""
    assert autograd.softmax([]) == []
