"""Roll recurrences that were unrolled: steps that repeat become a loop, which carries what each hands on.

What a step computes without anything carried is computed for all steps at once, along the axis of the steps,
before the loop; what nothing carried depends on, after it. So a loop has only what must wait for the step
before, and the gradient of a recurrence is a second loop, which reads what the first has kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..trace.loops import CARRIED, TAKEN, AlongSteps, AtStep, OtherSteps, TapeCarried, TapeLoop
from ..trace.tape import Passed, Tape
from .axes import AxisLength, Inputs, axes_by, axes_of_tape
from .batches import samples_of
from .class_sequence import ClassSequence, RepeatedSteps, find_runs
from .colours import colours_of

Numbers = npt.NDArray[np.int64]

# A statement of NumPy takes as long to compile as a hundred take to run, and a loop has about ten of its own.
FEWEST_CLASSES = 100
"""How many arrays a program has to have, and to save, for loops in their place to pay."""

_FEWEST_STEPS = 8
_MOST_STEPS_BACK = 4

# A choice is one class here, and up to four arrays once it is written out.
_ARRAYS_OF_A_CLASS = 4


def roll(tape: Tape, inputs: Inputs, too_many: int = 0) -> tuple[Tape, Inputs] | None:
    """Return a program of the same results in which repeated steps are loops.

    Parameters
    ----------
    tape : Tape
        The program.
    inputs : Inputs
        What it reads.
    too_many : int
        How many arrays the loops have to replace at least. To write loops for a tenth of a program only to
        find that the rest is too long takes longer than all other passes.

    Returns
    -------
    (Tape, Inputs) or None
        The program, whose loops have axes of their own; None where it does not pay.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> from .axes import whole_arguments
    >>> x = y = Value(1.0)
    >>> for _ in range(60):
    ...     y = (y * 2.0).sin()
    >>> rolled, inputs = roll(tape_of([y], [[x]]), whole_arguments([()]))
    >>> [op.name for op in rolled.ops if op], inputs.axes[0].length
    (['loop', 'carried', 'carried', 'carried', 'mul'], 60)
    """
    if any(samples_of(tape)):
        return None
    colours = colours_of(tape)
    axes = axes_of_tape(tape, inputs.arrays) if inputs.axes else []
    sequence = ClassSequence(tape, colours, axes)
    runs = find_runs(sequence, _FEWEST_STEPS)
    if sum([(run.steps - 1) * run.period for run in runs]) < FEWEST_CLASSES:
        return None
    if _ARRAYS_OF_A_CLASS * sum([run.steps * run.period for run in runs]) < too_many:
        return None
    steps = _Steps(sequence)
    repeats = [found for run in runs if (found := steps.repeat(run))]
    if sum([(found.steps - 1) * found.period for found in repeats]) < FEWEST_CLASSES:
        return None
    return _Rolling(steps, repeats, inputs, axes).written()


class _Repeat:
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


class _Steps:
    """Which step of which repeat each instruction belongs to."""

    def __init__(self, sequence: ClassSequence) -> None:
        self.sequence = sequence
        tape = self.tape = sequence.tape
        count = len(tape)
        self.repeats: list[_Repeat] = []
        self.repeat_of: Numbers = np.full(count, -1)
        self.class_of: Numbers = np.full(count, -1)
        self.step_of: Numbers = np.full(count, -1)
        self.rank: Numbers = sequence.ranks()
        self.is_constant: npt.NDArray[np.bool_] = np.array([x is not None for x in tape.numbers], dtype=bool)
        # By their bits: 0.0 equals -0.0, and nan does not equal itself.
        self.bits: Numbers = np.array([x or 0.0 for x in tape.numbers], dtype=float).view(np.int64)
        negative_zeros = [i for i, x in enumerate(tape.numbers) if x == 0.0]
        self.bits[negative_zeros] = np.array([tape.numbers[i] for i in negative_zeros], dtype=float).view(
            np.int64
        )

    def repeat(self, run: RepeatedSteps) -> _Repeat | None:
        """Return the steps of a run whose numbers correspond one to one; None if hardly any do."""
        found = _Repeat(run)
        number = len(self.repeats)
        self._collect(found)
        for k, members in enumerate(found.members):
            self.repeat_of[members] = number
            self.class_of[members] = k
            self.step_of[members] = np.arange(found.steps)[:, None]
        first, last = self._regular(found)
        first += self._conflicting(found, first, last)
        for members in found.members:
            outside = np.concatenate([members[:first], members[last:]])
            self.repeat_of[outside] = -1
        if last - first < _FEWEST_STEPS:
            for members in found.members:
                self.repeat_of[members] = -1
            return None
        for k in range(found.period):
            found.members[k] = found.members[k][first:last]
            found.operands[k] = found.operands[k][first:last]
            self.step_of[found.members[k]] -= first
        found.steps = last - first
        found.start += first * found.period
        self.repeats.append(found)
        return found

    def _collect(self, found: _Repeat) -> None:
        """Collect the members of all steps, and their operands."""
        sequence, period = self.sequence, found.period
        for k in range(period):
            places = range(found.start + k, found.start + k + period * found.steps, period)
            members = np.array([sequence.members(at) for at in places])
            found.members.append(members)
            found.operands.append(sequence.operands(members.ravel()).reshape(*members.shape, -1))

    def _regular(self, found: _Repeat) -> tuple[int, int]:
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
            is_regular &= np.where(lag[middle] >= 0, same | is_first, ~is_inside).all(axis=(1, 2))
        irregular = np.flatnonzero(~is_regular)
        first = int(irregular[irregular < middle].max(initial=-1)) + 1
        last = int(irregular[irregular > middle].min(initial=found.steps))
        return (first, last) if is_regular[middle] else (0, 0)

    def _conflicting(self, found: _Repeat, first: int, last: int) -> int:
        """Return how many steps to leave out where two operands begin with unlike numbers."""
        known: dict[tuple[int, int, int], tuple[bool, int]] = {}
        if last - first < _FEWEST_STEPS:
            return 0
        for (k, rank, back), i in self.first_numbers(found, first):
            is_constant = bool(self.is_constant[i])
            number = is_constant, int(self.bits[i]) if is_constant else i
            if known.setdefault((k, rank, back), number) != number:
                return max([int(lag.max(initial=0)) for lag in found.lag])
        return 0

    def are_used(self, found: _Repeat) -> list[npt.NDArray[np.bool_]]:
        """Return for each class of some steps which numbers are used around them, a row for each step."""
        tape, flat = self.tape, self.sequence.flat
        is_used = np.zeros(len(tape), dtype=bool)
        is_used[tape.outputs] = True
        number = self.repeat_of[found.members[0][0, 0]]
        inside = np.repeat(self.repeat_of == number, np.diff(self.sequence.starts))
        is_used[flat[~inside]] = True
        return [is_used[members] for members in found.members]

    def first_numbers(self, found: _Repeat, first: int = 0) -> Iterator[tuple[tuple[int, int, int], int]]:
        """Yield what is carried into the first step: class, rank, how many steps back, and an instruction."""
        middle = found.steps // 2
        for operands, lag in zip(found.operands, found.lag, strict=True):
            for member, column in np.argwhere(lag > 0).tolist():
                back = int(lag[member, column])
                inner = int(operands[middle, member, column])
                for t in range(back):
                    i = int(operands[first + t, member, column])
                    yield (int(self.class_of[inner]), int(self.rank[inner]), back - t), i


_Slot = tuple[int, int]
"""A number of any step: a class of the step, and which member of it."""


class _Rolled:
    """A repeat on the new tape: its numbers along the axis of the steps."""

    def __init__(self, axis: int, steps: int, is_reversed: bool) -> None:
        self.axis, self.steps, self.is_reversed = axis, steps, is_reversed
        self.along: dict[_Slot, int] = {}
        self.last: dict[_Slot, int] = {}

    def index(self, step: int) -> int:
        """Return where a step stands along the axis."""
        return self.steps - 1 - step if self.is_reversed else step


class _Rolling:
    """One walk along the classes, writing another tape."""

    def __init__(
        self, steps: _Steps, repeats: Sequence[_Repeat], inputs: Inputs, axes: Sequence[frozenset[Any]]
    ) -> None:
        self.steps, self.tape = steps, steps.tape
        self.repeats = repeats
        self.inputs = Inputs(inputs.arrays, [*inputs.axes])
        self.old_axes = axes
        self.found = Tape()
        self.axes: list[frozenset[Any]] = []
        self.kinds: dict[frozenset[Any], frozenset[Any]] = {}
        self.new: list[Passed] = [-1] * len(self.tape)
        self.constants: dict[int, int] = {}
        self.rolled: list[_Rolled] = []
        self.known: dict[tuple[Any, ...], int] = {}

    def written(self) -> tuple[Tape, Inputs]:
        """Return the tape, and what it reads."""
        sequence = self.steps.sequence
        starts = {repeat.start: repeat for repeat in self.repeats}
        at = 0
        while at < len(sequence):
            repeat = starts.get(at)
            if repeat is not None:
                self._write_repeat(repeat)
                at += repeat.period * repeat.steps
                continue
            for i in sequence.members(at).tolist():
                op, args = self.tape.ops[i], self.tape.args[i]
                new = self.new
                new[i] = self._add(
                    op, tuple([new[arg] if new[arg] >= 0 else self._plain(arg) for arg in args])
                )
            at += 1
        self.found.outputs = [self._plain(output) for output in self.tape.outputs]
        return self.found, self.inputs

    def _add(self, op: Any, args: tuple[int, ...]) -> int:
        """Append an instruction unless there is an equal one."""
        key = op, args
        if key not in self.known:
            self.known[key] = i = self.found.add(op, args)
            self._note_axes()
            return i
        return self.known[key]

    def _note_axes(self) -> None:
        for i in range(len(self.axes), len(self.found)):
            found = self.found
            axes = axes_by(found, i, found.ops[i], self.inputs.arrays, self.axes)
            # One object for all, since the collector visits each.
            self.axes.append(self.kinds.setdefault(axes, axes))

    def _constant(self, number: float, bits: int) -> int:
        if bits not in self.constants:
            self.constants[bits] = self.found.constant(number)
            self._note_axes()
        return self.constants[bits]

    def _index(self, index: int) -> int:
        return self._constant(float(index), int(np.array(float(index)).view(np.int64)))

    def _plain(self, i: int) -> int:
        """Return a number of the old tape on the new one, which does not vary along steps."""
        if self.new[i] >= 0:
            return self.new[i]  # type: ignore[no-any-return]
        tape, steps = self.tape, self.steps
        if tape.ops[i] is None:
            number = tape.numbers[i]
            if number is not None:
                self.new[i] = self._constant(number, int(steps.bits[i]))
            else:
                self.new[i] = self.found.copy_leaf(tape, i)
                self._note_axes()
            return self.new[i]  # type: ignore[no-any-return]
        rolled = self.rolled[steps.repeat_of[i]]
        slot, step = (int(steps.class_of[i]), int(steps.rank[i])), int(steps.step_of[i])
        if step == rolled.steps - 1 and slot in rolled.last:
            self.new[i] = rolled.last[slot]
        else:
            along = rolled.along[slot]
            is_along = rolled.axis in self.axes[along]
            self.new[i] = along
            if is_along:
                self.new[i] = self._add(AtStep(rolled.axis), (along, self._index(rolled.index(step))))
        return self.new[i]  # type: ignore[no-any-return]

    def _write_repeat(self, repeat: _Repeat) -> None:
        """Append a repeat: what depends on nothing carried, the loop, and what depends on it."""
        axis = len(self.inputs.axes)
        self.inputs.axes.append(AxisLength(None, None, repeat.steps))
        rolled = _Rolled(axis, repeat.steps, self._is_reversed(repeat))
        self.rolled.append(rolled)
        _RepeatRolling(self, repeat, rolled).write()

    def _is_reversed(self, repeat: _Repeat) -> bool:
        """Return whether most of what varies from step to step is read from its end to its beginning."""
        forward = 0
        steps = self.steps
        for operands, lag in zip(repeat.operands, repeat.lag, strict=True):
            first, last = operands[0][lag < 0], operands[-1][lag < 0]
            is_class = steps.repeat_of[first] >= 0
            is_input = (steps.class_of[first] < 0) & ~steps.is_constant[first]
            order = np.where(
                is_class, steps.step_of[last] - steps.step_of[first], steps.rank[last] - steps.rank[first]
            )
            forward += int(np.sign(order[is_class | is_input]).sum())
        return forward < 0


class _RepeatRolling:
    """Writes one repeat."""

    def __init__(self, writer: _Rolling, repeat: _Repeat, rolled: _Rolled) -> None:
        self.writer, self.repeat, self.rolled = writer, repeat, rolled
        self.steps, self.found = writer.steps, writer.found
        self.middle = repeat.steps // 2
        self.ops = [writer.tape.ops[int(members[0, 0])] for members in repeat.members]
        self.first: dict[tuple[int, int, int], int] = dict(self.steps.first_numbers(repeat))
        self.groups = self._groups()
        self.is_late = self._late()
        self.is_used = self.steps.are_used(repeat)

    def _groups(self) -> list[list[tuple[int, int, int]]]:
        """Return the numbers that are carried, by class and by how many steps they are carried."""
        groups: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for k, rank, back in sorted(self.first):
            groups.setdefault((k, back), []).append((k, rank, back))
        return list(groups.values())

    def _inner(self, k: int, member: int, column: int) -> _Slot:
        """Return which number of a step an operand is."""
        i = int(self.repeat.operands[k][self.middle, member, column])
        return int(self.steps.class_of[i]), int(self.steps.rank[i])

    def _slots(self) -> Iterator[tuple[_Slot, list[Any]]]:
        """Yield the numbers of a step, and for each operand its lag."""
        for k, lag in enumerate(self.repeat.lag):
            for member, lags in enumerate(lag.tolist()):
                yield (k, member), lags

    def _late(self) -> set[_Slot]:
        """Return what depends on something that is carried."""
        late: set[_Slot] = set()
        for (k, member), lags in self._slots():
            for column, lag in enumerate(lags):
                if lag > 0 or (lag == 0 and self._inner(k, member, column) in late):
                    late.add((k, member))
                    break
        return late

    def _recurring(self) -> set[_Slot]:
        """Return what a step hands on, and what is needed for it."""
        needed = {(k, rank) for k, rank, back in self.first if back == 1}
        slots = [*self._slots()]
        slots.reverse()
        for (k, member), lags in slots:
            if (k, member) in needed:
                inner = [self._inner(k, member, column) for column, lag in enumerate(lags) if lag == 0]
                needed.update(inner)
        return needed & self.is_late

    def write(self) -> None:
        """Append all of it."""
        for slot, lags in self._slots():
            if slot not in self.is_late:
                self._write_along(slot, lags)
        if not self.groups:
            return
        given = self._write_loop()
        for slot, lags in self._slots():
            if slot in self.is_late and slot not in self.rolled.along:
                self._write_along(slot, lags, given)

    def _write_along(
        self, slot: _Slot, lags: list[Any], given: dict[tuple[int, int, int], int] | None = None
    ) -> None:
        """Append a number for all steps at once."""
        k, member = slot
        args: list[int] = []
        for column, lag in enumerate(lags):
            if lag < 0:
                args.append(self._taken(k, member, column))
                continue
            inner = self._inner(k, member, column)
            args.append(self.rolled.along[inner] if not lag or given is None else given[(*inner, lag)])
        self.rolled.along[slot] = self.writer._add(self.ops[k], tuple(args))

    def _taken(self, k: int, member: int, column: int) -> int:
        """Return an operand from around the steps: one number for all of them, or one for each."""
        numbers = self.repeat.operands[k][:, member, column]
        steps, writer = self.steps, self.writer
        first = int(numbers[0])
        is_constant = bool(steps.is_constant[first])
        is_same = (steps.bits[numbers] == steps.bits[first]) if is_constant else (numbers == first)
        if is_same.all():
            return writer._plain(first)
        ordered = numbers[::-1] if self.rolled.is_reversed else numbers
        if (moved := self._moved(ordered)) is not None:
            return moved
        return writer._add(AlongSteps(self.rolled.axis), tuple([writer._plain(i) for i in ordered.tolist()]))

    def _moved(self, numbers: Numbers) -> int | None:
        """Return the number of the steps of an earlier repeat, if these are all of it, evenly apart."""
        steps, writer = self.steps, self.writer
        number, slots, at = (of[numbers] for of in (steps.repeat_of, steps.class_of, steps.rank))
        if number[0] < 0 or not ((number == number[0]) & (slots == slots[0]) & (at == at[0])).all():
            return None
        rolled, slot = writer.rolled[number[0]], (int(slots[0]), int(at[0]))
        index = steps.step_of[numbers]
        if rolled.is_reversed:
            index = rolled.steps - 1 - index
        strides = np.diff(index)
        if slot not in rolled.along or (strides != strides[0]).any():
            return None
        along: int = rolled.along[slot]
        if rolled.axis not in writer.axes[along]:
            return along
        op = OtherSteps(rolled.axis, self.rolled.axis, int(index[0]), int(strides[0]))
        return writer._add(op, (along,))

    def _write_loop(self) -> dict[tuple[int, int, int], int]:
        """Append the loop; return what each step is given."""
        writer, rolled = self.writer, self.rolled
        carried = [number for group in self.groups for number in group]
        body = Tape()
        inside: dict[_Slot, int] = {}
        inputs = {number: body.input(CARRIED, at) for at, number in enumerate(carried)}
        taken: dict[int, int] = {}
        outer: list[int] = []

        def take(i: int) -> int:
            number = writer.found.numbers[i]
            if i not in taken:
                taken[i] = body.input(TAKEN, len(outer)) if number is None else body.constant(number)
                if number is None:
                    outer.append(i)
            return taken[i]

        recurring = self._recurring()
        for (k, member), lags in self._slots():
            if (k, member) not in recurring:
                continue
            args: list[int] = []
            for column, lag in enumerate(lags):
                if lag < 0:
                    args.append(take(self._taken(k, member, column)))
                    continue
                inner = self._inner(k, member, column)
                if lag:
                    args.append(inputs[(*inner, lag)])
                else:
                    args.append(inside[inner] if inner in inside else take(rolled.along[inner]))
            inside[k, member] = body.add(self.ops[k], tuple(args))
        for k, member, back in carried:
            if back > 1:
                body.outputs.append(inputs[k, member, back - 1])
            elif (k, member) in inside:
                body.outputs.append(inside[k, member])
            else:
                body.outputs.append(take(rolled.along[k, member]))
        axes = [self._axes_of(k) for k, _, _ in carried]
        shapes = tuple([(len(group),) if len(group) > 1 else () for group in self.groups])
        of_taken = tuple([writer.axes[i] for i in outer])
        op = TapeLoop(body, rolled.axis, rolled.is_reversed, shapes, tuple(axes), of_taken)
        firsts = [writer._plain(self.first[number]) for number in carried]
        loop = writer._add(op, (*firsts, *outer))
        given: dict[tuple[int, int, int], int] = {}
        for which, group in enumerate(self.groups):
            axes_of_group = self._axes_of(group[0][0])
            for position, (k, member, back) in enumerate(group):
                at = loop, writer._index(position)
                around = axes_of_group | {rolled.axis}
                given[k, member, back] = writer._add(TapeCarried(which, "given", around), at)
                if back == 1:
                    rolled.along[k, member] = writer._add(TapeCarried(which, "left", around), at)
                    if not self.is_used[k][:-1, member].any():
                        # Else what the last step leaves is taken from what all have left, as one view.
                        rolled.last[k, member] = writer._add(TapeCarried(which, "last", axes_of_group), at)
        return given

    def _axes_of(self, k: int) -> frozenset[Any]:
        axes = self.writer.old_axes
        return axes[int(self.repeat.members[k][0, 0])] if axes else frozenset()
