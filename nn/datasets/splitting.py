"""Splitting a data set."""

from __future__ import annotations

import numpy as np

from ..randomness import Rng
from .dataset import Dataset, DatasetError


def split(dataset: Dataset, held_out: float = 1 / 3, rng: Rng = None) -> tuple[Dataset, Dataset]:
    """Return a training and a held-out part with the same mix of classes.

    Parameters
    ----------
    dataset : Dataset
        The samples.
    held_out : float
        Fraction to hold out, between 0 and 1.
    rng : Generator, int or None
        The source of the random choice.

    Returns
    -------
    (Dataset, Dataset)
        The part for training and the held-out part.

    Raises
    ------
    ValueError
        For a fraction out of range.
    DatasetError
        If a class has fewer than two samples: each part needs one.

    Examples
    --------
    >>> from .real import iris
    >>> [len(part) for part in split(iris(), rng=0)]
    [99, 51]
    """
    if not 0.0 < held_out < 1.0:
        raise ValueError(f"expected held_out to be between 0 and 1, got {held_out}")
    generator = np.random.default_rng(rng)
    kept, held = [], []
    for label, name in enumerate(dataset.classes):
        members = generator.permutation(np.flatnonzero(dataset.labels == label))
        if len(members) < 2:
            raise DatasetError(
                f"{dataset.name}: class {name!r} has {len(members)} sample; it takes two or more, "
                "to train on and to hold out"
            )
        count = min(max(round(held_out * len(members)), 1), len(members) - 1)
        held.append(members[:count])
        kept.append(members[count:])
    return dataset.take(np.sort(np.concatenate(kept))), dataset.take(np.sort(np.concatenate(held)))
