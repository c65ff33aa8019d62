"""What is less accurate than the rest, with the reason: it is left out, or has another bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .ulps import Floats

Mask = npt.NDArray[np.bool_]

VALUES, DERIVATIVES = "values", "derivatives"


class Deviation(NamedTuple):
    """A deviation from the bound.

    Attributes
    ----------
    of : tuple of str
        The names of the subjects.
    what : tuple of str
        Values or derivatives, or both.
    reason : str
        Why, for the report.
    bound : float or None
        In ulp; None if the points are left out.
    at : callable or None
        At which points, an array of a column for each argument; None for all.
    """

    of: tuple[str, ...]
    what: tuple[str, ...]
    reason: str
    bound: float | None = None
    at: Callable[[Floats], Any] | None = None


def _sizes(points: Floats) -> Floats:
    return np.asarray(abs(points).max(axis=1))


def _products_leave_the_range(points: Floats) -> Any:
    """Return whether a product of some factors, in any order, may over- or underflow."""
    logs = np.log2(abs(points))
    return (np.maximum(logs, 0.0).sum(axis=1) > 1022.0) | (np.minimum(logs, 0.0).sum(axis=1) < -1022.0)


def _squares_leave_the_range(points: Floats) -> Any:
    """Return whether the square of the largest, or of a distance from the mean, over- or underflows."""
    spread = np.minimum(_sizes(points), _sizes(points - points.mean(axis=1, keepdims=True)))
    return (_sizes(points) > 1e153) | (spread < 1e-145)


_BOTH = (VALUES, DERIVATIVES)

DEVIATIONS = (
    Deviation(
        ("cbrt",),
        _BOTH,
        "the GNU C library's root is off by up to 3.67 ulp (Zimmermann et al., Accuracy of mathematical "
        "functions), and the derivative is that root over 3 x; NumPy has its own for some processors",
        bound=6.0,
    ),
    Deviation(
        ("floordiv",),
        (VALUES,),
        "quotients beyond 2⁵³, where all numbers are whole, are computed from the remainder, as in NumPy",
        bound=2.0,
    ),
    Deviation(
        ("numpy.var of 4", "numpy.std of 4"),
        (DERIVATIVES,),
        "the mean of nearly equal numbers is rounded, as in NumPy",
        at=lambda x: _sizes(x - x.mean(axis=1, keepdims=True)) < 2.0**-20 * _sizes(x),
    ),
    Deviation(
        ("sum", "mean", "dot", "numpy.var of 4"),
        _BOTH,
        "a sum on the way to a smaller result overflows, as in NumPy",
        at=lambda x: _sizes(x) > (1e306 if x.shape[1] == 4 else 1e152),
    ),
    Deviation(
        ("prod",),
        _BOTH,
        "a product of some of the factors over- or underflows, as in NumPy",
        at=_products_leave_the_range,
    ),
    Deviation(
        ("numpy.var of 4", "numpy.std of 4", "numpy.linalg.norm of 4"),
        _BOTH,
        "a square over- or underflows, as in NumPy; `autograd.norm` does not square",
        at=_squares_leave_the_range,
    ),
    Deviation(
        ("arctan2",),
        (DERIVATIVES,),
        "the distance from the origin is subnormal, and has fewer digits",
        at=lambda x: _sizes(x) < 2.0**-1021,
    ),
    Deviation(
        ("silu",),
        _BOTH,
        "a factor, the sigmoid, is subnormal, and has fewer digits",
        at=lambda x: x[:, 0] < -708.0,
    ),
    Deviation(
        ("gelu",),
        _BOTH,
        "a factor, the sigmoid, is subnormal, and has fewer digits",
        at=lambda x: x[:, 0] < -21.0,
    ),
    Deviation(
        ("softmax, the first of 4",),
        (DERIVATIVES,),
        "the derivative of a share p by its own logit is p (1 - p), of a rounded p: where it is close to "
        "1, use `cross_entropy`",
        at=lambda x: x[:, 0] >= x[:, 1:].max(axis=1),
    ),
    Deviation(
        ("numpy.sinc",),
        _BOTH,
        "far from 0 π x is rounded",
        at=lambda x: abs(x[:, 0]) > 2.0**26,
    ),
    Deviation(
        ("half_squared_error",),
        _BOTH,
        "it is half of a number that overflows",
        at=lambda x: abs(x[:, 0] / 2.0 - x[:, 1] / 2.0) > 6e153,
    ),
    Deviation(
        ("binary_cross_entropy",),
        (DERIVATIVES,),
        "the reciprocal of a subnormal probability overflows",
        at=lambda x: x[:, 0] < 2.0**-1021,
    ),
    Deviation(
        ("binary_cross_entropy_with_logits of 3/4, weight 3", "cross_entropy of 4 logits, 4 probabilities"),
        _BOTH,
        "a multiple of the logit, or the difference of two, overflows",
        at=lambda x: _sizes(x) > 4e307,
    ),
    Deviation(
        ("gelu",),
        _BOTH,
        "the argument of the sigmoid is rounded four times, and far below 0 each counts a thousandfold",
        bound=8.0,
    ),
    Deviation(
        ("cross_entropy, label smoothed by 1/2", "cross_entropy of 4 logits, 4 probabilities"),
        (DERIVATIVES,),
        "the difference of a share, which is rounded, and its target",
        bound=8.0,
    ),
    Deviation(
        ("softmax, the first of 4",),
        (DERIVATIVES,),
        "the product of two shares, each rounded three times",
        8.0,
    ),
)


def excepted(name: str, what: str, points: Floats) -> Mask:
    """Return which points are left out.

    Examples
    --------
    >>> excepted("prod", "values", np.array([[1e200, 1e200, 1e-200], [1.0, 2.0, 3.0]]))
    array([ True, False])
    """
    found = np.zeros(len(points), bool)
    with np.errstate(all="ignore"):
        for one in deviations(name, what):
            if one.at is not None:
                found |= one.at(points)
    return found


def deviations(name: str, what: str) -> list[Deviation]:
    """Return the deviations of a subject.

    Examples
    --------
    >>> [one.reason for one in deviations("exp", "values")]
    []
    """
    return [one for one in DEVIATIONS if name in one.of and what in one.what]
