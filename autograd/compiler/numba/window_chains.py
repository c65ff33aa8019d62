"""Read a slice of a slice, or a slice that is moved, from the array that it is a part of.

The numbers of an array but the last, behind a one, are two windows: a slice, and the slice moved by one. To
store the slice took a third of the memory that a step of 100,000 numbers reads and writes.
"""

from __future__ import annotations

from dataclasses import replace

from ..arrays.plan import Block, Operand, Plan, Window


def with_direct_windows(plan: Plan) -> Plan:
    """Return a plan in which windows of windows are windows of the array itself, where that can be said.

    Examples
    --------
    >>> import numpy as np
    >>> slices = {1: Window(0, 0, 1, 2), 2: Window(1, 1, 0, -1, covers=False)}
    >>> blocks = {k: Block(None, (), axes=(of.new,), window=of) for k, of in slices.items()}
    >>> plan = with_direct_windows(Plan({0: Block(None, (), argument=0, axes=(0,)), **blocks}, {}))
    >>> found = plan.blocks[2].window
    >>> found.source, found.start, found.within
    (0, 1, (1, -1))
    """
    blocks = dict(plan.blocks)
    for colour, block in blocks.items():
        if block.window is not None and (found := _direct(block.window, blocks)) is not None:
            operands = [Operand(found.source, of.wanted) for of in block.operands]
            blocks[colour] = replace(block, window=found, operands=operands)
    return replace(plan, blocks=blocks)


def _direct(of: Window, blocks: dict[int, Block]) -> Window | None:
    """Return a window of what the source of another one is a window of, if that is along the same axis."""
    before = blocks[of.source].window
    if before is None or of.new is None or before.new != of.old:
        return None
    start = before.start + of.start
    if before.covers:
        within = None if of.covers else (of.old, of.start)
        return Window(before.source, before.old, of.new, start, of.covers, (), within)
    if of.covers and before.within is None:
        return Window(before.source, before.old, of.new, start, covers=False)
    return None
