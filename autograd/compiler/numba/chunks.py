"""Write what reads and stores arrays along axes, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ..arrays.plan import Block, Operand, by_source
from .affine import affine
from .along import ArrayAlong, dimensions_of
from .index_loops import IndexLoops
from .loop_writer import ALIGNMENT, LANES, LoopWriter, Memory
from .rows import copy_rows, is_of_rows
from .signature import lengths_of


def count_lanes(writer: LoopWriter, lane: int) -> None:
    """Write how many samples a chunk has, and as whole vectors.

    Only bits that LLVM knows to be 0 tell it that a row ends before the next one begins: without them it
    finds no vectors, and the moons take 70 us in place of 8.
    """
    bits = LANES | ALIGNMENT - 1
    writer.lines.append(f"count{lane} = min({LANES}, length{lane} - start{lane}) & {bits}")
    writer.lines.append(f"lanes{lane} = (count{lane} + {ALIGNMENT - 1}) & {LANES}")


def load(writer: LoopWriter, colour: int) -> None:
    """Write what copies the current chunk of an array into the work array."""
    block = writer.plan.blocks[colour]
    room = writer.memory[colour] = writer.room(block.size, block.axes)
    if block.is_index:
        (axis,) = block.axes
        loop = IndexLoops((), room.lane, is_exact=True)
        element = writer.element(room._replace(positions=room.positions[0]), loop)
        writer.lines += loop.around(f"{element} = start{axis}{room.of_lane}")
        return
    shape, array = array_along(writer, colour, block)
    part = writer.chunk_of(array)
    rule = affine(room.positions)
    if rule is not None and is_of_rows(array, room.lane):
        writer.lines += copy_rows(part, array, room, rule, is_read=True)
        return
    loop = IndexLoops(shape, room.lane, is_exact=True)
    target = writer.element(room.shaped(shape), loop)
    writer.lines += loop.around(f"{target} = {part}[{array.at(loop.indices, room.lane)}]")


def store(writer: LoopWriter, which: int, result: tuple[Sequence[int], tuple[int, ...]]) -> None:
    """Write what copies the current chunk of a result."""
    instructions, shape = result
    along = writer.plan.axes_of_results[which]
    places = [writer.plan.place[i] for i in instructions]
    if not places:
        return
    name = f"flat{which}"
    writer.levels[0].append(f"{name} = result{which}.ravel()")
    array = ArrayAlong(name, lengths_of(shape, writer.plan.along[which]))
    part = writer.chunk_of(array)
    parts, targets = by_source([colour for colour, _ in places], [position for _, position in places])
    for operand, target in zip(parts, targets, strict=True):
        own = shape if len(parts) == 1 and shape else (len(target),)
        loop = IndexLoops(own, writer.lane_among(along), is_exact=True)
        text = writer.literal(operand) or writer.scalars.get(operand.source)
        if text is None:
            memory = writer.memory_of(operand)
            rule = affine(memory.positions)
            if len(parts) == 1 and rule is not None and is_of_rows(array, memory.lane):
                writer.lines += copy_rows(part, array, memory, rule, is_read=False)
                continue
            text = writer.element(memory.shaped(own), loop)
        indices = np.unravel_index(target, shape) if shape else []
        at = array.at([writer.address(index.reshape(own), loop) for index in indices], loop.lane)
        writer.lines += loop.around(f"{part}[{at}] = {text}")


def keep(writer: LoopWriter, colour: int) -> None:
    """Write what stores the current chunk of an array, to be read along another axis."""
    block = writer.plan.blocks[colour]
    loop = IndexLoops((block.size,), writer.lane_among(block.axes), is_exact=True)
    memory = writer.memory_of(Operand(colour, np.arange(block.size)))
    if colour not in writer.along:
        array = new_along(writer, colour, block, "np.empty({size})")
        target = f"{writer.chunk_of(array)}[{array.at(loop.indices, loop.lane)}]"
        writer.lines += loop.around(f"{target} = {writer.element(memory, loop)}")


def open_axis(writer: LoopWriter, colour: int, source: int) -> None:
    """Note where the numbers of an array along an axis of a fixed length stand, with it as a dimension."""
    block = writer.plan.blocks[source]
    _, array = array_along(writer, source, block)
    steps = writer.plan.lengths[block.axes[0]].length
    assert steps is not None
    shape = [steps if length < 0 else length for length in array.lengths]
    places = np.arange(array.start, array.start + prod(shape)).reshape(shape)
    axis = next(place for place, length in enumerate(array.lengths) if length < 0)
    writer.memory[colour] = Memory(array.name, np.moveaxis(places, axis, -1).ravel())


def _last_dimension_along(writer: LoopWriter, block: Block) -> ArrayAlong:
    """Return numbers that stand somewhere, whose last dimension is the axis of a block."""
    (operand,), (axis,) = block.operands, block.axes
    memory = writer.memory_of(operand)
    places = memory.positions.reshape(block.size, -1)
    start, steps = int(places[0, 0]), places.shape[1]
    rows = start + np.arange(places.size)
    if np.array_equal(places.T.ravel(), rows):
        return ArrayAlong(memory.array, (~axis, block.size), start)
    if not np.array_equal(places.ravel(), rows):
        memory = writer.contiguous(memory.shaped((block.size, steps)))
        start = int(memory.positions[0, 0])
    return ArrayAlong(memory.array, (block.size, ~axis), start)


def array_along(writer: LoopWriter, colour: int, block: Block) -> tuple[tuple[int, ...], ArrayAlong]:
    """Return an array along axes, and the shape of a slice."""
    if colour in writer.along:
        return (block.size,), writer.along[colour]
    if block.is_along:
        writer.along[colour] = _last_dimension_along(writer, block)
        return (block.size,), writer.along[colour]
    if block.same_as is not None:
        source, order = block.same_as
        names = dict(zip(order, block.axes, strict=True))
        lengths = tuple([~names[i] for i in range(len(names))])
        return (block.size,), writer.along[source]._replace(lengths=(block.size, *lengths))
    if block.constants is not None:
        start = writer.hold(block.constants)
        dimensions = {len(block.shape) + i: axis for i, axis in enumerate(block.axes)}
        return block.shape, ArrayAlong("numbers", dimensions_of(block.shape, dimensions), start)
    name = f"data{block.argument}"
    if name not in writer.opened:
        writer.opened.add(name)
        writer.levels[0].append(f"{name} = argument{block.argument}.ravel()")
    axes = dict(zip(block.dimensions, block.axes, strict=True))
    return block.shape, ArrayAlong(name, dimensions_of(block.shape, axes))


def new_along(writer: LoopWriter, colour: int, block: Block, made: str) -> ArrayAlong:
    """Write a new array along axes, before the loops along them; `made` says how, by its size."""
    name, lengths = f"along{next(writer.parts)}", tuple([~axis for axis in block.axes])
    writer.along[colour] = ArrayAlong(name, (block.size, *lengths))
    size = " * ".join([str(block.size), *(f"length{axis}" for axis in block.axes)])
    writer.levels[writer.home].append(f"{name} = {made.format(size=size)}")
    return writer.along[colour]
