"""Hand tracking: how far points are from a hand whose skin follows 22 bones, and the Jacobian of that."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import cos, jacobian, jit, jvp, norm, sin, vmap, where

from .timed import Timed

FINGERS = 5
TINY = 1e-4
"""Shorter rotations count as none."""
SOME = 2048
"""For so many points at once, what their corners have fits into the cache."""


class Bones(NamedTuple):
    """For each bone its 4 × 4 matrix relative to its parent, and the inverse of its absolute one."""

    relative: Any
    inverse_absolute: Any


class Problem(NamedTuple):
    """A hand, and points on it.

    Each point has coordinates in a triangle and the numbers of the triangle's corners, which are vertices of
    the hand. In the simple variant it has no coordinates, and a single corner. The hand is what the function
    that moves its vertices takes: theta, the positions of the vertices at rest and how much each bone moves
    them, the bones, of each bone its parent's number or -1, and whether the hand is mirrored.
    """

    coordinates: Any
    points: Any
    corners: Any
    hand: tuple[Any, ...]


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
    theta: Any, position: Any, weights: Any, bones: Bones, parents: tuple[int, ...], mirrors: bool
) -> Any:
    """Return where a vertex is."""
    transforms = bone_transforms(theta, bones, parents)
    moved = (weights @ transforms.reshape(len(parents), 12)).reshape(3, 4) @ position
    if mirrors:
        moved = moved * np.array([-1.0, 1.0, 1.0])
    return rotation_about(theta[:3]) @ moved + theta[3:6]


def of_vertices(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of one vertex, compiled for many."""

    def of_all(theta: Any, positions: Any, weights: Any, *hand: Any) -> Any:
        return vmap(lambda position, own: f(theta, position, own, *hand))(positions, weights)

    return jit(of_all, "numpy", static_argnums=(4, 5))


def residual(coordinates: Any, point: Any, corners: Any) -> Any:
    """Return how far a point is from where it should be between the corners of its triangle."""
    if len(corners) == 1:
        return point - corners[0]
    u, v = coordinates
    return point - (u * corners[0] + v * corners[1] + (1.0 - u - v) * corners[2])


def residual_slopes(coordinates: Any, point: Any, corners: Any, corner_slopes: Any) -> Any:
    """Return the partials of a residual by coordinates and theta, from those of the corners by theta."""

    def along(directions: Any) -> Any:
        return jvp(lambda corners: residual(coordinates, point, corners), (corners,), (directions,))[1]

    by_theta = np.stack([along(corner_slopes[:, :, i]) for i in range(corner_slopes.shape[2])], axis=1)
    return np.concatenate([jacobian(residual)(coordinates, point, corners), by_theta], axis=1)


def by_parts(of_many: Callable[..., Any], problem: Problem, *of_corners: Any) -> Any:
    """Return a function of points and of what their corners have, called for some points at once."""
    found = []
    for start in range(0, len(problem.points), SOME):
        part = slice(start, start + SOME)
        corners = [each[problem.corners[part]] for each in of_corners]
        found.append(of_many(problem.coordinates[part], problem.points[part], *corners))
    return np.concatenate(found)


vertices = of_vertices(skin)
vertex_slopes = of_vertices(jacobian(skin, mode="fwd"))
# Numba would compile for half a minute what NumPy runs in 0.1 s for 51,200 points.
residuals = jit(vmap(residual), "numpy")
slopes = jit(vmap(residual_slopes), "numpy")


def objective(problem: Problem) -> Any:
    """Return the residuals of all points."""
    return by_parts(residuals, problem, vertices(*problem.hand))


def residual_jacobian(problem: Problem) -> Any:
    """Return the partials of all residuals."""
    return by_parts(slopes, problem, vertices(*problem.hand), vertex_slopes(*problem.hand))


def prepare(message: Any) -> Problem:
    """Return the problem, with those vertices of the hand that are corners of triangles."""
    data, model = message["data"], message["data"]["model"]
    points, positions = np.array(data["points"]), np.array(model["base_positions"])
    triangles = np.array(model["triangles"]) if message["us"] else np.arange(len(positions))[:, None]
    used, places = np.unique(triangles, return_inverse=True)
    return Problem(
        coordinates=np.array(message["us"]).reshape(len(points), -1),
        points=points,
        corners=places.reshape(triangles.shape)[data["correspondences"]],
        hand=(
            np.array(message["theta"]),
            positions[used],
            np.array(model["weights"])[used],
            Bones(np.array(model["base_relatives"]), np.array(model["inverse_base_absolutes"])),
            tuple(model["parents"]),
            model["is_mirrored"],
        ),
    )


FUNCTIONS = {
    "objective": Timed(objective, prepare, lambda found: found.ravel().tolist()),
    "jacobian": Timed(residual_jacobian, prepare, lambda found: found.reshape(-1, found.shape[-1]).tolist()),
}
