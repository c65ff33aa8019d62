"""`while_loop` in a trace where nobody knows how often it goes round: one call of the body, for any step.

Where the condition varies along axes, as that of a loop mapped over samples, the loop goes on until it holds
for none of them. What has come to its end stays as it is: a step chooses between what the body gives and what
it was given, so nothing of the body's gets into values and derivatives by then, be it infinite or nan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..engine.apply import apply
from ..engine.value import Value
from ..functions.axes import Axis, AxisTrace
from ..functions.sizes import Size
from ..ops.table import CONSTANTS
from .branches import chosen_among, where_taken
from .carry import Carry
from .loops import OneStep, loop

Body = Callable[[Any], Any]


def repeated(
    trace: AxisTrace, condition_of: Callable[[Any], bool | Value], body: Body, init: Any, whose: str
) -> Any:
    """Return what `while_loop` does, recorded as a loop.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    condition_of : callable
        From the value to whether to go on.
    body : callable
        From the value to the next value, which is checked.
    init : tree
        The first value.
    whose : str
        What error messages call this.

    Returns
    -------
    tree
        The last value.
    """
    axis = Axis(Size(1, is_counted=True))
    first = Carry(init, f"the value of {whose}")

    def step(numbers: Sequence[Any]) -> OneStep:
        value = first.of(numbers)
        goes_on = condition_of(value)
        condition = where_taken(goes_on if isinstance(goes_on, Value) else float(goes_on))
        if isinstance(condition, Value) and trace.axes_of(condition) - {axis}:
            value = chosen_among([condition, condition == 0.0], [body, _kept], (value,), whose)
        else:
            value = body(value)
        return OneStep(first.numbers_of(value), (), condition)

    return first.of(loop(axis, first.numbers, step, first.shapes).last)


def counted_up(
    trace: AxisTrace, stepped: Callable[[Any, Any], Any], lower: Any, upper: Any, init: Any
) -> Any:
    """Return what `fori_loop` does where nobody knows how far it counts.

    Parameters
    ----------
    trace : AxisTrace
        The trace.
    stepped : callable
        The body: from an integer and the value to the next value, which is checked.
    lower, upper : Value or int
        The range.
    init : tree
        The first value.

    Returns
    -------
    tree
        The last value. No derivative flows through the bounds.
    """
    # Integers: they do not move with what the bounds are computed from.
    first, stop = (apply(CONSTANTS["constant"], bound) for bound in (lower, upper))

    def body(pair: tuple[Any, Any]) -> tuple[Any, Any]:
        i, value = pair
        return i + 1.0, stepped(i, value)

    return repeated(trace, lambda pair: pair[0] < stop, body, (first, init), "fori_loop")[1]


def _kept(value: Any) -> Any:
    return value
