"""Why a loss is not finite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..modules.module import Module

Array = npt.NDArray[Any]


def why_not_finite(x: Array, y: Array, model: Module, is_first: bool) -> str:
    """Return the probable cause of a loss that is not finite, and a remedy."""
    # With an infinite input the loss may be finite and its gradient not, which only later batches show.
    for name, array in (("inputs", x), ("targets", y)):
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            place = np.argwhere(~np.isfinite(array))[0].tolist()
            number = f"{name}[{', '.join(map(str, place))}] is {array[tuple(place)]}"
            return f"{number}: leave out such samples, or fill in what is missing"
    see = "train inside autograd.anomaly() to see where it begins"
    if not is_first:
        return f"lower the learning rate, or {see}"
    for name, parameter in model.named_parameters():
        if not math.isfinite(parameter):
            return f"the parameter {name} was {parameter.data} before the first step; initialise it anew"
    return f"no step was done yet, so it is the model, the loss or the scale of the data: {see}"
