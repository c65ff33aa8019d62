"""Initial weights: each function draws the weights of one neuron with `n_in` inputs in a layer of `n_out`."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import numpy.typing as npt

from .lookup import named

Weights = npt.NDArray[np.float64]
Initializer = Callable[[np.random.Generator, int, int], Weights]


def he(rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Draw from the normal distribution of variance 2 / n_in, which preserves the variance through ReLUs.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The number of inputs of the neuron, and of neurons in its layer.

    Returns
    -------
    ndarray of float, shape (n_in,)
        The weights.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving Deep into Rectifiers", ICCV 2015, arXiv:1502.01852.

    Examples
    --------
    >>> he(np.random.default_rng(0), 3, 1).shape
    (3,)
    """
    return rng.normal(0.0, sqrt(2.0 / n_in), n_in)


def glorot(rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Draw uniformly with variance 2 / (n_in + n_out), for activations that are linear near 0.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The number of inputs of the neuron, and of neurons in its layer.

    Returns
    -------
    ndarray of float, shape (n_in,)
        The weights.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Examples
    --------
    >>> bool(np.all(np.abs(glorot(np.random.default_rng(0), 3, 3)) <= 1.0))
    True
    """
    limit = sqrt(6.0 / (n_in + n_out))
    return rng.uniform(-limit, limit, n_in)


def unit_uniform(rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Draw uniformly from [0, 1), as the lecture notes do (D4).

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The number of inputs of the neuron, and of neurons in its layer.

    Returns
    -------
    ndarray of float, shape (n_in,)
        The weights.

    Examples
    --------
    >>> bool(np.all(unit_uniform(np.random.default_rng(0), 3, 1) >= 0.0))
    True
    """
    return rng.random(n_in)


def zeros(rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Return zeros, which suit a linear model; the neurons of a hidden layer would all stay equal.

    Parameters
    ----------
    rng : numpy.random.Generator
        Not used.
    n_in, n_out : int
        The number of inputs of the neuron, and of neurons in its layer.

    Returns
    -------
    ndarray of float, shape (n_in,)
        The weights.

    Examples
    --------
    >>> zeros(np.random.default_rng(0), 2, 1)
    array([0., 0.])
    """
    return np.zeros(n_in)


INITIALIZERS: dict[str, Initializer] = {f.__name__: f for f in (he, glorot, unit_uniform, zeros)}
"""Initializers by name."""


def initializer(which: str | Initializer) -> Initializer:
    """Return the initializer of a name; a function is returned as it is.

    Parameters
    ----------
    which : str or callable
        A name of `INITIALIZERS`, or a function of (rng, n_in, n_out).

    Returns
    -------
    callable
        The function.

    Raises
    ------
    ValueError
        For an unknown name.

    Examples
    --------
    >>> initializer("he") is he
    True
    """
    return named("initializer", which, INITIALIZERS)
