"""The memory that a program computes in, which is kept from one call to the next."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import lent_results

_KEPT = 32_768
"""Of how many floats memory is kept, which are 256 KB: of larger ones a call takes 50 us and more."""

# Vectors of eight floats are loaded faster from where a line of the cache begins: 6.6 us instead of 9.0 for
# the step of the moons.
_LINE = 8


class WorkMemory(list[Any]):
    """Arrays of one length that no call computes in: a call takes one that nothing refers to but this list.

    To allocate the 106 KB of the moons and to free them takes 3 us where other programs run in between: it
    is then that the allocator puts together what they have freed.

    Nobody sees these arrays but the program, which writes before it reads. There are as many as calls ran at
    the same time.

    Parameters
    ----------
    length : int
        How many floats.

    Examples
    --------
    >>> memory = WorkMemory(3)
    >>> array = memory.new()
    >>> len(array), array.ctypes.data % 64, len(memory)
    (3, 0, 1)
    """

    def __init__(self, length: int) -> None:
        self._length = length

    def new(self) -> Any:
        """Return another array."""
        array = np.empty(self._length + _LINE)
        start = -array.ctypes.data // array.itemsize % _LINE
        array = array[start : start + self._length]
        if self._length <= _KEPT and lent_results.COUNTS:
            self.append(array)
        return array
