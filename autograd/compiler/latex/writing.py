"""Write matrix formulas, and those in index notation, as LaTeX and as plain text.

How an operation is written comes from its row of the table; what is not of the table is products of matrices,
transposes and sums over indices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from ...ops.renderer import ATOM, POWER, SIGN, Term
from ...ops.table import COMPARISONS
from ...ops.table import row as row_of
from ...show.text.formulas import applied_term, number_term
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
    Stride,
    Subscript,
    SumOf,
    SumOver,
    letters_in,
)
from .layouts import Lines
from .matrices import (
    ArrayTerm,
    ElementwiseCall,
    ElementwiseProduct,
    ElementwiseSlope,
    FoldAlong,
    IndexedSum,
    MatrixProduct,
    MatrixSum,
    MatrixTree,
    Ones,
    parts_of_matrix,
)
from .symbols import ShownSymbol, letters_for_indices, with_indices

_SUM, _PRODUCT = 1, 2

Extent = int | Letter | frozenset[int]
"""How long a dimension is: a number, as long as a letter is, or as long as some axes are."""

_FROM_ONE = "Indices count from 1, and a:b are those from a to b."

_LISTED = 24
"""So many indices that follow no rule are written out."""


@dataclass
class LengthSymbols:
    """What lengths are called.

    Attributes
    ----------
    of_letter : callable
        The symbol of the length of a letter, if it has one.
    of_axis : callable
        That of an axis.
    named : dict
        The lengths that have a name, by their symbol.
    """

    of_letter: Callable[[Letter], ShownSymbol]
    of_axis: Callable[[int], ShownSymbol]
    named: Mapping[ShownSymbol, int]


@dataclass
class FormulaWriter:
    """Writes formulas of one program, in LaTeX or plain text.

    Attributes
    ----------
    symbols : mapping
        The symbol of each array.
    lengths : callable
        How long a dimension of an array is.
    sizes : LengthSymbols
        What lengths are called.
    layout : callable
        How arrays lie.
    latex : bool
        Whether to write LaTeX.
    unseen : set
        The arguments whose dimensions are still to be written below them.
    notes : list of str
        What has to be said beside the formulas.
    listings : dict
        The names of indices that follow no rule.
    step : Letter or None
        The letter of the steps, while a step of a loop is written.
    """

    symbols: Mapping[Hashable, ShownSymbol]
    lengths: Callable[[Hashable, int], Extent]
    sizes: LengthSymbols
    layout: Callable[[Hashable], Lines]
    latex: bool
    unseen: set[Hashable] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    listings: dict[Listing, str] = field(default_factory=dict)
    step: Letter | None = None
    _letters: dict[Letter, str] = field(default_factory=dict)

    # ---------------------------------------------------------------------------------------------- matrices

    def matrix(self, tree: MatrixTree) -> Term:
        """Return a formula of matrices."""
        match tree:
            case Numeral(number):
                return self.number(number)
            case AxisSize(axis):
                return self._symbol(self.sizes.of_axis(axis))
            case ArrayTerm():
                return self._array(tree)
            case Ones(letter, is_row):
                size = self._text(self.sizes.of_letter(letter))
                ones = rf"\mathbf{{1}}_{{{size}}}" if self.latex else f"1_{size}"
                return Term(self._transposed(ones) if is_row else ones)
            case ElementwiseCall(word, operands):
                return self._applied(word, [self._matrix_operand(word, part) for part in operands])
            case ElementwiseSlope(word, operand):
                return self._slope(word, self.matrix(operand))
            case MatrixSum(terms):
                ordered = sorted(terms, key=lambda term: not isinstance(term, MatrixProduct))
                return self._sum([self.matrix(term) for term in ordered])
            case ElementwiseProduct(number, factors):
                return self._product(
                    number,
                    [(self.matrix(base), own, _kind(base), _kind(base) == "matrix") for base, own in factors],
                )
            case MatrixProduct(factors):
                texts = [self._grouped(self.matrix(factor), POWER) for factor in factors]
                return Term((r"\, " if self.latex else " ").join(texts), _PRODUCT)
            case IndexedSum(total):
                return self.indexed(total)
        return self._fold(tree)

    def _fold(self, fold: FoldAlong) -> Term:
        """Return a reduction of a matrix."""
        inside = self.matrix(fold.operand).text
        is_whole = fold.is_over_rows and fold.is_over_columns
        which = "" if is_whole else "column by column" if fold.is_over_rows else "row by row"
        if not self.latex:
            return Term(f"{fold.word}({inside}{f', {which}' if which else ''})")
        name = rf"\operatorname{{{fold.word}}}"
        name = rf"\underset{{\text{{{which}}}}}{{{name}}}" if which else name
        return Term(rf"{name}\left({inside}\right)")

    def _array(self, term: ArrayTerm) -> Term:
        """Return an array or a part of it, with its dimensions where it is seen for the first time."""
        entry = term.entry
        text = self.part(entry)
        if term.is_transposed:
            text = self._transposed(text)
        if self.latex and entry.array in self.unseen and (term.row or term.column):
            self.unseen.discard(entry.array)
            text = rf"\underbrace{{{text}}}_{{{self.shape(term.row, term.column)}}}"
        return Term(text, POWER if term.is_transposed else ATOM)

    def shape(self, row: Letter | None, column: Letter | None) -> str:
        """Return the dimensions of a matrix."""
        texts = [self._text(self.sizes.of_letter(letter)) if letter else "1" for letter in (row, column)]
        return (r" \times " if self.latex else "×").join(texts)

    def part(self, entry: Entry) -> str:
        """Return an array, or a part of it with the ranges of its rows and columns."""
        symbol = self._text(self.symbols[entry.array])
        if not entry.at or self._is_whole(entry):
            return symbol
        own_row, own_column = self.layout(entry.array)
        order = [place for place in (own_row, own_column) if place is not None]
        texts = [self._range(entry, place) for place in order]
        self.note(_FROM_ONE)
        return with_indices(symbol, texts, latex=self.latex)

    def _is_whole(self, entry: Entry) -> bool:
        return all(self._is_all(entry, place) for place in range(len(entry.at)))

    def _is_all(self, entry: Entry, place: int) -> bool:
        return is_all(entry.at[place], self.lengths(entry.array, place), self.step)

    def _range(self, entry: Entry, place: int) -> str:
        """Return the part of a dimension."""
        index = entry.at[place]
        if self._is_all(entry, place):
            return "{:}" if self.latex else ":"
        if index is self.step:
            return self._index(index)
        if isinstance(index, Letter):
            index = Stride(0, ((index, 1),))
        if isinstance(index, Stride) and index.steps and index.steps[0][0] is self.step:
            return self._index(index)
        if isinstance(index, Stride) and len(index.steps) == 1 and index.start >= 0:
            (letter, step), start = index.steps[0], index.start
            colon = "{:}" if self.latex else ":"
            if letter.length is None:
                size = self._text(self.sizes.of_letter(letter))
                return f"{start + 1}{colon}{size}{f' + {start}' if start else ''}"
            stop = start + step * (letter.length - 1) + 1
            if step == 1:
                return f"{start + 1}{colon}{stop}"
            shown = [start + 1 + step * k for k in range(letter.length)]
            if letter.length <= 3:
                return f"({','.join(map(str, shown))})"
            dots = r"\dots" if self.latex else "…"
            return f"({shown[0]},{shown[1]},{dots},{stop})"
        return self._index(index, self.lengths(entry.array, place))

    def _transposed(self, text: str) -> str:
        return rf"{text}^\top" if self.latex else f"{text}ᵀ"

    # ---------------------------------------------------------------------------------------- index notation

    def indexed(self, expression: Expression) -> Term:
        """Return a formula in index notation."""
        match expression:
            case Numeral(number):
                return self.number(number)
            case AxisSize(axis):
                return self._symbol(self.sizes.of_axis(axis))
            case LetterValue(letter):
                self.note(_FROM_ONE)
                return self._sum([Term(self.letter(letter)), Term("-1", SIGN)])
            case Entry(array, at, is_padded):
                if is_padded:
                    self.note("An element beyond the ends of an array is 0.")
                symbol = self._text(self.symbols[array])
                return Term(with_indices(symbol, self._indices(expression, at), latex=self.latex))
            case Applied(word, operands):
                return self._applied(word, [self._indexed_operand(word, part) for part in operands])
            case SlopeOf(word, operand):
                return self._slope(word, self.indexed(operand))
            case SumOf(terms):
                return self._sum([self.indexed(term) for term in terms])
            case ProductOf(number, factors):
                return self._product(
                    number,
                    [(self.indexed(base), own, _kind_of(base), False) for base, own in factors],
                )
            case SumOver(letters, body):
                return self._big(r"\sum" if self.latex else "Σ", letters, body)
            case FoldOver("logsumexp", letters, body):
                total = SumOver(letters, Applied("exp", (body,)))
                return self.indexed(Applied("log", (total,)))
            case FoldOver("prod", letters, body):
                return self._big(r"\prod" if self.latex else "Π", letters, body)
            case FoldOver(word, letters, body):
                return self._big(rf"\operatorname{{{word}}}" if self.latex else word, letters, body)
        whole = self._big(
            r"\operatorname{softmax}" if self.latex else "softmax", (expression.letter,), expression.body
        )
        return Term(with_indices(whole.text, [self._index(expression.at)], latex=self.latex))

    def element(self, key: Hashable, at: Sequence[Subscript], symbol: ShownSymbol) -> str:
        """Return an element of an array that is being defined."""
        indices = [self._index(index, self.lengths(key, place)) for place, index in enumerate(at)]
        return with_indices(self._text(symbol), indices, latex=self.latex)

    def _indices(self, entry: Entry, at: Sequence[Subscript]) -> list[str]:
        """Return the indices of an element, without those of dimensions of one element."""
        lengths = [self.lengths(entry.array, place) for place in range(len(at))]
        return [self._index(index, length) for index, length in zip(at, lengths, strict=True) if length != 1]

    def _big(self, sign: str, letters: Sequence[Letter], body: Expression) -> Term:
        """Return a sum or another reduction over letters."""
        names = [self.letter(letter) for letter in letters]
        ends = [self._text(self.sizes.of_letter(letter)) for letter in letters]
        inside = self.indexed(body)
        is_sum = sign in (r"\sum", "Σ", r"\prod", "Π")
        text = self._grouped(inside, _PRODUCT) if is_sum else self._grouped(inside, ATOM + 1)
        for letter in letters:
            del self._letters[letter]
        if not self.latex:
            return Term(f"{sign}_{''.join(names)} {text}", _PRODUCT)
        if len(letters) == 1:
            over = rf"_{{{names[0]}=1}}^{{{ends[0]}}}" if is_sum else rf"_{{{names[0]}}}"
        else:
            over = rf"_{{{','.join(names)}}}"
        return Term(f"{sign}{over} {text}" if is_sum else f"{sign}{over}{text}", _PRODUCT)

    def letter(self, letter: Letter) -> str:
        """Return the name of a letter, which no other has that is used at the same time."""
        if letter not in self._letters:
            taken = self._taken()
            self._letters[letter] = next(name for name in letters_for_indices() if name not in taken)
        return self._letters[letter]

    def _taken(self) -> set[str]:
        """Return the names that letters must not have."""
        symbols = [*self.symbols.values(), *self.sizes.named]
        return {*self._letters.values(), *[symbol.text for symbol in symbols]}

    def begin(self, step: Letter | None) -> None:
        """Begin a formula whose letters are its own, but for that of a step."""
        self._letters.clear()
        self.step = step
        if step is not None:
            self._letters[step] = next(name for name in "tsrqp" if name not in self._taken())

    def _index(self, index: Subscript, length: Extent | None = None) -> str:
        """Return an index, which counts from 1."""
        if isinstance(index, Letter):
            return self.letter(index)
        if isinstance(index, Listing):
            return self._listed(index)
        self.note(_FROM_ONE)
        start = index.start + 1 - sum(step for _, step in index.steps)
        if index.start < 0 and not index.steps:
            end = self._end(length)
            return end if index.start == -1 else f"{end} - {-index.start - 1}"
        terms = [self._step(letter, step) for letter, step in index.steps]
        return self._sum([*terms, *([Term(str(start))] if start or not terms else [])]).text

    def _step(self, letter: Letter, step: int) -> Term:
        """Return a multiple of a letter in an index."""
        sign, space = "-" if step < 0 else "", " " if self.latex else ""
        return Term(f"{sign}{'' if abs(step) == 1 else f'{abs(step)}{space}'}{self.letter(letter)}")

    def _end(self, extent: Extent | None) -> str:
        """Return the length of a dimension that has no fixed one."""
        if isinstance(extent, Letter):
            return self._text(self.sizes.of_letter(extent))
        assert isinstance(extent, frozenset)
        return self._text(self.sizes.of_axis(min(extent)))

    def _listed(self, index: Listing) -> str:
        if index not in self.listings:
            self.listings[index] = name = f"π_{len(self.listings) + 1}"
            shown = [str(position + 1) for position in index.positions[:_LISTED]]
            more = len(index.positions) - len(shown)
            rest = f", … {more} more, see f.source" if more else ""
            self.note(f"{name} is ({', '.join(shown)}{rest}): indices that follow no rule, counted from 1.")
        name = self.listings[index]
        if self.latex:
            name = name.replace("π_", r"\pi_{") + "}"
        letters = ", ".join(map(self.letter, index.letters))
        return f"{name}({letters})"

    # ------------------------------------------------------------------------------------------------- both

    def _applied(self, word: str, operands: Sequence[Term], *, is_condition: bool = False) -> Term:
        found = applied_term(row_of(word), operands, latex=self.latex)
        if word not in COMPARISONS or is_condition:
            return found
        return Term(rf"\mathbf{{1}}\left[{found.text}\right]" if self.latex else f"1[{found.text}]")

    def _matrix_operand(self, word: str, operand: MatrixTree) -> Term:
        if word == "where" and isinstance(operand, ElementwiseCall):
            terms = [self._matrix_operand(operand.word, part) for part in operand.operands]
            return self._applied(operand.word, terms, is_condition=True)
        return self.matrix(operand)

    def _indexed_operand(self, word: str, operand: Expression) -> Term:
        if word == "where" and isinstance(operand, Applied):
            terms = [self._indexed_operand(operand.word, part) for part in operand.operands]
            return self._applied(operand.word, terms, is_condition=True)
        return self.indexed(operand)

    def _slope(self, word: str, operand: Term) -> Term:
        """Return the derivative of a row."""
        template = row_of(word).latex
        head = template.partition(r"\left(")[0] if r"\left({x}\right)" in template else ""
        if not self.latex:
            return Term(f"{word}'({operand.text})")
        name = head.replace("{{", "{").replace("}}", "}") or rf"\operatorname{{{word}}}"
        return Term(rf"{name}'\left({operand.text}\right)")

    def _sum(self, terms: Sequence[Term]) -> Term:
        """Return a sum, which begins with a term without a sign if there is one."""
        first = next((i for i, term in enumerate(terms) if not term.text.startswith("-")), 0)
        ordered = [terms[first], *terms[:first], *terms[first + 1 :]]
        text = ordered[0].text
        for term in ordered[1:]:
            is_negative = term.text.startswith("-")
            text += f" - {term.text[1:].lstrip()}" if is_negative else f" + {term.text}"
        return Term(text, _SUM)

    def _product(self, number: float, factors: Sequence[tuple[Term, int, str, bool]]) -> Term:
        """Return a number times powers: what is short as a fraction in front, the rest behind it."""
        sign, above, below = self._fraction(number)
        front = [
            self._power(term, own, kind) for term, own, kind, _ in factors if kind == "short" and own > 0
        ]
        under = [
            self._power(term, -own, kind) for term, own, kind, _ in factors if kind == "short" and own < 0
        ]
        rest = [
            (self._power(term, own, kind), kind)
            for term, own, kind, _ in factors
            if kind != "short" and own > 0
        ]
        divisors = [
            (self._power(term, -own, kind), kind)
            for term, own, kind, _ in factors
            if kind != "short" and own < 0
        ]
        numerator = [Term(above)] if above != "1" else []
        front_text = self._joined([(term, "short") for term in (*numerator, *front)])
        below_text = self._joined([(Term(text), "short") for text in below] + [(t, "short") for t in under])
        lead = self._fractional(front_text, below_text)
        behind = self._fractional(self._joined(rest), self._joined(divisors))
        pieces = [(term, "short") for term in (lead,) if term] + [(term, "big") for term in (behind,) if term]
        if len(pieces) == 1 and not sign:
            return pieces[0][0]
        text = self._joined(pieces)
        assert text is not None
        return Term(
            f"{sign}{text.text}", SIGN if sign and len(pieces) == 1 and text.precedence >= SIGN else _PRODUCT
        )

    def _joined(self, factors: Sequence[tuple[Term, str]]) -> Term | None:
        """Return factors as a product."""
        if not factors:
            return None
        if len(factors) == 1:
            return factors[0][0]
        shown = sorted(factors, key=lambda factor: factor[1] == "sum")
        text, before = "", ""
        for i, (term, kind) in enumerate(shown):
            is_last = i == len(shown) - 1
            need = _PRODUCT if kind in ("sum", "big") and is_last else SIGN + 1
            if kind == "short":
                need = _PRODUCT
            piece = self._grouped(term, need)
            sign = r" \odot " if self.latex else " ⊙ "
            if not (before == kind == "matrix"):
                # 2 3**x looks like 23**x, but not 2 1_n or 2 1[x > 0].
                is_number = before == "short" and re.match(r"\d(?![_\[])", piece)
                sign = (r" \cdot " if self.latex else " · ") if is_number else (r"\, " if self.latex else " ")
            text += (sign if i else "") + piece
            before = kind
        return Term(text, _PRODUCT)

    def _fractional(self, above: Term | None, below: Term | None) -> Term | None:
        """Return a fraction, or what stands above if nothing stands below."""
        return above if below is None else self._over(above or Term("1"), below)

    def _over(self, above: Term, below: Term) -> Term:
        if self.latex:
            return Term(rf"\frac{{{above.text}}}{{{below.text}}}", POWER)
        return Term(f"{self._grouped(above, _PRODUCT)}/{self._grouped(below, SIGN)}", _PRODUCT)

    def _power(self, term: Term, exponent: int, kind: str) -> Term:
        exponent = abs(exponent)
        if exponent == 1:
            return term
        base = self._grouped(term, ATOM)
        if not self.latex:
            return Term(f"{base}^{exponent}", POWER)
        # Not a power of a matrix, which is a product with itself.
        return Term(rf"{base}^{{\odot {exponent}}}" if kind == "matrix" else rf"{base}^{{{exponent}}}", POWER)

    def _fraction(self, number: float) -> tuple[str, str, list[str]]:
        """Return a number as a sign, a numerator, and a denominator that names a length if it is one."""
        sign, number = ("-" if number < 0 else ""), abs(number)
        if number.is_integer():
            return sign, self.number(number).text, []
        # A half is a half, also where there are four samples.
        for symbol, length in self.sizes.named.items() if not (2.0 * number).is_integer() else ():
            for multiple in (1, 2):
                above = number * length * multiple
                if length > 1 and round(above) in range(1, 13) and abs(above - round(above)) < 1e-12 * above:
                    return sign, str(round(above)), [*(["2"] if multiple == 2 else []), self._text(symbol)]
        fraction = Fraction(number).limit_denominator(1000)
        is_exact = abs(float(fraction) - number) <= 2e-16 * number
        if is_exact and fraction.numerator <= 12 and (fraction.denominator <= 20 or len(repr(number)) > 6):
            return sign, str(fraction.numerator), [str(fraction.denominator)]
        return sign, self.number(number).text, []

    def number(self, number: float) -> Term:
        """Return a number."""
        return number_term(number, latex=self.latex)

    def _grouped(self, term: Term, need: int) -> str:
        if term.precedence >= need:
            return term.text
        return rf"\left({term.text}\right)" if self.latex else f"({term.text})"

    def _symbol(self, symbol: ShownSymbol) -> Term:
        return Term(self._text(symbol))

    def _text(self, symbol: ShownSymbol) -> str:
        return symbol.latex if self.latex else symbol.text

    def note(self, text: str) -> None:
        """Say something beside the formulas, once."""
        if text not in self.notes:
            self.notes.append(text)


def is_all(index: Subscript, extent: Extent, step: Letter | None = None) -> bool:
    """Return whether an index goes through a whole dimension, so that it need not be written.

    Examples
    --------
    >>> is_all(Letter(3), 3), is_all(Letter(2), 3), is_all(Letter(None, 0), frozenset([0]))
    (True, False, True)
    >>> step = Letter(3)
    >>> is_all(step, 3, step), is_all(Stride(0), 1)
    (False, True)
    """
    if not isinstance(index, Letter):
        return extent == 1 and index == Stride(0)
    if index is step:
        return False
    if isinstance(extent, Letter):
        return index.size == extent.size
    return index.length == extent if isinstance(extent, int) else not index.extra and index.axis in extent


def _kind(tree: MatrixTree) -> str:
    """Return how a factor is written: as a short number, a sum, or a matrix."""
    match tree:
        case Numeral() | AxisSize():
            return "short"
        case ArrayTerm(_, row, column):
            return "short" if row is None and column is None else "matrix"
        case IndexedSum():
            return "sum"
    return "matrix" if any(_is_matrix(part) for part in _leaves(tree)) else "number"


def _leaves(tree: MatrixTree) -> Iterator[MatrixTree]:
    parts = parts_of_matrix(tree)
    if not parts or isinstance(tree, MatrixProduct):
        yield tree
    for part in parts if not isinstance(tree, MatrixProduct) else ():
        yield from _leaves(part)


def _is_matrix(tree: MatrixTree) -> bool:
    if isinstance(tree, MatrixProduct):
        return not (_lines(tree.factors[0])[0] is None and _lines(tree.factors[-1])[1] is None)
    return isinstance(tree, Ones) or (isinstance(tree, ArrayTerm) and bool(tree.row or tree.column))


def _lines(tree: MatrixTree) -> tuple[Letter | None, Letter | None]:
    """Return the letters of the rows and columns of a matrix."""
    if isinstance(tree, ArrayTerm):
        return tree.row, tree.column
    if isinstance(tree, Ones):
        return (None, tree.letter) if tree.is_row else (tree.letter, None)
    if isinstance(tree, MatrixProduct):
        return _lines(tree.factors[0])[0], _lines(tree.factors[-1])[1]
    found = [_lines(part) for part in parts_of_matrix(tree)]
    rows = [row for row, _ in found if row]
    columns = [column for _, column in found if column]
    return (rows[0] if rows else None), (columns[0] if columns else None)


def _kind_of(expression: Expression) -> str:
    match expression:
        case Numeral() | AxisSize():
            return "short"
        case Entry(_, at):
            return "short" if not any(map(letters_in, at)) else "number"
        case SumOver():
            return "sum"
    return "number"
