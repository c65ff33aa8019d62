"""How the arguments and results of compiled loops are handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple

from ..arrays.plan import AlongAxes, Results
from ..passes.axes import Along
from .along import dimensions_of

# A function of 900 results took Numba 14 s.
_FEW = 8

# How many floats the small results have together, 16 KB: who keeps one of them keeps the memory of all.
_SMALL = 2_048

# Fewer arrays, of 1 KB together, are allocated as fast as they are lent.
_FEW_ARRAYS = 3
_FEW_FLOATS = 128

Lengths = tuple[int | str, ...]
"""A shape, with the names of lengths that are known when the program runs."""


class Signature(NamedTuple):
    """What is an argument and a result of its own, and which numbers are handed over in one array.

    Attributes
    ----------
    arguments, results : list of int
        Those of their own.
    numbers_in, numbers_out : list of int
        The arguments and the results that are numbers among many.
    """

    arguments: list[int]
    results: list[int]
    numbers_in: list[int]
    numbers_out: list[int]


def signature_of(shapes: Sequence[tuple[int, ...]], results: Results, along: AlongAxes = ()) -> Signature:
    """Return how the arguments and results of a program are handed over.

    Examples
    --------
    >>> signature_of([()] * 9 + [(3,)], [([0], ())])
    Signature(arguments=[9], results=[0], numbers_in=[0, 1, 2, 3, 4, 5, 6, 7, 8], numbers_out=[])
    """
    arguments, numbers_in = _apart(shapes)
    own, numbers_out = _apart(shapes_of_results(results, along))
    return Signature(arguments, own, numbers_in, numbers_out)


def shapes_of_results(results: Results, along: AlongAxes) -> list[Lengths]:
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


def arrays_of_results(own: Signature, found: Sequence[Lengths]) -> dict[str, Lengths]:
    """Return the shapes of the arrays that a program fills, by name.

    Examples
    --------
    >>> arrays_of_results(Signature([], [0, 1], [], [2, 3]), [(), (2,), (), ()])
    {'result1': (2,), 'numbers_out': (2,)}
    """
    numbers: dict[str, Lengths] = {"numbers_out": (len(own.numbers_out),)} if own.numbers_out else {}
    return {f"result{i}": found[i] for i in own.results if found[i]} | numbers


def small_among(arrays: Mapping[str, Lengths]) -> dict[str, range]:
    """Return which of some arrays are parts of one, and which parts: small results are, if that is faster.

    Examples
    --------
    >>> small_among({"result0": (10, 20), "result1": (10**6,), "result2": (3,), "result3": ("length0",)})
    {'result0': range(0, 200), 'result2': range(200, 203)}
    >>> small_among({"result0": (10, 20), "result1": (10**6,)})
    {}
    >>> small_among({"result0": (2,), "result1": (3,)})
    {}
    """
    parts: dict[str, range] = {}
    start = 0
    for name, lengths in arrays.items():
        fixed = [length for length in lengths if isinstance(length, int)]
        if len(fixed) == len(lengths) and start + prod(fixed) <= _SMALL:
            parts[name] = range(start, start := start + prod(fixed))
    is_faster = len(parts) > (1 if start > _FEW_FLOATS else _FEW_ARRAYS)
    return parts if is_faster else {}


def lengths_of(shape: Sequence[int], dimensions: Along) -> tuple[int, ...]:
    """Return the lengths of a result as `dimensions_of` does."""
    axes = {d: axis for d, axis in enumerate(dimensions) if axis is not None}
    return dimensions_of(shape, axes)


def _apart(shapes: Sequence[Lengths]) -> tuple[list[int], list[int]]:
    """Return which of some arrays are handed over as they are, and which are numbers among many."""
    numbers = [i for i, shape in enumerate(shapes) if not shape]
    if len(numbers) <= _FEW:
        return [*range(len(shapes))], []
    return [i for i, shape in enumerate(shapes) if shape], numbers
