"""Totals of products of which only one factor varies along the axis: it is added up first.

The gradient of a loss by what is subtracted from all samples, ``W @ (x - c)``, is such a total: of W
transposed and a vector of each sample. W times the sum of these vectors is the same, and takes no product for
each sample.

It is not the same where something is infinite: zero times infinity is nan, and what adds up to zero may be
other numbers. So a program whose result is not finite computes it once more, as it stands in the plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..passes.products import PLAIN_SUMS
from .plan import Block, Operand, Plan, Results


class TotalProducts(NamedTuple):
    """A plan in which factors are added up before they are multiplied.

    Attributes
    ----------
    plan : Plan
        The plan. It still has the products that nobody else uses, and a total of them is a product of totals.
    totals : mapping of int to Block
        What each of these was, by colour: the total of a product.
    """

    plan: Plan
    totals: Mapping[int, Block]


def with_totals_first(plan: Plan, results: Results) -> TotalProducts:
    """Return a plan in which factors are added up before they are multiplied.

    Parameters
    ----------
    plan : Plan
        The arrays of a program, or of the body of a loop.
    results : sequence of (sequence of int, tuple of int)
        Its results.

    Returns
    -------
    TotalProducts
        The plan itself if there are none.

    Examples
    --------
    >>> with_totals_first(Plan({}, {}), []).totals
    {}
    """
    uses = Counter(source for block in plan.blocks.values() for source in block.sources)
    uses.update({plan.place[i][0] for wanted, _ in results for i in wanted})
    blocks: dict[int, Block] = {}
    totals: dict[int, Block] = {}
    added: dict[tuple[int, int], int] = {}
    unused = max(plan.blocks, default=-1) + 1
    for colour, block in plan.blocks.items():
        factor = _factor(plan, block) if block.over and uses[block.operands[0].source] == 1 else None
        if factor is not None:
            key = factor.source, block.over[0]
            if key not in added:
                added[key] = unused
                blocks[unused] = _added_up(plan.blocks[factor.source], factor.source, block)
                unused += 1
            totals[colour] = block
            block = _multiplied(plan, block, factor, added[key])
        blocks[colour] = block
    return TotalProducts(replace(plan, blocks=blocks), totals) if totals else TotalProducts(plan, totals)


def _factor(plan: Plan, total: Block) -> Operand | None:
    """Return the factor of a product that alone varies along an axis, if a block adds that product up."""
    first = total.operands[0]
    block = plan.blocks[first.source]
    is_all = np.array_equal(first.wanted.ravel(), np.arange(block.size)) and total.shape == block.shape
    is_sum = total.op in PLAIN_SUMS and len(total.operands) == len(total.over) == 1
    if block.product is None or block.over or not is_all or not is_sum:
        return None
    varying = [o for o in block.product if total.over[0] in plan.blocks[o.source].axes]
    is_used = len(varying) == 1 and varying[0].wanted.size >= plan.blocks[varying[0].source].size
    return varying[0] if is_used else None


def _added_up(block: Block, source: int, total: Block) -> Block:
    """Return the total of all numbers of a block."""
    positions = np.arange(block.size).reshape((*block.shape, 1))
    axes = tuple([axis for axis in block.axes if axis not in total.over])
    return replace(total, shape=block.shape, operands=[Operand(source, positions)], axes=axes)


def _multiplied(plan: Plan, total: Block, factor: Operand, added: int) -> Block:
    """Return the product of which a factor has been added up."""
    block = plan.blocks[total.operands[0].source]
    assert block.product is not None
    left, right = (replace(o, source=added) if o is factor else o for o in block.product)
    return replace(block, product=(left, right), axes=total.axes, terms=None)
