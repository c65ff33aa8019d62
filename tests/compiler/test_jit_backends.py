from __future__ import annotations

import gc
import math
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparing import evaluated, same
from loops_backend import interpreted, on
from loops_backend import loops as loops
from oracles import rounds
from programs import call_public
from test_jit import ARRAYS, by_hand, parameters

import autograd
from autograd import OPS, Op, Value, grad, hessian, jit, value_and_grad, vmap
from autograd.compiler import Jitted
from autograd.compiler import compile as compiled
from autograd.compiler.numba import entry
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.runtime import patience
from autograd.compiler.runtime.program import Program, Run, UnsuitableError
from autograd.ops.table import COMPARISONS

numba = pytest.importorskip("numba")

# ----------------------------------------------------------------------------------------------- results


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("point", [[0.1, 0.5, -2.0, 3.0], [1e-3, 0.6, 0.5, 0.5]])
def test_array_programs(name: str, point: list[float]) -> None:
    """The generated loops of array programs agree with eager calls."""
    compiled = on("loops", ARRAYS[name], np.array([0.7, -0.2, 0.3, 0.9]))
    same(compiled(np.array(point)), evaluated(ARRAYS[name], np.array(point)))


DIFFERENTIABLE = sorted(ARRAYS.keys() - {"nested", "comparison", "constants", "scalar", "constant", "input"})


def squares(name: str, x: Any) -> Any:
    """Return the sum of the squares of a program's results."""
    return autograd.sum([v * v for v in np.ravel(ARRAYS[name](x))])


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives_of_array_programs(name: str) -> None:
    """The generated loops of gradients and Hessians of array programs agree with eager calls."""
    x, point = np.array([0.7, -0.2, 0.3, 0.9]), np.array([-0.7, 0.8, 0.1, 1.9])
    for transformed in (grad(lambda x: squares(name, x)), hessian(lambda x: squares(name, x))):
        same(on("loops", transformed, x)(point), evaluated(transformed, point))


@pytest.mark.parametrize("sizes", [[2, 5, 4, 1], [3, 9, 1], [2, 16, 16, 1]])
@pytest.mark.parametrize("samples", [1, 7, 21])
def test_matrix_products(sizes: list[int], samples: int) -> None:
    """Matrix products of all sizes are right, also if not multiples of the tiles."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(samples, sizes[0])), np.sign(rng.normal(size=samples))
    step = value_and_grad(by_hand)
    compiled = on("loops", step, parameters(sizes), x, y)
    other = [array + 0.1 for array in parameters(sizes)]
    same(compiled(other, x[::-1], y), step(other, x[::-1], y))


def test_numba_computes_what_the_loops_say() -> None:
    """Compiled by Numba, array programs and their gradients agree with eager calls."""
    x, point = np.array([0.7, -0.2, 0.3, 0.9]), np.array([0.1, 0.5, -2.0, 3.0])
    for half in (DIFFERENTIABLE[::2], DIFFERENTIABLE[1::2]):

        def together(x: Any, half: list[str] = half) -> Any:
            return [(ARRAYS[name](x), grad(lambda x, name=name: squares(name, x))(x)) for name in half]

        same(on("numba", together, x)(point), evaluated(together, point))


def test_numba_computes_matrix_products() -> None:
    """Compiled by Numba, a training step of a network agrees with eager calls."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(21, 2)), np.sign(rng.normal(size=21))
    step = value_and_grad(by_hand)
    compiled = on("numba", step, parameters([2, 9, 6, 1]), x, y)
    other = [array + 0.1 for array in parameters([2, 9, 6, 1])]
    same(compiled(other, x[::-1], y), step(other, x[::-1], y))


# ------------------------------------------------------------------------------------- special numbers

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1000.0, -1000.0, 5e-324, math.inf, -math.inf, math.nan)
SIMPLE = [op for op in OPS.values() if not op.variadic]
REDUCTIONS = [op for op in OPS.values() if op.variadic]
EXACT = {op.name for op in SIMPLE if rounds(op) != "freely"}


def each_row(x: Any, y: Any) -> list[Any]:
    """Return the result of every row and every comparison at a point."""
    operands = (x, y, x)
    results = [call_public(op, *operands[: len(op.partials)]) for op in SIMPLE]
    results += [x < y, x <= y, x > y, x >= y, x == y, x != y]
    return [*results, *reduced(x, y)]


