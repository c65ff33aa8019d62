"""Simplify the formulas of a program for people.

What is done is algebra of real numbers:

- an array that is used once, or is short, is written where it is used, up to a readable length;
- a sum written out, ``v[0] + v[1] + ...``, is a sum over an index;
- like terms are added, factors that cancel are left out, and a product of sums is multiplied out where that
  is shorter: ``(-y / a + (1 - y) / (1 - a)) · σ'(z)`` is ``a - y``;
- numbers that all terms share stand in front, also of the sums over arrays that have them: ``1/m``;
- rules of the table have their names again (`autograd.compiler.latex.recognition`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product as pairs_of
from typing import NamedTuple

from .algebra import plus, power, rebuilt, rewritten, size_of_expression, substituted, sum_over, times
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
    Stride,
    Subscript,
    SumOf,
    SumOver,
    entries_of,
    free_letters,
    parts_of,
    walk,
)
from .reading import ArrayFormula, ArrayPiece, Key, ProgramFormulas
from .recognition import recognised, slope_by_value

Arrays = dict[Key, ArrayFormula]
Change = Callable[[Expression], Expression]

_MOST = 40
"""How long a formula becomes by what is written in it."""

_SHORT = 6
"""An array whose formula is as short is written where it is used, however often."""


def simplified(program: ProgramFormulas) -> ProgramFormulas:
    """Return the formulas of a program, simplified.

    Examples
    --------
    >>> simplified(ProgramFormulas()).arrays
    {}
    """
    arrays = program.arrays
    # No program was seen that takes more than four rounds; so that none goes on forever.
    for _ in range(100):  # pragma: no branch
        before = {key: [piece.expression for piece in array.pieces] for key, array in arrays.items()}
        arrays = _live(_inlined(_live(arrays)))
        arrays = _mapped(arrays, partial(_tidied, arrays=arrays))
        arrays = _hoisted(arrays)
        arrays = _mapped(arrays, partial(_by_values, arrays=arrays))
        after = {key: [piece.expression for piece in array.pieces] for key, array in arrays.items()}
        if before == after:
            break
    return replace(program, arrays=arrays)


def _mapped(arrays: Arrays, change: Change) -> Arrays:
    return {
        key: replace(array, pieces=[ArrayPiece(piece.at, change(piece.expression)) for piece in array.pieces])
        for key, array in arrays.items()
    }


def _live(arrays: Arrays) -> Arrays:
    """Return the arrays that results depend on."""
    wanted = [key for key in arrays if key[0] == "result"]
    used = {*wanted}
    while wanted:
        array = arrays.get(wanted.pop())
        for piece in array.pieces if array else ():
            new = {entry.array for entry in entries_of(piece.expression)} - used
            used |= new
            wanted += new
    return {key: array for key, array in arrays.items() if key in used}


# --------------------------------------------------------------------------------------------- in one formula


def _tidied(expression: Expression, arrays: Arrays) -> Expression:
    """Return a formula with its rules named, and its written out sums as sums."""

    def tidy(part: Expression) -> Expression:
        parts = parts_of(part)
        new = [tidy(inner) for inner in parts]
        if any(one is not other for one, other in zip(parts, new, strict=True)):
            part = rebuilt(part, new)
        part = recognised(part)
        if isinstance(part, SumOver) and _is_total_of_softmax(part, arrays):
            return Numeral(1.0)
        if isinstance(part, Applied) and part.word == "exp":
            part = _softmax(part, arrays) or part
        if isinstance(part, SumOf):
            part = _merged(_collected(part, arrays))
        if _has_product_of_sums(part):
            part = _shortest(part)
        return part

    return tidy(expression)


def _is_total_of_softmax(total: SumOver, arrays: Arrays) -> bool:
    """Return whether a sum is that of a softmax, which is 1."""
    if len(total.letters) != 1:
        return False
    body = _resolved(total.body, arrays)
    return isinstance(body, SoftmaxOf) and body.at is total.letters[0]


def _softmax(exponential: Applied, arrays: Arrays) -> Expression | None:
    """Return exp(x - logsumexp(x)) as what it is."""
    match exponential.operands:
        case (SumOf((x, ProductOf(-1.0, ((shift, 1),)))),):
            match _resolved(shift, arrays):
                case FoldOver("logsumexp", (letter,), body):
                    for own in free_letters(x) - free_letters(shift):
                        if own.size == letter.size and substituted(body, {letter: own}) == x:
                            return SoftmaxOf(letter, body, own)
    return None


def _resolved(expression: Expression, arrays: Arrays) -> Expression:
    """Return the formula of an element of an array."""
    array = arrays.get(expression.array) if isinstance(expression, Entry) else None
    if array is None or array.whole is None or not isinstance(expression, Entry):
        return expression
    return substituted(array.whole, dict(zip(array.letters, expression.at, strict=True))) or expression


def _collected(total: SumOf, arrays: Arrays) -> Expression:
    """Return a sum in which the terms that are all elements of an array along a dimension are one."""
    terms = [*total.terms]
    while True:
        found = _one_collected(terms, arrays)
        if found is None:
            return plus(terms) if len(terms) < len(total.terms) else total
        terms = found


class _Row(NamedTuple):
    """The elements of an array along a dimension, each times a number, and perhaps a sum over the others."""

    number: float
    array: Key
    at: tuple[Subscript, ...]
    place: int
    letters: tuple[Letter, ...]


def _one_collected(terms: Sequence[Expression], arrays: Arrays) -> list[Expression] | None:
    groups: dict[_Row, dict[int, int]] = {}
    for i, term in enumerate(terms):
        number, core = (term.number, term) if isinstance(term, ProductOf) else (1.0, term)
        letters: tuple[Letter, ...] = ()
        if isinstance(core, ProductOf):
            if len(core.factors) != 1 or core.factors[0][1] != 1:
                continue
            core = core.factors[0][0]
        if isinstance(core, SumOver):
            letters, core = core.letters, core.body
        if not isinstance(core, Entry) or core.is_padded or core.array not in arrays:
            continue
        for place, index in enumerate(core.at):
            if isinstance(index, Stride) and not index.steps:
                rest = (*core.at[:place], Stride(0), *core.at[place + 1 :])
                row = _Row(number, core.array, rest, place, letters)
                groups.setdefault(row, {}).setdefault(index.start, i)
    for group, members in groups.items():
        number, array, rest, place, letters = group
        letter = arrays[array].letters[place]
        if letter.length is not None and len(members) == letter.length > 1 and letter not in letters:
            at = tuple([letter if d == place else index for d, index in enumerate(rest)])
            whole = times([Numeral(number), sum_over((*letters, letter), Entry(array, at))])
            taken = {*members.values()}
            first = min(taken)
            return [
                whole if i == first else term for i, term in enumerate(terms) if i == first or i not in taken
            ]
    return None


def _merged(expression: Expression) -> Expression:
    """Return a sum in which sums over alike letters are one, if they add up numbers or share a factor."""
    if not isinstance(expression, SumOf):
        return expression
    terms = [*expression.terms]
    for i in range(len(terms)):
        for j in range(i + 1, len(terms)):
            found = _one_sum(terms[i], terms[j])
            if found is not None:
                rest = [term for k, term in enumerate(terms) if k not in (i, j)]
                return _merged(plus([*rest[:i], found, *rest[i:]]))
    return expression


def _one_sum(one: Expression, other: Expression) -> Expression | None:
    first, second = _as_sum_over(one), _as_sum_over(other)
    if first is None or second is None:
        return None
    outside, letters, body = first
    outside_too, letters_too, body_too = second
    if len(letters) != len(letters_too) and not free_letters(one) and not free_letters(other):
        return _one_within(first, second)
    if [letter.size for letter in letters] != [letter.size for letter in letters_too]:
        return None
    renamed = substituted(body_too, dict(zip(letters_too, letters, strict=True)))
    assert renamed is not None
    inner, inner_too = times([*outside, body]), times([*outside_too, renamed])
    if not free_letters(one) and not free_letters(other):
        return sum_over(letters, plus([inner, inner_too]))
    shared = [
        base
        for base, own in _factors(body)
        if isinstance(base, Entry) and own == 1 and (base, 1) in _factors(renamed)
    ]
    if not shared:
        return None
    rest = [times([part, *[power(base, -1) for base in shared]]) for part in (inner, inner_too)]
    return sum_over(letters, times([*shared, plus(rest)]))


def _one_within(first: _Parts, second: _Parts) -> Expression | None:
    """Return Σ_i a + Σ_ij b as Σ_i (a + Σ_j b), if a and b read an array at the same i."""
    (_, letters, _), (_, longer, _) = sorted([first, second], key=lambda parts: len(parts[1]))
    outer = longer[: len(letters)]
    if [letter.size for letter in letters] != [letter.size for letter in outer]:
        return None
    terms: list[Expression] = []
    for outside, own, body in (first, second):
        renamed = substituted(body, dict(zip(own, outer, strict=False)))
        assert renamed is not None
        terms.append(times([*outside, sum_over(own[len(outer) :], renamed)]))
    one, other = ({(e.array, e.at[: len(outer)]) for e in entries_of(term)} for term in terms)
    is_of_both = any(at == outer for _, at in one & other)
    return sum_over(outer, plus(terms)) if is_of_both else None


_Parts = tuple[list[Expression], tuple[Letter, ...], Expression]
"""What stands before a sum, its letters, and its body."""


def _as_sum_over(term: Expression) -> _Parts | None:
    """Return a term that is a sum over letters as what stands before it, the letters, and the body."""
    if isinstance(term, SumOver):
        return [], term.letters, term.body
    if isinstance(term, ProductOf):
        sums = [base for base, own in term.factors if isinstance(base, SumOver) and own == 1]
        if len(sums) == 1 and isinstance(sums[0], SumOver):
            others = [power(base, own) for base, own in term.factors if base is not sums[0]]
            if not any(map(free_letters, others)):
                return [Numeral(term.number), *others], sums[0].letters, sums[0].body
    return None


def _factors(expression: Expression) -> tuple[tuple[Expression, int], ...]:
    return expression.factors if isinstance(expression, ProductOf) else ((expression, 1),)


def _has_product_of_sums(expression: Expression) -> bool:
    """Return whether an expression, or a term of it, is a product with a sum."""
    terms = expression.terms if isinstance(expression, SumOf) else (expression,)
    return any(isinstance(base, SumOf) for term in terms for base, _ in _factors(term))


def _shortest(product: Expression) -> Expression:
    """Return a product, multiplied out if that is shorter."""
    return min([product, _cancelled(product), _expanded(product)], key=size_of_expression)


def _cancelled(product: Expression) -> Expression:
    """Return a product with the sums multiplied out whose terms have factors that others cancel."""
    if not isinstance(product, ProductOf):
        return product
    powers = dict(product.factors)
    for base, own in product.factors:
        if isinstance(base, SumOf) and own == 1:
            below = {of for term in base.terms for of, exponent in _factors(term) if exponent < 0}
            if any(powers.get(of, 0) > 0 for of in below):
                others = [power(of, exponent) for of, exponent in product.factors if of is not base]
                factors = [Numeral(product.number), *others]
                return plus([times([*factors, term]) for term in base.terms])
    return product


def _expanded(expression: Expression) -> Expression:
    """Return a formula with all products of sums multiplied out."""
    match expression:
        case SumOf(terms):
            return plus([_expanded(term) for term in terms])
        case ProductOf(number, factors):
            choices: list[tuple[Expression, ...]] = [(Numeral(number),)]
            for base, own in factors:
                if isinstance(base, SumOf) and 0 < own <= 2:
                    choices += [base.terms] * own
                else:
                    choices.append((power(base, own),))
            if sum(map(len, choices)) > len(choices) + 8:
                return expression
            products = [times(chosen) for chosen in pairs_of(*choices)]
            return plus([_expanded(term) if term != expression else term for term in products])
    return expression


# ---------------------------------------------------------------------------------------- from one to another


def _inlined(arrays: Arrays) -> Arrays:
    """Return arrays with those written where they are used that are used once, or short."""
    uses = Counter(
        entry.array
        for array in arrays.values()
        for piece in array.pieces
        for entry in entries_of(piece.expression)
    )
    done: Arrays = {}
    for key, array in arrays.items():
        pieces = []
        for piece in array.pieces:
            room = _MOST - size_of_expression(piece.expression)
            pieces.append(ArrayPiece(piece.at, _with_others(piece.expression, done, uses, room, within="")))
        done[key] = replace(array, pieces=pieces)
    return done


def _with_others(
    expression: Expression, arrays: Arrays, uses: Mapping[Key, int], room: int, within: str
) -> Expression:
    """Return a formula with other arrays written in it."""
    if isinstance(expression, Entry):
        return _written(expression, arrays, uses, room, within) or expression
    inner = within
    if isinstance(expression, Applied | SlopeOf | FoldOver | SoftmaxOf):
        inner = "function"
    elif isinstance(expression, SumOver) and within != "function":
        inner = "sum"
    parts = parts_of(expression)
    new = [_with_others(part, arrays, uses, room, inner) for part in parts]
    if all(one is other for one, other in zip(parts, new, strict=True)):
        return expression
    return rebuilt(expression, new)


def _written(
    entry: Entry, arrays: Arrays, uses: Mapping[Key, int], room: int, within: str
) -> Expression | None:
    """Return the formula of an element, if it is to be written where it is used."""
    array = arrays.get(entry.array)
    if array is None or entry.is_padded:
        return None
    for piece in array.pieces:
        to = (
            _matching(piece.at, entry.at)
            if array.whole is None
            else dict(zip(array.letters, entry.at, strict=True))
        )
        if to is None:
            continue
        formula = piece.expression
        if len(array.pieces) > 1 and not isinstance(formula, Numeral | Entry):
            return None
        is_short = _is_short(formula)
        if not is_short and (uses[entry.array] > 1 or size_of_expression(formula) > room):
            return None
        # One step of a loop is one formula.
        is_step = array.steps is not None
        if not is_short and not is_step and within and _is_kept(formula, within):
            return None
        return substituted(formula, to)
    return None


def _matching(at: Sequence[Subscript], wanted: Sequence[Subscript]) -> dict[Letter, Subscript] | None:
    """Return what stands for the letters of a piece in an element of it; None if it is in another piece."""
    found: dict[Letter, Subscript] = {}
    for own, index in zip(at, wanted, strict=True):
        if isinstance(own, Letter):
            if own in found:
                return None
            if not _is_within(index, own):
                return None
            found[own] = index
        elif own != index:
            return None
    return found


def _is_within(index: Subscript, letter: Letter) -> bool:
    """Return whether an index takes no value that a letter does not."""
    if isinstance(index, Letter):
        return index.size == letter.size or (
            None not in (index.length, letter.length) and (index.length or 0) <= (letter.length or 0)
        )
    if isinstance(index, Listing):
        return letter.length is not None and max(index.positions) < letter.length
    lengths = [own.length for own, _ in index.steps]
    if letter.length is None or any(length is None for length in lengths):
        return False
    ends = [step * ((own.length or 1) - 1) for own, step in index.steps]
    first = index.start + sum([min(end, 0) for end in ends])
    return first >= 0 and index.start + sum([max(end, 0) for end in ends]) < letter.length


def _is_short(formula: Expression) -> bool:
    """Return whether a formula is written wherever it is used."""
    match formula:
        case Numeral() | Entry() | AxisSize() | LetterValue():
            return True
        case ProductOf(_, ((Entry(), _),)) | ProductOf(_, ((AxisSize(), _),)):
            return True
        case Applied("lt" | "le" | "gt" | "ge" | "eq" | "ne", operands):
            return all(isinstance(operand, Numeral | Entry) for operand in operands)
    is_plain = all(isinstance(part, Numeral | Entry | SumOf | ProductOf) for part in walk(formula))
    return is_plain and size_of_expression(formula) <= _SHORT and not _computed_entries(formula)


def _computed_entries(formula: Expression) -> bool:
    """Return whether a formula has more than one element of an array."""
    return sum(1 for _ in entries_of(formula)) > 1


def _is_kept(formula: Expression, within: str) -> bool:
    """Return whether a formula has a line of its own: the argument of a function that adds up products."""
    has_sum = any(isinstance(part, SumOver) for part in walk(formula))
    if within == "function":
        return has_sum and bool(free_letters(formula))
    return has_sum and any(isinstance(part, Applied | SlopeOf) for part in walk(formula))


def _hoisted(arrays: Arrays) -> Arrays:
    """Return arrays without the numbers that all of their elements share, which stand where they are used."""
    numbers: dict[Key, Expression] = {}
    done: Arrays = {}
    for key, array in arrays.items():

        def scaled(part: Expression) -> Expression | None:
            if isinstance(part, Entry) and part.array in numbers:
                return times([numbers[part.array], part])
            return None

        pieces = [ArrayPiece(piece.at, rewritten(piece.expression, scaled)) for piece in array.pieces]
        new = replace(array, pieces=pieces)
        whole = new.whole
        if key[0] == "array" and isinstance(whole, ProductOf) and array.letters:
            shared = [power(base, own) for base, own in whole.factors if not free_letters(base)]
            number = abs(whole.number)
            if number != 1.0 or shared:
                numbers[key] = times([Numeral(number), *shared])
                rest = times([whole, power(numbers[key], -1)])
                new = replace(array, pieces=[ArrayPiece(array.letters, rest)])
        done[key] = new
    return done


def _by_values(expression: Expression, arrays: Arrays) -> Expression:
    """Return a formula with derivatives written by values that have a name, if that is shorter."""
    slopes = {part for part in walk(expression) if isinstance(part, SlopeOf)}
    for slope in slopes:
        value = _value_of(slope, arrays)
        written = None if value is None else slope_by_value(slope.word, value)
        if written is not None:
            other = rewritten(expression, lambda part: written if part == slope else None)  # noqa: B023
            other = _tidied(other, arrays)
            if size_of_expression(other) < size_of_expression(expression):
                expression = other
    return expression


def _value_of(slope: SlopeOf, arrays: Arrays) -> Expression | None:
    """Return the element of an array that is the value of a row where a derivative is taken."""
    for key, array in arrays.items():
        match array.whole, slope.operand:
            case Applied(word, (Entry(of, at),)), Entry(wanted, index) if (word, of) == (
                slope.word,
                wanted,
            ) and set(at) == set(array.letters):
                to = dict(zip(at, index, strict=True))
                return Entry(key, tuple([to[letter] for letter in array.letters]))
    return None
