"""Write lookups as loops: elements of tables by an index that is computed, and sums by such an index."""

from __future__ import annotations

import numpy as np

from ..arrays.lookups import Lookup
from ..arrays.plan import Block
from .index_loops import IndexLoops
from .loop_writer import LoopWriter


def look_up(writer: LoopWriter, colour: int, block: Block, lookup: Lookup) -> None:
    """Write elements of a table by their index, or sums by index."""
    if lookup.order is not None:
        if not block.over:
            begin_sums(writer, colour, lookup)
        _add_up(writer, colour, block, lookup)
        return
    number = next(writer.names)
    loop = IndexLoops((block.size,), writer.lane_among(block.axes), is_exact=True)
    by_element = IndexLoops((block.size, lookup.length))
    by_element.indices = (*loop.indices, f"k{number}")
    lines = _index(writer, lookup, loop, number)
    numbers = writer.memory_of(lookup.numbers)
    at = writer.address(numbers.positions.reshape(by_element.shape), by_element)
    lines.append(f"v{number} = {numbers.array}[{at}{numbers.of_lane}] if k{number} == x{number} else 0.0")
    if block.size == 1 and not block.axes:
        writer.scalars[colour] = f"v{number}"
        writer.lines += lines
        return
    room = writer.memory[colour] = writer.room(block.size, block.axes)
    lines.append(f"{writer.element(room, loop)} = v{number}")
    writer.lines += loop.around(*lines)


def _index(writer: LoopWriter, lookup: Lookup, loop: IndexLoops, number: int) -> list[str]:
    """Return lines that define an index as a float and as an integer, which differ beyond the end."""
    indices = writer.memory_of(lookup.index)
    text = writer.element(indices.shaped(loop.shape), loop)
    inside = f"0.0 <= x{number} <= {float(lookup.length - 1)}"
    return [f"x{number} = {text}", f"k{number} = int(x{number}) if {inside} else 0"]


def begin_sums(writer: LoopWriter, colour: int, lookup: Lookup) -> None:
    """Write zeros, to which numbers are added by their index."""
    assert lookup.order is not None
    room = writer.room(len(lookup.order))
    writer.memory[colour] = room.taken(lookup.order)
    loop = IndexLoops(room.positions.shape)
    writer.lines += loop.around(f"{writer.element(room, loop)} = 0.0")


def _add_up(writer: LoopWriter, colour: int, block: Block, lookup: Lookup) -> None:
    """Write what adds numbers by their index."""
    assert lookup.order is not None
    number, numbers = next(writer.names), writer.memory_of(lookup.numbers)
    rows, width = numbers.positions.shape
    loop = IndexLoops((rows, width), writer.lane_among(block.over), is_exact=True)
    tables = IndexLoops((rows, lookup.length))
    tables.indices = (loop.indices[0], f"k{number}")
    # The tables stand one after the other; the memory has them in the order of the results.
    positions = np.empty(len(lookup.order), dtype=np.intp)
    positions[lookup.order] = writer.memory[colour].positions
    at = writer.address(positions.reshape(tables.shape), tables)
    lines = [
        *_index(writer, lookup, loop, number),
        f"if k{number} == x{number}:",
        f"    w[{at}] += {writer.element(numbers, loop)}",
    ]
    writer.lines += loop.around(*lines)
