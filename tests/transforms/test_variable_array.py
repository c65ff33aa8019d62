"""Derivatives with respect to whole arrays in compiled programs: for any length, as those of the elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from loops_backend import loops as loops
from loops_backend import on

import autograd as ag
from autograd import grad, hvp, jit, jvp, value_and_grad, vjp, vmap

Function = Callable[..., Any]

MANY = 1200
"""More than an array has that is taken apart."""


def numbers(length: int, *rest: int, seed: int = 0) -> Any:
    """Return random numbers."""
    return np.random.default_rng(seed + length).normal(size=(length, *rest))


def shifted_logsumexp(x: Any) -> Any:
    """Return log(Σ exp x), by its maximum."""
    top = np.max(x)
    return top + ag.log(np.exp(x - top).sum())


def to_closest(centroids: Any, points: Any) -> Any:
    """Return the sum of squared distances of points to their closest centroids."""

    def distance(centroid: Any, point: Any) -> Any:
        difference = centroid - point
        return (difference * difference).sum()

    def closest(point: Any) -> Any:
        return ag.min(vmap(distance, in_axes=(0, None))(centroids, point))

    return vmap(closest)(points).sum()


# By vmap for arrays of any length, by NumPy for long ones.
OF_ONE: dict[str, tuple[Function, Sequence[int]]] = {
    "a sum of functions": (lambda x: np.exp(x).sum(), (MANY, 1500)),
    "a mean": (lambda x: np.mean(np.sin(x) * x), (MANY, 1500)),
    "a maximum": (lambda x: np.max(x * x), (MANY, 1500)),
    "a minimum": (lambda x: x.min() * 2.0, (MANY, 1500)),
    "logsumexp": (ag.logsumexp, (MANY, 1500)),
    "shifted logsumexp": (shifted_logsumexp, (MANY, 1500)),
    "norm": (lambda x: ag.norm(x) + np.linalg.norm(x), (MANY, 1500)),
    "dot": (lambda x: ag.dot(x, np.cos(x)), (MANY, 1500)),
    "@": (lambda x: x @ (x * x), (MANY, 1500)),
    "divided by its length": (lambda x: (x * x).sum() / len(x), (MANY,)),
    "divided by its shape": (lambda x: (x * x).sum() / x.shape[0], (MANY, 1500)),
    "deviations": (lambda x: ((x - x.mean()) ** 4).sum(), (MANY, 1500)),
    "var": (lambda x: np.var(x) + x.std(), (MANY, 1500)),
    "mapped": (lambda x: vmap(ag.tanh)(x).sum(), (3, 5, MANY)),
    "mapped twice": (lambda x: (vmap(ag.tanh)(x) * vmap(ag.sin)(x)).sum(), (3, 5)),
    "pairs": (
        lambda x: vmap(lambda a: ag.max(vmap(lambda b: ag.sin(a * b))(x)))(x).sum(),
        (3, 5),
    ),
    "unused": (lambda x: 2.0 * ag.Value(1.0), (3, MANY)),
    "in part": (lambda x: x[1:].sum() * x[0], (3, MANY)),
    "in both ways": (lambda x: vmap(ag.sin)(x).sum() * x[0], (3, 5)),
    "elements, then columns": (lambda x: x[0] * vmap(ag.sin)(x).sum(), (3, 5)),
    "scanned": (lambda x: ag.scan(lambda c, v: (ag.sin(c * v), None), 1.0, x)[0], (3, 5)),
    "where": (lambda x: np.where(x > 0.0, x, x * x).sum(), (MANY, 1500)),
    "assigned to": (lambda x: _assigned(x).sum(), (3, MANY)),
}


def _assigned(x: Any) -> Any:
    y = x * 1.0
    y[0] = 2.0 * y[1]
    return y


# Numba compiles some of the loops that Python runs of all.
COMPILED = ["a mean", "a maximum", "mapped twice", "in part", "where", "assigned to"]


@pytest.mark.parametrize(
    ("name", "backend"),
    [*product(OF_ONE, ["numpy", "loops"]), *product(COMPILED, ["numba"])],
)
def test_gradients_with_respect_to_one_array(name: str, backend: str) -> None:
    """A compiled gradient is that of JAX's and NumPy's rules on the elements one by one."""
    f, lengths = OF_ONE[name]
    compiled = on(backend, value_and_grad(f), numbers(lengths[0]))
    for length in lengths:
        x = numbers(length)
        value, gradient = compiled(x)
        expected = value_and_grad(f)(x)
        np.testing.assert_allclose(value, expected[0], rtol=1e-12)
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-10, atol=1e-13)


OF_ANY_LENGTH = [name for name, (_, lengths) in OF_ONE.items() if len(lengths) > 1]
APART = {"in part", "in both ways", "elements, then columns", "assigned to"}


@pytest.mark.parametrize("name", [name for name in OF_ANY_LENGTH if name not in APART])
def test_gradients_hold_for_any_length(name: str) -> None:
    """A second length compiles nothing."""
    f, lengths = OF_ONE[name]
    compiled = jit(grad(f))
    for length in lengths:
        compiled(numbers(length))
    assert compiled.report().compilations == 1


ROWS = numbers(40, 3, seed=5)


def mixture(weights: Any, points: Any) -> Any:
    """Return a sum over points of logsumexp over rows of weights."""

    def score(row: Any, point: Any) -> Any:
        return row[0] - (row[1:] - point) @ (row[1:] - point)

    def of_point(point: Any) -> Any:
        return ag.logsumexp(vmap(score, in_axes=(0, None))(weights, point))

    return vmap(of_point)(points).sum()


OF_ROWS: dict[str, Function] = {"closest": to_closest, "mixture": lambda w, p: mixture(w, p[:, :2])}


@pytest.mark.parametrize("backend", ["numpy", "loops"])
@pytest.mark.parametrize("name", OF_ROWS)
def test_gradients_with_respect_to_rows(name: str, backend: str) -> None:
    """Derivatives of all kinds hold for any number of rows and of points."""
    f = OF_ROWS[name]

    def derivatives(c: Any, p: Any, t: Any) -> Any:
        along = jvp(lambda c: f(c, p), (c,), (t,))
        return grad(f)(c, p), along, hvp(lambda c: f(c, p), (c,), (t,)), vjp(lambda c: f(c, p), c)[1](2.0)[0]

    of_all = on(backend, derivatives, numbers(4, 3), ROWS, numbers(4, 3, seed=1))
    for rows, points in ((4, 40), (6, 40), (5, 17)):
        args = numbers(rows, 3), ROWS[:points], numbers(rows, 3, seed=1)
        for found, expected in zip(of_all(*args), derivatives(*args), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)
    assert of_all.report().compilations == 1


def test_several_arrays_in_a_tree() -> None:
    """Each array of a tree has its gradient in its place; small ones beside long ones are taken apart."""

    def f(params: Any, x: Any) -> Any:
        w, (b, c) = params["w"], params["b"]
        return np.tanh(x @ w + b).sum() * c.sum()

    compiled = jit(grad(f))
    params = {"w": numbers(3), "b": (0.5, numbers(2))}
    for length in (400, 500):
        found, expected = compiled(params, numbers(length, 3)), grad(f)(params, numbers(length, 3))
        np.testing.assert_allclose(found["w"], expected["w"], rtol=1e-11)
        np.testing.assert_allclose(found["b"][0], expected["b"][0], rtol=1e-11)
        np.testing.assert_allclose(found["b"][1], expected["b"][1], rtol=1e-11)
    assert compiled.report().compilations == 1


def test_a_result_along_the_axis_is_pulled_back() -> None:
    """A cotangent for each element of a result of any length flows back to each element of the argument."""

    def pulled(x: Any, y: Any) -> Any:
        value, back = vjp(lambda x: np.sin(x) * x.sum(), x)
        return value, back(y)[0]

    compiled = jit(pulled)
    for length in (MANY, 1500):
        x, y = numbers(length), numbers(length, seed=1)
        for found, expected in zip(compiled(x, y), pulled(x, y), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert compiled.report().compilations == 1


def test_a_tangent_of_another_shape_is_refused() -> None:
    """The error names both structures, as without a trace."""
    with pytest.raises(ValueError, match=r"the tuple of tangents to have the structure"):
        jit(lambda x, t: jvp(lambda x: vmap(ag.sin)(x).sum(), (x,), (t,))[1])(numbers(4), numbers(3))


def test_gradients_of_gradients() -> None:
    """The gradient of a function of a gradient is a column again."""

    def f(x: Any) -> Any:
        return (vmap(lambda v: v**4)(grad(lambda x: vmap(ag.sin)(x).sum())(x))).sum()

    compiled = jit(grad(f))
    for length in (3, 7):
        x = numbers(length)
        np.testing.assert_allclose(compiled(x), -4.0 * np.cos(x) ** 3 * np.sin(x), rtol=1e-11, atol=1e-14)
    assert compiled.report().compilations == 1


def test_gradients_of_each_sample() -> None:
    """Within vmap, the gradient with respect to the rows of each sample is one of the sample's."""

    def f(rows: Any) -> Any:
        return ag.logsumexp(vmap(lambda row: row[0] * row[1])(rows))

    compiled = jit(vmap(grad(f)))
    for samples, rows in ((3, 4), (5, 2)):
        x = numbers(samples, rows, 2)
        expected = np.array([grad(f)(own) for own in x])
        np.testing.assert_allclose(compiled(x), expected, rtol=1e-11, atol=1e-13)
    assert compiled.report().compilations == 1


def test_small_arrays_of_weights_are_taken_apart() -> None:
    """The few weights of a model are numbers of their own, so that its program stays one of products."""
    f = jit(value_and_grad(lambda w, x: np.tanh(vmap(lambda row: w @ row)(x)).sum()))
    f(numbers(4), numbers(30, 4))
    f(numbers(4), numbers(50, 4))
    assert f.report().compilations == 1
    assert "w[" not in f.source


def test_an_update_by_a_gradient_of_elements_is_traced_once() -> None:
    """A long array beside numbers that were used one by one is taken apart there, without another trace."""
    calls = []

    def loss(w: Any) -> Any:
        return sum(w[i] * w[i + 1] for i in range(MANY - 1))

    def step(w: Any, mean: Any) -> Any:
        calls.append(w)
        mean = 0.9 * mean + 0.1 * grad(loss)(w)
        return w - 0.01 * mean, mean

    args = numbers(MANY), numbers(MANY, seed=1)
    found = jit(step, backend="numpy")(*args)
    assert len(calls) == 1
    for one, expected in zip(found, step(*args), strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-12)
