"""Ragged sums: sums of products that differ in how many terms they have, as the rows of a triangle do.

Row i of a lower triangular matrix times a vector has i terms. By length, each row would be a class of its
own, and so would be all that is computed from it: a Gaussian mixture in ten dimensions had 249 arrays, and
has 62. So the sums of such a family are one operation, whose rows the layout completes to those of a matrix.
A row of one term is no lone product there, and one without terms a sum of none, which is 0.

A family is known by the colours of its two factors. Its sums are rows of a matrix if one side has few
numbers, as a vector has, of which each row takes a good part, and none twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from ...ops.structural import Structural
from ..trace.tape import Passed, Tape

T = TypeVar("T")

# Of 4 x 4, the triangle with the diagonal, or of 5 x 5 without.
_FEWEST_LENGTHS = 3

# A triangle is half of a square, or a little less without its diagonal.
_LEAST_SHARE = 0.4

# Above any colour: a product has the colours of both factors, in one number.
_COLOURS = 2**31


def pair_of(left: int, right: int) -> int:
    """Return the colours of two factors as one number, which is no colour.

    Examples
    --------
    >>> pair_of(0, 1) - pair_of(0, 0), pair_of(0, 0) >= 2**31
    (1, True)
    """
    return (left + 1) * _COLOURS + right


class Family(NamedTuple):
    """Ragged sums that are alike.

    Attributes
    ----------
    pair : int
        The colours of the factors of their terms.
    side : int
        Which factor is a number of the vector: 0 is the left one, 1 the right one.
    axes : frozenset
        The axes of the matrix.
    along : frozenset
        The axes of the sums.
    """

    pair: int
    side: int
    axes: frozenset[Any]
    along: frozenset[Any]

    @property
    def vector(self) -> int:
        """The colour of the vector."""
        return self.pair % _COLOURS if self.side else self.pair // _COLOURS - 1

    def side_in(self, pair: int) -> int | None:
        """Return which factor is a number of the vector in products of some colours; None if neither is.

        Examples
        --------
        >>> family = Family(pair_of(3, 5), 1, frozenset(), frozenset())
        >>> [family.side_in(pair_of(*colours)) for colours in ((3, 5), (4, 5), (5, 4), (4, 4))]
        [1, 1, 0, None]
        """
        if pair == self.pair:
            return self.side
        if pair % _COLOURS == self.vector:
            return 1
        return 0 if pair // _COLOURS - 1 == self.vector else None


class RaggedDot(Structural):
    """A dot product of a family, whose operands are numbers of the matrix, followed by those of the vector.

    Parameters
    ----------
    pair : int
        The colours of the family.
    others : frozenset of int
        The colours of other products of numbers of the vector among its terms, such as those of a diagonal.
    along : frozenset
        The axes that it varies along, also if it has no terms.

    Examples
    --------
    >>> RaggedDot(7), RaggedDot(7) == RaggedDot(7, frozenset([1])), RaggedDot(7).columns([1, 2, 3, 4])
    (ragged dot, False, [[1, 2], [3, 4]])
    """

    name = "ragged dot"
    variadic = True

    def __init__(
        self, pair: int, others: frozenset[int] = frozenset(), along: frozenset[Any] = frozenset()
    ) -> None:
        self.pair, self.others, self.along = pair, others, along

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RaggedDot) and (other.pair, other.others) == (self.pair, self.others)

    def __hash__(self) -> int:
        return hash((RaggedDot, self.pair, self.others))

    def axes(self, of_operands: Sequence[frozenset[Any]]) -> frozenset[Any]:
        """Return the axes of the sums of the family."""
        return self.along

    def columns(self, operands: Sequence[T]) -> list[Sequence[T]]:
        """Return the factors of the matrix, and those of the vector."""
        half = len(operands) // 2
        return [operands[:half], operands[half:]]


Rest = frozenset[tuple[int, int]]
"""What else a sum adds up: by colour, or the colours of two factors, how many terms."""


class RaggedSum(NamedTuple):
    """A sum that may be of a family.

    Attributes
    ----------
    factors : tuple of sequence of int
        The factors of its terms, on the left and on the right.
    rest : callable
        It returns what else is added to them: most sums are of no family, and nobody asks for theirs.
    """

    factors: tuple[Sequence[Passed], Sequence[Passed]]
    rest: Callable[[], Rest]


class Families:
    """The families of ragged sums of a program, which is read again until no more are found.

    Attributes
    ----------
    of : dict of int to Family
        The families, by the colours of their factors.
    alone : dict of frozenset to int
        Of which family a sum has no terms, by what else it adds up.
    lone : set of int
        The families whose sums add up nothing else, so that one of a single term is a product.
    rows : dict of int to list of RaggedSum
        The sums of the terms of each pair of colours in the program as it was read last.
    whole, completed : dict of int to int
        How many sums of several terms each family has, and how many lone products and sums of none.

    Examples
    --------
    >>> families = Families()
    >>> triangle = [([k] * n, [*range(10, 10 + n)]) for k, n in enumerate((1, 2, 3, 4))]
    >>> families.rows[5] = [RaggedSum(factors, frozenset) for factors in triangle]
    >>> families.learn(lambda instruction: frozenset()), families.of[5].side, families.lone
    (True, 1, {5})
    """

    def __init__(self) -> None:
        self.of: dict[int, Family] = {}
        self.alone: dict[Rest, int] = {}
        self.lone: set[int] = set()
        self.rows: dict[int, list[RaggedSum]] = {}
        self.whole: dict[int, int] = {}
        self.completed: dict[int, int] = {}
        self._declined: set[int] = set()

    def learn(self, axes_of: Callable[[int], frozenset[Any]]) -> bool:
        """Learn from a program that was read, and return whether it has to be read again.

        Parameters
        ----------
        axes_of : callable
            From an instruction to the axes that it varies along.
        """
        overdone = {pair for pair, count in self.completed.items() if count > self.whole.get(pair, 0)}
        overdone &= self.lone | {*self.alone.values()}
        self.alone = {rest: pair for rest, pair in self.alone.items() if pair not in overdone}
        self.lone -= overdone
        found = self._found(axes_of)
        self.of |= found
        self.rows, self.whole, self.completed = {}, {}, {}
        return bool(overdone or found)

    def _found(self, axes_of: Callable[[int], frozenset[Any]]) -> dict[int, Family]:
        """Return which pairs of the program are families that are not known yet."""
        found: dict[int, Family] = {}
        for pair, rows in self.rows.items():
            lengths = {len(row.factors[0]) for row in rows} - {1}
            if len(lengths) < _FEWEST_LENGTHS or pair in self.of or pair in self._declined:
                continue
            family = _family_of(pair, rows, axes_of)
            if family is None:
                self._declined.add(pair)
                continue
            found[pair] = family
            rests = {row.rest() for row in rows}
            if rests == {frozenset()}:
                self.lone.add(pair)
            elif len(rests) == 1:
                self.alone.setdefault(rests.pop(), pair)
        return found


def _family_of(
    pair: int, rows: Sequence[RaggedSum], axes_of: Callable[[int], frozenset[Any]]
) -> Family | None:
    """Return the family of some sums, if these are rows of a matrix times a vector."""
    terms = sum([len(row.factors[0]) for row in rows])
    for side in (1, 0):
        vector = [row.factors[side] for row in rows]
        width = len({number for numbers in vector for number in numbers})
        is_dense = terms >= _LEAST_SHARE * width * len(rows)
        outer, inner = (axes_of(rows[0].factors[which][0]) for which in (1 - side, side))
        # The matrix is put together, which would cost more than it saves where it is as long as the sums.
        is_shorter = not inner <= outer or not outer
        if is_dense and all(map(is_once, vector)) and is_shorter:
            return Family(pair, side, outer, outer | inner)
    return None


def is_once(numbers: Sequence[int]) -> bool:
    """Return whether no number stands twice among some.

    Examples
    --------
    >>> is_once([1, 2]), is_once([1, 2, 1])
    (True, False)
    """
    return len(set(numbers)) == len(numbers)


def in_order(tape: Tape, colours: Sequence[int]) -> tuple[Tape, list[int]]:
    """Return a program in which each class comes after those it is computed from, also one without terms.

    Whoever goes through the classes takes the first member of each for all of them.

    Parameters
    ----------
    tape : Tape
        The program.
    colours : sequence of int
        The colour of each instruction.

    Returns
    -------
    (Tape, list of int)
        The program, and the colours of its instructions.

    Examples
    --------
    >>> tape, op = Tape(), RaggedDot(0)
    >>> tape.outputs = [tape.add(op, ()), tape.add(op, (tape.input(0, 0), tape.input(1, 0)))]
    >>> in_order(tape, [2, 0, 1, 2])[0].args
    [(), (), (0, 1), ()]
    """
    depths = _depths(tape, colours)
    order = sorted(range(len(tape)), key=lambda i: (depths[colours[i]], _is_empty(tape, i)))
    new: list[Passed] = [0] * len(tape)
    ordered = Tape()
    for i in order:
        op = tape.ops[i]
        if op is None:
            new[i] = ordered.copy_leaf(tape, i)
        else:
            new[i] = ordered.add(op, tuple([new[arg] for arg in tape.args[i]]))
    ordered.outputs = [new[output] for output in tape.outputs]
    return ordered, [colours[i] for i in order]


def _is_empty(tape: Tape, i: int) -> bool:
    return isinstance(tape.ops[i], RaggedDot) and not tape.args[i]


def _depths(tape: Tape, colours: Sequence[int]) -> dict[int, int]:
    """Return how many classes there are below each, one on another."""
    below: dict[int, set[int]] = {}
    for i, colour in enumerate(colours):
        if not below.get(colour):
            below[colour] = {colours[arg] for arg in tape.args[i]}
    depths: dict[int, int] = {}
    for colour in below:
        stack = [colour]
        while stack:
            top = stack[-1]
            missing = [other for other in below[top] if other not in depths]
            if not missing:
                depths[top] = 1 + max([depths[other] for other in below[top]], default=0)
                stack.pop()
            stack += missing
    return depths
