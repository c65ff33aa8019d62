"""Ragged sums, as of a triangular matrix and a vector: one product, whatever is in the vector."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from comparing import evaluated, same
from hypothesis import given
from hypothesis import strategies as st
from loops_backend import loops as loops
from loops_backend import on

from autograd import jit, tanh, value_and_grad, vmap
from autograd.compiler import compile as compiled
from autograd.compiler import findings
from autograd.compiler.arrays.layout import lay_out
from autograd.compiler.numpy.source import numpy_source
from autograd.compiler.passes.axes import whole_arguments
from autograd.compiler.passes.ragged import RaggedDot
from autograd.compiler.trace.tape import Tape

RNG = np.random.default_rng(5)


def lower(matrix: Any, x: Any) -> Any:
    """Return the product of a lower triangular matrix and a vector."""
    return np.array([matrix[i, : i + 1] @ x[: i + 1] for i in range(len(x))])


def strictly_lower(matrix: Any, x: Any) -> Any:
    """Return it for ones on the diagonal."""
    return x + np.array([0.0, *[matrix[i, :i] @ x[:i] for i in range(1, len(x))]])


def upper(matrix: Any, x: Any) -> Any:
    """Return the product of an upper triangular matrix and a vector."""
    return np.array([matrix[i, i:] @ x[i:] for i in range(len(x))])


def packed(matrix: Any, x: Any) -> Any:
    """Return the product of a factor whose diagonal is positive, as a mixture of Gaussians has it."""
    below = np.array([sum(matrix[j, i] * x[j] for j in range(i)) for i in range(len(x))])
    return np.exp(matrix[np.arange(len(x)), np.arange(len(x))]) * x + below


def banded(matrix: Any, x: Any) -> Any:
    """Return the product of a matrix with five diagonals, whose rows at the edges are shorter."""
    near = [range(max(0, i - 2), min(len(x), i + 3)) for i in range(len(x))]
    return np.array([sum(matrix[i, j] * x[j] for j in row) for i, row in enumerate(near)])


def scattered(matrix: Any, x: Any) -> Any:
    """Return a product whose rows have some terms, none of them one after the other."""
    rows = [range(i % 2, len(x), 1 + i % 2 + (i == 0)) for i in range(len(x))]
    return np.array([sum(matrix[i, j] * x[j] for j in row[: i + 2]) for i, row in enumerate(rows)])


PRODUCTS = {f.__name__: f for f in (lower, strictly_lower, upper, packed, banded, scattered)}


def squares(product: Callable[..., Any], matrix: Any, x: Any) -> Any:
    """Return a sum over what a product gives."""
    z = product(matrix, x)
    return (z * tanh(z)).sum()


def of_samples(product: Callable[..., Any], matrix: Any, x: Any) -> Any:
    """Return the sum for several vectors."""
    return vmap(partial(squares, product), in_axes=(None, 0))(matrix, x).sum()


def of_pairs(product: Callable[..., Any], matrix: Any, x: Any) -> Any:
    """Return a sum for several matrices and several vectors."""

    def of_vector(matrices: Any, x: Any) -> Any:
        def of_matrix(matrix: Any, x: Any) -> Any:
            return squares(product, matrix, x - matrix[0])

        return tanh(vmap(of_matrix, in_axes=(0, None))(matrices, x)).sum()

    return vmap(of_vector, in_axes=(None, 0))(matrix, x).sum()


FORMS = {"one": (squares, (), ()), "samples": (of_samples, (), (7,)), "pairs": (of_pairs, (3,), (7,))}


def program(name: str, form: str, size: int) -> tuple[Callable[..., Any], Any, Any]:
    """Return a value with its gradient, and arguments."""
    f, matrices, vectors = FORMS[form]
    matrix, x = RNG.normal(size=(*matrices, size, size)), RNG.normal(size=(*vectors, size))
    return value_and_grad(partial(f, PRODUCTS[name]), argnums=(0, 1)), matrix, x


def expected_of(f: Callable[..., Any], *args: Any) -> Any:
    """Return the result of an eager call, whatever it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return evaluated(f, *args)


