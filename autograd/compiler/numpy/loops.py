"""Write loops over steps in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...ops.structural import When
from ..arrays.layout import Block, LoopPlan
from ..arrays.lookups import with_lookups
from .assembly import assembled
from .statements import StatementWriter

Kept = dict[tuple[int, When], str]
"""The arrays that hold what is carried of each step, by its number and when it is stored."""


def write_loop(
    writer: StatementWriter,
    colour: int,
    loop: LoopPlan,
    write_blocks: Callable[[StatementWriter, set[int]], None],
) -> None:
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
    taken, slices = _taken(writer, loop)
    index, n = f"t{next(writer.numbers)}", writer.length(loop.axis)
    steps = f"reversed(range({n}))" if loop.is_reversed else f"range({n})"
    writer.lines.append(f"for {index} in {steps}:")
    plan, lookups = with_lookups(loop.body, [(array.results, array.shape) for array in loop.carried])
    body = writer.within(plan, [*given, *taken], lookups)
    body.lines += [f"{name} = {source}[{index}]" for name, source in slices.items()]
    body.lines += [f"{name}[{index}] = {given[k]}" for (k, when), name in kept.items() if when == "given"]
    write_blocks(body, {i for array in loop.carried for i in array.results})
    body.lines.append(f"{', '.join(given)} = {', '.join(_left(body, loop))}")
    body.lines += [f"{name}[{index}] = {given[k]}" for (k, when), name in kept.items() if when == "left"]
    writer.lines += [f"    {line}" for line in body.lines]
    for other, block in writer.plan.blocks.items():
        if block.carried is not None and block.carried[0] == colour:
            _, k, when = block.carried
            writer.names[other] = (
                given[k] if when == "last" else _with_steps_last(writer, kept[k, when], block, loop.axis)
            )


def _begun(writer: StatementWriter, colour: int, loop: LoopPlan, given: Sequence[str]) -> Kept:
    """Write what the first step is given, and empty arrays for what is stored."""
    used = {block.carried for block in writer.plan.blocks.values() if block.carried is not None}
    kept: Kept = {}
    for k, (name, array) in enumerate(zip(given, loop.carried, strict=True)):
        first = assembled(writer, array.first, array.shape, array.axes, is_own=False)
        writer.lines.append(f"{name} = {first}")
        shape = ", ".join(map(str, [writer.length(loop.axis), *array.shape, *map(writer.length, array.axes)]))
        for when in ("given", "left"):
            if (colour, k, when) in used:
                kept[k, when] = writer.assigned(f"np.empty(({shape},))")
    return kept


def _left(body: StatementWriter, loop: LoopPlan) -> list[str]:
    """Return what is carried on."""
    return [
        assembled(body, [loop.body.place[i] for i in array.results], array.shape, array.axes, is_own=False)
        for array in loop.carried
    ]


def _taken(writer: StatementWriter, loop: LoopPlan) -> tuple[list[str], dict[str, str]]:
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
        first = "" if not place else f"np.ascontiguousarray(np.moveaxis({text}, {place}, 0))"
        stacked = writer.assigned(first or text)
        names.append(writer.new_name())
        slices[names[-1]] = stacked
    return names, slices


def _with_steps_last(writer: StatementWriter, name: str, block: Block, axis: int) -> str:
    """Return an array whose first dimension is the steps with that dimension among its axes."""
    place = len(block.shape) + block.axes.index(axis)
    if not place:
        return name
    is_matrix = len(block.shape) + len(block.axes) == 2
    return writer.assigned(f"{name}.T" if is_matrix else f"np.moveaxis({name}, 0, {place})")
