"""How the arguments and results of compiled loops are handed over."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from math import prod
from typing import NamedTuple

from ..arrays.plan import AlongAxes, Results
from ..passes.axes import Along
from .along import dimensions_of

# How many floats the small results have together, 16 KB: who keeps one of them keeps the memory of all.
_SMALL = 2_048

W, NUMBERS, PLACES, SMALL, _FIRST = range(5)
"""Which words are the addresses of the work array, of what a program holds, and of the small results."""

Lengths = tuple[int | str, ...]
"""A shape, with the names of lengths that are known when the program runs."""


class Signature(NamedTuple):
    """The words that a program is given: addresses of arrays, lengths, and numbers.

    Attributes
    ----------
    arguments : dict of int to int
        At which word stands the address of each argument that is an array; its lengths follow.
    others : dict of int to int
        At which word stands the address of each result that is an array of its own.
    small : dict of int to range
        Which part of the array of small results each of the others is.
    numbers_in, numbers_out : dict of int to int
        At which word stands each argument or result that is a number; they are next to each other.
    size : int
        How many words there are.
    """

    arguments: dict[int, int]
    others: dict[int, int]
    small: dict[int, range]
    numbers_in: dict[int, int]
    numbers_out: dict[int, int]
    size: int


def signature_of(shapes: Sequence[tuple[int, ...]], found: Sequence[Lengths]) -> Signature:
    """Return how the arguments and results of a program are handed over.

    Parameters
    ----------
    shapes : sequence of tuple of int
        The shape of each argument.
    found : sequence of Lengths
        That of each result, as `shapes_of_results` gives them.

    Examples
    --------
    >>> own = signature_of([(3, 2), ()], [(3,), (), ("length0",)])
    >>> own.arguments, own.others, own.small
    ({0: 5}, {2: 4}, {0: range(0, 3)})
    >>> own.numbers_in, own.numbers_out, own.size
    ({1: 8}, {1: 9}, 10)
    """
    small = _small_among(found)
    at = count(_FIRST)
    others = {i: next(at) for i, shape in enumerate(found) if shape and i not in small}
    arguments = {}
    for i, shape in enumerate(shapes):
        if shape:
            arguments[i], *_ = [next(at) for _ in range(1 + len(shape))]
    numbers_in = {i: next(at) for i, shape in enumerate(shapes) if not shape}
    numbers_out = {i: next(at) for i, shape in enumerate(found) if not shape}
    return Signature(arguments, others, small, numbers_in, numbers_out, next(at))


def shapes_of_results(results: Results, along: AlongAxes = ()) -> list[Lengths]:
    """Return the shape of each result, with the names of lengths that are known when the program runs.

    Examples
    --------
    >>> shapes_of_results([([0, 1], (2,))] * 2, [(0,), (None, 0)])
    [('length0', 2), (2, 'length0')]
    """
    return [
        tuple([f"length{~n}" if n < 0 else n for n in lengths_of(shape, dimensions)])
        for dimensions, (_, shape) in zip(along or [()] * len(results), results, strict=True)
    ]


def _small_among(found: Sequence[Lengths]) -> dict[int, range]:
    """Return which results are parts of one array, and which parts."""
    parts: dict[int, range] = {}
    start = 0
    for i, lengths in enumerate(found):
        fixed = [length for length in lengths if isinstance(length, int)]
        if lengths and len(fixed) == len(lengths) and start + prod(fixed) <= _SMALL:
            parts[i] = range(start, start := start + prod(fixed))
    return parts


def lengths_of(shape: Sequence[int], dimensions: Along) -> tuple[int, ...]:
    """Return the lengths of a result as `dimensions_of` does."""
    axes = {d: axis for d, axis in enumerate(dimensions) if axis is not None}
    return dimensions_of(shape, axes)
