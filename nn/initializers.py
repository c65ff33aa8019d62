"""Initial weights: each function draws the weights of a layer of `n_out` neurons with `n_in` inputs."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import numpy.typing as npt

from .activations import Activation, is_rectifier
from .lookup import named

Weights = npt.NDArray[np.float64]
Initializer = Callable[[np.random.Generator, int, int], Weights]


def he_normal(rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Draw from the normal distribution of variance 2 / n_in, which preserves the variance through ReLUs.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The numbers of inputs and of neurons.

    Returns
    -------
    ndarray of float, shape (n_out, n_in)
        The weights.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving Deep into Rectifiers", ICCV 2015, arXiv:1502.01852.

    Examples
    --------
    >>> he_normal(np.random.default_rng(0), 3, 1).shape
    (1, 3)
    """
    return rng.normal(0.0, sqrt(2.0 / n_in), (n_out, n_in))


def he_uniform(rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Draw uniformly with variance 2 / n_in, as `he_normal` does from the normal distribution.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The numbers of inputs and of neurons.

    Returns
    -------
    ndarray of float, shape (n_out, n_in)
        The weights.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving Deep into Rectifiers", ICCV 2015, arXiv:1502.01852.

    Examples
    --------
    >>> bool(np.all(np.abs(he_uniform(np.random.default_rng(0), 6, 2)) <= 1.0))
    True
    """
    limit = sqrt(6.0 / n_in)
    return rng.uniform(-limit, limit, (n_out, n_in))


def glorot_uniform(rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Draw uniformly with variance 2 / (n_in + n_out), for activations that are linear near 0.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The numbers of inputs and of neurons.

    Returns
    -------
    ndarray of float, shape (n_out, n_in)
        The weights.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Examples
    --------
    >>> bool(np.all(np.abs(glorot_uniform(np.random.default_rng(0), 3, 3)) <= 1.0))
    True
    """
    limit = sqrt(6.0 / (n_in + n_out))
    return rng.uniform(-limit, limit, (n_out, n_in))


def glorot_normal(rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Draw from the normal distribution of variance 2 / (n_in + n_out), as `glorot_uniform` does uniformly.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The numbers of inputs and of neurons.

    Returns
    -------
    ndarray of float, shape (n_out, n_in)
        The weights.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010.

    Examples
    --------
    >>> glorot_normal(np.random.default_rng(0), 3, 2).shape
    (2, 3)
    """
    return rng.normal(0.0, sqrt(2.0 / (n_in + n_out)), (n_out, n_in))


def uniform(rng: np.random.Generator, n_in: int, n_out: int, low: float = -1.0, high: float = 1.0) -> Weights:
    """Draw uniformly from [low, high); by default from [-1, 1), as micrograd does.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The numbers of inputs and of neurons.
    low, high : float
        The limits. To choose others, pass ``functools.partial(uniform, low=-0.1, high=0.1)``.

    Returns
    -------
    ndarray of float, shape (n_out, n_in)
        The weights.

    Examples
    --------
    >>> bool(np.all(np.abs(uniform(np.random.default_rng(0), 3, 2)) <= 1.0))
    True
    """
    return rng.uniform(low, high, (n_out, n_in))


def normal(rng: np.random.Generator, n_in: int, n_out: int, mean: float = 0.0, std: float = 1.0) -> Weights:
    """Draw from a normal distribution; by default from the standard one.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The numbers of inputs and of neurons.
    mean, std : float
        The mean and the standard deviation.

    Returns
    -------
    ndarray of float, shape (n_out, n_in)
        The weights.

    Examples
    --------
    >>> normal(np.random.default_rng(0), 3, 2, std=0.01).shape
    (2, 3)
    """
    return rng.normal(mean, std, (n_out, n_in))


def unit_uniform(rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Draw uniformly from [0, 1), as the lecture notes do (D4).

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The numbers of inputs and of neurons.

    Returns
    -------
    ndarray of float, shape (n_out, n_in)
        The weights.

    Examples
    --------
    >>> bool(np.all(unit_uniform(np.random.default_rng(0), 3, 1) >= 0.0))
    True
    """
    return rng.random((n_out, n_in))


def orthogonal(rng: np.random.Generator, n_in: int, n_out: int, gain: float = 1.0) -> Weights:
    """Draw a matrix whose rows or columns, the fewer of them, are orthonormal, uniformly among these.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The numbers of inputs and of neurons.
    gain : float
        A factor of all weights.

    Returns
    -------
    ndarray of float, shape (n_out, n_in)
        The weights.

    References
    ----------
    A. Saxe, J. McClelland and S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks", ICLR 2014, arXiv:1312.6120.

    Examples
    --------
    >>> w = orthogonal(np.random.default_rng(0), 4, 2)
    >>> np.allclose(w @ w.T, np.eye(2))
    True
    """
    tall = rng.normal(size=(max(n_in, n_out), min(n_in, n_out)))
    q, r = np.linalg.qr(tall)
    # Of the two signs of a column, QR chooses one; the sign of r makes the distribution uniform.
    q = q * np.where(np.diagonal(r) < 0.0, -1.0, 1.0)
    return gain * (q if n_out >= n_in else q.T)


def zeros(rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Return zeros, which suit a linear model; the neurons of a hidden layer would all stay equal.

    Parameters
    ----------
    rng : numpy.random.Generator
        Not used.
    n_in, n_out : int
        The numbers of inputs and of neurons.

    Returns
    -------
    ndarray of float, shape (n_out, n_in)
        The weights.

    Examples
    --------
    >>> zeros(np.random.default_rng(0), 2, 1)
    array([[0., 0.]])
    """
    return np.zeros((n_out, n_in))


he, glorot = he_normal, glorot_uniform

INITIALIZERS: dict[str, Initializer] = {
    **{
        function.__name__: function
        for function in (
            *(he_normal, he_uniform, glorot_normal, glorot_uniform),
            *(uniform, normal, unit_uniform, orthogonal, zeros),
        )
    },
    "he": he,
    "glorot": glorot,
}
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
    >>> initializer("he") is he_normal
    True
    """
    return named("initializer", which, INITIALIZERS)


def suiting(function: Activation) -> Initializer:
    """Return the initializer that suits an activation: He's for the ReLU family, otherwise Glorot's.

    Parameters
    ----------
    function : callable
        The activation of a layer.

    Returns
    -------
    callable
        The initializer.

    Examples
    --------
    >>> from .activations import relu, tanh
    >>> suiting(relu).__name__, suiting(tanh).__name__
    ('he_normal', 'glorot_uniform')
    """
    return he_normal if is_rectifier(function) else glorot_uniform


def drawn(init: str | Initializer, rng: np.random.Generator, n_in: int, n_out: int) -> Weights:
    """Return the weights of a layer, after checking what a function of the user gives.

    Parameters
    ----------
    init : str or callable
        A name of `INITIALIZERS`, or a function of (rng, n_in, n_out).
    rng : numpy.random.Generator
        The source of randomness.
    n_in, n_out : int
        The numbers of inputs and of neurons.

    Returns
    -------
    ndarray of float, shape (n_out, n_in)
        The weights.

    Raises
    ------
    ValueError
        For an unknown name, and for weights of another shape.

    Examples
    --------
    >>> drawn("zeros", np.random.default_rng(0), 1, 2)
    array([[0.],
           [0.]])
    """
    weights = np.asarray(initializer(init)(rng, n_in, n_out), dtype=float)
    if weights.shape != (n_out, n_in):
        raise ValueError(
            f"expected the initializer to return weights of shape {(n_out, n_in)}, a row for each neuron, "
            f"got shape {weights.shape}"
        )
    return weights
