"""Write matrix products and other reductions of numbers that vary along axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays.index_rules import Positions
from ..arrays.plan import Block, Operand
from ..passes.products import SUMS
from .lane_loops import (
    LaneFactor,
    RaggedTerms,
    Sizes,
    products_of_each,
    ragged_of_each,
    rows_of_each,
    sums_of_each,
    unless_finite,
)
from .loop_writer import LoopWriter, Memory


def reduce_along(writer: LoopWriter, colour: int, block: Block) -> None:
    """Write a matrix product or another reduction for each sample."""
    assert block.op is not None
    room = writer.memory[colour] = writer.room(block.size, block.axes)
    factors, sizes = factors_of(writer, block, block.product or block.operands)
    out = lane_factor(writer, room, (sizes.rows, sizes.columns or 1))
    if block.product is not None:
        terms = f"{sizes.rows} × {sizes.columns} sums of {sizes.terms} products"
        writer.lines.append(f"# {terms} for each:")
        left, right = factors
        writer.lines += products_of_each(left, right, out, sizes)
    elif block.op in SUMS:
        writer.lines += sums_of_each(factors, out, sizes)
    else:
        writer.lines += rows_of_each(block.op, factors, out, sizes, writer.new_name())


def compute_again(writer: LoopWriter, colour: int, block: Block) -> None:
    """Write what computes a product again without the terms that rows do not have, if that is not finite."""
    if block.product is None or block.terms is None:
        return
    (vector, matrix), sizes = factors_of(writer, block, block.product)
    out = lane_factor(writer, writer.memory[colour], (1, sizes.columns))
    again = ragged_of_each(vector, matrix, out, _listed(writer, block.terms))
    writer.lines += unless_finite(out, sizes.columns, writer.new_name(), again)


def _listed(writer: LoopWriter, terms: Positions) -> RaggedTerms:
    """Put where the terms of each row end, and which they are, among the places that a program holds."""
    start = len(writer.places)
    writer.places += [0, *np.cumsum(terms.sum(axis=1)).tolist()]
    found = RaggedTerms(len(terms), start, len(writer.places))
    writer.places += np.nonzero(terms)[1].tolist()
    return found


def terms_of(block: Block) -> list[Sequence[Operand]]:
    """Return what a total adds up: its operands, or columns of them where they are of several arrays."""
    assert block.op is not None
    if block.product is not None:
        return [block.product]
    if block.is_reduction:
        return [block.operands]
    columns = block.op.columns(block.operands)
    return [
        [Operand(operand.source, operand.wanted.reshape(-1, 1)) for operand in term]
        for term in zip(*columns, strict=True)
    ]


def factors_of(
    writer: LoopWriter, block: Block, operands: Sequence[Operand]
) -> tuple[list[LaneFactor], Sizes]:
    """Return the operands of a reduction by row and term, and how many there are."""
    is_product = block.product is not None
    rows = [operand.wanted.reshape(-1, operand.wanted.shape[-1]) for operand in operands]
    found = [
        writer.memory_of(Operand(operand.source, wanted))
        for operand, wanted in zip(operands, rows, strict=True)
    ]
    factors = [lane_factor(writer, memory, memory.positions.shape) for memory in found]
    return factors, Sizes(len(rows[0]), len(rows[-1]) * is_product, rows[0].shape[1])


def lane_factor(writer: LoopWriter, memory: Memory, shape: tuple[int, ...]) -> LaneFactor:
    """Return where numbers stand, by row and term."""
    place, is_listed = writer.place(memory.positions.reshape(shape))
    return LaneFactor(memory.array, place, is_listed, memory.lane)
