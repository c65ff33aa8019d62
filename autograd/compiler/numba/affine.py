"""Affine positions: a base and a stride along each axis, by which a loop addresses memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays.index_rules import Positions


class Affine(NamedTuple):
    """Where elements stand: the first, and how far apart neighbours along each axis are."""

    base: int
    steps: tuple[int, ...]

    def text(self, indices: tuple[str, ...]) -> str:
        """Return the position as Python writes it.

        Examples
        --------
        >>> Affine(5, (10, 1, 0)).text(("i", "j", "k"))
        '10 * i + j + 5'
        """
        terms = [
            f"{step} * {i}" if step != 1 else i
            for i, step in zip(indices, self.steps, strict=True)
            if step and i != "0"
        ]
        return " + ".join([*terms, *([str(self.base)] if self.base or not terms else [])])


def affine(positions: Positions) -> Affine | None:
    """Return positions as an affine map of the indices, or None if they are not one.

    Parameters
    ----------
    positions : array of int
        The positions.

    Returns
    -------
    Affine or None
        The rule.

    Examples
    --------
    >>> affine(np.array([[3, 5, 7], [13, 15, 17]]))
    Affine(base=3, steps=(10, 2))
    >>> affine(np.array([0, 1, 3])) is None
    True
    """
    base = int(positions.flat[0])
    steps = []
    expected = np.full(positions.shape, base)
    for axis, length in enumerate(positions.shape):
        second = tuple(int(axis == other) for other in range(positions.ndim))
        step = int(positions[second]) - base if length > 1 else 0
        along = [1] * positions.ndim
        along[axis] = length
        expected = expected + step * np.arange(length).reshape(along)
        steps.append(step)
    return Affine(base, tuple(steps)) if (expected == positions).all() else None
