"""Algebra on formulas: sums, products and powers in one form, whoever writes them.

All of it holds for real numbers. Of what a program computes it changes the rounding, and where a number is
not finite, whether the result is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain

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
    Rewrite,
    SlopeOf,
    SoftmaxOf,
    Subscript,
    SumOf,
    SumOver,
    free_letters,
    letters_in,
    parts_of,
    substituted_index,
)

Factors = tuple[tuple[Expression, int], ...]


def plus(terms: Iterable[Expression]) -> Expression:
    """Return a sum, with like terms as one and what all of them share in front.

    Examples
    --------
    >>> x = Entry("x")
    >>> plus([x, x]) == times([Numeral(2.0), x]), plus([x, negative(x)])
    (True, Numeral(number=0.0))
    """
    found: dict[Factors, float] = {}
    for term in terms:
        for number, factors in _terms(term):
            found[factors] = found.get(factors, 0.0) + number
    kept = {factors: number for factors, number in found.items() if number != 0.0}
    if len(kept) < 2:
        return _product(*next(((number, factors) for factors, number in kept.items()), (0.0, ())))
    return _in_common(kept)


def _terms(expression: Expression) -> list[tuple[float, Factors]]:
    """Return the terms of a sum, each as a number and factors."""
    match expression:
        case SumOf(terms):
            return [_split(term) for term in terms]
        case ProductOf(number, ((SumOf(terms), 1),)):
            return [(number * own, factors) for own, factors in map(_split, terms)]
    return [_split(expression)]


def _split(expression: Expression) -> tuple[float, Factors]:
    match expression:
        case Numeral(number):
            return number, ()
        case ProductOf(number, factors):
            return number, factors
    return 1.0, ((expression, 1),)


def _in_common(terms: Mapping[Factors, float]) -> Expression:
    """Return a sum of terms with the number in front that all of them share, and the numbers they share."""
    numbers = [*terms.values()]
    shared = abs(numbers[0]) if len({abs(number) for number in numbers}) == 1 else 1.0
    if numbers[0] < 0 and all(number < 0 for number in numbers):
        shared = -shared
    first, *others = [dict(factors) for factors in terms]
    common = {
        base: power
        for base, power in first.items()
        if not free_letters(base) and all(other.get(base) == power for other in others)
    }
    rest = [
        _product(number / shared, tuple([(base, power) for base, power in factors if base not in common]))
        for factors, number in terms.items()
    ]
    total = SumOf(tuple(rest))
    return total if shared == 1.0 and not common else _product(shared, (*common.items(), (total, 1)))


def _product(number: float, factors: Factors) -> Expression:
    if number == 0.0 or not factors:
        return Numeral(number)
    if number == 1.0 and len(factors) == 1 and factors[0][1] == 1:
        return factors[0][0]
    return ProductOf(number, factors)


def times(factors: Iterable[Expression]) -> Expression:
    """Return a product, with equal factors as powers and numbers as one number.

    Examples
    --------
    >>> x = Entry("x")
    >>> times([x, power(x, -1)]), times([Numeral(2.0), Numeral(3.0), x]).number
    (Numeral(number=1.0), 6.0)
    """
    number, powers = 1.0, dict[Expression, int]()
    for factor in factors:
        own, others = _split(factor)
        number *= own
        for base, exponent in others:
            powers[base] = powers.get(base, 0) + exponent
    kept = tuple([(base, exponent) for base, exponent in powers.items() if exponent])
    return _product(number, kept)


def power(base: Expression, exponent: int) -> Expression:
    """Return an expression to a whole power.

    Examples
    --------
    >>> power(Numeral(3.0), 2)
    Numeral(number=9.0)
    """
    number, factors = _split(base)
    if number == 0.0:
        return Numeral(0.0) if exponent > 0 else Applied("pow", (base, Numeral(float(exponent))))
    return _product(
        number**exponent, tuple([(of, own * exponent) for of, own in factors] if exponent else ())
    )


def negative(expression: Expression) -> Expression:
    """Return an expression with the other sign.

    Examples
    --------
    >>> negative(Numeral(1.0))
    Numeral(number=-1.0)
    """
    return times([Numeral(-1.0), expression])


def sum_over(letters: Sequence[Letter], body: Expression) -> Expression:
    """Return a sum over letters: what does not depend on them stands before it.

    Examples
    --------
    >>> i = Letter(3)
    >>> sum_over([i], Numeral(2.0))
    Numeral(number=6.0)
    """
    varying = free_letters(body)
    absent = [letter for letter in letters if letter not in varying]
    kept = tuple([letter for letter in letters if letter in varying])
    sizes: list[Expression] = [
        Numeral(float(letter.length or 0))
        if letter.axis is None
        else plus([AxisSize(letter.axis), Numeral(float(letter.extra))])
        for letter in absent
    ]
    if not kept:
        return times([*sizes, body])
    number, factors = _split(body)
    outside = [power(base, own) for base, own in factors if free_letters(base).isdisjoint(kept)]
    inside = tuple([(base, own) for base, own in factors if not free_letters(base).isdisjoint(kept)])
    inner = _product(1.0, inside)
    if isinstance(inner, SumOver):
        kept, inner = (*kept, *inner.letters), inner.body
    return times([Numeral(number), *sizes, *outside, SumOver(kept, inner)])


def applied(word: str, operands: Sequence[Expression]) -> Expression:
    """Return an operation of the table; sums, products and powers become those of the algebra.

    Examples
    --------
    >>> x = Entry("x")
    >>> applied("sub", [x, x]), applied("sin", [x]).word
    (Numeral(number=0.0), 'sin')
    """
    match word, tuple(operands):
        case "add", (x, y):
            return plus([x, y])
        case "sub", (x, y):
            return plus([x, negative(y)])
        case "mul", (x, y):
            return times([x, y])
        case "truediv", (x, y) if not isinstance(y, Numeral) or y.number:
            return times([x, power(y, -1)])
        case "neg", (x,):
            return negative(x)
        case "pow", (x, Numeral(number)) if number.is_integer() and 0 < abs(number) < 100:
            return power(x, int(number))
    return Applied(word, tuple(operands))


def rebuilt(expression: Expression, parts: Sequence[Expression]) -> Expression:
    """Return an expression with other parts.

    Examples
    --------
    >>> rebuilt(SumOf((Entry("x"), Entry("y"))), [Entry("x"), Entry("x")]).number
    2.0
    """
    match expression:
        case Applied(word):
            return applied(word, parts)
        case SlopeOf(word):
            return SlopeOf(word, parts[0])
        case SumOf():
            return plus(parts)
        case ProductOf(number, factors):
            powers = [power(part, own) for part, (_, own) in zip(parts, factors, strict=True)]
            return times([Numeral(number), *powers])
        case SumOver(letters):
            return sum_over(letters, parts[0])
        case FoldOver(word, letters):
            return FoldOver(word, letters, parts[0])
        case SoftmaxOf(letter, _, index):
            return SoftmaxOf(letter, parts[0], index)
    return expression


def rewritten(expression: Expression, rewrite: Rewrite) -> Expression:
    """Return an expression in which some parts are replaced, from the outside inwards.

    Examples
    --------
    >>> rewritten(Applied("sin", (Entry("x"),)), lambda part: Entry("y") if part == Entry("x") else None)
    Applied(word='sin', operands=(Entry(array='y', at=(), is_padded=False),))
    """
    found = rewrite(expression)
    if found is not None:
        return found
    parts = parts_of(expression)
    new = [rewritten(part, rewrite) for part in parts]
    is_same = all(one is other for one, other in zip(parts, new, strict=True))
    return expression if is_same else rebuilt(expression, new)


def substituted(expression: Expression, to: Mapping[Letter, Subscript]) -> Expression | None:
    """Return an expression with other indices in the places of letters; None where that has no form.

    Examples
    --------
    >>> from .index_notation import Stride
    >>> i = Letter(3)
    >>> substituted(Entry("x", (i,)), {i: Stride(2)})
    Entry(array='x', at=(Stride(start=2, steps=()),), is_padded=False)
    """
    match expression:
        case Entry(array, at, is_padded):
            # Elsewhere the ends may be other ones.
            if is_padded and not all(
                map(partial(_is_renamed, to=to), {*chain.from_iterable(map(letters_in, at))})
            ):
                return None
            new = [substituted_index(index, to) for index in at]
            if any(index is None for index in new):
                return None
            return Entry(array, tuple([index for index in new if index is not None]), is_padded)
        case LetterValue(letter):
            index = to.get(letter, letter)
            if isinstance(index, Letter):
                return LetterValue(index)
            if isinstance(index, Listing) or index.start < 0:
                return None
            steps = [times([Numeral(float(step)), LetterValue(own)]) for own, step in index.steps]
            return plus([Numeral(float(index.start)), *steps])
        case SumOver(letters, body) | FoldOver(_, letters, body):
            # Each copy has letters of its own, so that none of them is taken for one of another copy.
            fresh = {letter: letter.alike() for letter in letters}
            inner = substituted(body, {**to, **fresh})
            if inner is None:
                return None
            own = tuple(fresh.values())
            return sum_over(own, inner) if isinstance(expression, SumOver) else _fold(expression, own, inner)
        case SoftmaxOf(letter, body, index):
            own_letter = letter.alike()
            numbers, place = substituted(body, {**to, letter: own_letter}), substituted_index(index, to)
            return None if numbers is None or place is None else SoftmaxOf(own_letter, numbers, place)
    parts = [substituted(part, to) for part in parts_of(expression)]
    if any(part is None for part in parts):
        return None
    return rebuilt(expression, [part for part in parts if part is not None])


def _is_renamed(letter: Letter, to: Mapping[Letter, Subscript]) -> bool:
    other = to.get(letter, letter)
    return isinstance(other, Letter) and other.size == letter.size


def _fold(expression: Expression, letters: tuple[Letter, ...], body: Expression) -> Expression:
    assert isinstance(expression, FoldOver)
    return FoldOver(expression.word, letters, body)


def size_of_expression(expression: Expression) -> int:
    """Return how much there is to read: the leaves, and a little for each operation.

    Examples
    --------
    >>> size_of_expression(Entry("x")), size_of_expression(plus([Entry("x"), Numeral(1.0)]))
    (2, 4)
    """
    own = 0 if isinstance(expression, SumOf | ProductOf) else 1
    if isinstance(expression, Entry):
        own = 2
    if isinstance(expression, ProductOf):
        own += (expression.number not in (1.0, -1.0)) + sum(power != 1 for _, power in expression.factors)
    return own + sum(map(size_of_expression, parts_of(expression))) + isinstance(expression, SumOf)
