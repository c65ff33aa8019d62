"""Bundle adjustment: where cameras see points, and where they were seen, with the sparse Jacobian."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import cos, dot, jacobian, jit, sin, sqrt, vmap, where

from .timed import Timed

CAMERA, POINT = 11, 3
"""How many numbers: rotation 3, centre 3, focal length 1, principal point 2, distortion 2; and a point."""
SOME = 8192
"""For so many observations, the arrays that a program of slopes computes fit into the cache."""
IN_AXES = (1, 1, 0, 1)
"""Along which axes of cameras, points, weights and features the observations are."""
Slopes = Callable[[Any, Any, Any, Any], Any]
"""From cameras, points, weights and features to the partials of both errors of each observation."""


class Scene(NamedTuple):
    """Cameras, points, and observations: for each the camera, the point, a weight, and where it was.

    Cameras, points and features are columns, so that NumPy finds side by side what it computes with.
    """

    cameras: Any
    points: Any
    weights: Any
    features: Any
    camera_of: Any
    point_of: Any


class SparseRows(NamedTuple):
    """A sparse matrix by rows: where each row begins, and the column and the value of each entry."""

    rows: Any
    columns: Any
    values: Any


def rotated(rotation: Any, x: Any) -> Any:
    """Return a point rotated about an axis by the axis' length, by Rodrigues' formula."""
    squared = dot(rotation, rotation)
    is_zero = squared == 0.0
    # Of the two branches both are computed: a square root of zero would make the other one's derivative nan.
    angle = sqrt(where(is_zero, 1.0, squared))
    axis = rotation / angle
    sine, cosine = sin(angle), cos(angle)
    turned = x * cosine + np.cross(axis, x) * sine + axis * (dot(axis, x) * (1.0 - cosine))
    return np.where(is_zero, x + np.cross(rotation, x), turned)


def projected(camera: Any, x: Any) -> Any:
    """Return where a camera sees a point."""
    seen = rotated(camera[0:3], x - camera[3:6])
    flat = seen[:2] / seen[2]
    squared = dot(flat, flat)
    distortion = 1.0 + camera[9] * squared + camera[10] * squared * squared
    return flat * distortion * camera[6] + camera[7:9]


def reprojection_error(camera: Any, x: Any, weight: Any, feature: Any) -> Any:
    """Return by how much a point was seen elsewhere, weighted."""
    return weight * (projected(camera, x) - feature)


def weight_error(weight: Any) -> Any:
    """Return by how much the square of a weight differs from 1."""
    return 1.0 - weight * weight


def errors(camera: Any, x: Any, weight: Any, feature: Any) -> Any:
    """Return both errors of an observation."""
    return reprojection_error(camera, x, weight, feature), weight_error(weight)


def error_slopes(camera: Any, x: Any, weight: Any, feature: Any) -> Any:
    """Return the 2 × 15 partials of an observation's reprojection error, and that of its weight error."""
    by_camera, by_point, by_weight = jacobian(reprojection_error, argnums=(0, 1, 2))(
        camera, x, weight, feature
    )
    block = np.concatenate([by_camera, by_point, by_weight.reshape(2, 1)], axis=1)
    return block, jacobian(weight_error)(weight)


def sparse_rows(scene: Scene, slopes: Slopes, some: int) -> SparseRows:
    """Return the Jacobian: first two rows for each observation, then one for each weight.

    Its numbers come from a function, which is called for some observations at once.
    """
    (_, n), (_, m), p = scene.cameras.shape, scene.points.shape, len(scene.weights)
    first_point, first_weight = CAMERA * n, CAMERA * n + POINT * m
    width = CAMERA + POINT + 1
    entries = 2 * width * p
    columns, values = np.empty(entries + p, dtype=np.int32), np.empty(entries + p)
    own = columns[:entries].reshape(p, 2, width)
    own[:, :, :CAMERA] = (CAMERA * scene.camera_of)[:, None, None] + np.arange(CAMERA)
    own[:, :, CAMERA:-1] = (first_point + POINT * scene.point_of)[:, None, None] + np.arange(POINT)
    own[:, :, -1] = columns[entries:, None] = np.arange(first_weight, first_weight + p)[:, None]
    blocks, weight_slopes = values[:entries].reshape(p, 2, width), values[entries:]
    for start in range(0, p, some):
        part = slice(start, start + some)
        blocks[part], weight_slopes[part] = slopes(*observations(scene, part))
    rows = np.concatenate([np.arange(0, entries, width), np.arange(entries, entries + p + 1)])
    return SparseRows(rows, columns, values)


def prepare(message: Any) -> Scene:
    """Return the scene that repeats one camera, one point, and one observation."""
    n, m, p = message["n"], message["m"], message["p"]
    return Scene(
        cameras=np.repeat(np.transpose([message["cam"]]), n, axis=1),
        points=np.repeat(np.transpose([message["x"]]), m, axis=1),
        weights=np.full(p, message["w"]),
        features=np.repeat(np.transpose([message["feat"]]), p, axis=1),
        camera_of=np.arange(p) % n,
        point_of=np.arange(p) % m,
    )


def observations(scene: Scene, part: slice = slice(None)) -> tuple[Any, ...]:
    """Return the camera, the point, the weight and the feature of each observation."""
    cameras = scene.cameras.take(scene.camera_of[part], axis=1)
    points = scene.points.take(scene.point_of[part], axis=1)
    return cameras, points, scene.weights[part], scene.features[:, part]


def present_errors(found: Any) -> Any:
    """Return the first errors, which all others repeat."""
    reprojection, weight = found
    return {
        "reproj_error": {"elements": reprojection[0].tolist(), "repeated": len(reprojection)},
        "w_err": {"element": float(weight[0]), "repeated": len(weight)},
    }


def present_rows(found: SparseRows) -> Any:
    """Return the first 30 numbers, which are the rows of one observation, and the last."""
    return {
        name: [*part[:30].tolist(), part[-1].item()]
        for name, part in zip(("rows", "cols", "vals"), found, strict=True)
    }


values = jit(vmap(errors, in_axes=IN_AXES))
slopes = jit(vmap(error_slopes, in_axes=IN_AXES))

FUNCTIONS = {
    "objective": Timed(lambda scene: values(*observations(scene)), prepare, present_errors),
    "jacobian": Timed(lambda scene: sparse_rows(scene, slopes, SOME), prepare, present_rows),
}
