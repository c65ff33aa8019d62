"""Arrays along axes, as loops over chunks of them read and write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import NamedTuple

_NOTHING: Mapping[int, str] = MappingProxyType({})
_SAME: Mapping[int, int] = MappingProxyType({})


class ArrayAlong(NamedTuple):
    """An array along axes, flat.

    Attributes
    ----------
    name : str
        What it is called.
    lengths : tuple of int
        The length of each dimension; of an axis its complement, ``~axis``.
    start : int
        Where it begins.
    begins : mapping of int to str
        The index along an axis that a chunk begins with, where that is not the chunk's own.
    counts : mapping of int to int
        The axis that is as long as the array along an axis, where that is another one.
    """

    name: str
    lengths: tuple[int, ...]
    start: int = 0
    begins: Mapping[int, str] = _NOTHING
    counts: Mapping[int, int] = _SAME

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a slice at any index of the axes."""
        return tuple([length for length in self.lengths if length >= 0])

    def chunk(self) -> str:
        """Return the part that begins with the current chunk.

        Examples
        --------
        >>> ArrayAlong("x", (~0, 3)).chunk(), ArrayAlong("x", (2, ~0, 3)).chunk()
        ('x[3 * start0:]', 'x[3 * start0:]')
        """
        starts = [self.begins.get(~n, f"start{~n}") if n < 0 else None for n in self.lengths]
        return f"{self.name}[{self._sum(starts, self.start)}:]"

    def beginning(self, axis: int, index: str) -> ArrayAlong:
        """Return the array with chunks that begin with another index along an axis.

        Examples
        --------
        >>> ArrayAlong("x", (2, ~0)).beginning(0, "t0").chunk()
        'x[t0:]'
        """
        return self._replace(begins={**self.begins, axis: index})

    def renamed(self, names: Mapping[int, int]) -> ArrayAlong:
        """Return the array with other names for its axes.

        Examples
        --------
        >>> ArrayAlong("x", (2, ~0, 3)).renamed({0: 4}).lengths == (2, ~4, 3)
        True
        """
        return self._replace(
            lengths=tuple([n if n >= 0 else ~names.get(~n, ~n) for n in self.lengths]),
            begins={names.get(axis, axis): index for axis, index in self.begins.items()},
            counts={names.get(axis, axis): count for axis, count in self.counts.items()},
        )

    def window(self, old: int, new: int, index: str) -> ArrayAlong:
        """Return the array along an axis of another length, whose chunks begin with some index of its own.

        Examples
        --------
        >>> ArrayAlong("x", (2, ~0)).window(0, 1, "start1 + 3").chunk()
        'x[start1 + 3:]'
        >>> ArrayAlong("x", (2, ~0)).window(0, 1, "start1 + 3").at(["i"], 1)
        'length0 * i + t1'
        """
        count = self.counts.get(old, old)
        found = self.renamed({old: new}).beginning(new, index)
        return found._replace(counts={**found.counts, new: count})

    def at(self, own: Sequence[str], lane: int | None) -> str:
        """Return the index, within a chunk, of an element of the current lane.

        Parameters
        ----------
        own : sequence of str
            Its indices along the dimensions that are no axes.
        lane : int or None
            The axis that has lanes; a chunk is at one index of the others.

        Examples
        --------
        >>> ArrayAlong("x", (~0, 3)).at(["i"], 0), ArrayAlong("x", (2, ~0, ~1)).at(["i"], 1)
        ('3 * t0 + i', 'length0 * length1 * i + t1')
        """
        rest = iter(own)
        indices: list[str | None] = []
        for length in self.lengths:
            indices.append(next(rest) if length >= 0 else f"t{~length}" if ~length == lane else None)
        return self._sum(indices)

    def element(self, own: Sequence[str]) -> str:
        """Return the element that a chunk begins with at some indices along the other dimensions.

        Examples
        --------
        >>> ArrayAlong("x", (~0, 3, ~1), 5).beginning(0, "t0").element(["i"])
        'x[3 * length1 * t0 + length1 * i + start1 + 5]'
        """
        rest = iter(own)
        indices = [next(rest) if n >= 0 else self.begins.get(~n, f"start{~n}") for n in self.lengths]
        return f"{self.name}[{self._sum(indices, self.start)}]"

    def step(self, lane: int) -> str:
        """Return how far samples along an axis are apart.

        Examples
        --------
        >>> ArrayAlong("x", (~0, 3, ~1)).step(0), ArrayAlong("x", (3, ~0)).step(0)
        ('3 * length1', '1')
        """
        return " * ".join(self._factors(self.lengths.index(~lane))) or "1"

    def is_contiguous(self, lane: int) -> bool:
        """Return whether samples along an axis are next to each other.

        Examples
        --------
        >>> ArrayAlong("x", (3, ~0)).is_contiguous(0), ArrayAlong("x", (3, ~1)).is_contiguous(0)
        (True, False)
        """
        return ~lane in self.lengths and self.step(lane) == "1"

    def _factors(self, at: int) -> list[str]:
        """Return the factors of the step along a dimension."""
        inner = self.lengths[at + 1 :]
        step = prod([length for length in inner if length >= 0])
        counts = [f"length{self.counts.get(~length, ~length)}" for length in inner if length < 0]
        return [*([str(step)] if step != 1 else []), *counts]

    def _sum(self, indices: Sequence[str | None], start: int = 0) -> str:
        terms = []
        for at, index in enumerate(indices):
            if index is not None and index != "0":
                factors = self._factors(at)
                terms.append(" * ".join([*factors, f"({index})" if "+" in index and factors else index]))
        return " + ".join([*terms, *([str(start)] if start or not terms else [])])


def dimensions_of(shape: Sequence[int], axes: Mapping[int, int]) -> tuple[int, ...]:
    """Return the lengths of an array, as `ArrayAlong` has them, from those of a slice and its axes.

    Parameters
    ----------
    shape : sequence of int
        The shape of a slice.
    axes : mapping of int to int
        Which axis each dimension is that a slice does not have.

    Examples
    --------
    >>> dimensions_of((2, 3), {1: 0}) == (2, ~0, 3)
    True
    """
    rest = iter(shape)
    return tuple([~axes[d] if d in axes else next(rest) for d in range(len(shape) + len(axes))])
