"""Slopes of a function of one number, measured from its values alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

# Powers of two, so that x + h has few digits more than x: from 1/16 down to 1.5e-8, the square root of eps.
_STEPS = [2.0**-k for k in range(4, 27, 2)]

# Steps shrink by 4: from quotient to quotient 1/h grows by 4, 1/sqrt(h) by 2, and a finite slope by 1.
_GROWTH = 1.3


class Slope(NamedTuple):
    """A slope, how far it may be off, and the step it was measured with."""

    value: float
    uncertainty: float
    step: float


class Slopes(NamedTuple):
    """What a function does to the left, to the right, and on both sides of a point."""

    left: Slope
    right: Slope
    central: Slope


def slopes(f: Callable[[float], float], x: float) -> Slopes:
    """Measure the slopes of a function at a point.

    Each is extrapolated from pairs of steps (Richardson, 1911), and taken at the step where two neighbours
    agree best: a larger one feels the curvature, a smaller one the rounding.

    Parameters
    ----------
    f : callable
        From float to float; it may give nan outside of its domain.
    x : float
        The point.

    Returns
    -------
    Slopes
        With nan where the function has no finite values on that side.

    Examples
    --------
    >>> left, right, central = slopes(abs, 0.0)
    >>> left.value, right.value, central.value
    (-1.0, 1.0, 0.0)
    """
    scale = max(1.0, abs(x))
    here = f(x)
    steps = [scale * step for step in _STEPS]
    above = [f(x + h) for h in steps]
    below = [f(x - h) for h in steps]
    forward = [(y - here) / h for y, h in zip(above, steps, strict=True)]
    backward = [(here - y) / h for y, h in zip(below, steps, strict=True)]
    both = [(up - down) / (2.0 * h) for up, down, h in zip(above, below, steps, strict=True)]
    return Slopes(_best(backward, steps, 1), _best(forward, steps, 1), _best(both, steps, 2))


def _best(quotients: list[float], steps: list[float], power: int) -> Slope:
    """Return the extrapolation that agrees best with its neighbour; its error falls as h**power.

    Quotients that keep growing, as those of the square root at 0 do, have no limit but infinity.
    """
    if all(abs(fine) > _GROWTH * abs(coarse) > 0.0 for coarse, fine in pairwise(quotients)):
        return Slope(math.copysign(math.inf, quotients[-1]), 0.0, steps[-1])
    ratio = (steps[0] / steps[1]) ** power
    better = [(ratio * fine - coarse) / (ratio - 1.0) for coarse, fine in pairwise(quotients)]
    found = Slope(math.nan, math.inf, steps[-1])
    for (coarse, fine), step in zip(pairwise(better), steps[1:], strict=False):
        if abs(fine - coarse) < found.uncertainty:
            found = Slope(fine, abs(fine - coarse), step)
    return found
