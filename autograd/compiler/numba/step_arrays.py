"""Arrays that a loop carries along an axis: one for what a step is given, and one for what it leaves.

Where all steps are stored, both are rows of one array: what a step leaves is what the next one is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from ...ops.structural import When
from ..arrays.plan import CarriedArray, LoopPlan, Operand, by_source
from ..runtime.program import UnsuitableError
from .along import ArrayAlong
from .index_loops import IndexLoops
from .lane_loops import lane_of, nested
from .loop_writer import LoopWriter
from .whole_arrays import array_along


class StepArray(NamedTuple):
    """An array that a loop carries along an axis.

    Attributes
    ----------
    array : CarriedArray
        What the plan says of it.
    given, left : ArrayAlong
        What a step is given, and what it leaves; after the loop the first is what the last step has left.
    rows : str
        What holds those of all steps; nothing if they are not stored.
    """

    array: CarriedArray
    given: ArrayAlong
    left: ArrayAlong
    rows: str

    @property
    def size(self) -> str:
        """How many numbers it has."""
        (axis,) = self.array.axes
        return f"{prod(self.array.shape)} * length{axis}"

    def row(self, step: str) -> str:
        """Return the rest of all steps from one on."""
        return f"{self.rows}[({step}) * {self.size}:]"


def begun(writer: LoopWriter, loop: LoopPlan, array: CarriedArray, whens: Sequence[When]) -> StepArray:
    """Write the arrays, and what the first step is given.

    Parameters
    ----------
    writer : LoopWriter
        What is written around the loop.
    loop : LoopPlan
        The loop.
    array : CarriedArray
        What it carries.
    whens : sequence of {"given", "left"}
        What is stored of each step.
    """
    if loop.condition is not None or len(array.axes) > 1:
        why = "two axes" if loop.condition is None else "an axis until a condition fails"
        raise UnsuitableError(f"it has loops over the steps of samples along {why}")
    number, (axis,) = next(writer.parts), array.axes
    lengths = (*array.shape, ~axis)
    names = f"given{number}", f"left{number}"
    found = StepArray(
        array, ArrayAlong(names[0], lengths), ArrayAlong(names[1], lengths), f"rows{number}" if whens else ""
    )
    if whens:
        steps = f"length{loop.axis}"
        writer.new_array(found.rows, f"({steps} + 1) * {found.size}", (loop.axis, axis))
        writer.lines.append(f"{names[0]} = {found.row(steps if loop.is_reversed else '0')}")
    else:
        for name in names:
            writer.new_array(name, found.size, (axis,))
    _fill(writer, found)
    return found


def all_steps(writer: LoopWriter, loop: LoopPlan, found: StepArray, when: When) -> ArrayAlong:
    """Write what has what each step is given, or leaves, and return it."""
    (axis,) = found.array.axes
    lengths = (~loop.axis, *found.array.shape, ~axis)
    # Going back, the first step is given the last row.
    if (when == "given") is not loop.is_reversed:
        return ArrayAlong(found.rows, lengths)
    name = f"behind{next(writer.parts)}"
    writer.lines.append(f"{name} = {found.row('1')}")
    return ArrayAlong(name, lengths)


def before_step(loop: LoopPlan, found: StepArray) -> list[str]:
    """Return what says where a step goes."""
    at = f"t{loop.axis}" if loop.is_reversed else f"t{loop.axis} + 1"
    return [f"{found.left.name} = {found.row(at)}"] if found.rows else []


def after_step(found: StepArray) -> list[str]:
    """Return what hands on what a step has left."""
    given, left = found.given.name, found.left.name
    return [f"{given} = {left}" if found.rows else f"{given}, {left} = {left}, {given}"]


def _fill(writer: LoopWriter, found: StepArray) -> None:
    """Write what copies the numbers that the first step is given."""
    places, (axis,) = found.array.first, found.array.axes
    parts, targets = by_source([colour for colour, _ in places], [position for _, position in places])
    for operand, target in zip(parts, targets, strict=True):
        block, loop = writer.plan.blocks[operand.source], IndexLoops((len(target),))
        text = writer.literal(operand)
        if text is None and not block.axes:
            text = writer.element(writer.memory_of(operand), loop)
        elif text is None:
            text = _element(writer, operand, axis, loop)
        at = found.given.at(writer.indices(target, found.array.shape, loop), axis)
        every = [*loop.bounds, (lane_of(axis), f"length{axis}")]
        writer.lines += nested(every, [f"{found.given.name}[{at}] = {text}"])


def _element(writer: LoopWriter, operand: Operand, axis: int, loop: IndexLoops) -> str:
    """Return an element of an array along an axis, at any index of it."""
    array = array_along(writer, operand.source, writer.plan.blocks[operand.source]).beginning(axis, "0")
    part = writer.chunk_of(array)
    return f"{part}[{array.at(writer.indices(operand.wanted, array.shape, loop), axis)}]"
