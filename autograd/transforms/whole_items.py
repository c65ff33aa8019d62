"""Items of trees: numbers, arrays of them, and arrays that stay whole.

A sweep, and the body of a loop, know numbers alone. An array that varies along axes is for them the numbers
of its slice at any index, and is put together again from what they return for these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..functions.alignment import beside, constant_as_columns
from ..functions.axes import Axis, ElementsNeededError, axes_of, totals_over
from ..functions.traced_array import WholeArray, array_along, is_whole
from .partials import Scalar
from .trees import array_of, numbers_of


def holds_arrays(items: Iterable[Any]) -> bool:
    """Return whether one of some items is an array, which for 300 numbers takes 3 us.

    Examples
    --------
    >>> holds_arrays([1.0, 2.0]), holds_arrays([1.0, np.zeros(2)])
    (False, True)
    """
    return any(issubclass(kind, np.ndarray | WholeArray) for kind in {*map(type, items)})


def settled(result: Any) -> Any:
    """Return a long array as one that varies along an axis, any other as its elements, and a number as it is.

    Examples
    --------
    >>> settled(2.0)
    2.0
    """
    along = array_along(result)
    return along.elements() if is_whole(along) and not along.varies else along


def numbers_at_any_index(items: Sequence[Any]) -> list[Any]:
    """Return the numbers of some items, of an array that varies along axes those at any index.

    Examples
    --------
    >>> numbers_at_any_index([1.0, np.array([2.0, 3.0])])
    [1.0, 2.0, 3.0]
    """
    if not holds_arrays(items):
        return [*items]
    return numbers_of([item.slice() if is_whole(item) else item for item in items])


def items_like(like: Sequence[Any], numbers: Sequence[Scalar]) -> list[Any]:
    """Return numbers as items like some others.

    Examples
    --------
    >>> items_like([0.0, np.zeros(2)], [1.0, 2.0, 3.0])
    [1.0, array([2., 3.])]
    """
    if not holds_arrays(like):
        return [*numbers]
    rest = iter(numbers)
    return [_item(item, rest) for item in like]


def _item(like: Any, numbers: Iterator[Scalar]) -> Any:
    if is_whole(like):
        return like.with_slice(_item(like.slice(), numbers))
    if not isinstance(like, np.ndarray):
        return next(numbers)
    return array_of([next(numbers) for _ in range(like.size)], like.shape, is_array=True)


def numbers_like(like: Sequence[Any], items: Sequence[Any]) -> list[Any]:
    """Return the numbers of items, each at any index of the axes of another one that it is like.

    Raises
    ------
    ElementsNeededError
        If an array that varies along axes is paired with numbers one by one.

    Examples
    --------
    >>> numbers_like([0.0, np.zeros(2)], [1.0, np.array([2.0, 3.0])])
    [1.0, 2.0, 3.0]
    """
    if not holds_arrays(like):
        return [*items]
    return [number for own, item in zip(like, items, strict=True) for number in _slice_like(own, item)]


def _slice_like(like: Any, item: Any) -> list[Any]:
    if not is_whole(like):
        return numbers_of([item.elements() if is_whole(item) else item])
    trace = like._trace
    trace.check_thread()
    if isinstance(item, np.ndarray) and not is_whole(item) and item.dtype == object:
        # Each element is a number of its own.
        raise ElementsNeededError
    found = beside(constant_as_columns(trace, item), like.dimensions())
    return numbers_of([np.broadcast_to(found, like.own)])


def adjoints_like(items: Sequence[Any], outputs: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
    """Return the adjoint of each number of some items, given one for each item.

    An item may repeat a number along an axis, as ``vmap(lambda x: a)(xs)`` does for each of the samples. Then
    the adjoint is the sum over them.

    Parameters
    ----------
    items : sequence
        The results of a function.
    outputs : sequence of Value or float
        Their numbers, as of `numbers_at_any_index`.
    cotangents : sequence
        One for each item.

    Examples
    --------
    >>> adjoints_like([0.0, np.zeros(2)], [0.0, 0.0, 0.0], [1.0, np.array([2.0, 3.0])])
    [1.0, 2.0, 3.0]
    """
    adjoints = numbers_like(items, cotangents)
    if not holds_arrays(items):
        return adjoints
    axes = [own for item in items for own in [_axes_along(item)] * len(numbers_at_any_index([item]))]
    return [
        totals_over(adjoint, own - axes_of(output)) if own else adjoint
        for adjoint, own, output in zip(adjoints, axes, outputs, strict=True)
    ]


def _axes_along(item: Any) -> frozenset[Axis]:
    return frozenset(d for d in item.dimensions() if isinstance(d, Axis)) if is_whole(item) else frozenset()
