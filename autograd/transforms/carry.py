"""What a loop carries: a tree to the function that is its body, and numbers to the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..functions.alignment import constant_as_columns
from ..functions.axes import axis_trace
from ..functions.traced_array import is_whole
from .trees import Leaf, leaves_like, leaves_of, unflatten, with_leaves
from .whole_items import items_like, numbers_at_any_index, numbers_like, settled


class Carry:
    """What a loop carries from step to step, as a tree and as numbers.

    Parameters
    ----------
    init : tree
        The first.
    what : str
        What error messages call it.

    Attributes
    ----------
    numbers : list of Value or float
        The numbers of the first, of an array that varies along axes those at any index.
    shapes : tuple of tuple of int
        The shapes of its arrays, or of their slices at any index.

    Examples
    --------
    >>> carry = Carry({"x": 1.0, "v": np.zeros(2)}, "the carry")
    >>> carry.numbers, carry.shapes, carry.of([3.0, 4.0, 5.0])
    ([1.0, 0.0, 0.0], ((), (2,)), {'x': 3.0, 'v': array([4., 5.])})
    """

    def __init__(self, init: Any, what: str) -> None:
        self._what = what
        leaves, form = leaves_of(init, what, exact=True, whole=True)
        self._form, self._items = form, [*map(settled, _along_all(leaves))]
        self.numbers = numbers_at_any_index(self._items)
        self.shapes = tuple([np.shape(item.slice() if is_whole(item) else item) for item in self._items])

    def of(self, numbers: Sequence[Any]) -> Any:
        """Return the tree of other numbers."""
        form = with_leaves(self._form, lambda leaf: Leaf(()))
        return unflatten(form, items_like(self._items, numbers), argument=True)

    def numbers_of(self, carry: Any) -> list[Any]:
        """Return the numbers of another tree, which is checked."""
        leaves, _ = leaves_like(self._form, carry, self._what, exact=True, whole=True)
        return numbers_like(self._items, leaves)


def _along_all(leaves: Sequence[Any]) -> Sequence[Any]:
    """Return arrays of which constants vary along axes, if all do: so does what a step leaves."""
    trace = axis_trace()
    if trace is None or not trace.is_along_all:
        return leaves
    return [constant_as_columns(trace, leaf) if np.ndim(leaf) else leaf for leaf in leaves]
