"""Compiling leaves the cyclic collector, which belongs to the whole process, on, and creates few objects."""

from __future__ import annotations

import gc

import pytest

import autograd
from autograd import Value, jit
from autograd.compiler.passes.reductions import find_reductions
from autograd.compiler.passes.simplify import simplify
from autograd.compiler.trace.tape import Tape, tape_of


def test_the_collector_runs_while_a_function_is_compiled() -> None:
    """The collector stays on while a function is compiled, since other threads may create cycles."""
    found = []

    def f(x: Value) -> Value:
        found.append(gc.isenabled())
        return x * 2.0

    assert jit(f)(1.0) == 2.0
    assert set(found) == {True}


def _visited(size: int) -> int:
    """Return the number of objects that the collector visits for tapes of a given size."""
    x = [Value(float(i)) for i in range(4)]
    y = [x[0]]
    for i in range(size):
        y.append(y[-1].sin() * x[i % 4] + autograd.sum(y[-3:]))
    gc.collect()
    before = len(gc.get_objects())
    tapes: list[Tape] = [tape_of(y, [x])]
    tapes.append(simplify(tapes[-1]))
    tapes.append(find_reductions(tapes[-1]).tape)
    # The collector stops tracking tuples of numbers once it has visited them.
    gc.collect()
    return len(gc.get_objects()) - before


@pytest.mark.uncounted
@pytest.mark.parametrize("size", [100, 400])
def test_tapes_are_few_objects(size: int) -> None:
    """A tape of any length is few objects to the collector."""
    _visited(10)
    assert _visited(size) < 40
