"""The determinant of a matrix, expanded by minors along its first row."""

from functools import cache
from typing import Any

import numpy as np

from autograd import grad, jit

from .timed import Timed


def objective(a: Any) -> Any:
    """Return the determinant of a square matrix.

    The expansion reaches each minor of some columns many times, and computes it once: ℓ·2^(ℓ-1) products
    instead of about e·ℓ!.
    """

    @cache
    def minor(columns: tuple[int, ...]) -> Any:
        row = a[len(a) - len(columns)]
        if len(columns) == 1:
            return row[columns[0]]
        total = 0.0
        for i, column in enumerate(columns):
            term = row[column] * minor(columns[:i] + columns[i + 1 :])
            total = total - term if i % 2 else total + term
        return total

    return minor(tuple(range(len(a))))


def prepare(message: Any) -> Any:
    """Return the matrix."""
    return np.array(message["A"]).reshape(message["ell"], message["ell"])


FUNCTIONS = {
    "primal": Timed(jit(objective), prepare),
    "gradient": Timed(jit(grad(objective)), prepare, lambda slope: slope.ravel().tolist()),
}
