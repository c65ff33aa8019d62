"""Programs of no arrays, or of many, as loops of JAX that choose among operations."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import numpy as np
import pytest
from array_programs import ArrayProgram, array_programs
from comparing import evaluated, same
from hypothesis import given, settings
from jax_programs import names_of, run_by_jax
from loops_backend import on
from programs import call_public

import autograd
from autograd import OPS, grad, jit, value_and_grad, vmap
from autograd.compiler import compile as compiled
from autograd.compiler.arrays.plan import Plan, Results
from autograd.compiler.jax.array_table import jax_array_table_source
from autograd.compiler.jax.source import JaxSource
from autograd.compiler.jax.table import jax_table_source
from autograd.compiler.numpy.source import numpy_source
from autograd.compiler.numpy.table import Interpret, with_numpy
from autograd.compiler.runtime.program import Run
from autograd.compiler.table.array_table import array_table
from autograd.compiler.table.schedule import Schedule

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.usefixtures("jax_in_doubles")


def by_array_table(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Run:
    """Return the program of a plan as a table of arrays, if it holds for arrays of these shapes alone."""
    if plan.lengths:
        return numpy_source(plan, names_of(shapes), results).run()
    table = array_table(plan, shapes, results)
    return run_by_jax(jax_array_table_source(table, names_of(shapes), [shape for _, shape in results]))


@pytest.fixture(autouse=True)
def tabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a backend that makes a table of every plan."""
    monkeypatch.setitem(compiled.BACKENDS, "tabled", compiled.Backend(by_array_table, with_numpy))


@settings(max_examples=8)
@given(array_programs())
def test_random_programs(program: ArrayProgram) -> None:
    """Random array programs and their gradients give what NumPy's programs give."""
    point = program.point(0.3)
    for f in (lambda *x: program.results(x), grad(lambda *x: program.total(x), argnums=(0, 1, 2))):
        same(on("tabled", f, *point)(*point), on("numpy", f, *point)(*point))


def test_reductions() -> None:
    """Reductions go element by element, also over what is infinite or not a number."""
    rows = np.array([[1.0, 2.0, -3.0], [inf, 1.0, 2.0], [-inf] * 3, [0.0] * 3, [np.nan, 1.0, 2.0]])

    def f(x: Any) -> Any:
        return [
            [autograd.logsumexp(row), autograd.norm(row), autograd.prod(row), row.sum(), row @ row[::-1]]
            for row in x
        ]

    same(on("tabled", f, rows)(rows), on("numpy", f, rows)(rows))


def test_products_and_what_is_returned_as_it_is() -> None:
    """A matrix product is sums of products in the table; a program that computes nothing takes no step."""
    a, b = np.random.default_rng(0).normal(size=(2, 3, 4))
    product = on("tabled", lambda a, b: a @ b.T, a, b)(a, b)
    np.testing.assert_allclose(product, a @ b.T, rtol=1e-14)
    assert on("tabled", lambda a: a[::-1, 1], a)(a).tolist() == a[::-1, 1].tolist()


def irregular(size: int, seed: int) -> Callable[[Any], Any]:
    """Return a function whose operations have no pattern."""
    rng = random.Random(seed)
    kinds = ["add", "sub", "mul", "truediv", "max", "sin", "tanh"]
    steps = [(rng.choice(kinds), rng.randrange(4 + i), rng.randrange(4 + i)) for i in range(size)]

    def f(x: Any) -> Any:
        numbers = [x[0], x[1], x[2], x[0] * 0.5]
        for name, a, b in steps:
            operands = (numbers[a], numbers[b])[: len(OPS[name].partials)]
            numbers.append(call_public(OPS[name], *operands))
        return numbers[-1] + numbers[-2] * numbers[-3]

    return f


@pytest.fixture
def interpreting(monkeypatch: pytest.MonkeyPatch) -> list[JaxSource]:
    """Have JAX interpret every program of one argument, and return a list to which the sources are added."""
    sources: list[JaxSource] = []

    def by_table(schedule: Schedule, shapes: Sequence[tuple[int, ...]], interpret: Interpret) -> Run:
        sources.append(jax_table_source(schedule, ["x"], shapes))
        return run_by_jax(sources[-1])

    monkeypatch.setattr(compiled, "_MOST_ARRAYS", 0)
    monkeypatch.setattr(compiled, "_FEWEST_NUMBERS", inf)
    monkeypatch.setattr(compiled, "interpreted", by_table)
    return sources


@pytest.mark.parametrize("samples", [2, 9, 250])
def test_irregular_programs(samples: int, interpreting: list[JaxSource]) -> None:
    """Batches of any size are right, also those that do not fill the last group of samples."""
    f = irregular(60, seed=samples)
    x = np.random.default_rng(samples).normal(size=(samples, 3))
    same(jit(vmap(value_and_grad(f)), backend="numpy")(x), evaluated(vmap(value_and_grad(f)), x), 1e-7)
    assert len(interpreting) == 1


def test_size_and_derivative(interpreting: list[JaxSource]) -> None:
    """XLA compiles as many loops for any number of operations, and JAX differentiates them, in any type."""
    x = np.random.default_rng(0).normal(size=(3, 3))
    sizes = []
    for size in (60, 240):
        f = irregular(size, seed=5)
        jit(vmap(f), backend="numpy")(x)
        program = interpreting[-1].run()
        sizes.append(str(jax.make_jaxpr(program)(x)).count("[\n"))
        found = jax.jit(jax.grad(lambda x: program(x)[0].sum()))(x)  # noqa: B023
        np.testing.assert_allclose(found, evaluated(vmap(grad(f)), x), rtol=1e-6)
        assert [of.dtype for of in jax.eval_shape(program, x.astype("float32"))] == ["float32"]
    assert sizes[0] == sizes[1]
