"""The log posterior of a Gaussian mixture with a Wishart prior on its precisions, and its gradient."""

from math import lgamma, pi
from typing import Any

import numpy as np

from autograd import grad, jit, log, logsumexp, vmap

from .timed import Timed


def times_factor(q: Any, below: Any, x: Any) -> Any:
    """Return the factor of a precision matrix times a vector.

    The factor is lower triangular. On its diagonal is exp(q), and column by column what is below.
    """
    d = len(q)
    columns, rows = np.triu_indices(d, 1)
    place = np.zeros((d, d), dtype=int)
    place[rows, columns] = np.arange(len(rows))
    products = [below[place[i, :i]] @ x[:i] for i in range(1, d)]
    return np.exp(q) * x + np.array([0.0, *products])


def log_weight(alpha: Any, mu: Any, q: Any, below: Any, x: Any) -> Any:
    """Return the logarithm of what a component contributes to a point, but for what all components share."""
    z = times_factor(q, below, x - mu)
    return alpha + q.sum() - 0.5 * (z @ z)


def log_likelihood(independent: Any, x: Any) -> Any:
    """Return the log likelihood of a point."""
    log_weights = vmap(log_weight, in_axes=(0, 0, 0, 0, None))(*independent, x)
    # By components, also where they are few: one program is for any number of them.
    alphas = vmap(lambda alpha: alpha)(independent[0])
    return logsumexp(log_weights) - logsumexp(alphas) - 0.5 * len(x) * np.log(2.0 * pi)


def log_prior(q: Any, below: Any, m: int, gamma: float) -> Any:
    """Return the log density of the Wishart prior at the precision matrix of a component."""
    d = len(q)
    n = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * np.log(pi) + sum(lgamma(0.5 * (n - i)) for i in range(d))
    normalizer = n * d * log(gamma / np.sqrt(2.0)) - log_gamma
    squares = np.exp(2.0 * q).sum() + (below * below).sum()
    return normalizer + m * q.sum() - 0.5 * gamma**2 * squares


def log_posterior(independent: Any, x: Any, m: int, gamma: float) -> Any:
    """Return the log posterior of a mixture."""
    _, _, q, below = independent
    likelihoods = vmap(log_likelihood, in_axes=(None, 0))(independent, x)
    return likelihoods.sum() + vmap(lambda q, below: log_prior(q, below, m, gamma))(q, below).sum()


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
