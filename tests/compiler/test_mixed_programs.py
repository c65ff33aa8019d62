"""Programs of many arrays, and of what is irregular between them, written as loops over single numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loops_backend import interpreted

import autograd
from autograd import Value, jit, value_and_grad
from autograd.compiler import Jitted, findings
from autograd.compiler import compile as compiled
from autograd.compiler.arrays import layout
from autograd.compiler.arrays.index_rules import nest_of
from autograd.compiler.arrays.layout import lay_out
from autograd.compiler.numba import build
from autograd.compiler.numpy.array_table import array_interpreter, arrays_with_numpy
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.passes.axes import whole_arguments
from autograd.compiler.passes.reductions import find_reductions
from autograd.compiler.passes.runs import in_runs
from autograd.compiler.table.array_rows import EACH
from autograd.compiler.table.array_table import array_table
from autograd.compiler.trace.tape import tape_of

RNG = np.random.default_rng(7)


class Written(NamedTuple):
    """A function as a user writes it, and arguments."""

    f: Callable[..., Any]
    args: tuple[Any, ...]


def network(hidden: int) -> Written:
    """Return the loss of a deep network over a loop of samples."""
    sizes = [3, *[5] * hidden, 1]
    weights = [RNG.normal(size=(after, before)) for before, after in pairwise(sizes)]

    def loss(weights: Any, x: Any) -> Any:
        total = 0.0
        for sample in range(4):
            h = [x[sample, j] for j in range(3)]
            for w in weights:
                h = [autograd.tanh(sum(w[i, j] * h[j] for j in range(len(h)))) for i in range(len(w))]
            total = total + h[0] ** 2
        return total

    return Written(loss, (weights, RNG.normal(size=(4, 3))))


def attention() -> Written:
    """Return a causal attention with one head."""
    steps, width = 5, 4

    def times(matrix: Any, row: Sequence[Any]) -> list[Any]:
        return [sum(matrix[i, j] * row[j] for j in range(width)) for i in range(width)]

    def loss(matrices: Any, x: Any) -> Any:
        query, key, value = ([times(m, list(row)) for row in x] for m in matrices)
        total = 0.0
        for t in range(steps):
            scores = [sum(query[t][j] * key[u][j] for j in range(width)) / width**0.5 for u in range(t + 1)]
            powers = [autograd.exp(score) for score in scores]
            weights = [power / sum(powers) for power in powers]
            for j in range(width):
                total = total + sum(weights[u] * value[u][j] for u in range(t + 1)) ** 2
        return total

    return Written(loss, (RNG.normal(size=(3, width, width)), RNG.normal(size=(steps, width))))


def convolution() -> Written:
    """Return a convolution of an image, whose windows overlap."""
    size, kernel = 6, 3

    def loss(w: Any, image: Any) -> Any:
        total = 0.0
        for i in range(size - kernel + 1):
            for j in range(size - kernel + 1):
                window = [(a, b) for a in range(kernel) for b in range(kernel)]
                total = total + autograd.tanh(sum(w[a, b] * image[i + a, j + b] for a, b in window))
        return total

    return Written(loss, (RNG.normal(size=(kernel, kernel)), RNG.normal(size=(size, size))))


def elimination(size: int) -> Written:
    """Return the solution of a linear system by Gaussian elimination."""

    def loss(a: Any, b: Any) -> Any:
        a, b = [list(row) for row in a], list(b)
        for k in range(size):
            for i in range(k + 1, size):
                factor = a[i][k] / a[k][k]
                for j in range(k + 1, size):
                    a[i][j] = a[i][j] - factor * a[k][j]
                b[i] = b[i] - factor * b[k]
        x = [0.0] * size
        for i in reversed(range(size)):
            x[i] = (b[i] - sum(a[i][j] * x[j] for j in range(i + 1, size))) / a[i][i]
        return sum(v * v for v in x)

    return Written(loss, (RNG.normal(size=(size, size)) + size * np.eye(size), RNG.normal(size=size)))


def cholesky(size: int) -> Written:
    """Return the determinant of a matrix by its Cholesky factor."""
    root = RNG.normal(size=(size, size))

    def loss(a: Any) -> Any:
        factor: list[list[Any]] = [[0.0] * size for _ in range(size)]
        for i in range(size):
            for j in range(i + 1):
                rest = a[i][j]
                for k in range(j):
                    rest = rest - factor[i][k] * factor[j][k]
                factor[i][j] = rest**0.5 if i == j else rest / factor[j][j]
        return sum(autograd.log(factor[i][i]) for i in range(size))

    return Written(loss, (root @ root.T + size * np.eye(size),))


def triangle(points: int) -> Written:
    """Return the energy of all pairs of some points."""

    def loss(at: Any) -> Any:
        total = 0.0
        for i in range(points):
            for j in range(i):
                total = total + 1.0 / sum((at[i, c] - at[j, c]) ** 2 for c in range(3)) ** 0.5
        return total

    return Written(loss, (RNG.normal(size=(points, 3)),))


def hidden_markov(steps: int) -> Written:
    """Return the likelihood of a hidden Markov model."""
    seen = RNG.integers(0, 2, size=steps).tolist()

    def loss(change: Any, emit: Any) -> Any:
        forward = [emit[s, seen[0]] for s in range(3)]
        for step in range(1, steps):
            reached = [[forward[r] + change[r, s] for r in range(3)] for s in range(3)]
            forward = [autograd.logsumexp(reached[s]) + emit[s, seen[step]] for s in range(3)]
        return autograd.logsumexp(forward)

    return Written(loss, (RNG.normal(size=(3, 3)), RNG.normal(size=(3, 2))))


PROGRAMS = {
    **{f"{hidden} hidden layers": network(hidden) for hidden in (2, 4, 8)},
    "attention": attention(),
    "convolution": convolution(),
    "elimination": elimination(7),
    "cholesky": cholesky(7),
    "triangle": triangle(9),
    "hidden Markov model": hidden_markov(12),
}


def leaves(tree: Any) -> list[Any]:
    """Return the arrays of a tree."""
    return [leaf for item in tree for leaf in leaves(item)] if isinstance(tree, list | tuple) else [tree]


def agree(found: Any, expected: Any) -> None:
    """Assert that two trees of arrays agree."""
    for ours, theirs in zip(leaves(found), leaves(expected), strict=True):
        assert np.shape(ours) == np.shape(theirs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def ready(f: Callable[..., Any], backend: str, *args: Any) -> Jitted:
    """Return a compiled function that runs on a backend."""
    if backend == "numba":
        pytest.importorskip("numba")
    function = Jitted(f, backend)
    function(*args)
    function.wait()
    assert function.report().backend == backend, function.report()
    return function


@pytest.fixture
def _many_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every program for one of many arrays."""
    monkeypatch.setattr(compiled, "_MOST_ARRAYS", 0)


