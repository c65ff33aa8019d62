"""Compute within the steps of a loop what a trace computes for all steps at once, where arrays are long.

What does not depend on what a loop carries is traced along the axis of the steps, and computed for all of
them: a product of matrices takes less time than one of each step. Where each step has a number for each index
of another axis as well, and they are computed one by one, that takes an array of steps times indices for each
operation of the derivative. With 100 steps on 100,000 numbers these were 45 arrays of 80 MB. Here such
operations are put into the loop that uses them, and sums over steps are carried along.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import accumulate
from math import prod
from typing import Any

from ...functions.axes import Renamed, TotalOver
from ...functions.windows import Shifted
from ...ops.structural import Operation
from ...ops.table import OPS, Op
from ..trace.loops import CARRIED, TAKEN, TapeCarried, TapeLoop
from ..trace.tape import Tape
from .axes import Inputs, axes_of_tape
from .simplify import SimplifiedTape

Operands = tuple[int, ...]


def within_steps(tape: Tape, inputs: Inputs) -> Tape:
    """Return a tape with the same results, whose loops compute by steps what they use along another axis.

    Parameters
    ----------
    tape : Tape
        The program.
    inputs : Inputs
        What it reads.

    Returns
    -------
    Tape
        The program. Reductions along the other axis, products of matrices, and what only arguments say stay
        where they are.

    Examples
    --------
    >>> tape = Tape()
    >>> within_steps(tape, Inputs([], [])) is tape
    True
    """
    ops = [op for op in dict.fromkeys(tape.ops) if isinstance(op, TapeLoop)]
    axes = {op.axis for op in ops if any(op.carried) and not op.has_condition} - inputs.fixed
    if not axes:
        return tape
    for axis in sorted(axes):
        tape = _Moving(tape, inputs, axis).moved()
    return tape


class _Moving:
    """What is moved on a tape into the loops over one axis."""

    def __init__(self, tape: Tape, inputs: Inputs, axis: int) -> None:
        self.tape, self.axis = tape, axis
        self.axes = axes_of_tape(tape, inputs.arrays)
        self.loops = {
            i: op
            for i, op in enumerate(tape.ops)
            if isinstance(op, TapeLoop) and op.axis == axis and not op.has_condition
        }
        self.behind = self._behind()
        # What is computed for all steps in any case.
        self.outside: set[int] = set()
        self.last = self._last()

    def moved(self) -> Tape:
        """Return the tape with new loops."""
        while changed := self._changed():
            args = _new_args(self.tape, changed)
            left = {i for i in _ordered(args, self.tape.outputs) if self.is_moved(i)}
            if not left:
                return _written(self.tape, args, changed)
            self.outside |= left
            self.last = self._last()
        return self.tape

    def _changed(self) -> dict[int, _Steps]:
        """Return the loops into which something is moved, as they are then."""
        totals = self._totals()
        changed: dict[int, _Steps] = {}
        for i, op in self.loops.items():
            taken = [arg for arg in self.tape.args[i][len(op.carried) :] if self.is_moved(arg)]
            summed = totals.get(i, [])
            roots = [*taken, *(self.tape.args[total][0] for total in summed)]
            if roots and not self.has_matrices(roots):
                changed[i] = _Steps(self, i, taken, summed)
        return changed

    def varies(self, i: int) -> bool:
        """Return whether an instruction varies along the steps, and along another axis."""
        return self.axis in self.axes[i] and len(self.axes[i]) > 1

    def is_moved(self, i: int) -> bool:
        """Return whether an instruction is one that a loop computes by steps: of what a loop carries."""
        return self.last[i] >= 0 and not isinstance(self.tape.ops[i], TapeCarried)

    def parts(self, roots: Iterable[int]) -> list[int]:
        """Return instructions and what they are computed from, as far as that is moved, in order."""
        found: set[int] = set()
        stack = [*roots]
        while stack:
            i = stack.pop()
            if i not in found and self.is_moved(i):
                found.add(i)
                stack += self.tape.args[i]
        return sorted(found)

    def _last(self) -> list[int]:
        """Return for each instruction the last loop that carries what it is computed from by steps, or -1."""
        last: list[int] = []
        for i, op in enumerate(self.tape.ops):
            args = self.tape.args[i]
            if isinstance(op, TapeCarried):
                last.append(args[0] if self.varies(i) and args[0] in self.loops else -1)
            else:
                is_by_steps = self.varies(i) and i not in self.outside and _is_elementwise(op, self.axis)
                last.append(max([last[arg] for arg in args], default=-1) if is_by_steps else -1)
        return last

    def _behind(self) -> list[frozenset[int]]:
        """Return for each instruction the loops that it is computed after."""
        behind: list[frozenset[int]] = []
        for i, args in enumerate(self.tape.args):
            found = frozenset[int]().union(*{behind[arg] for arg in args})
            behind.append(found | {i} if i in self.loops else found)
        return behind

    def _totals(self) -> dict[int, list[int]]:
        """Return the sums over the steps that each loop can carry along."""
        found: dict[int, list[int]] = {}
        for i, op in enumerate(self.tape.ops):
            if not isinstance(op, TotalOver) or len(self.tape.args[i]) > 1:
                continue
            over: Any = op.axis
            (term,) = self.tape.args[i]
            loop = self.last[term] if over == self.axis else -1
            if loop >= 0 and not any(loop in self.behind[j] for j in self._around([term])):
                found.setdefault(loop, []).append(i)
        return found

    def _around(self, roots: Collection[int]) -> set[int]:
        """Return what moved instructions are computed from that is not moved, and not carried."""
        operands = {arg for i in self.parts(roots) for arg in self.tape.args[i]}
        return {arg for arg in operands if self.last[arg] < 0}

    def has_matrices(self, roots: Iterable[int]) -> bool:
        """Return whether numbers that vary by steps have many factors each, as in products of matrices."""
        products, factors = 0, set[int]()
        for i in self.parts(roots):
            if self.tape.ops[i] in _PRODUCTS:
                varying = [arg for arg in self.tape.args[i] if self.varies(arg)]
                products += len(varying)
                factors.update(varying)
        return products > _MOST_FACTORS * len(factors)


_PRODUCTS = frozenset(OPS[name] for name in ("mul", "dot"))

_SUMS = frozenset(OPS[name] for name in ("sum", "dot"))

# The derivative of an expression written out has few; each of the states of eight units has eight weights.
_MOST_FACTORS = 4


def _is_elementwise(op: Operation | None, axis: int) -> bool:
    """Return whether an operation computes each index by itself, or moves numbers along another axis."""
    if isinstance(op, Op):
        # What flows to a number from several others is one of these.
        return not op.variadic or op in _SUMS
    if not isinstance(op, Shifted | Renamed):
        return False
    moved: tuple[Any, Any] = (op.old, op.new)
    return axis not in moved


class _Steps:
    """A loop that is written anew.

    Parameters
    ----------
    whole : _Moving
        What is moved.
    loop : int
        The loop.
    moved : list of int
        What it takes, and computes itself from now on.
    totals : list of int
        The sums over its steps that it carries along.

    Attributes
    ----------
    op : TapeLoop
        The loop.
    first : tuple of int
        What the first step is given, on the tape.
    taken : dict of int to int
        What the body takes, on the tape, and which of its inputs that is.
    groups : dict of int to int
        Which of the carried arrays each of the sums is.
    """

    def __init__(self, whole: _Moving, loop: int, moved: list[int], totals: list[int]) -> None:
        self.whole, self.loop, old = whole, loop, whole.loops[loop]
        count, args = len(old.carried), whole.tape.args[loop]
        self.first = args[:count]
        self.taken: dict[int, int] = {}
        self.body = SimplifiedTape()
        self.carried = [self.body.input(CARRIED, position) for position in range(count)]
        self.known: dict[int, int] = {}
        self.groups = {i: len(old.shapes) + k for k, i in enumerate(totals)}
        self._move(moved)
        outputs = self._copied(old.body, args[count:])
        self._know_left(outputs)
        terms = [whole.tape.args[i][0] for i in totals]
        self._move(terms)
        sums = [self.body.input(CARRIED, count + k) for k in range(len(totals))]
        new = [
            self.body.add(OPS["add"], (total, self.inside(term)))
            for total, term in zip(sums, terms, strict=True)
        ]
        self.body.outputs = [*outputs, *new]
        self.body.forget()
        of_totals = [whole.axes[i] for i in totals]
        self.op = replace(
            old,
            body=self.body,
            shapes=(*old.shapes, *[()] * len(totals)),
            carried=(*old.carried, *of_totals),
            taken=tuple([whole.axes[i] for i in self.taken]),
        )

    def inside(self, i: int) -> int:
        """Return what an instruction around the loop is within a step."""
        if i in self.known:
            return self.known[i]
        number = self.whole.tape.numbers[i]
        if number is not None:
            return self.body.constant(number)
        if i not in self.taken:
            self.taken[i] = self.body.input(TAKEN, len(self.taken))
        return self.taken[i]

    def total(self, found: Tape, i: int, loop: int) -> int:
        """Append what a sum over the steps has become: what the last step carries on."""
        op = TapeCarried(self.groups[i], "last", self.whole.axes[i])
        return found.add(op, (loop, found.constant(0.0)))

    def _move(self, roots: Iterable[int]) -> None:
        """Append what moved instructions are within a step."""
        tape = self.whole.tape
        for i in self.whole.parts(roots):
            op = tape.ops[i]
            assert op is not None
            self.known[i] = self.body.add(op, tuple([self.inside(arg) for arg in tape.args[i]]))

    def _copied(self, old: Tape, taken: Operands) -> list[int]:
        """Append the old body, and return its outputs."""
        new: list[int] = []
        for i, op in enumerate(old.ops):
            if i in old.inputs:
                argument, position = old.inputs[i]
                new.append(self.inside(taken[position]) if argument else self.carried[position])
            elif op is None:
                new.append(self.body.copy_leaf(old, i))
            else:
                new.append(self.body.add(op, tuple([new[arg] for arg in old.args[i]])))
        return [new[output] for output in old.outputs]

    def _know_left(self, outputs: list[int]) -> None:
        """Note what stands for what a step of this loop is given, and for what it leaves."""
        tape, old = self.whole.tape, self.whole.loops[self.loop]
        starts = [0, *accumulate(map(prod, old.shapes))]
        for i, op in enumerate(tape.ops):
            if isinstance(op, TapeCarried) and tape.args[i][0] == self.loop and op.when != "last":
                position = tape.numbers[tape.args[i][1]]
                assert position is not None
                which = starts[op.group] + int(position)
                self.known[i] = (self.carried if op.when == "given" else outputs)[which]


def _new_args(tape: Tape, changed: Mapping[int, _Steps]) -> list[Operands]:
    """Return the operands of each instruction, among those that are there, once loops are replaced."""
    args = [*tape.args]
    for i, steps in changed.items():
        args[i] = (*steps.first, *steps.taken)
        for total in steps.groups:
            args[total] = (i,)
    return args


def _written(tape: Tape, args: list[Operands], changed: Mapping[int, _Steps]) -> Tape:
    """Return a tape with loops replaced, and the sums that they carry along, in order of evaluation."""
    of_total = {i: steps for steps in changed.values() for i in steps.groups}
    found = Tape()
    new: dict[int, Any] = {}
    for i in _ordered(args, tape.outputs):
        op, operands = tape.ops[i], tuple([new[arg] for arg in args[i]])
        if i in of_total:
            new[i] = of_total[i].total(found, i, *operands)
        elif i in changed:
            steps, count = changed[i], len(changed[i].first)
            zeros = [found.constant(0.0) for _ in steps.groups]
            new[i] = found.add(steps.op, (*operands[:count], *zeros, *operands[count:]))
        else:
            new[i] = found.copy_leaf(tape, i) if op is None else found.add(op, operands)
    found.outputs = [new[output] for output in tape.outputs]
    return found


def _ordered(args: list[Operands], outputs: Iterable[int]) -> list[int]:
    """Return what some instructions depend on, each after its operands."""
    order: dict[int, None] = {}
    stack = [*outputs][::-1]
    while stack:
        i = stack[-1]
        missing = [arg for arg in args[i] if arg not in order]
        if missing:
            stack += missing[::-1]
        else:
            order.setdefault(stack.pop())
    return [*order]
