"""Batches by a symbol as loops over chunks of samples: one program of Numba for any number of samples."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparing import evaluated, same
from loops_backend import interpreted, on
from loops_backend import loops as loops
from test_loops import LOOPS, H, U, xs
from test_loops import W as LOOP_W
from test_open_lengths import PROGRAMS, W, batch

import autograd
from autograd import (
    dot,
    exp,
    grad,
    hessian,
    log,
    log1p,
    logsumexp,
    scan,
    softplus,
    tanh,
    value_and_grad,
    vmap,
    where,
)
from autograd.compiler import Jitted, compile
from autograd.compiler.arrays.plan import Plan, Results
from autograd.compiler.found import FoundArrays
from autograd.compiler.found_records import record_of, what_is_in
from autograd.compiler.numba import build
from autograd.compiler.numba.source import loops_source
from autograd.compiler.numpy.literals import Literals
from autograd.compiler.numpy.source import Source, numpy_source
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.runtime.program import Run

numba = pytest.importorskip("numba")

LENGTHS = (7, 1, 119, 120, 121, 250, 2)
"""Fewer samples than a vector has, a chunk, one less, one more, and several chunks."""


def numbers(n: int, *shape: int) -> Any:
    """Return an array of n samples."""
    return np.random.default_rng(n).normal(size=(n, *shape))


def network(layers: Any, x: Any, y: Any) -> Any:
    """Return the mean loss of a network with a penalty."""

    def of_sample(x: Any, y: Any) -> Any:
        h = list(x)
        for w, b in layers:
            h = [tanh(dot(w[j], h) + b[j]) for j in range(len(b))]
        return softplus(-y * h[0])

    return vmap(of_sample)(x, y).mean() + 0.1 * sum((w * w).sum() for w, _ in layers)


def attention(q: Any, k: Any, v: Any) -> Any:
    """Return for each query the mean of the values, weighted by the keys."""

    def of_query(q: Any) -> Any:
        weights = vmap(lambda k: exp(dot(q, k)))(k)
        return vmap(lambda weight, v: weight * v)(weights, v).sum(axis=0) / weights.sum()

    return vmap(of_query)(q)


LAYERS = [(np.full((5, 3), 0.3) + np.eye(5, 3), np.ones(5)), (np.full((1, 5), -0.4), np.zeros(1))]
MATRIX = np.arange(12.0).reshape(3, 4) / 7.0

MORE: dict[str, tuple[Callable[..., Any], Callable[[int], tuple[Any, ...]]]] = {
    "network": (value_and_grad(network), lambda n: (LAYERS, *batch(n))),
    "hessian of sums": (
        hessian(lambda w, x: vmap(lambda x: log1p(exp(dot(w, x))))(x).sum()),
        lambda n: (W, numbers(n, 3)),
    ),
    "totals of totals": (
        lambda x: (
            lambda m: (lambda v: vmap(lambda x: (x - m) / (v + 1.0))(x))(
                vmap(lambda x: (x - m) ** 2)(x).mean()
            )
        )(vmap(lambda x: x)(x).mean()),
        lambda n: (numbers(n),),
    ),
    "totals of each element": (lambda x: vmap(lambda x: x * x[0])(x).sum(axis=0), lambda n: (numbers(n, 4),)),
    "constants along the axis": (
        lambda x: vmap(lambda x: (x, 3.0, x[0] * 0.0 + 1.0))(x),
        lambda n: (numbers(n, 2),),
    ),
    "arguments along the axis": (lambda x, w: vmap(lambda x: (w, w[0], x))(x), lambda n: (numbers(n), W)),
    "maxima and products": (
        lambda x: vmap(lambda x: (autograd.max(x), autograd.prod(x), autograd.norm(x), logsumexp(x)))(x),
        lambda n: (numbers(n, 3),),
    ),
    "softmax": (lambda x: vmap(lambda x: autograd.softmax(x))(x), lambda n: (numbers(n, 4),)),
    "gathers": (
        lambda x: vmap(lambda x: (x[0] * x[3], x[3] * x[1], x[1] * x[0], x[2] * x[2]))(x),
        lambda n: (numbers(n, 4),),
    ),
    "choices": (
        lambda x: vmap(lambda x: where(x[0] < x[1], exp(x[0]), log(abs(x[1]))))(x).sum(),
        lambda n: (numbers(n, 2),),
    ),
    "the last axis": (
        lambda x: vmap(lambda x: tanh(x), in_axes=1, out_axes=1)(x),
        lambda n: (numbers(n, 3).T,),
    ),
    "an axis in the middle": (
        lambda x: vmap(lambda x: (x * x).sum(), in_axes=1)(x),
        lambda n: (np.moveaxis(numbers(n, 2, 3), 0, 1).copy(),),
    ),
    "matrices": (
        lambda a, b: vmap(lambda a, b: a @ b)(a, b),
        lambda n: (numbers(n, 3, 4), numbers(n, 4, 2)),
    ),
    "a matrix for all": (lambda b: vmap(lambda b: MATRIX @ b)(b), lambda n: (numbers(n, 4, 2),)),
    "a matrix on the right": (lambda b: vmap(lambda b: b @ MATRIX)(b), lambda n: (numbers(n, 2, 3),)),
    "two batches": (
        lambda x, y: vmap(lambda x: x * x)(x).sum() * vmap(lambda y: exp(y))(y).sum(),
        lambda n: (numbers(n), numbers(2 * n + 1)),
    ),
    "attention": (attention, lambda n: (numbers(n, 3), numbers(n + 3, 3), numbers(n + 3, 2))),
    "gradient of weights of attention": (
        grad(
            lambda w, x: (lambda o: vmap(lambda o: dot(o, o))(o).sum())(
                attention(vmap(lambda x: x * w)(x), x, x)
            )
        ),
        lambda n: (W, numbers(n, 3)),
    ),
    "kernel": (
        lambda x: vmap(lambda a: vmap(lambda b: exp(-dot(a - b, a - b)))(x))(x),
        lambda n: (numbers(n, 3),),
    ),
    "rows of pairs": (
        lambda x: vmap(lambda x: vmap(lambda x: x * x)(x))(x),
        lambda n: (numbers(n, n + 3, 9),),
    ),
    "total of pairs": (
        lambda x: vmap(lambda a: vmap(lambda b: tanh(dot(a, b)))(x).sum())(x).sum(),
        lambda n: (numbers(n, 3),),
    ),
}

ALL = {name: (f, lambda n: (W, *batch(n))) for name, f in PROGRAMS.items()} | MORE


@pytest.mark.parametrize("name", ALL)
def test_any_number_of_samples(name: str) -> None:
    """Loops over chunks give eager results for any number of samples, whichever came first."""
    f, make = ALL[name]
    compiled, checked = on("loops", f, *make(LENGTHS[0])), Jitted(f, "numpy")
    for n in LENGTHS:
        args = make(n)
        same(compiled(*args), f(*args) if n < 10 else checked(*args), 1e-9)


@pytest.mark.parametrize("half", [0, 1, 2])
def test_numba_computes_what_the_loops_say(half: int) -> None:
    """Compiled by Numba, programs over samples agree with NumPy for any number of samples."""
    for name in [*ALL][half * 7 :: 21]:
        f, make = ALL[name]
        compiled, checked = on("numba", f, *make(5)), Jitted(f, "numpy")
        for n in LENGTHS:
            same(compiled(*make(n)), checked(*make(n)), 1e-9)


def test_no_samples() -> None:
    """Without samples totals are 0, results are empty, and means are nan."""

    def function(x: Any) -> Any:
        of_each = vmap(tanh)(x)
        return of_each, of_each.sum(), of_each.mean()

    for backend in ("loops", "numba"):
        each, total, mean = on(backend, function, np.ones(3))(np.ones(0))
        assert each.shape == (0,)
        assert total == 0.0
        assert np.isnan(mean)


def text_of_loops(monkeypatch: pytest.MonkeyPatch, f: Callable[..., Any], *args: Any) -> str:
    """Return the loops of a function."""
    texts: list[str] = []

    def kept(*plan: Any) -> Run:
        texts.append(loops_source(*plan).text)
        return interpreted(*plan)

    monkeypatch.setitem(compile.BACKENDS, "loops", compile.Backend(kept, with_numpy))
    on("loops", f, *args)
    return texts[0]


def test_value_and_slope_share_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """What value and derivative have in common of a sample is computed once: they are in one loop."""
    f = value_and_grad(lambda w, x: vmap(lambda x: softplus(dot(w, x)))(x).mean())
    w = np.array([0.5, -2.0])
    text = text_of_loops(monkeypatch, f, w, numbers(5, 2))
    assert sum("exp(" in loop for loop in text.split("for t0 in")) == 1
    same(on("loops", f, w, numbers(5, 2))(w, numbers(7, 2)), f(w, numbers(7, 2)))


def test_value_and_slope_of_a_slice_share_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """So are those of each sample behind the first."""
    of_sample = value_and_grad(lambda w, x: softplus(w * x[0] + x[1]))

    def f(w: Any, x: Any) -> Any:
        return vmap(of_sample, (None, 0))(w, x[1:])

    text = text_of_loops(monkeypatch, f, 0.5, numbers(400, 3))
    assert sum("exp(" in loop for loop in re.split(r"for \w+ in", text)) == 1


def test_what_takes_less_time_than_to_store_it_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument of a ReLU is added up in the loop of the value and in that of the slope."""
    f = value_and_grad(lambda w, b, x: (np.maximum(x @ w + b, 0.0) ** 2).sum(), (0, 1))
    text = text_of_loops(monkeypatch, f, numbers(8, 4), np.ones(4), numbers(20, 8))
    assert len(re.findall(r"v\d+ = x\d+ \+ x\d+", text)) == 2


