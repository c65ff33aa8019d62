"""Lookups in programs: choices by a computed index become table lookups and sums by index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from loops_backend import loops as loops
from loops_backend import on

import autograd
from autograd import cond, grad, jit, scan, take, value_and_grad, vmap

Function = Callable[..., Any]

RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(10, 3))
INDICES = np.array([0, 3, 3, 9, -1])


def rows(table: Any, indices: Any) -> Any:
    """Return rows of a table."""
    return take(table, indices, axis=0)


def squares(table: Any, indices: Any) -> Any:
    """Return the sum of the squares of rows of a table."""
    return np.sum(take(table, indices, axis=0) ** 2)


def by_sample(table: Any, indices: Any) -> Any:
    """Return a loss over the rows of samples."""
    return (np.tanh(vmap(lambda i: take(table, i, axis=0))(indices)) ** 3).sum()


def clipped(table: Any, indices: Any) -> Any:
    """Return elements of the columns, with indices moved inside."""
    return take(table, indices, axis=0, mode="clip") * 2.0


def along_columns(table: Any, indices: Any) -> Any:
    """Return columns of the transposed table."""
    return take(table.T, indices, axis=1, mode="wrap")


LOOKUPS: dict[str, tuple[Function, str]] = {
    "rows": (rows, "picked"),
    "squares": (squares, "picked"),
    "gradient of squares": (grad(squares), "added_up"),
    "samples": (by_sample, "picked"),
    "gradient of samples": (grad(by_sample), "added_up"),
    "clipped": (clipped, "picked"),
    "along columns": (along_columns, "picked"),
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_lookups_are_found(name: str) -> None:
    """A program looks up by index, and has no array of as many choices."""
    f, word = LOOKUPS[name]
    compiled = jit(f, backend="numpy")
    for indices in (INDICES, INDICES[::-1], np.full(5, 4)):
        np.testing.assert_allclose(compiled(TABLE, indices), f(TABLE, indices), rtol=1e-12)
    assert f"{word}(" in compiled.source
    assert "== c" not in compiled.source


@pytest.mark.parametrize("name", LOOKUPS)
@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_lookups_in_loops(name: str, backend: str) -> None:
    """The loops for Numba look up by index as well, also one by one."""
    if backend == "numba":
        pytest.importorskip("numba")
    f, _ = LOOKUPS[name]
    for indices in (INDICES, np.array([7]) if "samples" in name else np.array(7)):
        compiled = on(backend, f, TABLE, indices)
        for other in (indices, indices * 0 + 2):
            np.testing.assert_allclose(compiled(TABLE, other), f(TABLE, other), rtol=1e-12)


def chosen(x: Any, index: Any) -> Any:
    """Return choices written by hand, of which an index need not meet any."""
    return autograd.sum([autograd.where(index == float(k), x[k], 0.0) for k in range(10)])


def histogram(x: Any, indices: Any) -> Any:
    """Return sums by index written by hand."""
    pairs = list(zip(indices, x, strict=True))
    sums = [autograd.sum([autograd.where(i == float(k), v, 0.0) for i, v in pairs]) for k in range(9)]
    return np.array(sums) if not isinstance(sums[0], autograd.Value) else np.stack(sums)


@pytest.mark.parametrize("backend", ["numpy", "loops"])
def test_as_few_lookups_as_there_are_indices(backend: str) -> None:
    """Indices that are traced one by one look up elements, and what flows back is added up by index."""
    table, indices = np.linspace(-1.0, 2.0, 12) ** 3, np.array([1.0, 3.0, 5.0, 3.0])

    def f(table: Any, indices: Any) -> Any:
        return (take(table, indices) ** 2).sum()

    found = on(backend, value_and_grad(f), table, indices)(table, indices)
    slopes = np.zeros(12)
    np.add.at(slopes, [1, 3, 5, 3], 2.0 * table[[1, 3, 5, 3]])
    np.testing.assert_allclose(found[0], (table[[1, 3, 5, 3]] ** 2).sum(), rtol=1e-14)
    np.testing.assert_allclose(found[1], slopes, rtol=1e-14)
    elements = on(backend, take, table, indices)(table, indices)
    assert elements.tolist() == table[[1, 3, 5, 3]].tolist()


def test_an_index_that_is_compared_with_samples() -> None:
    """Choices by numbers that vary along an axis are no lookup: they are not known to be 0, 1, 2, ..."""
    x, index = np.arange(10.0) * 1.5, np.arange(10.0)[::-1].copy()

    def f(x: Any, index: Any) -> Any:
        return vmap(lambda a: np.where(index == a, x, 0.0).sum())(np.arange(10.0))

    f_compiled = jit(f, backend="numpy")
    assert f_compiled(x, index).tolist() == x[::-1].tolist()
    assert "picked" not in f_compiled.source


@pytest.mark.parametrize("backend", ["numpy", "loops"])
def test_choices_by_hand(backend: str) -> None:
    """An index that is none of the choices, such as 2.5, -1, 10 or nan, gives 0 as before."""
    x = np.arange(10.0) + 1.0
    compiled = on(backend, chosen, x, 3.0)
    if backend == "numpy":
        assert "picked(" in compiled.source
    for index, expected in [
        (3.0, 4.0),
        (0.0, 1.0),
        (9.0, 10.0),
        (2.5, 0.0),
        (-1.0, 0.0),
        (10.0, 0.0),
        (np.nan, 0.0),
    ]:
        assert compiled(x, index) == expected
    for index in (np.inf, -np.inf, 1e300):
        assert compiled(x, index) == 0.0
    indices = np.array([1.0, 8.0, 1.0, 8.5, -1.0, 9.0, np.nan, 0.0, np.inf, 1.0])
    summed = on(backend, histogram, x, np.zeros(10))
    if backend == "numpy":
        assert "added_up(" in summed.source
    np.testing.assert_array_equal(summed(x, indices), [8.0, 14.0, *[0.0] * 6, 2.0])


def test_what_stays_a_choice() -> None:
    """Few choices stay, and those that are used or returned themselves."""

    def of_few(x: Any, index: Any) -> Any:
        return autograd.sum([autograd.where(index == float(k), x[k], 0.0) for k in range(5)])

    def of_used(x: Any, index: Any) -> Any:
        choices = np.stack([autograd.where(index == float(k), x[k], 0.0) for k in range(10)])
        return choices.sum(), choices * 2.0

    def of_others(x: Any, index: Any) -> Any:
        return autograd.sum([autograd.where(index == float(k + 1), x[k], 0.0) for k in range(10)])

    x = np.arange(10.0) + 1.0
    for f, expected in ((of_few, 3.0), (of_others, 2.0)):
        compiled = jit(f, backend="numpy")
        assert compiled(x, 2.0) == expected
        assert "picked(" not in compiled.source
    compiled = jit(of_used, backend="numpy")
    total, choices = compiled(x, 2.0)
    assert total == 3.0
    np.testing.assert_array_equal(choices, [0.0, 0.0, 6.0, *[0.0] * 7])
    assert "picked(" not in compiled.source


def test_lookups_in_a_loop() -> None:
    """A loop looks up by what it carries and by what it is given; gradients add up over the steps."""

    def walk(table: Any, indices: Any) -> Any:
        def body(carry: Any, i: Any) -> Any:
            at, total = carry
            row = take(table, i, axis=0, mode="clip")
            step = cond(row[0] > 0.0, lambda: at + 1.0, lambda: at)
            return (step, total + take(table[:, 1], at, mode="clip") * row[2]), total

        (_, total), kept = scan(body, (0.0, 0.0), indices)
        return total + kept.sum()

    indices = np.array([0, 9, 4, 4, 2, 7])
    compiled = jit(value_and_grad(walk), backend="numpy")
    for of in (indices, indices[::-1]):
        found, expected = compiled(TABLE, of), value_and_grad(walk)(TABLE, of)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-14)


def test_memory_does_not_grow_with_the_table() -> None:
    """What a program computes for a lookup of many samples is as large as the result."""
    f = jit(by_sample, backend="numpy")
    table, indices = RANDOM.normal(size=(40, 2)), RANDOM.integers(0, 40, 1000)
    np.testing.assert_allclose(f(table, indices), (np.tanh(table[indices]) ** 3).sum())
    assert "40" not in f.source[f.source.index("def program") :].replace("+ 40.0", "")
