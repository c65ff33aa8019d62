from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from programs import Program, total
from scipy.sparse import csr_array, hstack
from strategies import programs

import autograd
from autograd import (
    OPS,
    Value,
    cond,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    jacobian,
    jit,
    scan,
    sparsity,
    take,
    vmap,
)
from autograd.engine.apply import apply
from autograd.engine.graph import consumers_first
from autograd.transforms import differentiated_calls, sparse_batches
from autograd.transforms.dependence import dependence
from nn import MLP

X = np.array([0.5, 1.25, -0.75, 2.0, 0.375])


def neighbours(x: Any) -> Any:
    """Return the products of neighbours: two diagonals."""
    return x[1:] * x[:-1]


def rosenbrock(x: Any) -> Any:
    """Return the sum of Rosenbrock's function over neighbours."""
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def arrow(x: Any) -> Any:
    """Return a function whose Hessian is an arrow."""
    return (x[-1] * x[:-1] ** 2).sum()


def leaves(tree: Any) -> list[Any]:
    """Return the matrices or arrays of a tree."""
    if isinstance(tree, dict | list | tuple):
        return [leaf for part in (tree.values() if isinstance(tree, dict) else tree) for leaf in leaves(part)]
    return [] if tree is None else [tree]


def check_blocks(sparse: Any, dense: Any, check: Callable[[Any, Any], None]) -> None:
    """Compare a tree of sparse matrices with that of the dense arrays."""
    pairs = list(zip(leaves(sparse), leaves(dense), strict=True))
    for matrix, array in pairs:
        assert isinstance(matrix, csr_array)
        assert matrix.has_canonical_format
        check(matrix.toarray(), np.reshape(array, matrix.shape))


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count the sweeps in either direction."""
    counts = {"push": 0, "pull": 0}

    def counted(where: Any, name: str) -> Callable[..., Any]:
        sweep = getattr(where, name)

        def one(*args: Any, **options: Any) -> Any:
            counts[name] += 1
            return sweep(*args, **options)

        return one

    for where, name in product((differentiated_calls, sparse_batches), counts):
        monkeypatch.setattr(where, name, counted(where, name))
    return counts


# ------------------------------------------------------------------------------------- against dense ones


@pytest.mark.parametrize("mode", ["fwd", "rev"])
@given(program=programs())
def test_jacobians_of_random_programs(mode: str, program: Program) -> None:
    """A sparse Jacobian is the dense one of the same mode to the last bit, also where it is inf or nan."""
    p, d = program.parameters.at(0), program.data.at(0)
    with np.errstate(all="ignore"):
        dense = jacobian(program.ours, mode=mode)(p, d)
        sparse = jacobian(program.ours, mode=mode, sparse=True)(p, d)
        places = leaves(sparsity(program.ours, p, d))
    check_blocks(sparse, dense, np.testing.assert_array_equal)
    for matrix, pattern in zip(leaves(sparse), places, strict=True):
        np.testing.assert_array_equal(matrix.indices, pattern.indices)
        np.testing.assert_array_equal(matrix.indptr, pattern.indptr)


@given(programs(manners=("dyadic", "smooth"), size=4))
def test_hessians_of_random_programs(program: Program) -> None:
    """A sparse Hessian is the dense one up to rounding, and symmetric to the last bit."""
    p, d = program.parameters.at(0), program.data.at(0)

    def f(p: Any, d: Any) -> Any:
        return total(program.ours(p, d))

    dense = hessian(f)(p, d)
    largest = max([1.0, *(float(np.abs(leaf).max(initial=0.0)) for leaf in leaves(dense))])
    assume(largest < 1e8)
    sparse = hessian(f, sparse=True)(p, d)
    check_blocks(sparse, dense, lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9 * largest))
    blocks = leaves(sparse)
    side = round(len(blocks) ** 0.5)
    for i, j in product(range(side), repeat=2):
        mirrored = blocks[j * side + i].toarray().T
        np.testing.assert_array_equal(blocks[i * side + j].toarray(), mirrored)


@given(programs(manners=("dyadic", "smooth"), size=4))
def test_compiled_jacobians_of_random_programs(program: Program) -> None:
    """The compiled sparse Jacobian has the numbers of the eager one."""
    p, d = program.parameters.at(0), program.data.at(0)
    dense = jacobian(program.ours)(p, d)
    sparse = jit(jacobian(program.ours, sparse=True), backend="numpy")(p, d)
    largest = max([1.0, *(float(np.abs(leaf).max(initial=0.0)) for leaf in leaves(dense))])
    assume(largest < 1e8)
    check_blocks(sparse, dense, lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9 * largest))


@given(programs(manners=("dyadic", "smooth"), size=4))
def test_compiled_hessians_of_random_programs(program: Program) -> None:
    """The compiled sparse Hessian has the numbers of the eager one."""
    p, d = program.parameters.at(0), program.data.at(0)

    def f(p: Any, d: Any) -> Any:
        return total(program.ours(p, d))

    dense = hessian(f)(p, d)
    largest = max([1.0, *(float(np.abs(leaf).max(initial=0.0)) for leaf in leaves(dense))])
    assume(largest < 1e8)
    sparse = jit(hessian(f, sparse=True), backend="numpy")(p, d)
    check_blocks(sparse, dense, lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9 * largest))


ROWS = [op for op in OPS.values() if not op.variadic]
LISTS = [op for op in OPS.values() if op.variadic]


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_where_rows_are_linear(op: Any) -> None:
    """A row has a place in the Hessian exactly where its second partial is not 0 throughout its domain."""
    rng = np.random.default_rng(0)
    points = [np.array([rng.uniform(*interval) for interval in op.domain]) for _ in range(20)]
    f = (lambda x: autograd.where(*x)) if op.name == "where" else (lambda x: op_applied(op, x))
    pattern = sparsity(grad(f), points[0]).toarray()
    curved = np.any([np.abs(hessian(f)(point)) > 1e-12 for point in points], axis=0)
    np.testing.assert_array_equal(pattern, curved)


def op_applied(op: Any, x: Any) -> Any:
    """Return a row applied to numbers."""
    return apply(op, *x)


@pytest.mark.parametrize("op", LISTS, ids=lambda op: op.name)
def test_where_rows_of_sequences_are_linear(op: Any) -> None:
    """A row of sequences has a place exactly where a second partial is not 0 throughout its domain."""
    size = 3 * len(op.partials)

    def f(x: Any) -> Any:
        return getattr(autograd, op.name)(*(x.reshape(len(op.partials), 3)))

    x = np.random.default_rng(0).uniform(0.5, 2.0, size)
    np.testing.assert_array_equal(sparsity(grad(f), x).toarray(), np.abs(hessian(f)(x)) > 1e-12)


def test_against_casadi() -> None:
    """The places are those that CasADi finds."""
    casadi = pytest.importorskip("casadi")
    x = casadi.SX.sym("x", 5)
    theirs = casadi.vertcat(*[x[i + 1] * x[i] for i in range(4)])
    expected = np.array(casadi.DM(casadi.jacobian_sparsity(theirs, x), 1).full(), dtype=bool)
    np.testing.assert_array_equal(sparsity(neighbours, X).toarray(), expected)
    total = sum(100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2 for i in range(4))
    curved = casadi.hessian(total, x)[0]
    places = np.array(casadi.DM(curved.sparsity(), 1).full(), dtype=bool)
    np.testing.assert_array_equal(sparsity(grad(rosenbrock), X).toarray(), places)
    evaluated = np.array(casadi.Function("h", [x], [curved])(X))
    np.testing.assert_allclose(hessian(rosenbrock, sparse=True)(X).toarray(), evaluated, rtol=1e-12)


def test_against_jax() -> None:
    """The numbers are those of JAX."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        theirs = np.asarray(jax.hessian(rosenbrock)(X))
    np.testing.assert_allclose(hessian(rosenbrock, sparse=True)(X).toarray(), theirs, rtol=1e-12, atol=1e-12)


