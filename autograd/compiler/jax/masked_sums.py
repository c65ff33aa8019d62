"""Leave what is stored behind the last step of a loop out of sums over its steps.

In JAX the arrays of a loop that counts its steps have room for more of them, where they may hold anything.
Element by element that does no harm; a sum over the steps adds up what is in front of their number alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ...ops.table import COMPARISONS, OPS
from ..arrays.plan import Block, Operand, Plan


def with_masked_sums(plan: Plan) -> Plan:
    """Return a plan whose sums over the steps of a loop that counts them are those of masked numbers.

    Parameters
    ----------
    plan : Plan
        The arrays of a program, or of the body of a loop.

    Returns
    -------
    Plan
        The same plan if it has no such sum.

    Examples
    --------
    >>> from ..passes.axes import AxisLength
    >>> steps = Block(None, (), is_index=True, axes=(0,))
    >>> total = Block(OPS["sum"], (), operands=[Operand(0, np.array([0]))], is_reduction=True, over=(0,))
    >>> found = with_masked_sums(Plan({0: steps, 1: total}, {0: (1, 0)}, [AxisLength(None, None)]))
    >>> [block.op and block.op.name for block in found.blocks.values()]
    [None, None, None, 'lt', None, 'where', 'sum']
    """
    counted = {axis for axis, length in enumerate(plan.lengths) if length.is_counted}
    if not any(counted.intersection(block.over) for block in plan.blocks.values()):
        return plan
    masking = _Masking(plan)
    for colour, block in plan.blocks.items():
        axes = sorted(counted.intersection(block.over))
        if block.product is not None:
            left, right = block.product
            block = replace(block, product=(masking.masked(left, axes), masking.masked(right, axes)))
        elif axes:
            block = replace(block, operands=[masking.masked(operand, axes) for operand in block.operands])
        masking.blocks[colour] = block
    return replace(plan, blocks=masking.blocks)


class _Masking:
    """The blocks of a plan with masks, while they are put in."""

    def __init__(self, plan: Plan) -> None:
        self.blocks: dict[int, Block] = {}
        self._first = 1 + max(plan.blocks)
        self._count = 0
        self._masks: dict[int, int] = {}
        self._masked: dict[tuple[int, int], int] = {}

    def masked(self, operand: Operand, axes: Iterable[int]) -> Operand:
        """Return an operand that is 0 behind the last step along some axes."""
        source = operand.source
        for axis in axes:
            if (source, axis) not in self._masked:
                self._masked[source, axis] = self._where(source, axis)
            source = self._masked[source, axis]
        return Operand(source, operand.wanted)

    def _where(self, source: int, axis: int) -> int:
        if axis not in self._masks:
            index = self._add(Block(None, (), is_index=True, axes=(axis,)))
            length = self._add(Block(None, (), length=axis))
            operands = [Operand(of, np.array(0)) for of in (index, length)]
            self._masks[axis] = self._add(Block(COMPARISONS["lt"], (), operands=operands, axes=(axis,)))
        zero = self._add(Block(None, (1,), constants=np.zeros(1)))
        block = self.blocks[source]
        first = np.zeros(block.shape, dtype=np.intp)
        every = np.arange(block.size).reshape(block.shape)
        operands = [Operand(self._masks[axis], first), Operand(source, every), Operand(zero, first)]
        axes = tuple(sorted({*block.axes, axis}))
        return self._add(Block(OPS["where"], block.shape, operands=operands, axes=axes))

    def _add(self, block: Block) -> int:
        colour = self._first + self._count
        self._count += 1
        self.blocks[colour] = block
        return colour
