"""What the arrays of a program are called in its formulas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import NamedTuple

from ...ops.table import OPS
from .index_notation import (
    Applied,
    Entry,
    Expression,
    FoldOver,
    Letter,
    Numeral,
    ProductOf,
    SlopeOf,
    SoftmaxOf,
    SumOf,
    SumOver,
    entries_of,
    free_letters,
    walk,
)
from .layouts import LetterClasses, Lines
from .reading import ArrayFormula, Key, ProgramFormulas
from .symbols import FreshSymbols, ShownSymbol, SourceNames


class Backward(NamedTuple):
    """An array that flows back: up to a number it is the gradient with respect to another one.

    Attributes
    ----------
    of : tuple
        The other one.
    number : Expression or None
        What it is to be multiplied by to be the gradient; None if no formula says so.
    """

    of: Key
    number: Expression | None


def backward_arrays(
    program: ProgramFormulas, gradients: Mapping[Key, Key], classes: LetterClasses
) -> dict[Key, Backward]:
    """Return which arrays flow back to which: by a parameter that is added to something.

    Where a parameter b is part of ``z[i, j] = ... + b[i]`` alone, the gradient of b is the sum of the
    gradient of z over j. An array that its formula adds up so, times a number, is called dz.

    Parameters
    ----------
    program : ProgramFormulas
        The formulas.
    gradients : mapping
        Of which argument a result is the gradient.
    classes : LetterClasses
        Which letters name the same dimension.

    Examples
    --------
    >>> backward_arrays(ProgramFormulas(), {}, LetterClasses(ProgramFormulas()))
    {}
    """
    found: dict[Key, Backward] = {}
    for result, parameter in gradients.items():
        users = [
            array
            for array in program.arrays.values()
            if array.key[0] == "array"
            and any(e.array == parameter for p in array.pieces for e in entries_of(p.expression))
        ]
        for user in users:
            if user.whole is None or not _is_added(user.whole, parameter):
                continue
            flowing = _added_up(program.arrays[result].whole)
            if flowing is None or program.arrays.get(flowing[1].array) is None:
                continue
            number, entry = flowing
            array = program.arrays[entry.array]
            if array is not user and _classes_of(array, classes) == _classes_of(user, classes):
                found[entry.array] = Backward(user.key, number if len(users) == 1 else None)
    return found


def _is_added(formula: Expression, parameter: Key) -> bool:
    terms = formula.terms if isinstance(formula, SumOf) else (formula,)
    return any(isinstance(term, Entry) and term.array == parameter for term in terms)


def _added_up(formula: Expression | None) -> tuple[Expression, Entry] | None:
    """Return the number and the array of a sum over its elements, if no other term depends on arrays.

    Where two arrays flow back, neither of them is the gradient.
    """
    terms = formula.terms if isinstance(formula, SumOf) else () if formula is None else (formula,)
    found = [term for term in terms if any(entry.array[0] == "array" for entry in entries_of(term))]
    if len(found) != 1:
        return None
    number, factors = (
        (found[0].number, found[0].factors)
        if isinstance(found[0], ProductOf)
        else (
            1.0,
            ((found[0], 1),),
        )
    )
    varying = [(base, own) for base, own in factors if any(e.array[0] == "array" for e in entries_of(base))]
    others = tuple([factor for factor in factors if factor not in varying])
    if len(varying) != 1 or varying[0][1] != 1 or any(free_letters(base) for base, _ in others):
        return None
    base = varying[0][0]
    entry = base.body if isinstance(base, SumOver) else base
    if not isinstance(entry, Entry) or not all(isinstance(index, Letter) for index in entry.at):
        return None
    return (ProductOf(number, others) if others else Numeral(number)), entry


def _classes_of(array: ArrayFormula, classes: LetterClasses) -> frozenset[object]:
    return frozenset(map(classes.of, array.letters))


def symbols_of(
    program: ProgramFormulas,
    known: Mapping[Key, ShownSymbol],
    backward: Mapping[Key, Backward],
    names: SourceNames,
    lines: Mapping[Key, Lines],
    *,
    has_gradients: bool = False,
) -> dict[Hashable, ShownSymbol]:
    """Return a symbol for each array.

    Parameters
    ----------
    program : ProgramFormulas
        The formulas.
    known : mapping
        The symbols of arguments, parameters and results.
    backward : mapping
        Which arrays flow back to which.
    names : SourceNames
        What the user calls things.
    lines : mapping
        How arrays lie.
    has_gradients : bool
        Whether some results are gradients: loops that begin with the last step then flow back.

    Examples
    --------
    >>> symbols_of(ProgramFormulas(), {}, {}, SourceNames(), {})
    {}
    """
    found: dict[Hashable, ShownSymbol] = dict(known.items())
    wished: dict[Key, str] = {}
    loops = [*dict.fromkeys(key[1] for key, array in program.arrays.items() if _is_carried(array))]
    for key, array in program.arrays.items():
        if _is_carried(array):
            own = names.carried[loops.index(key[1])] if loops.index(key[1]) < len(names.carried) else ""
            is_only = not any(other[:2] == key[:2] and other != key for other in program.arrays)
            is_back = has_gradients and array.steps is not None and array.steps.is_reversed
            forward = own if own and is_only else "s"
            wished[key] = f"d{(names.carried or [''])[0] or 's'}" if is_back else forward
    for key, array in program.arrays.items():
        if key[0] == "array":
            _wish(array, wished, names)
    stems = {
        key: _cased(wished.get(key, "u"), lines.get(key, (None, None)), found.values())
        for key in program.arrays
        if key[0] == "array" and key not in backward
    }
    counts = Counter(stems.values())
    taken = {symbol.text.replace("_", "") for symbol in known.values()}
    for stem in counts:
        if counts[stem] == 1 and stem in taken:
            counts[stem] = 2
    numbers: Counter[str] = Counter()
    full: dict[Key, str] = {}
    for key, stem in stems.items():
        numbers[stem] += 1
        full[key] = f"{stem}{numbers[stem]}" if counts[stem] > 1 else stem
    for key in program.arrays:
        if key in backward:
            full[key] = f"d{full.get(backward[key].of, 'u')}"
    fresh = FreshSymbols(symbol.text.replace("_", "") for symbol in found.values())
    for key, name in full.items():
        found[key] = fresh.named(name)
    for number, key in enumerate(program.constants):
        found[key] = fresh.named(f"C{number + 1}" if len(program.constants) > 1 else "C")
    return found


def _wish(array: ArrayFormula, wished: dict[Key, str], names: SourceNames) -> None:
    """Note what an array would be called by what is done with it."""
    for piece in array.pieces:
        for part in walk(piece.expression):
            match part:
                case Applied(word, (Entry(of),)) | SlopeOf(word, Entry(of)) if _is_activation(word):
                    wished.setdefault(of, names.operands.get(word, "z"))
                case FoldOver("logsumexp", _, Entry(of)) | SoftmaxOf(_, Entry(of)):
                    wished.setdefault(of, names.operands.get("logsumexp", "z"))
    match array.whole:
        case Applied(word, _) if _is_activation(word):
            wished.setdefault(array.key, names.values.get(word, "a"))


def _is_activation(word: str) -> bool:
    """Return whether a row is one that mathematics has no word for, or one with a formula by its value."""
    op = OPS.get(word)
    is_shortcut = op is not None and "shortcut" in op.partials[0].words
    return op is not None and not op.variadic and len(op.partials) == 1 and (op.ufunc is None or is_shortcut)


def _is_carried(array: ArrayFormula) -> bool:
    """Return whether an array is what a loop carries."""
    return array.steps is not None and array.whole is None


def _cased(name: str, lines: Lines, others: object) -> str:
    """Return a name in capitals for a matrix, and for a row of samples."""
    is_large = lines[1] is not None
    return name.upper() if is_large and len(name) == 1 else name