# ----------------------------------------------------------------------------------------------- sweeps

SWEPT: dict[str, tuple[Callable[[Any], Any], int, int]] = {
    "diagonal": (lambda x: autograd.exp(x), 1, 0),
    "two diagonals": (neighbours, 2, 0),
    "three diagonals": (lambda x: x[2:] - x[1:-1] * x[:-2], 3, 0),
    "one row": (lambda x: x.sum(), 0, 1),
    "one column": (lambda x: x[0] * np.arange(1.0, 9.0), 1, 0),
    "a diagonal and a column": (lambda x: x[1:] * x[0], 2, 0),
    "a diagonal and a row": (lambda x: np.append(x * x, x.sum()), 0, 2),
    "nothing": (lambda x: np.floor(x), 0, 0),
    "constant": (lambda x: np.ones(3), 0, 0),
}


@pytest.mark.parametrize("size", [6, 60])
@pytest.mark.parametrize(("f", "forward", "backward"), SWEPT.values(), ids=SWEPT)
def test_a_sweep_for_each_colour(
    f: Callable[[Any], Any], forward: int, backward: int, size: int, sweeps: dict[str, int]
) -> None:
    """A Jacobian takes as many sweeps as there are colours, whatever its size."""
    x = np.linspace(0.5, 1.5, size)
    found = jacobian(f, sparse=True)(x)
    assert sweeps == {"push": forward, "pull": backward}
    np.testing.assert_array_equal(found.toarray(), np.reshape(jacobian(f)(x), found.shape))


