"""Activations as modules, with PyTorch's names and settings, for `Sequential`."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from autograd import elu, erfc, gelu, leaky_relu, relu, sigmoid, silu, softmax, softplus, tanh

from .module import Module


class Elementwise(Module):
    """A function of each number of a sample, whatever its shape."""

    sample_ndim = None

    def function(self, x: Any) -> Any:
        """Return the function of an array."""
        raise NotImplementedError(f"{type(self).__name__} does not define function(x)")

    def forward(self, x: Sequence[Any]) -> Any:
        """Return the outputs for one sample."""
        return self.function(np.stack(list[Any](x)))


class ReLU(Elementwise):
    """max(0, x), see `autograd.relu`.

    Examples
    --------
    >>> ReLU()([-1.0, 2.0])
    [0.0, 2.0]
    """

    def function(self, x: Any) -> Any:
        """Return the function of an array."""
        return relu(x)


class LeakyReLU(Elementwise):
    """x for x > 0, else negative_slope * x, see `autograd.leaky_relu`.

    Parameters
    ----------
    negative_slope : float
        The slope where x < 0.

    Examples
    --------
    >>> LeakyReLU(0.5)([-1.0, 2.0])
    [-0.5, 2.0]
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def function(self, x: Any) -> Any:
        """Return the function of an array."""
        return leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """Return the settings that `repr` shows."""
        return f"{self.negative_slope}"


class ELU(Elementwise):
    """x for x > 0, else alpha * (exp(x) - 1), see `autograd.elu`.

    Parameters
    ----------
    alpha : float
        The function tends to -alpha.

    Examples
    --------
    >>> ELU()([0.0, 2.0])
    [0.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def function(self, x: Any) -> Any:
        """Return the function of an array."""
        return elu(x, self.alpha)

    def extra_repr(self) -> str:
        """Return the settings that `repr` shows."""
        return f"{self.alpha}"


class Tanh(Elementwise):
    """The hyperbolic tangent, see `autograd.tanh`.

    Examples
    --------
    >>> Tanh()([0.0, 0.0])
    [0.0, 0.0]
    """

    def function(self, x: Any) -> Any:
        """Return the function of an array."""
        return tanh(x)


class Sigmoid(Elementwise):
    """1 / (1 + exp(-x)), see `autograd.sigmoid`.

    Examples
    --------
    >>> Sigmoid()([0.0, 0.0])
    [0.5, 0.5]
    """

    def function(self, x: Any) -> Any:
        """Return the function of an array."""
        return sigmoid(x)


class GELU(Elementwise):
    """x times the normal distribution function of x.

    Parameters
    ----------
    approximate : {"none", "tanh"}
        ``"tanh"`` takes `autograd.gelu`, which is within 5e-4 of the exact function and faster.

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> GELU()([0.0, 100.0])
    [0.0, 100.0]
    """

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"expected approximate to be 'none' or 'tanh', got {approximate!r}")
        self.approximate = approximate

    def function(self, x: Any) -> Any:
        """Return the function of an array."""
        # By erfc, since 1 + erf(x) cancels for x < 0.
        return gelu(x) if self.approximate == "tanh" else 0.5 * x * erfc(-sqrt(0.5) * x)

    def extra_repr(self) -> str:
        """Return the settings that `repr` shows."""
        return "" if self.approximate == "none" else repr(self.approximate)


class SiLU(Elementwise):
    """x * sigmoid(x), see `autograd.silu`.

    Examples
    --------
    >>> SiLU()([0.0, 100.0])
    [0.0, 100.0]
    """

    def function(self, x: Any) -> Any:
        """Return the function of an array."""
        return silu(x)


class Softplus(Elementwise):
    """log(1 + exp(x)), see `autograd.softplus`.

    Examples
    --------
    >>> Softplus()([100.0, 200.0])
    [100.0, 200.0]
    """

    def function(self, x: Any) -> Any:
        """Return the function of an array."""
        return softplus(x)


class Softmax(Module):
    """Positive numbers that add up to 1, from all numbers of a sample together (D9), see `autograd.softmax`.

    A loss such as `nn.losses.cross_entropy` takes the scores before it.

    Examples
    --------
    >>> Softmax()([1.0, 1.0])
    [0.5, 0.5]
    """

    def forward(self, x: Sequence[Any]) -> Any:
        """Return the outputs for one sample."""
        return softmax(x)
