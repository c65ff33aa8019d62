"""Choose how arrays lie in formulas: vectors as columns or rows, matrices as they are or turned.

The samples of a batch lie side by side or one below the other, as they do in the user's arguments, and
everything that is computed of them follows: ``Z = wᵀX + b`` of an X with a column for each sample, and
``z = X w + b`` of one with a row. Among all ways the one with the fewest transposes is looked for.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Mapping

from .index_notation import Entry, Letter, Listing, Stride, entries_of, letters_in
from .matrices import (
    ArrayTerm,
    MatrixTree,
    NoMatrixFormError,
    Ones,
    matrix_form,
    parts_of_matrix,
)
from .reading import ArrayFormula, ArrayPiece, Key, ProgramFormulas

Lines = tuple[int | None, int | None]
"""Which dimension of an array is that of its rows, and which that of its columns."""

_MATRIX, _VECTOR, _ONES, _INDEXED = 3.0, 1.0, 0.5, 60.0
"""What the transpose of a matrix, of a vector, a vector of ones, and a formula with indices cost."""

_ARGUMENT_AS_ROW, _AS_ROW, _TURNED = 2.0, 0.1, 0.05


class LetterClasses:
    """Which letters name the same dimension, in all formulas of a program.

    Parameters
    ----------
    program : ProgramFormulas
        The formulas.

    Examples
    --------
    >>> LetterClasses(ProgramFormulas()).dimensions
    {}
    """

    def __init__(self, program: ProgramFormulas) -> None:
        self._above: dict[Letter, Letter] = {}
        self.dimensions: dict[tuple[Hashable, int], Letter] = {}
        for key, array in program.arrays.items():
            for place, letter in enumerate(array.letters):
                self.dimensions[key, place] = letter
        for array in program.arrays.values():
            for piece in array.pieces:
                self._join(Entry(array.key, piece.at))
                for entry in entries_of(piece.expression):
                    self._join(entry)

    def of(self, letter: Letter) -> Letter:
        """Return the letter that stands for all that name the same dimension."""
        while letter in self._above:
            letter = self._above[letter]
        return letter

    def of_dimension(self, key: Hashable, place: int) -> Letter | None:
        """Return the letter that stands for a dimension of an array, if a formula names it."""
        letter = self.dimensions.get((key, place))
        return None if letter is None else self.of(letter)

    def _join(self, entry: Entry) -> None:
        for place, index in enumerate(entry.at):
            letter = index if isinstance(index, Letter) else None
            if isinstance(index, Stride) and len(index.steps) == 1 and index.steps[0][1] == 1:
                letter = index.steps[0][0]
            if letter is None:
                continue
            known = self.dimensions.setdefault((entry.array, place), letter)
            one, other = self.of(known), self.of(letter)
            if one is not other:
                self._above[other] = one


def layouts_of(
    program: ProgramFormulas,
    classes: LetterClasses,
    fixed: Mapping[Key, Lines],
    tied: Mapping[Key, Key],
    gradients: Container[Key] = (),
) -> dict[Key, Lines]:
    """Return how each array of a program lies.

    Parameters
    ----------
    program : ProgramFormulas
        The formulas.
    classes : LetterClasses
        Which letters name the same dimension.
    fixed : mapping
        How some arrays lie in any case.
    tied : mapping
        Which arrays lie as another one does: a gradient as what it belongs to.
    gradients : container
        Which arrays are gradients.

    Examples
    --------
    >>> layouts_of(ProgramFormulas(), LetterClasses(ProgramFormulas()), {}, {})
    {}
    """
    return _Search(program, classes, fixed, tied, gradients).found()


class _Search:
    """Turns arrays as long as formulas get simpler."""

    def __init__(
        self,
        program: ProgramFormulas,
        classes: LetterClasses,
        fixed: Mapping[Key, Lines],
        tied: Mapping[Key, Key],
        gradients: Container[Key],
    ) -> None:
        self.program, self.classes, self.tied, self.gradients = program, classes, tied, gradients
        self.lines: dict[Key, Lines] = dict(fixed)
        self.free: dict[Key, int] = {}
        for key, count in self._dimensions().items():
            if key not in fixed and key not in tied:
                self.lines[key] = (None, None) if count == 0 or count > 2 else (0, 1 if count == 2 else None)
                if count in (1, 2):
                    self.free[key] = count
        self._costs: dict[tuple[object, ...], float] = {}
        self._formulas = [
            (array, piece, sorted({array.key, *[e.array for e in entries_of(piece.expression)]}, key=repr))
            for array in program.arrays.values()
            for piece in array.pieces
        ]

    def _dimensions(self) -> dict[Key, int]:
        found = {key: len(array.letters) for key, array in self.program.arrays.items()}
        for array in self.program.arrays.values():
            for piece in array.pieces:
                found |= {entry.array: len(entry.at) for entry in entries_of(piece.expression)}
        return found

    def layout(self, key: Hashable) -> Lines:
        assert isinstance(key, tuple)
        return self.lines[self.tied.get(key, key)]

    def found(self) -> dict[Key, Lines]:
        best = self._cost()
        groups = self._groups()
        before = None
        while best != before:
            before = best
            for group in groups:
                self._turn(group)
                cost = self._cost()
                if cost < best - 1e-9:
                    best = cost
                else:
                    self._turn(group)
        return {**self.lines, **{key: self.layout(key) for key in self.tied}}

    def _groups(self) -> list[list[Key]]:
        """Return which arrays to turn at once: all vectors of a dimension, all matrices of two, or one."""
        of_class: dict[frozenset[Letter | None], list[Key]] = {}
        for key, count in self.free.items():
            letters = frozenset([self.classes.of_dimension(key, place) for place in range(count)])
            of_class.setdefault(letters, []).append(key)
        both = [
            [
                *keys,
                *[
                    key
                    for other, more in of_class.items()
                    if other != letters and letters < other
                    for key in more
                ],
            ]
            for letters, keys in of_class.items()
        ]
        computed = [[key for key in keys if key[0] != "argument"] for keys in of_class.values()]
        return [*of_class.values(), *both, *computed, *[[key] for key in self.free]]

    def _turn(self, keys: Iterable[Key]) -> None:
        for key in keys:
            row, column = self.lines[key]
            self.lines[key] = column, row

    def _cost(self) -> float:
        total = 0.0
        for key, count in self.free.items():
            if count == 1 and self.lines[key][0] is None:
                total += _ARGUMENT_AS_ROW if key[0] == "argument" else _AS_ROW
            elif count == 2 and self.lines[key] == (1, 0):
                total += _TURNED
        for i, (array, piece, keys) in enumerate(self._formulas):
            known = (i, *[self.layout(key) for key in keys])
            if known not in self._costs:
                self._costs[known] = self._cost_of(array, piece)
            # What is computed reads first: a gradient rather than z has the transpose of X.
            total += self._costs[known] * (1.0 if array.key in self.gradients else 2.0)
        return total

    def _cost_of(self, array: ArrayFormula, piece: ArrayPiece) -> float:
        lines = lines_of(array, piece, self.layout(array.key))
        if lines is None:
            return 0.0
        try:
            return _cost_of_tree(matrix_form(piece.expression, *lines[:2], self.layout, lines[2]))
        except NoMatrixFormError:
            return _INDEXED


def lines_of(
    array: ArrayFormula, piece: ArrayPiece, lines: Lines
) -> tuple[Letter | None, Letter | None, frozenset[Letter]] | None:
    """Return the letters of the rows and columns of some elements of an array, and that of the step.

    There are none for elements that are no rows and columns.

    Examples
    --------
    >>> i = Letter(3)
    >>> piece = ArrayPiece((i,), Entry("x", (i,)))
    >>> lines_of(ArrayFormula(("array", 1), (i,), [piece]), piece, (None, 0))[:2] == (None, i)
    True
    """
    fixed = frozenset() if array.steps is None else frozenset([array.steps.letter])
    letters = [[letter for letter in letters_in(index) if letter not in fixed] for index in piece.at]
    flat = [letter for own in letters for letter in own]
    is_regular = len(set(flat)) == len(flat) and all(
        len(own) <= 1 and not isinstance(index, Listing) and (not own or len(letters_in(index)) == 1)
        for own, index in zip(letters, piece.at, strict=True)
    )
    if not is_regular or len(piece.at) > 2:
        return None
    row, column = (letters[place] if place is not None else [] for place in lines)
    return next(iter(row), None), next(iter(column), None), fixed


def _cost_of_tree(tree: MatrixTree) -> float:
    own = 0.0
    if isinstance(tree, ArrayTerm) and tree.is_transposed:
        own = _MATRIX if tree.row is not None and tree.column is not None else _VECTOR
    elif isinstance(tree, Ones):
        own = _ONES
    return own + sum(map(_cost_of_tree, parts_of_matrix(tree)))
