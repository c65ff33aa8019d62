"""Read slices along axes, arrays that are moved along them, and what stands at one index, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arrays.plan import Block, Operand, Window
from .index_loops import IndexLoops
from .lane_loops import lane_of, nested
from .loop_writer import LoopWriter, Memory
from .whole_arrays import array_along, copy_chunk


def load_window(writer: LoopWriter, room: Memory, of: Window) -> None:
    """Write what copies the current chunk of what an array is of another one along an axis."""
    if of.new is None:
        _load(writer, room, of, _index(of))
    elif of.covers:
        _load(writer, room, of, f"start{of.new} + {of.start}")
    elif room.lane == of.new:
        _load_lanes(writer, room, of)
    else:
        axis, start = of.within or (of.old, of.start)
        writer.lines.append(f"if 0 <= start{of.new} + {start} < length{axis}:")
        _write_within(writer, lambda: _load(writer, room, of, f"start{of.new} + {of.start}"))
        writer.lines.append("else:")
        _write_within(writer, lambda: writer.fill(room, "0.0"))


def read_element(writer: LoopWriter, colour: int, block: Block, of: Window) -> None:
    """Write what copies the numbers that stand at one index of an axis, and vary along no other."""
    room = writer.memory[colour] = writer.room(block.size)
    _load(writer, room, of, _index(of))


def _index(of: Window) -> str:
    """Return an index that may be counted from the end."""
    return str(of.start) if of.start >= 0 else f"length{of.old} + {of.start}"


def _write_within(writer: LoopWriter, write: Callable[[], None]) -> None:
    """Write some lines further in."""
    writer.levels.append([])
    write()
    inside = writer.levels.pop()
    writer.lines += [f"    {line}" for line in inside]


def _load(writer: LoopWriter, room: Memory, of: Window, at: str) -> None:
    """Write what copies the current chunk of an array, which begins with some index along its axis."""
    source = writer.plan.blocks[of.source]
    if not source.axes:
        writer.copy(room, _whole(writer, of))
        return
    array = array_along(writer, of.source, source)
    if of.old in source.axes:
        array = array.beginning(of.old, at) if of.new is None else array.window(of.old, of.new, at)
    copy_chunk(writer, room, array)


def _whole(writer: LoopWriter, of: Window) -> Memory:
    """Return where an array stands that varies along no axis."""
    return writer.memory_of(Operand(of.source, np.arange(writer.plan.blocks[of.source].size)))


def _load_lanes(writer: LoopWriter, room: Memory, of: Window) -> None:
    """Write what copies the current chunk of an array where it has numbers, and zeros around these."""
    new, number, source = of.new, next(writer.parts), writer.plan.blocks[of.source]
    assert new is not None
    low, high, count = f"low{number}", f"high{number}", f"count{new}"
    axis, start = of.within or (of.old, of.start)
    writer.lines += [
        f"{low} = min(max(0, {-start} - start{new}), {count})",
        f"{high} = max({low}, min({count}, length{axis} + {-start} - start{new}))",
    ]
    shape = array_along(writer, of.source, source).shape if source.axes else (source.size,)
    loop = IndexLoops(shape)
    at = writer.address(room.positions.reshape(shape), loop)
    inside: list[str] = []
    if of.old not in source.axes:
        _load(writer, room, of, f"start{new}")
    else:
        array = array_along(writer, of.source, source).window(of.old, new, f"start{new} + {of.start} + {low}")
        part = writer.chunk_of(array)
        if array.is_contiguous(new):
            copied = f"{high} - {low}, {part}, {array.at(loop.indices, None)}"
            inside = [f"store(w, {at} + {low}, {copied})"]
        else:
            lane = lane_of(new)
            element = f"w[{at} + {low} + {lane}] = {part}[{array.at(loop.indices, new)}]"
            inside = nested([(lane, f"{high} - {low}")], [element])
    # Mostly there are none.
    edges = [
        *(f"if {low} > 0:", f"    clear(w, {at}, {low})"),
        *(f"if {high} < {count}:", f"    clear(w, {at} + {high}, {count} - {high})"),
    ]
    writer.lines += loop.around(*inside, *edges)