@pytest.mark.parametrize(("units", "is_read"), [(3, False), (4, True), (63, True), (64, False)])
def test_short_inner_loops_read_their_length(
    units: int, is_read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LLVM would write out a loop whose few rounds it can count, and find no vectors in it."""
    text = text_of_loops(monkeypatch, lambda b, x: x + b, np.ones(units), numbers(2, units))
    assert (f"for j in range({units}):" in text) is not is_read
    assert ("for j in range(n1):" in text) is is_read


def test_results_are_not_read_beyond_the_last_sample() -> None:
    """What is computed beside the last sample, in whole vectors, reaches neither totals nor results."""

    def function(x: Any) -> Any:
        return vmap(lambda x: 1.0 / x)(x), vmap(lambda x: log(x))(x).sum()

    compiled = on("loops", function, np.ones(3))
    compiled(np.full(250, -1.0))
    for n in (1, 9, 121):
        each, total = compiled(np.full(n, 2.0))
        same(each, np.full(n, 0.5))
        same(total, n * float(np.log(2.0)))


@pytest.mark.parametrize("backend", ["loops", "numba"])
def test_rows_of_samples(backend: str) -> None:
    """Samples that are rows or matrices of any size are read and returned as they are, number by number."""
    shapes = [(2,), (7,), (8,), (9,), (16,), (19,), (3, 5), (2, 2, 2)]

    def args(n: int) -> Any:
        return [numbers(n, *shape) for shape in shapes]

    compiled = on(backend, lambda xs: [vmap(lambda x: -x)(x) for x in xs], args(5))
    for n in LENGTHS:
        for x, found in zip(args(n), compiled(args(n)), strict=True):
            np.testing.assert_array_equal(found, -x)


def test_arguments_of_all_kinds() -> None:
    """Views, read-only arrays and lists along an axis are as good as arrays."""
    f = on("numba", lambda x: (vmap(lambda x: x * x)(x), vmap(lambda x: x)(x).sum(axis=0)), np.ones((5, 2)))
    frozen = numbers(9, 2)
    frozen.flags.writeable = False
    for x in (frozen, numbers(9, 4)[:, ::2], numbers(9, 2).T.copy().T, np.ones((9, 2), dtype=np.float32)):
        squares, total = f(x)
        same(squares, np.asarray(x, dtype=float) ** 2)
        same(total, np.asarray(x, dtype=float).sum(axis=0))


@pytest.mark.parametrize("name", LOOPS)
def test_loops_over_steps(name: str) -> None:
    """A loop over steps gives eager results for any number of them."""
    compiled, checked = on("loops", LOOPS[name], LOOP_W, U, H, xs(4)), Jitted(LOOPS[name], "numpy")
    for n in (4, 7, 1, 0, 130):
        function = checked if n > 10 else LOOPS[name]
        same(compiled(LOOP_W, U, H, xs(n)), function(LOOP_W, U, H, xs(n)), 1e-9)


def test_a_factor_that_is_put_in_order_for_all_steps() -> None:
    """The transpose of a matrix stands in memory that no step overwrites."""

    def states(w: Any, h: Any, x: Any) -> Any:
        return scan(lambda c, v: (np.tanh(c @ w.T + v), None), h, x)[0]

    w, h, x = (np.sin(np.arange(n * 6.0)).reshape(n, 6) for n in (6, 2, 4))
    same(on("loops", states, w, h, x)(w, h, x), states(w, h, x), 1e-12)


def test_numba_loops_over_steps() -> None:
    """Compiled by Numba, a loop over steps and its derivatives agree with NumPy."""
    for name in ("gradient", "several"):
        compiled, checked = on("numba", LOOPS[name], LOOP_W, U, H, xs(4)), Jitted(LOOPS[name], "numpy")
        for n in (1, 250):
            same(compiled(LOOP_W, U, H, xs(n)), checked(LOOP_W, U, H, xs(n)), 1e-9)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        *((PROGRAMS[name], (W, *batch(5))) for name in ("mean", "gradient of centred", "pairs of results")),
        *((LOOPS[name], (LOOP_W, U, H, xs(4))) for name in ("gradient", "several", "gradient of nested")),
    ],
)
def test_a_kept_plan(f: Callable[..., Any], args: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan along axes, which may have loops, comes back from its record as it was."""
    plans: list[tuple[Plan, Results]] = []

    def of_plan(plan: Plan, shapes: Any, results: Results) -> Run:
        plans.append((plan, results))
        return lambda *args: args

    monkeypatch.setitem(compile.BACKENDS, "loops", compile.Backend(of_plan, with_numpy))
    function = Jitted(f, "loops")
    function(*args)
    function.wait()
    record = record_of(FoundArrays(Source("", [], Literals()), lambda: plans[0], 0, 0))
    again = what_is_in(record)
    assert isinstance(again, FoundArrays)
    names = [f"x{i}" for i in range(20)]
    first, second = (numpy_source(plan, names, results) for plan, results in (*plans, again.plan()))

    assert first.text == second.text


FUNCTIONS = {"exp": 1.0, "log": 1.0, "log1p": 1.0, "expm1": 2.0, "tanh": 2.5}
"""By how many units in the last place a function may be wrong."""

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, -5e-324, 1e-310, 1e300, 709.7, 709.8, -708.5, -745.1, -745.2]
SPECIAL += [1e-17, -1e-17, -0.5, -0.999999, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_in_vectors(name: str) -> None:
    """Functions in vectors are as exact as those one at a time, also at special numbers."""
    of_each = on("numba", vmap(getattr(autograd, name)), np.ones(3))
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [rng.uniform(-1.0, 1.0, 4000), rng.uniform(-745.0, 709.0, 2000), np.exp(rng.uniform(-700, 700, 4000))]
    )
    with np.errstate(all="ignore"):
        for points in (x, np.array(SPECIAL)):
            found = of_each(points)
            exact = getattr(np, name)(points.astype(np.longdouble))
            expected = exact.astype(float)
            finite = np.isfinite(expected)
            np.testing.assert_array_equal(found[~finite], expected[~finite])
            unit = np.spacing(np.abs(expected[finite]))
            assert (np.abs(found[finite] - exact[finite]) <= FUNCTIONS[name] * unit).all()
            np.testing.assert_array_equal(np.signbit(found[finite]), np.signbit(expected[finite]))


