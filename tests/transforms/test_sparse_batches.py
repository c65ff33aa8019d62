from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

import autograd
from autograd import grad, hessian, jacobian, jit, vmap
from autograd.compiler import findings
from autograd.transforms import sparse_batches
from autograd.transforms.sweeps import push

ROWS = np.array([0, 0, 3, 2, -1, 1])
OTHERS = np.array([0, 1, 3, 0, -1, 2])
FACTORS = np.linspace(-1.0, 1.5, 6)


def points(count: int = 4) -> Any:
    """Return an array of rows."""
    return np.random.default_rng(2).uniform(0.5, 1.5, (count, 3))


def weights(count: int = 6) -> Any:
    """Return a vector."""
    return np.linspace(0.5, 2.0, count)


def of_pair(r: Any, q: Any, factor: Any, w: Any) -> Any:
    """Return numbers of one sample, of which some do not depend on some arguments."""
    return np.array([r[0] * q[1] + factor * r[2], w * autograd.exp(r[0]), factor * 2.0])


def residuals(x: Any, w: Any) -> Any:
    """Return results of samples, each of which depends on a few rows."""
    return {"pairs": vmap(of_pair)(x[ROWS], x[OTHERS], FACTORS, w), "weights": 1.0 - w * w}


def leaves(tree: Any) -> list[Any]:
    """Return the matrices or arrays of a tree."""
    if isinstance(tree, dict | list | tuple):
        return [leaf for part in (tree.values() if isinstance(tree, dict) else tree) for leaf in leaves(part)]
    return [tree]


def check(found: Any, dense: Any) -> None:
    """Compare sparse matrices with dense arrays, and their places with those of an eager call."""
    for matrix, array in zip(leaves(found), leaves(dense), strict=True):
        assert isinstance(matrix, csr_array)
        assert matrix.has_canonical_format
        np.testing.assert_allclose(matrix.toarray(), np.reshape(array, matrix.shape), rtol=1e-12, atol=1e-12)


def traced(compiled: Any) -> int:
    """Return how many operations the program of the last call was traced with."""
    count: int = compiled.report().traced
    return count


@pytest.mark.parametrize("mode", ["fwd", "rev", None])
def test_blocks_of_samples(mode: str | None) -> None:
    """A sample's block is computed along the axis of the samples, with the places of an eager call."""
    compiled = jit(jacobian(residuals, argnums=(0, 1), mode=mode, sparse=True), backend="numpy")
    for scale in (1.0, 2.0):
        x, w = scale * points(), scale * weights()
        found = compiled(x, w)
        check(found, jacobian(residuals, argnums=(0, 1))(x, w))
        eager = jacobian(residuals, argnums=(0, 1), sparse=True)(x, w)
        assert [m.nnz for m in leaves(found)] == [m.nnz for m in leaves(eager)] == [24, 6, 0, 6]
    assert "np.take(" in compiled.source


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_backends(backend: str) -> None:
    """Either backend gives the same matrices, at the first call and after it has compiled."""
    if backend == "numba":
        pytest.importorskip("numba")
    compiled = jit(jacobian(residuals, argnums=(0, 1), sparse=True), backend=backend)
    dense = jacobian(residuals, argnums=(0, 1))(points(), weights())
    check(compiled(points(), weights()), dense)
    compiled.wait()
    assert compiled.report().backend == backend
    check(compiled(points(), weights()), dense)


def test_a_sweep_for_each_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are as many sweeps as a sample's block needs, whatever the number of samples."""
    sweeps = []

    def counted(*args: Any, **options: Any) -> Any:
        sweeps.append(args)
        return push(*args, **options)

    monkeypatch.setattr(sparse_batches, "push", counted)
    jit(jacobian(residuals, argnums=(0, 1), mode="fwd", sparse=True))(points(), weights())
    assert len(sweeps) == 3


def test_a_trace_does_not_grow_with_the_samples() -> None:
    """For a hundred times as many samples, the same operations are traced."""
    counts = []
    for samples in (20, 2000):
        rows = np.arange(samples) % 7

        def f(x: Any, w: Any, rows: Any = rows) -> Any:
            return vmap(lambda r, w: w * r[0] * r[1] - r[2])(x[rows], w)

        compiled = jit(jacobian(f, argnums=(0, 1), sparse=True), backend="numpy")
        by_x, by_w = compiled(points(7), weights(samples))
        assert (by_x.nnz, by_w.nnz) == (3 * samples, samples)
        counts.append(traced(compiled))
    assert counts[0] == counts[1] < 40


