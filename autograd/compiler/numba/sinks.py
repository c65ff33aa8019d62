"""What loops along axes are for, which of them compute it, and when.

A *sink* is what leaves such loops: a total over an axis, a result along axes, or an array that is stored
since others read it another way. Whatever else varies along axes is computed by each of the loops that need
it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..arrays.plan import Block, Plan, Results
from ..passes.products import SUMS


@dataclass
class Sink:
    """What leaves loops along axes.

    Attributes
    ----------
    axes : tuple of int
        The axes of these loops: the one whose samples are computed side by side, and the others, which are
        loops within its chunks.
    sources : set of int
        The colours that it consists of.
    result : int or None
        The result that it is; None for an array.
    is_inner : bool
        Whether it is a total over the inner of two axes, which is complete for the samples of a chunk before
        the next chunk begins.
    time : int
        Which loops it is computed in: those of time 0 come first.
    walk : int
        Which of the walks along the inner axes of a chunk.
    needs : set of int
        The colours of other sinks that have to be known.
    once : set of int
        The colours among what is computed once that have to be known.
    """

    axes: tuple[int, ...]
    sources: set[int]
    result: int | None = None
    is_inner: bool = False
    time: int = 0
    walk: int = 0
    needs: set[int] = field(default_factory=set)
    once: set[int] = field(default_factory=set)


def is_computed(block: Block) -> bool:
    """Return whether a block is neither given nor constant.

    Examples
    --------
    >>> is_computed(Block(None, (2,), argument=0))
    False
    """
    is_read = block.opened is not None or block.is_at_index
    return any((block.op is not None, block.targets, block.loop is not None, is_read))


def stands(block: Block) -> bool:
    """Return whether an array along axes is there as a whole before any loop along them.

    Examples
    --------
    >>> stands(Block(None, (2,), argument=0, axes=(0,))), stands(Block(None, (), axes=(0,), is_index=True))
    (True, False)
    """
    return not (is_computed(block) or block.is_index or block.window is not None)


class Sinks:
    """The sinks of a plan, and when each of them is computed.

    Attributes
    ----------
    of : dict of int to Sink
        The totals and stored arrays, by colour.
    results : list of Sink
        The results along axes.
    begin : dict of int to int
        The time of what is computed once, by colour: before the loops of this time.

    Examples
    --------
    >>> Sinks(Plan({0: Block(None, (2,), argument=0)}, {}), []).of
    {}
    """

    def __init__(self, plan: Plan, results: Results) -> None:
        self.plan = plan
        self.of: dict[int, Sink] = {}
        self.results: list[Sink] = []
        self.begin: dict[int, int] = {}
        self._counts: dict[int, int] = {}
        along = plan.axes_of_results
        self._lanes = _lanes(plan, [axes for axes in along if axes])
        for colour, block in plan.blocks.items():
            if block.over:
                self._add_total(colour, block)
        for colour in _read_otherwise(plan):
            self._store(colour)
        for which, ((instructions, _), axes) in enumerate(zip(results, along, strict=False)):
            if axes:
                colours = {plan.place[i][0] for i in instructions}
                self.results.append(Sink(self._ordered(axes), colours, which))
        waiting = [*self.of.values(), *self.results]
        while waiting:
            waiting += self._look_into(waiting.pop())
        self._find_times()

    def _add_total(self, colour: int, block: Block) -> None:
        axes = self._ordered([*block.axes, *block.over])
        if block.axes and block.op not in SUMS:
            # Samples side by side are reduced each for itself.
            axes = (block.axes[-1], *(axis for axis in sorted(axes) if axis != block.axes[-1]))
        is_inner = len(axes) == 2 and block.axes == axes[:1]
        self.of[colour] = Sink(axes, {colour}, is_inner=is_inner)

    def _store(self, colour: int) -> list[Sink]:
        """Note that an array is stored; a total is stored anyway."""
        if colour in self.of:
            return []
        self.of[colour] = Sink(self._ordered(self.plan.blocks[colour].axes), {colour})
        return [self.of[colour]]

    def _ordered(self, axes: Iterable[int]) -> tuple[int, ...]:
        """Return axes with the one of the lanes first."""
        lane = self._lanes[frozenset(axes)]
        return (lane, *sorted({*axes} - {lane}))

    def _look_into(self, sink: Sink) -> list[Sink]:
        """Find what a sink needs; return what therefore has to be stored as well."""
        blocks, wanted = self.plan.blocks, {*sink.sources}
        new: list[Sink] = []
        for colour in reversed(blocks):
            if colour not in wanted:
                continue
            block = blocks[colour]
            is_own = sink.result is None and colour in sink.sources
            if block.over and not is_own:
                sink.needs.add(colour)
            elif block.same_as is not None:
                sink.needs.add(block.same_as[0])
            elif block.carried is not None:
                sink.once.add(block.carried[0])
            elif block.is_along:
                sink.once.add(colour)
            elif block.window is not None and not block.is_at_index:
                (sink.needs if block.window.source in self.of else wanted).add(block.window.source)
            elif not is_computed(block):
                continue
            elif not block.axes and not block.over:
                sink.once.add(colour)
            elif is_own or sink.axes[0] in block.axes:
                wanted |= {operand.source for operand in block.operands}
            else:
                # It is the same for all samples of a chunk, and would be computed again for each chunk.
                new += self._store(colour)
                sink.needs.add(colour)
        return new

    def _find_times(self) -> None:
        for colour, block in self.plan.blocks.items():
            if colour in self.of:
                self._find_time(self.of[colour])
            elif block.carried is not None or block.is_along or (not block.axes and is_computed(block)):
                ends = [self._end(o.source) for o in block.operands]
                self.begin[colour] = max([*ends, *self._counted(block.lengths)], default=0)
            # The loop that counts steps comes before all others of as many, also of those it does not feed.
            if block.loop is not None and self.plan.lengths[block.loop.axis].is_counted:
                self._counts.setdefault(block.loop.axis, self.begin[colour])
        for sink in self.results:
            self._find_time(sink)

    def _counted(self, axes: Iterable[int]) -> list[int]:
        """Return when the lengths of axes are known that a loop counts."""
        return [self._counts[axis] for axis in axes if axis in self._counts]

    def _end(self, colour: int) -> int:
        """Return from which time on a number or array without axes, or one that is stored, can be used."""
        sink = self.of.get(colour)
        return self.begin.get(colour, 0) if sink is None else sink.time + 1

    def _find_time(self, sink: Sink) -> None:
        needs = [self.of[colour] for colour in sink.needs]
        # What is complete within a chunk can be used there.
        inside = [other for other in needs if other.is_inner and other.axes == sink.axes]
        outside = [other.time + 1 for other in needs if other not in inside]
        times = [*outside, *(self.begin[colour] for colour in sink.once), *(o.time for o in inside)]
        times += self._counted(sink.axes)
        sink.time = max(times, default=0)
        sink.walk = max([other.walk + 1 for other in inside if other.time == sink.time], default=0)


def _read_otherwise(plan: Plan) -> Iterator[int]:
    """Yield what is read along another axis, or step by step."""
    for block in plan.blocks.values():
        if block.same_as is not None:
            yield block.same_as[0]
        if block.opened is not None and is_computed(plan.blocks[block.opened]):
            yield block.opened
        if block.window is not None and _is_stored(plan.blocks[block.window.source]):
            yield block.window.source
        if block.loop is not None:
            steps = (block.loop.axis,)
            for operand in block.operands:
                source = plan.blocks[operand.source]
                if _is_stored(source) and not (source.is_index and source.axes == steps):
                    yield operand.source


def _is_stored(block: Block) -> bool:
    """Return whether what is read otherwise than by the loops that compute it has to be stored before."""
    return bool(block.axes) and not stands(block)


def _lanes(plan: Plan, of_results: Iterable[tuple[int, ...]]) -> Mapping[frozenset[int], int]:
    """Return along which axis samples are computed side by side, for each set of axes.

    Sums over the other axes add up side by side, too, and are complete chunk by chunk; those over this one
    need the sum of each vector. Along the last axis, results are contiguous.
    """
    votes: dict[frozenset[int], Counter[int]] = {frozenset(axes): Counter() for axes in of_results}
    for block in plan.blocks.values():
        found = votes.setdefault(frozenset((*block.axes, *block.over)), Counter())
        if block.over:
            weight = 1 if block.op in SUMS else _MUCH
            found.update(dict.fromkeys(block.axes, weight))
    return {
        axes: max(axes, key=lambda axis, found=found: (found[axis], axis))  # type: ignore[misc]
        for axes, found in votes.items()
        if axes
    }


_MUCH = 1000
"""What a reduction counts that cannot add up vectors: more than all sums."""
