"""`Embedding`: a row of parameters for each token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import as_values, take

from ..initializers import Initializer, drawn, normal
from ..randomness import Rng
from .module import Module
from .wrong_size import check_size


class Embedding(Module):
    """A table with a row of parameters for each token; a sample of k tokens gives an array of k rows.

    The gradient of a row is added up over all places where its token stands.

    Parameters
    ----------
    num_embeddings : int
        The number of tokens, which are 0, 1, ..., ``num_embeddings - 1``.
    embedding_dim : int
        The length of a row.
    init : str, callable or None
        How to draw the table (`nn.initializers`). None takes ``"normal"``, as PyTorch does.
    rng : Generator, int or None
        The source of randomness.

    Attributes
    ----------
    weight : ndarray of Value, shape (num_embeddings, embedding_dim)
        The table.

    Raises
    ------
    ValueError
        For a size below 1, or an unknown initializer.

    Examples
    --------
    >>> embedding = Embedding(10, 3, rng=0)
    >>> embedding(np.array([[7, 1], [2, 7]])).shape
    (2, 2, 3)
    >>> embedding([7])[0][0] is embedding.weight[7, 0]
    True
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        init: str | Initializer | None = None,
        rng: Rng = None,
    ) -> None:
        check_size("num_embeddings", num_embeddings)
        check_size("embedding_dim", embedding_dim)
        generator = np.random.default_rng(rng)
        self.weight = as_values(drawn(init or normal, generator, embedding_dim, num_embeddings))

    def forward(self, x: Sequence[Any]) -> Any:
        """Return the rows of the tokens of one sample.

        Raises
        ------
        IndexError
            For a token that the table has no row of.
        TypeError
            For a token that is not an integer.
        """
        return take(self.weight, x, axis=0)

    def extra_repr(self) -> str:
        """Return the settings that `repr` shows."""
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}"
