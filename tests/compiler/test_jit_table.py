"""Irregular programs: scheduled as a table and interpreted by NumPy or Numba."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import rounds
from programs import call_public

import autograd
from autograd import OPS, Op, Value, jit, value_and_grad, vmap
from autograd.compiler import compile as compiled
from autograd.compiler.numba import table as numba_interpreter
from autograd.compiler.numpy import table as interpreter
from autograd.compiler.passes.expand_choices import CHOICES
from autograd.compiler.passes.multiply_add import combine
from autograd.compiler.passes.simplify import used
from autograd.compiler.table.schedule import is_schedulable, schedule
from autograd.compiler.trace.tape import tape_of
from autograd.engine.apply import apply, apply_variadic
from autograd.ops.table import COMPARISONS
from autograd.transforms.batch_operations import lane, stack, total

BACKENDS = ["numpy", "numba"]

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-320, 1e308, inf, -inf, nan]

# Single instructions and choices, which must be right to the last bit.
EXACT = {op.name for op in (*OPS.values(), *COMPARISONS.values()) if rounds(op) != "freely"}


@pytest.fixture(autouse=True)
def _everything_is_irregular(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every program interpreted, however few arrays it has."""
    monkeypatch.setattr(compiled, "_MOST_ARRAYS", 0)
    monkeypatch.setattr(compiled, "_FEWEST_NUMBERS", inf)


def interpreted(backend: str, f: Callable[..., Any], *args: Any) -> Any:
    """Return a compiled function that is already interpreted on a backend."""
    if backend == "numba":
        pytest.importorskip("numba")
    function = jit(f, backend=backend)
    function(*args)
    function.wait()
    report = function.report()
    assert report.backend == backend, report
    assert report.interpreted, report
    return function


def bits(tree: Any) -> list[str]:
    """Return the numbers of a list of numbers and arrays in hex, to compare every bit."""
    return [float(number).hex() for leaf in tree for number in np.ravel(leaf)]


def irregular(size: int, seed: int) -> Callable[[Any], Any]:
    """Return a function whose operations have no pattern."""
    rng = random.Random(seed)
    steps = [
        (rng.choice(["add", "sub", "mul", "max"]), rng.randrange(4 + i), rng.randrange(4 + i))
        for i in range(size)
    ]

    def f(x: Any) -> Any:
        numbers = [x[0], x[1], x[2], x[0] * 0.5]
        for name, a, b in steps:
            number = call_public(OPS[name], numbers[a], numbers[b])
            numbers.append(number if name != "mul" else autograd.sin(number))
        return numbers[-1] + numbers[-2] * numbers[-3]

    return f


