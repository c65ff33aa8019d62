"""The colour classes of a tape as a sequence, in which the steps of a recurrence follow one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from ...functions.axes import Renamed, TotalOver
from ...functions.rows_over_axes import RowOver
from ...functions.windows import Shifted
from ...ops.structural import Operation
from ...ops.table import Op
from ..trace.tape import Tape
from .differences import differences
from .products import PLAIN_SUMS

Numbers = npt.NDArray[np.int64]

NOTHING = -1
"""Where a class has fewer operands than others."""

# A class that reads more classes than this is a sum over all steps, but no part of one step.
_MOST_READ = 40

# A class that so many others read is read by all steps: within one, so many do not read the same.
_SHARED = 24

# By how many of their operands, at most, the members of a class are put in order.
_MOST_KEYS = 8

# The arrays that a loop has besides those of its body: what is kept, and what is put along the steps.
_OF_A_LOOP = 10

# Classes are alike if so many are, one on another. Of those in a step up to four may be alike nevertheless.
_DEPTH, _CANDIDATES, _MOST_ALIKE = 64, 3, 4

# At how many of its classes a step may begin, where they are too many to try each.
_MOST_PHASES = 512

# What steps may be made of: no loops within loops.
_REPEATING = (Op, TotalOver, RowOver, Renamed, Shifted)

# Multiplies and mixes the bits of a hash.
_ODD = 0x9E3779B97F4A7C15


class ClassSequence:
    """The classes of a tape, each after those that it reads.

    Found depth first from the results, so that all classes of a step come before those of the next one.

    Parameters
    ----------
    tape : Tape
        The program.
    colours : list of int
        The colour of each instruction.
    axes : sequence of frozenset
        The axes that each instruction varies along; nothing if there are none.

    Attributes
    ----------
    order : list of int
        The colours in sequence; those of inputs and constants are left out.
    read : array of int
        For each class the places in the sequence of those that it reads, one for each operand, or one for a
        column of like operands. What is no such class is `NOTHING` or less.
    likeness : array of int
        A number that classes share if they apply one operation to as many operands, in as many members.
    is_sum : array of bool
        Which classes only add, or subtract terms of a sum.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> from .colours import colours_of
    >>> x = Value(1.0)
    >>> tape = tape_of([((x * 2.0).exp() * 2.0).exp()], [[x]])
    >>> sequence = ClassSequence(tape, colours_of(tape), [])
    >>> sequence.likeness.tolist(), sequence.read[1].tolist()
    ([0, 1, 0, 1], [0, -1])
    """

    def __init__(self, tape: Tape, colours: list[int], axes: Sequence[frozenset[Any]]) -> None:
        self.tape = tape
        self.flat: Numbers = np.fromiter(chain.from_iterable(tape.args), dtype=np.int64)
        lengths: Numbers = np.fromiter(map(len, tape.args), dtype=np.int64, count=len(tape))
        self.starts: Numbers = np.concatenate([[0], np.cumsum(lengths)])
        of = np.array(colours, dtype=np.int64)
        self.colours: Numbers = of
        self._by_colour: Numbers = np.argsort(of, kind="stable")
        self._bounds: Numbers = np.concatenate([[0], np.cumsum(np.bincount(of))])
        first = self._by_colour[self._bounds[:-1]].tolist()
        reads = [_distinct(tape.ops[i], [colours[arg] for arg in tape.args[i]]) for i in first]
        self.order = self._ordered(colours, first, reads)
        # Of those that are left out, a number that is each one's own.
        self.place: Numbers = NOTHING - 1 - np.arange(len(first))
        self.place[self.order] = np.arange(len(self.order))
        is_difference = differences(tape, Counter(chain(tape.outputs, self.flat.tolist())))
        self.is_sum = np.array(
            [
                tape.ops[first[colour]] in PLAIN_SUMS or is_difference[first[colour]] == 1
                for colour in self.order
            ],
            dtype=bool,
        )
        self.read = self._places_read(reads)
        self.likeness = self._likeness(first, reads, axes)

    def _ordered(self, colours: list[int], first: list[int], reads: list[list[int]]) -> list[int]:
        """Return the colours, each after those that it reads."""
        is_leaf = [self.tape.ops[i] is None for i in first]
        # What all steps read comes before them, so that the first step is like the others.
        read_by: Numbers = np.array([other for read in reads for other in {*read}], dtype=np.int64)
        readers = np.bincount(read_by, minlength=len(first))
        roots = [*np.flatnonzero(readers >= _SHARED).tolist(), *[colours[i] for i in self.tape.outputs]]
        return _depth_first(roots, reads, is_leaf)

    def _places_read(self, reads: list[list[int]]) -> Numbers:
        """Return the places of the classes that each class reads."""
        place = self.place.tolist()
        inside = [reads[colour] if len(reads[colour]) <= _MOST_READ else [] for colour in self.order]
        found: Numbers = np.full((len(inside), max(map(len, inside), default=1) or 1), NOTHING)
        for at, read in enumerate(inside):
            found[at, : len(read)] = [place[colour] for colour in read]
        return found

    def _likeness(self, first: list[int], reads: list[list[int]], axes: Sequence[frozenset[Any]]) -> Numbers:
        """Return a number for each class that those share which may be one class of several steps."""
        known: dict[object, int] = {}
        found: list[int] = []
        for at, colour in enumerate(self.order):
            i, read = first[colour], reads[colour]
            op, count = self.tape.ops[i], int(self._bounds[colour + 1] - self._bounds[colour])
            kind: object = op, count, len(self.tape.args[i]), len(read), axes[i] if axes else 0
            if not isinstance(op, _REPEATING) or len(read) > _MOST_READ:
                kind = at
            found.append(known.setdefault(kind, len(known)))
        return np.array(found, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.order)

    def members(self, at: int) -> Numbers:
        """Return the instructions of a class, in an array that is the sequence's own."""
        colour = self.order[at]
        found: Numbers = self._by_colour[self._bounds[colour] : self._bounds[colour + 1]]
        return found

    def place_of(self, numbers: Numbers) -> Numbers:
        """Return where the classes of instructions stand in the sequence; less than 0 for those left out."""
        found: Numbers = self.place[self.colours[numbers]]
        return found

    def ranks(self) -> Numbers:
        """Order the members of each class by what they are computed from, and return where each stands.

        So those of one step correspond to those of the next. What they read of the arguments comes first: the
        order of these is that of the user.
        """
        tape = self.tape
        rank: Numbers = np.zeros(len(tape), dtype=np.int64)
        for i, (_, position) in tape.inputs.items():
            rank[i] = position
        for at in range(len(self)):
            members = self.members(at)
            if len(members) == 1:
                continue
            operands = self.operands(members)
            keys = rank[operands]
            columns = np.flatnonzero((keys != keys[0]).any(axis=0))
            if len(columns):
                is_inner = self.place[self.colours[operands[0, columns]]] >= 0
                chosen = columns[np.argsort(is_inner, kind="stable")][:_MOST_KEYS]
                members[:] = members[np.lexsort(keys[:, chosen[::-1]].T)]
            rank[members] = np.arange(len(members))
        return rank

    def operands(self, members: Numbers) -> Numbers:
        """Return the operands of some members of a class, a row for each."""
        start = self.starts[members]
        width = int(self.starts[members[0] + 1] - start[0])
        found: Numbers = self.flat[start[:, None] + np.arange(width)]
        return found


