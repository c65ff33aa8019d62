"""Points over the whole range of doubles: of every size, near each other, near kinks, poles and overflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, pi

import numpy as np

from .ulps import Floats

Interval = tuple[float, float]

# Kinks, poles, where rules, NumPy or the C library switch formulas, and where a function over- or underflows.
TURNS = (
    *(0.0, 0.5, 1.0, 2.0, 3.0, 40.0, 1000.0),
    *(0.25, 0.75, 1.5, 5.0, 5.92, 19.06, 22.0, 26.54, 27.23, 36.04, 37.0, 372.6, 354.9, 512.0),
    *(708.39, 709.78, 710.47, 745.13, 1022.0, 1024.0, 1074.0, 1075.0),
    *(2.0**-1022, 2.0**-537, 2.0**-511, 2.0**-53, 2.0**-27, 2.0**27, 2.0**53, 2.0**511, 2.0**512, 2.0**1023),
    *(pi / 4, pi / 2, pi, 3 * pi / 2, 2 * pi, 7 * pi / 2, 100 * pi, 1e6 * pi),
)


def near_turns(random: np.random.Generator, count: int) -> Floats:
    """Return numbers at, within three ulp of, and around the turns, at distances of all sizes.

    Examples
    --------
    >>> near_turns(np.random.default_rng(0), 3)
    array([...])
    """
    turns = random.choice(TURNS, count)
    by_ulps = turns + random.integers(-3, 4, count) * np.spacing(turns)
    by_share = turns * (1.0 + random.choice((-1.0, 1.0), count) * 2.0 ** random.uniform(-53.0, 0.0, count))
    return signed(random, np.where(random.random(count) < 0.4, by_ulps, by_share))


def of_all_sizes(random: np.random.Generator, count: int, low: int = -1074, high: int = 1024) -> Floats:
    """Return numbers whose logarithms are spread evenly, of both signs.

    Examples
    --------
    >>> abs(of_all_sizes(np.random.default_rng(0), 1000)).min() < 1e-300
    True
    """
    exponents = random.integers(low + 1, high + 1, count)
    return signed(random, np.ldexp(random.uniform(0.5, 1.0, count), exponents))


def signed(random: np.random.Generator, numbers: Floats) -> Floats:
    """Return numbers with random signs."""
    return random.choice((-1.0, 1.0), len(numbers)) * numbers


def moderate(random: np.random.Generator, count: int) -> Floats:
    """Return numbers of sizes at which most functions do something."""
    return of_all_sizes(random, count, -60, 11)


def even(random: np.random.Generator, count: int, within: Interval) -> Floats:
    """Return numbers that are spread evenly."""
    return random.uniform(*within, count)


def numbers(random: np.random.Generator, count: int, within: Interval = (-inf, inf)) -> Floats:
    """Return numbers of every kind within an open interval.

    Examples
    --------
    >>> found = numbers(np.random.default_rng(0), 100, within=(0.0, 1.0))
    >>> found.shape, bool(found.min() > 0.0), bool(found.max() < 1.0)
    ((100,), True, True)
    """
    found = np.empty(0)
    low, high = within
    middle = max(low, -40.0), min(high, 40.0)
    while len(found) < count:
        parts = [
            of_all_sizes(random, 30 * count // 100),
            moderate(random, 25 * count // 100),
            near_turns(random, 25 * count // 100),
            even(random, count // 10, middle),
            even(random, count // 10 + 10, (max(low, -750.0), min(high, 750.0))),
        ]
        more = random.permutation(np.concatenate(parts))
        found = np.concatenate([found, more[(more > low) & (more < high)]])
    return found[:count]


def tuples(random: np.random.Generator, count: int, within: Sequence[Interval]) -> Floats:
    """Return points of several coordinates: independent ones, and ones that are close or cancel.

    Parameters
    ----------
    random : numpy.random.Generator
        Where they are drawn from.
    count : int
        How many.
    within : sequence of (float, float)
        The open interval of each coordinate.

    Returns
    -------
    ndarray, shape (count, len(within))
        The points.

    Examples
    --------
    >>> tuples(np.random.default_rng(0), 5, [(-inf, inf)] * 2).shape
    (5, 2)
    """
    if len(within) == 1:
        return numbers(random, count, within[0])[:, None] + 0.0
    found = np.empty((0, len(within)))
    while len(found) < count:
        # What overflows is infinite, and no point.
        with np.errstate(over="ignore"):
            parts = [make(random, count // len(_KINDS) + 10, len(within)) for make in _KINDS]
        inside = np.column_stack([numbers(random, count // 4, interval) for interval in within])
        more = random.permutation(np.concatenate([*parts, inside]))
        is_inside = [(more[:, i] > low) & (more[:, i] < high) for i, (low, high) in enumerate(within)]
        # No -0, which mpmath does not have.
        found = np.concatenate([found, more[np.all(is_inside, axis=0)] + 0.0])
    return found[:count]


def _independent(random: np.random.Generator, count: int, size: int) -> Floats:
    return numbers(random, count * size).reshape(count, size)


def _moderate(random: np.random.Generator, count: int, size: int) -> Floats:
    return moderate(random, count * size).reshape(count, size)


def _even(random: np.random.Generator, count: int, size: int) -> Floats:
    return even(random, count * size, (-3.0, 3.0)).reshape(count, size)


def _close(random: np.random.Generator, count: int, size: int) -> Floats:
    """Return points whose coordinates are nearly equal, or nearly cancel."""
    first = np.where(random.random(count) < 0.5, numbers(random, count), moderate(random, count))[:, None]
    ulps = first + random.integers(-3, 4, (count, size)) * np.spacing(abs(first))
    share = first * (1.0 + 2.0 ** random.uniform(-53.0, 0.0, (count, size)))
    found = np.where(random.random((count, 1)) < 0.5, ulps, share)
    return np.where(random.random((count, size)) < 0.3, -found, found)


def _related(random: np.random.Generator, count: int, size: int) -> Floats:
    """Return points whose coordinates are of similar sizes, wherever that is."""
    return np.ldexp(_moderate(random, count, size), random.integers(-1000, 1000, (count, 1)))


def _of_powers(random: np.random.Generator, count: int, size: int) -> Floats:
    """Return points x, y such that x to the power y is a double, or not by far."""
    found = numbers(random, count * size).reshape(count, size)
    with np.errstate(all="ignore"):
        found[:, 1] = random.uniform(-750.0, 720.0, count) / np.log(abs(found[:, 0]))
    found[:, 1] = np.where(random.random(count) < 0.3, np.rint(found[:, 1]), found[:, 1])
    is_one = random.random(count) < 0.1
    found[is_one, 0] = 1.0 + random.integers(-9, 10, is_one.sum()) * 2.0**-52
    return found[np.isfinite(found).all(axis=1)]


_KINDS: tuple[Callable[[np.random.Generator, int, int], Floats], ...] = (
    *(_independent, _moderate, _even, _close, _related, _of_powers),
)
