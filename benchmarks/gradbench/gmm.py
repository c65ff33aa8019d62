"""The log posterior of a Gaussian mixture with a Wishart prior on its precisions, and its gradient."""

from math import lgamma, pi
from typing import Any

import numpy as np

from autograd import grad, jit, log, logsumexp, vmap

from .timed import Timed


def lower_triangle(q: Any, below: Any) -> Any:
    """Return the factor of a precision matrix: exp(q) on its diagonal, and column by column what is below."""
    d = len(q)
    columns, rows = np.triu_indices(d, 1)
    factor = np.zeros((d, d), dtype=np.result_type(q, below))
    factor[rows, columns] = below
    np.fill_diagonal(factor, np.exp(q))
    return factor


def log_weight(alpha: Any, mu: Any, q: Any, factor: Any, x: Any) -> Any:
    """Return the logarithm of what a component contributes to a point, but for what all components share."""
    z = factor @ (x - mu)
    return alpha + q.sum() - 0.5 * (z @ z)


def log_likelihood(independent: Any, factors: Any, x: Any) -> Any:
    """Return the log likelihood of a point."""
    alpha, mu, q, _ = independent
    log_weights = vmap(log_weight, in_axes=(0, 0, 0, 0, None))(alpha, mu, q, factors, x)
    return logsumexp(log_weights) - logsumexp(alpha) - 0.5 * len(x) * np.log(2.0 * pi)


def log_prior(q: Any, factor: Any, m: int, gamma: float) -> Any:
    """Return the log density of the Wishart prior at the precision matrix of a component."""
    d = len(q)
    n = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * np.log(pi) + sum(lgamma(0.5 * (n - i)) for i in range(d))
    normalizer = n * d * log(gamma / np.sqrt(2.0)) - log_gamma
    return normalizer + m * q.sum() - 0.5 * gamma**2 * (factor * factor).sum()


def log_posterior(independent: Any, x: Any, m: int, gamma: float) -> Any:
    """Return the log posterior of a mixture."""
    _, _, q, below = independent
    factors = vmap(lower_triangle)(q, below)
    likelihoods = vmap(log_likelihood, in_axes=(None, None, 0))(independent, factors, x)
    return likelihoods.sum() + vmap(lambda q, factor: log_prior(q, factor, m, gamma))(q, factors).sum()


def prepare(message: Any) -> Any:
    """Return the variables, the points, and the two parameters of the prior."""
    independent = tuple(np.array(message[name]) for name in NAMES)
    return independent, np.array(message["x"]), message["m"], message["gamma"]


NAMES = ("alpha", "mu", "q", "l")
value = jit(log_posterior, static_argnums=(2, 3))
slope = jit(grad(log_posterior), static_argnums=(2, 3))

FUNCTIONS = {
    "objective": Timed(lambda given: value(*given), prepare),
    "jacobian": Timed(
        lambda given: slope(*given),
        prepare,
        lambda found: {name: part.tolist() for name, part in zip(NAMES, found, strict=True)},
    ),
}