A_FEW: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda y, rows: (rows * y).sum(axis=0),
    "product": lambda y, rows: vmap(lambda row: np.outer(row, y) @ row)(rows).sum(axis=0),
    "function": lambda y, rows: vmap(lambda row: tanh(row * y))(rows).sum(axis=0),
    "attention": lambda y, rows: autograd.softmax(vmap(lambda row: (row * y).sum())(rows)) @ rows,
    "element": lambda y, rows: vmap(lambda row: tanh(row * y))(rows)[3] ** 2,
    "neighbours": lambda y, rows: vmap(lambda row: tanh((row * y).sum()))(rows)[1:].sum(),
    "pairs": lambda y, rows: all_pairs(vmap(lambda row: (row * y).sum())(rows)),
    "steps": lambda y, rows: scan(lambda c, row: (c * y[0] * 0.5 + row.sum(), c), 0.0, rows)[0],
}


def all_pairs(v: Any) -> Any:
    """Return a sum over all pairs of numbers."""
    return vmap(lambda a: vmap(lambda b: tanh(a * b))(v).sum())(v).sum()


@pytest.mark.parametrize("name", A_FEW)
def test_a_few_samples_beside_all(name: str) -> None:
    """Some rows of an array, each of which is compared with all of its rows, have a result each."""
    rows = numbers(10, 3)

    def f(rows: Any) -> Any:
        return vmap(lambda y: A_FEW[name](y, rows))(rows[:5])

    expected = np.stack([np.asarray(evaluated(A_FEW[name], y, rows)) for y in rows[:5]])
    slopes = grad(lambda rows: (f(rows) ** 2).sum())
    for backend in ("numpy", "loops"):
        np.testing.assert_allclose(on(backend, f, rows)(rows), expected, rtol=1e-12)
        np.testing.assert_allclose(on(backend, slopes, rows)(rows), slopes(rows), rtol=1e-9, atol=1e-12)


