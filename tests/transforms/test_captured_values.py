"""`make_functional`: turn `Value`s that a function captures into an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Value, data, exp, grad, hessian, jit, make_functional, relu, value_and_grad, vmap
from autograd.engine.errors import TracedValueError
from nn import MLP
from nn.losses import hinge, l2_penalty, mse

W, B = Value(2.0, label="w"), Value(1.0, label="b")

FINITE = st.floats(-3.0, 3.0)


def line(x: Any) -> Any:
    """Return a number that depends on two Values of this module."""
    return exp(W * 0.1) * x + B * W


lifted = make_functional(line, [W, B])


@given(FINITE, FINITE, FINITE)
def test_it_is_the_function_of_other_numbers(w: float, b: float, x: float) -> None:
    """Values and derivatives agree with a function written with the numbers as arguments."""

    def written(p: Any, x: Any) -> Any:
        return exp(p[0] * 0.1) * x + p[1] * p[0]

    p = np.array([w, b])
    assert lifted(p, x) == written(p, x)
    np.testing.assert_allclose(grad(lifted)(p, x), grad(written)(p, x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(hessian(lifted)(p, x), hessian(written)(p, x), rtol=1e-12, atol=1e-12)
    mixed = grad(lambda x: grad(lifted)(p, x)[0])(x)
    np.testing.assert_allclose(mixed, grad(lambda x: grad(written)(p, x)[0])(x), rtol=1e-12)


def test_results_are_numbers_unless_something_is_differentiated() -> None:
    """Value arguments are in the graph of the result; captured Values are not."""
    assert type(lifted([1.0, 2.0], 3.0)) is float
    w, x = Value(3.0), Value(4.0)
    y = lifted([w, 0.0], x)
    y.backward()
    assert (w.grad, x.grad) == (pytest.approx(0.4 * np.exp(0.3)), pytest.approx(np.exp(0.3)))
    assert (W.grad, B.grad) == (0.0, 0.0)


def test_vmap_over_the_numbers() -> None:
    """Several models can be evaluated at once by `vmap`."""
    models = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(vmap(lifted, (0, None))(models, 0.5), [lifted(model, 0.5) for model in models])


def penalised(model: MLP) -> Callable[..., Any]:
    """Return a loss that reads a model's parameters through the model and through a list."""
    weights = model.parameters()
    return lambda x, y: (
        hinge(model(x), y) + l2_penalty(model, 0.1) + 0.01 * sum([w * w for w in weights]),
        model(x),
    )


@pytest.mark.parametrize("transform", [lambda f: f, jit], ids=["eager", "compiled"])
def test_a_model(transform: Callable[[Any], Any]) -> None:
    """The gradient agrees with `backward`, independently of the model's own numbers."""
    model, twin = MLP(2, [3, 1], rng=0), MLP(2, [3, 1], rng=1)
    x, y = np.random.default_rng(2).normal(size=(5, 2)), np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    before = model.state_dict()
    step = transform(value_and_grad(make_functional(penalised(model), model.parameters()), has_aux=True))
    expected, outputs = penalised(twin)(x, y)
    expected.backward()
    for _ in range(2):
        (value, found), gradient = step(data(twin.parameters()), x, y)
        assert value == pytest.approx(expected.data, rel=1e-12)
        np.testing.assert_allclose(found, data(outputs), rtol=1e-12)
        np.testing.assert_allclose(gradient, [p.grad for p in twin.parameters()], rtol=1e-10, atol=1e-15)
    assert model.state_dict() == before
    assert [p._level for p in model.parameters()] == [0] * len(before)


def test_a_gradient_inside_of_the_function() -> None:
    """The function may contain a derivative, which is differentiated by the captured Values in turn."""
    w = Value(2.0)
    slope = make_functional(lambda x: grad(lambda x: w * x**3)(x), [w])
    assert value_and_grad(slope)([5.0], 2.0) == (60.0, [12.0])
    assert jit(value_and_grad(slope))([5.0], 2.0) == (60.0, [12.0])


@pytest.mark.parametrize(("f", "names"), [(line, "numbers_0, x"), (lambda numbers: W, "x0_0, x1")])
def test_names_of_the_arguments(f: Callable[..., Any], names: str) -> None:
    """A compiled program uses the function's argument names, unless they collide."""
    compiled = jit(make_functional(f, [W]), "numpy")
    compiled([2.0], 3.0)
    assert f"def program({names})" in compiled.source


def test_nothing_that_depends_on_the_values() -> None:
    """Results that are captured Values, or do not depend on them, are returned as numbers."""
    assert make_functional(lambda x: (x * 2.0, "no number"[:0] or 1), [W])([5.0], 3.0) == (6.0, 1)
    assert make_functional(lambda: (W, [B, 1.0]), [W, B])([5.0, 6.0]) == (5.0, [6.0, 1.0])


@pytest.mark.parametrize(
    "f", [lambda: W if W > 0.0 else -W, lambda: float(W), lambda: W.data * 2.0, lambda: W._data and bool(W)]
)
def test_a_branch_on_such_a_value(f: Callable[[], Any]) -> None:
    """Reading the number of a captured Value raises; afterwards the Value has its own number again."""
    with pytest.raises(TracedValueError):
        make_functional(f, [W])([5.0])
    assert float(W) == 2.0


@pytest.mark.parametrize("wrong", [[1.0], (W * 2.0,), ["w"]])
def test_what_is_no_leaf(wrong: Any) -> None:
    """Anything but leaf Values raises a TypeError."""
    with pytest.raises(TypeError, match="expected leaf Values that the function reads, got"):
        make_functional(line, wrong)


def test_another_count_of_numbers() -> None:
    """A wrong count of numbers raises a ValueError."""
    with pytest.raises(ValueError, match="expected a number for each of 2 Values, got 3"):
        lifted([1.0, 2.0, 3.0], 1.0)


def test_within_a_derivative_by_the_same_values() -> None:
    """Captured Values that are variables of an outer call are its variables again afterwards."""
    relu_of = make_functional(lambda: relu(W) * 3.0, [W])

    def f(w: Any) -> Any:
        inner = make_functional(lambda: w[0] * w[1], w)
        return inner([w[1] * 2.0, w[0]]) + relu_of([w[0]]) + w[0] * w[1]

    np.testing.assert_allclose(grad(f)(np.array([2.0, 5.0])), [18.0, 6.0])
    assert mse([W], [2.0]).data == 0.0
