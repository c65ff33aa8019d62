"""Write reductions over an axis: what each begins with, what a chunk or a round adds, and what ends it.

A total that varies along no axis begins before all chunks. One over the inner of two axes begins with each
chunk, and is complete at its end, for each of the samples side by side. Any other stands in an array along
the axes that are left, to which each round of the loops adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from ...ops.renderer import number_text
from ...ops.table import Accumulator, Op
from ..arrays.plan import Block, Operand
from ..passes.products import SUMS
from .chunks import keep
from .index_loops import IndexLoops
from .lane_loops import lane_of, sums_of_each, totals_of
from .lookups import begin_sums
from .loop_rules import LOOPS
from .loop_writer import LANES, LoopWriter, Memory
from .reduction_loops import over_row, reduction_of, written_out
from .reductions_along import factors_of, lane_factor, terms_of
from .whole_arrays import new_along


def is_inner(block: Block, axes: Sequence[int]) -> bool:
    """Return whether a total is complete at the end of each chunk of the loops along some axes.

    Examples
    --------
    >>> is_inner(Block(None, (), axes=(1,), over=(0,)), (1, 0))
    True
    """
    return len(axes) == 2 and block.axes == (axes[0],)


def begin_total(writer: LoopWriter, colour: int, axes: Sequence[int]) -> None:
    """Write what a total begins with."""
    block = writer.plan.blocks[colour]
    assert block.op is not None
    if colour in writer.lookups:
        begin_sums(writer, colour, writer.lookups[colour])
    elif block.axes and not is_inner(block, axes):
        start = "0.0" if block.op in SUMS else _of_nothing(block.op)
        new_along(writer, colour, block, start)
    elif block.op in SUMS:
        room = writer.memory[colour] = writer.room(block.size, block.axes)
        writer.fill(room, "0.0")
    else:
        writer.states[colour] = {}
        for accumulator in _accumulators(block.op):
            room = writer.states[colour][accumulator.name] = writer.room(
                block.size, (*block.axes, *block.over)
            )
            start = number_text(accumulator.start).text
            writer.fill(room if block.axes else _all_lanes(room), start)
    if block.op.folds is not None:
        _check_length(writer, block)


def _check_length(writer: LoopWriter, block: Block) -> None:
    """Write what ends with the error of NumPy if there is no sample to reduce, and a result."""
    assert block.op is not None
    assert block.op.ufunc is not None
    (over,) = block.over
    conditions = [f"length{over} == 0", *(f"length{axis} > 0" for axis in block.axes)]
    writer.errors.append(
        f"zero-size array to reduction operation {block.op.ufunc.__name__} which has no identity"
    )
    writer.levels[writer.home] += [f"if {' and '.join(conditions)}:", f"    return {len(writer.errors)}"]


def write_total(writer: LoopWriter, colour: int, block: Block) -> None:
    """Write what adds up over the samples of a chunk, or what a round of an inner loop adds."""
    if block.op in SUMS:
        _add_sums(writer, colour, block)
    elif colour in writer.states:
        _add_to_states(writer, colour, block)
    else:
        _combine(writer, colour, block)


def end_total(writer: LoopWriter, colour: int, axes: Sequence[int]) -> None:
    """Write what is left to do after the loops that add up."""
    block = writer.plan.blocks[colour]
    assert block.op is not None
    if colour in writer.states:
        states = writer.states.pop(colour)
        if block.axes:
            writer.memory[colour] = _of_states(writer, block.op, states)
        else:
            _of_states(writer, block.op, {name: _all_lanes(room) for name, room in states.items()})
            writer.memory[colour] = _over_lanes(writer, block, next(iter(states.values())))
    if is_inner(block, axes):
        keep(writer, colour)


@cache
def _accumulators(op: Op) -> Sequence[Accumulator]:
    reduction = reduction_of(op)
    assert reduction is not None
    return reduction.together or reduction.accumulators


def _of_nothing(op: Op) -> str:
    """Return what a row is of no numbers at all."""
    reduction = reduction_of(op)
    assert reduction is not None
    known = {own.name: number_text(own.start).text for own in reduction.accumulators}
    return LOOPS.write(reduction.result, known)


def _all_lanes(room: Memory) -> Memory:
    start, size = int(room.positions[0]), len(room.positions)
    return Memory(room.array, np.arange(start, start + size * LANES))


def _add_sums(writer: LoopWriter, colour: int, block: Block) -> None:
    place = writer.along.get(colour)
    if place is None:
        room = writer.memory[colour]
    else:
        room = writer.room(block.size, block.axes)
        writer.fill(room, "0.0")
    name = writer.new_name()
    for columns in terms_of(block):
        factors, sizes = factors_of(writer, block, columns)
        out = lane_factor(writer, room, (sizes.rows, sizes.columns or 1))
        (over,) = block.over
        if over == writer.lane:
            writer.lines += totals_of(factors, out, sizes, over, name)
        else:
            writer.lines += sums_of_each(factors, out, sizes, adds=True)
    if place is not None:
        loop = IndexLoops((block.size,), room.lane, is_exact=True)
        target = f"{writer.chunk_of(place)}[{place.at(loop.indices, room.lane)}]"
        writer.lines += loop.around(f"{target} = {target} + {writer.element(room, loop)}")


def _element(writer: LoopWriter, block: Block) -> Memory:
    """Return where the numbers stand that are reduced, one for each element of the result."""
    (operand,) = block.operands
    return writer.memory_of(Operand(operand.source, operand.wanted.ravel()))


def _add_to_states(writer: LoopWriter, colour: int, block: Block) -> None:
    """Write the steps of accumulators, of which there is one for each lane."""
    assert block.op is not None
    states, name = writer.states[colour], writer.new_name()
    # Lanes that are no samples must not count where the lanes themselves are reduced.
    loop = IndexLoops((block.size,), writer.lane, is_exact=not block.axes)
    known = {accumulator: f"{name}_{accumulator}" for accumulator in states}
    lines = [f"{name} = {writer.element(_element(writer, block), loop)}"]
    lines += [f"{known[own]} = {writer.element(states[own], loop)}" for own in states]
    lines += [
        f"{writer.element(states[own.name], loop)} = {LOOPS.write(own.step, {**known, 'x': name})}"
        for own in _accumulators(block.op)
    ]
    writer.lines += loop.around(*lines)


def _combine(writer: LoopWriter, colour: int, block: Block) -> None:
    """Write what reduces the numbers of a round with what there is."""
    assert block.op is not None
    place, element = writer.along[colour], _element(writer, block)
    lane = writer.lane_among(block.axes)
    loop = IndexLoops((block.size,), lane, is_exact=True)
    target = f"{writer.chunk_of(place)}[{place.at(loop.indices, lane)}]"
    x, total = writer.new_name(), writer.new_name()
    before = {x: writer.element(element, loop), total: target}
    found = written_out(block.op, [total, x], (f"v{number}" for number in writer.names), before)
    writer.lines += loop.around(*(f"{name} = {text}" for name, text in before.items()), f"{target} = {found}")


def _of_states(writer: LoopWriter, op: Op, states: dict[str, Memory]) -> Memory:
    """Write the result in each lane where the first accumulator stands, and return that."""
    reduction = reduction_of(op)
    assert reduction is not None
    first = next(iter(states.values()))
    if reduction.result.text in states:
        return first
    loop, name = IndexLoops(first.positions.shape, first.lane), writer.new_name()
    known = {own: f"{name}_{own}" for own in states}
    lines = [f"{known[own]} = {writer.element(states[own], loop)}" for own in states]
    writer.lines += loop.around(
        *lines, f"{writer.element(first, loop)} = {LOOPS.write(reduction.result, known)}"
    )
    return first


def _over_lanes(writer: LoopWriter, block: Block, of_lanes: Memory) -> Memory:
    """Write what reduces the results of the lanes that had any sample."""
    assert block.op is not None
    assert writer.lane is not None
    room, name = writer.room(block.size), writer.new_name()
    loop = IndexLoops((block.size,))
    lines = over_row(
        block.op,
        name,
        {"x": writer.element(of_lanes, loop)},
        lane_of(writer.lane),
        f"min({LANES}, length{writer.lane})",
    )
    writer.lines += loop.around(*lines, f"{writer.element(room, loop)} = {name}")
    return room
