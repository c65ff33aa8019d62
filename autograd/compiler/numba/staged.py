"""Write a plan stage by stage: what is computed once, and in loops along axes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import chain
from typing import NamedTuple

from ..arrays.plan import Plan, Results
from .chunks import count_lanes, keep, load, store
from .fusion import LoopNest, fused, used_elsewhere
from .lane_loops import nested
from .loop_writer import LANES, LoopWriter
from .stages import Stage, Walk, part_of, stages_of
from .totals import begin_total, end_total, is_inner

WriteBlocks = Callable[[LoopWriter, Sequence[LoopNest]], None]
"""What writes the blocks of a plan."""


Nests = Sequence[Sequence[LoopNest]]
"""The loops of a walk, by level."""


class StageWithNests(NamedTuple):
    """A stage, and the nests of loops that each of its walks consists of."""

    stage: Stage
    nests: Sequence[Nests]


def stages_with_nests(plan: Plan, results: Results, colours: Collection[int]) -> list[StageWithNests]:
    """Return the stages of some blocks of a plan.

    Examples
    --------
    >>> [stage.nests for stage in stages_with_nests(Plan({}, {}), [], [])]
    [[[[]]]]
    """
    return [
        StageWithNests(
            stage, [[fused(part_of(plan, level)) for level in walk.levels] for walk in stage.walks]
        )
        for stage in stages_of(part_of(plan, colours), results)
    ]


def stored_of(plan: Plan, stages: Sequence[StageWithNests], results: Results) -> set[int]:
    """Return the arrays that are used outside of the loops that compute them.

    Examples
    --------
    >>> stored_of(Plan({}, {}), [], [])
    set()
    """
    levels = chain.from_iterable(chain.from_iterable(stage.nests for stage in stages))
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
            write_blocks(writer, nests[0][0])


def _write_along(
    writer: LoopWriter,
    stage: Stage,
    nests: Sequence[Nests],
    results: Results,
    write_blocks: WriteBlocks,
) -> None:
    """Write loops along axes, chunk by chunk."""
    lane, blocks = stage.axes[0], writer.plan.blocks
    writer.lane = lane
    of_all = [
        colour for walk in stage.walks for colour in walk.totals if not is_inner(blocks[colour], stage.axes)
    ]
    for colour in of_all:
        begin_total(writer, colour, stage.axes)
    writer.levels.append([])
    count_lanes(writer, lane)
    for walk, found in zip(stage.walks, nests, strict=True):
        of_chunk = [colour for colour in walk.totals if colour not in of_all]
        for colour in of_chunk:
            begin_total(writer, colour, stage.axes)
        _write_walk(writer, stage.axes, walk, found, results, write_blocks)
        for colour in of_chunk:
            end_total(writer, colour, stage.axes)
    inside = writer.levels.pop()
    writer.lines += nested([(f"start{lane}", f"0, length{lane}, {LANES}")], inside)
    for colour in of_all:
        end_total(writer, colour, stage.axes)
    writer.lane = None


def _write_walk(
    writer: LoopWriter,
    axes: Sequence[int],
    walk: Walk,
    nests: Nests,
    results: Results,
    write_blocks: WriteBlocks,
) -> None:
    """Write what is computed of a chunk, and a walk along the other axes."""
    for axis, loaded, found in zip(axes, walk.loaded, nests, strict=True):
        if axis != axes[0]:
            writer.levels.append([])
        for colour in loaded:
            load(writer, colour)
        write_blocks(writer, found)
    for which in walk.results:
        store(writer, which, results[which])
    for colour in walk.kept:
        keep(writer, colour)
    for axis in reversed(axes[1:]):
        inside = writer.levels.pop()
        writer.lines += nested([(f"start{axis}", f"length{axis}")], inside)
