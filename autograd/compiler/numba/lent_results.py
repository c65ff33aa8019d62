"""The memory of small results, which is used again once nobody looks at it."""

from __future__ import annotations

import sys
from itertools import count
from typing import Any

import numpy as np

_KEPT = 3
"""How many arrays are kept: two take turns, and one may be looked at for good, as results of a first step."""


class LentResults(list[Any]):
    """Arrays of which the small results of a program are parts, to be lent again.

    To allocate the six gradients of the moons takes 6 us where other programs run in between, half of them
    for 2 KB that the allocator has to search for; to lend them again takes 1.5. A loop such as
    ``p -= lr * gradient(p)`` drops the results of a step while it has those of the next one, so that two
    arrays take turns.

    No result changes while somebody can look at it. Who looks at a result refers to its array: results are
    views of it, each of which does, and so do a view of a view, a `memoryview`, and what other libraries make
    of them. Machine code lends an array again only if nothing refers to it but this list, so that no call
    has it: then nobody can come to refer to it any more. What a caller makes of a view, its shape or its
    flags, is no matter of other views. Where references cannot be counted, the list stays empty.

    Parameters
    ----------
    length : int
        How many floats.

    Examples
    --------
    >>> results = LentResults(3)
    >>> results.new() is results[0]
    True
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._turns = count()

    def new(self) -> Any:
        """Return a new array, in place of one that was lent before if there are many."""
        memory = np.empty(self._length)
        if not COUNTS:
            return memory
        # Another thread may add one in between, which does no harm.
        if len(self) < _KEPT:
            self.append(memory)
        else:
            self[next(self._turns) % _KEPT] = memory
        return memory


# Without the lock of the interpreter, another thread may look at an array just after it was counted.
COUNTS = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()
