"""Errors in units in the last place (ulp) of the double nearest to the exact number."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mpmath import mp, mpf

Floats = npt.NDArray[np.float64]

_LARGE = 2.0**1000


class Exact(NamedTuple):
    """Exact numbers: ``nearest + rest`` ulp; nan where there is none."""

    nearest: Floats
    rest: Floats


def exactly(numbers: Any) -> Exact:
    """Return numbers of mpmath, such that errors can be computed on arrays.

    Parameters
    ----------
    numbers : sequence of mpf
        Exact numbers; nan, infinite or complex ones stand for none.

    Returns
    -------
    Exact
        Each to 2**-53 ulp. What rounds to an infinity is one: its error is that of 2**1024.

    Examples
    --------
    >>> exactly([mpf(1), 1 / mpf(3), mp.inf]).rest
    array([0.        , 0.33333333,        nan])
    """
    pairs = np.array([_parts(number) for number in numbers])
    return Exact(pairs[:, 0], pairs[:, 1])


def _parts(number: Any) -> tuple[float, float]:
    if isinstance(number, mp.mpc) or not mp.isfinite(number):
        return np.nan, np.nan
    nearest = float(number)
    if np.isinf(nearest):
        return nearest, 0.0
    return nearest, float((number - mpf(nearest)) / float(np.spacing(abs(nearest))))


def errors(found: Floats, exact: Exact) -> Floats:
    """Return the errors of numbers in ulp of the exact ones.

    Parameters
    ----------
    found : ndarray
        The numbers. An infinite one counts as 2**1024, with its sign; the error of nan is infinite.
    exact : Exact
        What they should be.

    Returns
    -------
    ndarray
        Not negative; nan where there is no exact number.

    Examples
    --------
    >>> errors(np.array([1 / 3, np.inf, np.nan]), exactly([1 / mpf(3), mpf(1.5e308), mpf(1)]))
    array([3.33333333e-01, 1.49003473e+15,            inf])
    """
    nearest, rest = exact
    with np.errstate(all="ignore"):
        # Halved, so that 2**1024 is a number.
        is_large = abs(nearest) > _LARGE
        unit = np.spacing(abs(_halved(nearest)).clip(_LARGE / 4, 2.0**1022))
        of_large = (_halved(found) - _halved(nearest)) / unit
        of_others = (found - nearest) / np.spacing(abs(nearest))
        off = abs(np.where(is_large, of_large, of_others) - rest)
    off[np.isnan(found)] = np.inf
    off[np.isnan(nearest)] = np.nan
    return off


def _halved(numbers: Floats) -> Floats:
    return np.where(np.isinf(numbers), np.copysign(2.0**1023, numbers), numbers * 0.5)
