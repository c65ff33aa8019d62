"""A plan contains all that a backend needs, shown by a backend that uses nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from array_programs import ArrayProgram, array_programs
from comparing import evaluated, same
from hypothesis import given, settings
from hypothesis import strategies as st
from loops_backend import interpreted, on

from autograd import Value, jit, vmap
from autograd.compiler import compile as compiled
from autograd.compiler.arguments.call import Call
from autograd.compiler.arrays import layout
from autograd.compiler.arrays.plan import Block, Plan, Results
from autograd.compiler.numpy.table import with_numpy
from autograd.compiler.passes.reductions import find_reductions
from autograd.compiler.passes.simplify import simplify
from autograd.compiler.recording import ArrayForm, recorded
from autograd.compiler.runtime.program import Run
from autograd.compiler.trace.tape import tape_of
from autograd.ops.rules import on_arrays, on_floats
from autograd.transforms.batch_operations import stack, total


def computed(block: Block, taken: Sequence[Any]) -> Any:
    """Return the numbers of a block from its operands."""
    if block.product is not None:
        left, right = taken
        return left @ right.T
    if block.targets:
        found = np.empty(block.size)
        for target, numbers in zip(block.targets, taken, strict=True):
            found[target] = numbers
        return found
    assert block.op is not None
    if block.is_reduction:
        rows = zip(*[numbers.reshape(block.size, -1).tolist() for numbers in taken], strict=True)
        return np.array([on_floats(block.op).value(*row) for row in rows])
    if block.op.variadic:
        columns = np.stack(taken).reshape(len(taken), -1).T.tolist()
        return np.array([on_floats(block.op).value(*block.op.columns(column)) for column in columns])
    return on_arrays(block.op).value(*taken)


def of_plan(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> Run:
    """Return a program that evaluates a plan block by block."""

    def run(*arguments: Any) -> tuple[Any, ...]:
        flat: dict[int, Any] = {}
        for colour, block in plan.blocks.items():
            given = [block.argument is not None, block.constants is not None, bool(block.targets)]
            assert sum([block.op is not None, *given]) == 1
            if block.argument is not None:
                assert block.shape == shapes[block.argument]
                flat[colour] = np.ravel(arguments[block.argument])
            elif block.constants is not None:
                flat[colour] = block.constants
            else:
                operands = block.operands if block.product is None else block.product
                taken = [flat[operand.source][operand.wanted] for operand in operands]
                flat[colour] = np.broadcast_to(np.ravel(computed(block, taken)), block.size)
        places = [[plan.place[i] for i in instructions] for instructions, _ in results]
        found = [np.array([flat[colour][at] for colour, at in numbers]) for numbers in places]
        return tuple(
            numbers.reshape(shape) if shape else float(numbers[0])
            for numbers, (_, shape) in zip(found, results, strict=True)
        )

    return np.errstate(all="ignore")(run)


@pytest.fixture(autouse=True, scope="module")
def _plainly() -> Any:
    compiled.BACKENDS["plainly"] = compiled.Backend(of_plan, with_numpy)
    compiled.BACKENDS["loops"] = compiled.Backend(interpreted, with_numpy)
    yield
    del compiled.BACKENDS["plainly"], compiled.BACKENDS["loops"]


def side_by_side(f: Callable[..., Any], first: Any, *args: Any) -> Any:
    """Return what a plan gives that is evaluated block by block, for the first argument or for others.

    It has all elements side by side, since axes are what every backend reads in its own way.
    """
    program, results, _ = recorded(Call(f, (first, *args[1:]), {}), "plainly", ArrayForm(is_whole=False))
    program.improve()
    assert program.report.backend == "plainly", program.report
    return results.build(*program.run(*Call(f, args, {}).arrays))


@settings(max_examples=150)
@given(array_programs())
def test_a_plan_says_all_that_there_is_to_compute(drawn: ArrayProgram) -> None:
    """Evaluating a plan block by block gives the results of an eager call."""

    def results(at: Any) -> list[Any]:
        return [result if np.ndim(result) else result * 1.0 for result in drawn.results(at)]

    found = side_by_side(results, drawn.point(0.3), drawn.point(1.0))
    same(found, evaluated(results, drawn.point(1.0)), 1e-8)


@pytest.mark.parametrize("backend", ["plainly", "loops", "numpy"])
def test_blocks_of_every_kind(backend: str) -> None:
    """An argument, constants, an arrangement, products, a sum along an axis, and terms of several arrays."""

    def f(w: Any, x: Any) -> Any:
        hidden = vmap(lambda row: np.tanh(w @ row + np.array([1.0, 2.0])))(x)
        mixed = np.concatenate([w[0], hidden[:, 1], [3.0]])
        of_several = vmap(lambda number: number * w[0, 0] + w[1, 1])(np.concatenate([w[0], np.sin(x[:, 1])]))
        return {
            "all": hidden,
            "sum": hidden.sum(axis=0),
            "mixed": mixed,
            "of several": of_several,
            "numbers": [*w.ravel(), *x.ravel()],
            "matrix and vector": w @ x[0],
            "vector and matrix": x[:, 0] @ x,
        }

    at = [np.arange(6.0).reshape(2, 3) / 8.0, np.cos(np.arange(12.0)).reshape(4, 3)]
    found = side_by_side(f, at[0], *at) if backend == "plainly" else on(backend, f, *at)(*at)
    same(found, evaluated(f, *at))


def test_a_total_of_what_samples_share() -> None:
    """Of a sum over samples, a term that all of them share is a multiple."""
    x, y, w = Value(2.0), Value(3.0), Value(5.0)
    of_samples = total(stack([x, y]) + w, 2)
    tape = tape_of([of_samples], [[x, y], [w]])
    assert [op.name for op in find_reductions(simplify(tape)).tape.ops if op] == [
        "stack",
        "total sum",
        "mul",
        "add",
    ]
    program = compiled.compiled(tape, [(2,), ()], [()], ["x", "w"])
    assert program.run(np.array([1.0, 2.0]), 10.0) == (23.0,)


def test_constant_factors_of_terms_are_folded() -> None:
    """A term is simplified as any product is: 2 * 3 is 6, and 2 * (3 * x) is 6 * x; a term is there once."""
    x, y, two, three = Value(5.0), Value(7.0), Value(2.0), Value(3.0)
    total = two * three + y + two * (three * x) + x * y + x * y
    reduced = find_reductions(tape_of([total], [[x, y]])).tape
    assert {number for number in reduced.numbers if number is not None} == {6.0, 2.0}
    assert [op.name for op in reduced.ops if op].count("mul") == 3
    program = compiled.compiled(tape_of([total], [[x, y]]), [(2,)], [()], ["x"])
    assert program.run(np.array([5.0, 7.0])) == (6.0 + 7.0 + 30.0 + 70.0,)


@pytest.mark.parametrize("factor", [0.75, -0.75, 1.0])
def test_doubling_makes_nothing_larger_before_it_is_multiplied(factor: float) -> None:
    """Twice (c x) y is computed as eagerly where 2 c x would be infinite."""
    f = jit(lambda x, y: 2.0 * ((factor * x) * y), backend="numpy")
    assert f(1.5e308, 0.25) == 2.0 * ((factor * 1.5e308) * 0.25)


def test_terms_are_found_before_equal_instructions() -> None:
    """Sums that were written twice are one, and so are products, whether or not they are terms."""
    x = [Value(1.0 + i) for i in range(3)]
    sums = [x[0] * x[1] + x[2] + x[0] for _ in range(2)]
    reduced = find_reductions(tape_of([sums[0] * sums[1], x[0] * x[1]], [x])).tape
    names = [op.name for op in reduced.ops if op]
    assert names.count("mul") == 2
    assert reduced.args[reduced.outputs[0]][0] == reduced.args[reduced.outputs[0]][1]


def test_constants_beyond_the_range_of_floats() -> None:
    """Where `math` raises, what is folded is what NumPy gives."""
    with np.errstate(all="ignore"):
        tape = simplify(tape_of([Value(1000.0).exp(), Value(-1.0).log()], []))
    assert [tape.numbers[i] for i in tape.outputs] == [math.inf, pytest.approx(math.nan, nan_ok=True)]


@given(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=2), min_size=1), st.booleans())
def test_equal_rows(rows: list[list[int]], collide: bool) -> None:
    """Each row is found once, in order of position, also where all rows have one hash."""
    with pytest.MonkeyPatch.context() as patch:
        if collide:
            patch.setattr(layout, "_ODD", 0)
        found, which = layout._ranked(np.array(rows, dtype=np.intp))
    assert found.tolist() == sorted(map(list, set(map(tuple, rows))))
    assert found[which].tolist() == rows


def test_rows_whose_hashes_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of positions are compared by a hash, and by themselves where it is no help."""
    rows = np.array([[3, 1], [0, 2], [3, 1], [0, 1]])
    expected = [[0, 1], [0, 2], [3, 1]], [2, 1, 2, 0]
    assert [part.tolist() for part in layout._ranked(rows)] == [*expected]
    monkeypatch.setattr(layout, "_ODD", 0)
    assert [part.tolist() for part in layout._ranked(rows)] == [*expected]
