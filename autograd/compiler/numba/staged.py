"""Write a plan stage by stage: what is computed once, and in loops along axes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import chain
from typing import NamedTuple

from ..arrays.plan import Plan, Results
from .chunks import count_lanes, keep, load, store
from .fusion import LoopNest, fused, used_elsewhere
from .lane_loops import nested
from .loop_writer import LoopWriter
from .reductions_along import begin_total
from .stages import Stage, part_of, stages_of

WriteBlocks = Callable[[LoopWriter, Sequence[LoopNest]], None]
"""What writes the blocks of a plan."""


class StageWithNests(NamedTuple):
    """A stage, and the nests of loops that each of its levels consists of."""

    stage: Stage
    nests: list[list[LoopNest]]


def stages_with_nests(plan: Plan, results: Results, colours: Collection[int]) -> list[StageWithNests]:
    """Return the stages of some blocks of a plan.

    Examples
    --------
    >>> [stage.nests for stage in stages_with_nests(Plan({}, {}), [], [])]
    [[[]]]
    """
    found = stages_of(part_of(plan, colours), results)
    return [StageWithNests(stage, [fused(part_of(plan, level)) for level in stage.levels]) for stage in found]


def stored_of(plan: Plan, stages: Sequence[StageWithNests], results: Results) -> set[int]:
    """Return the arrays that are used outside of the loops that compute them.

    Examples
    --------
    >>> stored_of(Plan({}, {}), [], [])
    set()
    """
    levels = chain.from_iterable(stage.nests for stage in stages)
    return used_elsewhere(plan, chain.from_iterable(levels), results)


def write_stages(
    writer: LoopWriter, stages: Sequence[StageWithNests], results: Results, write_blocks: WriteBlocks
) -> None:
    """Write what is computed once and what along axes, one after the other.

    Parameters
    ----------
    writer : LoopWriter
        The lines.
    stages : sequence of StageWithNests
        The stages.
    results : sequence of (sequence of int, tuple of int)
        What they are for.
    write_blocks : callable
        What writes the blocks of a nest.
    """
    for stage, nests in stages:
        if stage.axes:
            _write_along(writer, stage, nests, results, write_blocks)
        else:
            write_blocks(writer, nests[0])


def _write_along(
    writer: LoopWriter,
    stage: Stage,
    nests: Sequence[Sequence[LoopNest]],
    results: Results,
    write_blocks: WriteBlocks,
) -> None:
    """Write loops along axes, chunk by chunk."""
    for colour in stage.levels[-1]:
        if writer.plan.blocks[colour].over:
            begin_total(writer, colour)
    for axis, loaded, found in zip(stage.axes, stage.loaded, nests, strict=True):
        writer.levels.append([])
        count_lanes(writer, axis)
        for colour in loaded:
            load(writer, colour)
        write_blocks(writer, found)
    for which in stage.results:
        store(writer, which, results[which])
    for colour in stage.kept:
        keep(writer, colour)
    for axis in reversed(stage.axes):
        inside = writer.levels.pop()
        writer.lines += nested([(f"start{axis}", f"0, length{axis}, {writer.capacity[axis]}")], inside)
