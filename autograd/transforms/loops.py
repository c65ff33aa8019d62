"""Loops of a trace: a recurrence that is recorded once, however many steps it takes.

A loop carries some numbers from step to step. Its body is a graph of its own, from what a step is given (the
carried numbers, and what the body takes from around it) to what is carried on. Whatever does not depend on
the carried numbers is no part of it, but varies along the axis of the steps like any other column. What each
step was given and what it left vary along this axis, too: from them, all else that a step computes is
computed for all steps at once.

A loop with a condition goes on as long as that holds. It counts its steps while the program runs, and the
axis of its steps is as long; so a loop over what it was given is one like any other.

The derivative of a loop is another loop: forward with tangents, or back from the last step with adjoints.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

from ..engine.apply import record
from ..engine.errors import TracedValueError
from ..engine.graph import consumers_first
from ..engine.tracing import trace_also
from ..engine.user_line import user_line
from ..engine.value import Value
from ..functions.axes import Axes, Axis, AxisTrace, along, length_of, loop_trace, total_over
from ..ops.structural import OfAttributes, Piece, Structural, When
from .batch_tracing import is_for_all_samples
from .substitution import substituted
from .sweeps import adjoints_of, push

Scalar = Value | float
Shapes = tuple[tuple[int, ...], ...]


class OneStep(NamedTuple):
    """What a step computes.

    Attributes
    ----------
    results : list of Value or float
        The numbers that are carried on.
    computed : list of Value or float
        What else it computes.
    condition : Value, float or None
        Whether the step is taken at all, from what it is given; None where the axis says how many there are.
    """

    results: Sequence[Scalar]
    computed: Sequence[Scalar] = ()
    condition: Scalar | None = None


Step = Callable[[Sequence[Value]], OneStep]
"""From the carried numbers to what a step computes."""


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
    condition : Value, float or None
        Whether the step is taken; None where the axis says how many there are.
    """

    carried: list[Value]
    taken: list[Value]
    results: list[Scalar]
    axes: list[Axes]
    level: int
    condition: Scalar | None


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
        return _applied(self, operands)


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


