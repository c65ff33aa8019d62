"""`Dropout`: in training, some of a sample's numbers become 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import where

from ..randomness import Rng
from .draws import uniforms
from .module import Module


class Dropout(Module):
    """In training, each number of a sample becomes 0 with probability p, and the others are scaled up.

    The scale 1/(1-p) preserves the mean, so that in evaluation (`Module.eval`) nothing is to be done. Each
    sample and each pass has zeros of its own. `nn.fit` trains with random numbers of its own ``rng``, which a
    compiled step gets as an argument; other functions of `jit` raise an error where a module in training
    would draw.

    Parameters
    ----------
    p : float
        The probability, from 0 to 1.
    rng : Generator, int or None
        The source of randomness outside of `nn.fit`.

    Raises
    ------
    ValueError
        For a probability that is none.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, "Dropout: A Simple Way to
    Prevent Neural Networks from Overfitting", JMLR 15, 2014.

    Examples
    --------
    >>> dropout = Dropout(0.5, rng=0)
    >>> dropout([1.0, 1.0, 1.0, 1.0])
    [2.0, 0.0, 0.0, 0.0]
    >>> dropout.eval()([1.0, 1.0, 1.0, 1.0])
    [1.0, 1.0, 1.0, 1.0]
    """

    sample_ndim, is_random = None, True

    # The generator changes with every pass, and no compiled program depends on it.
    __unread__ = Module.__unread__ | {"rng"}

    def __init__(self, p: float = 0.5, rng: Rng = None) -> None:
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"expected p to be a probability from 0 to 1, got {p!r}")
        self.p = float(p)
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Sequence[Any]) -> Any:
        """Return the outputs for one sample."""
        if not self.training or not self.p:
            return x
        array = np.stack(list[Any](x))
        scale = 1.0 / (1.0 - self.p) if self.p < 1.0 else 0.0
        kept = [
            where(uniform >= self.p, scale * number, 0.0)
            for uniform, number in zip(uniforms(array.size, self.rng), array.ravel(), strict=True)
        ]
        return np.stack(kept).reshape(array.shape)

    def extra_repr(self) -> str:
        """Return the settings that `repr` shows."""
        return f"{self.p}"
