"""Checking the targets of many batches, of which most are like those before."""

from __future__ import annotations

from math import inf

import numpy as np

from .samples import Array

# Classes are fewer; of numbers, so many are compared with each new one in the time of sorting a batch.
_FEW = 100


class NewTargets:
    """Tells whether targets are unlike all before: others than some few, or beyond all of many.

    A loss checks its targets one by one in Python, 7 µs for each, and a compiled step cannot check any, since
    it does not know their numbers. Targets of the same classes, or between two that are right, are right.

    Examples
    --------
    >>> are_new = NewTargets()
    >>> [are_new(np.array(batch)) for batch in ([0, 1, 3], [1, 3, 0], [0, 2, 1], [0, 2, 4])]
    [True, False, True, True]
    """

    def __init__(self) -> None:
        self._few: Array | None = np.empty(0)
        self._lowest, self._highest = inf, -inf

    def __call__(self, targets: Array) -> bool:
        """Return whether there are some, which are known from now on."""
        if targets.dtype.kind not in "biuf":
            return True
        lowest, highest = targets.min(), targets.max()
        # A nan is beyond any number.
        is_beyond = not (self._lowest <= lowest and highest <= self._highest)
        self._lowest, self._highest = min(lowest, self._lowest), max(highest, self._highest)
        return self._has_others(targets) or is_beyond

    def _has_others(self, targets: Array) -> bool:
        """Return whether there are others than some few, as long as there are no more."""
        if self._few is None:
            return False
        others = np.unique(targets[~np.isin(targets, self._few)])
        known = np.concatenate([self._few, others])
        self._few = known if len(known) <= _FEW else None
        return len(others) > 0