def loop(
    axis: Axis,
    first: Sequence[Scalar],
    step: Step,
    shapes: Shapes,
    *,
    is_reversed: bool = False,
    count: Value | None = None,
) -> AllSteps:
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
    count : Value, optional
        How many steps there are, if another loop has counted them.

    Returns
    -------
    AllSteps
        The numbers of all steps.

    Raises
    ------
    TracedValueError
        Where numbers are those of several samples, which are then called for one by one.
    """
    node, leaves, done = _made(axis, first, step, shapes, is_reversed=is_reversed, count=count)
    given, left, last = ([carried(node, k, when) for k in range(len(first))] for when in get_args(When))
    op = node.op
    assert isinstance(op, Loop)
    around_step = _known(leaves, done.results, given, left)
    return AllSteps(given, left, last, _replaced(done.computed, around_step, op.body.level))


def _made(
    axis: Axis, first: Sequence[Scalar], step: Step, shapes: Shapes, *, is_reversed: bool, count: Value | None
) -> tuple[Value, list[Value], OneStep]:
    """Return the node of a loop, the carried leaves that its step was called with, and what that returned."""
    if is_for_all_samples():
        # The steps would be those of one sample.
        raise TracedValueError(
            f"a loop expected the numbers of one sample, got those of several at once, at {user_line()}"
        )
    axis.check_thread()
    trace = _trace()
    of_carried, steps = [_axes_of(x) for x in first], list[Value]()
    while True:
        leaves = [Value(x._data if isinstance(x, Value) else x) for x in first]
        level = trace_also(leaves)
        for leaf, axes in zip(leaves, of_carried, strict=True):
            trace.vary(leaf, axes | {axis})
        with along(trace, axis):
            done = step(leaves)
        steps += leaves
        # Of an inner loop: it would vary along another axis each time.
        trace.check_steps(consumers_first(*[x for x in done.results if isinstance(x, Value)], level=level))
        found = [_axes_of(x) - {axis} for x in done.results]
        if all(new <= old for new, old in zip(found, of_carried, strict=True)):
            break
        of_carried = [new | old for new, old in zip(found, of_carried, strict=True)]
    ends = [*done.results] if done.condition is None else [*done.results, done.condition]
    # The count is an operand, so that the loop that counts comes before this one, which needs to know.
    around = [*_taken(ends, level), *([] if count is None else [count])]
    taken = [Value(x._data) for x in around]
    for leaf, x in zip(taken, around, strict=True):
        leaf._level = level
        trace.vary(leaf, trace.axes_of(x))
    replaced = _replaced(ends, dict(zip(around, taken, strict=True)), level)
    ending = None if done.condition is None else replaced.pop()
    trace.carried.update(steps)
    body = Body(leaves, taken, replaced, of_carried, level, ending)
    op = Loop(body, axis, is_reversed, shapes, [trace.axes_of(x) for x in around])
    return _recorded(op, [*first, *around]), leaves, done


def _axes_of(x: Scalar) -> Axes:
    return _trace().axes_of(x) if isinstance(x, Value) else frozenset()


def _applied(op: Loop, operands: Sequence[Scalar]) -> Value:
    """Return a loop of other operands; if these vary along further axes, its body is recorded again."""
    op.axis.check_thread()
    body, count = op.body, len(op.body.carried)
    known = [*body.axes, *op.taken_axes]
    if all(_axes_of(x) <= axes for x, axes in zip(operands, known, strict=True)):
        return _recorded(op, operands)
    of_taken = dict(zip(body.taken, operands[count:], strict=True))

    def step(given: Sequence[Value]) -> OneStep:
        ends = [*body.results, body.condition] if body.condition is not None else body.results
        found = _replaced(ends, {**dict(zip(body.carried, given, strict=True)), **of_taken}, body.level)
        condition = None if body.condition is None else found.pop()
        return OneStep(found, (), condition)

    is_along = op.axis.size.is_counted and body.condition is None
    counted: Any = operands[-1] if is_along else None
    first = operands[:count]
    return _made(op.axis, first, step, op.shapes, is_reversed=op.is_reversed, count=counted)[0]


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


def _count(op: Loop, node: Value) -> Value | None:
    """Return how many steps a loop takes, where that is counted."""
    if not op.axis.size.is_counted:
        return None
    if op.body.condition is None:
        return node.args[-1]  # type: ignore[return-value]
    count = length_of(op.axis.size, node)
    assert isinstance(count, Value)
    return count


def _trace() -> AxisTrace:
    trace = loop_trace()
    assert trace is not None
    return trace


def _recorded(op: Loop, operands: Sequence[Any]) -> Value:
    partials = tuple([1.0 if isinstance(x, Value) else None for x in operands])
    node = record(op, 0.0, tuple([x if isinstance(x, Value) else float(x) for x in operands]), partials)
    # Also where no operand is traced, as in the gradient of a sum: what it carries varies along its steps.
    node._level = max(node._level, _trace().level)
    return node


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
    op.axis.check_thread()
    body, count = op.body, len(op.body.carried)
    around = _around(op, node)
    counted = _count(op, node)
    taken = [leaf for leaf in body.taken if around[leaf] in wanted and around[leaf] is not counted]
    order = consumers_first(*[x for x in body.results if isinstance(x, Value)], level=body.level)
    unused: set[int] = set()

    def step(adjoints: Sequence[Value]) -> OneStep:
        left = [_plus(a, adjoint.get((which, "left"), 0.0)) for which, a in enumerate(adjoints)]
        pairs = [(x, a) for x, a in zip(body.results, left, strict=True) if isinstance(x, Value)]
        outputs, seeds = [x for x, _ in pairs], [a for _, a in pairs]
        found = adjoints_of(order, outputs, seeds, [*body.carried, *taken], as_graph=True)
        flows = [found.get(leaf, 0.0) for leaf in (*body.carried, *taken)]
        of_all = _replaced(flows, around, body.level)
        given = [adjoint.get((which, "given"), 0.0) for which in range(count)]
        before = [_plus(x, y) for x, y in zip(of_all[:count], given, strict=True)]
        unused.clear()
        unused.update(which for which, x in enumerate(before) if not isinstance(x, Value) and x == 0.0)
        return OneStep(before, of_all[count:])

    last = [adjoint.get((which, "last"), 0.0) for which in range(count)]
    steps = loop(op.axis, last, step, op.shapes, is_reversed=not op.is_reversed, count=counted)
    of_taken = dict(zip(taken, steps.computed, strict=True))
    # What no step uses has no adjoint: a 0 in its place, times the infinite slope of 1 / 0.0, would be nan.
    takes_steps = counted is None and op.axis.size.answer("__ge__", 1)
    flows: list[Any] = [None if takes_steps and k in unused else x for k, x in enumerate(steps.last)]
    for leaf, x in zip(body.taken, node.args[count:], strict=True):
        flow = of_taken.get(leaf)
        if flow is not None and op.axis not in _trace().axes_of(x):  # type: ignore[arg-type]
            flow = total_over(flow, op.axis, counted)
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
    op.axis.check_thread()
    body, count = op.body, len(op.body.carried)
    around = _around(op, node)
    order = consumers_first(*[x for x in body.results if isinstance(x, Value)], level=body.level)
    outputs = [x for x in body.results if isinstance(x, Value)]

    def step(given: Sequence[Value]) -> OneStep:
        moves = [*given, *tangents[count:]]
        found = iter(push(order, outputs, [*body.carried, *body.taken], moves, as_graph=True))
        pushed = [next(found) if isinstance(x, Value) else 0.0 for x in body.results]
        return OneStep(_replaced(pushed, around, body.level))

    first = [0.0 if tangent is None else tangent for tangent in tangents[:count]]
    counted = _count(op, node)
    return Tangent(loop(op.axis, first, step, op.shapes, is_reversed=op.is_reversed, count=counted))


def _plus(x: Scalar, y: Scalar) -> Scalar:
    if not isinstance(x, Value) and x == 0.0:
        return y
    return x if not isinstance(y, Value) and y == 0.0 else x + y