def reduced(x: Any, y: Any) -> list[Any]:
    """Return every reduction at a point, over numbers of one array and of several."""
    columns = ([x, y, y], [y, x, x])
    others = ([x, y, y * 1.0], [y, x, x * 1.0])
    return [call_public(op, *args[: len(op.partials)]) for op in REDUCTIONS for args in (columns, others)]


OF_REDUCTIONS = [op.name for op in REDUCTIONS for _ in range(2)]
NAMES = [*(op.name for op in SIMPLE), *COMPARISONS, *OF_REDUCTIONS]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_special_numbers(backend: str) -> None:
    """At ties, signed zeros, inf and nan every row agrees with an eager call."""

    def all_rows(x: Any, y: Any) -> Any:
        return each_row(x, y)

    compiled = on(backend, all_rows, 0.3, 0.7)
    for x in SPECIAL:
        for y in SPECIAL:
            expected = evaluated(each_row, Value(x), Value(y))
            for name, ours, theirs in zip(NAMES, compiled(x, y), expected, strict=True):
                # The error of a sum is relative to its largest term.
                largest = max(abs(x), abs(y), 1.0) if name in OF_REDUCTIONS else 0.0
                assert is_equal(name, ours, float(theirs), largest), (
                    f"{name}({x}, {y}) = {theirs}, not {ours}"
                )


def is_equal(name: str, ours: float, theirs: float, largest: float) -> bool:
    """Return whether numbers are equal: bit for bit for exact operations, else within 4 ulp."""
    if name == "pow" and (ours, repr(theirs)) == (math.inf, "nan"):
        return True  # NumPy's own (-inf)**0.5 is nan for a number, and inf for an array.
    if repr(ours) == repr(theirs) or name in EXACT or not math.isfinite(theirs):
        return repr(ours) == repr(theirs)
    return abs(ours - theirs) <= 4.0 * math.ulp(max(largest, abs(theirs)))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_slopes_at_special_numbers(backend: str) -> None:
    """At ties, signed zeros, inf and nan all partials agree with eager calls."""
    rows: list[tuple[Op, int]] = [
        (op, i) for op in SIMPLE for i in range(len(op.partials)) if op.name != "where"
    ]

    def slopes(x: Any, y: Any) -> Any:
        operands = (x, y, x)
        return [
            grad(lambda *at, op=op: call_public(op, *at), argnums=i)(*operands[: len(op.partials)])
            for op, i in rows
        ]

    compiled = on(backend, slopes, 0.3, 0.7)
    for x in SPECIAL:
        for y in SPECIAL:
            found, expected = compiled(x, y), evaluated(slopes, x, y)
            wrong = [
                (rows[i][0].name, x, y, ours, theirs)
                for i, (ours, theirs) in enumerate(zip(found, expected, strict=True))
                if not is_equal("", ours, theirs, 0.0)
            ]
            assert wrong == []


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPS.values() if op.variadic])
def test_reductions(op: Op, backend: str) -> None:
    """Mapped and single reductions, their gradients and their Hessians agree with eager calls."""
    rng = np.random.default_rng(0)
    columns = [rng.normal(size=(4, 5)) for _ in op.partials]
    # A vector with one 0, one with two, and one of all zeros: special for products and norms.
    for column in columns:
        column[1, 2] = column[2, 1] = column[2, 3] = 0.0
        column[3] = 0.0

    def f(*rows: Any) -> Any:
        return call_public(op, *rows)

    def everything(*columns: Any) -> Any:
        each = list(zip(*columns, strict=True))
        return (
            vmap(f)(*columns),
            [f(*rows) for rows in each],
            vmap(grad(f))(*columns),
            [hessian(f)(*rows) for rows in each],
        )

    compiled = on(backend, everything, *columns)
    for found, expected in zip(compiled(*columns), everything(*columns), strict=True):
        np.testing.assert_allclose(np.array(found), np.array(expected), rtol=1e-12, atol=1e-14)


