"""Batch tracing: stacks, lanes and totals, on their own and through every transformation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from loops_backend import loops as loops
from loops_backend import on

import autograd
from autograd import (
    Value,
    dot,
    grad,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    logsumexp,
    relu,
    tanh,
    value_and_grad,
    vmap,
    where,
)
from autograd.engine.errors import TracedValueError
from autograd.engine.tracing import tracing
from autograd.transforms.batch_operations import lane, lengths_of, stack
from autograd.transforms.batch_tracing import recorded_once
from nn import MLP
from nn.losses import mse

X = np.random.default_rng(0).normal(size=(5, 3))
W = np.array([0.5, -1.0, 2.0])


def per_sample(w: Any, x: Any) -> Any:
    """Return a function of shared weights and one sample, with kinks, sums and shared subexpressions."""
    z = dot(w, x)
    return tanh(z) * x[0] + relu(z - 0.1) + logsumexp([z, x[1], w[0]])


def loss(w: Any, x: Any = X) -> Any:
    """Return a loss that mixes the samples: it compares neighbours and uses one of them separately."""
    y = vmap(per_sample, in_axes=(None, 0))(w, x)
    return ((y[1:] - y[:-1]) ** 2).sum() + y[2] * w[1] + y.sum()


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "value": (loss, (W,)),
    "gradient by what is shared": (value_and_grad(loss), (W,)),
    "gradient by the samples": (grad(loss, argnums=1), (W, X)),
    "gradient by both": (grad(loss, argnums=(0, 1)), (W, X)),
    "gradients of each sample": (vmap(grad(per_sample), in_axes=(None, 0)), (W, X)),
    "gradients of each sample by itself": (vmap(grad(per_sample, argnums=1), in_axes=(None, 0)), (W, X)),
    "hessian": (hessian(loss), (W,)),
    "hessians of each sample": (vmap(hessian(per_sample), in_axes=(None, 0)), (W, X)),
    "jacobian": (jacobian(lambda w: vmap(per_sample, in_axes=(None, 0))(w, X)), (W,)),
    "hvp": (lambda w, v: hvp(loss, (w,), (v,)), (W, W[::-1].copy())),
    "jvp": (lambda w, v: jvp(loss, (w,), (v,)), (W, W[::-1].copy())),
    "jvp by the samples": (lambda x, v: jvp(lambda x: loss(W, x), (x,), (v,)), (X, X * 2.0)),
    "third derivative": (lambda w: grad(lambda w: hvp(loss, (w,), (W,)).sum())(w), (W,)),
    "vmap of vmap": (vmap(vmap(lambda x: autograd.sin(x) * x)), (X,)),
    "vmap after vmap": (lambda x: vmap(lambda y: y * y.sum())(vmap(lambda r: autograd.exp(r))(x)), (X,)),
    "along another axis": (vmap(lambda c: (c * c).sum(), in_axes=1), (X,)),
    "nothing of the sample": (vmap(lambda x, w: {"w": w[0] * 2.0, "x": x[0], "one": 1.0}, (0, None)), (X, W)),
    "samples of constants": (lambda w: vmap(lambda x: (w * x).sum() ** 2)(X), (W,)),
    "two batches": (lambda w: loss(w) * loss(w, X[:3]), (W,)),
    "gradient of two batches": (grad(lambda w: loss(w) * loss(w, X[:3])), (W,)),
    "choices": (vmap(lambda x: where(x[0] > x[1], x[2], x[0] * 2.0)), (X,)),
}


def same(left: Any, right: Any) -> None:
    """Assert that two trees have the same numbers up to the order of summation."""
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        left, right = list(left.values()), list(right.values())
    if isinstance(left, list | tuple):
        for a, b in zip(left, right, strict=True):
            same(a, b)
    else:
        np.testing.assert_allclose(left, right, rtol=1e-13, atol=1e-13)
        assert np.shape(left) == np.shape(right)


# Numba compiles some of the loops that Python runs of all: those of three orders are 400 lines.
COMPILED = ["value", "gradient by both", "jvp by the samples", "vmap of vmap", "vmap after vmap", "choices"]


@pytest.mark.parametrize(
    ("name", "backend"),
    [*product(PROGRAMS, ["numpy", "loops"]), *product(COMPILED, ["numba"])],
)
def test_compiled_as_eager(name: str, backend: str) -> None:
    """A batch traced once agrees with its samples computed one by one, also at other arguments."""
    f, args = PROGRAMS[name]
    if backend == "numba":
        pytest.importorskip("numba")
    compiled = on(backend, f, *args)
    same(compiled(*args), f(*args))
    others = tuple(np.cos(arg) for arg in args)
    same(compiled(*others), f(*others))


def test_a_sample_is_recorded_once() -> None:
    """A batch ten times as large adds operations to the trace only for the loss, not for the network."""
    traced = []
    for samples in (4, 40):
        model, x = MLP(4, [32, 1], rng=0), np.ones((samples, 4))
        step = jit(value_and_grad(lambda model, x: mse(model(x), [0.0] * len(x))))
        step(model, x)
        traced.append(step.report().traced)
    assert traced[1] < 2 * traced[0]


def test_calls() -> None:
    """A per-sample function is called once in a trace, otherwise once per sample."""
    calls = []

    def f(x: Any) -> Any:
        calls.append(x)
        return x * 2.0

    vmap(f)(np.ones(4))
    assert len(calls) == 4
    jit(vmap(f))(np.ones(4))
    assert len(calls) == 5


def test_a_branch_on_constants() -> None:
    """A per-sample function that branches on constants is called for each sample, also in a trace."""
    f = jit(lambda w: vmap(lambda x: w * x if x > 0.0 else w)(np.array([1.0, -1.0, 2.0])))
    same(f(3.0), [3.0, 3.0, 6.0])


def test_a_branch_on_an_input() -> None:
    """A per-sample function that branches on traced values raises, as without a batch."""
    with pytest.raises(TracedValueError, match="where"):
        jit(vmap(lambda x: x if x > 0.0 else -x))(np.array([1.0, -1.0]))


def test_a_lane_is_not_known() -> None:
    """In a trace the number of a lane cannot be read, even if it only depends on constants."""
    with pytest.raises(TracedValueError):
        jit(lambda w: w * float(vmap(lambda x: autograd.exp(x))(np.array([1.0, 2.0]))[1]))(1.0)


def test_samples_that_are_not_finite() -> None:
    """Recording gives no warning if the first sample contains nan or inf."""
    f = jit(value_and_grad(lambda w, x: vmap(lambda row: (row * w).sum())(x).sum()))
    x = np.array([[nan, inf], [1.0, 2.0]])
    value, gradient = f(np.ones(2), x)
    assert np.isnan(value)
    assert (np.isnan(gradient[0]), gradient[1]) == (True, inf)


def test_eager_calls_are_separate() -> None:
    """Outside a trace each sample has its own nodes."""
    nodes = vmap(lambda x: x * 2.0)(autograd.as_values([1.0, 2.0]))
    assert [node.args[0].data for node in nodes] == [1.0, 2.0]
    assert recorded_once(lambda sample: [sample[0]], lambda: [[1.0], [2.0]]) is None


def test_lengths_of() -> None:
    """A node computed from a stack has the stack's length; a lane has none."""
    a, b = Value(1.0), Value(2.0)
    x = stack([a, b, 3.0])
    y = x * a
    with tracing([a]):
        assert lengths_of([a, b, x, y, lane(y, 1)]) == {x: 3, y: 3}


def test_a_gradient_of_constants_in_a_trace() -> None:
    """The gradient of a batch that does not depend on the arguments is a constant of the program."""
    f = jit(lambda p: p * grad(lambda x: mse(x, np.ones(3)))(np.zeros(3)))
    same(f(1.5), np.full(3, -1.0))


def test_a_sample_of_a_constant() -> None:
    """A choice with a known condition may simplify to a constant shared by all samples."""
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    same(jit(vmap(np.tril))(x), np.array([np.tril(row) for row in x]))
    same(jit(lambda w: vmap(lambda row: where(0.0, row[0], w))(x).sum())(1.5), 3.0)
