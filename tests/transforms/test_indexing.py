"""`take`: elements by integers, with JAX's modes, and gradients that add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, as_values, grad, hessian, jit, take, vmap

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.usefixtures("jax_in_doubles")

TABLE = np.random.default_rng(0).normal(size=(3, 4, 2))
ROWS = {
    "one": 1,
    "the last": -1,
    "none": np.zeros(0, dtype=int),
    "several": np.array([2, 0, 2]),
    "a matrix": np.array([[0, 1], [1, -2]]),
}
FAR = {"too large": 9, "too small": -9, "some": np.array([[0, 4], [-5, -1]])}


@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1])
@pytest.mark.parametrize("rows", ROWS)
def test_elements(rows: str, axis: int | None) -> None:
    """The elements, and their gradients, are those of JAX, for each axis and shape of indices."""
    of = np.clip(np.asarray(ROWS[rows]), -2, 1)
    expected = jax.numpy.take(TABLE, of, axis=axis)
    found = take(TABLE, of, axis=axis)
    assert np.shape(found) == expected.shape
    np.testing.assert_array_equal(found, expected)
    weights = np.random.default_rng(1).normal(size=expected.shape)

    def total(f: Any, take: Any, table: Any) -> Any:
        return f.sum(take(table, of, axis=axis) ** 2 * weights)

    slope = grad(lambda table: total(np, take, table))(TABLE)
    reference = jax.grad(lambda table: total(jax.numpy, jax.numpy.take, table))(TABLE)
    np.testing.assert_allclose(slope, reference, rtol=1e-12)


@pytest.mark.parametrize("mode", ["clip", "fill", "wrap"])
@pytest.mark.parametrize("rows", [*ROWS, *FAR])
@pytest.mark.parametrize("axis", [None, 1])
def test_modes(rows: str, mode: str, axis: int | None) -> None:
    """Beyond the end the mode says what is taken, as in JAX, and with which gradient."""
    of = (ROWS | FAR)[rows]
    for fill in (None, 7.0):
        expected = jax.numpy.take(TABLE, of, axis=axis, mode=mode, fill_value=fill)
        np.testing.assert_array_equal(take(TABLE, of, axis=axis, mode=mode, fill_value=fill), expected)

        def total(f: Any, take: Any, table: Any) -> Any:
            return f.sum(take(table, of, axis=axis, mode=mode, fill_value=3.0) ** 2)

        reference = jax.grad(lambda table: total(jax.numpy, jax.numpy.take, table))(TABLE)
        found = grad(lambda table: total(np, take, table))(TABLE) if np.size(np.asarray(of)) else 0.0 * TABLE
        np.testing.assert_allclose(found, reference, rtol=1e-12)


def test_lists_of_values() -> None:
    """A list of Values is indexed as an array is; what is taken are the Values themselves."""
    x, y = Value(2.0), Value(3.0)
    assert take([x, y], 1) is y
    taken = take([x, 5.0, y], [2, 0, 2])
    assert taken.tolist() == [y, x, y]
    (taken * np.array([1.0, 2.0, 4.0])).sum().backward()
    assert (x.grad, y.grad) == (2.0, 5.0)
    assert take([1, 2, 3], [0, 2]).dtype.kind == "i"
    table = as_values(TABLE)
    assert take(table, 1, axis=0)[2, 1] is table[1, 2, 1]


def test_indices() -> None:
    """A Value of a whole number is an index; other numbers and truth values are not."""
    a = np.array([1.0, 2.0, 3.0])
    assert take(a, Value(2.0)) == 3.0
    np.testing.assert_array_equal(take(a, [Value(2.0), 0]), [3.0, 1.0])
    for wrong in (0.5, Value(0.5), [0.0], "x"):
        with pytest.raises(TypeError, match="an index of take to be an integer, got"):
            take(a, wrong)
    with pytest.raises(
        IndexError, match=r"from -3 to 2, since there are 3 elements, got 5; pass mode='clip'"
    ):
        take(a, [0, 5])
    with pytest.raises(ValueError, match="'fill', 'clip', 'wrap' or None, got 'nearest'"):
        take(a, 0, mode="nearest")
    with pytest.raises(ValueError, match="axis from -1 to 0, got 1"):
        take(a, 0, axis=1)


def test_under_transformations() -> None:
    """Under jit and vmap, and in second derivatives, known integers index as they do eagerly."""

    def loss(table: Any) -> Any:
        return (take(table, [0, 2, 0], axis=1) ** 3).sum()

    for f in (loss, grad(loss), hessian(loss)):
        np.testing.assert_allclose(jit(f)(TABLE[:2]), f(TABLE[:2]), rtol=1e-12)
    indices = np.array([1, 0, 3])
    found = vmap(lambda i: take(TABLE, i, axis=1))(indices)
    np.testing.assert_array_equal(found, jax.vmap(lambda i: jax.numpy.take(TABLE, i, axis=1))(indices))
    mapped = vmap(grad(lambda row, i: autograd.exp(take(row, i))), in_axes=(0, None))(TABLE[0], 1)
    np.testing.assert_allclose(mapped, np.exp(TABLE[0, :, 1:]) * [[0.0, 1.0]])
