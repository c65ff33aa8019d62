"""Loops found: a recurrence that the user unrolled is a loop of the program, and so is its gradient."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparing import evaluated, same
from hypothesis import given, settings
from hypothesis import strategies as st
from loops_backend import on

import autograd
from autograd import grad, hessian, jit, jvp, logsumexp, scan, tanh, value_and_grad, vmap
from autograd.compiler import compile as compiled_module
from autograd.compiler.found import FoundArrays
from autograd.compiler.found_records import record_of, what_is_in
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.passes.rolling import roll
from autograd.compiler.runtime.program import UnsuitableError

RNG = np.random.default_rng(0)
W, U, H = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=3)


def xs(n: int) -> Any:
    """Return n inputs of two numbers."""
    return np.random.default_rng(n).normal(size=(n, 2))


def rnn(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a loss of all states of a recurrent network."""
    total = 0.0
    for i in range(len(x)):
        h = np.tanh(w @ h + u @ x[i])
        total = total + ((h - 1.0) ** 2).sum()
    return total


def last_state(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a loss of the last state, from zeros."""
    h = np.zeros(3)
    for i in range(len(x)):
        h = np.tanh(w @ h + u @ x[i])
    return h @ h


def scalars(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a network that is written number by number."""
    h = list(h)
    for row in x:
        h = [tanh(sum(w[i][j] * h[j] for j in range(3)) + u[i][0] * row[0]) for i in range(3)]
    return sum(v * v for v in h)


def lstm(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a network with two states, which are read at several places."""
    c = h * 0.5
    for i in range(len(x)):
        z = w @ h + u @ x[i]
        forget = 1.0 / (1.0 + np.exp(-z))
        c = forget * c + (1.0 - forget) * np.tanh(z)
        h = z * np.tanh(c)
    return (h * c).sum()


def viterbi(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the score of the best path through some states."""
    scores = list(h)
    for i in range(len(x)):
        scores = [autograd.max([scores[k] + w[k, j] for k in range(3)]) + x[i, 0] * u[j, 0] for j in range(3)]
    return autograd.max(scores)


def forward(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the logarithm of the likelihood of a hidden Markov model."""
    scores = list(h)
    for i in range(len(x)):
        emitted = u @ x[i]
        scores = [logsumexp([scores[k] + w[k, j] for k in range(3)]) + emitted[j] for j in range(3)]
    return logsumexp(scores)


def runge_kutta(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return where an equation of motion leads, with a force that depends on time by constants alone."""
    step = 0.01

    def motion(t: float, y: Any) -> Any:
        return np.array([y[1], -w[0, 0] * np.sin(y[0]) - w[0, 1] * y[1] + np.cos(t)])

    y, t = h[:2], 0.0
    for _ in range(len(x)):
        a = motion(t, y)
        b = motion(t + step / 2, y + step / 2 * a)
        c = motion(t + step / 2, y + step / 2 * b)
        d = motion(t + step, y + step * c)
        y, t = y + step / 6 * (a + 2.0 * b + 2.0 * c + d), t + step
    return (y * y).sum()


def kalman(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the likelihood of a filter, which carries a matrix."""
    f = np.eye(2) + 0.1 * w[:2, :2]
    mean, spread, total = h[:2], np.eye(2), 0.0
    for i in range(len(x)):
        mean, spread = f @ mean, f @ spread @ f.T + 0.1 * np.eye(2)
        variance = spread[0, 0] + 1.0
        gain, error = spread[:, 0] / variance, x[i, 0] - mean[0]
        total = total + error * error / variance + np.log(variance)
        mean, spread = mean + gain * error, spread - np.outer(gain, spread[0])
    return total


def horner(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a polynomial."""
    total = 0.0
    for i in range(len(x)):
        total = total * h[0] + x[i, 0]
    return total


def euler(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a step by step solution whose step is a constant."""
    y = h[0]
    for _ in range(len(x)):
        y = y + 0.01 * (w[0, 0] * y - y * y)
    return y


def two_back(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a recurrence over two steps."""
    y, z = h[0], h[1]
    for i in range(len(x)):
        y, z = z, w[0, 0] * 0.3 * y + np.sin(z) * x[i, 1]
    return z


def backward(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a recurrence from the last input to the first."""
    y = h
    for i in reversed(range(len(x))):
        y = np.tanh(w @ y + u @ x[i])
    return y.sum()


def no_program(*_: Any) -> Any:
    """Refuse to compute a program otherwise than as a table."""
    raise UnsuitableError("it is no table")


RECURRENCES = [
    rnn, last_state, scalars, lstm, viterbi, forward, runge_kutta, kalman, horner, euler, two_back, backward,
]  # fmt: skip


def loops_in(f: Callable[..., Any], *args: Any) -> int:
    """Return how many loops the program of a function has."""
    return str(f.source(*args) if callable(f.source) else f.source).count("    for t")  # type: ignore[attr-defined]


@pytest.mark.parametrize("f", RECURRENCES)
def test_a_recurrence_is_a_loop(f: Any) -> None:
    """Its program has a loop, as many arrays for more steps, and the results of an eager call."""
    sizes = []
    for n in (60, 72):
        args = W, U, H, xs(n)
        compiled = jit(f, backend="numpy")
        same(compiled(*args), evaluated(f, *args), 1e-9)
        assert loops_in(compiled, *args) == 1
        sizes.append(compiled.report().classes)
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("f", RECURRENCES)
def test_its_gradient_is_a_loop_too(f: Any) -> None:
    """It goes back over what the first loop has kept."""
    sizes = []
    for n in (60, 72):
        args = W, U, H, xs(n)
        both = value_and_grad(f, argnums=(0, 1, 2, 3))
        compiled = jit(both, backend="numpy")
        same(compiled(*args), evaluated(both, *args), 1e-9)
        assert loops_in(compiled, *args) >= 2
        sizes.append(compiled.report().classes)
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("f", RECURRENCES)
def test_the_table_of_all_steps(f: Any) -> None:
    """Numba interprets the rows of all steps."""
    args = W, U, H, xs(45)
    both = value_and_grad(f, argnums=(0, 1, 2, 3))
    same(on("numba", both, *args)(*args), evaluated(both, *args), 1e-9)


def mixed(y: Any, x: Any, w: Any) -> Any:
    """Return a recurrence that adds up numbers of several arrays in each step."""
    total = 0.0
    for row in x:
        y = tanh(y * w + row[0])
        total = total + logsumexp([row[0], row[1] * 2.0, w]) * y + logsumexp([y, row[1], w])
    return total


def shuffled(y: Any, x: Any, w: Any) -> Any:
    """Return a recurrence that reads other places in each step, which follow no rule."""
    n = len(x)
    for t in range(n):
        y = [tanh(y[(i * 7 + t * t) % 5] * 0.5 + x[(t * t + 3 * i) % n] * w) for i in range(5)]
    return sum(y)


def matrices(state: Any, x: Any, y: Any) -> Any:
    """Return a recurrence of products of two matrices that both are those of a step."""
    for left, right in zip(x, y, strict=True):
        own = [[sum(left[i, k] * right[k, j] for k in range(3)) * (i + 1.0) for j in (0, 1)] for i in (0, 1)]
        state = tanh(state + sum(map(sum, own)))
    return state


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (mixed, (0.3, xs(60), 0.7)),
        (shuffled, (RNG.normal(size=5), xs(60)[:, 0], 0.3)),
        (matrices, (0.3, RNG.normal(size=(40, 2, 3)), RNG.normal(size=(40, 3, 2)))),
    ],
)
def test_the_table_of_steps_that_differ(f: Any, args: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a table, run by NumPy, compute what no loop over steps does as it stands."""
    monkeypatch.setitem(compiled_module.BACKENDS, "rows", compiled_module.Backend(no_program, with_numpy))
    both = value_and_grad(f, argnums=(0, 1, 2))
    same(on("rows", both, *args)(*args), evaluated(both, *args), 1e-9)


@pytest.mark.parametrize("f", [rnn, euler, two_back, forward])
def test_higher_derivatives(f: Any) -> None:
    """Hessians and products with them have loops as well."""
    args = W, U, H, xs(40)
    second = hessian(f, argnums=2)
    compiled = jit(second, backend="numpy")
    same(compiled(*args), evaluated(second, *args), 1e-8)
    assert loops_in(compiled, *args) >= 1

    def product(w: Any, u: Any, h: Any, x: Any) -> Any:
        return jvp(grad(lambda h: f(w, u, h, x)), (h,), (np.ones(3),))[1]

    same(jit(product, backend="numpy")(*args), evaluated(product, *args), 1e-8)


def test_a_number_of_two_steps_back_that_is_handed_on() -> None:
    """What steps hand on as it is, is handed on backwards as well."""

    def f(x: Any) -> Any:
        a = b = x[0]
        for i in range(60):
            a, b = b, tanh(a + b * 0.3) + x[i]
        return a * b

    x = np.random.default_rng(0).normal(size=60)
    np.testing.assert_allclose(jit(grad(f), backend="numpy")(x), grad(f)(x), rtol=1e-10)


def test_it_is_what_scan_says() -> None:
    """The loop that was found has the results of the loop that was said."""

    def said(w: Any, u: Any, h: Any, x: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            h = np.tanh(w @ h + u @ x)
            return h, ((h - 1.0) ** 2).sum()

        return scan(step, h, x)[1].sum()

    args = W, U, H, xs(80)
    same(jit(grad(rnn))(*args), jit(grad(said))(*args), 1e-9)


def test_what_was_found_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process reads the program of NumPy, the plan with its loop, and the table of all steps."""
    found: list[Any] = []
    find = compiled_module._found

    def noted(*args: Any) -> Any:
        found.append(find(*args))
        return found[-1]

    monkeypatch.setattr(compiled_module, "_found", noted)
    monkeypatch.setattr(compiled_module, "found_in", lambda tape, settings, find: (find(), "run", ""))
    args = W, U, H, xs(40)
    jit(grad(rnn), backend="numpy")(*args)
    (arrays,) = found
    assert isinstance(arrays, FoundArrays)
    again = what_is_in(record_of(arrays))
    assert isinstance(again, FoundArrays)
    assert again.source.text == arrays.source.text
    assert again.rolled == arrays.rolled
    assert len(again.plan()[0].blocks) == len(arrays.plan()[0].blocks)
    np.testing.assert_array_equal(again.table().code, arrays.table().code)
    np.testing.assert_array_equal(again.table().places, arrays.table().places)


def test_results_of_all_steps() -> None:
    """All states may be results."""

    def states(w: Any, h: Any) -> Any:
        found = []
        for _ in range(50):
            h = np.tanh(w @ h)
            found.append(h * 2.0)
        return np.stack(found)

    compiled = jit(states, backend="numpy")
    same(compiled(W, H), evaluated(states, W, H))
    assert loops_in(compiled, W, H) == 1
    same(on("numba", states, W, H)(W, H), evaluated(states, W, H))


def test_results_are_arrays_of_their_own() -> None:
    """What a caller does to a result changes no argument and no later result."""

    def shifted(x: Any) -> Any:
        y, found = x[0], []
        for i in range(1, 150):
            y = y * 0.5 + x[i]
            found.append(y)
        return np.array(found), np.array(found)

    x = xs(150)[:, 0].copy()
    compiled, before = jit(shifted, backend="numpy"), x.copy()
    first, second = compiled(x)
    expected = second.copy()
    first[:] = 0.0
    same(second, expected)
    same(x, before)
    same(compiled(x), evaluated(shifted, x))


def test_a_number_that_is_carried_is_a_number() -> None:
    """What is one number in each step is no array of one in the program."""

    def f(x: Any) -> Any:
        for _ in range(120):
            x = np.sin(x) * 0.5
        return x

    compiled = jit(grad(f), backend="numpy")
    same(compiled(0.3), grad(f)(0.3))
    assert loops_in(compiled, 0.3) == 2
    assert "np.array(" not in compiled.source


def test_a_batch_of_recurrences() -> None:
    """Samples have an axis, and steps another."""

    def state(w: Any, x: Any) -> Any:
        h = np.zeros(3)
        for _ in range(40):
            h = np.tanh(w @ h + x)
        return h

    for n in (5, 7):
        batch = np.random.default_rng(n).normal(size=(n, 3))
        f = vmap(state, in_axes=(None, 0))
        same(jit(f, backend="numpy")(W, batch), evaluated(f, W, batch))
        loss = grad(lambda w, x: (vmap(state, in_axes=(None, 0))(w, x) ** 2).sum())
        same(jit(loss, backend="numpy")(W, batch), evaluated(loss, W, batch))


def test_few_steps_stay_as_they_are() -> None:
    """A statement for each array is as fast as a loop of few steps."""
    args = W, U, H, xs(5)
    compiled = jit(rnn, backend="numpy")
    same(compiled(*args), evaluated(rnn, *args))
    assert not loops_in(compiled, *args)


def test_loops_that_leave_too_many_arrays_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recurrence of a few arrays does not make a program of a thousand others short."""
    rolled = []

    def spied(*args: Any) -> Any:
        rolled.append(roll(*args))
        return rolled[-1]

    monkeypatch.setattr(compiled_module, "roll", spied)
    functions = np.sin, np.cos, np.tanh, np.arctan
    other = [functions[i] for i in np.random.default_rng(0).integers(4, size=1600)]

    def f(others: int, x: Any) -> Any:
        y, z = x[0], x[2]
        for _ in range(60):
            y = np.sin(y) * x[1]
        for g in other[:others]:
            z = g(z)
        return y + z

    x = np.array([0.7, 0.9, 1.01])
    for others in (100, 1600):
        compiled = jit(f, backend="numpy", static_argnums=0)
        same(compiled(others, x), evaluated(f, others, x))
    assert [found is None for found in rolled] == [False, True]


def test_loops_of_samples_that_are_too_many_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where even with loops there are too many arrays, operations are done one by one, on all samples."""
    monkeypatch.setattr(compiled_module, "_MOST_ARRAYS", 0)

    def f(w: Any, rows: Any) -> Any:
        return vmap(lambda x: scan(lambda c, a: (tanh(w * c + a), c), 0.0, x)[0])(rows).sum()

    rows = np.random.default_rng(0).normal(size=(10, 40))
    np.testing.assert_allclose(jit(f, backend="numpy")(0.4, rows), f(0.4, rows), rtol=1e-12)


def test_steps_that_differ_stay_apart() -> None:
    """What comes once is computed once, between two loops or within neither."""

    def f(x: Any) -> Any:
        y = x[0]
        for i in range(60):
            y = np.sin(y) * x[1] + 0.1 * i
        y = np.exp(y) / x[0]
        for i in range(60):
            y = np.cos(y) * x[i % 3] + x[2] ** (i + 1)
        return y

    compiled = jit(value_and_grad(f), backend="numpy")
    x = np.array([0.7, 0.9, 0.8])
    same(compiled(x), evaluated(value_and_grad(f), x))


def test_not_a_number_goes_through() -> None:
    """Infinities and nan are those of an eager call."""

    def f(x: Any) -> Any:
        y = x[0]
        for i in range(80):
            y = y * y + x[i]
        return y

    for x in (np.full(80, 2.0), np.full(80, np.nan), np.full(80, -np.inf), np.zeros(80)):
        same(jit(f, backend="numpy")(x), evaluated(f, x))


def test_signs_of_zeros_are_told_apart() -> None:
    """A constant -0.0 in one step is not the 0.0 of the others."""

    def f(x: Any) -> Any:
        y = x
        for i in range(80):
            y = autograd.where(y > 0.0, y * 0.5, -0.0 if i == 40 else 0.0) + 1e-3
        return y

    same(jit(f, backend="numpy")(-1.0), evaluated(f, -1.0))


STEPS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b, c, x, k: a + b,
    "mul": lambda a, b, c, x, k: 0.5 * a * b,
    "tanh": lambda a, b, c, x, k: np.tanh(a - b),
    "sin": lambda a, b, c, x, k: np.sin(a) * c,
    "input": lambda a, b, c, x, k: 0.3 * a + x,
    "constant": lambda a, b, c, x, k: 0.9 * a + 0.01 * k,
    "max": lambda a, b, c, x, k: autograd.max(a, b),
    "softplus": lambda a, b, c, x, k: autograd.softplus(a) - 1.0,
    "scaled": lambda a, b, c, x, k: a / (1.0 + b * b),
}
NAMES = st.sampled_from(sorted(STEPS))


@st.composite
def programs(draw: st.DrawFn) -> tuple[Callable[..., Any], int]:
    """Draw a recurrence of a few numbers, and how many steps it has."""
    width = draw(st.integers(1, 3))
    places = st.integers(0, width - 1)
    step = draw(st.lists(st.tuples(NAMES, places, places, places), min_size=1, max_size=4))
    count = draw(st.integers(30, 40))
    is_reversed = draw(st.booleans())
    kept = draw(st.booleans())

    def program(c: Any, h: Any, x: Any) -> Any:
        state, total = [h[i] for i in range(width)], 0.0
        for i in reversed(range(count)) if is_reversed else range(count):
            for name, to, one, other in step:
                state[to] = STEPS[name](state[one], state[other], c, x[i], i)
            if kept:
                total = total + state[0] * x[count - 1 - i]
        return functools.reduce(lambda a, b: a + b, state) + total

    return program, count


@settings(max_examples=15)
@given(programs(), st.integers(0, 100))
def test_random_recurrences(drawn: Any, seed: int) -> None:
    """Values, gradients and second derivatives are those of eager calls."""
    program, count = drawn
    rng = np.random.default_rng(seed)
    args = 0.7, rng.normal(size=3), rng.normal(size=count)
    both = value_and_grad(program, argnums=(0, 1, 2))
    found = jit(both, backend="numpy")
    same(found(*args), evaluated(both, *args), 1e-8)
    same(on("numba", both, *args)(*args), evaluated(both, *args), 1e-8)
    second = hessian(program, argnums=1)
    same(jit(second, backend="numpy")(*args), evaluated(second, *args), 1e-7)
