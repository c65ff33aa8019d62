"""The memory that a program computes in, which is kept from one call to the next."""

from __future__ import annotations

from typing import Any

import numpy as np

KEPT = 32_768
"""Of how many floats memory is kept, which are 256 KB: of larger ones a call takes 50 us and more."""

# Vectors of eight floats are loaded faster from where a line of the cache begins: 6.6 us instead of 9.0 for
# the step of the moons.
_LINE = 8


class WorkMemory(list[Any]):
    """Arrays of one length that no call computes in: a call takes one of them, and appends it again.

    To allocate the 106 KB of the moons and to free them takes 3 us where other programs run in between: it
    is then that the allocator puts together what they have freed.

    Nobody sees these arrays but the program, which writes before it reads. Taking one from a list is one step
    for Python, so no two threads get the same; a call that raises appends none.

    Parameters
    ----------
    length : int
        How many floats.

    Examples
    --------
    >>> memory = WorkMemory(3)
    >>> array = memory.new()
    >>> len(array), array.ctypes.data % 64
    (3, 0)
    """

    def __init__(self, length: int) -> None:
        self._length = length

    def new(self) -> Any:
        """Return another array."""
        array = np.empty(self._length + _LINE)
        start = -array.ctypes.data // array.itemsize % _LINE
        return array[start : start + self._length]
