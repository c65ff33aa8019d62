"""The memory of small results, which is used again once nobody looks at it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

_KEPT = 3
"""How many arrays are kept: two take turns, and one may be looked at for good, as results of a first step."""


class LentResults(list[tuple[Any, ...]]):
    """Arrays for the small results of a program, each beside its views, to be lent again.

    To allocate the six gradients of the moons takes 6 us where other programs run in between, half of them
    for 2 KB that the allocator has to search for; to lend them again takes 1. A loop such as
    ``p -= lr * gradient(p)`` drops the results of a step while it has those of the next one, so that two
    arrays take turns.

    No result changes while somebody can look at it. Who looks at an array refers to it: a call gives new
    views of it, each of which does, and so do a view of a view, a `memoryview`, and what other libraries make
    of them. Machine code lends a tuple of this list again only if nothing refers to it but the list, so that
    no call has it, and nothing to its array but the tuple and the views in it: then nobody can come to refer
    to it any more. What a caller makes of a view, its shape or its flags, is no matter of other views. Where
    references cannot be counted, the list stays empty.

    Parameters
    ----------
    parts : sequence of (range, tuple of int)
        Which part of the array each result is, and its shape.

    Attributes
    ----------
    unused : int
        How many refer to an array that nobody looks at.

    Examples
    --------
    >>> results = LentResults([(range(0, 2), (2,)), (range(2, 6), (2, 2))])
    >>> [array.shape for array in results.new()], results.unused
    ([(6,), (2,), (2, 2)], 3)
    """

    def __init__(self, parts: Sequence[tuple[range, Any]]) -> None:
        names: dict[str, Any] = {"empty": np.empty}
        exec(arrays_source(parts), names)
        self._arrays = names.pop("arrays")
        self._turns = count()
        self.unused = 1 + len(parts)

    def new(self) -> tuple[Any, ...]:
        """Return a new array and its views, in place of those that were lent before if there are many."""
        lent: tuple[Any, ...] = self._arrays()
        if COUNTS:
            # Not by their number: another thread may add one in between.
            if len(self) < _KEPT:
                self.append(lent)
            else:
                self[next(self._turns) % _KEPT] = lent
        return lent


def arrays_source(parts: Sequence[tuple[range, Any]]) -> str:
    """Return the text of a function that makes an array, and views of its parts.

    Examples
    --------
    >>> print(arrays_source([(range(0, 2), (2,)), (range(2, 5), (3, 1))]))
    def arrays():
        memory = empty(5)
        return memory, memory[0:2], memory[2:5].reshape(3, 1)
    <BLANKLINE>
    """
    views = [
        f"memory[{part.start}:{part.stop}]" + f".reshape({', '.join(map(str, shape))})" * (len(shape) > 1)
        for part, shape in parts
    ]
    length = max(part.stop for part, _ in parts)
    return f"def arrays():\n    memory = empty({length})\n    return {', '.join(['memory', *views])}\n"


# Without the lock of the interpreter, another thread may look at an array just after it was counted.
COUNTS = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()
