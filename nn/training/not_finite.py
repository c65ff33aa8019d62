"""Why a loss is not finite."""

from __future__ import annotations

import math

import numpy as np

from ..modules.module import Module
from .samples import WeightedSamples


def why_not_finite(cell: str, model: Module, is_first: bool, has_rate: bool = True) -> str:
    """Return the probable cause of a loss that is not finite, and a remedy: the data's, if a cell is not."""
    if cell:
        return cell
    see = "train inside autograd.anomaly() to see where it begins"
    if not is_first:
        remedy = "lower the learning rate" if has_rate else "it may have no minimum, so add an l2_penalty"
        return f"{remedy}, or {see}"
    for name, parameter in model.named_parameters():
        if not math.isfinite(parameter):
            return f"the parameter {name} was {parameter.data} before the first step; initialise it anew"
    return f"no step was done yet, so it is the model, the loss or the scale of the data: {see}"


def not_finite_in(samples: WeightedSamples, first_row: int = 0) -> str:
    """Return which of the data is not finite, and a remedy; nothing if all are.

    Parameters
    ----------
    samples : WeightedSamples
        The samples, or some of them.
    first_row : int
        The row of the first.

    Returns
    -------
    str
        The cell, counted from 0.

    Examples
    --------
    >>> from .samples import samples_of
    >>> not_finite_in(samples_of([[1.0, float("nan")]], [0]))
    'inputs[0, 1] (row 0, column 1) is nan: leave out such samples, or fill in what is missing'
    """
    for name, array in (("inputs", samples.x), ("targets", samples.y)):
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            row, *columns = np.argwhere(~np.isfinite(array))[0].tolist()
            number, place = array[row, *columns], [first_row + row, *columns]
            cell = f"{name}[{', '.join(map(str, place))}]"
            where = f"row {place[0]}" + (f", column {place[1]}" if len(place) > 1 else "")
            remedy = "leave out such samples, or fill in what is missing"
            return f"{cell} ({where}) is {number}: {remedy}"
    return ""
