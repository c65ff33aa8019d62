"""Loops of a trace: a recurrence that is recorded once, however many steps it takes.

A loop carries some numbers from step to step. Its body is a graph of its own, from what a step is given (the
carried numbers, and what the body takes from around it) to what is carried on. Whatever does not depend on
the carried numbers is no part of it, but varies along the axis of the steps like any other column. So are the
numbers that a step began with, from which everything else that a step computes is computed for all steps at
once.

The derivative of a loop is another loop: forward with tangents, or back from the last step with adjoints.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

from ..engine.apply import record
from ..engine.graph import consumers_first
from ..engine.tracing import trace_also
from ..engine.value import Value
from ..functions.axes import Axes, Axis, AxisTrace, along, axis_trace, total_over
from ..ops.structural import OfAttributes, Piece, Structural, When
from .substitution import substituted
from .sweeps import adjoints_of, push

Scalar = Value | float
Shapes = tuple[tuple[int, ...], ...]

Step = Callable[[Sequence[Value]], tuple[Sequence[Scalar], Sequence[Scalar]]]
"""From the carried numbers to those that are carried on, and to what else the step computes."""


class Body(NamedTuple):
    """What a loop does in one step.

    Attributes
    ----------
    carried : list of Value
        The numbers that the step is given by the one before, as leaves.
    taken : list of Value
        Those that it is given from around the loop, as leaves.
    results : list of Value or float
        The numbers that are carried on.
    axes : list of frozenset of Axis
        The axes that each carried number varies along, without that of the steps.
    level : int
        The level of the body.
    """

    carried: list[Value]
    taken: list[Value]
    results: list[Scalar]
    axes: list[Axes]
    level: int


@dataclass(eq=False, repr=False)
class Loop(Structural):
    """All steps of a recurrence. Its operands are what is carried into the first, and what the body takes.

    It stands for no number itself: see `Carried`.

    Attributes
    ----------
    body : Body
        One step.
    axis : Axis
        The steps.
    is_reversed : bool
        Whether the last step comes first.
    shapes : tuple of tuple of int
        The arrays that the carried numbers are elements of, one after the other.
    taken_axes : list of frozenset of Axis
        The axes that what the body takes from around it varies along.
    """

    body: Body
    axis: Axis
    is_reversed: bool
    shapes: Shapes
    taken_axes: Sequence[Axes]
    name = "loop"
    variadic = True
    settles_axes = True

    def axes(self, of_operands: Sequence[Axes]) -> Axes:
        """Return none: only what it carries varies."""
        return frozenset()

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return what flows back to each operand: the loop of the adjoints, from the last step."""
        return _pulled(self, node, adjoint, wanted)

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the loop of the tangents, by which `Carried` finds its own."""
        return _pushed(self, node, tangents)

    def apply(self, *operands: Any) -> Any:
        """Return the same loop of other operands."""
        return _recorded(self, operands)


@dataclass(eq=False, repr=False)
class Carried(OfAttributes):
    """A number that a loop carries.

    Attributes
    ----------
    which : int
        Which of the carried numbers.
    when : {"given", "left", "last"}
        Whether it is what each step is given, what each step leaves, or what the last one leaves.
    of : frozenset of Axis
        The axes of the number, without the steps.
    axis : Axis
        The steps.
    """

    which: int
    when: When
    of: Axes
    axis: Axis
    name = "carried"
    settles_axes = True

    def axes(self, of_operands: Sequence[Axes]) -> Axes:
        """Return the axes of the number, and the steps unless it is the last."""
        return self.of if self.when == "last" else self.of | {self.axis}

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return the adjoint, as a piece of what flows to the loop."""
        return [Piece((self.which, self.when), adjoint)]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the number that the loop of the tangents carries."""
        (tangent,) = tangents
        return tangent.of(self.which, self.when)

    def apply(self, *operands: Any) -> Any:
        """Return the same number of another loop."""
        return carried(operands[0], self.which, self.when)


class AllSteps(NamedTuple):
    """What a loop gives.

    Attributes
    ----------
    given, left : list of Value or float
        The carried numbers that each step is given, and that it leaves, along the axis of the steps.
    last : list of Value or float
        Those that the last step leaves.
    computed : list of Value or float
        What else each step computes, along the axis.
    """

    given: Sequence[Scalar]
    left: Sequence[Scalar]
    last: Sequence[Scalar]
    computed: Sequence[Scalar]


def loop(axis: Axis, first: Sequence[Scalar], step: Step, shapes: Shapes, *, is_reversed: bool) -> AllSteps:
    """Record a loop in a trace whose arrays stay whole.

    Parameters
    ----------
    axis : Axis
        The steps.
    first : sequence of Value or float
        What the first step is given.
    step : callable
        One step. It is called again if what it carries turns out to vary along further axes.
    shapes : tuple of tuple of int
        The arrays that the carried numbers are elements of.
    is_reversed : bool
        Whether the last index of the axis comes first.

    Returns
    -------
    AllSteps
        The numbers of all steps.
    """
    trace = _trace()
    of_carried = [trace.axes_of(x) if isinstance(x, Value) else frozenset() for x in first]
    while True:
        leaves = [Value(x._data if isinstance(x, Value) else x) for x in first]
        level = trace_also(leaves)
        for leaf, axes in zip(leaves, of_carried, strict=True):
            trace.vary(leaf, axes | {axis})
        with along(trace, axis):
            results, computed = step(leaves)
        found = [trace.axes_of(x) - {axis} if isinstance(x, Value) else frozenset() for x in results]
        if all(new <= old for new, old in zip(found, of_carried, strict=True)):
            break
        of_carried = [new | old for new, old in zip(found, of_carried, strict=True)]
    around = _taken(results, level)
    taken = [Value(x._data) for x in around]
    for leaf, x in zip(taken, around, strict=True):
        leaf._level = level
        trace.vary(leaf, trace.axes_of(x))
    replaced = _replaced(results, dict(zip(around, taken, strict=True)), level)
    body = Body(leaves, taken, replaced, of_carried, level)
    of_taken = [trace.axes_of(x) for x in around]
    node = _recorded(Loop(body, axis, is_reversed, shapes, of_taken), [*first, *around])
    given, left, last = ([carried(node, k, when) for k in range(len(first))] for when in get_args(When))
    around_step = _known(leaves, results, given, left)
    return AllSteps(given, left, last, _replaced(computed, around_step, level))


def _known(
    leaves: Sequence[Value], results: Sequence[Scalar], given: Sequence[Value], left: Sequence[Value]
) -> dict[Value, Any]:
    """Return what carried numbers are for all steps at once; what a step leaves is not computed again."""
    known = {result: x for result, x in zip(results, left, strict=True) if isinstance(result, Value)}
    return known | dict(zip(leaves, given, strict=True))


def carried(node: Value, which: int, when: When) -> Value:
    """Return a number that a loop carries."""
    op = node.op
    assert isinstance(op, Loop)
    number = op.body.carried[which]._data
    return record(Carried(which, when, op.body.axes[which], op.axis), number, (node,), (1.0,))


def _trace() -> AxisTrace:
    trace = axis_trace()
    assert trace is not None
    return trace


def _recorded(op: Loop, operands: Sequence[Any]) -> Value:
    partials = tuple([1.0 if isinstance(x, Value) else None for x in operands])
    return record(op, 0.0, tuple([x if isinstance(x, Value) else float(x) for x in operands]), partials)


def _taken(results: Sequence[Scalar], level: int) -> list[Value]:
    """Return what is used inside a body, but computed around it."""
    inside = consumers_first(*[x for x in results if isinstance(x, Value)], level=level)
    known = {*inside}
    used = [x for node in reversed(inside) for x in node.args if isinstance(x, Value) and x not in known]
    alone = [x for x in results if isinstance(x, Value) and x not in known]
    return [*dict.fromkeys([*used, *alone])]


def _replaced(items: Sequence[Any], new: Mapping[Value, Any], level: int) -> list[Any]:
    """Return numbers with some of what they are computed from replaced."""
    made = substituted([x for x in items if isinstance(x, Value)], new, level)
    return [made.get(x, x) if isinstance(x, Value) else x for x in items]


# ------------------------------------------------------------------------------------------ derivatives


def _around(op: Loop, node: Value) -> dict[Value, Any]:
    """Return what the leaves of a body stand for in any step."""
    body, count = op.body, len(op.body.carried)
    given, left = ([carried(node, which, when) for which in range(count)] for when in ("given", "left"))
    taken = dict(zip(body.taken, node.args[count:], strict=True))
    return _known(body.carried, body.results, given, left) | taken


def _pulled(
    op: Loop, node: Value, adjoint: Mapping[tuple[int, When], Any], wanted: Container[Any]
) -> list[Any]:
    body, count = op.body, len(op.body.carried)
    around = _around(op, node)
    taken = [leaf for leaf in body.taken if around[leaf] in wanted]
    order = consumers_first(*[x for x in body.results if isinstance(x, Value)], level=body.level)

    def step(adjoints: Sequence[Value]) -> tuple[list[Scalar], list[Scalar]]:
        left = [_plus(a, adjoint.get((which, "left"), 0.0)) for which, a in enumerate(adjoints)]
        pairs = [(x, a) for x, a in zip(body.results, left, strict=True) if isinstance(x, Value)]
        outputs, seeds = [x for x, _ in pairs], [a for _, a in pairs]
        found = adjoints_of(order, outputs, seeds, [*body.carried, *taken], as_graph=True)
        flows = [found.get(leaf, 0.0) for leaf in (*body.carried, *taken)]
        of_all = _replaced(flows, around, body.level)
        given = [adjoint.get((which, "given"), 0.0) for which in range(count)]
        return [_plus(x, y) for x, y in zip(of_all[:count], given, strict=True)], of_all[count:]

    last = [adjoint.get((which, "last"), 0.0) for which in range(count)]
    steps = loop(op.axis, last, step, op.shapes, is_reversed=not op.is_reversed)
    of_taken = dict(zip(taken, steps.computed, strict=True))
    flows: list[Any] = [*steps.last]
    for leaf, x in zip(body.taken, node.args[count:], strict=True):
        flow = of_taken.get(leaf)
        if flow is not None and op.axis not in _trace().axes_of(x):  # type: ignore[arg-type]
            flow = total_over(flow, op.axis)
        flows.append(flow)
    return [
        flow if isinstance(x, Value) and x in wanted else None
        for x, flow in zip(node.args, flows, strict=True)
    ]


class Tangent(NamedTuple):
    """The tangents of a loop: those of its carried numbers."""

    steps: AllSteps

    def of(self, which: int, when: When) -> Scalar:
        """Return the tangent of a carried number."""
        return {"given": self.steps.given, "left": self.steps.left, "last": self.steps.last}[when][which]


def _pushed(op: Loop, node: Value, tangents: Sequence[Any]) -> Tangent:
    body, count = op.body, len(op.body.carried)
    around = _around(op, node)
    order = consumers_first(*[x for x in body.results if isinstance(x, Value)], level=body.level)
    outputs = [x for x in body.results if isinstance(x, Value)]

    def step(given: Sequence[Value]) -> tuple[list[Scalar], list[Scalar]]:
        moves = [*given, *tangents[count:]]
        found = iter(push(order, outputs, [*body.carried, *body.taken], moves, as_graph=True))
        pushed = [next(found) if isinstance(x, Value) else 0.0 for x in body.results]
        return _replaced(pushed, around, body.level), []

    first = [0.0 if tangent is None else tangent for tangent in tangents[:count]]
    return Tangent(loop(op.axis, first, step, op.shapes, is_reversed=op.is_reversed))


def _plus(x: Scalar, y: Scalar) -> Scalar:
    if not isinstance(x, Value) and x == 0.0:
        return y
    return x if not isinstance(y, Value) and y == 0.0 else x + y
