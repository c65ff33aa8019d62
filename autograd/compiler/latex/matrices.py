"""Formulas in index notation as matrix algebra: products, transposes, and what is done element by element.

A matrix has a letter for its rows and one for its columns. A vector has one of the two, and is a column or a
row. Element by element, a column stands for a matrix of equal columns, and a row for one of equal rows, as in
``W X + b``. What no such form exists for stays in index notation.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from .algebra import power, substituted, sum_over, times
from .index_notation import (
    Applied,
    AxisSize,
    Entry,
    Expression,
    FoldOver,
    Letter,
    LetterValue,
    Listing,
    Numeral,
    ProductOf,
    SlopeOf,
    SoftmaxOf,
    Subscript,
    SumOf,
    SumOver,
    free_letters,
    letters_in,
)


class NoMatrixFormError(ValueError):
    """A formula has no form with matrices."""


@dataclass(frozen=True)
class ArrayTerm:
    """An array, or a part of it.

    Attributes
    ----------
    entry : Entry
        Its elements.
    row, column : Letter or None
        The letters of its rows and of its columns.
    is_transposed : bool
        Whether it is the transpose of what its name stands for.
    """

    entry: Entry
    row: Letter | None
    column: Letter | None
    is_transposed: bool = False


@dataclass(frozen=True)
class Ones:
    """A row or a column of ones."""

    letter: Letter
    is_row: bool


@dataclass(frozen=True)
class ElementwiseCall:
    """An operation of the table on each element."""

    word: str
    operands: tuple[MatrixTree, ...]


@dataclass(frozen=True)
class ElementwiseSlope:
    """The derivative of a row at each element."""

    word: str
    operand: MatrixTree


@dataclass(frozen=True)
class MatrixSum:
    """A sum."""

    terms: tuple[MatrixTree, ...]


@dataclass(frozen=True)
class ElementwiseProduct:
    """A number, and powers of matrices and numbers, multiplied element by element."""

    number: float
    factors: tuple[tuple[MatrixTree, int], ...]


@dataclass(frozen=True)
class MatrixProduct:
    """A product of matrices."""

    factors: tuple[MatrixTree, ...]


@dataclass(frozen=True)
class IndexedSum:
    """A number that is a sum over letters of a formula in index notation."""

    total: SumOver


@dataclass(frozen=True)
class FoldAlong:
    """A reduction of the table along the rows, the columns, or all of a matrix.

    Attributes
    ----------
    word : str
        The row.
    operand : MatrixTree
        The matrix.
    is_over_rows, is_over_columns : bool
        Whether it goes through the rows, and through the columns.
    """

    word: str
    operand: MatrixTree
    is_over_rows: bool
    is_over_columns: bool


MatrixTree = (
    Numeral
    | AxisSize
    | ArrayTerm
    | Ones
    | ElementwiseCall
    | ElementwiseSlope
    | MatrixSum
    | ElementwiseProduct
    | MatrixProduct
    | IndexedSum
    | FoldAlong
)

Layout = Callable[[Hashable], tuple[int | None, int | None]]
"""Which dimension of an array is that of its rows, and which that of its columns."""

Line = Letter | None


def matrix_form(
    expression: Expression, row: Line, column: Line, layout: Layout, fixed: frozenset[Letter] = frozenset()
) -> MatrixTree:
    """Return a formula as a matrix.

    Parameters
    ----------
    expression : Expression
        The formula.
    row, column : Letter or None
        The letters of its rows and its columns.
    layout : callable
        How the arrays in it are laid out.
    fixed : frozenset of Letter
        Letters that stand for one index, such as that of a step.

    Raises
    ------
    NoMatrixFormError
        Where there is none.

    Examples
    --------
    >>> i, j = Letter(3), Letter(2)
    >>> product = matrix_form(SumOver((j,), times([Entry("W", (i, j)), Entry("x", (j,))])), i, None,
    ...     {"W": (0, 1), "x": (0, None)}.get)
    >>> [factor.entry.array for factor in product.factors]
    ['W', 'x']
    """
    letters = free_letters(expression)
    tree = _Matrices(layout, fixed).of(expression, row, column)
    left = [Ones(row, is_row=False)] if row is not None and row not in letters else []
    right = [Ones(column, is_row=True)] if column is not None and column not in letters else []
    # Zeros are 0, whatever their shape.
    if not (left or right) or tree == Numeral(0.0):
        return tree
    if isinstance(tree, Numeral):
        ones = (*left, *right)
        only = ones[0] if len(ones) == 1 else MatrixProduct(ones)
        return only if tree == Numeral(1.0) else ElementwiseProduct(tree.number, ((only, 1),))
    if isinstance(tree, ElementwiseProduct) and len(tree.factors) == 1 and tree.factors[0][1] == 1:
        repeated = MatrixProduct((*left, *_chain(tree.factors[0][0]), *right))
        return ElementwiseProduct(tree.number, ((repeated, 1),))
    return MatrixProduct((*left, *_chain(tree), *right))


class _Matrices:
    """Writes formulas with matrices."""

    def __init__(self, layout: Layout, fixed: frozenset[Letter]) -> None:
        self.layout, self.fixed = layout, fixed

    def of(self, expression: Expression, row: Line, column: Line) -> MatrixTree:
        match expression:
            case Numeral() | AxisSize():
                return expression
            case LetterValue():
                raise NoMatrixFormError
            case Entry():
                return self.array(expression, row, column)
            case Applied(word, operands):
                return ElementwiseCall(word, tuple([self.of(part, row, column) for part in operands]))
            case SlopeOf(word, operand):
                return ElementwiseSlope(word, self.of(operand, row, column))
            case SumOf(terms):
                return MatrixSum(tuple([self.of(term, row, column) for term in terms]))
            case ProductOf(number, factors):
                return self.product(number, factors, row, column)
            case SumOver():
                return self.total(expression, row, column)
            case FoldOver(word, letters, body):
                return self.fold(word, letters, body, row, column)
        return self.softmax(expression, row, column)

    def array(self, entry: Entry, row: Line, column: Line) -> MatrixTree:
        """Return an array as it lies, or its transpose."""
        letters = [letter for index in entry.at for letter in self._letters(index)]
        if len(set(letters)) < len(letters) or entry.is_padded or not {*letters} <= {row, column}:
            raise NoMatrixFormError
        # An index that follows no rule, or has several letters, is written with them.
        if any(isinstance(index, Listing) or len(letters_in(index)) > 1 for index in entry.at):
            raise NoMatrixFormError
        own_row, own_column = self.layout(entry.array)
        if len(entry.at) > 2 or (entry.at and own_row is None and own_column is None):
            raise NoMatrixFormError
        found_row = self._letter(entry, own_row)
        found_column = self._letter(entry, own_column)
        is_transposed = (found_row is not None and found_row is column) or (
            found_column is not None and found_column is row
        )
        return ArrayTerm(
            entry, row if row in letters else None, column if column in letters else None, is_transposed
        )

    def _letter(self, entry: Entry, dimension: int | None) -> Line:
        return next(iter(self._letters(entry.at[dimension])), None) if dimension is not None else None

    def _letters(self, index: Subscript) -> list[Letter]:
        return [letter for letter in letters_in(index) if letter not in self.fixed]

    def product(
        self, number: float, factors: Sequence[tuple[Expression, int]], row: Line, column: Line
    ) -> MatrixTree:
        """Return a product element by element; that of a column and a row is a matrix product."""
        lines = {row, column} - {None}
        own = [frozenset(free_letters(base) & lines) for base, _ in factors]
        is_outer = len(lines) == 2 and {frozenset({row}), frozenset({column})} <= {*own}
        if is_outer and not any(len(letters) == 2 for letters in own):
            return self._outer(number, factors, row, column)
        return ElementwiseProduct(
            number, tuple([(self.of(base, row, column), power) for base, power in factors])
        )

    def _outer(
        self, number: float, factors: Sequence[tuple[Expression, int]], row: Line, column: Line
    ) -> MatrixTree:
        def group(line: Line) -> Expression:
            return times([power(base, own) for base, own in factors if line in free_letters(base)])

        scalars = [(self.of(b, None, None), own) for b, own in factors if not free_letters(b) & {row, column}]
        outer = MatrixProduct((self.of(group(row), row, None), self.of(group(column), None, column)))
        return outer if number == 1.0 and not scalars else ElementwiseProduct(number, (*scalars, (outer, 1)))

    def total(self, total: SumOver, row: Line, column: Line) -> MatrixTree:
        """Return a sum over letters."""
        if row is None and column is None:
            return self._number(total)
        for letter in total.letters:
            try:
                return self._over(
                    letter, [other for other in total.letters if other is not letter], total.body, row, column
                )
            except NoMatrixFormError:
                continue
        raise NoMatrixFormError

    def _number(self, total: SumOver) -> MatrixTree:
        """Return a sum that is a number: a product of two vectors, or in index notation."""
        if len(total.letters) == 1:
            (letter,) = total.letters
            factors = total.body.factors if isinstance(total.body, ProductOf) else ()
            is_dot = len(factors) == 2 and all(
                own == 1 and free_letters(base) - self.fixed == {letter} for base, own in factors
            )
            if is_dot and all(isinstance(base, Entry | SumOver) for base, _ in factors):
                (left, _), (right, _) = factors
                return MatrixProduct((self.of(left, None, letter), self.of(right, letter, None)))
        return IndexedSum(total)

    def _over(
        self, letter: Letter, others: Sequence[Letter], body: Expression, row: Line, column: Line
    ) -> MatrixTree:
        """Return a sum over one letter, and over others within it."""
        factors = [(base, own) for base, own in _factors(body)]
        number = body.number if isinstance(body, ProductOf) else 1.0
        for other in others:
            inside = times([power(base, own) for base, own in factors if other in free_letters(base)])
            rest = [(base, own) for base, own in factors if other not in free_letters(base)]
            factors = [*rest, *_factors(sum_over([other], inside))]
        left: list[Expression] = []
        right: list[Expression] = []
        inner: list[Expression] = []
        for base, own in factors:
            letters = free_letters(base)
            if row in letters and column in letters and row is not None and column is not None:
                raise NoMatrixFormError
            place = left if row in letters else right if column in letters else inner
            place.append(power(base, own))
        if any(letter not in free_letters(factor) for factor in inner):
            raise NoMatrixFormError
        if inner and not right:
            right, inner = inner, []
        elif inner and not left:
            left, inner = inner, []
        elif inner:
            left = [*left, *inner]
        if any(group and letter not in free_letters(times(group)) for group in (left, right)):
            raise NoMatrixFormError
        first = self.of(times(left), row, letter) if left else Ones(letter, is_row=True)
        second = self.of(times(right), letter, column) if right else Ones(letter, is_row=False)
        product = MatrixProduct((*_chain(first), *_chain(second)))
        return product if number == 1.0 else ElementwiseProduct(number, ((product, 1),))

    def softmax(self, softmax: SoftmaxOf, row: Line, column: Line) -> MatrixTree:
        """Return a softmax: of each column, of each row, or of a vector."""
        at = softmax.at
        is_line = isinstance(at, Letter) and at in (row, column) and at not in free_letters(softmax.body)
        numbers = substituted(softmax.body, {softmax.letter: at}) if is_line else None
        if numbers is None:
            raise NoMatrixFormError
        is_matrix = {row, column} <= free_letters(numbers)
        return FoldAlong(
            "softmax",
            self.of(numbers, row, column),
            is_over_rows=not is_matrix or at is row,
            is_over_columns=not is_matrix or at is column,
        )

    def fold(
        self, word: str, letters: tuple[Letter, ...], body: Expression, row: Line, column: Line
    ) -> MatrixTree:
        """Return another reduction: along what a matrix has besides the letters that are left."""
        varying = free_letters(body)
        kept_row, kept_column = row in varying, column in varying
        if len(letters) != 1 or letters[0] not in varying or (kept_row and kept_column):
            raise NoMatrixFormError
        (letter,) = letters
        if kept_row:
            return FoldAlong(word, self.of(body, row, letter), False, True)
        # Of a vector there is one way to go.
        return FoldAlong(word, self.of(body, letter, column if kept_column else None), True, not kept_column)


def _factors(expression: Expression) -> tuple[tuple[Expression, int], ...]:
    if isinstance(expression, ProductOf):
        return expression.factors
    return () if isinstance(expression, Numeral) else ((expression, 1),)


def _chain(tree: MatrixTree) -> tuple[MatrixTree, ...]:
    return tree.factors if isinstance(tree, MatrixProduct) else (tree,)


def parts_of_matrix(tree: MatrixTree) -> tuple[MatrixTree, ...]:
    """Return what a matrix is made of.

    Examples
    --------
    >>> parts_of_matrix(MatrixSum((Numeral(1.0), Numeral(2.0))))
    (Numeral(number=1.0), Numeral(number=2.0))
    """
    match tree:
        case ElementwiseCall(_, operands):
            return operands
        case ElementwiseSlope(_, operand) | FoldAlong(_, operand):
            return (operand,)
        case MatrixSum(terms):
            return terms
        case ElementwiseProduct(_, factors):
            return tuple([base for base, _ in factors])
        case MatrixProduct(factors):
            return factors
    return ()
