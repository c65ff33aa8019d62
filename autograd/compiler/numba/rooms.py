"""The parts of a work array, which are used again once nobody needs what stands in them."""

from __future__ import annotations

from bisect import bisect, insort


class Rooms:
    """The parts of a work array.

    Attributes
    ----------
    used : int
        The length of the array.

    Examples
    --------
    >>> rooms = Rooms()
    >>> rooms.take(16), rooms.take(8), rooms.start_of(20)
    (0, 16, 16)
    >>> rooms.free(0)
    >>> rooms.take(8), rooms.take(16), rooms.take(8), rooms.used
    (0, 24, 8, 40)
    """

    def __init__(self, used: int = 0) -> None:
        self.used = used
        self._taken: list[tuple[int, int]] = []
        self._free: list[tuple[int, int]] = []

    def take(self, length: int) -> int:
        """Return where a part of this length begins that is free."""
        for at, (start, end) in enumerate(self._free):
            if end - start >= length:
                self._free[at : at + 1] = [(start + length, end)] * (end - start > length)
                break
        else:
            start = self.used
            self.used += length
        if length:
            insort(self._taken, (start, start + length))
        return start

    def start_of(self, position: int) -> int:
        """Return where the part begins that a position is in."""
        return self._taken[bisect(self._taken, (position, self.used)) - 1][0]

    def free(self, start: int) -> None:
        """Let other parts have the place of the one that begins there."""
        at = bisect(self._taken, (start, 0))
        _, end = self._taken.pop(at)
        merged: list[tuple[int, int]] = []
        for first, last in sorted([*self._free, (start, end)]):
            if merged and merged[-1][1] == first:
                merged[-1] = merged[-1][0], last
            else:
                merged.append((first, last))
        self._free = merged
