"""Write matrix products and sums without axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from ..arrays.index_rules import Positions
from ..arrays.plan import Block, Operand
from ..passes.products import SUMS
from .affine import Affine, affine
from .index_loops import IndexLoops
from .loop_writer import LoopWriter, Memory
from .product_loops import Factor, dots_of, rows_of, sums_across
from .reduction_loops import over_row


class _Form(NamedTuple):
    """A form of a matrix product: which of its sizes is innermost, and how it needs its factors to lie."""

    along: int
    ways: tuple[str, str]
    is_dot: bool = False
    swaps: bool = False


_FORMS = (
    _Form(1, ("any", "columns")),
    _Form(0, ("columns", "any"), swaps=True),
    _Form(2, ("rows", "rows"), is_dot=True),
)


def write_product(writer: LoopWriter, colour: int, block: Block, left: Operand, right: Operand) -> None:
    """Write a matrix product in its fastest form, with copies of factors where they pay."""
    factors = [writer.memory_of(operand) for operand in (left, right)]
    sizes = (len(left.wanted), len(right.wanted), left.wanted.shape[1])
    form = min(_FORMS, key=lambda form: _cost(writer, form, factors, sizes))
    room = writer.room(block.size)
    writer.lines.append(f"# {sizes[0]} × {sizes[1]} sums of {sizes[2]} products:")
    a, b = (_factor(writer, memory, way) for memory, way in zip(factors, form.ways, strict=True))
    by_row = Affine(int(room.positions[0]), (sizes[1], 1))
    if form.swaps:
        by_row = Affine(by_row.base, (sizes[0], 1))
        writer.lines += rows_of(b, a, Factor("w", by_row), (sizes[1], sizes[0], sizes[2]))
        positions = room.positions.reshape(sizes[1], sizes[0]).T.ravel()
    else:
        writer.lines += (dots_of if form.is_dot else rows_of)(a, b, Factor("w", by_row), sizes)
        positions = room.positions
    writer.memory[colour] = Memory("w", positions)


def _cost(writer: LoopWriter, form: _Form, factors: Sequence[Memory], sizes: tuple[int, int, int]) -> float:
    """Return about how many instructions a form takes."""
    length = sizes[form.along]
    # Vectors of eight, one of four, the rest one by one; and to begin a loop.
    cost = prod(sizes) / length * (length // 8 + length % 8 // 4 + length % 4 + 1)
    # The sums of the eight numbers of a vector, for each element of the result.
    cost += 6.0 * sizes[0] * sizes[1] if form.is_dot else 0.0
    for memory, way in zip(factors, form.ways, strict=True):
        ready = _fits(memory.positions, way) or memory.turned(way).key in writer.packed
        cost += 0.0 if ready else 2.0 * memory.positions.size
    return cost


def _factor(writer: LoopWriter, memory: Memory, way: str) -> Factor:
    """Return a factor, or a copy of it that has its rows or columns contiguous."""
    if not _fits(memory.positions, way):
        memory = writer.contiguous(memory.turned(way)).turned(way)
    rule = affine(memory.positions)
    assert rule is not None
    return Factor(memory.array, rule)


def write_sums(writer: LoopWriter, colour: int, block: Block) -> None:
    """Write sums, each over one row of the operands."""
    assert block.op is not None
    rows = [operand.wanted.reshape(block.size, -1) for operand in block.operands]
    memories = [
        writer.memory_of(Operand(operand.source, wanted))
        for operand, wanted in zip(block.operands, rows, strict=True)
    ]
    if block.size > 1 and block.op in SUMS and all(map(_lies_across, memories)):
        room = writer.memory[colour] = writer.room(block.size)
        factors = [Factor(memory.array, rule) for memory in memories if (rule := affine(memory.positions))]
        writer.lines += sums_across(
            factors, Factor("w", Affine(int(room.positions[0]), (1, 0))), rows[0].shape
        )
        return
    loop = IndexLoops(rows[0].shape)
    texts = [writer.element(memory, loop) for memory in memories]
    outer, _ = loop.heads()
    name = writer.new_name(colour)
    elements = dict(zip(block.op.parameters, texts, strict=True))
    lines = over_row(block.op, name, elements, "j", rows[0].shape[1])
    if block.size == 1:
        writer.scalars[colour] = name
        writer.lines += lines
        return
    room = writer.memory[colour] = writer.room(block.size)
    writer.lines += [outer, *(f"    {line}" for line in lines)]
    writer.lines.append(f"    w[{writer.address(room.positions, IndexLoops((block.size,)))}] = {name}")


def _fits(positions: Positions, way: str) -> bool:
    """Return whether a factor is affine, and contiguous along the axis that a form needs."""
    rule = affine(positions)
    if rule is None:
        return False
    return way == "any" or positions.shape[way == "rows"] == 1 or rule.steps[way == "rows"] == 1


def _lies_across(memory: Memory) -> bool:
    """Return whether sums are contiguous across each other, and not along their terms."""
    rule = affine(memory.positions)
    return rule is not None and rule.steps[0] == 1 and rule.steps[1] != 1