def test_elementwise_arithmetic_is_exact() -> None:
    """Outside sums, products and additions are rounded separately, as in eager calls."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=64)

    def f(x: Any) -> Any:
        return x * x[::-1] + x / (x * 3.0 - 1.0) - x * 0.1

    assert on("numba", f, x)(x).tolist() == [float(v) for v in f(x)]


# ------------------------------------------------------------------------------------------- arguments


def unaligned(x: Any) -> Any:
    """Return an array whose numbers begin anywhere in memory."""
    found = np.frombuffer(b"-" + x.tobytes(), dtype=np.uint8)[1:].view(float).reshape(x.shape)
    assert not found.flags.aligned
    return found


def read_only(x: Any) -> Any:
    """Return an array that may not be written to."""
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda x: x,
    "read-only": read_only,
    "columns first": np.asfortranarray,
    "every second": lambda x: np.repeat(np.repeat(x, 2, axis=0), 2, axis=1)[::2, ::2],
    "backwards": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "one row": lambda x: np.broadcast_to(x[0], x.shape),
    "unaligned": unaligned,
    "other order of bytes": lambda x: x.astype(">f8"),
    "single precision": lambda x: x.astype(np.float32),
    "half precision": lambda x: x.astype(np.float16),
    "long numbers": lambda x: x.astype(np.longdouble),
    "integers": lambda x: x.astype(int),
    "bytes": lambda x: x.astype(np.uint8),
    "booleans": lambda x: x.astype(bool),
    "objects": lambda x: x.astype(object),
    "a subclass": lambda x: x.view(np.recarray),
}
NUMBER_KINDS: list[Any] = [
    2.0,
    2,
    True,
    np.float64(0.5),
    np.float32(0.1),
    np.int64(7),
    np.array(2.0),
    np.array(3),
]


@pytest.mark.parametrize("backend", ["numpy", "loops", "numba"])
def test_arguments_of_all_kinds(backend: str) -> None:
    """Arrays of any layout and type, and numbers of any, are read as float64, and are left as they are."""
    f = on(backend, lambda x, y: (x.sum() * y, x * y), np.ones((2, 3)), 1.0)
    for layout in LAYOUTS.values():
        x = layout(np.arange(6.0).reshape(2, 3))
        before = x.copy()
        exact = np.asarray(x, dtype=float)
        for y in NUMBER_KINDS:
            for _ in range(2):
                total, array = f(x, y)
                assert total == exact.sum() * float(y)
                assert array.dtype == float
                assert array.tolist() == (exact * float(y)).tolist()
        assert (x.dtype, x.tolist()) == (before.dtype, before.tolist())


def test_numba_takes_read_only_arrays_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code refuses views alone; these are copied, and contiguous arrays beside them are not."""
    f = on("numba", lambda x, y: x @ y, np.ones(3), np.ones(3))
    plain, seen = entry._plain, []

    def watched(array: Any) -> Any:
        seen.append((array, plain(array)))
        return seen[-1][1]

    monkeypatch.setattr(entry, "_plain", watched)
    x = read_only(np.ones(3))
    assert f(x, np.ones(3)) == f._latest.program.run(x, np.ones(3))[0] == 3.0
    assert seen == []
    assert [f(np.ones(6)[::2], x) for _ in range(2)] == [3.0] * 2
    assert [made is given for given, made in seen] == [False, True] * 2
    assert all(made.flags.c_contiguous for _, made in seen)


def test_results_are_new_arrays() -> None:
    """Results share no memory with arguments, other results or results of later calls."""
    x = np.ones(3)
    f = on("numba", lambda x: (x, x, x * 2.0), x)
    one, other, doubled = f(x)
    f(np.zeros(3))
    one[0] = 5.0
    assert x[0] == other[0] == 1.0
    assert doubled.tolist() == [2.0] * 3


