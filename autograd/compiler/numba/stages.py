"""Order a plan with axes: what is computed once, and what in loops along axes, one after the other.

A loop along axes goes through the samples once, in chunks. What it needs of a sample it computes there, also
if a loop before it did, since to store an array as long as the data takes longer than most computations. What
adds up over the axis is complete after the loop, so whatever uses that, along the same axis, is in a later
loop. Of two axes, the loop along one is within the chunks of the other: what adds up over the inner axis is
complete within a chunk, and what uses it follows there, in another loop along the inner axis.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..arrays.plan import AlongAxes, Block, Operand, Plan, Results, by_source
from .sinks import Sink, Sinks, is_computed


@dataclass
class Walk:
    """What one walk along the inner axes of a chunk computes, and what before it is computed of the chunk.

    Attributes
    ----------
    levels : list of list of int
        The colours that are computed in each loop, from the outer to the inner one, in order of evaluation.
    loaded : list of list of int
        The colours that each loop reads from arrays along its axes: arguments, constants and earlier totals.
    totals : list of int
        The colours among them that are totals.
    results : list of int
        The results that are stored in the inner loop.
    kept : list of int
        The colours that are stored as well, to be read otherwise.
    """

    levels: list[list[int]]
    loaded: list[list[int]] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)


@dataclass
class Stage:
    """What is computed in one nest of loops along axes, or outside of any.

    Attributes
    ----------
    axes : tuple of int
        The axes, from the outer loop, whose samples are side by side, to the inner one; none for what is
        computed once.
    walks : list of Walk
        What is computed in each chunk, one after the other.
    """

    axes: tuple[int, ...]
    walks: list[Walk]


def stages_of(plan: Plan, results: Results) -> list[Stage]:
    """Return the stages of a plan.

    Parameters
    ----------
    plan : Plan
        The arrays.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.

    Returns
    -------
    list of Stage
        In order of evaluation.

    Examples
    --------
    >>> stages_of(Plan({0: Block(None, (2,), argument=0)}, {}), [])
    [Stage(axes=(), walks=[Walk(levels=[[]], loaded=[], totals=[], results=[], kept=[])])]
    """
    sinks = Sinks(plan, results)
    nests = _nests(sinks)
    last = max([*sinks.begin.values(), *(time for time, _ in nests)], default=0)
    stages: list[Stage] = []
    for time in range(last + 1):
        once = [
            colour
            for colour, block in plan.blocks.items()
            if is_computed(block) and sinks.begin.get(colour) == time
        ]
        if once or not stages:
            stages.append(Stage((), [Walk([once])]))
        known = {colour for colour, sink in sinks.of.items() if sink.time < time}
        stages += [
            Stage(axes, _walks(plan, axes, found, known)) for (at, axes), found in nests.items() if at == time
        ]
    return stages


def _nests(sinks: Sinks) -> dict[tuple[int, tuple[int, ...]], list[Sink]]:
    """Return the sinks of each nest of loops, by its time and its axes."""
    found: dict[tuple[int, tuple[int, ...]], list[Sink]] = {}
    for sink in sinks.of.values():
        found.setdefault((sink.time, sink.axes), []).append(sink)
    for sink in sinks.results:
        # A loop that is there anyway takes it along.
        times = [at for at, axes in found if axes == sink.axes and at >= sink.time]
        time = min(times, default=sink.time)
        if time > sink.time:
            sink.time, sink.walk = time, 0
        found.setdefault((time, sink.axes), []).append(sink)
    return found


def _walks(plan: Plan, axes: tuple[int, ...], sinks: Sequence[Sink], known: Container[int]) -> list[Walk]:
    """Return what the chunks of a nest compute for some sinks, one after the other."""
    walks: list[Walk] = []
    of_chunk: set[int] = set()
    for number in range(max(sink.walk for sink in sinks) + 1):
        mine = [sink for sink in sinks if sink.walk == number]
        walks.append(_walk(plan, axes, mine, known, of_chunk))
        of_chunk.update(*(sink.sources for sink in mine if sink.is_inner))
    return walks


def _walk(
    plan: Plan, axes: tuple[int, ...], sinks: Sequence[Sink], known: Container[int], of_chunk: set[int]
) -> Walk:
    """Return one walk along the inner axes; what it leaves of the chunk is added to `of_chunk`."""
    needed = {colour for sink in sinks for colour in sink.sources}
    arrays = {colour for sink in sinks if sink.result is None for colour in sink.sources}
    totals = [colour for colour in arrays if plan.blocks[colour].over]
    levels: list[list[int]] = [[] for _ in axes]
    loaded: list[list[int]] = [[] for _ in axes]
    for colour in reversed(plan.blocks):
        block = plan.blocks[colour]
        is_own = colour in arrays and is_computed(block)
        if colour not in needed or colour in of_chunk or not (block.axes or is_own):
            continue
        level = max([axes.index(axis) for axis in (*block.axes, *block.over * is_own)])
        is_given = not is_computed(block) or colour in known or axes[0] not in block.axes or bool(block.over)
        (loaded if is_given and not is_own else levels)[level].insert(0, colour)
        if is_own or not is_given:
            needed |= {operand.source for operand in block.operands}
        if level == 0:
            of_chunk.add(colour)
    results = [sink.result for sink in sinks if sink.result is not None]
    return Walk(
        levels, loaded, totals, results, [colour for colour in arrays if not plan.blocks[colour].over]
    )


def part_of(plan: Plan, colours: Iterable[int]) -> Plan:
    """Return a plan in which only some arrays are computed, and the others are given.

    Examples
    --------
    >>> plan = Plan({0: Block(None, (2,), constants=None), 1: Block(None, (2,), targets=[])}, {})
    >>> part_of(plan, [0]).blocks.keys()
    dict_keys([0, 1])
    """
    computed = {*colours}
    blocks = {
        colour: block if colour in computed or not is_computed(block) else _given(block)
        for colour, block in plan.blocks.items()
    }
    return replace(plan, blocks=blocks)


def _given(block: Block) -> Block:
    return Block(None, block.shape, axes=block.axes)


def with_operands_of_loops(plan: Plan) -> Plan:
    """Return a plan in which what loops over steps use, leave and count are operands, as of any other array.

    So is what an array is of another one, such as a slice along an axis.

    Examples
    --------
    >>> with_operands_of_loops(Plan({}, {}))
    Plan(blocks={}, place={}, lengths=(), along=())
    """
    blocks = dict(plan.blocks)
    counts = {
        block.loop.axis: colour
        for colour, block in blocks.items()
        if block.loop is not None and block.loop.condition is not None
    }
    for colour, block in blocks.items():
        if block.length in counts:
            blocks[colour] = replace(block, operands=[Operand(counts[block.length], np.zeros(1, np.intp))])
        elif block.loop is not None:
            first = [place for array in block.loop.carried for place in array.first]
            operands, _ = by_source([source for source, _ in first], [position for _, position in first])
            blocks[colour] = replace(block, operands=[*block.loop.taken, *operands])
        elif (source := _only_source(block)) is not None:
            blocks[colour] = replace(block, operands=[Operand(source, np.zeros(1, dtype=np.intp))])
    return replace(plan, blocks=blocks)


def _only_source(block: Block) -> int | None:
    """Return the colour of what an array is read from, if it is another one or a loop."""
    if block.carried is not None:
        return block.carried[0]
    return block.window.source if block.window is not None else block.opened


def with_merged_axes(plan: Plan) -> Plan:
    """Return a plan in which axes of one length are one, unless an array varies along both.

    Two calls of `vmap` over the same array make two axes, and would make two loops.

    Examples
    --------
    >>> from ..passes.axes import AxisLength
    >>> blocks = {i: Block(None, (), argument=0, axes=(i,), dimensions=(0,)) for i in range(2)}
    >>> [block.axes for block in with_merged_axes(Plan(blocks, {}, [AxisLength(0, 0)] * 2)).blocks.values()]
    [(0,), (0,)]
    """
    if any(block.same_as or block.loop or block.window for block in plan.blocks.values()):
        return plan
    kinds = {frozenset((*block.axes, *block.over)) for block in plan.blocks.values()}
    kinds |= {frozenset(axes) for axes in plan.axes_of_results}
    one = list(range(len(plan.lengths)))
    for axis, length in enumerate(plan.lengths):
        for other in range(axis):
            if plan.lengths[other] == length and one[other] == other:
                merged = [frozenset(other if a == axis else a for a in kind) for kind in kinds]
                if all(len(new) == len(old) for new, old in zip(merged, kinds, strict=True)):
                    one[axis], kinds = other, {*merged}
                    break
    if one == [*range(len(one))]:
        return plan

    def renamed(axes: Sequence[int]) -> tuple[int, ...]:
        return tuple([one[axis] for axis in axes])

    blocks = {colour: _with_axes(block, renamed) for colour, block in plan.blocks.items()}
    along: AlongAxes = [
        tuple([None if axis is None else one[axis] for axis in dimensions]) for dimensions in plan.along
    ]
    return replace(plan, blocks=blocks, along=along)


def _with_axes(block: Block, renamed: Callable[[Sequence[int]], tuple[int, ...]]) -> Block:
    """Return a block along other axes, which are in ascending order again."""
    axes = renamed(block.axes)
    order = sorted(range(len(axes)), key=axes.__getitem__)
    constants = block.constants
    if constants is not None and axes:
        own = constants.ndim - len(axes)
        constants = constants.transpose([*range(own), *(own + i for i in order)])
    return replace(
        block,
        axes=tuple([axes[i] for i in order]),
        over=tuple(sorted(renamed(block.over))),
        dimensions=tuple([block.dimensions[i] for i in order]) if block.dimensions else (),
        constants=constants,
        length=None if block.length is None else renamed([block.length])[0],
    )