# ---------------------------------------------------------------------------------------------- results


@pytest.mark.usefixtures("_many_arrays")
@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_table_of_arrays(name: str, backend: str) -> None:
    """The value and the gradient agree with eager ones, and so does the program's source."""
    f, args = PROGRAMS[name]
    wanted = value_and_grad(f, argnums=tuple(range(len(args))))
    function = ready(wanted, backend, *args)
    assert function.report().classes > 0
    expected = wanted(*args)
    agree(function(*args), expected)
    namespace: dict[str, Any] = {}
    exec(function.source, namespace)
    agree(list(namespace["program"](*leaves(args))), leaves(expected))


@pytest.mark.parametrize("name", PROGRAMS)
def test_loops_that_are_too_long(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has too many lines for Numba to compile runs on Numba all the same, interpreted."""
    monkeypatch.setattr(build, "_MOST_LINES", 0)
    f, args = PROGRAMS[name]
    agree(ready(value_and_grad(f), "numba", *args)(*args), value_and_grad(f)(*args))


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("backend", ["numpy", "loops"])
def test_arrays_with_the_axes_of_their_loops(
    name: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements and loops over arrays of several axes agree with eager calls."""
    monkeypatch.setattr(layout, "_FEWEST", 0)
    monkeypatch.setattr(findings, "_stamp", lambda: "")
    monkeypatch.setitem(compiled.BACKENDS, "loops", compiled.Backend(interpreted, with_numpy))
    f, args = PROGRAMS[name]
    agree(ready(value_and_grad(f), backend, *args)(*args), value_and_grad(f)(*args))


@pytest.mark.usefixtures("_many_arrays")
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_second_derivatives(backend: str) -> None:
    """Derivatives of derivatives agree as well."""
    f, args = elimination(4)
    hessian = autograd.hessian(f, argnums=1)
    agree(ready(hessian, backend, *args)(*args), hessian(*args))


@pytest.mark.usefixtures("_many_arrays")
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_batches(backend: str) -> None:
    """A batch of samples has arrays with an axis more."""
    f, (change, emit) = hidden_markov(6)
    many = np.stack([emit, emit * 0.5, -emit])
    mapped = autograd.vmap(value_and_grad(f, argnums=1), in_axes=(None, 0))
    agree(ready(mapped, backend, change, many)(change, many), mapped(change, many))


@pytest.mark.usefixtures("_many_arrays")
@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    "convert",
    [np.float32, np.asfortranarray, lambda a: np.repeat(a, 2, axis=0)[::2]],
    ids=["float32", "by columns", "strided"],
)
def test_arguments_of_any_kind(backend: str, convert: Callable[[Any], Any]) -> None:
    """Arguments need not be contiguous, nor of 64 bits."""
    f, (at,) = triangle(5)
    function = ready(value_and_grad(f), backend, convert(at))
    agree(function(convert(at))[0], value_and_grad(f)(convert(at))[0])


