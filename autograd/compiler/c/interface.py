"""What a program is given and gives in C: the names, lengths and meanings of its arguments and results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from ...printable import in_comment
from ..arguments.open_lengths import OpenLengths
from .expressions import FLOAT, INDEX
from .function import Parameter
from .lines import Variable
from .names import names_in_c
from .translation import GivenArray
from .workspace import Amount, text_of_amount


class CArray(NamedTuple):
    """An argument or a result: what the user calls it, its name in C, and its lengths."""

    called: str
    name: str
    lengths: tuple[Amount, ...]

    def given(self, *, is_result: bool) -> GivenArray:
        """Return it as loops read or write it."""
        kind = "double *" if is_result else "const double *" if self.lengths else FLOAT
        return GivenArray(Variable(self.name, kind), self.lengths)

    @property
    def size(self) -> int:
        """How many numbers it has, if its lengths are known."""
        return prod([length[()] for length in self.lengths])

    @property
    def meaning(self) -> str:
        """What the header says of it.

        Examples
        --------
        >>> CArray("w", "w", (Counter({("n",): 1}), Counter({(): 3}))).meaning
        'n x 3 numbers, row by row'
        """
        own = f"{in_comment(self.called)}, " if self.called != self.name else ""
        if not self.lengths:
            return f"{own}a number"
        counts = " x ".join(_in_product(length) for length in self.lengths)
        numbers = "number" if counts == "1" else "numbers"
        return f"{own}{counts} {numbers}" + ", row by row" * (len(self.lengths) > 1)


def _in_product(length: Amount) -> str:
    text = text_of_amount(length)
    return f"({text})" if " " in text else text


def length_names(lengths: OpenLengths, names: Sequence[str]) -> dict[int, str]:
    """Return what the open lengths are called, by their symbols.

    Parameters
    ----------
    lengths : OpenLengths
        The lengths.
    names : sequence of str
        The names of arguments and results, which none of them gets.

    Examples
    --------
    >>> length_names(OpenLengths(((-1, 0), (-2,))), ["x", "n1"])
    {-1: 'n', -2: 'm'}
    """
    symbols = sorted({symbol for shape in lengths.symbols for symbol in shape if symbol}, reverse=True)
    free = (name for name in _letters() if name not in names)
    return dict(zip(symbols, free, strict=False))


def _letters() -> Iterator[str]:
    yield from ("n", "m", "l")
    yield from (f"length_{number}" for number in range(1, 1000))


def arguments_in_c(
    called: Sequence[tuple[str, str]],
    shapes: Sequence[tuple[int, ...]],
    lengths: OpenLengths,
    names: dict[int, str],
) -> list[CArray]:
    """Return the arguments of a program; of each is known what it is, and what it is called.

    Examples
    --------
    >>> arguments_in_c([("x", "x")], [(5, 2)], OpenLengths(((-1, 0),)), {-1: "n"})[0].meaning
    'n x 2 numbers, row by row'
    """
    symbols = lengths.symbols or [()] * len(shapes)
    found = []
    own_names = names_in_c([name for _, name in called], names.values())
    for (text, _), name, shape, open_ones in zip(called, own_names, shapes, symbols, strict=True):
        own: list[Amount] = [
            Counter({(names[symbol],): 1} if symbol else {(): length})
            for symbol, length in zip(open_ones or [0] * len(shape), shape, strict=True)
        ]
        found.append(CArray(text, name, tuple(own)))
    return found


def parameters_of(
    sizes: Sequence[Variable],
    arguments: Sequence[GivenArray],
    results: Sequence[GivenArray],
    meanings: Sequence[str],
    work: Variable,
    amount: str,
) -> list[Parameter]:
    """Return the parameters of a function: lengths, arguments, results, and the memory."""
    arrays = zip([*arguments, *results], meanings, strict=True)
    return [
        *(Parameter(size, f"the length of {_named_by(size.name, arguments)}") for size in sizes),
        *(Parameter(array.variable, meaning) for array, meaning in arrays),
        Parameter(work, f"room for {amount} numbers to compute in"),
    ]


def _named_by(length: str, arguments: Sequence[GivenArray]) -> str:
    """Return the names of the arguments that have a length."""
    names = [of.variable.name for of in arguments if any((length,) in amount for amount in of.lengths)]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def work_macro(name: str, sizes: Sequence[str]) -> str:
    """Return what a header calls the size of the memory that a function computes in.

    Examples
    --------
    >>> work_macro("loss", []), work_macro("loss", ["n"])
    ('LOSS_WORK', 'LOSS_WORK(n)')
    """
    return f"{name.upper()}_WORK" + (f"({', '.join(sizes)})" if sizes else "")


def sizes_of(names: dict[int, str]) -> dict[str, Variable]:
    """Return the open lengths as parameters.

    Examples
    --------
    >>> sizes_of({-1: "n"})
    {'n': Variable(name='n', kind='ptrdiff_t')}
    """
    return {name: Variable(name, INDEX) for name in names.values()}
