"""Write loops over steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from ...ops.structural import When
from ..arrays.lookups import with_lookups
from ..arrays.plan import Block, LoopPlan, Operand, Place, by_source
from ..runtime.program import UnsuitableError
from .along import ArrayAlong
from .chunks import array_along
from .index_loops import IndexLoops
from .lane_loops import nested
from .loop_writer import LoopWriter, Memory
from .staged import StageWithNests, WriteBlocks, stages_with_nests, stored_of, write_stages
from .stages import with_operands_of_loops

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
    if any(array.axes for array in loop.carried) or any(map(_is_along_others, loop.body.blocks.values())):
        raise UnsuitableError("it has loops over the steps of several samples")
    fixed = writer.used if writer.around is None else writer.fixed
    rooms = [writer.room(prod(array.shape)) for array in loop.carried]
    for room, array in zip(rooms, loop.carried, strict=True):
        _gather(writer, room, array.first)
    kept = _kept(writer, colour, loop, rooms)
    # What stays the same for all steps stands somewhere before the first one.
    fixed_memory = {
        k: writer.memory_of(operand)
        for k, operand in enumerate(loop.taken)
        if not writer.plan.blocks[operand.source].axes
    }
    writer.levels.append([])
    taken = [
        fixed_memory[k] if k in fixed_memory else _slice(writer, operand)
        for k, operand in enumerate(loop.taken)
    ]
    body, before, after = _body(writer, loop, [*rooms, *taken], fixed)
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
    inside = writer.levels.pop()
    writer.lines += _around(loop, inside)


def _is_along_others(block: Block) -> bool:
    """Return whether what a body is given varies along axes, rather than what loops within it leave."""
    return bool(block.axes) and block.argument is not None


def _around(loop: LoopPlan, inside: Sequence[str]) -> list[str]:
    """Return a step within its loop."""
    index, n = f"t{loop.axis}", f"length{loop.axis}"
    if loop.condition is not None:
        body = [f"    {line}" for line in [*inside, f"{index} += 1"]]
        return [f"{index} = 0", "while True:", *body, f"{n} = {index}"]
    return nested([(index, f"{n} - 1, -1, -1" if loop.is_reversed else n)], inside)


def _kept(
    writer: LoopWriter, colour: int, loop: LoopPlan, rooms: Sequence[Memory]
) -> dict[tuple[int, When], ArrayAlong]:
    """Write new arrays for what is stored of each step, by its number and when; return them."""
    kept: dict[tuple[int, When], ArrayAlong] = {}
    for other, block in writer.plan.blocks.items():
        if block.carried is None or block.carried[0] != colour:
            continue
        _, k, when = block.carried
        if when == "last":
            writer.memory[other] = rooms[k]
        else:
            kept[k, when] = writer.along[other] = _new_steps(writer, rooms[k], loop)
    return kept


def _body(
    writer: LoopWriter, loop: LoopPlan, arguments: Sequence[Memory], fixed: int
) -> tuple[LoopWriter, list[StageWithNests], list[StageWithNests]]:
    """Return what writes one step, the stages that say whether it is taken, and those that it consists of."""
    plan, lookups = with_lookups(with_operands_of_loops(loop.body), loop.results)
    before = [] if loop.condition is None else plan.up_to(plan.place[loop.condition][0])
    after = [colour for colour in plan.blocks if colour not in before]
    first, rest = (stages_with_nests(plan, loop.results, colours) for colours in (before, after))
    body = writer.within(plan, lookups, fixed)
    body.stored = stored_of(plan, [*first, *rest], loop.results)
    for colour, block in plan.blocks.items():
        if block.argument is not None:
            body.memory[colour] = arguments[block.argument].shaped((-1,))
        elif block.length is not None:
            body.scalars[colour] = f"np.float64(length{block.length})"
    return body, first, rest


def _carry_on(body: LoopWriter, loop: LoopPlan, rooms: Sequence[Memory]) -> None:
    """Write what copies the results of a step to where the next one is given them."""
    # Twice, since a result may be what another array was given.
    left = [body.room(prod(array.shape)) for array in loop.carried]
    for room, array in zip(left, loop.carried, strict=True):
        _gather(body, room, [body.plan.place[i] for i in array.results])
    for room, memory in zip(rooms, left, strict=True):
        body.copy(room, memory)


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
    rooms: Sequence[Memory],
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


def _slice(writer: LoopWriter, operand: Operand) -> Memory:
    """Write what copies a step of an array along the steps into the work array."""
    block = writer.plan.blocks[operand.source]
    room = writer.room(block.size)
    if block.is_index:
        writer.lines.append(f"w[{room.positions[0]}] = t{block.axes[0]}")
        return room
    shape, array = array_along(writer, operand.source, block)
    loop = IndexLoops(shape)
    (axis,) = block.axes
    source = f"{array.name}[{array.at(loop.indices, axis)}{f' + {array.start}' if array.start else ''}]"
    writer.lines += loop.around(f"{writer.element(room.shaped(shape), loop)} = {source}")
    return room.taken(operand.wanted)
