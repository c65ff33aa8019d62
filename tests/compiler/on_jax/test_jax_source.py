"""Programs of `jax.numpy` against those of NumPy, and their derivatives by JAX against the engine's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from array_programs import ArrayProgram, array_programs
from comparing import same
from hypothesis import given, settings
from hypothesis import strategies as st
from loops_backend import on

import autograd
from autograd import grad, jit, value_and_grad, vmap
from autograd.compiler import Jitted
from autograd.compiler import compile as compiled
from autograd.compiler.arrays.plan import Plan, Results
from autograd.compiler.jax.source import JaxSource, jax_source
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.runtime.program import Run
from autograd.functions import batch_array

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.usefixtures("jax_in_doubles")

SOURCES: list[JaxSource] = []
"""What was written, the last at the end."""


def by_jax(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Run:
    """Return the program of a plan, compiled by JAX, on arrays of NumPy."""
    SOURCES.append(jax_source(plan, [f"x{i}" for i in range(len(shapes))], results))
    run = jax.jit(SOURCES[-1].run())

    def program(*arrays: Any) -> tuple[Any, ...]:
        found = [np.asarray(result) for result in run(*map(np.asarray, arrays))]
        assert {result.dtype for result in found} <= {np.dtype(np.float64)}
        single = jax.eval_shape(run, *[np.asarray(array, np.float32) for array in arrays])
        assert {result.dtype for result in single} <= {np.dtype(np.float32)}
        return tuple([result if result.ndim else float(result) for result in found])

    return program


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a backend that runs what is written for JAX."""
    monkeypatch.setitem(compiled.BACKENDS, "written", compiled.Backend(by_jax, with_numpy))


def on_jax(f: Callable[..., Any], *args: Any) -> Jitted:
    """Return a function that runs on JAX."""
    function = Jitted(f, "written")
    function(*args)
    function.wait()
    assert function.report().backend == "written", function.report()
    return function


def source_of(f: Callable[..., Any], *args: Any) -> JaxSource:
    """Return what is written for a function."""
    on_jax(f, *args)
    return SOURCES[-1]


@settings(max_examples=8)
@given(array_programs(), st.sampled_from([2, 100]))
def test_random_programs(program: ArrayProgram, fewest: int) -> None:
    """Random programs and their gradients, also along axes of any length, give what NumPy's give."""
    point, other = program.point(0.3), program.point(0.8)
    f, total = (lambda *x: program.results(x), lambda *x: program.total(x))
    with patch.object(batch_array, "_FEWEST_ELEMENTS", fewest):
        for g in (f, grad(total, argnums=(0, 1, 2))):
            same(on_jax(g, *point)(*other), on("numpy", g, *point)(*other), 1e-12)


@settings(max_examples=8)
@given(array_programs())
def test_gradients_by_jax(program: ArrayProgram) -> None:
    """JAX differentiates programs with the derivatives of the engine, at ties and kinks too."""
    point = program.point(0.3)
    run = source_of(lambda *x: program.total(x), *point).run()
    found = jax.jit(jax.grad(lambda *x: run(*x)[0], argnums=(0, 1, 2)))(*point)
    expected = grad(lambda *x: program.total(x), argnums=(0, 1, 2))(*point)
    same([np.asarray(array) for array in found], [np.asarray(array) for array in expected])


def test_stopped_gradients() -> None:
    """JAX lets no derivative flow where `stop_gradient` says so, in samples and in loops as well."""

    def f(x: Any, y: Any) -> Any:
        return autograd.sum(vmap(lambda x, y: x * autograd.stop_gradient(x * y) + y)(x, y))

    def steps(x: Any, y: Any) -> Any:
        return autograd.scan(lambda c, v: (v * autograd.stop_gradient(c) + c, None), y[0], x)[0]

    x, y = np.array([1.0, 2.0, -3.0]), np.array([0.5, 4.0, 1.0])
    for g in (f, steps):
        found = jax.grad(jit(g, backend="jax"), argnums=(0, 1))(x, y)
        same([np.asarray(array) for array in found], [*grad(g, argnums=(0, 1))(x, y)])


def test_rules_of_functions() -> None:
    """JAX does not know the rule of a function, and says so; programs of its derivative it may run."""

    @autograd.custom_jvp
    def doubled(x: Any) -> Any:
        return x * 2.0

    doubled.defjvp(lambda point, tangents: (doubled(*point), 3.0 * tangents[0]))

    def f(x: Any) -> Any:
        return autograd.sum(vmap(lambda x: doubled(x) ** 2)(x))

    x = np.array([1.0, 2.0, -3.0])
    assert jit(f, backend="jax")(x) == 56.0
    np.testing.assert_array_equal(jit(grad(f), backend="jax")(x), grad(f)(x))
    with pytest.raises(
        NotImplementedError, match=r"differentiate first, .*: jit\(grad\(f\), backend='jax'\)"
    ):
        jax.grad(jit(f, backend="jax"))(x)


