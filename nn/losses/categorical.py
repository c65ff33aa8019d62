"""The cross entropy of several classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import inf
from typing import Any

import numpy as np

from autograd import Value, dot, logsumexp, stop_gradient, sum, vmap

from .terms import (
    Array,
    Reduction,
    as_whole_array,
    check_unit_interval,
    checked_weights,
    choose,
    reduced,
    unless_weightless,
    weights_of,
)


def cross_entropy(
    logits: Any,
    targets: Any,
    *,
    weight: Any = None,
    label_smoothing: float = 0.0,
    sample_weight: Any = None,
    reduction: Reduction = "mean",
) -> Value:
    """Return the mean of ``-Σ y_k log softmax(z)_k``, computed from the logits (D8, D11).

    Parameters
    ----------
    logits : sequence of Value, or 2-D array of Value
        The logits of one sample, or a row for each sample.
    targets : int, sequence of int, or array of float
        The class of each sample, or a row of probabilities for each, such as one-hot. A logit of minus
        infinity masks its class: it adds nothing where the probability is 0.
    weight : sequence or array, shape (classes,), optional
        What each class counts. As in PyTorch the mean is divided by the weights of the samples' classes, and
        for rows of probabilities by the number of samples.
    label_smoothing : float
        The share of the target that is distributed evenly over all classes, from 0 to 1 (Szegedy et al.,
        Rethinking the Inception architecture, 2016).
    sample_weight, reduction
        As in `mse`.

    Returns
    -------
    Value, or array of Value
        The mean over the samples, whose derivative with respect to a logit is ``a - y``; their sum, or an
        array of shape (samples,).

    Raises
    ------
    ValueError
        For shapes that do not match, a single logit, a class that does not exist, or a negative weight.

    Examples
    --------
    >>> f"{cross_entropy([Value(5.0), Value(2.0), Value(-1.0), Value(3.0)], 0):.4f}"
    '0.1719'
    """
    rows = as_whole_array(logits)
    _check_logits(rows)
    single = rows.ndim == 1
    rows = np.atleast_2d(rows)
    wanted, are_labels = _wanted(as_whole_array(targets), rows.shape, single)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"expected label_smoothing to be from 0 to 1, got {label_smoothing!r}")
    of_classes = None if weight is None else _class_weights(weight, rows.shape[1])
    counts = weights_of(sample_weight, () if single else wanted.shape[:1])
    surprise = partial(
        _surprise_of_class if are_labels else _surprise_of_row,
        of_classes=of_classes,
        smoothing=label_smoothing,
    )
    return reduced(
        vmap(surprise)(rows, wanted),
        () if single else wanted.shape[:1],
        reduction,
        counts if counts is None else np.atleast_1d(counts),
        vmap(partial(_weight_of, of_classes))(wanted) if are_labels and of_classes is not None else None,
    )


def _surprise_of_class(row: Any, label: Any, of_classes: Sequence[Any] | None, smoothing: float) -> Any:
    """Return the cross entropy of one sample from its label: minus the logarithm of its class's softmax."""
    logits = list(row)
    is_own = [label == k for k in range(len(logits))]
    if smoothing == 0.0:
        differences, own = _less_own(logits, is_own)
        surprise = logsumexp(differences) - own
        return surprise if of_classes is None else _weight_of(of_classes, label) * surprise
    shares = [choose(is_it, 1.0, 0.0) for is_it in is_own]
    return _surprise_of_shares(logits, _weighted(shares, of_classes, smoothing), is_own)


def _surprise_of_row(row: Any, target: Any, of_classes: Sequence[Any] | None, smoothing: float) -> Any:
    """Return the cross entropy of one sample from the target probabilities of its classes."""
    logits, shares = list(row), _weighted(list(target), of_classes, smoothing)
    total = sum(shares)
    # The largest share tells the sample's own class; while traced, one that is more than half of the total.
    is_open = any(isinstance(share, Value) for share in shares)
    largest = total if is_open else max(shares)
    label = -1 if is_open else shares.index(largest)
    if not is_open and largest == total == 1.0:
        return _surprise_of_class(logits, label, None, 0.0)
    is_own = [share > 0.5 * total if is_open else k == label for k, share in enumerate(shares)]
    return _surprise_of_shares(logits, shares, is_own)


def _surprise_of_shares(logits: Sequence[Any], shares: Sequence[Any], is_own: Sequence[Any]) -> Any:
    """Return the cross entropy of one sample from what each class counts."""
    # The sum over the shares of what each logit lacks: from logits of 1e6 it would be rounded to 1e-10.
    about = stop_gradient(logsumexp(logits))
    missing = 1.0 - sum([choose(is_it, 1.0, 0.0) for is_it in is_own])
    differences, _ = _less_own(logits, is_own, choose(abs(about) < inf, about, 0.0), missing)
    weightless = [unless_weightless(z, share) for z, share in zip(differences, shares, strict=True)]
    return sum(shares) * logsumexp(differences) - dot(shares, weightless)


def _weighted(shares: Sequence[Any], of_classes: Sequence[Any] | None, smoothing: float) -> list[Any]:
    """Return target probabilities, smoothed, times the weights of the classes."""
    if smoothing != 0.0:
        shares = [(1.0 - smoothing) * share + smoothing / len(shares) for share in shares]
    if of_classes is None:
        return list(shares)
    return [weight * share for weight, share in zip(of_classes, shares, strict=True)]


def _weight_of(of_classes: Sequence[Any], label: Any) -> Any:
    """Return the weight of one sample's class."""
    return sum([choose(label == k, weight, 0.0) for k, weight in enumerate(of_classes)])


def _class_weights(weight: Any, classes: int) -> list[Any]:
    weights = checked_weights("weights of classes", np.asarray(weight))
    if weights.shape != (classes,):
        raise ValueError(f"expected a weight for each of {classes} classes, got shape {weights.shape}")
    found: list[Any] = weights.tolist()
    return found


def _check_logits(rows: Array) -> None:
    if (rows.ndim in (1, 2) and rows.shape[-1] == 1) or not rows.ndim:
        raise ValueError(
            f"cross_entropy expected at least two logits for each sample, got shape {rows.shape}: one output "
            "for two classes goes with binary_cross_entropy_with_logits"
        )
    if rows.ndim not in (1, 2) or 0 in rows.shape:
        raise ValueError(
            "expected the logits of one sample, or a row for each, with at least one sample and class, "
            f"got shape {rows.shape}"
        )


def _less_own(
    logits: Sequence[Any], is_own: Sequence[Any], otherwise: Any = 0.0, missing: Any = 0.0
) -> tuple[list[Any], Any]:
    """Return the logits minus that of the sample's own class if it is the largest, and the rest of its own.

    Else the loss of a well classified sample would round to 0, and so would its derivatives, from a logit of
    40 on. One that is not the largest is not subtracted: minus -1e17, all others would be equal. Nor is an
    infinite logit, since inf - inf is nan.
    """
    own = sum([choose(is_it, logit, 0.0) for logit, is_it in zip(logits, is_own, strict=True)])
    ahead = sum([choose(logit > own, 1.0, 0.0) for logit in logits])
    leads = choose(abs(own) < inf, ahead + missing, 1.0) == 0.0
    base, left = choose(leads, own, otherwise), choose(leads, 0.0, own - otherwise)
    return [choose(is_it, left, logit - base) for logit, is_it in zip(logits, is_own, strict=True)], left


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
            raise ValueError(
                f"expected classes to be from 0 to {classes - 1}, got {labels.min()} to {labels.max()}"
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
