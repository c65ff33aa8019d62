"""The cross entropy of several classes."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from autograd import Value, dot, logsumexp, sum, vmap

from .terms import Array, as_whole_array, check_unit_interval, choose, is_whole, mean_of, unless_weightless


def cross_entropy(logits: Any, targets: Any) -> Value:
    """Return the mean of ``-Σ y_k log softmax(z)_k``, computed from the logits (D8, D11).

    Parameters
    ----------
    logits : sequence of Value, or 2-D array of Value
        The logits of one sample, or a row for each sample.
    targets : int, sequence of int, or array of float
        The class of each sample, or a row of probabilities for each, such as one-hot. A logit of minus
        infinity masks its class: it adds nothing where the probability is 0.

    Returns
    -------
    Value
        The mean over the samples. Its derivative with respect to a logit is ``a - y``.

    Raises
    ------
    ValueError
        For shapes that do not match, or a class that does not exist.

    Examples
    --------
    >>> f"{cross_entropy([Value(5.0), Value(2.0), Value(-1.0), Value(3.0)], 0):.4f}"
    '0.1719'
    """
    rows = logits if is_whole(logits) else np.asarray(logits, dtype=object)
    if rows.ndim not in (1, 2) or 0 in rows.shape:
        raise ValueError(
            "expected the logits of one sample, or a row for each, with at least one sample and class, "
            f"got shape {rows.shape}"
        )
    single = rows.ndim == 1
    rows = np.atleast_2d(rows)
    wanted, are_labels = _wanted(as_whole_array(targets), rows.shape, single)

    if are_labels:
        return mean_of(vmap(lambda row, label: _surprise_of_class(list(row), label))(rows, wanted))
    return mean_of(vmap(lambda row, weights: _surprise_of_row(list(row), list(weights)))(rows, wanted))


def _surprise_of_class(logits: Sequence[Any], label: Any) -> Any:
    """Return the cross entropy of one sample from its label: minus the logarithm of its class's softmax."""
    differences, own = _less_own(logits, [label == k for k in range(len(logits))])
    return logsumexp(differences) - own


def _surprise_of_row(logits: Sequence[Any], weights: Sequence[Any]) -> Any:
    """Return the cross entropy of one sample from the target probabilities of its classes."""
    total = sum(weights)
    # The largest weight tells the sample's own class; while traced, only a weight that is the total does.
    is_open = any(isinstance(weight, Value) for weight in weights)
    largest = total if is_open else max(weights)
    label = -1 if is_open else list(weights).index(largest)
    if not is_open and largest == total == 1.0:
        return _surprise_of_class(logits, label)
    is_own = [weight == total if is_open else k == label for k, weight in enumerate(weights)]
    differences, _ = _less_own(logits, is_own)
    weightless = [unless_weightless(z, weight) for z, weight in zip(differences, weights, strict=True)]
    return total * logsumexp(differences) - dot(weights, weightless)


def _less_own(logits: Sequence[Any], is_own: Sequence[Any]) -> tuple[list[Any], Any]:
    """Return the logits minus that of the sample's own class, and the remainder of its own logit.

    Otherwise the loss of a well classified sample would round to 0, and so would its derivatives, from a
    logit of 40 on. An infinite logit is not subtracted, since inf - inf is nan.
    """
    if len(logits) == 1:  # The loss is 0, but still a function of the logit.
        return list(logits), logits[0]
    own = sum([choose(is_it, logit, 0.0) for logit, is_it in zip(logits, is_own, strict=True)])
    is_finite = abs(own) < inf
    base, left = choose(is_finite, own, 0.0), choose(is_finite, 0.0, own)
    pairs = zip(logits, is_own, strict=True)
    return [choose(is_it, left, logit - base) for logit, is_it in pairs], left


def _wanted(targets: Array, shape: tuple[int, ...], single: bool) -> tuple[Array, bool]:
    """Return the label of each sample, or a row of its target probabilities, and whether it is labels."""
    samples, classes = shape
    if targets.dtype == object and targets.ndim == (0 if single else 1):
        return targets.ravel(), True
    if targets.dtype.kind in "iu" and targets.ndim == (0 if single else 1):
        labels = np.atleast_1d(targets)
        if labels.shape != (samples,):
            raise ValueError(f"{samples} rows of logits do not fit {labels.size} targets")
        if labels.min() < 0 or labels.max() >= classes:
            of_one = "; one output for two classes goes with binary_cross_entropy_with_logits"
            raise ValueError(
                f"expected classes to be from 0 to {classes - 1}, got {labels.min()} to {labels.max()}"
                + (of_one if classes == 1 else "")
            )
        return labels.astype(float), True
    wanted = np.atleast_2d(targets)
    if wanted.shape != shape:
        raise ValueError(
            f"expected targets to be whole class numbers, or probabilities of shape {shape}, got "
            f"{targets.dtype} of shape {targets.shape}"
        )
    probabilities = wanted if wanted.dtype == object else wanted.astype(float)
    check_unit_interval(probabilities)
    return probabilities, False
