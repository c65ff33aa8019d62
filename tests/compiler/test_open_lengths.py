"""Batches by a symbol: one trace and one program for any number of samples."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparing import same
from loops_backend import loops as loops
from loops_backend import on

import autograd
from autograd import (
    dot,
    exp,
    grad,
    hessian,
    jit,
    jvp,
    log1p,
    logsumexp,
    scan,
    sigmoid,
    softplus,
    tanh,
    value_and_grad,
    vmap,
    where,
)

W = np.array([0.5, -1.0, 2.0])


def batch(n: int) -> tuple[Any, Any]:
    """Return samples of three numbers, and a target of each."""
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, 3)), np.sign(rng.normal(size=n))


def per_sample(w: Any, x: Any, y: Any) -> Any:
    """Return the loss of one sample."""
    return log1p(exp(-y * dot(w, x))) + tanh(w[0] * x[1]) ** 2


def losses(w: Any, x: Any, y: Any) -> Any:
    """Return the loss of each sample."""
    return vmap(per_sample, (None, 0, 0))(w, x, y)


def pairs(z: Any) -> Any:
    """Return a function of each two of some numbers."""
    return vmap(lambda a: vmap(lambda b: tanh(a * b) * a)(z))(z)


PROGRAMS: dict[str, Callable[..., Any]] = {
    "each": losses,
    "sum": lambda w, x, y: losses(w, x, y).sum(),
    "mean": lambda w, x, y: losses(w, x, y).mean(),
    "autograd.sum": lambda w, x, y: autograd.sum(losses(w, x, y)),
    "autograd.mean": lambda w, x, y: autograd.mean(losses(w, x, y)),
    "divided by the length": lambda w, x, y: losses(w, x, y).sum() / x.shape[0],
    "gradient": value_and_grad(lambda w, x, y: losses(w, x, y).mean()),
    "hessian": hessian(lambda w, x, y: losses(w, x, y).mean()),
    "gradient of each": vmap(grad(per_sample), (None, 0, 0)),
    "gradient of each by itself": vmap(grad(per_sample, argnums=1), (None, 0, 0)),
    "hessian of each": vmap(hessian(per_sample), (None, 0, 0)),
    "jvp": lambda w, x, y: jvp(lambda w: losses(w, x, y).sum(), (w,), (W,)),
    "arithmetic after": lambda w, x, y: ((losses(w, x, y) - y) ** 2 * 2.0).sum(),
    "two batches": lambda w, x, y: (losses(w, x, y) + losses(w * 2.0, x, y)).mean(),
    "of a batch": lambda w, x, y: vmap(lambda z, t: z * t)(losses(w, x, y), y).sum(),
    "centred": lambda w, x, y: ((losses(w, x, y) - losses(w, x, y).mean()) ** 2).mean(),
    "gradient of centred": grad(lambda w, x, y: ((losses(w, x, y) - losses(w, x, y).mean()) ** 2).mean()),
    "several numbers": lambda w, x, y: vmap(lambda x, y: {"a": x * y, "b": [x[0], w[1], 3.0]})(x, y),
    "columns": lambda w, x, y: vmap(lambda x: tanh(x))(x)[:, 1].sum(),
    "choice": lambda w, x, y: vmap(lambda x, y: where(y > 0.0, dot(w, x), x[0]))(x, y).mean(),
    "reduction of each": lambda w, x, y: vmap(lambda x: logsumexp(x * w))(x).sum(),
    "pairs": lambda w, x, y: vmap(lambda a: vmap(lambda b: exp(-((a - b) ** 2).sum()))(x))(x).sum(axis=1),
    "gradient of pairs": grad(
        lambda w, x, y: vmap(lambda a: vmap(lambda b: exp(-(((a - b) * w) ** 2).sum()))(x))(x).mean()
    ),
    "pairs of results": lambda w, x, y: pairs(losses(w, x, y)).sum(axis=1),
    "gradient of pairs of results": grad(lambda w, x, y: pairs(losses(w, x, y)).sum()),
    "attention": lambda w, x, y: (
        lambda q, k: vmap(lambda a: vmap(lambda b: exp(dot(a, b)))(k))(q).sum(axis=1)
    )(vmap(lambda x: x * w)(x), vmap(lambda x: x + w)(x)),
    "the other axis": lambda w, x, y: vmap(lambda c: (c * y).sum(), in_axes=1)(x),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_any_number_of_samples(name: str) -> None:
    """A program that was traced for five samples gives eager results for any number."""
    traces = []

    def counted(*args: Any) -> Any:
        traces.append(1)
        return PROGRAMS[name](*args)

    compiled = jit(counted, backend="numpy")
    for n in (5, 8, 1, 2, 100):
        same(compiled(W, *batch(n)), PROGRAMS[name](W, *batch(n)), 1e-12)
    # Rows along another axis are as many numbers as there are samples, which are used one by one.
    assert len(traces) == (5 if name == "the other axis" else 1)


OF_SLICES: dict[str, Callable[..., Any]] = {
    "samples": lambda x: vmap(lambda v: tanh(v[0]) * v[1])(x[1:]).sum(),
    "differences": lambda x: vmap(lambda a, b: (a - b) @ b)(x[1:], x[:-1]).mean(),
    "steps": lambda x: scan(lambda c, v: (tanh(c + v), c[0] * v[1]), x[0], x[1:]),
    "steps back": lambda x: scan(lambda c, v: (tanh(c * v), None), x[-1], x[:-1], reverse=True)[0],
    "a column that is moved": lambda x: np.concatenate([[1.0], x[:-1, 1]]) * x[:, 0],
    "gradient of differences": grad(lambda x: vmap(lambda a, b: (a - b) @ b)(x[1:], x[:-1]).mean()),
    "gradient of a sum": grad(lambda x: vmap(lambda v: 2.0 * v[0])(x)[1:].sum()),
    "gradient of steps": grad(lambda x: scan(lambda c, v: (tanh(c + v), c), W, x[2:])[1].sum()),
}


@pytest.mark.parametrize("backend", ["numpy", "loops"])
@pytest.mark.parametrize("name", OF_SLICES)
def test_slices_of_any_length(name: str, backend: str) -> None:
    """What is mapped over a slice of a long array, or takes its steps, is compiled once."""
    compiled = on(backend, OF_SLICES[name], np.ones((400, 3)))
    for n in (400, 403, 390):
        x = np.random.default_rng(n).normal(size=(n, 3))
        same(compiled(x), OF_SLICES[name](x), 1e-11)
    assert "1 compilation," in str(compiled.report())


def test_the_program_names_the_length() -> None:
    """The number of samples is an argument of the program, also where it divides by it."""
    compiled = jit(lambda x: vmap(tanh)(x).mean(), backend="numpy")
    compiled(np.ones(3))
    assert "n = np.int64(len(x))" in compiled.source
    assert "/ n" in compiled.source
    assert compiled.report().traced < 10


def test_the_program_has_slices_as_the_function_has_them() -> None:
    """What is left out at an end is written so, not by how long the rest is."""
    compiled = jit(grad(lambda x: (lambda y: (y[1:] * y[:-1]).sum())(vmap(tanh)(x))), backend="numpy")
    compiled(np.arange(5.0))
    assert {*re.findall(r"\[.*:.*\]", compiled.source)} == {"[1:]", "[:-1]"}


@pytest.mark.parametrize("f", [lambda c, x: vmap(lambda _: c * 2.0)(x), lambda c, x: vmap(lambda v: v)(x)])
def test_results_are_arrays_of_their_own(f: Callable[..., Any]) -> None:
    """What is the same for all samples, or an argument, can be written to, and nothing else changes."""
    compiled, x = jit(f, backend="numpy"), np.arange(3.0)
    expected = f(2.0, x)
    for _ in range(2):
        found = compiled(2.0, x)
        same(found, expected)
        found[0] = 7.0
        same(found[1:], expected[1:])


def test_an_exponential_is_computed_once() -> None:
    """What value and derivative have in common, or a rule needs twice, is computed once."""
    x = np.linspace(-2.0, 2.0, 9)
    functions: list[Callable[..., Any]] = [
        value_and_grad(lambda w, x: vmap(lambda x: softplus(w * x))(x).mean()),
        lambda w, x: vmap(lambda x: sigmoid(w * x))(x),
        lambda w, x: sigmoid(w * x[0]) * x[1],
    ]
    for f in functions:
        compiled = jit(f, backend="numpy")
        same(compiled(2.0, x), f(2.0, x))
        assert compiled.source.count("np.exp(") == 1


def test_lengths_that_differ_are_refused_as_eagerly() -> None:
    """Lengths that were equal have to be, and otherwise the error is that of an eager call."""
    compiled = jit(losses, backend="numpy")
    x, y = batch(5)
    compiled(W, x, y)
    with pytest.raises(ValueError, match=r"one length, got lengths \[4, 5\]"):
        compiled(W, x, y[:4])


def test_a_length_that_is_counted_with() -> None:
    """Whoever counts with a length gets it, and a program for each."""
    traces = []

    def function(x: Any) -> Any:
        traces.append(1)
        return vmap(tanh)(x).sum() * len(x)

    compiled = jit(function, backend="numpy")
    for n in (3, 4, 3):
        same(compiled(np.ones(n)), function(np.ones(n)), 1e-12)
    assert len(traces) == 2 + 3


def test_a_length_that_is_compared() -> None:
    """A program holds for all lengths of which the same is true."""
    traces = []

    def function(x: Any) -> Any:
        traces.append(1)
        return vmap(tanh)(x).sum() if x.shape[0] > 3 else vmap(exp)(x).sum()

    compiled = jit(function, backend="numpy")
    for n in (5, 6, 2, 3, 7):
        compiled(np.ones(n))
    assert len(traces) == 2
    same(compiled(np.ones(2)), 2 * float(np.exp(1.0)))


def test_samples_in_containers() -> None:
    """One program serves any number of samples in a dict, beside a list, a float or a whole number."""
    traces = []

    def products(columns: Any, weights: Any, scale: Any) -> Any:
        traces.append(1)
        return vmap(lambda a, b: a * b * weights[8] * scale)(columns["a"], columns["b"])

    f = jit(products, backend="numpy")
    for count, size, scale in ((3, 9, 0.25), (30, 9, 0.75), (5, 10, 0.25), (7, 9, 2)):
        columns = {"a": np.linspace(1.0, 2.0, count), "b": np.linspace(3.0, 4.0, count)}
        same(f(columns, [0.5] * size, scale), columns["a"] * columns["b"] * 0.5 * scale)
    assert len(traces) == 2


def test_samples_that_are_needed_one_by_one() -> None:
    """A function that takes the samples apart is traced with all of them side by side."""

    def function(x: Any) -> Any:
        first, *rest = vmap(lambda v: v * v)(x)
        return first * 2.0 + sum(rest)

    compiled = jit(function, backend="numpy")
    for n in (3, 4):
        x = np.arange(1.0, n + 1.0)
        same(compiled(x), function(x), 1e-12)
    assert "for" not in compiled.source


def test_constants_beside_samples() -> None:
    """Arrays from around the function are columns as well, for as many samples as they have."""
    x, y = batch(6)
    for f in (lambda w: losses(w, x, y).mean(), lambda w: (losses(w, x, y) * y).sum()):
        same(jit(value_and_grad(f), backend="numpy")(W), value_and_grad(f)(W), 1e-12)
    same(jit(lambda w, x: losses(w, x, y))(W, x), losses(W, x, y), 1e-12)


def test_no_samples() -> None:
    """A program for any number of samples is one for none as well."""
    compiled = jit(lambda x: (vmap(tanh)(x), vmap(tanh)(x).sum(), vmap(tanh)(x).mean()), backend="numpy")
    compiled(np.ones(3))
    found, total, mean = compiled(np.ones(0))
    assert found.shape == (0,)
    assert total == 0.0
    assert np.isnan(mean)


def test_the_report_says_any_length() -> None:
    """The reason for another compilation names the lengths that are fixed."""
    compiled = jit(lambda x: vmap(lambda row: row.sum())(x), backend="numpy")
    compiled(np.ones((5, 2)))
    compiled(np.ones((5, 3)))
    assert compiled.report().compilations == 2
    assert "(5, 3) instead of (any, 2)" in compiled.report().reason


def test_a_total_of_what_is_negated() -> None:
    """The total is negated, not each sample, unless these are used by themselves as well."""

    def only(x: Any) -> Any:
        return vmap(lambda x: -tanh(dot(x, W)))(x).sum()

    def both(x: Any) -> Any:
        found = vmap(lambda x: -tanh(dot(x, W)))(x)
        return found.sum(), found

    x, _ = batch(20)
    for f, is_of_total in ((only, True), (both, False)):
        compiled = jit(f, backend="numpy")
        same(compiled(x), f(x))
        same(compiled(x[:0]), f(x[:0]))
        before, _, after = compiled.source.partition(" = -v")
        assert after
        assert (".sum(" in before) == is_of_total


def test_a_total_of_products_with_what_all_samples_share() -> None:
    """A matrix that all samples share is multiplied with their sum, not with each of them."""

    def f(w: Any, c: Any, x: Any) -> Any:
        return vmap(lambda row: tanh(w @ (row - c)).sum() - 0.5 * (c @ row))(x).sum()

    w, (x, _) = np.arange(12.0).reshape(4, 3) / 9.0, batch(20)
    gradient = grad(f, argnums=(0, 1))
    compiled = jit(gradient, backend="numpy")
    for samples in (x, x[:1], x[:0]):
        same(compiled(w, W, samples), gradient(w, W, samples))
    assert len(re.findall("^    # .* for each of n:$", compiled.source, re.MULTILINE)) == 1


def test_a_total_of_products_whose_other_factor_is_infinite() -> None:
    """What is taken out of a total gives nan where it gives nan in each of the samples."""

    def f(w: Any, c: Any, x: Any) -> Any:
        return vmap(lambda row: (row[:2] * (w @ (row - c))).sum())(x).sum()

    gradient = grad(f, argnums=(0, 1))
    compiled = jit(gradient, backend="numpy")
    x = np.array([[1.0, 0.0, 2.0], [-3.0, 0.0, 1.0], [3.0, 0.0, 0.0]])
    for number in (np.inf, -np.inf, np.nan):
        for place in np.ndindex(2, 3):
            w = np.ones((2, 3))
            w[place] = number
            with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
                same(compiled(w, W, x), gradient(w, W, x))
