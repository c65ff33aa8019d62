"""Write what reads and stores arrays along axes, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays.plan import Operand, by_source
from .affine import affine
from .along import ArrayAlong
from .index_loops import IndexLoops
from .loop_writer import ALIGNMENT, LANES, LoopWriter
from .rows import copy_rows, is_of_rows
from .signature import lengths_of
from .whole_arrays import array_along, copy_chunk, new_along
from .windows import load_window


def count_lanes(writer: LoopWriter, lane: int) -> None:
    """Write how many samples a chunk has, and as whole vectors.

    Only bits that LLVM knows to be 0 tell it that a row ends before the next one begins: without them it
    finds no vectors, and the moons take 70 us in place of 8.
    """
    if not writer.has_hints:
        writer.lines += [
            f"count{lane} = min({LANES}, length{lane} - start{lane})",
            f"lanes{lane} = count{lane}",
        ]
        return
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
    if block.window is not None and colour not in writer.along:
        load_window(writer, room, block.window)
    else:
        array = array_along(writer, colour, block)
        copy_chunk(writer, room, array, writer.wanted.get(colour))


def store(writer: LoopWriter, which: int, result: tuple[Sequence[int], tuple[int, ...]]) -> None:
    """Write what copies the current chunk of a result."""
    instructions, shape = result
    along = writer.plan.axes_of_results[which]
    places = [writer.plan.place[i] for i in instructions]
    if not places:
        return
    array = writer.targets.get(which)
    if array is None:
        array = ArrayAlong(f"flat{which}", lengths_of(shape, writer.plan.along[which]))
        writer.levels[0].append(f"{array.name} = result{which}.ravel()")
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
        at = array.at(writer.indices(target, shape, loop), loop.lane)
        writer.lines += loop.around(f"{part}[{at}] = {text}")


def keep(writer: LoopWriter, colour: int) -> None:
    """Write what stores the current chunk of an array, to be read along another axis."""
    block = writer.plan.blocks[colour]
    loop = IndexLoops((block.size,), writer.lane_among(block.axes), is_exact=True)
    memory = writer.memory_of(Operand(colour, np.arange(block.size)))
    if colour not in writer.along:
        array = new_along(writer, colour, block)
        target = f"{writer.chunk_of(array)}[{array.at(loop.indices, loop.lane)}]"
        writer.lines += loop.around(f"{target} = {writer.element(memory, loop)}")
