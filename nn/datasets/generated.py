"""Generated data sets."""

from __future__ import annotations

import numpy as np

from ..randomness import Rng
from .dataset import Dataset


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
    if samples < 2 or not noise >= 0.0:
        raise ValueError(f"moons expected samples >= 2 and noise >= 0, got {samples} and {noise}")
    upper = samples // 2
    t = np.concatenate([np.linspace(0.0, np.pi, upper), np.linspace(0.0, np.pi, samples - upper)])
    labels = np.repeat([0, 1], [upper, samples - upper])
    x = np.where(labels == 0, np.cos(t), 1.0 - np.cos(t))
    y = np.where(labels == 0, np.sin(t), 0.5 - np.sin(t))
    inputs = np.column_stack([x, y]) + np.random.default_rng(rng).normal(0.0, noise, (samples, 2))
    return Dataset("moons", inputs, labels, ("x", "y"), ("upper", "lower"))
