"""`stop_gradient`: a constant of every derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, grad, hessian, hvp, jit, jvp, stop_gradient, vmap

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.usefixtures("jax_in_doubles")


def of(stop: Any, x: Any) -> Any:
    """Return a function whose derivatives are those of some of its factors."""
    parts = stop({"a": x * x, "b": [x]})
    return parts["a"] * x * x + parts["b"][0] * stop(x * x) + x * stop(parts["b"][0] * x * x)


def test_derivatives_agree_with_those_of_jax() -> None:
    """Derivatives of any order, in both modes, under vmap and jit, are those of JAX."""
    ours: Any = lambda x: of(stop_gradient, x)  # noqa: E731
    theirs: Any = lambda x: of(jax.lax.stop_gradient, x)  # noqa: E731
    pairs = (
        (ours, theirs),
        (grad(ours), jax.grad(theirs)),
        (grad(grad(ours)), jax.grad(jax.grad(theirs))),
        (grad(grad(grad(ours))), jax.grad(jax.grad(jax.grad(theirs)))),
        (hessian(ours), jax.hessian(theirs)),
        (lambda x: jvp(ours, (x,), (2.0,)), lambda x: jax.jvp(theirs, (x,), (2.0,))),
        (lambda x: hvp(ours, (x,), (2.0,)), lambda x: jax.jvp(jax.grad(theirs), (x,), (2.0,))[1]),
    )
    points = np.array([0.5, -2.0])
    everything = jax.jit(lambda x, points: [(g(x), jax.vmap(g)(points)) for _, g in pairs])
    for (f, _), (one, each) in zip(pairs, everything(1.7, points), strict=True):
        np.testing.assert_allclose(f(1.7), one, rtol=1e-14)
        np.testing.assert_allclose(jit(f)(1.7), one, rtol=1e-14)
        np.testing.assert_allclose(jit(vmap(f))(points), each, rtol=1e-14)


def test_trees() -> None:
    """The structure and the kinds of numbers stay; numbers without a derivative are untouched."""
    x = Value(2.0)
    stopped = stop_gradient({"x": (x, 3), "y": np.array([1, 2]), "z": None})
    assert stopped["x"][0].data == 2.0
    assert stopped["x"][1] == 3
    assert stopped["y"].dtype.kind == "i"
    assert stopped["z"] is None
    (stopped["x"][0] * x).backward()
    assert x.grad == 2.0
    with pytest.raises(TypeError, match="the argument of stop_gradient to be a real number"):
        stop_gradient("x")


def test_an_infinite_derivative_is_stopped() -> None:
    """Nothing is multiplied where a derivative is stopped, so nothing becomes nan."""
    f: Any = lambda x: stop_gradient(x**0.5) + x  # noqa: E731
    assert (grad(f)(0.0), jit(grad(f))(0.0), jvp(f, (0.0,), (1.0,))[1]) == (1.0, 1.0, 1.0)


def test_a_module_is_stopped() -> None:
    """A model whose parameters are stopped computes the same, and its parameters get no gradient."""
    model = nn.MLP(1, [2, 1], rng=0)
    frozen = stop_gradient(model)
    assert frozen([0.5]).data == model([0.5]).data
    slopes = grad(lambda m, x: stop_gradient(m)([x]) * x, argnums=(0, 1))(model, 0.5)
    assert not any(slopes[0].values())
    assert slopes[1] != 0.0