@pytest.mark.parametrize("size", [6, 60])
@pytest.mark.parametrize(
    ("f", "colours"), [(rosenbrock, 3), (arrow, 2), (lambda x: (x**3).sum(), 1), (lambda x: x.sum(), 0)]
)
def test_a_sweep_for_each_colour_of_a_star(
    f: Callable[[Any], Any], colours: int, size: int, sweeps: dict[str, int]
) -> None:
    """A Hessian takes one backward sweep and a forward one for each colour, whatever its size."""
    x = np.linspace(0.5, 1.5, size)
    found = hessian(f, sparse=True)(x)
    assert sweeps == {"push": colours, "pull": 1}
    np.testing.assert_allclose(found.toarray(), hessian(f)(x), rtol=1e-12, atol=1e-12)


def bundle(p: Any) -> Any:
    """Return residuals of observations, each of one camera and one point, and of their weights."""
    residuals = []
    for k, w in enumerate(p["w"]):
        camera, point = p["cameras"][k % len(p["cameras"])], p["points"][k % len(p["points"])]
        away = point - camera[:3]
        residuals += [w * (camera[3] * away[0] / away[2] + camera[4]), w * (camera[3] * away[1] / away[2])]
    return {"errors": np.array(residuals), "weights": 1.0 - p["w"] ** 2}


