"""Write loops over steps in NumPy."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ...ops.structural import When
from ..arrays.plan import Block, CarriedArray, LoopPlan, Operand
from .assembly import assembled
from .statements import StatementWriter, WriteBlocks, is_literal

Kept = dict[tuple[int, When], str]
"""The arrays that hold what is carried of each step, by its number and when it is stored."""


def write_loop(writer: StatementWriter, colour: int, loop: LoopPlan, write_blocks: WriteBlocks) -> None:
    """Write a loop over steps, which stores what each step is given or leaves as far as that is used.

    Parameters
    ----------
    writer : StatementWriter
        The statements around the loop.
    colour : int
        The block that the loop is.
    loop : LoopPlan
        The loop.
    write_blocks : callable
        What writes the blocks of its body.
    """
    given = [writer.new_name() for _ in loop.carried]
    kept = _begun(writer, colour, loop, given)
    names, slices = taken(writer, loop)
    body = writer.within(loop.body, [*given, *names], loop.results)
    plan = body.plan
    carried = {i for array in loop.carried for i in array.results}
    before: Collection[int] = ()
    if loop.condition is None:
        index, n = f"t{next(writer.numbers)}", writer.length(loop.axis)
        steps = f"reversed(range({n}))" if loop.is_reversed else f"range({n})"
        writer.lines.append(f"for {index} in {steps}:")
        body.lines += [f"{name} = {source}[{index}]" for name, source in slices.items()]
        store = f"{{}}[{index}] = {{}}"
    else:
        writer.lines.append("while True:")
        before = plan.up_to(plan.place[loop.condition][0])
        write_blocks(body, carried, before)
        body.lines += [f"if not {_any(body, loop.condition)}:", "    break"]
        store = "{}.append({})"
    body.lines += [store.format(name, given[k]) for (k, when), name in kept.items() if when == "given"]
    write_blocks(body, carried, [other for other in plan.blocks if other not in before])
    body.lines.append(f"{', '.join(given)} = {', '.join(left(body, loop))}")
    body.lines += [store.format(name, given[k]) for (k, when), name in kept.items() if when == "left"]
    if loop.condition is not None:
        _count(writer, body, colour, loop.axis)
    writer.lines += [f"    {line}" for line in body.lines]
    for other, block in writer.plan.blocks.items():
        if block.carried is not None and block.carried[0] == colour:
            _, k, when = block.carried
            writer.names[other] = (
                given[k] if when == "last" else _with_steps_last(writer, kept[k, when], block, loop)
            )


def _any(body: StatementWriter, condition: int) -> str:
    """Return whether a condition holds, for any of the indices of its axes."""
    colour, position = body.plan.place[condition]
    text = body.view(Operand(colour, np.array(position)))
    return f"{text}.any()" if body.plan.blocks[colour].axes else text


def _count(writer: StatementWriter, body: StatementWriter, colour: int, axis: int) -> None:
    """Write what counts the steps, if anything else asks for their number."""
    others = [block for other, block in writer.plan.blocks.items() if other != colour]
    if any(axis in block.lengths for block in others):
        writer.lines.insert(-1, f"{writer.length(axis)} = 0")
        body.lines.append(f"{writer.length(axis)} += 1")


def _begun(writer: StatementWriter, colour: int, loop: LoopPlan, given: Sequence[str]) -> Kept:
    """Write what the first step is given, and empty arrays for what is stored, or lists if it is counted."""
    used = {block.carried for block in writer.plan.blocks.values() if block.carried is not None}
    kept: Kept = {}
    for k, (name, array) in enumerate(zip(given, loop.carried, strict=True)):
        first = assembled(writer, array.first, array.shape, array.axes, is_own=False)
        # Where Python's own numbers raise, those of NumPy are inf: 1.0 / 0.0.
        writer.lines.append(f"{name} = np.float64({first})" if is_literal(first) else f"{name} = {first}")
        for when in ("given", "left"):
            if (colour, k, when) in used:
                empty = f"np.empty({shape_of_all(writer, array, loop.axis)})"
                kept[k, when] = writer.assigned(empty if loop.condition is None else "[]")
    return kept


def shape_of_all(writer: StatementWriter, array: CarriedArray, axis: int) -> str:
    """Return the shape of an array that is carried, for all steps."""
    lengths = [writer.length(axis), *map(str, array.shape), *map(writer.length, array.axes)]
    return f"({', '.join(lengths)},)"


def left(body: StatementWriter, loop: LoopPlan) -> list[str]:
    """Write what is carried on, and return it."""
    return [
        assembled(body, [loop.body.place[i] for i in array.results], array.shape, array.axes, is_own=False)
        for array in loop.carried
    ]


def taken(writer: StatementWriter, loop: LoopPlan) -> tuple[list[str], dict[str, str]]:
    """Write what the body takes from around it; return its names, and which are slices of what."""
    names: list[str] = []
    slices: dict[str, str] = {}
    for operand in loop.taken:
        text = writer.view(operand, whole=True)
        axes = writer.axes_of(operand)
        if loop.axis not in axes:
            if not text.isidentifier():
                text = writer.assigned(text)
            names.append(text)
            continue
        place = operand.wanted.ndim + axes.index(loop.axis)
        stacked = writer.assigned(writer.steps_first(text, place) if place else text)
        names.append(writer.new_name())
        slices[names[-1]] = stacked
    return names, slices


def _with_steps_last(writer: StatementWriter, name: str, block: Block, loop: LoopPlan) -> str:
    """Return an array of all steps, or a list of the arrays of each, as the block that it is."""
    if loop.condition is not None:
        assert block.carried is not None
        array = loop.carried[block.carried[1]]
        # Without steps the list does not know its shape.
        is_flat = not array.shape and not array.axes
        shaped = "" if is_flat else f".reshape({shape_of_all(writer, array, loop.axis)})"
        name = writer.assigned(f"np.array({name}, dtype=float){shaped}")
    return steps_last(writer, name, block, loop.axis)


def steps_last(writer: StatementWriter, name: str, block: Block, axis: int) -> str:
    """Write an array whose first dimension is the steps as the block that it is, and return its name."""
    place = len(block.shape) + block.axes.index(axis)
    if not place:
        return name
    is_matrix = len(block.shape) + len(block.axes) == 2
    return writer.assigned(f"{name}.T" if is_matrix else f"{writer.module}.moveaxis({name}, 0, {place})")
