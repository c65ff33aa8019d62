"""The samples of a training: inputs, targets and weights, those to train on and those held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

ClassWeight = Mapping[int, float] | Literal["balanced"] | None
"""A weight for each class; ``"balanced"`` takes n / (classes · samples of the class), as in scikit-learn."""


_WRONG_WEIGHTS = "expected weights of samples to be finite, at least 0, and not all 0"


class WeightedSamples(NamedTuple):
    """Samples, a row for each, and how much each counts.

    Attributes
    ----------
    x : ndarray, shape (samples, inputs)
        The inputs.
    y : ndarray, shape (samples, ...)
        The targets.
    weights : ndarray of float, shape (samples,), or None
        How much each counts in the loss.
    """

    x: Array
    y: Array
    weights: Array | None = None

    def take(self, rows: Any) -> WeightedSamples:
        """Return some rows."""
        return WeightedSamples(
            self.x[rows], self.y[rows], None if self.weights is None else self.weights[rows]
        )

    def batches(self, size: int | None, order: Array | None = None) -> Iterator[WeightedSamples]:
        """Yield parts of so many samples, of the rows in an order; all at once without a size."""
        if size is None:
            yield self
            return
        for start in range(0, len(self.x), size):
            part = slice(start, start + size)
            yield self.take(part if order is None else order[part])

    def columns(self) -> tuple[Array, ...]:
        """Return inputs and targets, and the weights if there are some."""
        return (self.x, self.y) if self.weights is None else (self.x, self.y, self.weights)

    @property
    def length(self) -> int:
        """The number of samples."""
        return len(self.x)

    @property
    def weight(self) -> float:
        """How much all together count in a mean."""
        return len(self.x) if self.weights is None else float(self.weights.sum())


def samples_of(
    inputs: npt.ArrayLike,
    targets: npt.ArrayLike,
    sample_weight: npt.ArrayLike | None = None,
    class_weight: ClassWeight = None,
    *,
    ndim: int | None = 2,
) -> WeightedSamples:
    """Return samples with their weights.

    Parameters
    ----------
    inputs : array_like, shape (samples, inputs)
        A row for each sample.
    targets : array_like, shape (samples, ...)
        A target for each.
    sample_weight : array_like of float, shape (samples,), or None
        How much each sample counts, at least 0.
    class_weight : dict, "balanced" or None
        How much each class counts, for targets that are class numbers; both weights are multiplied.
    ndim : int or None
        The number of dimensions of the inputs; None takes any of at least 2.

    Returns
    -------
    WeightedSamples
        The samples.

    Raises
    ------
    ValueError
        For arrays that do not fit, weights that are negative or all 0, or a class without a weight.

    Examples
    --------
    >>> samples_of([[1.0], [2.0], [3.0]], [0, 1, 1], class_weight="balanced").weights
    array([1.5 , 0.75, 0.75])
    """
    x, y = np.asarray(inputs), np.asarray(targets)
    has_rows = x.ndim > 1 if ndim is None else x.ndim == ndim
    if not has_rows or y.ndim < 1 or len(x) != len(y) or not len(x):
        kind = "an" if ndim is None else f"a {ndim}-D"
        raise ValueError(
            f"expected {kind} array of inputs with a row for each sample, and a target for each, "
            f"got inputs of shape {x.shape} and targets of shape {y.shape}"
        )
    weights = weights_of_samples(y, sample_weight, class_weight)
    if weights is not None and not weights.any():
        raise ValueError(_WRONG_WEIGHTS)
    return WeightedSamples(x, y, weights)


def weights_of_samples(
    targets: Array, sample_weight: npt.ArrayLike | None, class_weight: ClassWeight
) -> Array | None:
    """Return how much each sample counts, by its own weight and by its class; None if all count the same.

    Raises
    ------
    ValueError
        For weights of another shape, negative or infinite ones, or a class without a weight.

    Examples
    --------
    >>> weights_of_samples(np.array([0, 1, 1]), [1.0, 2.0, 3.0], {0: 1.0, 1: 0.5}).tolist()
    [1.0, 1.0, 1.5]
    """
    if sample_weight is None and class_weight is None:
        return None
    count = len(targets)
    weights = np.ones(count) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if weights.shape != (count,):
        raise ValueError(f"expected a weight for each of {count} samples, got shape {weights.shape}")
    if class_weight is not None:
        weights = weights * _weights_of_classes(targets, class_weight)
    if not (np.all(weights >= 0.0) and np.isfinite(weights.sum())):
        raise ValueError(_WRONG_WEIGHTS)
    return weights


def split_off(
    samples: WeightedSamples, fraction: float, rng: np.random.Generator
) -> tuple[WeightedSamples, WeightedSamples]:
    """Return samples to train on, and a fraction of them, drawn at random, that is held out.

    Raises
    ------
    ValueError
        For a fraction that is not between 0 and 1, or leaves no sample on either side.

    Examples
    --------
    >>> train, held_out = split_off(samples_of(np.ones((10, 1)), np.ones(10)), 0.2, np.random.default_rng(0))
    >>> train.length, held_out.length
    (8, 2)
    """
    held_out = how_many_held_out(fraction, samples.length, "samples")
    order = rng.permutation(samples.length)
    return samples.take(np.sort(order[held_out:])), samples.take(np.sort(order[:held_out]))


def how_many_held_out(fraction: float, count: int, what: str) -> int:
    """Return how many make a fraction.

    Raises
    ------
    ValueError
        For a fraction that is not between 0 and 1, or leaves none on either side.

    Examples
    --------
    >>> how_many_held_out(0.2, 10, "samples")
    2
    """
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"expected validation_split to be between 0 and 1, got {fraction!r}")
    held_out = round(fraction * count)
    if not 0 < held_out < count:
        raise ValueError(
            f"a validation_split of {fraction} of {count} {what} leaves {count - held_out} to train on and "
            f"{held_out} held out: pass validation_data, or another fraction"
        )
    return held_out


def balanced(counts: Mapping[int, int]) -> dict[int, float]:
    """Return the weight of each class for which all classes together count the same.

    Parameters
    ----------
    counts : dict
        The number of samples of each class.

    Returns
    -------
    dict
        Weights whose mean over the samples is 1.

    Examples
    --------
    >>> balanced({0: 1, 1: 2})
    {0: 1.5, 1: 0.75}
    """
    total = sum(counts.values())
    return {label: total / (len(counts) * count) for label, count in counts.items()}


def check_class_numbers(labels: Array) -> None:
    """Raise if targets are no class numbers, which weights of classes go with."""
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        raise ValueError(
            "class_weight goes with targets that are class numbers, "
            f"got {labels.dtype} of shape {labels.shape}"
        )


def _weights_of_classes(labels: Array, class_weight: ClassWeight) -> Array:
    check_class_numbers(labels)
    classes, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if class_weight == "balanced":
        class_weight = balanced(dict(zip(classes.tolist(), counts.tolist(), strict=True)))
    if not isinstance(class_weight, Mapping):
        raise ValueError(f'expected class_weight to be a dict or "balanced", got {class_weight!r}')
    missing = [int(label) for label in classes if label not in class_weight]
    if missing:
        raise ValueError(f"class_weight has no weight for class {missing[0]}; it has {[*class_weight]}")
    return np.array([float(class_weight[int(label)]) for label in classes])[place]
