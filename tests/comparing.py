"""Comparisons of numbers that are computed in two ways, such as eagerly and compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def same(found: Any, expected: Any, tolerance: float = 1e-9) -> None:
    """Assert that two trees of numbers are equal, nan for nan, up to the order of summation."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            same(found[key], expected[key], tolerance)
    elif isinstance(expected, list | tuple):
        assert type(found) is type(expected)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other, tolerance)
    else:
        assert np.shape(found) == np.shape(expected)
        assert isinstance(found, float) == isinstance(expected, float)
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def differ(found: Any, expected: Any, relative: float = 1e-12, absolute: float = 4e-16) -> Any:
    """Return where numbers differ by more than rounding; nan is equal to nan."""
    with np.errstate(all="ignore"):
        close = np.isclose(found, expected, rtol=relative, atol=absolute, equal_nan=True)
    return ~(close | (np.asarray(found) == expected))


def evaluated(f: Any, *args: Any) -> Any:
    """Return the result of an eager call, without NumPy's warnings."""
    with np.errstate(all="ignore"):
        return f(*args)


def close(a: float, b: float) -> bool:
    """Return whether two sums of the same terms are equal up to the order of summation."""
    return a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(a) and math.isnan(b))