def test_another_number_of_samples() -> None:
    """Arguments of other lengths have other places, and compile again."""
    compiled = jit(jacobian(lambda x: vmap(lambda r: r[0] * r[1:])(x), sparse=True), backend="numpy")
    for count in (4, 9, 4):
        check(compiled(points(count)), jacobian(lambda x: x[:, :1] * x[:, 1:])(points(count)))


def test_rows_that_are_taken_twice() -> None:
    """What a sample has of one row by two ways is added up, in one place."""

    def f(x: Any) -> Any:
        return vmap(lambda r, q: r[0] * q[0] + q[1])(x[ROWS], x[OTHERS])

    found = jit(jacobian(f, sparse=True))(points())
    check(found, jacobian(f)(points()))
    assert found.nnz == 6 + 6 + int((ROWS != OTHERS).sum())


def test_arguments_that_are_not_differentiated() -> None:
    """Other arguments, along the axis or not, are inputs of the program as always."""

    def f(x: Any, data: Any, scale: Any) -> Any:
        return vmap(lambda r, d: scale * r * d)(x[ROWS], data)

    compiled = jit(jacobian(f, sparse=True), backend="numpy")
    for scale in (2.0, 3.0):
        data = scale * points(6)
        check(compiled(points(), data, scale), jacobian(f)(points(), data, scale))
    assert traced(compiled) < 40


def test_trees() -> None:
    """Arguments and results may be trees, with a matrix for each pair of leaves."""

    def f(p: Any) -> Any:
        return vmap(lambda r, w: (r * w, {"first": r[0]}))(p["x"][ROWS], p["w"])

    p = {"x": points(), "w": weights()}
    found = jit(jacobian(f, sparse=True), backend="numpy")(p)
    dense = jacobian(f)(p)
    assert (list(found[0]), list(found[1]["first"])) == (["x", "w"], ["x", "w"])
    check(found, dense)