@pytest.mark.parametrize(
    "others",
    [
        (([1.0, np.ones(2)],), {}),
        (([1.0, np.ones(3)], 2.0), {}),
        (([1.0, np.ones(2)], 2.0), {"scale": 3.0}),
        (((1.0, np.ones(2)), 2.0), {}),
        (({"a": 1.0, "b": np.ones(2)}, 2.0), {}),
        (([1.0, np.ones(2), 3.0], 2.0), {}),
        (([1, np.ones(2)], 2.0), {}),
        (([], 2.0), {}),
        (({}, 2.0), {}),
    ],
)
def test_arguments_of_another_structure(others: tuple[Any, Any]) -> None:
    """Alternating calls with arguments of two structures each use their own program."""

    def f(tree: Any, y: Any = 1.0, scale: Any = 1.0) -> Any:
        return [leaf * y * scale for leaf in (tree.values() if isinstance(tree, dict) else tree)]

    compiled = jit(f, backend="numpy")
    args, kwargs = others
    expected = jit(f, backend="numpy")(*args, **kwargs)
    for _ in range(3):
        same(compiled([1.0, np.ones(2)], 4.0), [4.0, np.full(2, 4.0)])
        same(compiled(*args, **kwargs), expected)


# -------------------------------------------------------------------------------------------- backends


def test_the_first_call_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls run on NumPy until the backend's program is compiled, then on that."""
    may_go_on = threading.Event()

    def slow(*args: Any) -> Run:
        may_go_on.wait()
        return lambda x: (x + 1000.0,)

    monkeypatch.setitem(compiled.BACKENDS, "loops", compiled.Backend(slow, with_numpy))
    f = Jitted(lambda x: x * 2.0, "loops")
    assert [f(1.0), f(2.0)] == [2.0, 4.0]
    assert "runs on the numpy backend (loops is compiling)" in repr(f.report())
    may_go_on.set()
    f.wait()
    assert f(1.0) == 1001.0
    assert "runs on the loops backend" in repr(f.report())


def doubled_and_more(*args: Any) -> Run:
    """Stand in for a backend that compiles at once and whose results show that it ran."""
    return lambda x: (x * 2.0 + 1000.0,)


def test_a_slow_backend_begins_when_it_is_worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an explicit backend, compiling starts once the calls have taken long enough."""
    monkeypatch.setitem(compiled.BACKENDS, "loops", compiled.Backend(doubled_and_more, with_numpy))
    f = Jitted(lambda x: x * 2.0, "loops", is_patient=True)
    assert [f(1.0) for _ in range(20)] == [2.0] * 20
    assert "runs on the numpy backend (loops has not begun yet)" in repr(f.report())
    monkeypatch.setattr(patience, "PATIENCE", 0.0)
    g = Jitted(lambda x: x * 2.0, "loops", is_patient=True)
    assert g(1.0) == 2.0
    # No call to wait(): the time of the calls is enough to start.
    for program in g._programs.programs():
        program.settled.wait()
    assert g(1.0) == 1002.0
    assert f(1.0) == 2.0


@pytest.mark.parametrize(("between", "calls"), [(0.0, 5), (9.0, 1), (99.0, 9)])
def test_time_in_use(between: float, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is the time since the first call, if calls take a tenth of `PATIENCE` in total."""
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr(patience, "perf_counter", clock)
    monkeypatch.setattr(patience, "PATIENCE", 10.0 if between < 99.0 else 100.0)
    queued: list[Program] = []
    monkeypatch.setattr(patience, "improve_later", queued.append)
    monkeypatch.setitem(compiled.BACKENDS, "loops", compiled.Backend(doubled_and_more, with_numpy))
    f = Jitted(lambda x: x * 2.0, "loops", is_patient=True)
    for _ in range(calls):
        f(1.0)
        assert queued == []
        now[0] += between
    f(1.0)
    assert len(queued) == 1
    # Another program of the function, such as that of a smaller batch, has nothing to wait for.
    f(np.ones(2))
    assert len(queued) == 2


