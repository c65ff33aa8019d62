"""`no_grad` and `Value.detach`: numbers without a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from threads import run_in_threads

from autograd import (
    Value,
    anomaly,
    as_values,
    cond,
    custom_vjp,
    data,
    dot,
    exp,
    fori_loop,
    grad,
    hessian,
    jit,
    jvp,
    log,
    make_functional,
    no_grad,
    scan,
    stop_gradient,
    take,
    value_and_grad,
    vmap,
    where,
)
from nn import MLP
from nn.losses import mse


def frozen(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is called inside of `no_grad`."""
    return no_grad()(f)


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x * x,
        lambda x: exp(x),
        lambda x: dot([x, x], [x, 2.0]),
        lambda x: np.exp(np.array([x]))[0],
        lambda x: where(x > 0.0, x * 2.0, x),
        lambda x: x > 1.0,
        lambda x: MLP(1, [2, 1], rng=0)([x]),
        lambda x: MLP(1, [2, 1], rng=0)(as_values([[1.0]]))[0, 0],
        lambda x: x.detach(),
        lambda x: fori_loop(0, 3, lambda i, y: y * x, x),
    ],
)
def test_results_are_leaves(compute: Callable[[Value], Any]) -> None:
    """Inside of `no_grad` every result is a leaf, with the same number, and nothing flows back."""
    x = Value(3.0)
    expected = compute(x)
    with no_grad():
        found = compute(x)
    assert float(found) == float(expected)
    if isinstance(found, Value):
        assert found.is_leaf
        assert (found.args, found.partials, found.label, found.source) == ((), (), "", None)
        (found * x).backward()
        assert (found.grad, x.grad) == (3.0, found.data)
        found.data = 2.0


def test_block_and_decorator_agree_with_pytorch() -> None:
    """What is computed inside is a constant of what is computed outside, in both forms."""
    torch = pytest.importorskip("torch")

    def gradient(x: Any, off: Any) -> Any:
        @off()  # type: ignore[untyped-decorator]
        def square(x: Any) -> Any:
            return x * x

        with off():
            inside = x * 5.0
        (square(x) * x + inside * x).backward()
        return float(x.grad)

    assert gradient(Value(3.0), no_grad) == gradient(torch.tensor(3.0, requires_grad=True), torch.no_grad)


def test_the_end_of_a_block() -> None:
    """After the block, also one that raised or an inner one, graphs are recorded as before."""
    x = Value(3.0)
    with no_grad():
        with pytest.raises(ZeroDivisionError), no_grad():
            raise ZeroDivisionError
        assert (x * x).is_leaf
    assert not (x * x).is_leaf


def test_other_threads_record() -> None:
    """`no_grad` applies to the thread that opened it."""
    found: list[bool] = []
    with no_grad():
        run_in_threads(lambda _: found.append((Value(3.0) * 2.0).is_leaf))
    assert found == [False] * 8


def test_anomalies_are_found() -> None:
    """Warnings and anomaly mode are the same inside."""
    with no_grad(), pytest.warns(RuntimeWarning, match="invalid value"):
        assert np.isnan(log(Value(-1.0)).data)
    with no_grad(), anomaly(), pytest.raises(FloatingPointError, match="log"):
        log(Value(-1.0))


# ----------------------------------------------------------------- inside of what is differentiated or traced

custom = custom_vjp(lambda x: x * x * 2.0)
custom.defvjp(lambda x: (custom(x), x), lambda x, g: (4.0 * x * g,))

