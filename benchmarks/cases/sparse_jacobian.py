"""The first call of a compiled sparse Jacobian: GradBench's bundle adjustment of 10,000 observations.

Two residuals of each observation depend on the 11 numbers of a camera, the 3 of a point and a weight, and one
more on the weight alone. The peers differentiate the residuals of one observation, and the blocks are put in
their places by hand; so does ``chainrule-blocks``.
"""

import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases.moons_eager import Work
from benchmarks.gradbench import ba
from benchmarks.result import Result

CAMERAS, POINTS, OBSERVATIONS = 20, 2_500, 10_000


def scene() -> ba.Scene:
    """Return cameras that see points in front of them, in no special position."""
    rng = np.random.default_rng(11)
    return ba.Scene(
        cameras=rng.uniform(0.5, 1.0, (ba.CAMERA, CAMERAS)),
        points=rng.uniform(2.0, 3.0, (ba.POINT, POINTS)),
        weights=rng.uniform(0.5, 1.5, OBSERVATIONS),
        features=rng.uniform(-1.0, 1.0, (2, OBSERVATIONS)),
        camera_of=np.arange(OBSERVATIONS) % CAMERAS,
        point_of=np.arange(OBSERVATIONS) % POINTS,
    )


def measured(matrix: Any, seconds: float, again: Callable[[], Any]) -> Result:
    """Return the result for a matrix and the time of a first call, with the time of the next one."""
    start = time.perf_counter()
    again()
    figures = {"ms of the next call": (time.perf_counter() - start) * 1e3}
    product = matrix @ np.linspace(0.5, 1.5, matrix.shape[1])
    answer = [*product[:100], *product[-100:], float((matrix.data**2).sum())]
    return Result(list(map(float, answer)), figures=figures, seconds=seconds)


def first_call(prepare: Callable[[], Callable[[ba.Scene], Any]]) -> Work:
    """Return the measurement of a function that is compiled anew, without what an earlier one has left."""
    seen = scene()

    def step() -> Result:
        with tempfile.TemporaryDirectory() as directory:
            os.environ["CHAINRULE_CACHE"] = directory
            function = prepare()
            start = time.perf_counter()
            matrix = function(seen)
            seconds = time.perf_counter() - start
            return measured(matrix, seconds, lambda: function(seen))

    return step


def assembled(seen: ba.Scene, slopes: ba.Slopes) -> Any:
    """Return the matrix of the blocks of all observations."""
    from scipy.sparse import csr_array

    rows, columns, values = ba.sparse_rows(seen, slopes, OBSERVATIONS)
    width = ba.CAMERA * CAMERAS + ba.POINT * POINTS + OBSERVATIONS
    return csr_array((values, columns, rows), shape=(3 * OBSERVATIONS, width))


def chainrule() -> Work:
    """Prepare chainrule, which finds the places."""
    from scipy.sparse import block_array

    import autograd
    from autograd.compiler.findings import forget

    def prepare() -> Callable[[ba.Scene], Any]:
        forget()
        at = scene()

        def residuals(cameras: Any, points: Any, weights: Any) -> Any:
            of_observation = autograd.vmap(ba.reprojection_error)
            seen = of_observation(cameras[at.camera_of], points[at.point_of], weights, at.features.T)
            return seen, ba.weight_error(weights)

        slopes = autograd.jit(autograd.jacobian(residuals, argnums=(0, 1, 2), sparse=True), backend="numpy")
        return lambda seen: block_array(slopes(seen.cameras.T, seen.points.T, seen.weights)).tocsr()

    return first_call(prepare)


def chainrule_blocks() -> Work:
    """Prepare chainrule, as a user does who knows the places."""
    import autograd
    from autograd.compiler.findings import forget

    def prepare() -> Callable[[ba.Scene], Any]:
        forget()
        slopes = autograd.jit(autograd.vmap(ba.error_slopes, ba.IN_AXES), backend="numpy")
        return lambda seen: assembled(seen, slopes)

    return first_call(prepare)


def jax() -> Work:
    """Prepare JAX."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def rotated(rotation: Any, x: Any) -> Any:
        angle = jnp.sqrt(rotation @ rotation)
        axis = rotation / angle
        along = axis * ((axis @ x) * (1.0 - jnp.cos(angle)))
        return x * jnp.cos(angle) + jnp.cross(axis, x) * jnp.sin(angle) + along

    def error(camera: Any, x: Any, weight: Any, feature: Any) -> Any:
        seen = rotated(camera[0:3], x - camera[3:6])
        flat = seen[:2] / seen[2]
        squared = flat @ flat
        distortion = 1.0 + camera[9] * squared + camera[10] * squared * squared
        return weight * (flat * distortion * camera[6] + camera[7:9] - feature)

    def prepare() -> Callable[[ba.Scene], Any]:
        jax.clear_caches()

        def slopes(camera: Any, x: Any, weight: Any, feature: Any) -> Any:
            by_camera, by_point, by_weight = jax.jacfwd(error, argnums=(0, 1, 2))(camera, x, weight, feature)
            block = jnp.concatenate([by_camera, by_point, by_weight[:, None]], axis=1)
            return block, -2.0 * weight

        compiled = jax.jit(jax.vmap(slopes, ba.IN_AXES))
        return lambda seen: assembled(seen, compiled)

    return first_call(prepare)


PEERS = {"chainrule": chainrule, "chainrule-blocks": chainrule_blocks, "jax": jax}
ROUNDS = 3
