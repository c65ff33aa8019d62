"""`Flatten`: samples of any shape as rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .module import Module


class Flatten(Module):
    """The numbers of a sample in a row, such as the pixels of an image: ``(n, 8, 8)`` becomes ``(n, 64)``.

    As in PyTorch, the first dimension of an array counts the samples.

    Examples
    --------
    >>> Flatten()(np.zeros((5, 8, 8))).shape
    (5, 64)
    """

    sample_ndim = None

    def forward(self, x: Sequence[Any]) -> list[Any]:
        """Return the outputs for one sample."""
        return [*np.stack(list[Any](x)).ravel()]
