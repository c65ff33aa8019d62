"""Steps that repeat, number by number: which of one step correspond to which of the next.

Steps of the same classes are found before (`class_sequence`). They are one step of a loop only where each
operand of one is, in the next, the corresponding number a step further.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .class_sequence import ClassSequence, Numbers, RepeatedSteps

FEWEST_STEPS = 8
"""How many steps there have to be."""

_MOST_STEPS_BACK = 4

CarriedNumber = tuple[int, int, int]
"""A number that is carried: its class in a step, its rank there, and for how many steps it is carried."""


class Repeat:
    """Steps that repeat, number by number.

    Attributes
    ----------
    start, period, steps : int
        As those of a `RepeatedSteps`.
    members : list of array of int
        For each class of a step its instructions, in a row for each step.
    operands : list of array of int
        Their operands.
    lag : list of array of int
        For each operand of each member, how many steps before it is computed; less than 0 if it is not of
        these steps.
    """

    def __init__(self, run: RepeatedSteps) -> None:
        self.start, self.period, self.steps = run.start, run.period, run.steps
        self.members: list[Numbers] = []
        self.operands: list[Numbers] = []
        self.lag: list[Numbers] = []

    def keep(self, first: int, last: int) -> None:
        """Leave out the steps before a first one, and from a last one on."""
        self.members = [members[first:last] for members in self.members]
        self.operands = [operands[first:last] for operands in self.operands]
        self.start, self.steps = self.start + first * self.period, last - first


class Repeats:
    """Which step of which repeat each instruction belongs to.

    Parameters
    ----------
    sequence : ClassSequence
        The classes.
    axes : sequence of frozenset
        The axes that each instruction varies along; nothing if there are none.

    Attributes
    ----------
    repeats : list of Repeat
        Those that were found.
    repeat_of, class_of, step_of : array of int
        For each instruction the number of its repeat, its class in a step, and its step; -1 for none.
    rank : array of int
        Where each instruction stands among the members of its class.
    is_constant : array of bool
        Which instructions are constants.
    is_wide : array of bool
        Which instructions vary along axes.
    bits : array of int
        The bits of constants.
    """

    def __init__(self, sequence: ClassSequence, axes: Sequence[frozenset[Any]] = ()) -> None:
        self.sequence = sequence
        tape = self.tape = sequence.tape
        count = len(tape)
        self.repeats: list[Repeat] = []
        self.repeat_of: Numbers = np.full(count, -1)
        self.class_of: Numbers = np.full(count, -1)
        self.step_of: Numbers = np.full(count, -1)
        self.rank: Numbers = sequence.ranks()
        self.is_constant: npt.NDArray[np.bool_] = np.array([x is not None for x in tape.numbers], dtype=bool)
        # Constants are compared by their bits: 0.0 equals -0.0, and nan does not equal itself.
        numbers = np.array([0.0 if x is None else x for x in tape.numbers], dtype=float)
        self.is_wide: npt.NDArray[np.bool_] = np.array([*map(bool, axes)] or [False] * count, dtype=bool)
        self.bits: Numbers = numbers.view(np.int64)

    def add(self, run: RepeatedSteps) -> Repeat | None:
        """Add those steps of a run whose numbers correspond one to one; None if hardly any do."""
        found, number = self._collected(run), len(self.repeats)
        for k, members in enumerate(found.members):
            self.repeat_of[members], self.class_of[members] = number, k
            self.step_of[members] = np.arange(found.steps)[:, None]
        first, last = self._regular(found)
        first += self._conflicting(found, first, last)
        is_found = last - first >= FEWEST_STEPS
        first, last = (first, last) if is_found else (0, 0)
        for members in found.members:
            self.repeat_of[members[:first]] = self.repeat_of[members[last:]] = -1
        if not is_found:
            return None
        found.keep(first, last)
        for members in found.members:
            self.step_of[members] -= first
        self.repeats.append(found)
        return found

    def _collected(self, run: RepeatedSteps) -> Repeat:
        """Return all steps of a run."""
        sequence, found = self.sequence, Repeat(run)
        for k in range(run.period):
            places = range(run.start + k, run.start + k + run.period * run.steps, run.period)
            members = np.array([sequence.members(at) for at in places])
            found.members.append(members)
            found.operands.append(sequence.operands(members.ravel()).reshape(*members.shape, -1))
        return found

    def _regular(self, found: Repeat) -> tuple[int, int]:
        """Return the steps around the middle in which each operand is what it is there, a step further."""
        middle, number = found.steps // 2, len(self.repeats)
        is_regular = np.ones(found.steps, dtype=bool)
        own = np.arange(found.steps)[:, None, None]
        for operands in found.operands:
            is_inside = self.repeat_of[operands] == number
            lag = np.where(is_inside, own - self.step_of[operands], -1)
            found.lag.append(lag[middle])
            if lag[middle].max(initial=0) > _MOST_STEPS_BACK:
                return 0, 0
            same = (
                (lag == lag[middle])
                & (self.class_of[operands] == self.class_of[operands[middle]])
                & (self.rank[operands] == self.rank[operands[middle]])
            )
            is_first = ~is_inside & (own < lag[middle])
            is_around = ~is_inside & ~self._left_out_of_steps(operands, middle)
            is_regular &= np.where(lag[middle] >= 0, same | is_first, is_around).all(axis=(1, 2))
        irregular = np.flatnonzero(~is_regular)
        first = int(irregular[irregular < middle].max(initial=-1)) + 1
        last = int(irregular[irregular > middle].min(initial=found.steps))
        return first, last

    def _left_out_of_steps(self, operands: Numbers, middle: int) -> npt.NDArray[np.bool_]:
        """Return which operands belong to no step of an earlier repeat, where those of most steps do.

        An array of those of all steps would be put together from each of their elements: of 1,000 steps of 32
        units from 32,000 numbers.
        """
        of = self.repeat_of[operands]
        is_computed = self.sequence.place_of(operands) >= 0
        found: npt.NDArray[np.bool_] = (of < 0) & (of[middle] >= 0) & self.is_wide[operands] & is_computed
        return found

    def _conflicting(self, found: Repeat, first: int, last: int) -> int:
        """Return how many steps to leave out where two operands begin with unlike numbers."""
        if last - first < FEWEST_STEPS:
            return 0
        known: dict[CarriedNumber, tuple[bool, int]] = {}
        for carried, i in self.first_numbers(found, first):
            is_constant = bool(self.is_constant[i])
            number = is_constant, int(self.bits[i]) if is_constant else i
            if known.setdefault(carried, number) != number:
                return max([int(lag.max(initial=0)) for lag in found.lag])
        return 0

    def are_used(self, found: Repeat) -> list[npt.NDArray[np.bool_]]:
        """Return which numbers of each class are used outside of the steps, in a row for each step."""
        tape, flat = self.tape, self.sequence.flat
        is_used = np.zeros(len(tape), dtype=bool)
        is_used[tape.outputs] = True
        number = self.repeat_of[found.members[0][0, 0]]
        inside = np.repeat(self.repeat_of == number, np.diff(self.sequence.starts))
        is_used[flat[~inside]] = True
        return [is_used[members] for members in found.members]

    def first_numbers(self, found: Repeat, first: int = 0) -> Iterator[tuple[CarriedNumber, int]]:
        """Yield what is carried into a first step, and the instruction that it is there."""
        middle = found.steps // 2
        for operands, lag in zip(found.operands, found.lag, strict=True):
            for member, column in np.argwhere(lag > 0).tolist():
                back = int(lag[member, column])
                inner = int(operands[middle, member, column])
                for t in range(back):
                    i = int(operands[first + t, member, column])
                    yield (int(self.class_of[inner]), int(self.rank[inner]), back - t), i