@pytest.mark.parametrize("backend", ["numpy", "loops"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PRODUCTS)
def test_value_and_gradient(name: str, form: str, backend: str) -> None:
    """They are those of an eager call, also where the vector is not finite: a missing term adds nothing."""
    f, matrix, x = program(name, form, 6)
    function = on(backend, f, matrix, x) if backend == "loops" else jit(f, backend=backend)
    for at, number in ((None, 0.0), (2, np.inf), (5, np.nan), (0, -np.inf)):
        y = x.copy()
        if at is not None:
            y[..., at] = number
        same(function(matrix, y), expected_of(f, matrix, y))


@pytest.mark.parametrize("form", ["one", "samples"])
def test_on_numba(form: str) -> None:
    """Numba computes what the loops say, which are run above for pairs as well."""
    f, matrix, x = program("packed", form, 5)
    function = on("numba", f, matrix, x)
    y = np.where(np.arange(5) == 3, np.inf, x)
    same(function(matrix, x), expected_of(f, matrix, x))
    same(function(matrix, y), expected_of(f, matrix, y))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_in_a_table_of_arrays(name: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does what interprets the arrays of a long program."""
    monkeypatch.setattr(compiled, "_MOST_ARRAYS", 0)
    f, matrix, x = program(name, "one", 6)
    function = on(backend, f, matrix, x)
    y = np.where(np.arange(6) == 3, np.inf, x)
    same(function(matrix, x), expected_of(f, matrix, x))
    same(function(matrix, y), expected_of(f, matrix, y))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [name for name in PRODUCTS if name not in ("banded", "scattered")])
def test_as_many_arrays_for_any_size(name: str, form: str) -> None:
    """The arrays of a program do not depend on how many rows a triangle has."""
    counts = []
    for size in (7, 12):
        f, matrix, x = program(name, form, size)
        function = jit(f, backend="numpy")
        function(matrix, x)
        counts.append(function.report().classes)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["lower", "strictly_lower", "packed", "upper"])
def test_a_triangle_stays_one(name: str) -> None:
    """Its rows keep their order: `np.tri` says which terms they have, and results need no other order."""
    _, matrix, x = program(name, "one", 5)
    function = jit(PRODUCTS[name], backend="numpy")
    function(matrix, x)
    assert "np.tri(" in function.source
    assert re.search(r"return \(v\d,\)", function.source)


def test_one_product_each_way() -> None:
    """A triangle with its diagonal is one matrix, and flows back through its transpose."""
    f, matrix, x = program("packed", "samples", 8)
    function = jit(f, backend="numpy")
    function(matrix, x)
    assert function.report().products == 3
    assert function.source.count("np.empty") == 2  # the matrix, and its gradient


def test_kept_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found before computes the same, with the terms that rows have."""
    f, matrix, x = program("lower", "samples", 6)
    y = np.where(np.arange(6) == 3, np.inf, x)
    for _ in range(2):
        function = on("loops", f, matrix, x)
        same(function(matrix, y), expected_of(f, matrix, y))
        findings.write_rest()
        findings.forget()


def test_products_of_another_kind_stay() -> None:
    """A family takes no lone products beside it if these are more than its own sums."""

    def f(matrix: Any, x: Any) -> Any:
        return lower(matrix, x).sum(), (matrix * x).ravel()

    matrix, x = RNG.normal(size=(6, 6)), RNG.normal(size=6)
    same(jit(f, backend="numpy")(matrix, x), f(matrix, x))


def test_two_triangles_of_one_vector() -> None:
    """A lower and an upper triangle of two arrays are one matrix, also where a third has its diagonal."""

    def f(a: Any, b: Any, c: Any, x: Any) -> Any:
        d = range(len(x))
        rows = [
            sum([a[i, j] * x[j] for j in d if j < i] + [b[i, j] * x[j] for j in d if j > i], c[i] * x[i])
            for i in d
        ]
        return sum(tanh(row) for row in rows)

    args = [RNG.normal(size=shape) for shape in ((6, 6), (6, 6), 6, 6)]
    g = value_and_grad(f, argnums=(0, 1, 2, 3))
    same(jit(g, backend="numpy")(*args), g(*args))
    same(on("loops", g, *args)(*args), g(*args))


def test_a_row_that_is_the_same_for_all_samples() -> None:
    """A sum without terms does not vary along the samples, which what follows from it relies on."""

    def f(matrix: Any, c: Any, x: Any) -> Any:
        z = strictly_lower(matrix, 0.0 * x) + c
        return (z * z).sum()

    def rows(matrix: Any, c: Any, x: Any) -> Any:
        z = [sum([matrix[i, j] * x[j] for j in range(i)], c[i] * 0.5) for i in range(6)]
        return sum(v * v for v in z)

    matrix, c, x = RNG.normal(size=(6, 6)), RNG.normal(size=6), RNG.normal(size=(7, 6))
    for each in (f, rows):
        g = value_and_grad(partial(_over_samples, each), argnums=(0, 1, 2))
        same(jit(g, backend="numpy")(matrix, c, x), g(matrix, c, x))


def _over_samples(f: Callable[..., Any], matrix: Any, c: Any, x: Any) -> Any:
    return vmap(partial(f, matrix, c))(x).sum()


def test_a_total_of_triangular_products() -> None:
    """The sum of the samples is multiplied with the matrix of its component, by one product."""

    def component(matrix: Any, c: Any, x: Any) -> Any:
        return vmap(lambda row: tanh(lower(matrix, row - c)).sum())(x).sum()

    def f(matrices: Any, c: Any, x: Any) -> Any:
        return vmap(component, in_axes=(0, 0, None))(matrices, c, x).sum()

    args = [RNG.normal(size=shape) for shape in ((3, 6, 6), (3, 6), (7, 6))]
    g = value_and_grad(f, argnums=(0, 1))
    function = jit(g, backend="numpy")
    same(function(*args), g(*args))
    assert function.report().products == 3


def test_a_family_of_one_product() -> None:
    """A row whose numbers nobody else has, of a single term, is a product."""
    tape = Tape()
    number, other = tape.input(0, 0), tape.input(1, 0)
    tape.outputs = [tape.add(RaggedDot(7), (number, other))]
    plan = lay_out(tape, [0, 1, 2], whole_arguments([(2,), (2,)]))
    source = numpy_source(plan, ["x", "y"], [(tape.outputs, ())])
    assert source.run()(np.array([2.0, 5.0]), np.array([3.0, 7.0])) == (6.0,)


def test_no_terms_at_all() -> None:
    """A class of sums without terms is zeros."""
    tape = Tape()
    tape.outputs = [tape.add(RaggedDot(7), ())]
    plan = lay_out(tape, [0], whole_arguments([]))
    assert numpy_source(plan, [], [(tape.outputs, ())]).run()() == (0.0,)


def test_triangles_in_a_row() -> None:
    """Each is found on the one before it, and a long row of them is computed whether it is or not."""

    def f(matrices: Any, x: Any) -> Any:
        for matrix in matrices:
            x = tanh(lower(matrix, x))
        return x.sum()

    for count in (3, 12):
        matrices, x = RNG.normal(size=(count, 5, 5)), RNG.normal(size=5)
        g = value_and_grad(f, argnums=(0, 1))
        function = jit(g, backend="numpy")
        same(function(matrices, x), g(matrices, x))
        if count == 3:
            assert function.report().products >= 6


@pytest.mark.parametrize("name", ["one", "samples"])
def test_half_of_a_matrix_product(name: str) -> None:
    """Dot products of all pairs of rows, each pair once, are a matrix product, of which half is used."""

    def f(x: Any) -> Any:
        return np.array([x[i] @ x[j] for i in range(5) for j in range(i + 1)])

    def of_samples(x: Any) -> Any:
        return vmap(lambda row: np.array([row[i] * row[j] for i in range(5) for j in range(i + 1)]))(x).sum(0)

    g, x = (f, RNG.normal(size=(5, 9))) if name == "one" else (of_samples, RNG.normal(size=(9, 5)))
    function = jit(g, backend="numpy")
    same(function(x), g(x))
    assert function.report().products == 1
    same(on("loops", g, x)(x), g(x))


@given(st.lists(st.sets(st.integers(0, 5)), min_size=3, max_size=7), st.booleans(), st.integers(0, 2**32 - 1))
def test_any_rows(rows: list[set[int]], is_with_diagonal: bool, seed: int) -> None:
    """Whatever terms the rows have, results are those of an eager call."""
    random = np.random.default_rng(seed)
    matrix, x = (
        random.normal(size=(7, 6)),
        random.choice([1.5, -0.5, 0.0, np.inf], size=6, p=[0.4, 0.3, 0.2, 0.1]),
    )

    def f(matrix: Any, x: Any) -> Any:
        found = [sum([matrix[i, j] * x[j] for j in row], 0.0) for i, row in enumerate(rows)]
        if is_with_diagonal:
            found = [total + 2.0 * x[i % 6] for i, total in enumerate(found)]
        return sum([tanh(total) for total in found], 0.0)

    g = value_and_grad(f, argnums=(0, 1))
    same(jit(g, backend="numpy")(matrix, x), expected_of(g, matrix, x))