@pytest.mark.usefixtures("_many_arrays")
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_results_are_new_arrays(backend: str) -> None:
    """No call changes the results of another, nor its arguments, also in threads."""
    f, (at,) = triangle(5)
    function = ready(value_and_grad(f), backend, at)
    expected = [value_and_grad(f)(at * (k + 1.0)) for k in range(4)]
    found: list[Any] = [None] * 4

    def call(k: int) -> None:
        for _ in range(20):
            found[k] = function(at * (k + 1.0))

    threads = [threading.Thread(target=call, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    agree(found, expected)
    first = function(at)
    first[1][:] = 0.0
    agree(function(at), expected[0])


def deep(x: list[Any], size: int) -> list[Any]:
    """Return the outputs of a network that is as deep as it is wide."""
    for layer in range(size):
        x = [
            autograd.tanh(sum(a * b for a, b in zip(x, x[k:] + x[:k], strict=True)) + layer)
            for k in range(size)
        ]
    return x


def below(x: list[Any], size: int) -> list[Any]:
    """Return a number for each pair near the diagonal."""
    return [autograd.sin(x[i] * x[j]) - x[j] for i in range(len(x)) for j in range(max(0, i - size), i)]


def windows(x: list[Any], size: int) -> list[Any]:
    """Return a convolution with its own first numbers."""
    return [sum(x[i + k] * x[k] for k in range(size)) for i in range(len(x) - size + 1)]


def recurrence(x: list[Any], size: int) -> list[Any]:
    """Return what some steps on a ring lead to."""
    for _ in range(size):
        x = [autograd.tanh(v) / (1.0 + v * v) - w for v, w in zip(x, x[1:] + x[:1], strict=True)]
    return x


@settings(max_examples=40)
@given(
    f=st.sampled_from([deep, below, windows, recurrence]),
    size=st.integers(1, 6),
    x=st.lists(st.floats(-2.0, 2.0), min_size=6, max_size=20),
)
def test_shapes_of_any_size(f: Callable[[list[Any], int], list[Any]], size: int, x: list[float]) -> None:
    """Deep networks, triangles and windows agree with eager calls, as statements and as a table."""

    def total(x: Any) -> Any:
        return autograd.sum(f(list(x), size)) * 1.0

    at = np.array(x)
    expected = np.array(f(x, size)), value_and_grad(total)(at)
    for most, fewest in ((1000, 1000), (1000, 0), (0, 0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "_MOST_ARRAYS", most)
            # With the axes of their loops, also short arrays; what was found without them is another program.
            patch.setattr(layout, "_FEWEST", fewest)
            patch.setattr(findings, "_stamp", lambda: "")
            agree(np.array(jit(lambda x: f(list(x), size), backend="numpy")(at)), expected[0])
            agree(jit(value_and_grad(total), backend="numpy")(at), expected[1])


@pytest.mark.usefixtures("_many_arrays")
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_every_bit_is_kept_where_nothing_is_summed(backend: str) -> None:
    """Arithmetic of an irregular program has the bits of an eager call."""

    def f(x: Any) -> Any:
        numbers = list(x)
        for k in range(60):
            a, b, c = (numbers[(k * step) % len(numbers)] for step in (1, 5, 7))
            numbers.append([a * b - c, a / (b * b + 1.0), -a - b][k % 3])
        return numbers

    x = np.random.default_rng(3).normal(size=4)
    found = ready(f, backend, x)(x)
    assert [float(v).hex() for v in found] == [float(v).hex() for v in f(x.tolist())]


# ----------------------------------------------------------------------------------------------- the table


def test_small_classes_become_few_runs() -> None:
    """What has no pattern takes a few operations on many numbers, not one on each."""
    f, args = elimination(10)
    leaves = [[Value(number) for number in array.ravel()] for array in args]
    tape = tape_of([f(np.array(leaves[0]).reshape(10, 10), leaves[1])], leaves)
    reduced, colours = find_reductions(tape)
    table = array_table(
        lay_out(reduced, in_runs(reduced, colours), whole_arguments([(10, 10), (10,)])),
        [(10, 10), (10,)],
        [(reduced.outputs, ())],
    )
    assert len(table.code) < len({*colours})
    run = array_interpreter(table, [()], arrays_with_numpy(table))
    assert run(*args)[0] == pytest.approx(f(*args), rel=1e-12)


def test_triangles_need_no_lists_of_places() -> None:
    """Pairs below a diagonal are pieces that are evenly spaced."""
    size = 30
    leaves = [Value(float(i)) for i in range(size)]
    tape = tape_of([leaves[i] * leaves[j] for i in range(size) for j in range(i)], [leaves])
    colours = find_reductions(tape).colours
    table = array_table(
        lay_out(tape, colours, whole_arguments([(size,)])), [(size,)], [(tape.outputs, (len(tape.outputs),))]
    )
    assert not (table.code[:, 0] == EACH).any()
    assert len(table.code) <= size


def along(sizes: Sequence[int], steps: Sequence[int]) -> Any:
    """Return positions with a step along each axis."""
    at = np.zeros(sizes, dtype=np.intp)
    for step, axis in zip(steps, np.indices(sizes), strict=False):
        at += step * axis
    return at


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.lists(st.integers(-50, 50), min_size=3, max_size=3),
    st.integers(0, 9),
)
def test_loops_go_through_what_they_were_found_in(sizes: list[int], steps: list[int], start: int) -> None:
    """The loops of positions that are evenly spaced along some axes give these positions in order."""
    grid = along(sizes, steps) + start
    nest = nest_of([grid.ravel()], 3)
    assert nest is not None
    assert (along(nest.sizes, nest.steps[0]) + start).ravel().tolist() == grid.ravel().tolist()


@pytest.mark.usefixtures("_many_arrays")
@settings(max_examples=20)
@given(st.lists(st.integers(0, 8), min_size=8, max_size=8), st.integers(2, 6))
def test_random_pairs(taken: list[int], width: int) -> None:
    """Whatever positions an array is taken at, its numbers are the right ones."""
    x = np.linspace(-1.0, 1.0, 9)

    def f(x: Any) -> Any:
        first = [x[i] * x[(i * width) % 9] for i in taken]
        second = [a - first[(k * width) % 8] for k, a in enumerate(first)]
        return [autograd.sin(a) / 2.0 for a in second] + [second[0] * 3.0]

    assert jit(f, backend="numpy")(x) == pytest.approx(np.array(f(x)), rel=1e-14)
