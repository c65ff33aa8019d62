"""Write the blocks of a plan: one statement for each array, as a person would write it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ...ops.table import COMPARISONS, OPS
from ..arrays.plan import Block
from ..arrays.views import broadcast_axes
from .assembly import filled
from .axis_order import argument, opened, reordered, with_new_axis
from .reductions import reduction
from .statements import Counts, StatementWriter
from .windows import window


def write_blocks(writer: StatementWriter, returned: set[int], colours: Collection[int]) -> None:
    """Write the statements that compute arrays, of which those of some instructions are returned."""
    choices = _only_chosen_by(writer, returned)
    added_up = {total.operands[0].source for total in writer.totals.values()}
    written = [colour for colour in colours if colour not in added_up]
    writer.counts.classes += len(written)
    for colour in written:
        block = writer.plan.blocks[colour]
        if block.loop is not None:
            writer.write_loop(colour, block.loop, write_blocks)
        elif colour in writer.lookups:
            writer.names[colour] = writer.look_up(block, writer.lookups[colour])
        elif block.op is not None:
            writer.names[colour] = _computed(writer, block, is_choice=colour in choices)
            if colour in writer.totals:
                _add_up_products(writer, writer.totals[colour], writer.names[colour])
        elif block.carried is None and (block.constants is None or block.axes):
            # Other constants are written where they are used, and loops have written what they carry.
            writer.names[colour] = _arranged(writer, block)


def _arranged(writer: StatementWriter, block: Block) -> str:
    """Return an array that takes what is known as it is, or in another arrangement."""
    if block.argument is not None:
        return argument(writer, block)
    if block.constants is not None:
        return writer.constants(block.constants)
    if block.length is not None:
        return writer.length_as_number(block.length)
    if block.same_as is not None:
        source, order = block.same_as
        text = reordered(writer.names[source], block, order)
        return text if text.isidentifier() else writer.assigned(text)
    if block.window is not None:
        return window(writer, block, block.window)
    if block.opened is not None:
        return opened(writer, block, block.opened)
    if block.is_along:
        return with_new_axis(writer, block)
    if block.is_index:
        return writer.assigned(writer.indices(block.axes[0]))
    return filled(writer, block)


def _only_chosen_by(writer: StatementWriter, returned: set[int]) -> set[int]:
    """Return the comparisons that only `where` uses, whose results stay boolean."""
    found = {colour for colour, block in writer.plan.blocks.items() if block.op in COMPARISONS.values()}
    found -= {writer.plan.place[i][0] for i in returned}
    for block in writer.plan.blocks.values():
        is_choice = block.op is OPS["where"]
        found -= {operand.source for operand in block.operands[1 if is_choice else 0 :]}
        if block.loop is not None:
            found -= block.loop.sources
    return found


def _computed(writer: StatementWriter, block: Block, *, is_choice: bool) -> str:
    """Write an operation; a choice is a comparison whose result stays boolean."""
    text = _truth(writer, block) if is_choice else _expression(writer, block)
    if _is_repeated(block):
        text = writer.full(writer.shape_of(block.shape, block.axes), text)
    name = writer.assigned(text)
    writer.check(block, name)
    return name


def _add_up_products(writer: StatementWriter, total: Block, name: str) -> None:
    """Write what computes the total of a product as it stands, where that may make a difference."""
    body = replace(writer, lines=[], names={**writer.names}, calls={**writer.calls}, counts=Counts())
    product = total.operands[0].source
    body.names[product] = _computed(body, writer.plan.blocks[product], is_choice=False)
    body.lines.append(f"{name} = {_expression(body, total)}")
    writer.lines.append(f"if not np.isfinite({name}).all():  # of a sum, or of a zero times infinity")
    writer.lines += [f"    {line}" for line in body.lines]


def _truth(writer: StatementWriter, block: Block) -> str:
    assert block.op is not None
    left, right = (writer.aligned(operand, block.axes) for operand in block.operands)
    return f"{left} {block.op.symbol} {right}"


def _expression(writer: StatementWriter, block: Block) -> str:
    assert block.op is not None
    if block.product is not None:
        return writer.product(block)
    if block.op.variadic or block.over:
        return reduction(writer, block)
    return writer.formula(block.op, [writer.aligned(operand, block.axes) for operand in block.operands])


def _is_repeated(block: Block) -> bool:
    """Return whether all operands are the same along an axis, so that their text has not the whole shape."""
    if block.product is not None or any(o.wanted.shape != block.shape for o in block.operands):
        return False
    axes = [set(broadcast_axes(operand.wanted)) for operand in block.operands]
    return bool(set.intersection(*axes))
