"""Bring arrays into the order in which a program has them: their axes last."""

from __future__ import annotations

from collections.abc import Sequence

from ..arrays.plan import Block
from .statements import StatementWriter


def argument(writer: StatementWriter, block: Block) -> str:
    """Return an argument, with its axes last."""
    assert block.argument is not None
    name = _with_axes_last(writer, block, writer.parameters[block.argument])
    if block.rows is None:
        return name
    # Columns are contiguous then. Those of x[rows].T are not, and their products take 40 times as long.
    axis = block.dimensions.index(0) - len(block.dimensions)
    rows = writer.positions(block.rows)
    text = (
        f"{name}[{rows}]"
        if len(block.shape + block.dimensions) == 1
        else f"{writer.module}.take({name}, {rows}, {axis})"
    )
    return writer.assigned(text)


def _with_axes_last(writer: StatementWriter, block: Block, name: str) -> str:
    own, axes = len(block.shape), len(block.axes)
    if not block.dimensions or block.dimensions == tuple(range(own, own + axes)):
        return name
    if own + axes == 2:
        return writer.assigned(f"{name}.T")
    return writer.assigned(f"{writer.module}.moveaxis({name}, {block.dimensions}, {tuple(range(-axes, 0))})")


def with_new_axis(writer: StatementWriter, block: Block) -> str:
    """Return an array whose last dimension becomes an axis."""
    (operand,) = block.operands
    text = writer.view(operand, whole=True)
    if len(block.axes) > 1:
        text = f"{writer.module}.moveaxis({text}, {len(block.shape)}, -1)"
    return text if text.isidentifier() else writer.assigned(text)


def opened(writer: StatementWriter, block: Block, source: int) -> str:
    """Return an array of which an axis becomes the last of its own dimensions."""
    name = writer.names[source]
    return f"{writer.module}.moveaxis({name}, -1, {len(block.shape) - 1})" if block.axes else name


def reordered(text: str, block: Block, order: Sequence[int]) -> str:
    """Return an array with its axes in another order."""
    if list(order) == sorted(order):
        return text
    own = len(block.shape)
    places = ", ".join(map(str, [*range(own), *(own + i for i in order)]))
    return f"{text}.transpose({places})"