def test_evaluated_without_warnings() -> None:
    """A program of loops does not warn, as one of NumPy does not."""
    same(on("loops", vmap(log), np.ones(3))(np.zeros(2)), evaluated(np.log, np.zeros(2)))


MOST_LINES: dict[str, tuple[Callable[..., Any], str]] = {
    "_MOST_LINES": (lambda x: vmap(lambda a: a @ a)(x).sum(), "an axis"),
    "_MOST_LINES_OF_PAIRS": (
        lambda x: vmap(lambda a: vmap(lambda b: (a - b) @ (a - b))(x).sum())(x).sum(),
        "two axes",
    ),
    "_MOST_LINES_OF_STEPS": (
        lambda x: scan(lambda c, v: (np.tanh(c + v), None), x[0], x)[0].sum(),
        "an axis",
    ),
}


@pytest.mark.parametrize("name", MOST_LINES)
def test_long_programs_stay_on_numpy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Numba would compile for long goes on as it began, and says why; pairs of samples take longer."""
    monkeypatch.setattr(build, name, 10)
    f, axes = MOST_LINES[name]
    x = numbers(20, 3)
    compiled = Jitted(f, "numba")
    same(compiled(x), f(x))
    compiled.wait()
    assert f"of at most 10 along {axes}" in compiled.report().remark
    same(compiled(x), f(x))
