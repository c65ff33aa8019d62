"""Data sets by name."""

from __future__ import annotations

from collections.abc import Callable

from .dataset import Dataset
from .generated import blobs, circles, linear, moons, spirals, xor
from .real import breast_cancer, diabetes, digits, iris, wine

DATASETS: dict[str, Callable[[], Dataset]] = {
    function.__name__: function
    for function in (
        iris,
        wine,
        breast_cancer,
        digits,
        diabetes,
        moons,
        circles,
        spirals,
        xor,
        blobs,
        linear,
    )
}
"""Data sets by name."""
