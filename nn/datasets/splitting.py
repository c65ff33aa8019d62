"""Splitting samples into a part to train on and a part to test with."""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from ..randomness import Rng
from .dataset import Dataset, DatasetError

Rows = npt.NDArray[np.int64]


@overload
def train_test_split(
    dataset: Dataset,
    /,
    *,
    test_size: float | None = ...,
    train_size: float | None = ...,
    random_state: Rng = ...,
    shuffle: bool = ...,
    stratify: npt.ArrayLike | None = ...,
) -> tuple[Dataset, Dataset]: ...


@overload
def train_test_split(
    *arrays: npt.ArrayLike,
    test_size: float | None = ...,
    train_size: float | None = ...,
    random_state: Rng = ...,
    shuffle: bool = ...,
    stratify: npt.ArrayLike | None = ...,
) -> list[npt.NDArray[Any]]: ...


def train_test_split(
    *arrays: Any,
    test_size: float | None = None,
    train_size: float | None = None,
    random_state: Rng = None,
    shuffle: bool = True,
    stratify: npt.ArrayLike | None = None,
) -> Any:
    """Return the samples in two parts, as scikit-learn's function does.

    Parameters
    ----------
    *arrays : Dataset, or array_like
        A data set, or arrays with a row for each sample.
    test_size, train_size : float or int, or None
        The size of one part: a fraction between 0 and 1, or a number of samples. The other part is the rest;
        without both, a quarter is for the test.
    random_state : Generator, int or None
        The source of the random choice.
    shuffle : bool
        Whether to choose at random; otherwise the last samples are for the test. Either way the samples of
        a part stay in their order.
    stratify : array_like or None
        The class of each sample, so that both parts have the same mix of classes. Those of a `Dataset` with
        classes are taken if it is None.

    Returns
    -------
    (Dataset, Dataset) or list of ndarray
        The part to train on and the part to test with; of arrays, both parts of each in turn. What is
        missing in a data set is filled in by what the samples to train on have there.

    Raises
    ------
    ValueError
        For a size out of range, arrays of different lengths, or `stratify` without `shuffle`.
    DatasetError
        If a class has fewer than two samples: each part needs one. It is a ValueError.

    Examples
    --------
    >>> from nn.datasets import iris
    >>> train, test = train_test_split(iris(), test_size=1 / 3, random_state=0)
    >>> len(train), len(test)
    (99, 51)
    >>> X_train, X_test, y_train, y_test = train_test_split(*iris(), test_size=30, random_state=0)
    >>> X_train.shape, y_test.shape
    ((120, 4), (30,))
    """
    if not arrays:
        raise TypeError("expected a Dataset or arrays to split, got nothing")
    dataset = arrays[0] if len(arrays) == 1 and isinstance(arrays[0], Dataset) else None
    parts = [] if dataset else [np.asarray(array) for array in arrays]
    counts = [len(dataset)] if dataset else [len(part) if part.ndim else 0 for part in parts]
    if dataset and len(dataset) < 2:
        raise DatasetError(f"{dataset.name}: has {len(dataset)} sample; it takes two or more to split")
    if len(set(counts)) > 1 or counts[0] < 2:
        raise ValueError(
            f"expected arrays of one length, at least 2, got {', '.join(map(str, counts))} samples"
        )
    size = _test_size(test_size, train_size, counts[0])
    labels = dataset.labels if dataset and dataset.classes and stratify is None and shuffle else stratify
    generator = np.random.default_rng(random_state)
    if not shuffle:
        if labels is not None:
            raise ValueError("expected shuffle=True with stratify, got False")
        test = np.arange(counts[0] - _count(size, counts[0]), counts[0])
    elif labels is None:
        test = generator.permutation(counts[0])[: _count(size, counts[0])]
    else:
        test = _stratified(np.asarray(labels), size, counts[0], generator, dataset)
    test = np.sort(test)
    train = np.setdiff1d(np.arange(counts[0]), test)
    if dataset is None:
        return [part[rows] for part in parts for rows in (train, test)]
    kept, held = dataset.take(train), dataset.take(test)
    return kept.filled_as(kept), held.filled_as(kept)


def _test_size(test_size: float | None, train_size: float | None, samples: int) -> float:
    """Return the size of the test part: a fraction, or a whole number of samples."""
    for name, size in (("test_size", test_size), ("train_size", train_size)):
        if size is None:
            continue
        is_count = isinstance(size, int | np.integer)
        if not (1 <= size < samples if is_count else 0.0 < size < 1.0):
            raise ValueError(
                f"expected {name} to be a fraction between 0 and 1, or a number of samples "
                f"from 1 to {samples - 1}, got {size}"
            )
    if test_size is None:
        if train_size is None:
            return 0.25
        return samples - train_size if isinstance(train_size, int | np.integer) else 1.0 - train_size
    if train_size is not None:
        raise ValueError(f"expected test_size or train_size, got both: {test_size} and {train_size}")
    return test_size


def _count(size: float, samples: int) -> int:
    """Return the number of test samples, as scikit-learn rounds it."""
    return int(size) if size >= 1 else min(math.ceil(size * samples), samples - 1)


def _stratified(
    labels: npt.NDArray[Any],
    size: float,
    samples: int,
    generator: np.random.Generator,
    dataset: Dataset | None,
) -> Rows:
    """Return the samples of the test part: of each class the same fraction, and at least one."""
    if labels.shape != (samples,):
        raise ValueError(f"expected stratify to have shape ({samples},), got {labels.shape}")
    classes, of_class = np.unique(labels, return_inverse=True)
    members = [generator.permutation(np.flatnonzero(of_class == i)) for i in range(len(classes))]
    for label, rows in zip(classes.tolist(), members, strict=True):
        if len(rows) < 2:
            where = f"{dataset.name}: class {dataset.classes[label]!r}" if dataset else f"class {label!r}"
            raise DatasetError(f"{where} has 1 sample; it takes two or more, to train on and to hold out")
    counts = np.array([len(rows) for rows in members])
    wanted = counts * (size if size < 1 else size / samples)
    take = np.clip(np.round(wanted), 1, counts - 1).astype(int)
    if size >= 1:
        _settle(take, wanted, counts, int(size))
    return np.concatenate([rows[:count] for rows, count in zip(members, take, strict=True)])


def _settle(take: Rows, wanted: npt.NDArray[np.float64], counts: Rows, total: int) -> None:
    """Change by how many each class is represented until they are as many as is wanted."""
    if not len(take) <= total <= counts.sum() - len(take):
        raise ValueError(
            f"expected room for each of {len(take)} classes in both parts, got a test of {total}"
        )
    while more := int(np.sign(total - take.sum())):
        free = take < counts - 1 if more > 0 else take > 1
        take[np.where(free, more * (wanted - take), -np.inf).argmax()] += more
