"""The outputs of a model for many samples, as plain numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import data, jit

from .evaluating import evaluating
from .module import Module

Array = npt.NDArray[np.float64]

# Compiling takes as long as an eager call for so many samples of a small network.
_WORTH_COMPILING = 500

# A graph of so many samples at a time fits into memory.
_AT_ONCE = 5000


def plain_outputs(model: Module, inputs: Array) -> Array:
    """Return the outputs of a model for a batch as in evaluation, compiled if there are many samples.

    Parameters
    ----------
    model : Module
        The model.
    inputs : ndarray of float, shape (samples, inputs)
        A row for each sample.

    Returns
    -------
    ndarray of float, shape (samples, outputs)
        The outputs.

    Examples
    --------
    >>> from nn import MLP
    >>> plain_outputs(MLP(2, [3], rng=0), np.ones((4000, 2))).shape
    (4000, 3)
    """
    with evaluating(model):
        if len(inputs) > _WORTH_COMPILING:
            try:
                # One call, which machine code would not pay off for.
                return np.asarray(jit(_outputs, backend="numpy")(model, inputs), dtype=float)
            except Exception:
                # An eager call raises what has nothing to do with compiling.
                pass
        parts = [inputs[start : start + _AT_ONCE] for start in range(0, max(len(inputs), 1), _AT_ONCE)]
        return np.concatenate([data(model(part)) for part in parts])


def _outputs(model: Module, inputs: Any) -> Any:
    return model(inputs)
