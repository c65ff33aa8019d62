"""Write the blocks of a plan as loops."""

from __future__ import annotations

from collections.abc import Sequence

from ..arrays.plan import Block
from .elementwise import value, write_elements
from .fusion import LoopNest
from .lookups import look_up
from .loop_writer import LoopWriter
from .reductions import write_product, write_sums
from .reductions_along import compute_again, reduce_along
from .step_loops import write_loop
from .totals import write_total
from .whole_arrays import open_axis
from .windows import read_element


def write_blocks(writer: LoopWriter, nests: Sequence[LoopNest]) -> None:
    """Write the loops of a plan, one after the other."""
    for nest, released in zip(nests, _released(writer, nests), strict=True):
        if nest.is_alone:
            _alone(writer, *nest.elements)
        else:
            write_elements(writer, nest)
        writer.release(released)


def _released(writer: LoopWriter, nests: Sequence[LoopNest]) -> list[list[int]]:
    """Return which arrays nobody needs after each of some loops, if others may have their rooms."""
    found: list[list[int]] = [[] for _ in nests]
    if writer.rooms is None:
        return found
    last: dict[int, int] = {}
    for at, nest in enumerate(nests):
        for colour in nest.elements:
            last |= dict.fromkeys([colour, *writer.plan.blocks[colour].sources], at)
    for colour, at in last.items():
        if colour not in writer.returned:
            found[at].append(colour)
    return found


def _alone(writer: LoopWriter, colour: int) -> None:
    """Write a scalar, a matrix product or another sum."""
    block = writer.plan.blocks[colour]
    if block.loop is not None:
        write_loop(writer, colour, block.loop, write_blocks)
    elif block.opened is not None:
        open_axis(writer, colour, block.opened)
    elif block.window is not None:
        read_element(writer, colour, block, block.window)
    elif colour in writer.lookups:
        look_up(writer, colour, block, writer.lookups[colour])
    elif block.over:
        write_total(writer, colour, block)
    elif block.axes and not block.targets:
        reduce_along(writer, colour, block)
        compute_again(writer, colour, block)
    elif block.product is not None:
        write_product(writer, colour, block, *block.product)
        compute_again(writer, colour, block)
    elif block.targets:
        _arrange(writer, colour, block)
    elif block.is_reduction:
        write_sums(writer, colour, block)
    else:
        _write_number(writer, colour, block)


def _write_number(writer: LoopWriter, colour: int, block: Block) -> None:
    texts = [writer.scalar(operand) for operand in block.operands]
    name = writer.scalars[colour] = writer.new_name(colour)
    body: dict[str, str] = {}
    body[name] = value(writer, block, texts, body)
    writer.lines += [f"{known} = {text}" for known, text in body.items()]


def _arrange(writer: LoopWriter, colour: int, block: Block) -> None:
    """Write an array that takes its numbers from several."""
    parts = [writer.memory_of(operand) for operand in block.operands]
    room = writer.memory[colour] = writer.room(block.size, block.axes)
    for memory, target in zip(parts, block.targets, strict=True):
        writer.copy(room.taken(target), memory)
