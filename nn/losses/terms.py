"""What losses have in common: pairs of predictions and targets, their terms, and what is made of these."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf, prod
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from autograd import Value, data, dot, sum, vmap, where

Array = npt.NDArray[Any]

Reduction = Literal["mean", "sum", "none"]
"""What a loss makes of its terms: their (weighted) mean, their sum, or nothing."""


def loss_of_pairs(
    loss: Callable[..., Any],
    predictions: Array,
    targets: Array,
    sample_weight: Any,
    reduction: str,
    of_columns: Array | None = None,
) -> Value:
    """Return a loss of one prediction and one target, for arrays of one shape.

    `of_columns` holds a third argument of the loss for each column.
    """
    shape = predictions.shape
    weights = weights_of(sample_weight, shape)
    if is_whole(predictions) or is_whole(targets):
        return reduced(_of_each(loss, predictions, targets, of_columns), shape, reduction, weights)
    if of_columns is not None:
        of_columns = np.broadcast_to(of_columns, shape).ravel()
    return reduced(
        _of_each(loss, predictions.ravel(), targets.ravel(), of_columns), shape, reduction, weights
    )


def _of_each(loss: Callable[..., Any], predictions: Array, targets: Array, of_columns: Array | None) -> Array:
    if predictions.ndim > 1:
        of_row = partial(_of_each, loss, of_columns=of_columns)
        return vmap(of_row)(predictions, targets)  # type: ignore[no-any-return]
    columns = () if of_columns is None else (of_columns,)
    return vmap(loss)(predictions, targets, *columns)  # type: ignore[no-any-return]


def check_reduction(reduction: str) -> None:
    """Raise for an unknown reduction."""
    if reduction not in get_args(Reduction):
        raise ValueError(f'expected reduction to be "mean", "sum" or "none", got {reduction!r}')


def reduced(
    terms: Array,
    shape: tuple[Any, ...],
    reduction: str,
    weights: Array | None = None,
    masses: Array | None = None,
) -> Value:
    """Return the mean or the sum of weighted terms, or the terms in a shape.

    The terms may be in one dimension; the weights are those of the first dimension, or of all. What counts in
    the mean is the weight times the mass, which a term is multiplied by already.
    """
    check_reduction(reduction)
    repeats = 1 if weights is None else prod(shape[weights.ndim :])
    each = None if weights is None else _repeated(weights, terms, repeats)
    if reduction == "none":
        weighted: Any = terms if each is None else terms * each
        return weighted if weighted.ndim == len(shape) else weighted.reshape(shape)[()]  # type: ignore[no-any-return]
    total = _total_of(terms, each)
    if reduction == "sum":
        return total
    if weights is None and masses is None:
        return total / terms.size
    counted = _total_of(masses, weights) if masses is not None else _total_of(weights) * repeats
    # No weight at all: a mean of 0, by which a batch moves nothing, where 0/0 would end a training.
    return total / choose(counted == 0.0, 1.0, counted)  # type: ignore[no-any-return]


def _repeated(weights: Array, terms: Array, repeats: Any) -> Array:
    """Return the weights along the dimensions of the terms."""
    if terms.ndim > weights.ndim:
        return weights[(..., *[None] * (terms.ndim - weights.ndim))]
    flat = weights if weights.ndim == terms.ndim else weights.ravel()
    return flat if isinstance(repeats, int) and repeats == 1 else np.repeat(flat, repeats)


def _total_of(terms: Any, weights: Array | None = None) -> Value:
    """Return the sum of all (weighted) terms; as one node where they are known one by one."""
    total: Value
    if weights is None:
        total = sum(terms) if terms.ndim == 1 else terms.sum()
    else:
        total = dot(weights, terms) if terms.ndim == 1 else (terms * weights).sum()
    return total


def weights_of(sample_weight: Any, shape: tuple[Any, ...]) -> Array | None:
    """Return the weights of samples as an array of floats, or of one dimension more for each element."""
    if sample_weight is None:
        return None
    weights = as_whole_array(sample_weight)
    if weights.shape != shape and weights.shape != shape[:1]:
        of_each = f", one for each sample, or {shape}" if len(shape) > 1 else ", one for each sample"
        raise ValueError(f"expected sample_weight of shape {shape[:1]}{of_each}, got shape {weights.shape}")
    # Along an axis, since the sum of an array of few samples would be one of its elements.
    along = vmap(lambda weight: weight)(weights) if is_whole(weights) and weights.ndim else weights
    return checked_weights("sample weights", along)


def checked_weights(what: str, weights: Array) -> Array:
    """Return weights as floats; raise if one that is known is negative or not finite."""
    for index, weight in enumerate(known(weights)):
        if not isinstance(weight, int | float) or not 0.0 <= weight < inf:
            raise ValueError(f"expected {what} to be finite and not negative, got {weight!r} at {index}")
    return weights if weights.dtype == object else weights.astype(float)


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
    try:
        return item if is_whole(item) else np.asarray(item)
    except ValueError as error:
        raise ValueError("expected numbers, or rows that are all of one length") from error


def known(targets: Array) -> list[Any]:
    """Return the targets whose numbers are known: those of a trace are not."""
    return [] if is_whole(targets) else [t for t in targets.ravel().tolist() if not isinstance(t, Value)]


def known_data(predictions: Array) -> Array:
    """Return the numbers of predictions, none if they are not known while a function is traced."""
    if is_whole(predictions):
        return np.empty(0)
    try:
        return np.ravel(data(predictions))
    except TypeError:
        return np.empty(0)


def paired(predictions: Any, targets: Any) -> tuple[Array, Array]:
    """Return predictions and targets as arrays of one shape, numeric targets as floats."""
    left, right = as_whole_array(predictions), as_whole_array(targets)
    shapes = left.shape, right.shape
    if left.ndim == right.ndim + 1 and left.shape[-1] == 1:
        left = left[..., 0]
    if left.shape != right.shape:
        raise ValueError(f"predictions of shape {shapes[0]} do not fit targets of shape {shapes[1]}")
    if 0 in left.shape:
        raise ValueError("a loss of no predictions is not defined; pass at least one")
    return left, right if right.dtype == object else right.astype(float)


def check_unit_interval(targets: Array) -> None:
    """Raise if a target is no probability."""
    for target in known(targets):
        if not 0.0 <= target <= 1.0:
            raise ValueError(f"expected targets of a cross entropy to be from 0 to 1, got {target!r}")
