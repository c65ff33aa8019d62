"""Generated data sets. Their arguments are alike: the number of samples, the noise, and its source."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..randomness import Rng
from .dataset import Dataset, Inputs

_PLANE = ("x", "y")


def moons(samples: int = 200, noise: float = 0.1, rng: Rng = 0) -> Dataset:
    """Return two interleaved half circles of points.

    Parameters
    ----------
    samples : int
        Number of points, at least 2.
    noise : float
        Standard deviation of the normal noise on each coordinate; the circles have radius 1.
    rng : Generator, int or None
        The source of the noise.

    Returns
    -------
    Dataset
        Two features x and y, two classes.

    Raises
    ------
    ValueError
        For fewer than 2 samples, or negative noise.

    Examples
    --------
    >>> moons(100).inputs.shape
    (100, 2)
    """
    labels, generator = _labels("moons", samples, noise, 2, rng)
    t = _along(labels) * np.pi
    x = np.where(labels == 0, np.cos(t), 1.0 - np.cos(t))
    y = np.where(labels == 0, np.sin(t), 0.5 - np.sin(t))
    return Dataset("moons", _noisy(x, y, noise, generator), labels, _PLANE, ("upper", "lower"), "moon")


def circles(samples: int = 200, noise: float = 0.1, rng: Rng = 0, *, factor: float = 0.5) -> Dataset:
    """Return a circle of points within another.

    Parameters
    ----------
    samples, noise, rng
        As in `moons`; the outer circle has radius 1.
    factor : float
        Radius of the inner circle, between 0 and 1.

    Returns
    -------
    Dataset
        Two features x and y, two classes.

    Raises
    ------
    ValueError
        For fewer than 2 samples, negative noise, or a factor out of range.

    Examples
    --------
    >>> circles(100).classes
    ('outer', 'inner')
    """
    if not 0.0 < factor < 1.0:
        raise ValueError(f"circles expected factor to be between 0 and 1, got {factor}")
    labels, generator = _labels("circles", samples, noise, 2, rng)
    # The last point would be the first again.
    t = 2.0 * np.pi * _along(labels, closed=True)
    radius = np.where(labels == 0, 1.0, factor)
    inputs = _noisy(radius * np.cos(t), radius * np.sin(t), noise, generator)
    return Dataset("circles", inputs, labels, _PLANE, ("outer", "inner"), "circle")


def spirals(samples: int = 200, noise: float = 0.1, rng: Rng = 0) -> Dataset:
    """Return two spirals of points that wind around each other.

    Parameters
    ----------
    samples, noise, rng
        As in `moons`; the spirals turn once and a half, out to radius 3.

    Returns
    -------
    Dataset
        Two features x and y, two classes.

    Raises
    ------
    ValueError
        For fewer than 2 samples, or negative noise.

    Examples
    --------
    >>> spirals(100).inputs.shape
    (100, 2)
    """
    labels, generator = _labels("spirals", samples, noise, 2, rng)
    # From a distance of the middle, where the two would be one; the root spaces the points evenly.
    radius = 3.0 * np.sqrt(0.02 + 0.98 * _along(labels))
    angle = np.pi * (radius + labels)
    inputs = _noisy(radius * np.cos(angle), radius * np.sin(angle), noise, generator)
    return Dataset("spirals", inputs, labels, _PLANE, ("first", "second"), "spiral")


def xor(samples: int = 200, noise: float = 0.1, rng: Rng = 0) -> Dataset:
    """Return points of a square, whose class is whether their coordinates differ in sign.

    Parameters
    ----------
    samples, rng
        As in `moons`, at least 4 samples.
    noise : float
        Standard deviation of the normal noise that is added to each coordinate once the class is known.

    Returns
    -------
    Dataset
        Two features x and y from -1 to 1, two classes.

    Raises
    ------
    ValueError
        For fewer than 4 samples, or negative noise.

    Examples
    --------
    >>> x, y = xor(100, noise=0.0)
    >>> bool(np.all((x[:, 0] * x[:, 1] < 0) == y))
    True
    """
    quarters, generator = _labels("xor", samples, noise, 4, rng)
    size = 1.0 - generator.random((samples, 2))
    x, y = size[:, 0] * np.where(quarters % 2, -1.0, 1.0), size[:, 1] * np.where(quarters < 2, 1.0, -1.0)
    labels = (x * y < 0.0).astype(np.int64)
    return Dataset("xor", _noisy(x, y, noise, generator), labels, _PLANE, ("same", "different"), "signs")


def blobs(samples: int = 200, noise: float = 0.3, rng: Rng = 0, *, centers: int = 3) -> Dataset:
    """Return groups of points around centres, which are spread evenly on a circle of radius 1.

    Parameters
    ----------
    samples, rng
        As in `moons`, at least as many samples as centres.
    noise : float
        Standard deviation of each coordinate within a group.
    centers : int
        The number of groups, at least 2.

    Returns
    -------
    Dataset
        Two features x and y, a class for each group.

    Raises
    ------
    ValueError
        For too few samples or centres, or negative noise.

    Examples
    --------
    >>> blobs(100, centers=4).classes
    ('1', '2', '3', '4')
    """
    if centers < 2:
        raise ValueError(f"blobs expected centers >= 2, got {centers}")
    labels, generator = _labels("blobs", samples, noise, centers, rng)
    angle = np.pi * (0.5 + 2.0 * labels / centers)
    inputs = _noisy(np.cos(angle), np.sin(angle), noise, generator)
    return Dataset("blobs", inputs, labels, _PLANE, tuple(str(1 + i) for i in range(centers)), "group")


def linear(samples: int = 200, noise: float = 0.1, rng: Rng = 0) -> Dataset:
    """Return points along the line ``y = 2 x + 1``, a regression.

    Parameters
    ----------
    samples : int
        Number of points, at least 2, for x from -1 to 1.
    noise : float
        Standard deviation of the normal noise on y.
    rng : Generator, int or None
        The source of the noise.

    Returns
    -------
    Dataset
        One feature x, and targets y.

    Raises
    ------
    ValueError
        For fewer than 2 samples, or negative noise.

    Examples
    --------
    >>> x, y = linear(3, noise=0.0)
    >>> y.tolist()
    [-1.0, 1.0, 3.0]
    """
    _, generator = _labels("linear", samples, noise, 2, rng)
    x = np.linspace(-1.0, 1.0, samples)
    return Dataset(
        "linear", x[:, None], 2.0 * x + 1.0 + generator.normal(0.0, noise, samples), ("x",), target="y"
    )


def _labels(
    name: str, samples: int, noise: float, groups: int, rng: Rng
) -> tuple[npt.NDArray[np.int64], np.random.Generator]:
    """Return a label for each sample, in groups of one size as far as possible, and the source of noise."""
    if samples < groups or not noise >= 0.0:
        raise ValueError(f"{name} expected samples >= {groups} and noise >= 0, got {samples} and {noise}")
    labels = (np.arange(1, samples + 1) * groups - 1) // samples
    return labels, np.random.default_rng(rng)


def _along(labels: npt.NDArray[np.int64], closed: bool = False) -> Inputs:
    """Return how far along its group each sample is: from 0 to 1, without the 1 on a closed line."""
    counts = np.bincount(labels)
    return np.concatenate([np.linspace(0.0, 1.0, count, endpoint=not closed) for count in counts])


def _noisy(x: Inputs, y: Inputs, noise: float, generator: np.random.Generator) -> Inputs:
    return np.column_stack([x, y]) + generator.normal(0.0, noise, (len(x), 2))
