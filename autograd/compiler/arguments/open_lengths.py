"""Open lengths: which lengths of its arguments a program holds for whatever they are.

In a key, a symbol stands in place of such a length: a negative number, the same one for lengths that have to
be equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...functions.axes import ColumnSource
from ...functions.sizes import Condition, Size
from ...transforms.trees import Leaf, Structure
from .arrays import is_vector


class OpenLengths(NamedTuple):
    """Which lengths of the arguments are open.

    Attributes
    ----------
    symbols : tuple of tuple of int
        For each array that stays whole its shape, with a negative number for each open length and 0 for any
        other; nothing for any other argument.
    conditions : tuple of (int, Condition)
        What has to be true of the length that a symbol stands for.
    """

    symbols: tuple[tuple[int, ...], ...]
    conditions: tuple[tuple[int, Condition], ...] = ()

    def __bool__(self) -> bool:
        return any(map(any, self.symbols))


NONE_OPEN = OpenLengths(())


def open_lengths(sources: Sequence[ColumnSource], arguments: int) -> OpenLengths:
    """Return which lengths a trace has left open.

    Parameters
    ----------
    sources : sequence of ColumnSource
        The arguments that stayed whole.
    arguments : int
        How many arguments there are.

    Returns
    -------
    OpenLengths
        The lengths that nobody asked for.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = ColumnSource(np.ones((3, 2)), 0), ColumnSource(np.ones(3), 1)
    >>> x.sizes[0].same_as(y.sizes[0])
    >>> x.sizes[1].pin("its elements are used one by one")
    >>> open_lengths([x, y], 3)
    OpenLengths(symbols=((-1, 0), (-1,), ()), conditions=())
    """
    symbols: dict[Size, int] = {}
    shapes: list[tuple[int, ...]] = [()] * arguments
    for source in sources:
        assert source.argument is not None
        shapes[source.argument] = tuple([_symbol(size.root(), symbols) for size in source.sizes])
    found = OpenLengths(
        tuple(shapes),
        tuple([(symbol, of) for size, symbol in symbols.items() for of in sorted(size.conditions)]),
    )
    return found if found else NONE_OPEN


def _symbol(size: Size, symbols: dict[Size, int]) -> int:
    return 0 if size.pinned else symbols.setdefault(size, -1 - len(symbols))


def fits(lengths: OpenLengths, structures: Sequence[Structure]) -> bool:
    """Return whether arguments have the lengths equal that have to be, and all conditions hold.

    Examples
    --------
    >>> square = OpenLengths(((-1, -1),))
    >>> fits(square, [Leaf((3, 3), is_array=True)]), fits(square, [Leaf((3, 2), is_array=True)])
    (True, False)
    >>> fits(square, [Leaf((3,), is_array=True)]), fits(square, [])
    (False, False)
    """
    if not lengths:
        return True
    shapes = [shape for structure in structures for shape in _shapes(structure)]
    if len(shapes) != len(lengths.symbols):
        return False
    known: dict[int, int] = {}
    for shape, symbols in zip(shapes, lengths.symbols, strict=True):
        if symbols and len(shape) != len(symbols):
            return False
        for length, symbol in zip(shape, symbols, strict=False):
            if symbol and known.setdefault(symbol, length) != length:
                return False
    return all(
        getattr(int, comparison)(known[symbol], number) is answer
        for symbol, (comparison, number, answer) in lengths.conditions
    )


def with_symbols(structures: Sequence[Structure], lengths: OpenLengths) -> list[Structure]:
    """Return the structures of arguments with symbols for open lengths.

    Examples
    --------
    >>> with_symbols([Leaf((3, 2), is_array=True)], OpenLengths(((-1, 0),)))
    [Leaf((-1, 2), is_array=True)]
    """
    if not lengths:
        return list(structures)
    rest = iter(lengths.symbols)
    return [_replaced(structure, rest) for structure in structures]


def _replaced(structure: Structure, symbols: Iterator[tuple[int, ...]]) -> Structure:
    if isinstance(structure, Leaf):
        own = next(symbols)
        shape = tuple([symbol or length for symbol, length in zip(own, structure.shape, strict=True)])
        return Leaf(shape, structure.is_array) if own else structure
    if is_vector(structure):
        next(symbols)
        return structure
    return structure.with_parts(tuple([_replaced(part, symbols) for part in structure.parts]))


def _shapes(structure: Structure) -> Iterator[tuple[int, ...]]:
    if isinstance(structure, Leaf):
        yield structure.shape
    elif is_vector(structure):
        yield (structure.size,)
    else:
        for part in structure.parts:
            yield from _shapes(part)
