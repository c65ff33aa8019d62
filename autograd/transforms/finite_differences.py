"""Finite differences: the derivative of a function of one number, measured from its values alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

# Powers of two, so that x + h is nearly exact: from 1/16 down to 1.5e-8, the square root of eps.
_STEPS = [2.0**-k for k in range(4, 27, 2)]

# For functions that vary a thousand times faster: down to 4 eps.
_FINE_STEPS = [2.0**-k for k in range(28, 51, 2)]

# Steps shrink by 4, so that from quotient to quotient 1/h grows by 4, 1/sqrt(h) by 2, a finite slope by 1.
_GROWTH = 1.3

# The rounding error of a value, relative to it: one eps, although a function of a few operations rounds a few
# times.
_ROUNDING = 2.0**-52

# Where steps are finer by this factor, the curvature that an extrapolation removes no longer matters.
_MUCH = 32.0

# The number of powers of the step that an extrapolation removes from the error.
_ORDERS = 4

# A slope whose relative uncertainty is below this needs no finer steps.
_CERTAIN = 1e-5


class Slope(NamedTuple):
    """A measured slope, its uncertainty, and the step it was measured with."""

    value: float
    uncertainty: float
    step: float


class Slopes(NamedTuple):
    """The one-sided and the central slope of a function at a point."""

    left: Slope
    right: Slope
    central: Slope


def slopes(f: Callable[[float], float], x: float, scales: Sequence[float] = ()) -> Slopes:
    """Measure the slopes of a function at a point by finite differences.

    Difference quotients at shrinking steps are extrapolated to step 0 (Richardson, 1911), and the
    extrapolation with the smallest estimated error is taken (Ridders, 1982): curvature spoils large steps,
    and rounding small ones. Near 0 a function may vary on the scale of 1 or, as the logarithm does, on that
    of the point itself, so steps of both scales are tried. Where their results contradict each other, the
    smaller scale is right.

    Parameters
    ----------
    f : callable
        A function from float to float; outside its domain it may return nan.
    x : float
        The point.
    scales : sequence of float
        The scales of the steps, the largest first. If not given, 1 and the size of the point.

    Returns
    -------
    Slopes
        The slopes; nan where the function has no finite values on that side.

    Examples
    --------
    >>> left, right, central = slopes(abs, 0.0)
    >>> left.value, right.value, central.value
    (-1.0, 1.0, 0.0)
    >>> f"{slopes(lambda x: 1.0 / x, 1e-5).central.value:.6g}"
    '-1e+10'
    """
    size = abs(x)
    ladders = [
        [scale * step for step in _STEPS]
        for scale in scales or ([max(1.0, size)] + ([size] if 0.0 < size < _STEPS[0] else []))
    ]
    here = f(x)
    sides = [_Side(-1.0, 1), _Side(1.0, 1), _Side(0.0, 2)]
    for ladder in ladders:
        _climb(f, x, here, ladder, sides)
    if not all(side.is_certain for side in sides):
        smallest = ladders[-1][0] / _STEPS[0]
        _climb(f, x, here, [smallest * step for step in _FINE_STEPS], sides, is_fine=True)
    return Slopes(*(side.slope for side in sides))


def _climb(
    f: Callable[[float], float],
    x: float,
    here: float,
    steps: Sequence[float],
    sides: Sequence[_Side],
    *,
    is_fine: bool = False,
) -> None:
    """Measure with steps that shrink by 4."""
    above = [f(x + h) for h in steps]
    below = [f(x - h) for h in steps]
    for side in sides:
        side.add(x, here, below, above, steps, is_fine)


class _Side:
    """The difference quotients to one side, or across the point; their error is of order step**power."""

    def __init__(self, direction: float, power: int) -> None:
        self._direction, self._power = direction, power
        self._quotients: list[float] = []
        self._last_change = 0.0
        self._found = Slope(math.nan, math.inf, math.nan)

    def add(
        self,
        x: float,
        here: float,
        below: Sequence[float],
        above: Sequence[float],
        steps: Sequence[float],
        is_fine: bool,
    ) -> None:
        """Add the values at finer steps."""
        points = [(x - h if self._direction <= 0 else x, x + h if self._direction >= 0 else x) for h in steps]
        values = [
            (low if self._direction <= 0 else here, high if self._direction >= 0 else here)
            for low, high in zip(below, above, strict=True)
        ]
        pairs = list(zip(points, values, strict=True))
        quotients = [_quotient(*point, *value) for point, value in pairs]
        noises = [_quotient(*point, 0.0, _ROUNDING * max(map(abs, value))) for point, value in pairs]
        for i, (quotient, step) in enumerate(zip(quotients, steps, strict=True)):
            if quotient != 0.0 and math.isfinite(quotient):
                self._last_change = abs(quotient) * step
            elif quotient == 0.0 and is_fine:
                # 1 - tanh(x)**2 is 8e-9 at 10, but rounded to multiples of 1e-16: between two it looks flat.
                noises[i] += self._last_change / step
        self._quotients += quotients
        self._found = _better(self._found, _best(quotients, noises, steps, self._power))

    @property
    def slope(self) -> Slope:
        """The slope; infinite if the quotients keep growing, as those of the square root at 0 do."""
        last = self._quotients[-1]
        grows = all(abs(fine) > _GROWTH * abs(coarse) > 0.0 for coarse, fine in pairwise(self._quotients))
        if grows or (math.isinf(last) and self._quotients[-2] == last):
            return Slope(math.copysign(math.inf, last), 0.0, self._found.step)
        return self._found

    @property
    def is_certain(self) -> bool:
        """Whether finer steps are not needed: there are no finite values, or the slope is known well."""
        if all(map(math.isnan, self._quotients)):
            return True
        return self._found.uncertainty <= _CERTAIN * abs(self._found.value)


def _quotient(left: float, right: float, low: float, high: float) -> float:
    """Return a difference quotient over the actual points, which rounding has moved."""
    return (high - low) / (right - left) if right > left else math.nan


def _best(quotients: Sequence[float], noises: Sequence[float], steps: Sequence[float], power: int) -> Slope:
    """Return the extrapolation that agrees best with the two estimates it was made from."""
    found = Slope(math.nan, math.inf, steps[-1])
    ratio = (steps[0] / steps[1]) ** power
    column = list(quotients)
    for order in range(1, _ORDERS + 1):
        weight = ratio**order
        for i in range(len(column) - 1, 0, -1):
            coarse, fine = column[i - 1], column[i]
            better = (weight * fine - coarse) / (weight - 1.0)
            doubt = max(abs(better - coarse), abs(better - fine)) + noises[i + order - 1]
            if doubt < found.uncertainty:
                found = Slope(better, doubt, steps[i + order - 1])
            column[i] = better
        del column[0]
    return found._replace(uncertainty=found.uncertainty + _scatter(found, quotients, steps))


def _scatter(found: Slope, quotients: Sequence[float], steps: Sequence[float]) -> float:
    """Return the error of the slope that much finer steps reveal.

    The derivative out * (1 - out) of the sigmoid is 4e-7 at 15 with an error of 1e-16, far more than one eps
    of its value. Where two steps round alike, their quotients agree by chance.
    """
    much_finer = [(q, h) for q, h in zip(quotients, steps, strict=True) if h < found.step / _MUCH]
    return max(
        (abs(q - found.value) * h / found.step for q, h in much_finer if math.isfinite(q)), default=0.0
    )


def _better(coarse: Slope, fine: Slope) -> Slope:
    """Return the more certain of two slopes, or the finer one if they contradict each other."""
    if math.isnan(coarse.value) or math.isnan(fine.value):
        return coarse if math.isnan(fine.value) else fine
    contradict = abs(coarse.value - fine.value) > 10.0 * (coarse.uncertainty + fine.uncertainty)
    return fine if contradict or fine.uncertainty < coarse.uncertainty else coarse
