"""Formulas in index notation: what each element of an array is, such as ``z[i] = Σ_j W[i, j] x[j] + b[i]``.

Letters name the dimensions, so there are no transposes here, nothing is broadcast, and algebra on arrays is
the algebra of numbers. `autograd.compiler.latex.matrices` finds out how it is written with matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


class Letter:
    """An index, which runs from 0 to a length.

    Attributes
    ----------
    length : int or None
        The length; None where it is that of an axis.
    axis : int or None
        The number of the axis.
    extra : int
        How much longer it is than the axis.
    """

    __slots__ = ("axis", "extra", "length")

    def __init__(self, length: int | None, axis: int | None = None, extra: int = 0) -> None:
        self.length, self.axis, self.extra = length, axis, extra

    @property
    def size(self) -> tuple[int | None, int | None, int]:
        """What letters of the same length share."""
        return self.length, self.axis, self.extra

    def alike(self) -> Letter:
        """Return another letter of the same length."""
        return Letter(*self.size)


@dataclass(frozen=True)
class Stride:
    """An index that is computed from letters: a start, and a step for each.

    Attributes
    ----------
    start : int
        Where it begins; without steps, from the end of the axis if it is negative.
    steps : tuple of (Letter, int)
        The letters, and how far each step of them leads.
    """

    start: int
    steps: tuple[tuple[Letter, int], ...] = ()


@dataclass(frozen=True)
class Listing:
    """An index that follows no rule.

    Attributes
    ----------
    letters : tuple of Letter
        What it depends on.
    lengths : tuple of int
        How many values each letter has.
    positions : tuple of int
        The index for each of them, the last letter varying fastest.
    """

    letters: tuple[Letter, ...]
    lengths: tuple[int, ...]
    positions: tuple[int, ...]


Subscript = Letter | Stride | Listing


@dataclass(frozen=True)
class Numeral:
    """A number."""

    number: float


@dataclass(frozen=True)
class AxisSize:
    """The length of an axis."""

    axis: int


@dataclass(frozen=True)
class LetterValue:
    """The index itself, as a number."""

    letter: Letter


@dataclass(frozen=True)
class Entry:
    """An element of an array.

    Attributes
    ----------
    array : hashable
        The key of the array.
    at : tuple of Subscript
        An index for each of its dimensions.
    is_padded : bool
        Whether it is 0 where an index is beyond the ends.
    """

    array: Any
    at: tuple[Subscript, ...] = ()
    is_padded: bool = False


@dataclass(frozen=True)
class Applied:
    """An operation of the table."""

    word: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class SlopeOf:
    """The derivative of a row of one argument, at an expression."""

    word: str
    operand: Expression


@dataclass(frozen=True)
class SumOf:
    """A sum of a few terms."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True)
class ProductOf:
    """A number, and powers of expressions."""

    number: float
    factors: tuple[tuple[Expression, int], ...]


@dataclass(frozen=True)
class SumOver:
    """A sum over letters."""

    letters: tuple[Letter, ...]
    body: Expression


@dataclass(frozen=True)
class FoldOver:
    """Another reduction of the table over letters."""

    word: str
    letters: tuple[Letter, ...]
    body: Expression


@dataclass(frozen=True)
class SoftmaxOf:
    """An element of a softmax: the exponential of a number, divided by the sum of those of all.

    Attributes
    ----------
    letter : Letter
        What the numbers are numbered by.
    body : Expression
        The numbers.
    at : Subscript
        Which of them it is.
    """

    letter: Letter
    body: Expression
    at: Subscript


Expression = (
    Numeral
    | AxisSize
    | LetterValue
    | Entry
    | Applied
    | SlopeOf
    | SumOf
    | ProductOf
    | SumOver
    | FoldOver
    | SoftmaxOf
)


