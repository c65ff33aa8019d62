"""Find reductions: turn chains of additions into one `sum` or `dot`.

``b + w0 * x0 + w1 * x1`` is a chain of two additions; here it becomes ``b + dot([w0, w1], [x0, x1])``.
Terms of one colour are collected, so that each reduction runs over elements of one array. This changes
the order of summation, and with it the last digits.
"""

from __future__ import annotations

from collections import Counter
from functools import reduce
from itertools import chain

from ...ops.structural import Operation, Structural
from ...ops.table import OPS, Op
from ..trace.tape import Tape, rewritten
from .batches import TOTALS, Samples
from .colours import Colours
from .instructions import is_compound, step_by_step, written_out
from .products import PARTS, PLAIN_SUMS, SUMS
from .simplify import doubled

# Two numbers are added faster than an array of two is summed.
_FEWEST = 3

Term = tuple[int, ...]
"""A number, or two that are multiplied."""


def find_reductions(tape: Tape) -> Tape:
    """Return a tape in which chains of additions are sums and dot products.

    Parameters
    ----------
    tape : Tape
        A simplified program.

    Returns
    -------
    Tape
        A program of the same results up to rounding, in which all operands of a reduction's argument have
        one colour.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> w, x, b = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)], Value(5.0)
    >>> tape = find_reductions(tape_of([b + w[0] * x[0] + w[1] * x[1]], [w, x, [b]]))
    >>> [op.name for op in tape.ops if op]
    ['dot', 'add']
    """
    return _Finder(tape).found()


def spread_sums(tape: Tape) -> Tape:
    """Return a tape with reductions as their steps, such as additions, for operands that are arrays.

    Those that take more than one loop stay.

    Parameters
    ----------
    tape : Tape
        A program.

    Returns
    -------
    Tape
        A program of the same results.

    Examples
    --------
    >>> from autograd import Value, dot
    >>> from ..trace.tape import tape_of
    >>> x = [Value(1.0), Value(2.0)]
    >>> spread = spread_sums(tape_of([dot(x, x)], [x]))
    >>> [op.name for op in spread.ops if op]
    ['mul', 'mul', 'add']
    """
    return rewritten(tape, _spread, only=lambda op: isinstance(op, Op))


def _spread(tape: Tape, op: Operation, args: tuple[int, ...]) -> int:
    assert isinstance(op, Op)
    return (written_out if is_compound(op) else step_by_step)(tape, op, args)


class _Finder:
    """One walk along a tape, writing another."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.uses = Counter(chain(tape.outputs, chain.from_iterable(tape.args)))
        self.inner = self._inner()
        self.reduced = Tape()
        self.colours = Colours()
        self.samples = Samples()
        self.new: dict[int, int] = {}

    def _inner(self) -> set[int]:
        """Return the sums and products whose only use is as a term of one sum."""
        ops = self.tape.ops
        outer = {op for op in set(ops) if op in PLAIN_SUMS or _is_total(op)}
        sums = (args for op, args in zip(ops, self.tape.args, strict=True) if op in outer)
        return {arg for args in sums for arg in args if ops[arg] in PARTS and self.uses[arg] == 1}

    def _terms(self, i: int) -> list[Term]:
        """Return the terms of a sum in order, nested sums flattened."""
        terms: list[Term] = []
        stack = [i]
        while stack:
            part = stack.pop()
            op, args = self.tape.ops[part], self.tape.args[part]
            if op is None or (part != i and part not in self.inner):
                terms.append((part,))
            elif op in PLAIN_SUMS:
                stack.extend(reversed(args))
            elif not op.variadic:
                terms.append(args)
            else:
                terms.extend(zip(*op.columns(args), strict=True))
        return terms

    def found(self) -> Tape:
        for i, (op, args) in enumerate(zip(self.tape.ops, self.tape.args, strict=True)):
            if i in self.inner:
                continue
            if op is None:
                self.new[i] = self._leaf(self.reduced.copy_leaf(self.tape, i))
            elif op in SUMS:
                self.new[i] = self._sum_of(self._terms(i))
            elif _is_total(op):
                self.new[i] = self._total_of(*args)
            else:
                self.new[i] = self._put(op, tuple([self.new[arg] for arg in args]))
        self.reduced.outputs = [self.new[output] for output in self.tape.outputs]
        return self.reduced

    def _leaf(self, i: int) -> int:
        """Colour the last instruction, an input or a constant."""
        self.colours.add_leaf(self.reduced.inputs[i][0] if i in self.reduced.inputs else None)
        return i

    def _put(self, op: Operation, args: tuple[int, ...]) -> int:
        if op is OPS["mul"]:
            # Now, since the operands of a sum must keep their colours when the tape is simplified later.
            args = doubled(self.reduced, args, self._constant)
        self.colours.add(op, args)
        return self.reduced.add(op, args)

    def _sum_of(self, terms: list[Term]) -> int:
        """Append a sum: a reduction of the terms of each colour, and additions that join these."""
        return self._added([part for group in self._groups(terms) for part in self._reduced(group)])

    def _total_of(self, x: int, count: int) -> int:
        """Append the total over the samples of a number, or of its terms if nothing else uses it."""
        terms: list[Term] = self._terms(x) if x in self.inner else [(x,)]
        parts = [part for group in self._groups(terms) for part in self._totals(group, self.new[count])]
        return self._added(parts)

    def _totals(self, group: list[Term], count: int) -> list[int]:
        """Append the total over the samples of terms of one colour."""
        self.samples.extend(self.reduced)
        if not any(self.samples.of[number] for number in group[0]):
            return [self._put(OPS["mul"], (count, part)) for part in self._reduced(group)]
        columns = tuple(zip(*group, strict=True))
        op = TOTALS["sum"] if len(columns) == 1 else TOTALS["dot"]
        return [self._put(op, tuple(chain(*columns)))]

    def _groups(self, terms: list[Term]) -> list[list[Term]]:
        """Return the terms grouped by colour, as instructions of the new tape."""
        groups: dict[tuple[int, ...], list[Term]] = {}
        new, colours = self.new, self.colours.of
        for term in terms:
            numbers = tuple([new[part] for part in term])
            groups.setdefault(tuple([colours[number] for number in numbers]), []).append(numbers)
        return list(groups.values())

    def _added(self, parts: list[int]) -> int:
        return reduce(lambda total, part: self._put(OPS["add"], (total, part)), parts)

    def _reduced(self, group: list[Term]) -> list[int]:
        """Append the sum of terms of one colour; return what is left to add if a reduction does not pay."""
        columns = tuple(zip(*group, strict=True))
        if len(columns) == 2 and group.count(group[0]) == len(group):
            return [self._times(len(group), self._put(OPS["mul"], group[0]))]
        if len(columns) == 1 and len(set(group)) < _FEWEST:
            return [self._times(times, number) for (number,), times in Counter(group).items()]
        op = OPS["sum"] if len(columns) == 1 else OPS["dot"]
        return [self._put(op, tuple(chain(*columns)))]

    def _times(self, times: int, number: int) -> int:
        """Append a multiple of a number, in place of additions of it to itself."""
        if times == 1:
            return number
        return self._put(OPS["mul"], (self._constant(float(times)), number))

    def _constant(self, number: float) -> int:
        return self._leaf(self.reduced.constant(number))


def _is_total(op: Operation | None) -> bool:
    return isinstance(op, Structural) and op.adds
