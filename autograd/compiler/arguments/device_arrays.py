"""Arrays of another library than NumPy: a program takes them as they are, on whatever device they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ...transforms.trees import Leaf, Structure
from .arrays import is_vector


class DeviceArrays(NamedTuple):
    """What a program takes that was written for such arrays.

    Attributes
    ----------
    types : tuple of type
        The types of the arrays.
    dtypes : frozenset of dtype
        Those of real numbers.
    dtype : dtype
        What numbers, and NumPy's arrays, become before they are handed over.

    Examples
    --------
    >>> class OnDevice(np.ndarray):
    ...     pass
    >>> dtype = np.dtype(np.float32)
    >>> arrays = DeviceArrays((OnDevice,), frozenset({dtype}), dtype)
    >>> arrays.packed([1, 2.0]), arrays.packed([1.0, np.ones((), dtype).view(OnDevice)])
    (array([1., 2.], dtype=float32), (np.float32(1.0), OnDevice(1., dtype=float32)))
    """

    types: tuple[Any, ...]
    dtypes: frozenset[Any]
    dtype: np.dtype[Any]

    def has(self, item: Any) -> bool:
        """Return whether something is one of the arrays, of real numbers."""
        return isinstance(item, self.types) and item.dtype in self.dtypes

    def check(self, leaves: Iterable[Any], whose: str) -> None:
        """Raise a TypeError for an array that is of no real numbers."""
        for leaf in leaves:
            if isinstance(leaf, self.types) and not self.has(leaf):
                raise TypeError(f"expected {whose} to hold real numbers, got an array of {leaf.dtype}")

    def arrays_of(self, structures: Iterable[Structure], leaves: Iterable[Any]) -> list[Any]:
        """Return the arrays for the leaves of some trees; of a vector that has some on devices, a tuple."""
        rest = iter(leaves)
        return [array for structure in structures for array in self._arrays(structure, rest)]

    def _arrays(self, structure: Structure, leaves: Iterator[Any]) -> Iterator[Any]:
        if isinstance(structure, Leaf):
            yield self._handed_over(next(leaves))
        elif is_vector(structure):
            yield self.packed([*islice(leaves, structure.size)])
        else:
            for part in structure.parts:
                yield from self._arrays(part, leaves)

    def packed(self, numbers: list[Any]) -> Any:
        """Return numbers as one array of NumPy; as a tuple if some of them are arrays on devices."""
        if any(isinstance(number, self.types) for number in numbers):
            return tuple([self._handed_over(number) for number in numbers])
        return np.array(numbers, dtype=self.dtype)

    def _handed_over(self, leaf: Any) -> Any:
        if isinstance(leaf, self.types):
            return leaf
        return leaf.astype(self.dtype, copy=False) if isinstance(leaf, np.ndarray) else self.dtype.type(leaf)
