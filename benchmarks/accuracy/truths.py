"""The exact values and derivatives of a subject at points, and how much the last bits of these matter."""

from __future__ import annotations

from math import isinf, ulp
from typing import Any

import numpy as np
import numpy.typing as npt
from mpmath import mp, mpf

from .points import tuples
from .subjects import Subject
from .ulps import Exact, Floats, exactly

Mask = npt.NDArray[np.bool_]

DIGITS = 50
# A remainder has all digits of the quotient, which may be 1e632.
DIGITS_OF_REMAINDERS, _REMAINDERS = 700, ("floordiv", "mod")

LARGEST, SMALLEST = 1.7976931348623157e308, 2.0**-1022


class Truths:
    """A subject at points inside its domain.

    Parameters
    ----------
    subject : Subject
        The subject.
    points : ndarray, shape (count, arguments)
        Points; those outside of the domain are left out.

    Attributes
    ----------
    points : ndarray, shape (count, arguments)
        The points inside.
    exact : list of Exact
        The values, and for each argument the derivatives: nan at poles.

    Examples
    --------
    >>> from .subjects import subjects
    >>> truths = Truths(subjects()["log"], np.array([[1.0], [-1.0]]))
    >>> truths.points.tolist(), [exact.nearest.tolist() for exact in truths.exact]
    ([[1.0]], [[0.0], [1.0]])
    """

    def __init__(self, subject: Subject, points: Floats) -> None:
        self.subject = subject
        self._digits = DIGITS_OF_REMAINDERS if subject.name in _REMAINDERS else DIGITS
        self._moved: dict[int, list[float]] = {}
        with mp.workdps(self._digits):
            rows = [self._at([*map(mpf, point)]) for point in points.tolist()]
            self.points = points[[row is not None for row in rows]]
            inside = [row for row in rows if row is not None]
            self.exact: list[Exact] = [exactly(column) for column in zip(*inside, strict=True)]

    def _at(self, point: list[Any]) -> list[Any] | None:
        """Return the value and the derivatives at a point, None outside of the domain."""
        try:
            value = self.subject.exact(*point)
            if isinstance(value, mp.mpc) or not mp.isfinite(value):
                return None
            return [value, *self.subject.slopes(*point)]
        except (ZeroDivisionError, ValueError):
            return None

    def moved(self, index: int, which: int) -> float:
        """Return by how many ulp a number changes when each argument changes by half an ulp.

        Parameters
        ----------
        index : int
            Which point.
        which : int
            0 for the value, else the derivative.

        Returns
        -------
        float
            To the first order; infinite at a jump.
        """
        if index not in self._moved:
            self._moved[index] = self._changes(self.points[index].tolist())
        return self._moved[index][which]

    def _changes(self, point: list[float]) -> list[float]:
        with mp.workdps(self._digits + 30):
            step, at = mpf(2) ** -80, [*map(mpf, point)]
            here = self._at(at)
            assert here is not None
            totals = [mpf(0)] * len(here)
            for i, number in enumerate(at):
                off = step * (number or ulp(0.0))
                ahead, behind = (self._at([*at[:i], number + side, *at[i + 1 :]]) for side in (off, -off))
                if ahead is not None and behind is not None:
                    half = ulp(point[i]) / (4 * abs(off))
                    pairs = zip(totals, ahead, behind, strict=True)
                    totals = [total + abs(up - down) * half for total, up, down in pairs]
            return [_in_ulps(total, value) for total, value in zip(totals, here, strict=True)]

    def out_of_range(self) -> Mask:
        """Return where the value over- or underflows, or has fewer digits than a double."""
        nearest, rest = self.exact[0]
        size = abs(nearest)
        tiny: Mask = (size < SMALLEST) & ((size > 0.0) | (rest != 0.0))
        return tiny | (size > LARGEST)

    def subnormal(self) -> Mask:
        """Return where an argument, the value or a derivative is a subnormal number."""
        numbers = [abs(self.points[:, i]) for i in range(self.points.shape[1])]
        numbers += [abs(exact.nearest) for exact in self.exact]
        found: Mask = np.any([(number > 0.0) & (number < SMALLEST) for number in numbers], axis=0)
        return found


def _in_ulps(change: Any, number: Any) -> float:
    size = abs(float(number))
    unit = 2.0**971 if isinf(size) else ulp(size)
    return float(change / unit) if mp.isfinite(change) else np.inf


def drawn(subject: Subject, seed: int, count: int) -> Truths:
    """Return a subject at random points of every kind.

    Parameters
    ----------
    subject : Subject
        The subject.
    seed, count : int
        Of the points.

    Returns
    -------
    Truths
        The subject at so many points inside, or more.

    Examples
    --------
    >>> from .subjects import subjects
    >>> len(drawn(subjects()["arccosh"], seed=0, count=20).points) >= 20
    True
    """
    random = np.random.default_rng([seed, *subject.name.encode()])
    found, tried = Truths(subject, tuples(random, count, subject.within)), count
    while len(found.points) < count:
        tried = 10 + 11 * tried * count // (10 * max(len(found.points), count // 10))
        found = Truths(subject, tuples(random, tried, subject.within))
    return found
