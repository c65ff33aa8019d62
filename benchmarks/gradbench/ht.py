"""Hand tracking: how far points are from a hand whose skin follows 22 bones, and the Jacobian of that."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from autograd import cos, jacobian, jit, norm, sin, vmap, where

from .timed import Timed

FINGERS = 5
TINY = 1e-4
"""Shorter rotations count as none."""
SOME = 2048
"""For so many points, the arrays that the program of slopes computes fit into the cache."""


class Bones(NamedTuple):
    """For each bone its 4 × 4 matrix relative to its parent, and the inverse of its absolute one."""

    relative: Any
    inverse_absolute: Any


class Problem(NamedTuple):
    """A hand, and points on it.

    Each point has coordinates in a triangle: the rest positions of its corners, and how much each bone moves
    them. In the simple variant it has none, and a single corner. Of each bone, `parents` holds the parent's
    number, or -1.
    """

    theta: Any
    coordinates: Any
    points: Any
    positions: Any
    weights: Any
    bones: Bones
    parents: tuple[int, ...]
    is_mirrored: bool


def rotation_about(axis: Any) -> Any:
    """Return the matrix of a rotation about an axis by the axis' length."""
    length = norm(axis)
    is_tiny = length < TINY
    x, y, z = axis / where(is_tiny, 1.0, length)
    s, c = sin(length), cos(length)
    d = 1.0 - c
    rows = [
        [x * x * d + c, x * y * d - z * s, x * z * d + y * s],
        [x * y * d + z * s, y * y * d + c, y * z * d - x * s],
        [x * z * d - y * s, y * z * d + x * s, z * z * d + c],
    ]
    return np.where(is_tiny, np.eye(3), np.array(rows))


def bent(bend: Any, spread: Any) -> Any:
    """Return the matrix of a joint that is bent about the x-axis, and then spread about the z-axis."""
    cx, sx, cz, sz = cos(bend), sin(bend), cos(spread), sin(spread)
    return np.array(
        [[cz, -sz * cx, sz * sx, 0.0], [sz, cz * cx, -cz * sx, 0.0], [0.0, sx, cx, 0.0], [0.0, 0.0, 0.0, 1.0]]
    )


def joints(theta: Any) -> dict[int, Any]:
    """Return the matrix of each bone that bends: three in a finger, of which the first can also spread."""
    found = {}
    for finger in range(FINGERS):
        bend, spread, *others = theta[6 + 4 * finger : 10 + 4 * finger]
        first = 2 + 4 * finger
        found[first] = bent(bend, spread)
        for i, other in enumerate(others, start=1):
            found[first + i] = bent(other, 0.0)
    return found


def bone_transforms(theta: Any, bones: Bones, parents: tuple[int, ...]) -> Any:
    """Return for each bone the 3 × 4 matrix that moves the skin along with it."""
    moved = joints(theta)
    absolute: list[Any] = []
    for i, parent in enumerate(parents):
        own = bones.relative[i] @ moved[i] if i in moved else bones.relative[i]
        absolute.append(own if parent < 0 else absolute[parent] @ own)
    return np.array([(absolute[i] @ bones.inverse_absolute[i])[:3] for i in range(len(parents))])


def skin(
    theta: Any, positions: Any, weights: Any, bones: Bones, parents: tuple[int, ...], is_mirrored: bool
) -> Any:
    """Return where the corners of a triangle are."""
    transforms = bone_transforms(theta, bones, parents)
    blends = (weights @ transforms.reshape(len(parents), 12)).reshape(-1, 3, 4)
    moved = np.array([blend @ position for blend, position in zip(blends, positions, strict=True)])
    if is_mirrored:
        moved = moved * np.array([-1.0, 1.0, 1.0])
    return moved @ rotation_about(theta[:3]).T + theta[3:6]


def residual(coordinates: Any, theta: Any, point: Any, positions: Any, weights: Any, *hand: Any) -> Any:
    """Return how far a point is from where it should be."""
    corners = skin(theta, positions, weights, *hand)
    if len(corners) == 1:
        return point - corners[0]
    u, v = coordinates
    return point - (u * corners[0] + v * corners[1] + (1.0 - u - v) * corners[2])


def residual_slopes(coordinates: Any, theta: Any, *others: Any) -> Any:
    """Return the partials of a residual by the coordinates of the point and by theta."""
    return np.concatenate(jacobian(residual, argnums=(0, 1), mode="fwd")(coordinates, theta, *others), axis=1)


def of_points(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of one point, compiled for many."""

    def of_all(theta: Any, coordinates: Any, points: Any, positions: Any, weights: Any, *hand: Any) -> Any:
        def of_one(theta: Any, coordinates: Any, point: Any, positions: Any, weights: Any) -> Any:
            return f(coordinates, theta, point, positions, weights, *hand)

        return vmap(of_one, in_axes=(None, 0, 0, 0, 0))(theta, coordinates, points, positions, weights)

    return jit(of_all, static_argnums=(6, 7))


def by_parts(of_many: Callable[..., Any], problem: Problem) -> Any:
    """Return a function of many points for all points of a problem, some at once."""
    found = []
    for start in range(0, len(problem.points), SOME):
        part = slice(start, start + SOME)
        theta, coordinates, points, positions, weights, *hand = problem
        found.append(of_many(theta, coordinates[part], points[part], positions[part], weights[part], *hand))
    return np.concatenate(found)


def prepare(message: Any) -> Problem:
    """Return the problem."""
    data, model = message["data"], message["data"]["model"]
    points = np.array(data["points"])
    corners = np.array(data["correspondences"]).reshape(-1, 1)
    if message["us"]:
        corners = np.array(model["triangles"])[corners[:, 0]]
    return Problem(
        theta=np.array(message["theta"]),
        coordinates=np.array(message["us"]).reshape(len(points), -1),
        points=points,
        positions=np.array(model["base_positions"])[corners],
        weights=np.array(model["weights"])[corners],
        bones=Bones(np.array(model["base_relatives"]), np.array(model["inverse_base_absolutes"])),
        parents=tuple(model["parents"]),
        is_mirrored=model["is_mirrored"],
    )


values, slopes = of_points(residual), of_points(residual_slopes)

FUNCTIONS = {
    "objective": Timed(partial(by_parts, values), prepare, lambda found: found.ravel().tolist()),
    "jacobian": Timed(
        partial(by_parts, slopes), prepare, lambda found: found.reshape(-1, found.shape[-1]).tolist()
    ),
}
