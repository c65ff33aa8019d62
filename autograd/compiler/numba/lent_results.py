"""The memory of small results, which is used again once nobody looks at it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np


class LentResults(list[tuple[Any, ...]]):
    """Arrays for the small results of a program, each beside its views, to be lent again.

    To allocate the six gradients of the moons takes 6 us where other programs run in between, half of them
    for 2 KB that the allocator has to search for; to lend them again takes 2. A loop such as
    ``p -= lr * gradient(p)`` drops the results of a step while it has those of the next one, so that two
    arrays take turns: the program takes the first in the list, and appends it again.

    No result changes while somebody can look at it. Who looks at an array refers to it: a call gives new
    views of it, each of which does, and so do a view of a view, a `memoryview`, and what other libraries make
    of them. An array is lent again only if `unused` references to it are left, those of this list. Then
    nobody can come to refer to it any more, and since taking it from the list is one step for Python, no
    other call has it. What a caller makes of a view, its shape or its flags, is no matter of other views. A
    call that raises appends nothing. Where references cannot be counted, each call gets a new array.

    Parameters
    ----------
    new : callable
        Returns a new array, and its views.

    Attributes
    ----------
    unused : int
        How many references there are to an array that nobody looks at, when one is taken from the list.

    Examples
    --------
    >>> def new():
    ...     memory = np.zeros(3)
    ...     return memory, memory[:2]
    >>> results, first = LentResults(new), new()
    >>> seen = first[1][...]
    >>> second = results.other(first)
    >>> second is first
    False
    >>> del seen
    >>> results.other(second) is first
    True
    """

    def __init__(self, new: Callable[[], tuple[Any, ...]]) -> None:
        self.new = new
        self.unused = len(new()) - 1 + _OTHERS if _COUNTS else -1

    def other(self, lent: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return another array than one that somebody looks at, with its views."""
        try:
            other = self.pop(0)
        except IndexError:
            self.append(lent)
            return self.new()
        if sys.getrefcount(other[0]) == self.unused:
            self.append(lent)
            return other
        # The first was lent longer ago: it may never be dropped, as the results of a first step.
        self.append(other)
        return self.new()


# Without the lock of the interpreter, another thread may look at an array just after it was counted.
_COUNTS = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()


def _others() -> int:
    """Return how many refer to an array besides its views: the tuple, and the call that counts."""
    lent = (np.empty(0),)
    # An item of a tuple, since of a variable some Pythons do not count the call. Never more than 2, lest a
    # debugger that refers to this one array has every array lent too early.
    return min(2, sys.getrefcount(lent[0]))


_OTHERS = _others()