def bundle_of(observations: int) -> dict[str, Any]:
    """Return cameras, points and weights."""
    rng = np.random.default_rng(1)
    sizes = {"cameras": (observations // 10, 5), "points": (observations // 3, 3), "w": (observations,)}
    return {name: rng.uniform(1.0, 2.0, shape) for name, shape in sizes.items()}


def test_large_matrices(sweeps: dict[str, int]) -> None:
    """Ten thousand rows of bands, arrows and blocks take a few sweeps."""
    x = np.linspace(0.5, 1.5, 10_001)
    found = jacobian(neighbours, sparse=True)(x)
    assert (found.shape, found.nnz, sweeps["push"]) == ((10_000, 10_001), 20_000, 2)
    np.testing.assert_array_equal(found.diagonal(), x[1:])
    curved = hessian(arrow, sparse=True)(x)
    assert (curved.nnz, sweeps["push"]) == (30_000, 4)
    np.testing.assert_array_equal(curved.diagonal()[:-1], 2.0 * x[-1])
    p = bundle_of(3334)
    blocks = jacobian(bundle, mode="fwd", sparse=True)(p)
    assert sum(matrix.nnz for matrix in leaves(blocks)) == 3334 * (7 + 6 + 1)
    assert sweeps["push"] - 4 == 7


def test_terms_that_are_added_one_by_one() -> None:
    """The places of 20,000 terms that a loop adds up are found in as many steps, not in their square."""

    def added(x: Any) -> Any:
        total = 0.0
        for item in x:
            total = total + item * item
        return [total, x[0]]

    first, second = sparsity(added, np.ones(20_000))
    assert (first.nnz, second.nnz) == (20_000, 1)


# ---------------------------------------------------------------------------------------------- structure


def test_blocks() -> None:
    """A pair of leaves of result and argument has a matrix of its own, numbers in the order of ravel()."""
    p = bundle_of(30)
    found, dense = jacobian(bundle, sparse=True)(p), jacobian(bundle)(p)
    assert {key: list(part) for key, part in found.items()} == {
        "errors": ["cameras", "points", "w"], "weights": ["cameras", "points", "w"]
    }  # fmt: skip
    check_blocks(found, dense, np.testing.assert_array_equal)
    assert found["weights"]["cameras"].shape == (30, 15)
    assert found["weights"]["cameras"].nnz == 0
    whole = hstack(list(found["errors"].values()))
    assert whole.shape == (60, 15 + 30 + 30)


def test_numbers() -> None:
    """A number has one row or column."""
    found = jacobian(lambda x, y: (x * y, x), argnums=(0, 1), sparse=True)(2.0, 3.0)
    assert [[block.toarray().tolist() for block in row] for row in found] == [
        [[[3.0]], [[2.0]]],
        [[[1.0]], [[0.0]]],
    ]
    assert hessian(lambda x: x**3, sparse=True)(2.0).toarray().tolist() == [[12.0]]


def test_modules() -> None:
    """The parameters of a module have a column each, by name, as in the dense Jacobian."""
    model = MLP(2, [3, 1], rng=0)
    x = np.array([0.5, -1.0])
    check_blocks(
        jacobian(lambda m: m(x), sparse=True)(model),
        jacobian(lambda m: m(x))(model),
        np.testing.assert_array_equal,
    )


def test_empty() -> None:
    """Without arguments or results there are matrices without rows or columns."""
    assert jacobian(lambda x: x, sparse=True)(np.zeros(0)).shape == (0, 0)
    assert hessian(lambda x: 1.0, sparse=True)(np.ones(3)).nnz == 0
    assert jacobian(lambda x: [], sparse=True)(np.ones(3)) == []


def test_auxiliary_data() -> None:
    """With has_aux the matrix comes with the auxiliary data."""
    found, aux = jacobian(lambda x: (x * x, {"twice": 2.0 * x}), has_aux=True, sparse=True)(X)
    np.testing.assert_array_equal(found.diagonal(), 2.0 * X)
    np.testing.assert_array_equal(aux["twice"], 2.0 * X)
    curved, aux = hessian(lambda x: (rosenbrock(x), x[0]), has_aux=True, sparse=True)(X)
    assert (curved.shape, aux) == ((5, 5), 0.5)


def test_places_hold_for_what_was_recorded() -> None:
    """A place is stored whatever its number is, and there is none where no derivative flows."""
    found = jacobian(lambda x: np.array([x[0] * x[1], np.maximum(x[0], x[1]), np.floor(x[0])]), sparse=True)
    assert found(np.zeros(2)).nnz == 4
    assert sparsity(lambda x: autograd.where(x[0] > 0.0, x[1], x[2]), X).toarray().tolist() == [
        [False, True, True, False, False]
    ]


def test_results_do_not_share_their_places() -> None:
    """Removing the zeros of one matrix leaves the next one as it is."""
    compiled = jit(jacobian(neighbours, sparse=True), backend="numpy")
    first = compiled(np.zeros(5))
    first.eliminate_zeros()
    first.data[:] = 7.0
    assert (first.nnz, compiled(np.zeros(5)).nnz) == (0, 8)
    np.testing.assert_array_equal(compiled(X).toarray(), jacobian(neighbours)(X))


# -------------------------------------------------------------------------------------- transformations


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("derivative", [jacobian, hessian])
def test_compiled(derivative: Any, backend: str) -> None:
    """A program of the numbers is compiled once, and each call puts them into a matrix."""
    if backend == "numba":
        pytest.importorskip("numba")
    f = neighbours if derivative is jacobian else rosenbrock
    calls = []

    def counted(x: Any) -> Any:
        calls.append(x)
        return f(x)

    compiled = jit(derivative(counted, sparse=True), backend=backend)
    compiled(X)
    while_traced = len(calls)
    for x in (X, 2.0 * X, X[::-1]):
        found = compiled(x)
        assert isinstance(found, csr_array)
        np.testing.assert_allclose(found.toarray(), derivative(f)(x), rtol=1e-12, atol=1e-12)
    compiled.wait()
    np.testing.assert_allclose(compiled(X).toarray(), derivative(f)(X), rtol=1e-12, atol=1e-12)
    assert len(calls) == while_traced


def test_compiled_places_hold_for_any_numbers() -> None:
    """While traced, a choice has the places of both of its branches."""
    compiled = jit(jacobian(lambda x: autograd.where(x[0] > 0.0, x[1] * x[1], x[2]), sparse=True))
    for x in (X, -X):
        np.testing.assert_array_equal(
            compiled(x).toarray()[0], [0.0, 2.0 * x[1] * (x[0] > 0.0), x[0] <= 0.0, 0.0, 0.0]
        )


def test_compiled_constants() -> None:
    """The Jacobian of a linear function consists of constants."""
    compiled = jit(jacobian(lambda x: 2.0 * x, sparse=True))
    np.testing.assert_array_equal(compiled(X).toarray(), 2.0 * np.eye(5))


def test_choices_and_loops() -> None:
    """A choice has the places of both branches while traced, and a loop those of its steps."""

    def f(x: Any) -> Any:
        last, rows = scan(lambda c, x: (cond(x > 0.0, lambda: x * c, lambda: 1.0 * x), x * x), 1.0, x[:3])
        return np.append(rows, last + take(x, [4])[0])

    traced = [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [1, 1, 1, 0, 1]]
    compiled = jit(jacobian(f, sparse=True))
    for x in (X, -X):
        np.testing.assert_array_equal(compiled(x).toarray(), jacobian(f)(x))
        np.testing.assert_array_equal(jacobian(f, sparse=True)(x).toarray(), jacobian(f)(x))
    places = compiled(X)
    np.testing.assert_array_equal(csr_array((np.ones(7), places.indices, places.indptr)).toarray(), traced)


def test_an_index_that_is_not_known() -> None:
    """What an unknown index takes may be any element."""
    compiled = jit(jacobian(lambda x, i: take(x, [i])[0] * x[0], sparse=True))
    for i in range(5):
        found = compiled(X, i)
        assert found.nnz == 5
        np.testing.assert_array_equal(found.toarray(), jacobian(lambda x, i=i: [x[i] * x[0]])(X))


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_rules_of_users(mode: str) -> None:
    """A function with a rule of its own depends on its arguments, in the mode that the rule is for."""
    backward, forward = custom_vjp(neighbours), custom_jvp(neighbours)
    backward.defvjp(
        lambda x: (neighbours(x), x),
        lambda x, g: (np.append(g * x[1:], 0.0) + np.append(0.0, g * x[:-1]),),
    )
    forward.defjvp(lambda x, t: (neighbours(x[0]), x[0][1:] * t[0][:-1] + t[0][1:] * x[0][:-1]))
    f: Any = backward if mode == "rev" else forward
    for way in (lambda f: f, jit):
        found = way(jacobian(f, mode=mode, sparse=True))(X)
        np.testing.assert_allclose(found.toarray(), jacobian(neighbours)(X), rtol=1e-15)


def test_part_of_a_compiled_function() -> None:
    """In a compiled function the matrix has its numbers, its places, and products."""

    def step(x: Any) -> Any:
        matrix = jacobian(neighbours, sparse=True)(x)
        assert (matrix.shape, matrix.nnz, matrix.indptr.tolist()) == ((4, 5), 8, [0, 2, 4, 6, 8])
        pair = np.stack([x, 2.0 * x], axis=1)
        return matrix @ x, matrix @ pair, matrix.toarray(), matrix.data, matrix

    dense = jacobian(neighbours)(X)
    for found, expected in zip(
        jit(step)(X)[:3], (dense @ X, dense @ np.stack([X, 2.0 * X], axis=1), dense), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert isinstance(jit(step)(X)[4], csr_array)


def test_a_product_of_the_wrong_size() -> None:
    """A product with a vector of another length says what was expected."""
    with pytest.raises(ValueError, match=r"expected a vector or matrix of 5 rows to multiply, got \(4,\)"):
        jit(lambda x: jacobian(neighbours, sparse=True)(x) @ x[1:])(X)


def test_differentiated_again() -> None:
    """Numbers of a sparse Jacobian can be differentiated, to any order and in either mode."""

    def of_sparse(x: Any) -> Any:
        return (jacobian(neighbours, sparse=True)(x).data ** 3).sum()

    def of_dense(x: Any) -> Any:
        return (jacobian(neighbours)(x) ** 3).sum()

    np.testing.assert_array_equal(grad(of_sparse)(X), grad(of_dense)(X))
    np.testing.assert_array_equal(hessian(of_sparse)(X), hessian(of_dense)(X))
    third = jacobian(lambda x: hessian(rosenbrock, sparse=True)(x).data, sparse=True)(X)
    assert third.shape == (13, 5)
    values = jacobian(neighbours, sparse=True)(autograd.as_values(X))
    assert all(isinstance(number, Value) for number in values.data)


def test_as_auxiliary_data() -> None:
    """A sparse matrix that a differentiated function returns besides becomes one of SciPy."""
    _, found = grad(lambda x: (rosenbrock(x), jacobian(neighbours, sparse=True)(x)), has_aux=True)(X)
    np.testing.assert_array_equal(found.toarray(), jacobian(neighbours)(X))


@pytest.mark.parametrize("compile_it", [lambda f: f, jit], ids=["eager", "jit"])
def test_around_vmap(compile_it: Any) -> None:
    """The Jacobian of a mapped function has a block for each sample, and takes the sweeps of one."""
    xs = np.random.default_rng(0).uniform(0.5, 1.5, (7, 2))

    def mapped(w: Any, xs: Any) -> Any:
        return vmap(lambda x: np.array([w * x[0] * x[1], autograd.exp(x[1])]))(xs)

    found = compile_it(jacobian(mapped, argnums=(0, 1), sparse=True))(2.0, xs)
    dense = jacobian(mapped, argnums=(0, 1))(2.0, xs)
    check_blocks(found, dense, lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-12))
    assert [block.nnz for block in found] == [7, 21]


def test_places_within_batches(sweeps: dict[str, int]) -> None:
    """While traced, the samples of a batch depend on their own numbers, and a sum of them on all."""
    xs = np.ones((9, 3))

    def mapped(xs: Any) -> Any:
        rows = vmap(lambda x: x[1:] * x[:-1])(xs)
        return {"rows": rows, "total": (rows[:, 0] * rows[:, 0]).sum()}

    found = jit(jacobian(lambda xs: mapped(xs)["rows"], sparse=True))(xs)
    assert (found.shape, found.nnz, sweeps["push"]) == ((18, 27), 36, 2)
    assert jit(hessian(lambda xs: mapped(xs)["total"], sparse=True))(xs).nnz == 36


@pytest.mark.parametrize(
    "call",
    [
        lambda: vmap(jacobian(neighbours, sparse=True))(np.ones((3, 4))),
        lambda: jit(vmap(jacobian(neighbours, sparse=True)))(np.ones((3, 4))),
        lambda: jacobian(jacobian(neighbours, sparse=True))(X),
    ],
    ids=["vmap", "jit of vmap", "jacobian"],
)
def test_a_matrix_where_an_axis_would_be_added(call: Callable[[], Any]) -> None:
    """SciPy's matrices have two axes; the error says to return the numbers."""
    with pytest.raises(TypeError, match=r"\.data"):
        call()
    stacked = vmap(lambda x: jacobian(neighbours, sparse=True)(x).data)(np.ones((3, 4)))
    assert stacked.shape == (3, 6)


def test_in_threads() -> None:
    """Threads that share a function get their own matrices."""
    f = hessian(rosenbrock, sparse=True)
    points = [X * i for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(f, points))
    for matrix, x in zip(found, points, strict=True):
        np.testing.assert_array_equal(matrix.toarray(), f(x).toarray())


# ------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "f",
    [
        lambda: jacobian(neighbours, sparse=True),
        lambda: hessian(rosenbrock, sparse=True),
        lambda: sparsity(neighbours, X),
    ],
)
def test_without_scipy(f: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SciPy the error says how to install it; dense derivatives do not need it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("autograd.transforms.sparse_matrices.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'chainrule\[sparse\]'"):
        f()
    jacobian(neighbours)(X)


def test_a_hessian_of_several_results() -> None:
    """The sparse Hessian is that of a single number."""
    with pytest.raises(TypeError, match="expected a single number"):
        hessian(neighbours, sparse=True)(X)


def test_an_unknown_mode() -> None:
    """An unknown mode raises when the Jacobian is asked for."""
    with pytest.raises(ValueError, match="expected mode"):
        jacobian(neighbours, mode="forward", sparse=True)


def test_operands_that_are_used_often() -> None:
    """What a node passes to its only consumer is not what another one has."""
    x, y, z = Value(1.0), Value(2.0), Value(3.0)
    shared = x * y
    outputs = [shared + z, shared * 2.0, (shared + shared) * 3.0, x + x, +z]
    assert dependence(consumers_first(*outputs), outputs, [x, y, z]).by_row() == [
        [0, 1, 2],
        [0, 1],
        [0, 1],
        [0],
        [2],
    ]