def parts_of(expression: Expression) -> tuple[Expression, ...]:
    """Return what an expression is made of.

    Examples
    --------
    >>> parts_of(Applied("sin", (Numeral(1.0),)))
    (Numeral(number=1.0),)
    """
    match expression:
        case Applied(_, operands):
            return operands
        case SlopeOf(_, operand):
            return (operand,)
        case SumOf(terms):
            return terms
        case ProductOf(_, factors):
            return tuple([base for base, _ in factors])
        case SumOver(_, body) | FoldOver(_, _, body) | SoftmaxOf(_, body):
            return (body,)
    return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all that is in it.

    Examples
    --------
    >>> len([*walk(Applied("sin", (Numeral(1.0),)))])
    2
    """
    yield expression
    for part in parts_of(expression):
        yield from walk(part)


def letters_in(index: Subscript) -> tuple[Letter, ...]:
    """Return the letters of an index.

    Examples
    --------
    >>> i = Letter(3)
    >>> letters_in(Stride(1, ((i, 2),))) == letters_in(i) == (i,)
    True
    """
    if isinstance(index, Letter):
        return (index,)
    return index.letters if isinstance(index, Listing) else tuple([letter for letter, _ in index.steps])


def free_letters(expression: Expression) -> frozenset[Letter]:
    """Return the letters that an expression depends on.

    Examples
    --------
    >>> i, j = Letter(3), Letter(4)
    >>> free_letters(SumOver((j,), Entry("W", (i, j)))) == {i}
    True
    """
    match expression:
        case Entry(_, at):
            return frozenset([letter for index in at for letter in letters_in(index)])
        case LetterValue(letter):
            return frozenset([letter])
        case SumOver(letters, body) | FoldOver(_, letters, body):
            return free_letters(body) - frozenset(letters)
        case SoftmaxOf(letter, body, index):
            return (free_letters(body) - {letter}) | {*letters_in(index)}
    return frozenset[Letter]().union(*map(free_letters, parts_of(expression)))


def index_of(coordinates: npt.NDArray[np.intp], letters: tuple[Letter | None, ...]) -> Subscript:
    """Return the rule of some coordinates, one for each value of the letters of their dimensions.

    Parameters
    ----------
    coordinates : array of int
        The coordinates.
    letters : tuple of Letter or None
        The letter of each dimension; None where there is one value.

    Returns
    -------
    Subscript
        A letter, a few steps, or the list.

    Examples
    --------
    >>> i = Letter(3)
    >>> index_of(np.array([0, 1, 2]), (i,)) is i
    True
    >>> index_of(np.array([1, 3, 5]), (i,)).start, index_of(np.array([2, 0, 5]), (i,)).positions
    (1, (2, 0, 5))
    """
    named = [(d, letter) for d, letter in enumerate(letters) if letter is not None]
    core = coordinates[tuple([slice(None) if letter is not None else 0 for letter in letters])]
    start = int(core.flat[0])
    steps, expected = [], np.full(core.shape, start)
    for place, (_, letter) in enumerate(named):
        step = int(core[tuple([1 if d == place else 0 for d in range(core.ndim)])]) - start
        shape = [core.shape[place] if d == place else 1 for d in range(core.ndim)]
        expected = expected + step * np.arange(core.shape[place]).reshape(shape)
        if step:
            steps.append((letter, step))
    if np.array_equal(expected, core):
        if start == 0 and len(steps) == 1 and steps[0][1] == 1:
            return steps[0][0]
        return Stride(start, tuple(steps))
    varying = [
        (place, letter)
        for place, (_, letter) in enumerate(named)
        if (core != core.take([0], axis=place)).any()
    ]
    kept = [place for place, _ in varying]
    table = core[tuple([slice(None) if d in kept else 0 for d in range(core.ndim)])]
    return Listing(tuple([letter for _, letter in varying]), table.shape, tuple(table.ravel().tolist()))


def substituted_index(index: Subscript, to: Mapping[Letter, Subscript]) -> Subscript | None:
    """Return an index with others in the places of letters; None where there is no such index.

    Examples
    --------
    >>> i, j = Letter(3), Letter(2)
    >>> substituted_index(Stride(4, ((i, 2),)), {i: Stride(1, ((j, 3),))}).start
    6
    """
    if isinstance(index, Letter):
        return to.get(index, index)
    if isinstance(index, Listing):
        return _listing(index, to)
    start, steps = index.start, dict[Letter, int]()
    for letter, step in index.steps:
        new = to.get(letter, letter)
        if isinstance(new, Listing):
            return None
        inner = new if isinstance(new, Stride) else Stride(0, ((new, 1),))
        if inner.start < 0 and not inner.steps:
            return None
        start += step * inner.start
        for other, further in inner.steps:
            steps[other] = steps.get(other, 0) + step * further
    kept = tuple([(letter, step) for letter, step in steps.items() if step])
    return kept[0][0] if start == 0 and len(kept) == 1 and kept[0][1] == 1 else Stride(start, kept)


def _listing(index: Listing, to: Mapping[Letter, Subscript]) -> Subscript | None:
    """Return a list with other indices in the places of its letters."""
    table = np.array(index.positions).reshape(index.lengths)
    letters: list[Letter] = []
    for place in reversed(range(len(index.letters))):
        new = to.get(index.letters[place], index.letters[place])
        if isinstance(new, Letter):
            length = new.length or index.lengths[place]
            table = table.take(range(length), axis=place)
            letters.insert(0, new)
        elif isinstance(new, Stride) and not new.steps:
            table = table.take(new.start, axis=place)
        elif isinstance(new, Stride) and len(new.steps) == 1 and new.steps[0][0].length:
            (letter, step), start = new.steps[0], new.start
            table = table.take(start + step * np.arange(letter.length or 0), axis=place)
            letters.insert(0, letter)
        else:
            return None
    if len(set(letters)) < len(letters):
        return None
    return index_of(table, tuple(letters))


def entries_of(expression: Expression) -> Iterator[Entry]:
    """Yield the elements of arrays in an expression.

    Examples
    --------
    >>> [entry.array for entry in entries_of(Applied("sin", (Entry("x"),)))]
    ['x']
    """
    return (part for part in walk(expression) if isinstance(part, Entry))


Rewrite = Callable[[Expression], Expression | None]
"""What an expression becomes; None to leave it, and look at its parts."""
