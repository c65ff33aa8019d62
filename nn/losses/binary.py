"""Losses of two classes: a number for each sample, a probability, a logit or a score."""

from __future__ import annotations

from typing import Any

from autograd import Value, log, log1p, relu, softplus, where

from .terms import check_unit_interval, choose, known, mean_of, of_each, paired, unless_weightless


def binary_cross_entropy(probabilities: Any, targets: Any) -> Value:
    """Return the mean of ``-[y log a + (1 - y) log(1 - a)]`` of probabilities (D1, D3).

    Where a probability rounds to 0 or 1 and the target is the other one, the loss is infinite and its
    gradient is useless: prefer `binary_cross_entropy_with_logits`, which does not round.

    Parameters
    ----------
    probabilities : Value, sequence or array
        Between 0 and 1.
    targets : number, sequence or array
        Of the same shape, between 0 and 1.

    Returns
    -------
    Value
        The mean over all elements.

    Raises
    ------
    ValueError
        For different shapes, or targets outside of [0, 1].

    Examples
    --------
    >>> f"{binary_cross_entropy(Value(0.25), 1.0):.4f}"
    '1.3863'
    """
    flat, wanted = paired(probabilities, targets)
    check_unit_interval(wanted)
    return mean_of(of_each(_surprise, flat, wanted))


def binary_cross_entropy_with_logits(logits: Any, targets: Any) -> Value:
    """Return the mean binary cross entropy of ``sigmoid(logit)``, computed from the logit.

    ``softplus(z) - y z``, whose derivative is ``sigmoid(z) - y``. Both keep their relative precision where
    the sigmoid rounds to its target (D1).

    Parameters
    ----------
    logits : Value, sequence or array
        Any real numbers.
    targets : number, sequence or array
        Of the same shape, between 0 and 1.

    Returns
    -------
    Value
        The mean over all elements.

    Raises
    ------
    ValueError
        For different shapes, or targets outside of [0, 1].

    Examples
    --------
    >>> z = Value(-800.0)
    >>> binary_cross_entropy_with_logits(z, 1.0).backward()
    >>> z.grad
    -1.0
    """
    flat, wanted = paired(logits, targets)
    check_unit_interval(wanted)
    return mean_of(of_each(_surprise_of_logit, flat, wanted))


def hinge(scores: Any, targets: Any) -> Value:
    """Return the mean of ``max(0, 1 - t s)`` over scores s and targets t of -1 or 1.

    Parameters
    ----------
    scores : Value, sequence or array
        Any real numbers.
    targets : number, sequence or array
        Of the same shape, each -1 or 1.

    Returns
    -------
    Value
        The mean over all elements.

    Raises
    ------
    ValueError
        For different shapes, or targets other than -1 and 1.

    Examples
    --------
    >>> hinge([Value(0.5), Value(-3.0)], [1, -1])
    Value(0.25, op='/')
    """
    flat, wanted = paired(scores, targets)
    for target in known(wanted):
        if target not in (-1.0, 1.0):
            raise ValueError(f"expected targets of the hinge loss to be -1 or 1, got {target!r}; use 2*y - 1")
    return mean_of(of_each(lambda s, t: relu(1.0 - t * s), flat, wanted))


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


def _surprise_of_logit(logit: Any, target: Any) -> Any:
    """Return one binary cross entropy of a logit.

    ``softplus(z) - y z`` equals ``softplus(-z) - (1 - y)(-z)``. The form with the smaller weight is precise:
    at y = 1 the first is 0 from z = 37 on, and so is its derivative.
    """
    against = choose(target >= 0.5, -logit, logit)
    weight = choose(target >= 0.5, 1.0 - target, target)
    if not isinstance(target, Value) and weight == 0.0:
        return softplus(against)
    return softplus(against) - weight * unless_weightless(against, weight)
