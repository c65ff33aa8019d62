"""Chains of subtractions: where they subtract many terms, these are one sum, as those of additions are."""

# The names are those of the lecture notes.
# ruff: noqa: N803, N806

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from comparing import same
from hypothesis import given, settings
from hypothesis import strategies as st
from loops_backend import loops as loops
from loops_backend import on

from autograd import Value, jit, log, sigmoid, value_and_grad
from autograd.compiler.passes.reductions import find_reductions
from autograd.compiler.trace.tape import tape_of

RNG = np.random.default_rng(0)

UPDATES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "added": lambda J, y, a: J + -(y * log(a) + (1.0 - y) * log(1.0 - a)),
    "subtracted": lambda J, y, a: J - (y * log(a) + (1.0 - y) * log(1.0 - a)),
    "two terms": lambda J, y, a: J - y * log(a) - (1.0 - y) * log(1.0 - a),
    "mixed": lambda J, y, a: J - y * log(a) + (y - 1.0) * log(1.0 - a),
}


def logistic_cost(update: Callable[[Any, Any, Any], Any]) -> Callable[..., Any]:
    """Return the cost of a logistic neuron by a loop over samples (D3), by one way to add up or another."""

    def cost(w: Any, b: Any, X: Any, Y: Any) -> Any:
        J = 0.0
        for i in range(len(Y)):
            J = update(J, Y[i], sigmoid(w[0] * X[0, i] + w[1] * X[1, i] + b))
        return J / len(Y)

    return cost


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("count", [5, 64, 600])
def test_a_loop_over_samples_is_a_sum(name: str, count: int) -> None:
    """In the loop of the notes J - a is as good as J + a: its program has no loop, and not more lines."""
    X, Y = RNG.standard_normal((2, count)), (RNG.random(count) > 0.5) * 1.0
    args = np.array([0.3, -0.2]), 0.1, X, Y

    def compiled(update: Callable[[Any, Any, Any], Any]) -> tuple[Any, str]:
        f = jit(value_and_grad(logistic_cost(update), argnums=(0, 1)), backend="numpy")
        return f(*args), f.source

    found, text = compiled(UPDATES[name])
    _, of_added = compiled(UPDATES["added"])
    assert "for " not in text
    assert len(text.splitlines()) <= len(of_added.splitlines()) + 1
    eager = value_and_grad(logistic_cost(UPDATES[name]), argnums=(0, 1))
    same(found, eager(*args), 1e-12)


def names_of(f: Callable[[list[Value]], Sequence[Value]], count: int = 8) -> list[str]:
    """Return the operations of a function of some numbers, once its sums are found."""
    x = [Value(1.0 + i) for i in range(count)]
    return [op.name for op in find_reductions(tape_of([*f(x)], [x])).tape.ops if op]


def test_what_is_subtracted_is_one_sum() -> None:
    """So it is among additions, and of products it is a product of arrays; what is added is another sum."""
    assert names_of(lambda x: [x[0] - x[1] - x[2] - x[3]]) == ["sum", "sub"]
    mixed = names_of(lambda x: [x[0] - x[1] + x[2] - x[3] + x[4] - x[5]])
    assert mixed == ["sum", "sum", "sub"]
    assert names_of(lambda x: [x[0] - x[1] * x[2] - x[3] * x[4] - x[5] * x[6]]) == ["dot", "sub"]


def test_short_chains_stay() -> None:
    """Two numbers are subtracted one after the other."""
    assert names_of(lambda x: [x[0] - x[1] - x[2]]) == ["sub", "sub"]
    assert names_of(lambda x: [x[0] - x[1] * x[2]]) == ["mul", "sub"]


def test_what_is_used_elsewhere_stays() -> None:
    """A number halfway of a chain that is a result, too, begins another chain."""

    def f(x: list[Value]) -> list[Value]:
        half = x[0] - x[1] - x[2] - x[3]
        return [half, half - x[4] - x[5] - x[6]]

    assert names_of(f) == ["sum", "sub", "sum", "sub"]


def test_differences_that_are_added_stay() -> None:
    """The terms of a sum of differences cancel first: 1e16 more in both is no change."""
    assert names_of(lambda x: [(x[0] - x[1]) + (x[2] - x[3]) + (x[4] - x[5])]) == ["sub"] * 3 + ["sum"]
    assert names_of(lambda x: [x[6] - (x[0] - x[1]) - (x[2] - x[3]) - (x[4] - x[5])])[:3] == ["sub"] * 3


def test_a_number_minus_what_was_before_is_a_loop() -> None:
    """In ``J = a - J`` the signs alternate: that is no sum of what is subtracted."""

    def f(x: Any) -> Any:
        J = x[0]
        for i in range(1, 200):
            J = x[i] - J
        return J

    x = RNG.standard_normal(200)
    compiled = jit(f, backend="numpy")
    same(compiled(x), f(x.tolist()), 1e-12)
    assert "for " in compiled.source


NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -2.5, 3.0, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("backend", ["loops", "numpy"])
@settings(max_examples=30)
@given(data=st.data())
def test_any_chain_gives_what_its_loop_gives(backend: str, data: st.DataObject) -> None:
    """So do infinities and nan, numbers that are used twice, and all signs."""
    steps = data.draw(st.lists(st.sampled_from("+-*r/"), min_size=3, max_size=12))
    numbers = np.array(data.draw(st.lists(NUMBERS, min_size=len(steps) + 1, max_size=len(steps) + 1)))

    def f(x: Any) -> Any:
        total, results = x[0], []
        for step, term in zip(steps, [*x[1:]], strict=True):
            match step:
                case "+":
                    total = total + term
                case "-":
                    total = total - term
                case "*":
                    total = total - term * x[0]
                case "r":
                    total = term - total
                case _:
                    results.append(total)
        return [*results, total]

    with np.errstate(all="ignore"):
        found = on(backend, f, numbers)(numbers)
    same([float(v) for v in found], [float(v) for v in f(numbers.tolist())], 1e-12)
