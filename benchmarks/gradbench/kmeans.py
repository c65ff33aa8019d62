"""k-means: the sum of the squared distances to the closest centroid, and Newton's direction."""

from typing import Any

import numpy as np

from autograd import grad, jit, jvp, min, vmap

from .timed import Timed


def squared_distance(centroid: Any, point: Any) -> Any:
    """Return the squared distance between a centroid and a point."""
    difference = centroid - point
    return (difference * difference).sum()


def to_closest(centroids: Any, point: Any) -> Any:
    """Return the squared distance of a point to the closest centroid."""
    return min(vmap(squared_distance, in_axes=(0, None))(centroids, point))


def objective(centroids: Any, points: Any) -> Any:
    """Return the sum of the squared distances of points to their closest centroids."""
    return vmap(to_closest, in_axes=(None, 0))(centroids, points).sum()


def direction(centroids: Any, points: Any) -> Any:
    """Return J H⁻¹. The Hessian is diagonal, so that its product with ones is its diagonal."""
    slope = grad(lambda c: objective(c, points))
    # A centroid at a time, also of few: one program is for any number of them.
    ones = vmap(np.ones_like)(centroids)
    return vmap(np.divide)(*jvp(slope, (centroids,), (ones,)))


def prepare(message: Any) -> Any:
    """Return the centroids and the points."""
    return np.array(message["centroids"]), np.array(message["points"])


value = jit(objective)
newton = jit(direction)

FUNCTIONS = {
    "cost": Timed(lambda given: value(*given), prepare),
    "dir": Timed(lambda given: newton(*given), prepare, np.ndarray.tolist),
}
