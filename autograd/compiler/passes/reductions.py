"""Find reductions: turn chains of additions into one `sum` or `dot`.

``b + w0 * x0 + w1 * x1`` is a chain of two additions; here it becomes ``b + dot([w0, w1], [x0, x1])``.
Where many terms are subtracted, ``J - a0 - a1 - a2`` becomes ``J - sum([a0, a1, a2])``. Terms of one
colour are collected, so that each reduction runs over elements of one array. This changes the order of
summation, and with it the last digits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import chain, compress
from typing import Any, NamedTuple

from ...functions.axes import Length, TotalOver
from ...functions.rows_over_axes import RowOver
from ...ops.structural import Operation, Structural
from ...ops.table import OPS, Op
from ..trace.tape import Passed, Tape, rewritten
from .axes import InputArray, axes_by
from .batches import TOTALS, samples_of, total_of
from .colours import Colours
from .differences import FEWEST_TERMS, differences
from .expand_choices import expand_compounds, is_expanded
from .instructions import is_compound, step_by_step, written_out
from .products import PARTS, PLAIN_SUMS, SUMS
from .ragged import Families, Family, RaggedDot, RaggedSum, Rest, in_order, is_once, pair_of
from .simplify import SimplifiedTape, doubled, needed, only, simplify

_ADD, _SUB, _MUL, _NEG = (OPS[name] for name in ("add", "sub", "mul", "neg"))
_SUM, _DOT = OPS["sum"], OPS["dot"]

# What is longer is read once, and not again for ragged sums, since that takes seconds.
_MOST_READ_AGAIN = 200_000

# Triangles are found one on another, each by a reading: four in a row, and as many in the gradient.
_MOST_READINGS = 8


class Reduced(NamedTuple):
    """A program of reductions.

    Attributes
    ----------
    tape : Tape
        The program.
    colours : list of int
        The colour of each instruction, as `colours_of` has it but for the numbers.
    """

    tape: Tape
    colours: list[int]


def find_reductions(tape: Tape, arrays: Sequence[InputArray] = ()) -> Reduced:
    """Return a program in which chains of additions are sums and dot products.

    Parameters
    ----------
    tape : Tape
        The program.
    arrays : sequence of InputArray
        What its inputs are elements of, if some vary along axes.

    Returns
    -------
    Reduced
        A simplified program of the same results up to rounding, in which choices are written out, and all
        operands of a reduction's argument have one colour.

    Notes
    -----
    What is simplified is the program of reductions: nine tenths of a loop's instructions are terms of sums.
    Samples are simplified before, since a number that is stacked and read again is not seen to be a term.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> w, x, b = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)], Value(5.0)
    >>> tape = find_reductions(tape_of([b + w[0] * x[0] + w[1] * x[1]], [w, x, [b]])).tape
    >>> [op.name for op in tape.ops if op]
    ['dot', 'add']
    """
    if any(isinstance(op, Structural) for op in set(tape.ops)):
        tape = simplify(tape, is_expanded)
    else:
        tape = expand_compounds(tape)
    colours, families = Colours(), Families()
    is_short = len(tape) <= _MOST_READ_AGAIN and not any(samples_of(tape))
    inner = _inner(tape)
    finder = _Finder(tape, inner, arrays, colours, families, notes_rows=is_short)
    for _ in range(_MOST_READINGS if is_short else 0):
        if not families.learn(finder.axes_of):
            break
        finder = _Finder(tape, inner, arrays, colours.anew(), families, notes_rows=True)
    found = finder.found()
    return Reduced(*in_order(*found)) if families.of else found


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


class _Group:
    """The terms of a sum that have one colour: numbers, or products of two, by their instructions."""

    __slots__ = ("left", "right")

    def __init__(self) -> None:
        self.left: list[Passed] = []
        self.right: list[Passed] = []


Groups = dict[int, _Group]


class _Finder:
    """One walk along a tape, writing another."""

    def __init__(
        self,
        tape: Tape,
        inner: _Inner,
        arrays: Sequence[InputArray],
        colours: Colours,
        families: Families,
        *,
        notes_rows: bool,
    ) -> None:
        self.tape = tape
        self.notes_rows = notes_rows
        self.arrays = arrays
        self.colours = colours
        self.families = families
        self.axes: list[frozenset[Any]] = []
        self.is_total = _totals(tape)
        self.is_inner = inner.is_inner
        self.is_difference = inner.is_difference
        self.reduced = SimplifiedTape(is_expanded)
        self.new: list[Passed] = [0] * len(tape)
        self._read()

    def _groups(self, i: int, is_part: bool) -> tuple[Groups, Groups]:
        """Return the terms of a sum by colour, nested sums flattened, as instructions of the new tape.

        First those that are added, then those that are subtracted.
        """
        added: Groups = {}
        subtracted: Groups = {}
        new = self.new
        self.colours.extend(self.reduced)
        # Of what is subtracted, the complement.
        stack = [i]
        while stack:
            part = stack.pop()
            is_subtracted = part < 0
            groups = subtracted if is_subtracted else added
            part = ~part if is_subtracted else part
            op, args = self.tape.ops[part], self.tape.args[part]
            if op is None or not (is_part or self.is_inner[part]):
                self._add_term(groups, new[part])
            elif op in PLAIN_SUMS:
                for k in range(len(args) - 1, -1, -1):
                    stack.append(args[k])
            elif op is _SUB:
                stack.append(~args[1])
                stack.append(args[0])
            else:
                # A product, or several.
                half = len(args) // 2
                for k in range(half):
                    self._add_product(groups, new[args[k]], new[args[half + k]])
            is_part = False
        return added, subtracted

    def _add_term(self, groups: Groups, number: Passed) -> None:
        term: int = number
        colour = self.colours.of[term]
        group = groups.get(colour)
        if group is None:
            group = groups[colour] = _Group()
        group.left.append(number)

    def _add_product(self, groups: Groups, left: Passed, right: Passed) -> None:
        x: int = left
        y: int = right
        if self.reduced.numbers[x] is not None:
            left, right = x, y = doubled(self.reduced, (x, y), self.reduced.constant)
            if self.reduced.numbers[y] is not None:
                left = self.reduced.add(_MUL, (x, y))
                self.colours.extend(self.reduced)
                return self._add_term(groups, left)
            self.colours.extend(self.reduced)
        of = self.colours.of
        colours = pair_of(of[x], of[y])
        group = groups.get(colours)
        if group is None:
            group = groups[colours] = _Group()
        group.left.append(left)
        group.right.append(right)
        return None

    def _read(self) -> None:
        """Write the other tape."""
        new, reduced, all_args = self.new, self.reduced, self.tape.args
        rows_over = {op for op in set(self.tape.ops) if isinstance(op, RowOver)}
        for i, op in enumerate(self.tape.ops):
            if self.is_inner[i]:
                continue
            if op is None:
                new[i] = reduced.copy_leaf(self.tape, i)
            elif op in SUMS or self.is_difference[i]:
                new[i] = self._sum_of(*self._groups(i, True))
            elif op in self.is_total:
                x, *count = all_args[i]
                is_negative = self.is_inner[x] and self.tape.ops[x] is _NEG
                added, _ = self._groups(all_args[x][0] if is_negative else x, False)
                groups = [*added.values()]
                found = self._total_over(groups, op) if not count else self._total_of(groups, new[count[0]])
                new[i] = self.reduced.add(_NEG, (found,)) if is_negative else found
            elif op in rows_over:
                new[i] = self._row_over(op, new[all_args[i][0]])
            elif op is _MUL and self.families.of:
                new[i] = self._product(new[all_args[i][0]], new[all_args[i][1]])
            else:
                new[i] = reduced.add(op, tuple([new[arg] for arg in all_args[i]]))
        self.colours.extend(reduced)

    def found(self) -> Reduced:
        """Return what was written, without what no result depends on."""
        reduced = self.reduced
        reduced.outputs = [self.new[output] for output in self.tape.outputs]
        reduced.forget()
        is_needed = needed(reduced)
        colours = [*compress(self.colours.of, is_needed)]
        return Reduced(only(reduced, is_needed), colours)

    def _sum_of(self, added: Groups, subtracted: Groups) -> int:
        """Append a sum: a reduction of the terms of each colour, and additions that join these."""
        total = self._added(self._parts(added))
        for part in self._parts(subtracted) if subtracted else []:
            total = self.reduced.add(_SUB, (total, part))
        return total

    def _parts(self, groups: Groups) -> list[int]:
        """Append a reduction of the terms of each colour, and return what is left to add."""
        families = self.families
        parts: list[int] = []
        for family in self._families_of(groups) if families.of else []:
            # One before it may have taken its terms, as those of an upper triangle with the same vector.
            if not parts or family.pair in groups:
                parts.append(self._ragged(groups, family))
        for colours, group in groups.items():
            if group.right and self.notes_rows:
                row = RaggedSum((group.left, group.right), partial(self._rest, groups, colours))
                families.rows.setdefault(colours, []).append(row)
            parts += self._reduced(group)
        return parts

    def _families_of(self, groups: Groups) -> list[Family]:
        """Return the families of the terms of a sum; if it is the rest of one, that, for no terms."""
        known = self.families.of
        found = [
            colours
            for colours, group in groups.items()
            if colours in known and is_once(group.right if known[colours].side else group.left)
        ]
        for pair in found:
            is_whole = len(groups[pair].left) > 1
            _count(self.families.whole if is_whole else self.families.completed, pair)
        alone = None if found else self.families.alone.get(self._rest(groups))
        # What uses a number that does not vary along an axis may rely on that.
        if alone is not None and self._along(groups) >= known[alone].along:
            _count(self.families.completed, alone)
            found = [alone]
        if found:
            # A sum that begins with 0.0 is another one without it, which must not tell rows apart.
            for colours in [colours for colours, group in groups.items() if self._is_zero(group)]:
                del groups[colours]
        return [known[pair] for pair in found]

    def _ragged(self, groups: Groups, family: Family) -> int:
        """Append the sum of the terms of a family, and of others with its vector, which are taken out."""
        matrix: list[Passed] = []
        vector: list[Passed] = []
        others: set[int] = set()
        for colours, group in sorted(groups.items(), key=lambda of: of[0] != family.pair):
            side = family.side_in(colours) if group.right else None
            if side is None:
                continue
            own, shared = (group.left, group.right) if side else (group.right, group.left)
            if is_once([*vector, *shared]) and self.axes_of(own[0]) == family.axes:
                matrix += own
                vector += shared
                del groups[colours]
                others |= {colours} - {family.pair}
        op = RaggedDot(family.pair, frozenset(others), family.along)
        return self.reduced.add(op, tuple(matrix + vector))

    def _product(self, x: int, y: int) -> int:
        """Append a product, or a sum of a family that has one term, or none but this of something else."""
        self.colours.extend(self.reduced)
        colours = pair_of(self.colours.of[x], self.colours.of[y])
        is_row = colours in self.families.lone or frozenset([(colours, 1)]) in self.families.alone
        if not is_row:
            return self.reduced.add(_MUL, (x, y))
        group = _Group()
        group.left.append(x)
        group.right.append(y)
        return self._sum_of({colours: group}, {})

    def _along(self, groups: Groups) -> frozenset[Any]:
        """Return the axes that a sum varies along."""
        numbers = [column[0] for group in groups.values() for column in (group.left, group.right) if column]
        return frozenset[Any]().union(*map(self.axes_of, numbers))

    def _rest(self, groups: Groups, without: int = -1) -> Rest:
        """Return what a sum adds up, without the terms of some colours, and zeros."""
        return frozenset(
            (colours, len(group.left))
            for colours, group in groups.items()
            if colours != without and not self._is_zero(group)
        )

    def _is_zero(self, group: _Group) -> bool:
        """Return whether terms are constants that add nothing."""
        return not group.right and all(self.reduced.numbers[term] == 0.0 for term in group.left)

    def _total_of(self, groups: list[_Group], count: int) -> int:
        """Append the total over the samples of a number, or of its terms if nothing else uses it."""
        parts: list[int] = []
        for group in groups:
            parts += self._totals(group, count)
        return self._added(parts)

    def _total_over(self, groups: list[_Group], op: Operation | None) -> int:
        """Append the total over an axis of a number, or of its terms if nothing else uses it."""
        assert isinstance(op, TotalOver)
        axis: int = op.axis  # type: ignore[assignment]
        parts: list[int] = []
        for group in groups:
            if any(axis in self.axes_of(column[0]) for column in (group.left, group.right) if column):
                row = _DOT if group.right else _SUM
                parts.append(self.reduced.add(total_of(row, axis), tuple(group.left + group.right)))
            else:
                length = self.reduced.add(Length(axis), self._counted(groups, op))  # type: ignore[arg-type]
                parts += [self.reduced.add(_MUL, (length, part)) for part in self._reduced(group)]
        return self._added(parts)

    def _counted(self, groups: list[_Group], op: TotalOver) -> tuple[int, ...]:
        """Return what varies along the axis of a total, where that says how long it is."""
        columns = [column[0] for group in groups for column in (group.left, group.right) if column]
        varying: list[int] = [i for i in columns if op.is_counted and op.axis in self.axes_of(i)]
        return tuple(varying[:1])

    def _row_over(self, op: Operation, x: int) -> int:
        """Append a reduction over an axis."""
        assert isinstance(op, RowOver)
        axis: int = op.axis  # type: ignore[assignment]
        if axis not in self.axes_of(x):
            return op.of_one(self.reduced, x)
        return self.reduced.add(total_of(op.row, axis), (x,))

    def axes_of(self, i: int) -> frozenset[Any]:
        """Return the axes that an instruction of the new tape varies along."""
        for k in range(len(self.axes), len(self.reduced)):
            self.axes.append(axes_by(self.reduced, k, self.reduced.ops[k], self.arrays, self.axes))
        return self.axes[i]

    def _totals(self, group: _Group, count: int) -> list[int]:
        """Append the total over the samples of terms of one colour."""
        self.reduced.samples.extend(self.reduced)
        if not any(self.reduced.samples.of[column[0]] for column in (group.left, group.right) if column):
            return [self.reduced.add(_MUL, (count, part)) for part in self._reduced(group)]
        op = TOTALS["dot"] if group.right else TOTALS["sum"]
        return [self.reduced.add(op, tuple(group.left + group.right))]

    def _added(self, parts: list[int]) -> int:
        total = parts[0]
        for part in parts[1:]:
            total = self.reduced.add(_ADD, (total, part))
        return total

    def _reduced(self, group: _Group) -> list[int]:
        """Append the sum of terms of one colour; return what is left to add if a reduction does not pay."""
        left, right = group.left, group.right
        if right:
            if left.count(left[0]) == right.count(right[0]) == len(left):
                return [self._times(len(left), self.reduced.add(_MUL, (left[0], right[0])))]
            return [self.reduced.add(_DOT, tuple(left + right))]
        if len(left) == 1:
            return left
        if len(set(left)) < FEWEST_TERMS:
            return [self._times(times, number) for number, times in Counter(left).items()]
        return [self.reduced.add(_SUM, tuple(left))]

    def _times(self, times: int, number: int) -> int:
        """Append a multiple of a number, in place of additions of it to itself."""
        if times == 1:
            return number
        return self.reduced.add(_MUL, (self.reduced.constant(float(times)), number))


def _count(counts: dict[int, int], pair: int) -> None:
    counts[pair] = counts.get(pair, 0) + 1


def _totals(tape: Tape) -> set[Operation | None]:
    return {op for op in set(tape.ops) if isinstance(op, Structural) and op.adds}


class _Inner(NamedTuple):
    """Which instructions of a tape are written as parts of others.

    Attributes
    ----------
    is_inner : bytearray
        Sums and products whose only use is as a term of one sum.
    is_difference : bytearray
        Additions and subtractions in chains from whose first number many are subtracted.
    """

    is_inner: bytearray
    is_difference: bytearray


def _inner(tape: Tape) -> _Inner:
    """Return which instructions are sums and products whose only use is as a term of one sum.

    So are numbers that only a total negates, which is negated itself: that takes no array along the axis.
    """
    ops, args, totals = tape.ops, tape.args, _totals(tape)
    # Counted without a step of Python's for each operand.
    uses = Counter(chain(tape.outputs, chain.from_iterable(args)))
    is_inner = bytearray(len(ops))
    is_difference = differences(tape, uses)
    outer = PLAIN_SUMS | totals
    for i, op in enumerate(ops):
        if op in outer:
            for arg in args[i]:
                is_negated = ops[arg] is _NEG and op in totals
                # A total takes no differences.
                is_part = ops[arg] in PARTS and not (is_difference[arg] and op in totals)
                if uses[arg] == 1 and (is_part or is_negated):
                    is_inner[arg] = 1
        if is_difference[i]:
            x, y = args[i]
            if uses[x] == 1 and (is_difference[x] or ops[x] in PARTS):
                is_inner[x] = 1
            # A sum that is subtracted stays one: that of a sample is no part of the sum of all.
            if uses[y] == 1 and ops[y] is _MUL:
                is_inner[y] = 1
    return _Inner(is_inner, is_difference)
