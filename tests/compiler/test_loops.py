"""Loops in compiled programs: a recurrence is recorded once, and so are its derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparing import same
from loops_backend import loops as loops
from loops_backend import on

import autograd
from autograd import (
    cond,
    fori_loop,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    logsumexp,
    norm,
    scan,
    tanh,
    value_and_grad,
    vmap,
    where,
    while_loop,
)

RNG = np.random.default_rng(0)
W, U, H = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=3)


def xs(n: int) -> Any:
    """Return n inputs of two numbers."""
    return np.random.default_rng(n).normal(size=(n, 2))


def rnn(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a loss of all states of a recurrent network."""

    def step(h: Any, x: Any) -> Any:
        h = np.tanh(w @ h + u @ x)
        return h, (h * h).sum()

    h, squares = scan(step, h, x)
    return squares.sum() + h.sum()


def viterbi(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the score of the best path through some states."""

    def step(scores: Any, x: Any) -> Any:
        best = np.stack([autograd.max(list(scores + w[i])) for i in range(3)])
        return best + u @ x, best

    return scan(step, h, x)[0].max()


def forward(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the logarithm of the likelihood of a hidden Markov model."""

    def step(alpha: Any, x: Any) -> Any:
        return np.stack([logsumexp(alpha + w[i]) for i in range(3)]) + u @ x, None

    return logsumexp(scan(step, h, x)[0])


def several(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return what a loop carries in a tree, with a number that never changes and a choice."""

    def step(carry: Any, x: Any) -> Any:
        rate, (total, best) = carry["rate"], carry["state"]
        total = rate * total + x[0] * h[1]
        best = where(total > best, total, best)
        return {"rate": rate, "state": (total, best)}, {"t": total, "x": x[1] * w[0, 0]}

    return scan(step, {"rate": h[0], "state": (0.5, -1.0)}, x)


def backwards(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return a discounted sum from the last input on."""
    return scan(lambda c, x: (c * h[0] + x[0], c), h[1], x, reverse=True)


def nested(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return what a loop inside a loop computes."""

    def outer(c: Any, v: Any) -> Any:
        d, _ = scan(lambda a, b: (tanh(a * h[0] + b[0] * v[1]), None), c, x)
        return d, d

    return scan(outer, h[1], x)[1].sum()


def batched(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the losses of several sequences that begin in different states."""
    return vmap(lambda r: rnn(w, u, h * r[0], x))(x).sum()


def power(a: Any) -> Any:
    """Return a power of the argument, which is carried and taken."""
    return fori_loop(0, 4, lambda i, c: c * c * a, a)


def four_steps(w: Any, u: Any, h: Any, x: Any) -> Any:
    """Return the state after four steps without inputs."""
    return scan(lambda c, _: (np.tanh(w @ c), None), h, length=4)[0]


LOOPS: dict[str, Callable[..., Any]] = {
    "rnn": rnn,
    "gradient": value_and_grad(rnn, argnums=(0, 1, 2)),
    "hessian": hessian(rnn, argnums=2),
    "jvp": lambda w, u, h, x: jvp(lambda h: rnn(w, u, h, x), (h,), (h,)),
    "gradient of jvp": grad(lambda w, u, h, x: jvp(lambda h: rnn(w, u, h, x), (h,), (h,))[1]),
    "viterbi": viterbi,
    "gradient of viterbi": grad(viterbi, argnums=(0, 1, 2)),
    "forward": forward,
    "gradient of forward": grad(forward, argnums=(0, 1, 2)),
    "several": several,
    "gradient of several": grad(lambda w, u, h, x: several(w, u, h, x)[1]["t"].sum(), argnums=2),
    "backwards": backwards,
    "gradient of backwards": grad(lambda w, u, h, x: backwards(w, u, h, x)[1].sum(), argnums=2),
    "nested": nested,
    "gradient of nested": grad(nested, argnums=2),
    "hessian of nested": hessian(nested, argnums=2),
    "batched": batched,
    "gradient of batched": grad(batched, argnums=(0, 2)),
    "constants": lambda w, u, h, x: scan(lambda c, v: (c * h[0] + v, c), h[1], np.arange(5.0)),
    "counted": lambda w, u, h, x: fori_loop(2, 9, lambda i, c: tanh(c * h[0] + i * h[1]), h[2]),
    "gradient of counted": grad(
        lambda w, u, h, x: fori_loop(2, 9, lambda i, c: tanh(c * h[0] + i * h[1]), h[2]), argnums=2
    ),
    "third derivative": lambda w, u, h, x: grad(grad(grad(power)))(h[0]),
    "jacobian": jacobian(four_steps, argnums=2),
}


@pytest.mark.parametrize("name", LOOPS)
def test_as_eager(name: str) -> None:
    """A program with a loop gives eager results, for any number of steps."""
    traces = []

    def counted(*args: Any) -> Any:
        traces.append(1)
        return LOOPS[name](*args)

    compiled = jit(counted, backend="numpy")
    for n in (4, 7, 1, 2):
        same(compiled(W, U, H, xs(n)), LOOPS[name](W, U, H, xs(n)), 1e-10)
    assert len(traces) == 1
    assert "for t" in compiled.source


def converged(w: Any, h: Any, _: Any) -> Any:
    """Return a state that is multiplied until it is small, and what was added up by then."""

    def body(state: Any) -> Any:
        h, steps, total = state
        return np.tanh(w @ h) * 0.7, steps + 1, {"sum": total["sum"] + h * h[0]}

    def goes_on(state: Any) -> Any:
        return (norm(state[0]) > 0.1) & (state[1] < 20)

    h, steps, total = while_loop(goes_on, body, (h, 0, {"sum": h}))
    return h.sum() + steps + total["sum"].sum()


def until_small(x: Any, scale: Any) -> Any:
    """Return a number divided by twice itself until it is small."""
    return while_loop(lambda c: c * c > 0.3, lambda c: c * 0.6 + 0.01 * scale / c, x)


def samples(w: Any, h: Any, x: Any) -> Any:
    """Return what a loop of as many steps as each sample needs gives for each of them."""
    return vmap(lambda r: until_small(1.0 + r[0] * r[0] * h[0], r[1]))(x)


def steps_in_steps(w: Any, h: Any, x: Any) -> Any:
    """Return what a loop leaves in each of whose steps another one takes as many as it needs."""
    ends = while_loop(lambda c: c > 0.05, lambda c: 0.5 * c + 0.3 * until_small(c, h[1]), h[0] * h[0])
    return ends * scan(lambda c, r: (until_small(c + r[0] * r[0], r[1]) * h[0], c), ends, x)[1].sum()


def descent(w: Any, h: Any, x: Any) -> Any:
    """Return where some steps lead along the gradient of a loop, which is one through its own steps."""
    evaluate = value_and_grad(lambda c: until_small(c * c + 1.0, h[1]))

    def body(state: Any) -> Any:
        at, steps, lowest = state
        value, slope = evaluate(at)
        return at - 0.3 * slope * h[0], steps + 1, where(value < lowest, value, lowest)

    at, _, lowest = while_loop(
        lambda state: (state[1] < 4) & (abs(state[0]) > 0.1), body, (h[2] + 1.0, 0, 9.0)
    )
    return at + lowest


def to_a_number(w: Any, h: Any, x: Any) -> Any:
    """Return what loops leave that count to the length of an array, from and to numbers of others."""
    n = len(x)
    by_length = fori_loop(0, n, lambda i, c: tanh(c * h[0] + i * h[1]), h[2])
    inside = fori_loop(1, n - 1, lambda i, c: tanh(c * h[0] + i * h[1]), h[2])
    return by_length * inside + fori_loop(np.floor(x[0, 0]), 3, lambda i, c: c * h[0] + i, h[1])


WAYS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "value": lambda f: f,
    "gradient": lambda f: grad(lambda w, h, x: np.sum(f(w, h, x)), argnums=(0, 1)),
    "jvp": lambda f: lambda w, h, x: jvp(lambda w, h: f(w, h, x), (w, h), (w, h)),
    "hessian": lambda f: hessian(lambda w, h, x: np.sum(f(w, h, x)), argnums=1),
    "gradient of jvp": lambda f: grad(
        lambda w, h, x: np.sum(jvp(lambda h: f(w, h, x), (h,), (h,))[1]), argnums=1
    ),
}

COUNTED = {
    f"{way} of {f.__name__}": transform(f)
    for f in (converged, samples, steps_in_steps, descent, to_a_number)
    for way, transform in WAYS.items()
}


@pytest.mark.parametrize("backend", ["numpy", "loops"])
@pytest.mark.parametrize("name", COUNTED)
def test_as_many_steps_as_it_takes(name: str, backend: str) -> None:
    """One program holds for any number of steps, none among them, and gives eager results."""
    h = np.array([0.7, 0.6, -0.4])
    compiled = on(backend, COUNTED[name], 0.4 * W, h, xs(4))
    for factor, n in ((1.0, 4), (0.01, 1), (2.0, 6)):
        same(compiled(0.4 * W, factor * h, xs(n)), COUNTED[name](0.4 * W, factor * h, xs(n)), 1e-10)


@pytest.mark.parametrize("name", ["gradient of converged", "gradient of to_a_number", "value of descent"])
def test_numba_has_loops_for_them(name: str) -> None:
    """Numba compiles what is no batch of samples, such as gradients in the steps of a loop."""
    args = 0.4 * W, np.array([0.7, 0.6, -0.4]), xs(4)
    assert on("loops", COUNTED[name], *args).report().backend == "loops"


def test_steps_are_stored_only_for_what_needs_them() -> None:
    """The loop of a value stores nothing, that of a gradient what its partials are computed from."""
    f = jit(lambda x: while_loop(lambda c: c * c > 2.0, lambda c: c * 0.5, x), backend="numpy")
    assert f(8.0) == 1.0
    assert "while True:" in f.source
    assert "append" not in f.source
    g = jit(grad(lambda x: while_loop(lambda c: c > 1.0, np.sqrt, x)), backend="numpy")
    g(8.0)
    assert g.source.count("append") == 1


def test_samples_that_have_come_to_their_end() -> None:
    """Nothing of theirs gets into values and derivatives of any order, be it infinite or nan."""

    def f(x: Any) -> Any:
        return while_loop(lambda c: c > 0.5, lambda c: np.sqrt(c - 0.5) * 0.9, x)

    points = np.array([0.5, 0.51, 3.0, 100.0, -1.0])
    for way in (f, grad(f), grad(grad(f)), lambda x: jvp(grad(f), (x,), (1.0,))[1]):
        for mapped in (vmap(way), lambda x: vmap(way)(x) * 1.0):  # noqa: B023
            same(jit(mapped, backend="numpy")(points), vmap(way)(points), 1e-10)


def test_a_loop_for_samples_side_by_side() -> None:
    """Where samples are no columns of an argument, each has a loop of its own."""

    def f(x: Any) -> Any:
        return vmap(lambda r: fori_loop(0, 5, lambda i, c: c * r[0] + i * r[1], 1.0))(x).sum()

    def g(x: Any) -> Any:
        return vmap(lambda r: until_small(1.0 + r[0] * r[0], r[1]))(x).sum()

    for way in (grad(f), grad(g)):
        same(jit(way, backend="numpy")(xs(3)), way(xs(3)), 1e-12)


def test_a_loop_recorded_again_for_samples() -> None:
    """A loop in a branch varies along the samples like what the branch takes from around it."""

    def f(h: Any, x: Any) -> Any:
        def one(r: Any) -> Any:
            return cond(
                r[0] > 0.0, lambda c: fori_loop(0, 3, lambda i, c: tanh(c * h[0]), c), lambda c: c, r[1]
            )

        return vmap(one)(x).sum()

    way = hessian(f)
    same(jit(way, backend="numpy")(H, xs(5)), way(H, xs(5)), 1e-10)


def test_steps_cost_nothing_to_compile() -> None:
    """A thousand steps are as many operations as ten."""
    traced = []
    for n in (10, 1000):
        compiled = jit(value_and_grad(rnn), backend="numpy")
        compiled(W, U, H, xs(n))
        traced.append(compiled.report().traced)
    assert traced[0] == traced[1] < 1000


def test_what_does_not_recur_is_outside() -> None:
    """What a step computes of its input alone is computed for all steps at once."""
    compiled = jit(rnn, backend="numpy")
    compiled(W, U, H, xs(5))
    before, _, inside = compiled.source.partition("for t")
    assert "= u @ " in before
    assert "= u @ " not in inside


def test_a_body_that_counts() -> None:
    """A body that indexes a list by the step is called for each step, as eagerly."""
    table = [1.0, 2.0, 3.0]

    def function(x: Any) -> Any:
        return fori_loop(0, 3, lambda i, c: c * table[i] + x, x)

    same(jit(function, backend="numpy")(2.0), function(2.0))


def test_a_carry_of_another_structure_is_refused() -> None:
    """The error is that of an eager call."""
    for call in (lambda f: f, jit):
        with pytest.raises(TypeError, match="let it keep the structure and shapes"):
            call(lambda x: scan(lambda c, v: ((c, v), None), 0.0, x))(np.ones(3))


def test_no_derivative_flows_into_a_carry_that_no_step_uses() -> None:
    """An infinite first carry, which the first step replaces, has no effect on the gradient, as eagerly."""

    def f(x: Any, y: Any, zero: Any) -> Any:
        return scan(lambda c, row: (tanh((-row).sum()), None), (1.0 - y) / zero, x)[0]

    gradient = jit(grad(f, argnums=(0, 1)))
    for n in (3, 4):
        with np.errstate(all="ignore"):
            found = gradient(np.zeros((n, 2)), 0.5, 0.0)
        np.testing.assert_array_equal(found[0], [[0.0, 0.0]] * (n - 1) + [[-1.0, -1.0]])
        assert found[1] == 0.0
    assert gradient.report().compilations == 1


@pytest.mark.parametrize("backend", ["numpy", "loops"])
def test_a_derivative_that_needs_the_number_of_steps_alone(backend: str) -> None:
    """The loop that goes back comes after the one that counts, though it needs nothing that this computes."""

    def f(w: Any, x: Any) -> Any:
        total = autograd.sum(x)
        return while_loop(lambda s: s[1] < 1.0, lambda s: (tanh(total), s[1] + 0.75), (w, w))[1]

    function, x = on(backend, grad(f), -0.5, np.full(1000, 0.1)), np.full(1200, 0.1)
    assert [function(w, x) for w in (-0.5, 2.0)] == [1.0, 1.0]