def _distinct(op: Operation | None, read: list[int]) -> list[int]:
    """Return the colours that a class reads: of a column of one colour only that."""
    if op is None or not op.variadic:
        return read
    found: list[int] = []
    for column in op.columns(read):
        found += column[:1] if len({*column}) == 1 else column
    return found


def _depth_first(roots: list[int], reads: list[list[int]], is_leaf: list[bool]) -> list[int]:
    """Return classes, each after those that it reads."""
    order: list[int] = []
    state = bytearray(len(reads))
    for root in roots:
        if state[root]:
            continue
        stack = [root]
        while stack:
            colour = stack[-1]
            if state[colour]:
                stack.pop()
                if state[colour] == 1:
                    state[colour] = 2
                    if not is_leaf[colour]:
                        order.append(colour)
                continue
            state[colour] = 1
            stack.extend([other for other in reversed(reads[colour]) if not state[other]])
    return order


class RepeatedSteps:
    """Steps that repeat: classes of the sequence that follow one another, the same number in each step.

    Attributes
    ----------
    start, period, steps : int
        The first class, how many each step has, and how many steps there are.

    Examples
    --------
    >>> RepeatedSteps(3, 2, 10).stop
    23
    """

    def __init__(self, start: int, period: int, steps: int) -> None:
        self.start, self.period, self.steps = start, period, steps

    @property
    def stop(self) -> int:
        """The class after the last."""
        return self.start + self.period * self.steps

    def __repr__(self) -> str:
        return f"RepeatedSteps({self.start}, {self.period}, {self.steps})"


