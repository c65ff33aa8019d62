"""Loops in compiled programs: a recurrence is recorded once, and so are its derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparing import same

import autograd
from autograd import (
    fori_loop,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    logsumexp,
    scan,
    tanh,
    value_and_grad,
    vmap,
    where,
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
