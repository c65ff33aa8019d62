"""Losses: functions from predictions and targets to one `Value`, the number to minimise.

Predictions and targets are single numbers, sequences or arrays of one shape; an output column of shape
(samples, 1) goes with targets of shape (samples,).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import Value, dot, log, log1p, logsumexp, relu, softplus, sum, vmap, where

from .module import Module

Array = npt.NDArray[Any]


def mse(predictions: Any, targets: Any) -> Value:
    """Return the mean of the squared errors (C1, E4).

    Parameters
    ----------
    predictions, targets : Value, sequence or array
        Of one shape.

    Returns
    -------
    Value
        The mean over all elements.

    Raises
    ------
    ValueError
        For different shapes, or none at all.

    Examples
    --------
    >>> mse([Value(1.0), Value(2.0)], [0.0, 4.0])
    Value(2.5, op='/')
    """
    return _mean(_each(_squared_error, *_flat(predictions, targets)))


def half_squared_error(predictions: Any, targets: Any) -> Value:
    """Return half of the sum of the squared errors, whose derivative is the error itself (A11, B2, D2).

    Parameters
    ----------
    predictions, targets : Value, sequence or array
        Of one shape.

    Returns
    -------
    Value
        ½ Σ (y - t)², not divided by the number of samples.

    Raises
    ------
    ValueError
        For different shapes, or none at all.

    Examples
    --------
    >>> half_squared_error(Value(1.0), 5.0).data  # B2 of the notes
    8.0
    """
    flat, wanted = _flat(predictions, targets)
    if _is_whole(flat) or _is_whole(wanted):
        return 0.5 * _total(_each(_squared_error, flat, wanted))
    # A list takes half of the time of vmap.
    return 0.5 * sum([(p - t) ** 2 for p, t in zip(flat, wanted, strict=True)])  # type: ignore[no-any-return]


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
    flat, wanted = _flat(probabilities, targets)
    _check_unit_interval(wanted)
    return _mean(_each(_surprise, flat, wanted))


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
    flat, wanted = _flat(logits, targets)
    _check_unit_interval(wanted)
    return _mean(_each(_surprise_of_logit, flat, wanted))


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
    rows = logits if _is_whole(logits) else np.asarray(logits, dtype=object)
    if rows.ndim not in (1, 2) or 0 in rows.shape:
        raise ValueError(
            "expected the logits of one sample, or a row for each, with at least one sample and class, "
            f"got shape {rows.shape}"
        )
    single = rows.ndim == 1
    rows = np.atleast_2d(rows)
    wanted, are_labels = _wanted(_array(targets), rows.shape, single)

    if are_labels:
        return _mean(vmap(lambda row, label: _surprise_of_class(list(row), label))(rows, wanted))
    return _mean(vmap(lambda row, weights: _surprise_of_row(list(row), list(weights)))(rows, wanted))


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
    flat, wanted = _flat(scores, targets)
    for target in _known(wanted):
        if target not in (-1.0, 1.0):
            raise ValueError(f"expected targets of the hinge loss to be -1 or 1, got {target!r}; use 2*y - 1")
    return _mean(_each(lambda s, t: relu(1.0 - t * s), flat, wanted))


def l2_penalty(model: Module, strength: float) -> Value:
    """Return ``strength / 2 · Σ w²`` over the weights, without the biases (D8).

    Parameters
    ----------
    model : Module
        The model. A parameter whose name is ``b``, or ends in ``.b``, is a bias.
    strength : float
        λ; for m samples, the λ/m of the notes.

    Returns
    -------
    Value
        A term to add to a loss.

    Examples
    --------
    >>> from nn import Neuron
    >>> neuron = Neuron(2, rng=0)
    >>> neuron.load_state_dict({"w[0]": 1.0, "w[1]": 2.0, "b": 9.0})
    >>> l2_penalty(neuron, 0.1).data
    0.25
    """
    weights = [p for name, p in model.named_parameters() if name.rpartition(".")[2] != "b"]
    return 0.5 * strength * dot(weights, weights)  # type: ignore[no-any-return]


def _each(loss: Callable[[Any, Any], Any], predictions: Array, targets: Array) -> Array:
    """Return a loss of one prediction and one target for each element of arrays."""
    if predictions.ndim > 1:
        return vmap(partial(_each, loss))(predictions, targets)  # type: ignore[no-any-return]
    return vmap(loss)(predictions, targets)  # type: ignore[no-any-return]


def _total(terms: Array) -> Value:
    """Return the sum of all terms; as one node where they are known one by one."""
    return sum(terms) if terms.ndim == 1 else terms.sum()  # type: ignore[no-any-return]


def _mean(terms: Array) -> Value:
    return _total(terms) / terms.size


def _squared_error(prediction: Any, target: Any) -> Any:
    return (prediction - target) ** 2


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
    against = _choose(target >= 0.5, -logit, logit)
    weight = _choose(target >= 0.5, 1.0 - target, target)
    if not isinstance(target, Value) and weight == 0.0:
        return softplus(against)
    return softplus(against) - weight * _unless_weightless(against, weight)


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
    weightless = [_unless_weightless(z, weight) for z, weight in zip(differences, weights, strict=True)]
    return total * logsumexp(differences) - dot(weights, weightless)


def _less_own(logits: Sequence[Any], is_own: Sequence[Any]) -> tuple[list[Any], Any]:
    """Return the logits minus that of the sample's own class, and the remainder of its own logit.

    Otherwise the loss of a well classified sample would round to 0, and so would its derivatives, from a
    logit of 40 on. An infinite logit is not subtracted, since inf - inf is nan.
    """
    if len(logits) == 1:  # The loss is 0, but still a function of the logit.
        return list(logits), logits[0]
    own = sum([_choose(is_it, logit, 0.0) for logit, is_it in zip(logits, is_own, strict=True)])
    is_finite = abs(own) < inf
    base, left = _choose(is_finite, own, 0.0), _choose(is_finite, 0.0, own)
    pairs = zip(logits, is_own, strict=True)
    return [_choose(is_it, left, logit - base) for logit, is_it in pairs], left


def _unless_weightless(number: Any, weight: Any) -> Any:
    """Return a number, or 0 for an infinite number of weight 0, since 0 * inf is nan."""
    return _choose(abs(number) < inf, number, _choose(weight == 0.0, 0.0, number))


def _choose(condition: Any, x: Any, y: Any) -> Any:
    """Return x or y; if the condition is traced, a node that chooses when the program runs."""
    return where(condition, x, y) if isinstance(condition, Value) else x if condition else y


def _is_whole(item: Any) -> bool:
    """Return whether something is an array of a trace that holds for any number of samples.

    It passes for an array, and is none: `np.asarray` would ask for its elements one by one, which the trace
    has for one sample alone.
    """
    return isinstance(item, np.ndarray) and not issubclass(type(item), np.ndarray)


def _array(item: Any) -> Array:
    return item if _is_whole(item) else np.asarray(item)


def _known(targets: Array) -> list[Any]:
    """Return the targets whose numbers are known: those of a trace are not."""
    return [] if _is_whole(targets) else [t for t in targets.ravel().tolist() if not isinstance(t, Value)]


def _flat(predictions: Any, targets: Any) -> tuple[Array, Array]:
    """Return predictions and targets as arrays of one shape, numeric targets as floats.

    They have one dimension, unless the number of samples is open: then they keep those that they have.
    """
    left, right = _array(predictions), _array(targets)
    shapes = left.shape, right.shape
    if left.ndim == right.ndim + 1 and left.shape[-1] == 1:
        left = left[..., 0]
    if left.shape != right.shape:
        raise ValueError(f"predictions of shape {shapes[0]} do not fit targets of shape {shapes[1]}")
    if 0 in left.shape:
        raise ValueError("a loss of no predictions is not defined; pass at least one")
    wanted = right if right.dtype == object else right.astype(float)
    if _is_whole(left) or _is_whole(right):
        return left, wanted
    return left.ravel(), wanted.ravel()


def _check_unit_interval(targets: Array) -> None:
    for target in _known(targets):
        if not 0.0 <= target <= 1.0:
            raise ValueError(f"expected targets of a cross entropy to be from 0 to 1, got {target!r}")


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
    _check_unit_interval(probabilities)
    return probabilities, False