def find_runs(sequence: ClassSequence, fewest: int) -> list[RepeatedSteps]:
    """Return steps that repeat.

    In each step a class reads one that stands a fixed number of places further than in the step before: as
    many as a step has (what the recurrence carries), none (what all steps share), or any other number (what
    the backward sweep reads of the forward steps, in reverse order).

    Parameters
    ----------
    sequence : ClassSequence
        The classes.
    fewest : int
        Of how many steps a run has at least.

    Returns
    -------
    list of RepeatedSteps
        In the order of the sequence; they do not overlap.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> from .colours import colours_of
    >>> x = y = Value(1.0)
    >>> for _ in range(60):
    ...     y = (y * 2.0).sin()
    >>> tape = tape_of([y], [[x]])
    >>> find_runs(ClassSequence(tape, colours_of(tape), []), 8)
    [RepeatedSteps(0, 2, 60)]
    """
    is_free = np.ones(len(sequence), dtype=bool)
    periods = _candidates(sequence)
    found: list[RepeatedSteps] = []
    while True:
        runs = [run for p in periods if (run := _longest(sequence, p, is_free)) and _pays(run, fewest)]
        if not runs:
            return sorted(found, key=lambda run: run.start)
        longest = max(runs, key=lambda run: ((run.steps - 1) * run.period, -run.period))
        is_free[longest.start : longest.stop] = False
        found.append(_best_phase(sequence, longest, is_free))


def _pays(run: RepeatedSteps, fewest: int) -> bool:
    """Return whether a loop, which has some arrays of its own, has several times fewer than the steps."""
    return run.steps >= fewest and (run.steps - 1) * run.period >= 3 * (run.period + _OF_A_LOOP)


def _candidates(sequence: ClassSequence) -> list[int]:
    """Return the distances at which classes that are computed alike follow one another."""
    likeness = sequence.likeness.astype(np.uint64) + np.uint64(1)
    read = sequence.read[:, :4]
    is_class = read >= 0
    at = np.maximum(read, 0)
    found: dict[int, None] = {}
    alike = likeness * np.uint64(_ODD)
    for depth in range(_DEPTH + 1):
        # At depths 0, 1, 2, 4, ...: steps of few classes are told apart at small ones, others at large ones.
        if depth & (depth - 1) == 0:
            order = np.argsort(alike, kind="stable")
            for times in range(1, min(_MOST_ALIKE, len(order) - 1) + 1):
                same = alike[order][times:] == alike[order][:-times]
                distances = np.bincount((order[times:] - order[:-times])[same])
                for distance in np.argsort(-distances, kind="stable")[:_CANDIDATES].tolist():
                    if distances[distance]:
                        found[distance] = None
        below = np.where(is_class, alike[at], np.uint64(7))
        mixed = likeness * np.uint64(_ODD)
        for column in range(below.shape[1]):
            mixed = (mixed ^ below[:, column]) * np.uint64(_ODD)
            mixed ^= mixed >> np.uint64(29)
        alike = mixed
    return list(found)


