"""`Linear`: a layer without an activation, as PyTorch has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Value, as_values, dot

from ..initializers import Initializer, drawn, glorot_uniform
from ..randomness import Rng
from .module import Module, Sample
from .wrong_size import check_size, check_width


class Linear(Module):
    """``W·x + b``, with a row of W for each output (B4).

    Parameters
    ----------
    in_features, out_features : int
        The numbers of inputs and of outputs.
    bias : bool
        Whether there is a b.
    init : str, callable or None
        How to draw the weights (`nn.initializers`). None takes ``"glorot_uniform"``. The bias starts at 0.
    rng : Generator, int or None
        The source of randomness.

    Attributes
    ----------
    weight : ndarray of Value, shape (out_features, in_features)
        W.
    bias : list of Value, or None
        b.

    Raises
    ------
    ValueError
        For fewer than one input or output, or an unknown initializer.

    Examples
    --------
    >>> linear = Linear(3, 2, rng=0)
    >>> linear.load_state_dict({name: 1.0 for name in linear.state_dict()})
    >>> linear([1.0, 0.0, 2.0])
    [Value(4.0, op='+'), Value(4.0, op='+')]
    >>> [p.label for p in Linear(2, 1).parameters()]
    ['weight[0, 0]', 'weight[0, 1]', 'bias[0]']
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: str | Initializer | None = None,
        rng: Rng = None,
    ) -> None:
        check_size("in_features", in_features)
        check_size("out_features", out_features)
        if not isinstance(bias, bool | np.bool):
            raise TypeError(f"expected bias to be True or False, got {bias!r}")
        generator = np.random.default_rng(rng)
        self.weight = as_values(drawn(init or glorot_uniform, generator, in_features, out_features))
        self.bias = [Value(0.0) for _ in range(out_features)] if bias else None

    @property
    def in_features(self) -> int:
        """The number of inputs."""
        return int(self.weight.shape[1])

    @property
    def out_features(self) -> int:
        """The number of outputs."""
        return int(self.weight.shape[0])

    def forward(self, x: Sample) -> list[Any]:
        """Return the outputs for one sample."""
        inputs = tuple(x.tolist() if isinstance(x, np.ndarray) else x)
        check_width(self, self.in_features, inputs)
        sums = [dot(row, inputs) for row in self.weight.tolist()]
        return sums if self.bias is None else [s + b for s, b in zip(sums, self.bias, strict=True)]

    def extra_repr(self) -> str:
        """Return the settings that `repr` shows."""
        return f"{self.in_features}, {self.out_features}" + (", bias=False" if self.bias is None else "")
