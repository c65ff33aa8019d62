"""Find and make arrays along axes that stand somewhere as a whole, and copy chunks of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ..arrays.index_rules import Positions
from ..arrays.plan import Block
from .affine import affine
from .along import ArrayAlong, dimensions_of
from .index_loops import IndexLoops
from .loop_writer import LoopWriter, Memory
from .rows import copy_rows, is_of_rows


def open_axis(writer: LoopWriter, colour: int, source: int) -> None:
    """Note where the numbers of an array along an axis of a fixed length stand, with it as a dimension."""
    block = writer.plan.blocks[source]
    array = array_along(writer, source, block)
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


def array_along(writer: LoopWriter, colour: int, block: Block) -> ArrayAlong:
    """Return an array along axes that stands somewhere as a whole."""
    if colour in writer.along:
        return writer.along[colour]
    if block.is_along:
        writer.along[colour] = _last_dimension_along(writer, block)
        return writer.along[colour]
    if block.same_as is not None:
        source, order = block.same_as
        axes = writer.plan.blocks[source].axes
        names = {axes[i]: axis for i, axis in zip(order, block.axes, strict=True)}
        return array_along(writer, source, writer.plan.blocks[source]).renamed(names)
    if block.constants is not None:
        start = writer.hold(block.constants)
        dimensions = {len(block.shape) + i: axis for i, axis in enumerate(block.axes)}
        return ArrayAlong("numbers", dimensions_of(block.shape, dimensions), start)
    name = f"data{block.argument}"
    if name not in writer.opened:
        writer.opened.add(name)
        writer.levels[0].append(f"{name} = argument{block.argument}.ravel()")
    return ArrayAlong(name, dimensions_of(block.shape, dict(zip(block.dimensions, block.axes, strict=True))))


def new_along(writer: LoopWriter, colour: int, block: Block, start: str = "") -> ArrayAlong:
    """Write a new array along axes, filled with a number if one is given, before the loops along them."""
    name, lengths = f"along{next(writer.parts)}", tuple([~axis for axis in block.axes])
    writer.along[colour] = ArrayAlong(name, (block.size, *lengths))
    size = " * ".join([str(block.size), *(f"length{axis}" for axis in block.axes)])
    if start:
        writer.levels[writer.home].append(f"{name} = np.full({size}, {start})")
    else:
        writer.new_array(name, size, block.axes)
    return writer.along[colour]


def copy_chunk(writer: LoopWriter, room: Memory, array: ArrayAlong, wanted: Positions | None = None) -> None:
    """Write what copies the current chunk of an array, or of some of its elements, to the work array."""
    part = writer.chunk_of(array)
    rule = affine(room.positions)
    if wanted is None and rule is not None and is_of_rows(array, room.lane):
        writer.lines += copy_rows(part, array, room, rule, is_read=True)
        return
    shape = array.shape if wanted is None else (wanted.size,)
    loop = IndexLoops(shape, room.lane, is_exact=True)
    indices: Sequence[str] = loop.indices
    if wanted is not None:
        indices = writer.indices(wanted, array.shape, loop)
    target = writer.element(room.shaped(shape), loop)
    writer.lines += loop.around(f"{target} = {part}[{array.at(indices, room.lane)}]")
