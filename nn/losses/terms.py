"""What losses have in common: pairs of predictions and targets, and the terms that they are the mean of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import Value, sum, vmap, where

Array = npt.NDArray[Any]


def of_each(loss: Callable[[Any, Any], Any], predictions: Array, targets: Array) -> Array:
    """Return a loss of one prediction and one target for each element of arrays."""
    if predictions.ndim > 1:
        return vmap(partial(of_each, loss))(predictions, targets)  # type: ignore[no-any-return]
    return vmap(loss)(predictions, targets)  # type: ignore[no-any-return]


def total_of(terms: Array) -> Value:
    """Return the sum of all terms; as one node where they are known one by one."""
    return sum(terms) if terms.ndim == 1 else terms.sum()  # type: ignore[no-any-return]


def mean_of(terms: Array) -> Value:
    """Return the mean of all terms."""
    return total_of(terms) / terms.size


def unless_weightless(number: Any, weight: Any) -> Any:
    """Return a number, or 0 for an infinite number of weight 0, since 0 * inf is nan."""
    return choose(abs(number) < inf, number, choose(weight == 0.0, 0.0, number))


def choose(condition: Any, x: Any, y: Any) -> Any:
    """Return x or y; if the condition is traced, a node that chooses when the program runs."""
    return where(condition, x, y) if isinstance(condition, Value) else x if condition else y


def is_whole(item: Any) -> bool:
    """Return whether something is an array of a trace that holds for any number of samples.

    It passes for an array, and is none: `np.asarray` would ask for its elements one by one, which the trace
    has for one sample alone.
    """
    return isinstance(item, np.ndarray) and not issubclass(type(item), np.ndarray)


def as_whole_array(item: Any) -> Array:
    """Return something as an array; one of a trace stays as it is."""
    return item if is_whole(item) else np.asarray(item)


def known(targets: Array) -> list[Any]:
    """Return the targets whose numbers are known: those of a trace are not."""
    return [] if is_whole(targets) else [t for t in targets.ravel().tolist() if not isinstance(t, Value)]


def paired(predictions: Any, targets: Any) -> tuple[Array, Array]:
    """Return predictions and targets as arrays of one shape, numeric targets as floats.

    They have one dimension, unless the number of samples is open: then they keep those that they have.
    """
    left, right = as_whole_array(predictions), as_whole_array(targets)
    shapes = left.shape, right.shape
    if left.ndim == right.ndim + 1 and left.shape[-1] == 1:
        left = left[..., 0]
    if left.shape != right.shape:
        raise ValueError(f"predictions of shape {shapes[0]} do not fit targets of shape {shapes[1]}")
    if 0 in left.shape:
        raise ValueError("a loss of no predictions is not defined; pass at least one")
    wanted = right if right.dtype == object else right.astype(float)
    if is_whole(left) or is_whole(right):
        return left, wanted
    return left.ravel(), wanted.ravel()


def check_unit_interval(targets: Array) -> None:
    """Raise if a target is no probability."""
    for target in known(targets):
        if not 0.0 <= target <= 1.0:
            raise ValueError(f"expected targets of a cross entropy to be from 0 to 1, got {target!r}")
