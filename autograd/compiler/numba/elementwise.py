"""Write loops over arrays that are computed element by element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..arrays.index_rules import Positions
from ..arrays.plan import Block, Operand
from .affine import affine
from .fusion import LoopNest
from .index_loops import IndexLoops
from .loop_rules import LOOPS
from .loop_writer import LoopWriter
from .reduction_loops import written_out

_SHORT = 64


def write_elements(writer: LoopWriter, nest: LoopNest) -> None:
    """Write the loop of arrays that are computed together."""
    loop, elements = _ordered(writer, nest)
    body: dict[str, str] = {}
    # What is loaded before all loops, and in each of them.
    before: list[dict[str, str]] = [{} for _ in range(len(loop.bounds) + 1)]
    local: dict[int, str] = {}
    writes: list[str] = []
    for colour, of in elements.items():
        block = writer.plan.blocks[colour]
        texts = []
        for operand in block.operands:
            if operand.source in local:
                texts.append(local[operand.source])
            else:
                wanted = Operand(operand.source, operand.wanted.ravel()[of])
                texts.append(_loaded(writer, wanted, loop, before))
        local[colour] = writer.new_name(colour)
        body[local[colour]] = value(writer, block, texts, body)
        if colour in writer.stored:
            memory = writer.room(block.size, block.axes)
            positions = np.empty(block.size, dtype=np.intp)
            positions[of.ravel()] = memory.positions
            writer.memory[colour] = memory._replace(positions=positions)
            writes.append(f"{writer.element(memory.shaped(loop.shape), loop)} = {local[colour]}")
    heads = ["", *_opaque(writer, loop).heads()]
    for depth, (head, loaded) in enumerate(zip(heads, before, strict=True)):
        writer.lines += [head] * bool(head)
        writer.lines += [f"{'    ' * depth}{name} = {text}" for text, name in loaded.items()]
    writer.lines += [f"{loop.indent}{name} = {text}" for name, text in body.items()]
    writer.lines += [loop.indent + write for write in writes]


def _opaque(writer: LoopWriter, loop: IndexLoops) -> IndexLoops:
    """Return the loop with a short inner bound read from memory.

    LLVM would write out a loop of 16 rounds before it looks for vectors, and then finds none: 100 of
    them, a bias and a ReLU, take 1.3 us, and 0.3 us this way.
    """
    if loop.lane is not None or not writer.has_hints:
        return loop
    *outer, length = loop.shape
    if not outer or not 4 <= length < _SHORT:
        return loop
    writer.places.append(length)
    name = f"n{len(writer.places)}"
    writer.lines.append(f"{name} = places[{len(writer.places) - 1}]")
    return IndexLoops((*outer, length), inner=name)


def _loaded(writer: LoopWriter, operand: Operand, loop: IndexLoops, before: list[dict[str, str]]) -> str:
    """Return the name of an operand, loaded in the outermost loop that determines its address."""
    literal = writer.literal(operand)
    if literal:
        return literal
    if operand.source in writer.scalars:
        return writer.scalars[operand.source]
    memory = writer.memory_of(operand)
    rule, is_listed = writer.place(memory.positions.reshape(loop.shape))
    # From 1 on: what no loop changes is loaded before all of them, since LLVM does not know that no store
    # in a loop over lanes changes it, and would not vectorise the loop: exp(x - c) would take 10 ns, not 1.3.
    changing = [1 + axis for axis in range(len(loop.shape)) if rule.steps[axis]]
    at = rule.text(loop.indices)
    if is_listed:
        place = f"places[{at}]"
        # Looked up before a loop over lanes.
        is_before = memory.lane is not None
        at = before[changing[-1]].setdefault(place, f"x{next(writer.loads)}") if is_before else place
    changing += [] if memory.lane is None else [len(loop.shape) + 1]
    text = f"{memory.array}[{at}{memory.of_lane}]"
    return before[max(changing, default=0)].setdefault(text, f"x{next(writer.loads)}")


def _ordered(writer: LoopWriter, nest: LoopNest) -> tuple[IndexLoops, dict[int, Positions]]:
    """Return the loop with the most contiguous operands: flat, as it is, or transposed."""
    flat = {colour: of.reshape(-1) for colour, of in nest.elements.items()}
    grid = {colour: of.reshape(nest.shape) for colour, of in nest.elements.items()}
    turned = {colour: of.T for colour, of in grid.items()}
    choices = [
        (IndexLoops(of.shape, writer.lane_among(nest.axes)), which)
        for which in ((flat, grid, turned) if nest.shape else (grid,))
        for of in [next(iter(which.values()))]
    ]
    return min(choices, key=lambda choice: _jumps(writer, choice[1]))


def _jumps(writer: LoopWriter, elements: Mapping[int, Positions]) -> float:
    """Return how many operands are not read in order."""
    jumps = 0.0
    for colour, of in elements.items():
        for operand in writer.plan.blocks[colour].operands:
            if operand.source not in writer.memory or operand.source in elements:
                continue
            rule = affine(writer.memory[operand.source].positions[operand.wanted.ravel()[of]])
            has_lanes = writer.memory[operand.source].lane is not None
            is_in_order = has_lanes or not rule or not rule.steps
            jumps += 2.0 if rule is None else float(not is_in_order and rule.steps[-1] not in (0, 1))
    return jumps


def value(writer: LoopWriter, block: Block, texts: Sequence[str], before: dict[str, str]) -> str:
    """Return what an element is, where its operands are known; `before` gets what to compute first."""
    assert block.op is not None
    if block.op.variadic:
        return written_out(block.op, texts, (f"v{number}" for number in writer.names), before)
    return LOOPS.write(block.op.value, dict(zip(block.op.parameters, texts, strict=True)))
