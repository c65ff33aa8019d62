"""Order a plan with axes: what is computed once, and what in loops along axes, one after the other.

A loop along axes goes through the samples once. What it needs of a sample it computes there, also if a loop
before it did, since to store an array as long as the data takes longer than most computations. What adds up
over an axis is complete after the loop, so whatever uses that, along the same axis, is in a later loop.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..arrays.plan import AlongAxes, Block, Operand, Plan, Results, by_source


@dataclass
class Stage:
    """What is computed in one nest of loops along axes, or outside of any.

    Attributes
    ----------
    axes : tuple of int
        The axes, from the outer loop to the inner one; none for what is computed once.
    levels : list of list of int
        The colours that are computed in each loop, in order of evaluation.
    loaded : list of list of int
        The colours that each loop reads from arrays along its axes: arguments, constants and earlier totals.
    results : list of int
        The results that are stored in the inner loop.
    kept : list of int
        The colours that are stored as well, to be read under other names of their axes.
    """

    axes: tuple[int, ...]
    levels: list[list[int]]
    loaded: list[list[int]] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)


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
    [Stage(axes=(), levels=[[]], loaded=[], results=[], kept=[])]
    """
    begin, end = _times(plan)
    sinks = _sinks(plan, results, begin, end)
    last = max([*end.values(), *(time for time, _ in sinks)], default=0)
    kept = {colour: time for (time, _), found in sinks.items() for colour in found.kept}
    stages: list[Stage] = []
    for time in range(last + 1):
        once = [
            colour
            for colour, block in plan.blocks.items()
            if is_computed(block) and not block.axes and not block.over and begin[colour] == time
        ]
        if once or not stages:
            stages.append(Stage((), [once]))
        known = {colour for colour, at in kept.items() if at < time}
        stages += [_nest(plan, axes, found, known) for (at, axes), found in sinks.items() if at == time]
    return stages


def is_computed(block: Block) -> bool:
    """Return whether a block is neither given nor constant."""
    return block.op is not None or bool(block.targets) or block.loop is not None


def _times(plan: Plan) -> tuple[dict[int, int], dict[int, int]]:
    """Return in which stage each array can be computed, and in which used."""
    begin: dict[int, int] = {}
    end: dict[int, int] = {}
    for colour, block in plan.blocks.items():
        begin[colour] = max([end[operand.source] for operand in block.operands], default=0)
        if block.same_as is not None:
            source = block.same_as[0]
            begin[colour] = end[source] + (not plan.blocks[source].over)
        if block.loop is not None:
            times = [end[operand.source] + _is_kept(plan, operand) for operand in block.operands]
            begin[colour] = max(times, default=0)
        end[colour] = begin[colour] + bool(block.over)
    return begin, end


def _is_kept(plan: Plan, taken: Operand) -> bool:
    """Return whether what a loop takes has to be stored for all of its steps before."""
    source = plan.blocks[taken.source]
    return is_computed(source) and bool(source.axes) and not source.over


def _read_otherwise(plan: Plan) -> Iterator[int]:
    """Yield what is read along another axis, or step by step."""
    for block in plan.blocks.values():
        if block.same_as is not None:
            yield block.same_as[0]
        if block.loop is not None:
            yield from [operand.source for operand in block.operands if _is_kept(plan, operand)]


@dataclass
class _Sinks:
    """What a nest of loops is for."""

    totals: list[int] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    sources: set[int] = field(default_factory=set)


def _sinks(
    plan: Plan, results: Results, begin: Mapping[int, int], end: Mapping[int, int]
) -> dict[tuple[int, tuple[int, ...]], _Sinks]:
    """Return what each nest is for, by its time and its axes."""
    found: dict[tuple[int, tuple[int, ...]], _Sinks] = {}
    for colour, block in plan.blocks.items():
        if block.over:
            key = begin[colour], tuple(sorted({*block.axes, *block.over}))
            sinks = found.setdefault(key, _Sinks())
            sinks.totals.append(colour)
            sinks.sources.add(colour)
    for colour in dict.fromkeys(_read_otherwise(plan)):
        # A total along axes is stored anyway.
        if plan.blocks[colour].over:
            continue
        sinks = found.setdefault((end[colour], plan.blocks[colour].axes), _Sinks())
        sinks.kept.append(colour)
        sinks.sources.add(colour)
    for which, ((instructions, _), along) in enumerate(zip(results, plan.axes_of_results, strict=False)):
        if not along:
            continue
        colours = {plan.place[i][0] for i in instructions}
        time, axes = max([end[colour] for colour in colours], default=0), tuple(sorted(along))
        # A loop that is there anyway takes it along.
        times = [at for at, others in found if others == axes and at >= time]
        sinks = found.setdefault((min(times, default=time), axes), _Sinks())
        sinks.results.append(which)
        sinks.sources |= colours
    return found


def _nest(plan: Plan, axes: tuple[int, ...], sinks: _Sinks, known: Container[int]) -> Stage:
    """Return the nest of loops for some totals and results, with all that it computes for them."""
    needed = set(sinks.sources)
    levels: list[list[int]] = [[] for _ in axes]
    loaded: list[list[int]] = [[] for _ in axes]
    for colour in reversed(plan.blocks):
        block = plan.blocks[colour]
        is_total = colour in sinks.totals
        if colour not in needed or not (block.axes or is_total):
            continue
        level = max([axes.index(axis) for axis in (*block.axes, *block.over * is_total)])
        if is_total or (is_computed(block) and not block.over and colour not in known):
            levels[level].insert(0, colour)
            needed |= {operand.source for operand in block.operands}
        else:
            loaded[level].insert(0, colour)
    return Stage(axes, levels, loaded, sinks.results, sinks.kept)


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
        elif block.carried is not None:
            blocks[colour] = replace(block, operands=[Operand(block.carried[0], np.zeros(1, dtype=np.intp))])
    return replace(plan, blocks=blocks)


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
    if any(block.same_as or block.loop for block in plan.blocks.values()):
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
