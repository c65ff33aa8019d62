"""Programs of `jax.numpy` against those of NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from array_programs import ArrayProgram, array_programs
from comparing import same
from hypothesis import assume, given, settings
from loops_backend import on

from autograd import grad
from autograd.compiler import Jitted
from autograd.compiler import compile as compiled
from autograd.compiler.arrays.plan import Plan, Results
from autograd.compiler.jax.source import jax_source
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.runtime.program import Run

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.usefixtures("jax_in_doubles")


def by_jax(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Run:
    """Return the program of a plan, compiled by JAX, on arrays of NumPy."""
    run = jax.jit(jax_source(plan, [f"x{i}" for i in range(len(shapes))], results).run())

    def program(*arrays: object) -> tuple[object, ...]:
        found = [np.asarray(result) for result in run(*map(np.asarray, arrays))]
        assert {result.dtype for result in found} <= {np.dtype(float)}
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
    assume("loops" not in function.report().remark)
    assert function.report().backend == "written", function.report()
    return function


@settings(max_examples=15)
@given(array_programs())
def test_random_programs(program: ArrayProgram) -> None:
    """Random array programs and their gradients give what NumPy's programs give."""
    point = program.point(0.3)
    for f in (lambda *x: program.results(x), grad(lambda *x: program.total(x), argnums=(0, 1, 2))):
        same(on_jax(f, *point)(*point), on("numpy", f, *point)(*point))