def test_the_text_runs_on_its_own() -> None:
    """The text of a program, with its constants and functions, computes what the program computes."""
    weights = np.sin(np.arange(100.0)).reshape(10, 10)

    def f(x: Any) -> Any:
        windows = [autograd.dot([0.5, 0.25, 0.25], x[i : i + 3]) for i in range(8)]
        chosen = autograd.where(x > 0.0, weights @ x, autograd.softplus(x))
        return chosen, windows, autograd.norm(list(x)), autograd.max(x[0], x[1])

    point = np.cos(np.arange(10.0))
    source = source_of(f, point)
    namespace: dict[str, Any] = {}
    exec(source.text, namespace)
    assert "jnp." in source.text
    found, expected = jax.jit(lambda x: (namespace["program"](x), source.run()(x)))(point)
    same([np.asarray(array) for array in found], [np.asarray(array) for array in expected])


def test_the_text_of_a_training_step() -> None:
    """A training step is written as a person would: products along the samples, and no filling of arrays."""
    x, y, w = np.ones((5, 3)), np.ones(5), np.ones(3)

    def loss(w: Any, x: Any, y: Any) -> Any:
        return autograd.mean(
            vmap(lambda x, y: (autograd.tanh(autograd.dot(list(w), list(x))) - y) ** 2)(x, y)
        )

    source = source_of(value_and_grad(loss), w, x, y)
    program = source.text[source.text.index("def program") :]
    assert program.count(" @ ") == 2
    assert "n = x2.shape[0]" in program
    assert not any(word in program for word in ("np.empty", "if ", "for ", "np.isfinite"))


def test_terms_of_a_triangle() -> None:
    """A product with a triangle of weights adds up their terms alone, where others would be nan."""
    names = [f"w{i}{j}" for i in range(4) for j in range(i + 1)]
    weights = np.linspace(0.5, 1.5, len(names))

    def f(weights: Any, x: Any) -> Any:
        rows, at = [], iter(range(len(names)))
        for i in range(4):
            rows.append(autograd.sum([weights[next(at)] * x[j] for j in range(i + 1)]))
        return rows

    function = on_jax(f, weights, np.ones(4))
    same(
        function(weights, np.array([1.0, 2.0, 3.0, math.inf])),
        f(weights, np.array([1.0, 2.0, 3.0, math.inf])),
    )


def squares(table: Any, indices: Any) -> Any:
    """Return the sum of the squares of rows of a table."""
    return np.sum(autograd.take(table, indices, axis=0) ** 2)


def by_sample(table: Any, indices: Any) -> Any:
    """Return a loss over the rows of samples."""
    return (np.tanh(vmap(lambda i: autograd.take(table, i, axis=0))(indices)) ** 3).sum()


@pytest.mark.parametrize("f", [squares, by_sample])
def test_lookups(f: Callable[..., Any]) -> None:
    """Elements of a table by a computed index, and what flows back to them, are those of NumPy's programs."""
    table, step = np.sin(np.arange(36.0)).reshape(12, 3), value_and_grad(f)
    indices, others = np.array([3, 0, 11, 3, -1]), np.array([7, 7, 0, -12, 5])
    same(on_jax(step, table, indices)(table, others), on("numpy", step, table, indices)(table, others))
    assert "picked(" in SOURCES[-1].text
    assert "added_up(" in SOURCES[-1].text


def test_what_samples_share_and_several_arrays() -> None:
    """Numbers of all samples are beside those of each, and a reduction takes numbers of several arrays."""
    x, y = np.linspace(0.1, 1.0, 30).reshape(10, 3), 0.3

    def f(x: Any, y: Any) -> Any:
        beside = vmap(lambda row: np.concatenate([row, [1.0, 2.0]]))(x)
        return beside, autograd.logsumexp([y, autograd.exp(y), 1.5])

    beside, total = jit(f, backend="jax")(x, y)
    assert np.asarray(beside).tolist() == np.hstack([x, np.tile([1.0, 2.0], (10, 1))]).tolist()
    assert float(total) == pytest.approx(np.log(np.exp([y, np.exp(y), 1.5]).sum()), rel=1e-14)
