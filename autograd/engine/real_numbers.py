"""What counts as a real number, and real numbers as Python floats."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from .description import Description

NUMBERS = (float, int, Real, np.bool_)
"""The types that an operand may have besides `Value`; the first two answer most tests sooner than `Real`."""

Number: TypeAlias = float | Real | np.bool_

_ARRAYS = (list, tuple, np.ndarray)


def checked_number(data: object) -> float:
    """Return a real number as a float.

    Parameters
    ----------
    data : object
        A real number of any type, or an array of no dimensions.

    Returns
    -------
    float
        The number.

    Raises
    ------
    TypeError
        For anything else.

    Examples
    --------
    >>> checked_number(2)
    2.0
    """
    if isinstance(data, Real | np.bool_):
        return float(data)
    if isinstance(data, np.ndarray) and data.ndim == 0 and data.dtype.kind in "fiu":
        return float(data)
    if isinstance(data, Description):
        raise TypeError(f"expected a number, got {data!r}; use it as it is, or its .data")
    hint = "; for an array of Values use as_values(array)" if isinstance(data, _ARRAYS) else ""
    raise TypeError(f"expected a real number, got {data!r} ({type(data).__name__}){hint}")


def nearest_float(number: Any) -> float:
    """Return a real number as a float; inf or -inf where it is too large for one.

    Examples
    --------
    >>> nearest_float(-(10**400))
    -inf
    """
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
