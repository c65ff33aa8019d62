"""The outputs of a model as numbers, for any number of samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autograd import data, jit

from ..modules.module import Module

# Compiling takes as long as about so many samples take without.
_WORTH_COMPILING = 500


def outputs_of(model: Module, inputs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the outputs, of shape (samples, outputs).

    Examples
    --------
    >>> from nn import MLP
    >>> outputs_of(MLP(2, [3], rng=0), np.zeros((1000, 2))).shape
    (1000, 3)
    """
    if len(inputs) < _WORTH_COMPILING:
        return np.asarray(data(model(inputs)))
    return np.asarray(jit(model)(inputs))
