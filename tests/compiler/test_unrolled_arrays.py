"""Steps on arrays that the user unrolled: so many elements vary along axes, until their loops are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparing import evaluated, same
from loops_backend import interpreted, on
from loops_backend import loops as loops
from test_loops import LOOPS
from test_loops import W as LOOP_W

from autograd import grad, hessian, jit, jvp, scan, value_and_grad, vmap
from autograd.compiler import compile as compiled_module
from autograd.compiler import recording
from autograd.compiler.numpy.table import with_numpy

RNG = np.random.default_rng(0)
W, U, H = RNG.normal(size=(4, 4)) / 2, RNG.normal(size=(4, 2)), RNG.normal(size=4)


@pytest.fixture(autouse=True)
def _few_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all arrays be too many elements."""
    monkeypatch.setattr(recording, "_MOST_ELEMENTS", 0)


def xs(n: int) -> Any:
    """Return n inputs of two numbers."""
    return np.random.default_rng(n).normal(size=(n, 2))


def network(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a loss of the last state, from zeros."""
    h = np.zeros(4)
    for row in x:
        h = np.tanh(w @ h + u @ row)
    return h @ h


def losses(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the sum of the losses of all states."""
    total = 0.0
    for i in range(len(x)):
        h = np.tanh(np.dot(w.T, h) + np.dot(u, x[i]))
        total = total + ((h - 1.0) ** 2).sum()
    return total


def gates(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a network whose gates are slices of one product."""
    state, memory, both = h[:2], h[2:], w[:, :2]
    for row in x:
        z = both @ state + u @ row
        gate, new = 1.0 / (1.0 + np.exp(-z[:2])), z[2:]
        memory = gate * memory + (1.0 - gate) * np.tanh(new)
        state = np.tanh(memory)
    return state.sum() + memory @ memory


def several(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return states of several samples, side by side."""
    states = np.zeros((3, 4))
    for row in x:
        states = np.tanh(states @ w + row @ u.T + h)
    return (states**2).mean()


def filtered(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the likelihood of a filter, which carries a matrix."""
    mean, spread, total = h, np.eye(4), 0.0
    for row in x:
        mean, spread = w @ mean, w @ spread @ w.T + 0.1 * np.eye(4)
        variance = h @ spread @ h + 1.0
        gain, error = spread @ h / variance, row[0] - h @ mean
        total = total + error * error / variance + np.log(variance)
        mean, spread = mean + gain * error, spread - np.outer(gain, h @ spread)
    return total


def runge_kutta(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return where an equation of motion leads."""
    y, step = h, 0.05
    for _ in range(len(x)):
        a = w @ y - 0.1 * y * y
        b = w @ (y + step / 2 * a)
        y = y + step * (a + b) / 2
    return y @ y


def softmax(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return what weights are after each is made a share of all."""
    for _ in range(len(x)):
        z = w @ h
        e = np.exp(z - z.max())
        h = e / e.sum()
    return (h * np.arange(4.0)).sum()


def viterbi(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the score of the best path through some states."""
    for row in x:
        h = np.max(w + h, axis=1) + u @ row
    return h.max()


def descent(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the loss after some steps along the gradient of a least-squares problem."""
    for _ in range(len(x)):
        h = h - 0.1 * w.T @ (w @ h - 1.0) / len(h)
    return ((w @ h - 1.0) ** 2).mean()


def twice(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a recurrence whose steps use a bias twice, and a matrix with two states."""
    state, before = h, h * 0.5
    for row in x:
        state, before = np.tanh(w @ state + h + u @ row + h - 0.3 * (w @ before)), state
    return state @ before


RECURRENCES = [network, losses, gates, several, filtered, runge_kutta, softmax, viterbi, descent, twice]


def loops_in(f: Callable[..., Any], *args: Any) -> int:
    """Return how many loops the program of a function has."""
    return str(f.source(*args) if callable(f.source) else f.source).count("    for t")  # type: ignore[attr-defined]


@pytest.mark.parametrize("f", RECURRENCES)
def test_steps_on_arrays_are_loops(f: Any) -> None:
    """A recurrence and its gradient are loops, of as many arrays for more steps, and as eager calls."""
    both = value_and_grad(f, argnums=(0, 1, 2, 3))
    for function, least in ((f, 1), (both, 2)):
        sizes = []
        for n in (50, 60):
            compiled = jit(function, backend="numpy")
            same(compiled(W, U, H, xs(n)), evaluated(function, W, U, H, xs(n)), 1e-8)
            assert loops_in(compiled, W, U, H, xs(n)) >= least
            sizes.append((compiled.report().classes, compiled.report().traced))
        # A node for each array of a step, not for each of its elements: products of 16.
        assert sizes[0][0] == sizes[1][0]
        assert sizes[1][1] < 60 * 120


@pytest.mark.parametrize("f", RECURRENCES)
def test_numba_runs_these_loops(f: Any) -> None:
    """The loops for Numba, run by Python, agree with eager calls."""
    both = value_and_grad(f, argnums=(0, 1, 2, 3))
    args = W, U, H, xs(45)
    same(on("loops", both, *args)(*args), evaluated(both, *args), 1e-8)


def test_compiled_by_numba() -> None:
    """Machine code agrees with eager calls."""
    pytest.importorskip("numba")
    args = W, U, H, xs(45)
    same(on("numba", losses, *args)(*args), evaluated(losses, *args), 1e-8)


@pytest.mark.parametrize("f", [network, losses])
def test_derivatives_of_derivatives(f: Any) -> None:
    """Hessians, and products with them, agree with eager calls."""
    args = W, U, H, xs(40)

    def product(w: Any, u: Any, h: Any, x: Any) -> Any:
        return jvp(grad(lambda w: f(w, u, h, x)), (w,), (np.ones_like(W),))[1]

    for function in (product, hessian(f, argnums=2)):
        same(jit(function, backend="numpy")(*args), evaluated(function, *args), 1e-7)


def test_samples_of_recurrences() -> None:
    """Within `vmap`, samples have an axis of their own."""
    batch = np.random.default_rng(1).normal(size=(5, 40, 2))

    def loss(w: Any, u: Any, batch: Any) -> Any:
        return vmap(lambda x: network(w, u, H, x))(batch).mean()

    both = value_and_grad(loss, argnums=(0, 1, 2))
    same(jit(both, backend="numpy")(W, U, batch), evaluated(both, W, U, batch))


def test_all_states_are_a_result() -> None:
    """They are the rows of an array."""

    def states(w: Any, h: Any) -> Any:
        found = []
        for _ in range(50):
            h = np.tanh(w @ h)
            found.append(h * 2.0)
        return {"states": np.stack(found), "weights": w}

    compiled = jit(states, backend="numpy")
    same(compiled(W, H), evaluated(states, W, H))
    assert loops_in(compiled, W, H) == 1


@pytest.mark.parametrize("backend", ["numpy", "loops"])
def test_a_program_of_other_lengths(backend: str) -> None:
    """It holds for the lengths that it was traced for, and others are compiled anew."""
    compiled = on(backend, grad(network, argnums=(0, 3)), W, U, H, xs(40))
    for n in (40, 45, 40):
        same(compiled(W, U, H, xs(n)), evaluated(grad(network, argnums=(0, 3)), W, U, H, xs(n)))
    assert "2 compilations" in str(compiled.report())


@pytest.mark.parametrize("name", LOOPS)
def test_loops_that_are_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `scan` and others do on such arrays holds for any number of steps, as without axes."""
    monkeypatch.setattr(recording, "_MOST_ELEMENTS", -1)
    function = LOOPS[name]
    compiled = jit(function, backend="numpy")
    for n in (4, 7, 3, 1):
        args = LOOP_W, U[:3], H[:3], xs(n)
        same(compiled(*args), evaluated(function, *args), 1e-8)


@pytest.mark.parametrize("start", [0, -1])
def test_a_scan_from_a_row_over_the_others(start: int) -> None:
    """Steps that are a slice of an array's rows stay steps, and so do the rows of the array."""

    def last(w: Any, x: Any) -> Any:
        others = x[1:] if start == 0 else x[:-1]
        return scan(lambda c, v: (np.tanh(w * c + v), None), x[start], others)[0].sum()

    for f in (last, value_and_grad(last, argnums=(0, 1))):
        compiled = jit(f, backend="numpy")
        for n in (6, 9):
            w = RNG.normal(size=xs(n).shape[1])
            same(compiled(w, xs(n)), evaluated(f, w, xs(n)), 1e-9)


def scanned(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return what a network leaves at the end and on its way, with weights of more than 1,000 elements."""
    last, norms = scan(lambda h, x: (np.tanh(w @ h + u @ x), (h @ h, h[:2] * x[0])), np.zeros(len(w)), x)
    return last.sum() + norms[0].sum() + (norms[1] ** 2).sum()


@pytest.mark.parametrize("backend", ["numpy", "loops"])
def test_large_weights_of_a_scan(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step has a node for each array, the gradient by its inputs too, and steps may be any number."""
    monkeypatch.undo()
    monkeypatch.setitem(compiled_module.BACKENDS, "loops", compiled_module.Backend(interpreted, with_numpy))
    w, u = RNG.normal(size=(32, 32)) / 6, RNG.normal(size=(32, 2))
    both = value_and_grad(scanned, argnums=(0, 1, 3))
    compiled = on(backend, both, w, u, None, xs(9))
    for n in (9, 32, 5):
        same(compiled(w, u, None, xs(n)), evaluated(both, w, u, None, xs(n)), 1e-9)
    assert compiled.report().traced < 200
    assert str(compiled.report()).count("1 compilation")


def element_by_element(w: Any, h: Any) -> Any:
    """Return a recurrence some of whose numbers are used one by one."""
    total = 0.0
    for _ in range(40):
        h = np.tanh(w @ h)
        total = total + h[0] * w[1, 2] + h[-1]
    return total + sum(h)


def assigned(w: Any, h: Any) -> Any:
    """Return a recurrence whose array gets new elements."""
    h = h + 0.0
    for _ in range(40):
        h[0] = h[1] * 0.5
        h = np.tanh(w @ h)
    return h.sum()


def changed(w: Any, h: Any) -> Any:
    """Return a recurrence whose argument changes after it was used, and again."""
    w, total = w * 1.0, (w * w).sum()
    for i in range(40):
        if i in (3, 20):
            w[0, i % 4] = h[1]
        h = np.tanh(w @ h)
    return h.sum() + total


def changed_argument(w: Any, h: Any) -> Any:
    """Return what a recurrence gives before and after its own argument has changed."""
    w = w.copy()
    first = w @ h
    w[1] = first
    for _ in range(40):
        h = np.tanh(w @ h)
    return h.sum() + first.sum()


def one_by_one(w: Any, h: Any) -> Any:
    """Return a recurrence over an array that is put together from rows and elements."""
    for _ in range(40):
        h = np.array([np.tanh(row @ h) for row in w])
    return h.sum() + w.sum()


def with_constants(w: Any, h: Any) -> Any:
    """Return a recurrence with arrays of the function's own, equal in all steps and not."""
    for i in range(40):
        h = (
            np.tanh(w @ h + np.array([1.0, 0.0, -1.0, 0.5]) + np.full(4, 0.01 * i))
            * np.eye(4)[i % 4 :][0].sum()
        )
    return h.sum()


@pytest.mark.parametrize(
    "f", [element_by_element, assigned, changed, changed_argument, one_by_one, with_constants]
)
def test_what_takes_arrays_apart(f: Any) -> None:
    """Where elements are used one by one, the numbers are those of an eager call."""
    both = value_and_grad(f, argnums=(0, 1))
    same(jit(both, backend="numpy")(W, H), evaluated(both, W, H), 1e-8)


def test_a_sample_that_was_used_as_a_number() -> None:
    """An array of one number varies along an axis only where nobody has used it otherwise."""

    def f(x: Any) -> tuple[Any, Any]:
        return x @ x, vmap(lambda number: number * 2.0)(x)

    x = np.array([3.0])
    same(jit(f, backend="numpy")(x), f(x))


def test_an_argument_that_changes() -> None:
    """What is computed from it before has the numbers that it had then."""

    def f(w: Any, h: Any) -> Any:
        first = w @ h
        w[0] = first
        for _ in range(40):
            h = np.tanh(w @ h)
        return h.sum() + first.sum() + w.sum()

    compiled = jit(f, backend="numpy")
    same(compiled(W.copy(), H), evaluated(f, W.copy(), H), 1e-8)


def test_few_elements_are_traced_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays stay as they are where a program has few elements."""
    monkeypatch.undo()
    few, many = jit(grad(network), backend="numpy"), jit(grad(network), backend="numpy")
    few(W, U, H, xs(9))
    w, u = RNG.normal(size=(32, 32)) / 6, RNG.normal(size=(32, 2))

    def wide(w: Any, u: Any, x: Any) -> Any:
        h = np.zeros(32)
        for row in x:
            h = np.tanh(w @ h + u @ row)
        return h @ h

    many = jit(grad(wide), backend="numpy")
    same(many(w, u, xs(60)), evaluated(grad(wide), w, u, xs(60)))
    # 60 steps of 1,100 products each, and their gradient.
    assert many.report().traced < 3000
    assert few.report().traced > 9 * 16
