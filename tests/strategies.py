"""Random expressions over the table, which can be evaluated on any kind of number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from math import pi
from typing import Any

from hypothesis import strategies as st
from oracles import Point, intervals, public, split

from autograd import OPS, Op

Call = Callable[..., Any]
"""How to apply a row to its arguments, on one kind of number: ``call(op, *arguments)``."""


@dataclass(frozen=True)
class Operand:
    """An earlier result by its index, or a constant; brought into an interval where one is given."""

    source: int | float
    interval: tuple[float, float] | None = None

    def on(self, call: Call, number: Callable[[float], Any], results: Sequence[Any]) -> Any:
        """Return what it stands for."""
        value = results[self.source] if isinstance(self.source, int) else number(self.source)
        if self.interval is None:
            return value
        low, high = self.interval
        return call(OPS["arctan"], value) * ((high - low) / pi) + (high + low) / 2


@dataclass(frozen=True)
class Step:
    """One row, by its name, applied to operands."""

    name: str
    operands: tuple[Operand, ...]

    def on(self, call: Call, number: Callable[[float], Any], results: Sequence[Any]) -> Any:
        """Return the result."""
        op = OPS[self.name]
        return call(op, *split(op, [operand.on(call, number, results) for operand in self.operands]))


@dataclass(frozen=True)
class Expression:
    """Steps that use each other's results, and a point at which every row is inside its domain.

    The value is the sum of all results. So each step counts, and each result but the last is used
    at least twice.
    """

    point: Point
    steps: tuple[Step, ...]

    def on(self, call: Call, number: Callable[[float], Any], variables: Sequence[Any]) -> Any:
        """Return the value for variables of one kind of number; `number` makes one of a constant."""
        results = list(variables)
        for step in self.steps:
            results.append(step.on(call, number, results))
        return call(OPS["sum"], results[len(variables) :])


def call_public(op: Op, *arguments: Any) -> Any:
    """Apply a row as users do, to floats or `Value`s."""
    return public(op)(*arguments)


def _inside(source: int | float, interval: tuple[float, float], results: Sequence[float]) -> Operand:
    """Return the operand, brought into the interval if it is outside."""
    number = results[source] if isinstance(source, int) else source
    return Operand(source, None if interval[0] <= number <= interval[1] else interval)


@st.composite
def expressions(draw: st.DrawFn) -> Expression:
    """Draw an expression of one to four variables and two to eight steps."""
    coordinates = st.floats(-3.0, 3.0, allow_subnormal=False)
    point = tuple(draw(st.lists(coordinates, min_size=1, max_size=4)))
    results = list(point)
    steps: list[Step] = []
    for _ in range(draw(st.integers(2, 8))):
        op = OPS[draw(st.sampled_from(list(OPS)))]
        domains = intervals(op, size=2)
        last = len(results) - 1
        sources = [draw(st.integers(0, last) | st.floats(*domain)) for domain in domains[:-1]]
        # The last operand is the last result, so that depth grows with the number of steps.
        operands = map(_inside, [*sources, last], domains, repeat(results))
        steps.append(Step(op.name, tuple(operands)))
        results.append(float(steps[-1].on(call_public, float, results)))
    return Expression(point, tuple(steps))
