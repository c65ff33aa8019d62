"""Losses of two classes: a number for each sample, a probability, a logit or a score."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from autograd import Value, log, log1p, relu, softplus, where

from .terms import (
    Array,
    Reduction,
    check_unit_interval,
    checked_weights,
    choose,
    known,
    known_data,
    loss_of_pairs,
    paired,
    unless_weightless,
)


def binary_cross_entropy(
    probabilities: Any, targets: Any, *, sample_weight: Any = None, reduction: Reduction = "mean"
) -> Value:
    """Return the mean of ``-[y log a + (1 - y) log(1 - a)]`` of probabilities (D1, D3).

    Where a probability rounds to 0 or 1 and the target is the other one, the loss is infinite and its
    gradient is useless: prefer `binary_cross_entropy_with_logits`, which does not round.

    Parameters
    ----------
    probabilities : Value, sequence or array
        Between 0 and 1.
    targets : number, sequence or array
        Of the same shape, between 0 and 1.
    sample_weight, reduction
        As in `mse`.

    Returns
    -------
    Value, or array of Value
        The mean over all elements, their sum, or an array of the targets' shape.

    Raises
    ------
    ValueError
        For different shapes, and probabilities or targets outside of [0, 1]. The numbers of predictions are
        not known while a function is traced, so that compiled losses of them are nan.

    Examples
    --------
    >>> f"{binary_cross_entropy(Value(0.25), 1.0):.4f}"
    '1.3863'
    """
    found, wanted = paired(probabilities, targets)
    check_unit_interval(wanted)
    numbers = known_data(found)
    outside = (numbers < 0.0) | (numbers > 1.0)
    if outside.any():
        raise ValueError(
            f"expected probabilities from 0 to 1, got {float(numbers[outside][0])}: raw scores go with "
            "binary_cross_entropy_with_logits"
        )
    return loss_of_pairs(_surprise, found, wanted, sample_weight, reduction)


def binary_cross_entropy_with_logits(
    logits: Any,
    targets: Any,
    *,
    pos_weight: Any = None,
    sample_weight: Any = None,
    reduction: Reduction = "mean",
) -> Value:
    """Return the mean binary cross entropy of ``sigmoid(logit)``, computed from the logit.

    ``softplus(z) - y z``, whose derivative is ``sigmoid(z) - y``. Both keep their relative precision where
    the sigmoid rounds to its target (D1).

    Parameters
    ----------
    logits : Value, sequence or array
        Any real numbers.
    targets : number, sequence or array
        Of the same shape, between 0 and 1.
    pos_weight : number, sequence or array, optional
        What class 1 counts, where class 0 counts 1: one number, or one for each column. Where samples of
        class 1 are rare, their number divided into that of the others balances them.
    sample_weight, reduction
        As in `mse`. The mean is not divided by `pos_weight`, as in PyTorch.

    Returns
    -------
    Value, or array of Value
        The mean over all elements, their sum, or an array of the targets' shape.

    Raises
    ------
    ValueError
        For shapes that do not fit, targets outside of [0, 1], or a negative weight.

    Examples
    --------
    >>> z = Value(-800.0)
    >>> binary_cross_entropy_with_logits(z, 1.0).backward()
    >>> z.grad
    -1.0
    """
    found, wanted = paired(logits, targets)
    check_unit_interval(wanted)
    if pos_weight is None:
        return loss_of_pairs(_surprise_of_logit, found, wanted, sample_weight, reduction)
    positive = _positive_weights(pos_weight, found.shape)
    if positive.ndim:
        return loss_of_pairs(_surprise_of_logit, found, wanted, sample_weight, reduction, positive)
    surprise = partial(_surprise_of_logit, positive=positive[()])
    return loss_of_pairs(surprise, found, wanted, sample_weight, reduction)


def hinge(scores: Any, targets: Any, *, sample_weight: Any = None, reduction: Reduction = "mean") -> Value:
    """Return the mean of ``max(0, 1 - t s)`` over scores s and targets t of -1 or 1.

    Parameters
    ----------
    scores : Value, sequence or array
        Any real numbers.
    targets : number, sequence or array
        Of the same shape, each -1 or 1.
    sample_weight, reduction
        As in `mse`.

    Returns
    -------
    Value, or array of Value
        The mean over all elements, their sum, or an array of the targets' shape.

    Raises
    ------
    ValueError
        For different shapes, or targets other than -1 and 1.

    Examples
    --------
    >>> hinge([Value(0.5), Value(-3.0)], [1, -1])
    Value(0.25, op='/')
    """
    found, wanted = paired(scores, targets)
    for target in known(wanted):
        if target not in (-1.0, 1.0):
            raise ValueError(f"expected targets of the hinge loss to be -1 or 1, got {target!r}; use 2*y - 1")
    return loss_of_pairs(_shortfall, found, wanted, sample_weight, reduction)


def _shortfall(score: Any, target: Any) -> Any:
    return relu(1.0 - target * score)


def _positive_weights(pos_weight: Any, shape: tuple[Any, ...]) -> Array:
    """Return the weight of class 1: one number, or one for each column."""
    weights = checked_weights("pos_weight", np.asarray(pos_weight))
    if weights.shape == (1,):
        return weights[0, ...]
    if weights.ndim > 1 or (weights.ndim == 1 and weights.shape != shape[-1:]):
        columns = f" or of shape {shape[-1:]}, one for each column" if shape else ""
        raise ValueError(f"expected pos_weight to be a number{columns}, got shape {weights.shape}")
    return weights


def _surprise(probability: Any, target: Any) -> Any:
    """Return one binary cross entropy, without a term of weight 0, since 0 * log(0) is nan."""
    if isinstance(target, Value):
        # A traced target is not known yet, so the compiled program chooses.
        yes = where(target == 0.0, where(probability == 0.0, 1.0, probability), probability)
        no = where(target == 1.0, where(probability == 1.0, 0.0, probability), probability)
        return -target * log(yes) - (1.0 - target) * log1p(-no)
    terms = []
    if target != 0.0:
        terms.append(-target * log(probability))
    if target != 1.0:
        terms.append(-(1.0 - target) * log1p(-probability))
    return terms[0] if len(terms) == 1 else terms[0] + terms[1]


def _surprise_of_logit(logit: Any, target: Any, positive: Any = None) -> Any:
    """Return one binary cross entropy of a logit, with a weight of class 1.

    ``softplus(z) - y z`` equals ``softplus(-z) - (1 - y)(-z)``. The form with the smaller weight is precise:
    at y = 1 the first is 0 from z = 37 on, and so is its derivative.
    """
    yes, no = target if positive is None else positive * target, 1.0 - target
    against = choose(target >= 0.5, -logit, logit)
    weight = choose(target >= 0.5, no, yes)
    surprise = softplus(against) if positive is None else (yes + no) * softplus(against)
    if not isinstance(weight, Value) and weight == 0.0:
        return surprise
    return surprise - weight * unless_weightless(against, weight)
