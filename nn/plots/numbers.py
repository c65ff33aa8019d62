"""The outputs of a model for many samples, as plain numbers."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import data, jit

from ..modules.module import Module

Array = npt.NDArray[np.float64]

# Compiling takes as long as an eager call for so many samples of a small network.
_WORTH_COMPILING = 2500

# A graph of so many samples at a time fits into memory.
_AT_ONCE = 5000


def outputs_of(model: Module, inputs: Array) -> Array:
    """Return the outputs of a model for a batch in evaluation mode, compiled if there are many samples.

    Examples
    --------
    >>> from nn import MLP
    >>> outputs_of(MLP(2, [3], rng=0), np.ones((4000, 2))).shape
    (4000, 3)
    """
    if any(module.training for module in model.modules()):
        model = copy.deepcopy(model).eval()
    if len(inputs) > _WORTH_COMPILING:
        try:
            # One call, which machine code would not pay off for.
            return np.asarray(jit(_outputs, backend="numpy")(model, inputs), dtype=float)
        except Exception:
            # An eager call raises what has nothing to do with compiling.
            pass
    parts = [inputs[start : start + _AT_ONCE] for start in range(0, len(inputs), _AT_ONCE)]
    return np.concatenate([data(model(part)) for part in parts])


def _outputs(model: Module, inputs: Any) -> Any:
    return model(inputs)