def _longest(sequence: ClassSequence, period: int, is_free: npt.NDArray[np.bool_]) -> RepeatedSteps | None:
    """Return the longest run of a period."""
    count = len(sequence) - 2 * period
    if count <= 0:
        return None
    read, likeness = sequence.read, sequence.likeness
    # From here on all is by the classes of the first of two steps.
    is_alike = (likeness[period:] == likeness[:-period]) & is_free[period:] & is_free[:-period]
    moved = read[period:] - read[:-period]
    is_alike &= ~((read[period:] < 0) & (moved != 0)).any(axis=1)
    goes_on = is_alike[period:] & is_alike[:-period] & (moved[period:] == moved[:-period]).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], goes_on.astype(np.int8), [0]])))
    if not len(edges):
        return None
    lengths = edges[1::2] - edges[::2]
    # A chain of additions is no loop, but a sum.
    others = np.concatenate([[0], np.cumsum(~sequence.is_sum)])
    lengths *= others[edges[::2] + period] > others[edges[::2]]
    which = int(np.argmax(lengths))
    if not lengths[which]:
        return None
    start, length = int(edges[2 * which]), int(lengths[which]) + 2 * period
    return RepeatedSteps(start, period, length // period)


def _extended(sequence: ClassSequence, start: int, period: int, is_free: npt.NDArray[np.bool_]) -> int:
    """Return how many classes before a run are like its own but for what the first step is given."""
    read, likeness = sequence.read, sequence.likeness
    most = min(start, period)
    for back in range(1, most + 1):
        at = start - back
        later = at + period
        moved = read[later + period] - read[later]
        is_carried = (moved == period) & (read[later] >= 0)
        same = (read[later] - read[at] == moved) | (is_carried & (read[at] < at))
        if not (is_free[at] and likeness[at] == likeness[later] and same.all()):
            return back - 1
    return most


def _best_phase(sequence: ClassSequence, run: RepeatedSteps, is_free: npt.NDArray[np.bool_]) -> RepeatedSteps:
    """Return the run that carries least: a step may begin at any of its classes."""
    period, start = run.period, run.start
    start -= _extended(sequence, start, period, is_free)
    stop = run.stop
    while stop < len(sequence) and is_free[stop] and _goes_on(sequence, stop, period):
        stop += 1
    steps = (stop - start) // period
    spare = stop - start - steps * period
    middle = start + (steps // 2) * period
    read = sequence.read[middle : middle + period]
    moved = sequence.read[middle + period : middle + 2 * period] - read
    consumers, columns = np.nonzero((moved == period) & (read >= 0))
    producers = read[consumers, columns] - middle
    sizes = np.array([len(sequence.members(at)) for at in range(middle, middle + period)])
    phases = range(period) if period <= _MOST_PHASES else range(min(spare, _MOST_PHASES) + 1)
    costs = []
    for phase in phases:
        most = np.zeros(period, dtype=np.int64)
        np.maximum.at(most, producers % period, (consumers - phase) // period - (producers - phase) // period)
        costs.append((int(sizes @ most), phase > spare, phase))
    _, is_late, phase = min(costs)
    is_free[start:stop] = False
    return RepeatedSteps(start + phase, period, steps - is_late)


def _goes_on(sequence: ClassSequence, at: int, period: int) -> bool:
    """Return whether a class is that of the step before, a step further."""
    read, likeness = sequence.read, sequence.likeness
    before = at - period
    moved = read[before] - read[before - period]
    return bool(likeness[at] == likeness[before] and (read[at] - read[before] == moved).all())