def test_in_another_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """What was found in a program is kept on disk, with the rows that it takes."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    monkeypatch.setattr(findings, "LONG", 0.0)
    expected = jacobian(residuals)(points(), weights())
    for _ in range(2):
        findings.forget()
        check(jit(jacobian(residuals, sparse=True))(points(), weights()), expected)
    other = jit(jacobian(lambda x: vmap(lambda r: r[0] * r[1])(x[OTHERS]), sparse=True))
    check(other(points()), jacobian(lambda x: x[OTHERS, 0] * x[OTHERS, 1])(points()))


ONE_BY_ONE: dict[str, Callable[[Any], Any]] = {
    "a sum over samples": lambda x: vmap(lambda r: r[0] * r[1])(x).sum(),
    "a sum beside them": lambda x: {"each": vmap(lambda r: r[0] * r[1])(x), "all": (x * x).sum()},
    "a mean taken off": lambda x: vmap(lambda r, m: r * m, in_axes=(0, None))(x, (x * x).mean(axis=0)),
    "slices": lambda x: x[1:] * x[:-1],
    "backwards": lambda x: vmap(lambda r: r * r)(x[::-1]),
    "an element": lambda x: vmap(lambda r: r * r)(x) * x[0, 0],
    "rows of what is computed": lambda x: vmap(lambda r: r * r)((x * x)[ROWS]),
    "a mask": lambda x: vmap(lambda r: r * r)(x[np.array([True, False, True, True])]),
    "pairs": lambda x: vmap(lambda r: vmap(lambda q: r[0] * q[1])(x))(x),
    "a constant": lambda x: (np.ones(3), vmap(lambda r: r[0] ** 2)(x)),
    "numbers": lambda x: [row[0] * row[1] for row in x],
    "another axis": lambda x: vmap(lambda c: c * c[0], in_axes=1, out_axes=1)(x),
    "a transpose": lambda x: vmap(lambda r: r * r[0])(x).T,
    "its own transpose": lambda x: 2.0 * x.T,
    "a row of all": lambda x: np.concatenate([x.ravel(), x.sum(axis=0)]),
}


@pytest.mark.parametrize("f", ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_numbers_that_are_needed_one_by_one(f: Callable[[Any], Any]) -> None:
    """Where samples depend on one another, or rows are not taken by constants, the numbers are the same."""
    found = jit(jacobian(f, sparse=True), backend="numpy")(points())
    check(found, jacobian(f)(points()))


ELEMENT_WISE: dict[str, Callable[[Any], Any]] = {
    "the argument": lambda x: x,
    "rows of it": lambda x: x[ROWS],
    "rows of rows": lambda x: vmap(lambda r: r * r)(x[ROWS][np.array([2, 2, 0])]),
    "no samples of it": lambda x: vmap(lambda r: r * r)(x[ROWS])[:, 0],
    "functions of NumPy": lambda x: np.where(x > 1.0, np.sin(x), x**3),
    "beside a batch": lambda x: vmap(lambda r: r * r[0])(x) * x + np.where(x > 1.0, x, x[:, :1] ** 2),
    "columns": lambda x: x[:, 0] * x[:, 1:].sum(axis=1),
    "computed before": lambda x: vmap(lambda r: r[0] * r[1])(2.0 * x),
    "sums within samples": lambda x: (x * x).sum(axis=1),
}


@pytest.mark.parametrize("f", ELEMENT_WISE.values(), ids=ELEMENT_WISE)
def test_what_acts_on_each_sample(f: Callable[[Any], Any]) -> None:
    """Functions of whole arrays that act on each row alike are as good as those that vmap maps."""
    compiled = jit(jacobian(f, sparse=True), backend="numpy")
    found = compiled(points(40))
    check(found, jacobian(f)(points(40)))
    assert found.nnz <= 3 * found.shape[0]


def test_what_is_asked_of_the_argument() -> None:
    """Its shape, its length, functions of NumPy, a branch that has it, and the same rows twice."""

    def f(x: Any) -> Any:
        scaled = vmap(lambda r: r * r)(x) * float(x.shape[1])
        chosen = vmap(lambda r: autograd.cond(r[0] > 0.0, lambda: x * r, lambda: x))(x)
        pairs = vmap(lambda r, q: r * q)(x[ROWS], x[ROWS])
        return np.clip(x, 0.0, 1.0), scaled, chosen, pairs

    check(jit(jacobian(f, sparse=True), backend="numpy")(points()), jacobian(f)(points()))


def test_a_sum_by_numpy_over_each_row() -> None:
    """A function of NumPy that is called with the argument goes along its rows."""
    check(
        jit(jacobian(lambda x: np.sum(x, axis=1), sparse=True), backend="numpy")(points()),
        jacobian(lambda x: np.sum(x, axis=1))(points()),
    )


def test_a_shape_of_the_argument() -> None:
    """It may be reckoned with."""

    def f(x: Any) -> Any:
        return vmap(lambda r: r * r)(x) * float(x.shape[1])

    check(jit(jacobian(f, sparse=True), backend="numpy")(points()), jacobian(f)(points()))


def coupled(r: Any, q: Any, factor: Any) -> Any:
    """Return a number of a sample, which is linear in some of its arguments."""
    return factor * autograd.exp(r[0]) * q[1] + r[2] * q[2] + 3.0 * q[0]


SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "rows": lambda x, w: vmap(coupled)(x[ROWS], x[OTHERS], FACTORS).sum(),
    "two arguments": lambda x, w: vmap(lambda r, w: w * r[0] ** 2 + w**3)(x[ROWS], w).sum(),
    "two sums": lambda x, w: vmap(coupled)(x[ROWS], x[OTHERS], FACTORS).sum() + 0.5 * (w * w).sum(),
    "a mean, and a penalty of all": lambda x, w: vmap(lambda r: r[0] * r[1])(x[ROWS]).mean() + (x**2).sum(),
    "a scaled sum": lambda x, w: -2.0 * vmap(lambda r, w: autograd.sin(w * r[0]))(x[ROWS], w).sum() + 1.0,
    "sums within samples": lambda x, w: np.log((x * x).sum(axis=1)).sum(),
    "linear": lambda x, w: vmap(lambda r, w: r[0] + 2.0 * w)(x[ROWS], w).sum(),
}


@pytest.mark.parametrize("f", SUMS.values(), ids=SUMS)
def test_hessians_of_sums_over_samples(f: Callable[[Any, Any], Any]) -> None:
    """The Hessian of a sum is that of a sample, along the axis, with the places of an eager call."""
    compiled = jit(hessian(f, argnums=(0, 1), sparse=True), backend="numpy")
    for scale in (1.0, 1.5):
        x, w = scale * points(), scale * weights()
        found = compiled(x, w)
        check(found, hessian(f, argnums=(0, 1))(x, w))
        eager = hessian(f, argnums=(0, 1), sparse=True)(x, w)
        assert [m.nnz for m in leaves(found)] == [m.nnz for m in leaves(eager)]
    assert traced(compiled) < 60


def test_a_hessian_of_one_argument() -> None:
    """For a single argument there is a single matrix, or one for each pair of its leaves."""
    f = SUMS["two sums"]
    check([jit(hessian(f, sparse=True))(points(), weights())], [hessian(f)(points(), weights())])
    p = {"x": points(), "w": weights()}
    found = jit(hessian(lambda p: f(p["x"], p["w"]), sparse=True), backend="numpy")(p)
    assert {key: list(row) for key, row in found.items()} == {"x": ["x", "w"], "w": ["x", "w"]}
    check(found, hessian(lambda p: f(p["x"], p["w"]))(p))


def test_a_hessian_by_samples_of_two_calls() -> None:
    """Samples may come from several calls of `vmap`, and have factors that are made of pairs of them."""

    def f(x: Any, y: Any, data: Any) -> Any:
        cubes, left = vmap(lambda v, k: (v**3, 2.0 * k))(x, data)
        squares, right = vmap(lambda v, k: (v**2, k + 1.0))(y, data)
        return (cubes * squares * ((left[:, None] - right) ** 2).sum(axis=1)).sum()

    given = weights(4), weights(4)[::-1], np.linspace(-1.0, 1.0, 4)
    found = jit(hessian(f, argnums=(0, 1), sparse=True), backend="numpy")(*given)
    check(found, hessian(f, argnums=(0, 1))(*given))
    assert [matrix.nnz for matrix in leaves(found)] == [4, 4, 4, 4]


def test_a_hessian_does_not_grow_with_the_samples() -> None:
    """For a hundred times as many samples, the same operations are traced."""
    counts = []
    for samples in (20, 2000):
        rows = np.arange(samples) % 7
        f = jit(
            hessian(lambda x, rows=rows: vmap(lambda r: r[0] * r[1] ** 2)(x[rows]).sum(), sparse=True),
            backend="numpy",
        )
        assert f(points(7)).nnz == 7 * 3
        counts.append(traced(f))
    assert counts[0] == counts[1] < 60


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.log(vmap(lambda r: r[0] * r[1])(x).sum()),
        lambda x: vmap(lambda r: r[0] * r[1])(x).sum() * x[0, 0],
        lambda x: (vmap(lambda r: r[0] ** 2)(x).sum() * vmap(lambda r: r[1] ** 2)(x).sum()) ** 0.5,
        lambda x: vmap(lambda r, m: r[0] * m[0], in_axes=(0, None))(x, x.mean(axis=0)).sum(),
        lambda x: x[0, 0] ** 2,
        lambda x: 1.0,
    ],
    ids=["a logarithm", "a factor", "a product", "a mean within", "an element", "a constant"],
)
def test_hessians_of_samples_that_depend_on_one_another(f: Callable[[Any], Any]) -> None:
    """Where what is added up is not added up at last, the numbers are the same."""
    check([jit(hessian(f, sparse=True), backend="numpy")(points())], [hessian(f)(points())])


def test_part_of_a_compiled_function() -> None:
    """A function that uses the numbers of the matrix, or differentiates them, gets them one by one."""

    def f(x: Any) -> Any:
        return vmap(lambda r: r[0] * r[1:])(x[ROWS])

    dense = jacobian(f)(points()).reshape(12, 12)
    product = jit(lambda x: jacobian(f, sparse=True)(x) @ x.ravel())(points())
    np.testing.assert_allclose(product, dense @ points().ravel(), rtol=1e-12)
    slope = jit(grad(lambda x: (jacobian(f, sparse=True)(x).data ** 2).sum()))(points())
    expected = grad(lambda x: (jacobian(f)(x) ** 2).sum())(points())
    np.testing.assert_allclose(slope, expected, rtol=1e-12)
    both = jit(lambda x: (jacobian(f, sparse=True)(x), x.sum()))(points())
    check([both[0]], [dense])


def test_indices_beyond_the_end() -> None:
    """An index beyond the end raises as NumPy does."""
    with pytest.raises(IndexError, match="out of bounds"):
        jit(jacobian(lambda x: vmap(lambda r: r * r)(x[np.array([0, 4])]), sparse=True))(points())


def test_rows_of_arguments_without_derivatives() -> None:
    """Constant indices take rows of any argument of a compiled batch, which stays whole."""

    def f(x: Any, w: Any) -> Any:
        return vmap(lambda r, w: w * r.sum())(x[ROWS], w)

    compiled = jit(f, backend="numpy")
    np.testing.assert_allclose(compiled(points(), weights()), weights() * points()[ROWS].sum(axis=1))
    assert traced(compiled) < 10
    np.testing.assert_allclose(
        jit(grad(lambda w: f(points(), w).sum()))(weights()), points()[ROWS].sum(axis=1)
    )
    sliced = jit(lambda x: vmap(lambda c: c[0] * c[1], in_axes=1)(x[ROWS]))(points())
    np.testing.assert_allclose(sliced, points()[0] * points()[0])
    np.testing.assert_array_equal(jit(lambda x: x[ROWS])(points()), points()[ROWS])
