"""`Standardizer`: features of mean 0 and standard deviation 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .dataset import Inputs


@dataclass(frozen=True)
class Standardizer:
    """Shifts and scales each feature to mean 0 and standard deviation 1.

    Attributes
    ----------
    mean, scale : ndarray of float, shape (features,)
        Mean and standard deviation of the samples it was made from. A constant feature has scale 1.

    Examples
    --------
    >>> Standardizer.of(np.array([[1.0], [3.0]]))(np.array([[5.0]]))
    array([[3.]])
    """

    mean: Inputs
    scale: Inputs

    @classmethod
    def of(cls, inputs: Inputs) -> Standardizer:
        """Return the standardizer of these samples."""
        # The computed deviation would not do: that of 99 times 0.1 is 1e-17 by rounding.
        constant = np.ptp(inputs, axis=0) == 0.0
        return cls(inputs.mean(axis=0), np.where(constant, 1.0, inputs.std(axis=0)))

    def __call__(self, inputs: Inputs) -> Inputs:
        """Return the samples, standardised."""
        return (inputs - self.mean) / self.scale
