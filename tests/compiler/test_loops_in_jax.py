"""Loops in programs of `jax.numpy`: scans, and loops that count their steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from comparing import same
from jax_programs import names_of, run_by_jax
from loops_backend import on
from test_loops import COUNTED, LOOPS, H, U, W, xs

from autograd import grad, jit, scan, tanh, vmap, where, while_loop
from autograd.compiler import compile as compiled
from autograd.compiler.arrays.plan import Plan, Results
from autograd.compiler.jax.source import JaxSource, jax_source
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.runtime.program import Run

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.usefixtures("jax_in_doubles")


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> list[JaxSource]:
    """Register a backend that runs what is written for JAX, and return a list to which that is added."""
    found: list[JaxSource] = []

    def by_jax(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Run:
        found.append(jax_source(plan, names_of(shapes), results))
        return run_by_jax(found[-1])

    monkeypatch.setitem(compiled.BACKENDS, "written", compiled.Backend(by_jax, with_numpy))
    return found


@pytest.mark.parametrize("name", ["gradient", "hessian", "several", "backwards", "gradient of nested"])
def test_scans(name: str, sources: list[JaxSource]) -> None:
    """A program with a loop gives eager results for any number of steps, none among them."""
    function = on("written", LOOPS[name], W, U, H, xs(4))
    for n in (4, 1, 0):
        same(function(W, U, H, xs(n)), LOOPS[name](W, U, H, xs(n)), 1e-10)
    assert "jax.lax.scan(" in sources[0].body


@pytest.mark.parametrize("name", ["value of descent", "gradient of converged", "jvp of samples"])
def test_as_many_steps_as_it_takes(name: str) -> None:
    """One program holds for any number of steps, none among them, and gives eager results."""
    h = np.array([0.7, 0.6, -0.4])
    function = on("written", COUNTED[name], 0.4 * W, h, xs(4))
    for factor, n in ((1.0, 4), (0.01, 1), (2.0, 6)):
        same(function(0.4 * W, factor * h, xs(n)), COUNTED[name](0.4 * W, factor * h, xs(n)), 1e-10)


def test_slopes_by_numbers_of_all_steps() -> None:
    """What flows back from the steps that a loop took is added up for each number by which it goes on."""

    def f(a: Any, b: Any) -> Any:
        x, y = while_loop(lambda s: s[0] < 20.0, lambda s: (s[0] * a + s[1] * b, s[1] * a), (1.0, 0.5))
        return x + y

    slopes = jit(grad(f, (0, 1)), backend="jax")(1.3, 0.4)
    np.testing.assert_allclose(np.array(slopes), grad(f, (0, 1))(1.3, 0.4), rtol=1e-10)


def test_a_number_for_a_condition() -> None:
    """A loop goes on as long as a number is not 0, as Python's does."""

    def f(a: Any) -> Any:
        return while_loop(lambda s: where(s < 10.0, 1.0, 0.0) * a, lambda s: s * a + 1.0, 1.0)

    assert float(jit(f, backend="jax")(1.25)) == f(1.25)


def test_loops_of_as_many_steps_as_it_takes_in_each_other() -> None:
    """Backwards, the inner loop is run for all steps of the outer one, until none of them goes on."""

    def f(a: Any) -> Any:
        def step(s: Any) -> Any:
            return s * a + while_loop(lambda r: r < s, lambda r: r * a, a)

        return while_loop(lambda s: s < 9.0, step, a)

    assert float(jit(grad(f), backend="jax")(1.3)) == pytest.approx(grad(f)(1.3), rel=1e-10)


def lessened(x: Any, y: Any) -> Any:
    """Return a number that gets smaller until it is small."""
    return while_loop(lambda c: c > 0.1, lambda c: c * (0.9 + 0.1 * y) - 1e-9 * c * c, x)


def test_more_steps_than_there_is_room_for(sources: list[JaxSource]) -> None:
    """A derivative through many steps takes a second attempt, and one through too many is nan."""
    function = on("written", grad(lessened, argnums=(0, 1)), 2.0, 0.5)
    for y in (0.5, 0.95, 0.99, -3.0):
        same(function(2.0, y), grad(lessened, argnums=(0, 1))(2.0, y))
    assert function.report().compilations == 1
    names: dict[str, Any] = {"jax": jax, "jnp": jax.numpy}
    exec(sources[0].body, names)

    def found(room: int) -> Any:
        return jax.numpy.minimum(room + 1, 300), (jax.numpy.ones(2), jax.numpy.asarray(1))

    one, steps = names["in_room"](found, 2**10, 1)
    assert (one.tolist(), steps.tolist()) == ([1.0, 1.0], 1)
    one, steps = names["in_room"](found, 2**20, 1)
    assert np.isnan(one).all()
    assert steps == 1


def test_in_transformations_of_jax(sources: list[JaxSource]) -> None:
    """JAX differentiates a scan, and maps loops of different numbers of steps, in any type."""

    def decayed(x: Any, rows: Any) -> Any:
        return scan(lambda c, row: (tanh(c * row[0] + row[1]), None), x, rows)[0]

    on("written", decayed, 0.5, xs(4))
    (run,) = (source.run() for source in sources)
    same(float(jax.grad(lambda x: run(x, xs(7))[0])(0.3)), grad(decayed)(0.3, xs(7)))
    on("written", grad(lessened), 2.0, 0.5)
    mapped = jax.jit(jax.vmap(sources[-1].run()))
    x, y = np.array([2.0, 0.05, 0.5]), np.array([0.5, 0.95, 0.7])
    same(np.asarray(mapped(x, y)[0]), np.array([grad(lessened)(*pair) for pair in zip(x, y, strict=True)]))
    assert mapped(*np.array([x, y], "float32"))[0].dtype == "float32"


def test_exports() -> None:
    """A derivative through a loop is exported for batches of any size."""
    f = jit(vmap(grad(lessened)), backend="jax")
    x, y = np.array([2.0, 0.05, 0.5]), np.array([0.5, 0.95, 0.7])
    expected = np.asarray(f(x, y))
    exported = jax.export.deserialize(bytearray(bytes(f.to_stablehlo())))
    same(np.asarray(exported.call(x[:2], y[:2])), expected[:2])