INSIDE: dict[str, Callable[[Any], Any]] = {
    "product": lambda x: x * frozen(lambda: x * x)(),
    "function": lambda x: x * frozen(exp)(x),
    "detached": lambda x: x * (x * x).detach() if isinstance(x, Value) else x * x * x,
    "dot": lambda x: x * frozen(lambda: dot([x, x], [x, 1.0]))(),
    "choice": lambda x: x * frozen(lambda: where(x > 0.0, x * 2.0, x))(),
    "batch": lambda x: frozen(lambda: vmap(lambda y: y * x * 2.0)(np.arange(3.0)))()[1] * x,
    "loop": lambda x: frozen(lambda: fori_loop(0, 3, lambda i, y: y * x, x))() * x,
    "scan": lambda x: (
        frozen(lambda: scan(lambda c, y: (c * y + x, c * x), x, np.arange(1.0, 4.0)))()[1][2] * x
    ),
    "branch": lambda x: frozen(lambda: cond(x > 0.0, lambda: x * x, lambda: x))() * x,
    "custom": lambda x: x * frozen(lambda: custom(x) + 0.0)(),
    "custom alone": lambda x: x * frozen(lambda: custom(x))(),
    "element": lambda x: frozen(lambda: take([x * 1.0, x * 2.0], [0, 1])[1])() * x,
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_constant_of_derivatives(name: str) -> None:
    """What a differentiated function computes inside is a constant, in any mode and order."""
    f = INSIDE[name]
    number = float(f(2.0))
    # Each is x times something that is a constant.
    slope = number / 2.0
    for transformed in (lambda g: g, jit):
        assert transformed(f)(2.0) == pytest.approx(number)
        assert transformed(grad(f))(2.0) == pytest.approx(slope)
        assert transformed(value_and_grad(f))(2.0) == pytest.approx((number, slope))
        assert transformed(lambda x: jvp(f, (x,), (1.0,)))(2.0) == pytest.approx((number, slope))
        assert transformed(hessian(f))(2.0) == 0.0


@pytest.mark.parametrize("transformed", [lambda f: f, jit])
def test_derivatives_inside_of_a_block(transformed: Callable[[Any], Any]) -> None:
    """`grad` and its kin, called inside of `no_grad`, differentiate as ever, compiled or not."""
    x = Value(3.0)
    numbers = np.array([3.0])
    loss = make_functional(lambda: x * x * x, [x])
    with no_grad():
        assert transformed(grad(lambda y: y * y * x.data))(2.0) == 12.0
        assert transformed(hessian(lambda y: y**3))(2.0) == 12.0
        assert transformed(value_and_grad(loss))(numbers)[1] == [27.0]
        assert transformed(vmap(grad(lambda y: y * y)))(np.ones(2)).tolist() == [2.0, 2.0]


def test_an_inner_derivative_is_a_constant_of_the_outer_one() -> None:
    """A derivative that is computed inside of a block is a number to the derivative outside."""
    inner = frozen(lambda x: grad(lambda y: y**3)(x))
    for transformed in (lambda f: f, jit):
        assert transformed(grad(lambda x: inner(x) * x))(2.0) == pytest.approx(12.0)


def test_models_in_compiled_steps() -> None:
    """A model whose answers are targets gets no gradient, eager or compiled; predictions are the same."""
    teacher, student = MLP(2, [3, 1], rng=0), MLP(2, [3, 1], rng=1)
    x = np.random.default_rng(0).normal(size=(5, 2))
    parameters = [*teacher.parameters(), *student.parameters()]

    def loss(x: Any) -> Any:
        with no_grad():
            targets = teacher(x)
        return mse(student(x), targets)

    loss(x).backward()
    eager = [p.grad for p in parameters]
    gradient = jit(grad(make_functional(loss, parameters)))(data(parameters), x)
    np.testing.assert_allclose(gradient, eager, atol=1e-12)
    assert not gradient[: len(teacher.parameters())].any()
    assert gradient[len(teacher.parameters()) :].any()
    predict = jit(frozen(lambda x: student(x)))
    np.testing.assert_allclose(predict(x), data(student(x)), rtol=1e-12)


# ------------------------------------------------------------------------------------------------- detached


def test_detached_numbers() -> None:
    """`detach` gives a leaf with the number, and without label and history."""
    x = Value(3.0, label="x")
    y = x * x
    for node in (x, y):
        leaf = node.detach()
        assert leaf is not node
        assert (leaf.data, leaf.label, leaf.is_leaf, leaf.grad) == (node.data, "", True, 0.0)
    y.detach().data = 1.0
    assert y.data == 9.0
    assert grad(lambda x: x * x.detach() + stop_gradient(x))(3.0) == 3.0
    assert jit(grad(lambda x: x * x.detach()))(3.0) == 3.0
