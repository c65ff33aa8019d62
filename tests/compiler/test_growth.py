"""The time to compile is linear in the size of the program, counted in Python instructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from growth import instructions
from loops_backend import interpreted

import autograd
from autograd import value_and_grad, vmap
from autograd.compiler import compile as compiled
from autograd.compiler.arguments.call import Call
from autograd.compiler.arrays.plan import Plan, Results
from autograd.compiler.numba.source import loops_source
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.recording import recorded
from autograd.compiler.runtime.program import Run

SIZE, TIMES = 25, 4

Case = tuple[Callable[..., Any], tuple[Any, ...]]


def numbers(n: int) -> Any:
    """Return an array of n numbers."""
    return np.linspace(-1.0, 1.0, n)


def many_numbers(n: int) -> Case:
    """Return a function of many numbers."""
    return lambda *a: autograd.sum([v * v for v in a]), tuple(numbers(n).tolist())


def many_arrays(n: int) -> Case:
    """Return a function of many arrays."""
    return lambda a: [(v * v).sum() for v in a], ([numbers(3)] * n,)


def many_results(n: int) -> Case:
    """Return a function with many results."""
    return lambda x: [v * np.sin(x[0]) for v in x], (numbers(n),)


def one_result_of_many_arrays(n: int) -> Case:
    """Return a function with one result assembled from many arrays."""

    def f(x: Any) -> Any:
        columns = [np.sin(x)]
        for _ in range(n):
            columns.append(np.sin(columns[-1]) * x)
        return np.concatenate(columns)

    return f, (numbers(3),)


def stacks_of_many_arrays(n: int) -> Case:
    """Return a function of a batch in which the numbers of each sample come from many arrays."""

    def f(x: Any) -> Any:
        columns = [np.sin(x)]
        for _ in range(n):
            columns.append(np.sin(columns[-1]) * x)
        return vmap(lambda row: row.sum())(np.stack(columns, axis=1))

    return f, (numbers(6),)


def a_comparison_for_many(n: int) -> Case:
    """Return a function with a comparison that many loops recompute."""

    def f(x: Any) -> Any:
        is_positive, y, total = [v > 0.0 for v in x], list(x), 0.0
        for _ in range(n):
            y = [np.sin(v) for v in y]
            chosen = zip(is_positive, y, x, strict=True)
            total = total + autograd.sum([autograd.where(c, a, b) for c, a, b in chosen])
        return total

    return f, (numbers(4),)


def a_recurrence(n: int) -> Case:
    """Return the derivative of a loop."""

    def f(x: Any) -> Any:
        h = np.zeros(3)
        for row in x:
            h = np.tanh(h + row)
        return h.sum()

    return value_and_grad(f), (np.ones((n, 3)),)


def equal_samples(n: int) -> Case:
    """Return a chain of batches with equal samples, which are recognised one batch after the other."""

    def f(w: Any) -> Any:
        x = np.stack([w, w])
        for _ in range(n):
            x = vmap(lambda item: item + 1.0)(np.stack([item * 2.0 for item in x]))
        return x[0]

    return f, (1.0,)


CASES = [
    *(many_numbers, many_arrays, many_results, one_result_of_many_arrays, stacks_of_many_arrays),
    *(a_comparison_for_many, a_recurrence, equal_samples),
]


def work(case: Case, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the instructions to compile for NumPy, and to generate the loops for Numba."""
    of_plan: list[tuple[Any, ...]] = []

    def kept(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Run:
        of_plan.append((plan, shapes, results))
        return interpreted(plan, shapes, results)

    # Without the limit on the number of arrays.
    monkeypatch.setattr(compiled, "_MOST_ARRAYS", 10**6)
    monkeypatch.setitem(compiled.BACKENDS, "loops", compiled.Backend(kept, with_numpy))
    f, arguments = case
    with monkeypatch.context() as unrolled:
        # A recurrence that is found needs no loops for Numba.
        unrolled.setattr(compiled, "FEWEST_CLASSES", 10**9)
        with_loops, _, _ = recorded(Call(f, arguments, {}), "loops")
        with_loops.improve()
    return [
        instructions(lambda: recorded(Call(f, arguments, {}), "numpy")),
        instructions(lambda: loops_source(*of_plan[0])),
    ]


@pytest.mark.parametrize("case", CASES)
def test_compiling_takes_in_proportion(case: Callable[[int], Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling a program `TIMES` as long takes at most 1.04 `TIMES` as many instructions."""
    for small, large in zip(
        work(case(SIZE), monkeypatch), work(case(SIZE * TIMES), monkeypatch), strict=True
    ):
        assert large < 1.04 * TIMES * small