@pytest.mark.parametrize("backend", [*BACKENDS, "jax"])
@pytest.mark.parametrize("samples", [0, inf])
def test_arguments_that_nobody_reads(backend: str, samples: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The length of an array that is not read may change: numbers behind it are found as before."""
    monkeypatch.setattr(compiled, "_FEWEST_NUMBERS", samples)
    if backend == "jax":
        pytest.importorskip("jax")
    f = irregular(40, 1)
    x = np.array([0.3, -0.7, 1.1, 0.2])

    def of_last(unread: Any, x: Any) -> Any:
        vmap(lambda y: y * 2.0)(unread)
        return f(x) * 3.0 + 0.7

    expected = of_last(np.ones(4), x)
    function = jit(of_last, backend=backend)
    for length in (4, 7, 2, 4):
        np.testing.assert_allclose(function(np.full(length, 9.0), x), expected, rtol=1e-14)
    function.wait()
    for length in (7, 2):
        np.testing.assert_allclose(function(np.full(length, 9.0), x), expected, rtol=1e-14)
    assert function.report().interpreted


# ----------------------------------------------------------------------------------------------- results


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("samples", [2, 7, 8, 9, 21])
def test_batches(backend: str, samples: int) -> None:
    """Batches of any size are right, also if they do not fill the last vector."""
    f = irregular(60, seed=samples)
    x = np.random.default_rng(samples).normal(size=(samples, 3))
    program = interpreted(backend, vmap(value_and_grad(f)), x)
    expected = [value_and_grad(f)(row) for row in x * 0.9]
    values, gradients = program(x * 0.9)
    np.testing.assert_allclose(values, [value for value, _ in expected], rtol=1e-12)
    np.testing.assert_allclose(gradients, [gradient for _, gradient in expected], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_arithmetic_is_exact(backend: str) -> None:
    """Without sums to reorder, results equal eager ones bit for bit."""
    f = irregular(100, seed=1)
    x = np.random.default_rng(1).normal(size=(9, 3))

    def exact(x: Any) -> Any:
        return f(x) * 1.0

    with_calls = interpreted(backend, vmap(exact), x)(x)
    # NumPy's sine of an array may differ from the C library's in the last place.
    if backend == "numba":
        assert bits([with_calls]) == bits([exact(row) for row in x])
    np.testing.assert_allclose(with_calls, [exact(row) for row in x], rtol=1e-14)


def rows() -> list[Op]:
    """Return the rows that the interpreters support."""
    return [op for op in (*OPS.values(), *COMPARISONS.values()) if not op.variadic]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch", [False, True])
def test_special_numbers(backend: str, batch: bool) -> None:
    """At ties, signed zeros, inf and nan every row agrees with an eager call."""
    some = rows()

    def each(at: Any) -> list[Any]:
        x, y = at
        operands = (x, y, x)
        return [
            apply(op, *operands[: len(op.partials)]) if op.name in OPS else compare(op, x, y) for op in some
        ]

    def compare(op: Op, x: Any, y: Any) -> Any:
        holds = getattr(x, f"__{op.name}__")(y)
        return holds if isinstance(holds, Value) else float(holds)

    points = np.array([(x, y) for x in SPECIAL for y in SPECIAL])
    f = vmap(each) if batch else lambda points: [each(point) for point in points[:12]]
    found = np.array(interpreted(backend, f, np.ones_like(points))(points), dtype=float)
    found = found.T if batch else found
    for point, numbers in zip(points, found, strict=False):
        with np.errstate(all="ignore"):
            expected = [float(v) for v in each([Value(number) for number in point.tolist()])]
        for op, ours, theirs in zip(some, numbers, expected, strict=True):
            if op.name == "pow" and point[1] == 0.5 and point[0] == -inf:
                continue  # NumPy's own (-inf)**0.5 is nan for a number, and inf for an array.
            if op.name in EXACT or not np.isfinite(theirs):
                assert repr(float(ours)) == repr(theirs), (op.name, point)
            else:
                assert abs(ours - theirs) <= 4.0 * np.spacing(abs(theirs)), (op.name, point)


@pytest.mark.parametrize("backend", BACKENDS)
def test_reductions_step_by_step(backend: str) -> None:
    """Reductions with at most one accumulator are interpreted step by step."""
    stepwise = [
        op for op in OPS.values() if op.variadic and (not op.reduction or len(op.reduction.accumulators) == 1)
    ]
    assert {op.name for op in stepwise} >= {"sum", "dot", "mean", "prod", "norm"}

    def each(x: Any) -> list[Any]:
        columns = ([x[0], x[1], x[1] * x[2]], [x[2], x[0], x[0]])
        return [apply_variadic(op, *columns[: len(op.partials)]) for op in stepwise]

    points = np.array([[0.5, -1.5, 2.5], [0.0, -2.0, 0.0], [0.0, 0.0, 0.0], [3e200, 4e200, 1e-100]])
    with np.errstate(all="ignore"):
        found = np.transpose(interpreted(backend, vmap(each), points)(points))
        np.testing.assert_allclose(found, [each(point) for point in points], rtol=1e-14)
        for point in points:
            alone = interpreted(backend, each, points[0])(point)
            np.testing.assert_allclose(alone, each(point), rtol=1e-14)


# ----------------------------------------------------------------------------------------------- the table


def test_the_source_runs_on_its_own() -> None:
    """The source is a NumPy module that gives the same results."""
    x = np.random.default_rng(0).normal(size=(5, 3))
    program = interpreted("numpy", vmap(value_and_grad(irregular(40, seed=0))), x)
    namespace: dict[str, Any] = {}
    exec(program.source, namespace)
    assert "import autograd" not in program.source
    assert bits(namespace["program"](x)) == bits(program(x))


def test_numbers_that_stand_in_order_are_slices_in_the_source() -> None:
    """Arrays are slices of one memory, without dimensions of one element."""
    f = interpreted("numpy", lambda x: np.sin(x).sum() / x[0].sum(), np.ones((3, 4)))
    _, _, statements = f.source.partition("memory[:12] = np.concatenate([np.ravel(x), []])\n")
    assert [line.strip() for line in statements.splitlines()[:4]] == [
        "memory[12:24] = np.sin(memory[0:12])",
        "memory[24:25] = np.sum(memory[0:4], axis=-1)",
        "memory[25:26] = np.sum(memory[12:24], axis=-1)",
        "memory[26:27] = memory[25:26].reshape(()) / memory[24:25].reshape(())",
    ]


def test_the_report() -> None:
    """The report says that no pattern was found, and how many operations are interpreted."""
    program = interpreted("numpy", vmap(irregular(40, seed=0)), np.ones((2, 3)))
    assert "no pattern; " in repr(program.report())
    assert program.report().interpreted > 20


def test_large_memories_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The NumPy interpreter splits a batch that would need too much memory."""
    x = np.random.default_rng(0).normal(size=(5, 3))
    f = vmap(irregular(40, seed=0))
    whole = interpreted("numpy", f, x)(x)
    monkeypatch.setattr(interpreter, "_MOST_NUMBERS", 100)
    assert bits(interpreted("numpy", f, x)(x)) == bits(whole)


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large batch is split among threads, with the same results."""
    pytest.importorskip("numba")
    x = np.random.default_rng(0).normal(size=(50, 3))
    program = interpreted("numba", vmap(irregular(40, seed=0)), x)
    alone = program(x)
    monkeypatch.setattr(numba_interpreter, "_WORTH_THREADS", 0)
    assert bits(program(x)) == bits(alone)


def test_slots_are_given_away() -> None:
    """A chain of any length needs two slots."""
    x = Value(1.0)
    y = x
    for _ in range(50):
        y = (y + x) * x
    tape = tape_of([y], [[x]])
    table = schedule(tape, [()], [tape.outputs])
    assert table.slots == 2
    assert len(table.table) == 100


def test_what_is_not_schedulable() -> None:
    """Programs with a sum over samples, a single lane used alone, or logsumexp cannot be scheduled."""
    x, y = Value(1.0), Value(2.0)
    both = stack([x, y])
    for result in (total(both, 2), lane(both, 0) * y, autograd.logsumexp([x, y])):
        assert not is_schedulable(tape_of([result], [[x, y]]))
    assert is_schedulable(tape_of([lane(both * x, 1)], [[x, y]]))


def test_programs_with_such_parts_are_right_all_the_same() -> None:
    """A program that cannot be scheduled becomes an array program."""
    f = jit(lambda x: autograd.logsumexp(x) * x[0], backend="numpy")
    assert f(np.array([1.0, 2.0])) == pytest.approx(np.logaddexp(1.0, 2.0))
    assert f.report().classes > 0


@pytest.mark.parametrize(
    "build", [lambda c, x, y: c + x * y, lambda c, x, y: x * y + c, lambda c, x, y: -x + c]
)
@given(c=st.floats(-1e6, 1e6), x=st.floats(-1e6, 1e6), y=st.floats(-1e6, 1e6))
def test_combining_keeps_every_bit(build: Any, c: float, x: float, y: float) -> None:
    """A product or negation fused with its addition gives the same bits."""
    leaves = [Value(number) for number in (c, x, y)]
    node = build(*leaves)
    tape = combine(tape_of([node], [leaves]))
    table = schedule(used(tape), [(3,)], [used(tape).outputs])
    assert len(table.table) == 1
    run = interpreter.interpreted(table, [()], interpreter.with_numpy(table))
    assert bits(run(np.array([c, x, y]))) == bits([node.data])


def test_the_kernel_knows_every_row() -> None:
    """The compiled interpreter has a case for each row except the choices."""
    known = {op.name for op in numba_interpreter.KINDS}
    assert {op.name for op in rows() if op not in CHOICES} <= known
