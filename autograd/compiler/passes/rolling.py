"""Roll recurrences that were unrolled: steps that repeat become a loop, which carries what each hands on.

What a step computes without anything carried is computed for all steps at once, along the axis of the steps,
before the loop; what nothing carried depends on, after it. So a loop has only what must wait for the step
before, and the gradient of a recurrence is a second loop, which reads what the first has kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...functions.axes import TotalOver
from ...ops.table import OPS, Op
from ..trace.loops import CARRIED, TAKEN, AlongSteps, AtStep, OtherSteps, TapeCarried, TapeLoop
from ..trace.tape import Passed, Tape
from .axes import AxisLength, Inputs, axes_by, axes_of_tape
from .batches import samples_of
from .class_sequence import ClassSequence, Numbers, find_runs
from .colours import colours_of
from .repeats import FEWEST_STEPS, CarriedNumber, Repeat, Repeats

_SUM, _MUL, _DOT = (OPS[name] for name in ("sum", "mul", "dot"))

# A statement of NumPy takes as long to compile as a hundred take to run, and a loop has about ten of its own.
FEWEST_CLASSES = 100
"""How many arrays a program has to have, and to save, for loops in their place to pay."""

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
    runs = find_runs(sequence, FEWEST_STEPS)
    if sum([(run.steps - 1) * run.period for run in runs]) < FEWEST_CLASSES:
        return None
    if _ARRAYS_OF_A_CLASS * sum([run.steps * run.period for run in runs]) < too_many:
        return None
    steps = Repeats(sequence, axes)
    for run in runs:
        steps.add(run)
    if sum([(repeat.steps - 1) * repeat.period for repeat in steps.repeats]) < FEWEST_CLASSES:
        return None
    return _Rolling(steps, inputs, axes).written()


_Slot = tuple[int, int]
"""A number of any step: a class of the step, and which member of it."""


_Term = tuple[int, ...]
"""A term of a sum, or two factors of one."""


class _Rolled:
    """A repeat on the new tape: its numbers along the axis of the steps."""

    def __init__(self, axis: int, steps: int, is_reversed: bool) -> None:
        self.axis, self.steps, self.is_reversed = axis, steps, is_reversed
        self.along: dict[_Slot, int] = {}
        self.last: dict[_Slot, int] = {}
        # Of what is handed on to the next step: what the first is given, and what each is, along the axis.
        self.given: dict[_Slot, tuple[int, int]] = {}

    def index(self, step: int) -> int:
        """Return where a step stands along the axis."""
        return self.steps - 1 - step if self.is_reversed else step


class _Rolling:
    """One walk along the classes, writing another tape."""

    def __init__(self, steps: Repeats, inputs: Inputs, axes: Sequence[frozenset[Any]]) -> None:
        self.steps, self.tape = steps, steps.tape
        self.inputs = inputs._replace(axes=[*inputs.axes])
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
        starts = {repeat.start: repeat for repeat in self.steps.repeats}
        at = 0
        while at < len(sequence):
            repeat = starts.get(at)
            if repeat is not None:
                self._write_repeat(repeat)
                at += repeat.period * repeat.steps
                continue
            for i in sequence.members(at).tolist():
                # What only steps use is written along these, if it is.
                if not self._is_wide(i):
                    self._write_plain(i)
            at += 1
        self.found.outputs = [self._plain(output) for output in self.tape.outputs]
        return self.found, self.inputs

    def _is_wide(self, i: int) -> bool:
        """Return whether an instruction varies along axes, which stand for many once they are put apart."""
        return bool(self.old_axes and self.old_axes[i])

    def _write_plain(self, i: int) -> None:
        """Append an instruction that belongs to no step, after those left out before it."""
        waiting = [i]
        while waiting:
            top = waiting[-1]
            op, args = self.tape.ops[top], self.tape.args[top]
            is_sum = isinstance(op, Op) and op in (_SUM, _DOT) and self._is_wide(top)
            of_steps, rest = self._terms_of_steps(op, args) if is_sum else ([], [args])  # type: ignore[arg-type]
            if left_out := [arg for term in rest for arg in term if self._is_left_out(arg)]:
                waiting.extend(left_out)
                continue
            waiting.pop()
            if of_steps:
                self.new[top] = self._sum_over_steps(of_steps, rest)
            elif self.new[top] < 0:
                self.new[top] = self._add(op, tuple([self._plain(arg) for arg in args]))

    def _is_left_out(self, i: int) -> bool:
        return self.new[i] < 0 and self.tape.ops[i] is not None and bool(self.steps.repeat_of[i] < 0)

    def _sum_over_steps(self, of_steps: Iterable[Sequence[_Term]], rest: Iterable[_Term]) -> int:
        """Append a sum: of terms of all steps the total over their axis, and the others."""
        found: list[int] = []
        for terms in of_steps:
            columns = [np.array(column) for column in zip(*terms, strict=True)]
            rolled = self.rolled[self.steps.repeat_of[columns[0][0]]]
            numbers = tuple([self.along(column, rolled) for column in columns])
            found.append(self._add(TotalOver(rolled.axis), (self._multiplied(numbers),)))
        found += [self._multiplied(tuple(map(self._plain, term))) for term in rest]
        return self._add(_SUM, tuple(found)) if len(found) > 1 else found[0]

    def _multiplied(self, term: _Term) -> int:
        return self._add(_MUL, term) if len(term) > 1 else term[0]

    def _terms_of_steps(self, op: Op, args: tuple[int, ...]) -> tuple[list[list[_Term]], list[_Term]]:
        """Return the terms of a sum that are one of each step of a repeat, along its axis, and the others."""
        steps, terms = self.steps, [*zip(*op.columns(args), strict=True)]
        # By number, since a term may be there twice: that of a bias that a step adds twice.
        groups: dict[tuple[int, ...], dict[int, int]] = {}
        for which, (first, *_) in enumerate(terms):
            if steps.repeat_of[first] >= 0:
                slot, step, count = (
                    (int(steps.repeat_of[first]), *self._slot(first)),
                    int(steps.step_of[first]),
                    0,
                )
                while step in groups.setdefault((*slot, count), {}):
                    count += 1
                groups[*slot, count][step] = which
        found = [
            [of_steps[step] for step in sorted(of_steps, key=self.rolled[number].index)]
            for (number, *_), of_steps in groups.items()
            if len(of_steps) == self.rolled[number].steps
        ]
        in_steps = {which for of_steps in found for which in of_steps}
        rest = [term for which, term in enumerate(terms) if which not in in_steps]
        return [[terms[which] for which in of_steps] for of_steps in found], rest

    def along(self, numbers: Numbers, rolled: _Rolled) -> int:
        """Return a number for each step, in the order of their axis, as one that varies along it."""
        steps = self.steps
        first = int(numbers[0])
        is_constant = bool(steps.is_constant[first])
        is_same = (steps.bits[numbers] == steps.bits[first]) if is_constant else (numbers == first)
        if is_same.all():
            return self._plain(first)
        if (moved := self._moved(numbers, rolled)) is not None:
            return moved
        if self._are_alike(numbers):
            columns = np.array([self.tape.args[i] for i in numbers.tolist()]).T
            args = [self.along(column, rolled) for column in columns]
            return self._add(self.tape.ops[first], tuple(args))
        return self._add(AlongSteps(rolled.axis), tuple([self._plain(i) for i in numbers.tolist()]))

    def _are_alike(self, numbers: Numbers) -> bool:
        """Return whether numbers that vary along axes are one operation each, of as many operands."""
        steps, tape = self.steps, self.tape
        colours = steps.sequence.colours[numbers]
        first = int(numbers[0])
        is_one = tape.ops[first] is not None and (colours == colours[0]).all() and self._is_wide(first)
        return bool(is_one and (steps.repeat_of[numbers] < 0).all())

    def _moved(self, numbers: Numbers, rolled: _Rolled) -> int | None:
        """Return the number of the steps of an earlier repeat, if these are evenly apart."""
        repeats = self.steps.repeat_of[numbers]
        if repeats[0] >= 0 and self._are_of_one_slot(numbers):
            other = self.rolled[repeats[0]]
            steps, along = self.steps.step_of[numbers], other.along.get(self._slot(numbers[0]))
        else:
            # What each step is given: the number before the first, and what all steps but the last leave.
            inner = numbers[1:] if repeats[0] < 0 else numbers[:-1]
            if self.steps.repeat_of[inner[0]] < 0 or not self._are_of_one_slot(inner):
                return None
            other = self.rolled[self.steps.repeat_of[inner[0]]]
            steps = np.where(self.steps.repeat_of[numbers] < 0, -1, self.steps.step_of[numbers]) + 1
            first, along = other.given.get(self._slot(inner[0]), (-1, None))
            if first != numbers[0 if repeats[0] < 0 else -1]:
                return None
        index = other.steps - 1 - steps if other.is_reversed else steps
        strides = np.diff(index)
        # What the last step leaves, no step is given.
        if along is None or (strides != strides[0]).any() or steps.max() >= other.steps:
            return None
        if other.axis not in self.axes[along] or (other is rolled and (index == np.arange(len(index))).all()):
            return int(along)
        if other is rolled:
            return None
        return self._add(OtherSteps(other.axis, rolled.axis, int(index[0]), int(strides[0])), (along,))

    def _slot(self, i: Any) -> _Slot:
        return int(self.steps.class_of[i]), int(self.steps.rank[i])

    def _are_of_one_slot(self, numbers: Numbers) -> bool:
        """Return whether numbers are the same one of each step of a repeat."""
        steps = self.steps
        kinds = steps.repeat_of[numbers], steps.class_of[numbers], steps.rank[numbers]
        return all((of == of[0]).all() for of in kinds)

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
        if self._is_left_out(i):
            self._write_plain(i)
            return self.new[i]  # type: ignore[no-any-return]
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
        is_last = step == rolled.steps - 1 and slot in rolled.last
        number = rolled.last[slot] if is_last else rolled.along[slot]
        if rolled.axis in self.axes[number]:
            number = self._add(AtStep(rolled.axis), (number, self._index(rolled.index(step))))
        self.new[i] = number
        return number

    def _write_repeat(self, repeat: Repeat) -> None:
        """Append a repeat: what depends on nothing carried, the loop, and what depends on it."""
        axis = len(self.inputs.axes)
        self.inputs.axes.append(AxisLength(None, None, repeat.steps))
        rolled = _Rolled(axis, repeat.steps, self._is_reversed(repeat))
        self.rolled.append(rolled)
        _RepeatRolling(self, repeat, rolled).write()

    def _is_reversed(self, repeat: Repeat) -> bool:
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


class _LoopBody:
    """The body of a loop while it is written.

    Attributes
    ----------
    tape : Tape
        The body.
    given : dict of CarriedNumber to int
        What a step is given by those before it.
    inside : dict of _Slot to int
        What it computes.
    taken : list of int
        What it takes from the tape around the loop.
    """

    def __init__(self, around: Tape, carried: Sequence[CarriedNumber]) -> None:
        self.around, self.tape = around, Tape()
        self.given = {number: self.tape.input(CARRIED, at) for at, number in enumerate(carried)}
        self.inside: dict[_Slot, int] = {}
        self.taken: list[int] = []
        self._known: dict[int, int] = {}

    def take(self, i: int) -> int:
        """Return a number of the tape around the loop as one of the body."""
        if i not in self._known:
            number = self.around.numbers[i]
            if number is not None:
                self._known[i] = self.tape.constant(number)
            else:
                self._known[i] = self.tape.input(TAKEN, len(self.taken))
                self.taken.append(i)
        return self._known[i]

    def number(self, slot: _Slot, along: Mapping[_Slot, int]) -> int:
        """Return a number of the step: one that the body computes, or one that was computed for all steps."""
        return self.inside[slot] if slot in self.inside else self.take(along[slot])


class _RepeatRolling:
    """Writes one repeat."""

    def __init__(self, writer: _Rolling, repeat: Repeat, rolled: _Rolled) -> None:
        self.writer, self.repeat, self.rolled = writer, repeat, rolled
        self.steps, self.found = writer.steps, writer.found
        self.middle = repeat.steps // 2
        self.ops = [writer.tape.ops[int(members[0, 0])] for members in repeat.members]
        self.first: dict[CarriedNumber, int] = dict(self.steps.first_numbers(repeat))
        self.groups = self._groups()
        self.is_late = self._late()
        self.is_used = self.steps.are_used(repeat)

    def _groups(self) -> list[list[CarriedNumber]]:
        """Return the numbers that are carried, by class and by how many steps they are carried."""
        groups: dict[tuple[int, int], list[CarriedNumber]] = {}
        for k, rank, back in sorted(self.first):
            groups.setdefault((k, back), []).append((k, rank, back))
        return list(groups.values())

    def _inner(self, k: int, member: int, column: int) -> _Slot:
        """Return which number of a step an operand is."""
        return self.writer._slot(int(self.repeat.operands[k][self.middle, member, column]))

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
                self._write_along(slot, lags, {})
        if not self.groups:
            return
        given = self._write_loop()
        for slot, lags in self._slots():
            if slot in self.is_late and slot not in self.rolled.along:
                self._write_along(slot, lags, given)

    def _write_along(self, slot: _Slot, lags: list[Any], given: Mapping[CarriedNumber, int]) -> None:
        """Append a number for all steps at once."""
        k, member = slot
        args: list[int] = []
        for column, lag in enumerate(lags):
            if lag < 0:
                args.append(self._taken(k, member, column))
                continue
            inner = self._inner(k, member, column)
            args.append(given[(*inner, lag)] if lag else self.rolled.along[inner])
        self.rolled.along[slot] = self.writer._add(self.ops[k], tuple(args))

    def _taken(self, k: int, member: int, column: int) -> int:
        """Return an operand from around the steps: one number for all of them, or one for each."""
        numbers = self.repeat.operands[k][:, member, column]
        return self.writer.along(numbers[::-1] if self.rolled.is_reversed else numbers, self.rolled)

    def _write_loop(self) -> dict[CarriedNumber, int]:
        """Append the loop; return what each step is given."""
        writer, rolled = self.writer, self.rolled
        carried = [number for group in self.groups for number in group]
        body = self._body(carried)
        axes = tuple([self._axes_of(k) for k, _, _ in carried])
        shapes = tuple([(len(group),) if len(group) > 1 else () for group in self.groups])
        of_taken = tuple([writer.axes[i] for i in body.taken])
        op = TapeLoop(body.tape, rolled.axis, rolled.is_reversed, shapes, axes, of_taken)
        firsts = [writer._plain(self.first[number]) for number in carried]
        return self._write_carried(writer._add(op, (*firsts, *body.taken)))

    def _body(self, carried: Sequence[CarriedNumber]) -> _LoopBody:
        """Return the body of the loop: what a step hands on, and what is needed for it."""
        body = _LoopBody(self.found, carried)
        along, recurring = self.rolled.along, self._recurring()
        for (k, member), lags in self._slots():
            if (k, member) not in recurring:
                continue
            args: list[int] = []
            for column, lag in enumerate(lags):
                if lag < 0:
                    args.append(body.take(self._taken(k, member, column)))
                    continue
                inner = self._inner(k, member, column)
                args.append(body.given[(*inner, lag)] if lag else body.number(inner, along))
            body.inside[k, member] = body.tape.add(self.ops[k], tuple(args))
        for k, member, back in carried:
            is_kept = back > 1
            body.tape.outputs.append(
                body.given[k, member, back - 1] if is_kept else body.number((k, member), along)
            )
        return body

    def _write_carried(self, loop: int) -> dict[CarriedNumber, int]:
        """Append what the steps are given and leave; return what they are given."""
        writer, rolled = self.writer, self.rolled
        given: dict[CarriedNumber, int] = {}
        for which, group in enumerate(self.groups):
            axes = self._axes_of(group[0][0])
            around = axes | {rolled.axis}
            for position, (k, member, back) in enumerate(group):
                at = loop, writer._index(position)
                given[k, member, back] = writer._add(TapeCarried(which, "given", around), at)
                if back == 1:
                    first = self.first[k, member, back]
                    rolled.given[k, member] = first, given[k, member, back]
                    rolled.along[k, member] = writer._add(TapeCarried(which, "left", around), at)
                    if not self.is_used[k][:-1, member].any():
                        # Else what the last step leaves is taken from what all have left, as one view.
                        rolled.last[k, member] = writer._add(TapeCarried(which, "last", axes), at)
        return given

    def _axes_of(self, k: int) -> frozenset[Any]:
        axes = self.writer.old_axes
        return axes[int(self.repeat.members[k][0, 0])] if axes else frozenset()
