"""`take`: elements by integers, with JAX's modes, and gradients that add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from loops_backend import loops as loops
from loops_backend import on

import autograd
from autograd import Value, as_values, grad, hessian, jit, jvp, scan, take, vmap
from autograd.engine.tracing import tracing
from autograd.show.text.formulas import expression
from autograd.transforms.indexing import Pick

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
    for wrong in (0.5, Value(0.5), [0.5], "x"):
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


# ----------------------------------------------------------------------------- indices that are not known


@pytest.mark.parametrize("mode", [None, "clip", "fill", "wrap"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_indices_of_a_compiled_function(mode: str | None, axis: int | None) -> None:
    """A compiled function takes by an integer argument what JAX takes, beyond the end as well."""
    table = TABLE[:, :, 0]
    for of in (1, -1, 7, -9, np.array([[0, 2], [-2, 5]])):
        options: Any = {"axis": axis, "mode": mode}
        f = jit(lambda table, of: take(table, of, **options), backend="numpy")  # noqa: B023
        np.testing.assert_array_equal(f(table, of), jax.numpy.take(table, of, **options))
        slope = jit(
            grad(lambda table, of: np.sum(take(table, of, fill_value=3.0, **options) ** 2)),  # noqa: B023
            backend="numpy",
        )
        reference = jax.grad(
            lambda table, of: (jax.numpy.take(table, of, fill_value=3.0, **options) ** 2).sum()  # noqa: B023
        )
        np.testing.assert_allclose(slope(table, of), reference(table, of), rtol=1e-12)


def lookups(table: Any, indices: Any) -> Any:
    """Return the loss of a batch of rows of a table."""
    return (np.tanh(vmap(lambda i: take(table, i, axis=0))(indices)) ** 3).sum()


@pytest.mark.parametrize("backend", ["numpy", "loops"])
def test_rows_of_a_table(backend: str) -> None:
    """The rows of a batch, and the gradients that add up for rows taken twice, to second order."""
    table = TABLE[:, :, 0].T
    for f in (lookups, grad(lookups), hessian(lookups)):
        compiled = on(backend, f, table, np.array([0, 1, 2, 3]))
        for indices in ([1, 0, 1, 2], [3, 3, 3, 3], [0, -1, 2, 1]):
            np.testing.assert_allclose(compiled(table, np.array(indices)), f(table, np.array(indices)), 1e-12)


def test_a_loop_that_takes() -> None:
    """A loop takes by the integers it is given, and by those that it carries."""

    def f(a: Any, indices: Any) -> Any:
        def body(carry: Any, i: Any) -> Any:
            total, at = carry
            return (total + take(a, i) * take(a, at, mode="wrap"), at + 1), None

        return scan(body, (0.0, 0), indices)[0][0]

    a = np.array([2.0, 3.0, 5.0])
    compiled = jit(grad(f), backend="numpy")
    for indices in ([0, 2, 1, 1], [2, 2, 2, 0]):
        np.testing.assert_allclose(compiled(a, np.array(indices)), grad(f)(a, np.array(indices)), rtol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "loops"])
def test_nothing_of_other_elements_gets_in(backend: str) -> None:
    """An infinite or nan element that is not taken leaves values and derivatives alone."""

    def f(a: Any, i: Any) -> Any:
        return np.log(take(a, i, mode="clip")) * take(a, i, mode="wrap") * take(a, i)

    a = np.array([np.inf, np.nan, 2.0])
    for g in (f, grad(f), hessian(f), lambda a, i: jvp(lambda a: f(a, i), (a,), (np.ones(3),))[1]):
        found = on(backend, g, a, 1)(a, 2)
        np.testing.assert_allclose(found, g(a, 2), rtol=1e-14)
        assert np.isfinite(found).all()


def test_labels() -> None:
    """The loss of a batch of labels, which are integers, picks the score of each."""

    def loss(scores: Any, labels: Any) -> Any:
        picked = vmap(lambda row, label: autograd.logsumexp(row.tolist()) - take(row, label))
        return picked(scores, labels).sum()

    scores, labels = TABLE[:, :, 1], np.array([3, 0, 1])
    expected = jax.grad(
        lambda scores: (
            jax.nn.logsumexp(scores, axis=1)
            - jax.vmap(lambda row, label: jax.numpy.take(row, label))(scores, labels)
        ).sum()
    )(scores)
    for f in (grad(loss), jit(grad(loss), backend="numpy")):
        np.testing.assert_allclose(f(scores, labels), expected, rtol=1e-12)


def test_the_operation() -> None:
    """To pick is linear, and is evaluated again; elements that are all the same are no choice."""
    i, x, y = Value(1.0, "i"), Value(2.0, "x"), Value(3.0, "y")
    op = Pick()
    assert op.apply(i, x, y) is y
    assert op.apply(0.0, x, y) is x
    with tracing([i, x, y]):
        node: Any = take([x, 7.0, y], i, mode="clip")
        assert expression(node) == "pick(min(max(i, 0), 2), x, 7, y)"
        pulled = node.op.pull(node, 5.0, {x}, {})
        assert [part is None for part in pulled] == [True, False, True, True]
        assert node.op.push(node, [None, None, None, 4.0]).args[1:] == (0.0, 0.0, 4.0)
    empty = jit(lambda i: take([], i, mode="fill", fill_value=3.0), backend="numpy")
    assert empty(2) == 3.0
    f = jit(lambda i, x: take([x, x], i, mode="clip"), backend="numpy")
    assert f(1, 2.0) == 2.0
    assert "sum" not in f.source
