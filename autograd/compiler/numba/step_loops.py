"""Write loops over steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from ...ops.structural import When
from ..arrays.index_rules import Positions
from ..arrays.lookups import with_lookups
from ..arrays.plan import LoopPlan, Operand, Place, by_source
from ..runtime.program import UnsuitableError
from .along import ArrayAlong
from .index_loops import IndexLoops
from .lane_loops import nested
from .loop_writer import LoopWriter, Memory
from .signals import looked_for
from .staged import StageWithNests, WriteBlocks, stages_with_nests, stored_of, write_stages
from .stages import with_operands_of_loops
from .step_arrays import StepArray, after_step, all_steps, before_step, begun
from .whole_arrays import array_along
from .window_chains import with_direct_windows

# For how many steps of a loop that counts them an array has room at first.
_FIRST_STEPS = 16


def write_loop(writer: LoopWriter, colour: int, loop: LoopPlan, write_blocks: WriteBlocks) -> None:
    """Write a loop over steps, which stores what each step is given or leaves as far as that is used.

    Parameters
    ----------
    writer : LoopWriter
        What is written around the loop.
    colour : int
        The block that the loop is.
    loop : LoopPlan
        The loop.
    write_blocks : callable
        What writes the blocks of its body.
    """
    if loop.condition is not None and any(block.window for block in loop.body.blocks.values()):
        raise UnsuitableError("it has slices along an axis in a loop until a condition fails")
    fixed = writer.used if writer.around is None else writer.fixed
    arrays = {k: array for k, array in enumerate(loop.carried) if array.axes}
    rooms = {k: writer.room(prod(array.shape)) for k, array in enumerate(loop.carried) if k not in arrays}
    for k, room in rooms.items():
        _gather(writer, room, loop.carried[k].first)
    stored = _stored(writer, colour)
    along = {
        k: begun(writer, loop, array, [when for of, when in stored if of == k and when != "last"])
        for k, array in arrays.items()
    }
    kept = _kept(writer, loop, stored, rooms, along)
    # What stays the same for all steps stands somewhere before the first one.
    fixed_memory = {
        k: writer.memory_of(operand)
        for k, operand in enumerate(loop.taken)
        if not writer.plan.blocks[operand.source].axes
    }
    writer.levels.append([])
    taken = [
        fixed_memory[k] if k in fixed_memory else _slice(writer, operand, loop.axis)
        for k, operand in enumerate(loop.taken)
    ]
    given = [_Slice(along[k].given) if k in along else rooms[k] for k in range(len(loop.carried))]
    body, before, after = _body(writer, loop, [*given, *taken], fixed)
    body.targets = {k: of.left for k, of in along.items()}
    for of in along.values():
        writer.lines += before_step(loop, of)
    write_stages(body, before, loop.results, write_blocks)
    if loop.condition is not None:
        colour, position = body.plan.place[loop.condition]
        condition = body.scalar(Operand(colour, np.array(position)))
        writer.lines += [f"if {condition} == 0.0:", "    break"]
    _keep_step(writer, loop, kept, rooms, "given")
    write_stages(body, after, loop.results, write_blocks)
    _carry_on(body, loop, rooms)
    writer.used = body.used
    _keep_step(writer, loop, kept, rooms, "left")
    for of in along.values():
        writer.lines += after_step(of)
    inside = writer.levels.pop()
    writer.lines += _around(loop, inside)


def _around(loop: LoopPlan, inside: Sequence[str]) -> list[str]:
    """Return a step within its loop."""
    index, n = f"t{loop.axis}", f"length{loop.axis}"
    if loop.condition is not None:
        body = [f"    {line}" for line in [*inside, *looked_for(index), f"{index} += 1"]]
        return [f"{index} = 0", "while True:", *body, f"{n} = {index}"]
    return nested([(index, f"{n} - 1, -1, -1" if loop.is_reversed else n)], inside)


def _stored(writer: LoopWriter, colour: int) -> dict[tuple[int, When], int]:
    """Return what is used of a loop, by the number of the array and when it is read: the block that it is."""
    return {
        (block.carried[1], block.carried[2]): other
        for other, block in writer.plan.blocks.items()
        if block.carried is not None and block.carried[0] == colour
    }


def _kept(
    writer: LoopWriter,
    loop: LoopPlan,
    stored: Mapping[tuple[int, When], int],
    rooms: Mapping[int, Memory],
    along: Mapping[int, StepArray],
) -> dict[tuple[int, When], ArrayAlong]:
    """Write new arrays for what is stored of each step, by its number and when; return them."""
    kept: dict[tuple[int, When], ArrayAlong] = {}
    for (k, when), other in stored.items():
        if k in along:
            of_last = along[k].given
            writer.along[other] = of_last if when == "last" else all_steps(writer, loop, along[k], when)
        elif when == "last":
            writer.memory[other] = rooms[k]
        else:
            kept[k, when] = writer.along[other] = _new_steps(writer, rooms[k], loop)
    return kept


def _body(
    writer: LoopWriter, loop: LoopPlan, arguments: Sequence[Memory | _Slice], fixed: int
) -> tuple[LoopWriter, list[StageWithNests], list[StageWithNests]]:
    """Return what writes one step, the stages that say whether it is taken, and those that it consists of."""
    plan, lookups = with_lookups(with_operands_of_loops(with_direct_windows(loop.body)), loop.results)
    before = [] if loop.condition is None else plan.up_to(plan.place[loop.condition][0])
    after = [colour for colour in plan.blocks if colour not in before]
    first = stages_with_nests(plan, loop.results, before) if before else []
    # Only now results go to arrays along axes.
    plan = replace(plan, along=[(*[None] * len(of.shape), *of.axes) for of in loop.carried])
    rest = stages_with_nests(plan, loop.results, after)
    body = writer.within(plan, lookups, fixed)
    body.stored = stored_of(plan, [*first, *rest], loop.results)
    for colour, block in plan.blocks.items():
        if block.argument is not None:
            given = arguments[block.argument]
            if isinstance(given, Memory):
                body.memory[colour] = given.shaped((-1,))
            else:
                body.along[colour] = given.array
                body.wanted |= {} if given.wanted is None else {colour: given.wanted}
        elif block.length is not None:
            body.scalars[colour] = f"np.float64(length{block.length})"
    return body, first, rest


def _carry_on(body: LoopWriter, loop: LoopPlan, rooms: Mapping[int, Memory]) -> None:
    """Write what copies the results of a step to where the next one is given them."""
    # Twice, since a result may be what another array was given.
    left = {k: body.room(len(room.positions)) for k, room in rooms.items()}
    for k, room in left.items():
        _gather(body, room, [body.plan.place[i] for i in loop.carried[k].results])
    for k, room in rooms.items():
        body.copy(room, left[k])


def _gather(writer: LoopWriter, room: Memory, places: Sequence[Place]) -> None:
    """Write what copies numbers that stand at some places."""
    parts, targets = by_source([colour for colour, _ in places], [position for _, position in places])
    for operand, target in zip(parts, targets, strict=True):
        writer.copy(room.taken(target), writer.memory_of(operand))


def _new_steps(writer: LoopWriter, room: Memory, loop: LoopPlan) -> ArrayAlong:
    """Write a new array for what is carried in each step."""
    size = len(room.positions)
    array = ArrayAlong(f"steps{next(writer.parts)}", (~loop.axis, size))
    length = f"length{loop.axis}" if loop.condition is None else str(_FIRST_STEPS)
    writer.lines.append(f"{array.name} = np.empty({size} * {length})")
    return array


def _keep_step(
    writer: LoopWriter,
    loop: LoopPlan,
    kept: Mapping[tuple[int, When], ArrayAlong],
    rooms: Mapping[int, Memory],
    when: When,
) -> None:
    """Write what stores the carried arrays of a step."""
    for (k, other), array in kept.items():
        if other == when:
            indices = IndexLoops(rooms[k].positions.shape)
            target = f"{array.name}[{array.at(indices.indices, loop.axis)}]"
            if loop.condition is not None:
                writer.lines += _grown(array.name, len(rooms[k].positions), f"t{loop.axis}")
            writer.lines += indices.around(f"{target} = {writer.element(rooms[k], indices)}")


def _grown(name: str, size: int, step: str) -> list[str]:
    """Return what makes an array twice as long if it has no room for a step."""
    return [
        f"if len({name}) == {size} * {step}:",
        f"    grown = np.empty(2 * len({name}))",
        f"    grown[: len({name})] = {name}",
        f"    {name} = grown",
    ]


class _Slice(NamedTuple):
    """What a step takes of an array along another axis: all of its elements, or those at some positions."""

    array: ArrayAlong
    wanted: Positions | None = None


def _slice(writer: LoopWriter, operand: Operand, steps: int) -> Memory | _Slice:
    """Return what a step takes of an array; what varies along the steps alone is copied to the work array."""
    block = writer.plan.blocks[operand.source]
    if block.axes == (steps,) and block.is_index:
        room = writer.room(1)
        writer.lines.append(f"w[{room.positions[0]}] = t{steps}")
        return room
    array = array_along(writer, operand.source, block).beginning(steps, f"t{steps}")
    if block.axes != (steps,):
        is_whole = np.array_equal(operand.wanted.ravel(), np.arange(block.size))
        return _Slice(array, None if is_whole else operand.wanted)
    room, loop = writer.room(block.size), IndexLoops(array.shape)
    target = writer.element(room.shaped(array.shape), loop)
    writer.lines += loop.around(f"{target} = {array.element(loop.indices)}")
    return room.taken(operand.wanted)
