"""Write loops over steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

from ...ops.structural import When
from ..arrays.layout import LoopPlan, Operand, Place, by_source
from ..arrays.lookups import with_lookups
from ..runtime.program import UnsuitableError
from .along import ArrayAlong
from .chunks import array_along
from .fusion import LoopNest, fused, used_elsewhere
from .index_loops import IndexLoops
from .lane_loops import nested
from .loop_writer import LoopWriter, Memory
from .stages import with_operands_of_loops

Write = Callable[[LoopWriter, Sequence[LoopNest]], None]
"""What writes the blocks of a plan."""


def write_loop(writer: LoopWriter, colour: int, loop: LoopPlan, write_blocks: Write) -> None:
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
    if any(block.axes or block.over for block in loop.body.blocks.values()):
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
    _keep_step(writer, kept, rooms, "given")
    body, nests = _body(writer, loop, [*rooms, *taken], fixed)
    write_blocks(body, nests)
    _carry_on(body, loop, rooms)
    writer.used = body.used
    _keep_step(writer, kept, rooms, "left")
    inside = writer.levels.pop()
    n = f"length{loop.axis}"
    steps = f"{n} - 1, -1, -1" if loop.is_reversed else n
    writer.lines += nested([(f"t{loop.axis}", steps)], inside)


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
            kept[k, when] = writer.along[other] = _new_steps(writer, rooms[k], loop.axis)
    return kept


def _body(
    writer: LoopWriter, loop: LoopPlan, arguments: Sequence[Memory], fixed: int
) -> tuple[LoopWriter, list[LoopNest]]:
    """Return what writes one step, and the loops that it consists of."""
    results = [(array.results, array.shape) for array in loop.carried]
    plan, lookups = with_lookups(with_operands_of_loops(loop.body), results)
    body, nests = writer.within(plan, lookups, fixed), fused(plan)
    body.stored = used_elsewhere(plan, nests, results)
    for colour, block in plan.blocks.items():
        if block.argument is not None:
            body.memory[colour] = arguments[block.argument].shaped((-1,))
        elif block.length is not None:
            body.scalars[colour] = f"np.float64(length{block.length})"
    return body, nests


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


def _new_steps(writer: LoopWriter, room: Memory, axis: int) -> ArrayAlong:
    """Write a new array for what is carried in each step."""
    size = len(room.positions)
    array = ArrayAlong(f"steps{next(writer.parts)}", (~axis, size))
    writer.lines.append(f"{array.name} = np.empty({size} * length{axis})")
    return array


def _keep_step(
    writer: LoopWriter, kept: Mapping[tuple[int, When], ArrayAlong], rooms: Sequence[Memory], when: When
) -> None:
    """Write what stores the carried arrays of a step."""
    for (k, other), array in kept.items():
        if other == when:
            loop = IndexLoops(rooms[k].positions.shape)
            target = f"{array.name}[{array.at(loop.indices)}]"
            writer.lines += loop.around(f"{target} = {writer.element(rooms[k], loop)}")


def _slice(writer: LoopWriter, operand: Operand) -> Memory:
    """Write what copies a step of an array along the steps into the work array."""
    block = writer.plan.blocks[operand.source]
    room = writer.room(block.size)
    if block.is_index:
        writer.lines.append(f"w[{room.positions[0]}] = t{block.axes[0]}")
        return room
    shape, array = array_along(writer, operand.source, block)
    loop = IndexLoops(shape)
    source = f"{array.name}[{array.at(loop.indices)}{f' + {array.start}' if array.start else ''}]"
    writer.lines += loop.around(f"{writer.element(room.shaped(shape), loop)} = {source}")
    return room.taken(operand.wanted)