def test_waiting_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """`wait` starts a backend that has not started, only once for any number of calls and threads."""
    made: list[int] = []

    def counting(*args: Any) -> Run:
        made.append(1)
        return lambda x: (x * 2.0 + 1000.0,)

    monkeypatch.setitem(compiled.BACKENDS, "loops", compiled.Backend(counting, with_numpy))
    f = Jitted(lambda x: x * 2.0, "loops", is_patient=True)
    f(1.0)
    threads = [threading.Thread(target=f.wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    f.wait()
    assert (f(1.0), f.report().backend, made) == (1002.0, "loops", [1])


def test_the_clock_goes_when_a_backend_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that stays on NumPy is no longer timed."""

    def failing(*args: Any) -> Run:
        raise UnsuitableError("too long")

    monkeypatch.setitem(compiled.BACKENDS, "loops", compiled.Backend(failing, with_numpy))
    patient, numpy = Jitted(lambda x: x * 2.0, "loops", is_patient=True), jit(lambda x: x, backend="numpy")
    for f in (patient, numpy):
        f(1.0)
        f.wait()
    assert patient._program().run.__code__ is numpy._program().run.__code__
    assert patient.report().remark == "loops does not run it: too long"


def test_who_is_patient() -> None:
    """An explicit backend starts at the first call; the default one starts later, also for copies."""
    every: list[dict[str, Any]] = [{}, {"static_argnames": "n"}]
    for options in every:
        asked = jit(lambda x, n=2: x * n, backend="numba", **options)
        default = jit(lambda x, n=2: x * n, **options)
        for f in (asked, default, default._of(lambda x, n=2: x * n)):
            f(1.0)
            assert ("has not begun" in f.report().remark) == (f is not asked)


@pytest.mark.parametrize("error", [ValueError("one\ntwo"), AssertionError(), RecursionError("deep")])
def test_an_error_in_a_backend(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: Exception
) -> None:
    """If a backend fails, the program stays on NumPy, the report says why, and nothing is printed."""

    def failing(*args: Any) -> Run:
        raise error

    monkeypatch.setitem(compiled.BACKENDS, "loops", compiled.Backend(failing, with_numpy))
    f = Jitted(lambda x: x * 2.0, "loops")
    f(1.0)
    f.wait()
    assert f(3.0) == 6.0
    assert f.report().backend == "numpy"
    assert f.report().remark.startswith(f"loops does not run it: {type(error).__name__}")
    assert "two" not in f.report().remark
    assert capfd.readouterr() == ("", "")


def test_large_programs_are_interpreted() -> None:
    """Programs too large for Numba to compile are interpreted by it, without another compilation."""

    def f(x: Any) -> Any:
        for i in range(400):
            x = autograd.sin(x) * float(i)
        return x

    compiled = jit(f, backend="numba")
    compiled(0.5)
    compiled.wait()
    assert compiled.report().backend == "numba"
    assert compiled(0.25) == pytest.approx(f(0.25), rel=1e-12)


def test_many_numbers() -> None:
    """Many scalar arguments and results are passed in one array."""
    f = on("numba", lambda xs: [x * x + i for i, x in enumerate(xs)], [0.5] * 60)
    xs = [float(i) for i in range(60)]
    assert f(xs) == [x * x + i for i, x in enumerate(xs)]


def test_threads() -> None:
    """Calls from many threads, with two shapes, are right while the program is replaced."""
    f = jit(lambda x: (x * x).sum() * x, backend="numba")
    wrong: list[Any] = []

    def work(size: int) -> None:
        for i in range(300):
            x = np.arange(float(size)) + i
            if not np.allclose(f(x), (x * x).sum() * x, rtol=1e-12):
                wrong.append((size, i))

    threads = [threading.Thread(target=work, args=(size,)) for size in (2, 9, 2, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    f.wait()
    assert wrong == []
    work(2)
    work(9)
    assert wrong == []


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Numba, NumPy is the default, and requesting Numba says what to install."""
    monkeypatch.setattr(sys.modules["autograd.compiler.jitted"], "find_spec", lambda name: None)
    f = jit(lambda x: x * 2.0)
    assert f(2.0) == 4.0
    f.wait()
    assert f.report().backend == "numpy"
    with pytest.raises(ImportError, match=r"pip install 'chainrule\[jit\]'"):
        jit(lambda x: x, backend="numba")


def test_unknown_backends() -> None:
    """An unknown backend raises a ValueError that lists the known ones."""
    with pytest.raises(ValueError, match="'numpy', 'numba' or 'jax', got 'fortran'"):
        jit(lambda x: x, backend="fortran")


def test_programs_that_are_gone_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queued program whose function was deleted is not compiled."""
    made: list[int] = []
    hold = threading.Event()

    def counting(*args: Any) -> Run:
        made.append(1)
        hold.wait()
        return interpreted(*args)

    monkeypatch.setitem(compiled.BACKENDS, "loops", compiled.Backend(counting, with_numpy))
    first, second = Jitted(lambda x: x * 2.0, "loops"), Jitted(lambda x: x * 3.0, "loops")
    first(1.0)
    second(1.0)
    del second
    gc.collect()
    hold.set()
    first.wait()
    last = Jitted(lambda x: x * 4.0, "loops")
    last(1.0)
    last.wait()
    assert len(made) == 2


# ----------------------------------------------------------------------------------------------- cache

PROGRAM = """
import sys
import numpy as np
from autograd import jit, exp

f = jit(lambda x: exp(x) * 2.0, backend="numba")
assert "numba" not in sys.modules
print(f(np.ones(3)).tolist() == (f(np.ones(3))).tolist())
f.wait()
print(f(np.ones(3)).tolist()[0], f.report().backend)
"""


def run_program(cache: Path, program: str = PROGRAM) -> list[str]:
    """Return the output of a program in a subprocess with the given cache directory."""
    root = str(Path(autograd.__file__).parent.parent)
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"CHAINRULE_CACHE": str(cache), "PYTHONPATH": root, "HOME": str(cache)},
    )
    assert out.stderr == ""
    return out.stdout.split()


def test_the_cache_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The least recently used programs are deleted."""
    from autograd.compiler.runtime import cache

    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "KEPT", 2)
    paths = [cache.stored(f"x = {i}") for i in range(4)]
    assert [path.exists() for path in paths if path] == [False, False, True, True]


@pytest.mark.parametrize("seconds", [0.0, 0.4, 0.8])
def test_exit_while_compiling(tmp_path: Path, seconds: float) -> None:
    """A process that ends while Numba compiles prints nothing."""
    program = f"import time\n{PROGRAM.split('f.wait()')[0]}\ntime.sleep({seconds})"
    assert run_program(tmp_path, program) == ["True"]


WIDE: dict[str, Any] = {
    "a long list": [0.1 * i for i in range(20)],
    "rows": [[0.1 * i, 0.2 * i] for i in range(10)],
    "long rows": [[0.1 * i * j for j in range(12)] for i in range(2)],
    "whole numbers among them": [1, 2, *(0.5 * i for i in range(10))],
    "a dict of rows": {"a": [0.5] * 10, "b": [[0.1, 0.2]] * 6},
    "pairs": [(0.1 * i, 0.2) for i in range(10)],
    "arrays among them": [np.ones(2), *(0.5 * i for i in range(10))],
    "rows in a tuple": tuple([0.1 * i, 0.2 * i] for i in range(10)),
}


def sum_of_squares(tree: Any) -> Any:
    """Return the sum of the squares of all numbers of a tree."""
    if isinstance(tree, dict):
        return sum_of_squares(list(tree.values()))
    if isinstance(tree, list | tuple):
        return autograd.sum([sum_of_squares(part) for part in tree])
    return (tree * tree).sum() if isinstance(tree, np.ndarray) else tree * tree


@pytest.mark.parametrize("name", WIDE)
def test_many_numbers_are_one_array(name: str) -> None:
    """Long lists of numbers, and of rows, are compiled as arrays and returned in their original structure."""
    compiled = jit(value_and_grad(sum_of_squares), backend="numpy")
    value, gradient = value_and_grad(sum_of_squares)(WIDE[name])
    for _ in range(3):  # The first call compiles, the second writes a reader, the third uses it.
        found, slopes = compiled(WIDE[name])
        assert found == pytest.approx(value, rel=1e-15)
        assert type(slopes) is type(gradient)
        np.testing.assert_equal(slopes, gradient)
    if name not in ("arrays among them", "rows in a tuple"):
        assert compiled.report().classes < 30


def test_lists_of_other_lengths() -> None:
    """A list of another length or with other contents is not mistaken for the previous one."""
    compiled = jit(sum_of_squares, backend="numpy")
    for size in (9, 10, 9, 3, 10):
        assert compiled([2.0] * size) == 4.0 * size
    assert compiled([2.0] * 8 + [np.ones(3)]) == 35.0
    assert compiled([2.0] * 9) == 36.0
    assert compiled([2.0] * 8 + [3]) == 41.0
