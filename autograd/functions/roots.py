"""Functions of NumPy whose formula has no derivative at 0, though they have one, or a convention.

`root_of_squares` is the square root in norms and standard deviations, `sinc` is sin(πx) / (πx).
"""

from __future__ import annotations

from math import factorial, pi
from typing import Any

import numpy as np

# The last of 16 terms is 2e-29 at x = 0.5, and 1e-20 of the sixth derivative.
_SERIES = [(-1.0) ** n * pi ** (2 * n) / factorial(2 * n + 1) for n in range(16)]


def root_of_squares(total: Any) -> Any:
    """Return the square root of a sum of squares, with the derivative 0 where all of them are 0.

    There a norm has a kink, as an absolute value has at 0, and that is its convention. The derivative of the
    square root alone is infinite, and times those of the squares nan.

    Parameters
    ----------
    total : Value, float or array
        The sum of squares.

    Returns
    -------
    Value, float or array
        The root.

    Examples
    --------
    >>> from autograd import grad
    >>> grad(lambda x: root_of_squares(x * x))(0.0), grad(lambda x: root_of_squares(x * x))(-2.0)
    (0.0, -1.0)
    """
    is_zero = np.equal(total, 0.0)
    return np.where(is_zero, 0.0, np.sqrt(np.where(is_zero, 1.0, total)))


def sinc(x: Any) -> Any:
    """Return sin(πx) / (πx), 1 at 0, as `numpy.sinc`; derivatives keep their digits near 0.

    Those of the quotient cancel there: at 1e-5 NumPy's formula leaves six digits of the first one, and of the
    second one none. So a Taylor series takes its place within 0.5.

    Parameters
    ----------
    x : Value, float or array
        The number.

    Returns
    -------
    Value, float or array
        The function, of each element.

    Examples
    --------
    >>> from autograd import grad
    >>> float(sinc(0.5)), round(grad(sinc)(1e-5) * 1e5, 12), round(grad(grad(sinc))(0.0), 12)
    (0.6366197723675814, -3.289868133372, -3.289868133696)
    """
    is_small = np.abs(x) < 0.5
    square = np.square(np.where(is_small, x, 0.0))
    series: Any = _SERIES[-1]
    for coefficient in reversed(_SERIES[:-1]):
        series = series * square + coefficient
    angle = np.where(is_small, 1.0, np.multiply(pi, x))
    return np.where(is_small, series, np.sin(angle) / angle)
