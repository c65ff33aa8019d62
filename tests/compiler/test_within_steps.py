"""Operations of long arrays within the steps of a loop, in place of one array for all steps each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparing import same
from loops_backend import loops as loops
from loops_backend import on

from autograd import OPS, cond, grad, jacfwd, scan, sin, tanh, value_and_grad, vmap
from autograd.compiler import Jitted, compile
from autograd.compiler.passes.batches import TotalOf
from autograd.compiler.passes.within_steps import _is_elementwise, within_steps


def diffused(x: Any, start: Any) -> Any:
    """Return numbers after seven steps in each of which a number and its neighbours change one another."""

    def step(y: Any, _: Any) -> Any:
        before, behind = np.concatenate([[1.0], y[:-1]]), np.concatenate([y[1:], [0.5]])
        return y + 0.1 * x * (before * behind - y), None

    return scan(step, start, None, length=7)[0]


def recurrence(a: Any, x: Any) -> Any:
    """Return the last of some numbers that depend on one another."""
    return scan(lambda c, v: (sin(a * c + v), c * v), 0.5, x)[0]


def slope_of_neighbours(x: Any, start: Any) -> Any:
    """Return a number that the slopes of what neighbours come to say."""
    return (grad(lambda x: diffused(x, start).sum())(x) ** 2).sum()


def all_steps(x: Any, start: Any) -> Any:
    """Return a number that all states of some recurrences say, each of which goes its own way."""
    return (scan(lambda y, _: (sin(x * y + 1.0), x * y), start, None, length=5)[1] ** 2).sum()


def two_side_by_side(x: Any, start: Any) -> Any:
    """Return a number after two recurrences, the second of which goes back through states of the first."""
    _, states = scan(lambda y, _: (tanh(x * y + 0.5), y), start, None, length=5)
    return scan(lambda y, v: (y * x + v * v, None), x, states, reverse=True)[0].sum()


def last_of_two(a: Any, x: Any) -> Any:
    """Return a number after two recurrences, one after the other."""
    _, first = scan(lambda c, v: (tanh(a * c + v), c), 0.5, x)
    return scan(lambda c, v: (c * a + v * v, None), 1.0, first, reverse=True)[0]


def states(w: Any, x: Any) -> Any:
    """Return the last state of a network of twelve units."""
    return scan(lambda h, v: (np.tanh(w @ h + v), None), np.zeros(12), x)[0]


def chosen(a: Any, x: Any) -> Any:
    """Return the last of numbers that go one of two ways."""
    return scan(lambda c, v: (cond(c > v, lambda c: a * c, lambda c: c + v, c), None), a, x)[0]


RNG = np.random.default_rng(5)
A, X = RNG.normal(size=40), RNG.normal(size=(40, 6))
LENGTH = 3000
LONG, TALL = RNG.normal(size=LENGTH), RNG.normal(size=(5, LENGTH))

PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "neighbours": (grad(lambda x, y: diffused(x, y).sum(), argnums=(0, 1)), (LONG, LONG[::-1])),
    "neighbours, with the value": (value_and_grad(lambda x, y: (diffused(x, y) ** 2).sum()), (LONG, LONG)),
    "slopes of neighbours": (grad(slope_of_neighbours), (LONG, LONG)),
    "with what each step leaves": (value_and_grad(all_steps, argnums=(0, 1)), (LONG, LONG)),
    "two loops, side by side": (value_and_grad(two_side_by_side), (LONG, LONG)),
    "samples": (vmap(value_and_grad(recurrence, argnums=(0, 1))), (A, X)),
    "samples, twice": (vmap(grad(grad(recurrence))), (A, X)),
    "samples, forward": (vmap(jacfwd(recurrence)), (A, X)),
    "a sum over samples": (grad(lambda a, x: vmap(recurrence)(a, x).sum(), argnums=(0, 1)), (A, X)),
    "a number for all samples": (grad(lambda a, x: vmap(lambda v: recurrence(a, v))(x).sum()), (0.3, X)),
    "two loops": (vmap(value_and_grad(last_of_two, argnums=(0, 1))), (A, X)),
    "a choice": (vmap(grad(chosen)), (A, X)),
    "matrices": (
        vmap(grad(lambda w, x: states(w, x).sum())),
        (RNG.normal(size=(3, 12, 12)), np.ones((3, 5, 12))),
    ),
}


def for_all_steps(monkeypatch: pytest.MonkeyPatch, f: Callable[..., Any]) -> Jitted:
    """Return a function whose operations are not moved into loops."""
    monkeypatch.setattr(compile, "within_steps", lambda tape, inputs: tape)
    return Jitted(f, "numpy")


@pytest.mark.parametrize("name", PROGRAMS)
def test_results_are_those_for_all_steps_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is moved into loops gives the same numbers."""
    f, args = PROGRAMS[name]
    found = Jitted(f, "numpy")(*args)
    same(found, for_all_steps(monkeypatch, f)(*args), 1e-11)
    same(found, f(*args), 1e-11)


OF_NEIGHBOURS = [name for name, (_, args) in PROGRAMS.items() if args[0] is LONG]


@pytest.mark.parametrize("name", OF_NEIGHBOURS)
def test_loops_over_long_arrays(name: str) -> None:
    """The loops for Numba agree for any length: of a chunk, of less, and of one more."""
    f, args = PROGRAMS[name]
    function, checked = on("loops", f, *args), Jitted(f, "numpy")
    for length in (LENGTH, 121, 120, 119, 3, 2):
        shorter = [array[:length] for array in args]
        same(function(*shorter), checked(*shorter), 1e-9)


def test_numba_runs_loops_over_long_arrays() -> None:
    """Compiled by Numba, the gradient of steps on long arrays agrees with NumPy, also in a second call."""
    f, args = PROGRAMS["neighbours"]
    function, checked = on("numba", f, *args), Jitted(f, "numpy")
    for length in (LENGTH, 250, LENGTH):
        shorter = [array[:length] for array in args]
        same(function(*shorter), checked(*shorter), 1e-9)


@pytest.mark.parametrize("name", ["neighbours", "two loops, side by side"])
def test_a_derivative_stores_what_each_step_is_given_alone(name: str) -> None:
    """No array but those that loops carry has a number for each step and each index."""
    f, args = PROGRAMS[name]
    function = Jitted(f, "numpy")
    function(*args)
    lines = function.source.splitlines()
    outside = [line for line in lines if line.startswith("    v")]
    assert not [line for line in outside if "[:, None]" in line or "(axis=1)" in line], function.source
    assert sum("np.empty((n" in line for line in lines) <= 3, function.source


def test_what_is_needed_for_all_steps_is_computed_once() -> None:
    """Where a result has something of all steps, that is not computed again within them."""
    f, args = PROGRAMS["with what each step leaves"]
    function = Jitted(f, "numpy")
    function(*args)
    assert function.source.count("np.cos(") == 1


def test_products_of_matrices_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of products over steps for each pair of units, of each sample, are one product of matrices."""
    f, args = PROGRAMS["matrices"]
    function, before = Jitted(f, "numpy"), for_all_steps(monkeypatch, f)
    with monkeypatch.context() as patch:
        patch.setattr(compile, "within_steps", within_steps)
        function(*args)
    before(*args)
    assert function.source == before.source


def test_what_looks_at_other_steps() -> None:
    """An operation counts as one on each step alone unless it adds steps up or moves them."""
    assert all(_is_elementwise(OPS[name], 0) for name in ("mul", "where", "dot"))
    assert not _is_elementwise(TotalOf(OPS["sum"], (0,)), 0)
    assert not _is_elementwise(OPS["prod"], 0)
