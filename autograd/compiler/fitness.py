"""What checks of programs ask that are read: whether something is a position, and what is said otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST_NUMBERS = 2**40
"""How many numbers an array may have."""


class UnfitError(ValueError):
    """A program would read or write what is not its own."""


def require(is_so: object, what: str) -> None:
    """Raise an error unless something is so.

    Examples
    --------
    >>> require(False, "an array has no shape")
    Traceback (most recent call last):
        ...
    autograd.compiler.fitness.UnfitError: an array has no shape
    """
    if not is_so:
        raise UnfitError(what)


def is_in(item: Any, size: int) -> bool:
    """Return whether something is a position among so many.

    Examples
    --------
    >>> is_in(1, 2), is_in(2, 2), is_in(True, 2)
    (True, False, False)
    """
    return type(item) is int and 0 <= item < size


def are_positions(positions: Any, size: int) -> bool:
    """Return whether an array has positions in another one of some size.

    Examples
    --------
    >>> are_positions(np.array([0, 2]), 3), are_positions(np.array([0, 2]), 2)
    (True, False)
    """
    is_whole = isinstance(positions, np.ndarray) and positions.dtype in (np.int32, np.int64)
    return is_whole and (not positions.size or bool(positions.min() >= 0 and positions.max() < size))
