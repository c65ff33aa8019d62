"""Arrays that are spread over a mesh of devices: programs leave it to XLA how theirs are spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..runtime.program import Run


def on_meshes(program: Run) -> Run:
    """Return a program that takes arrays on any mesh, also of axes that are explicit.

    XLA spreads arrays over axes that are `Auto`. Where axes are `Explicit`, as `jax.make_mesh` makes them,
    JAX would ask for the sharding of each array that the program computes. So within the program they are
    `Auto`, and of a result a dimension as long as a sharded one of an argument is sharded like it.

    Parameters
    ----------
    program : callable
        From arrays to the tuple of results.

    Returns
    -------
    callable
        The same.
    """
    import jax
    from jax.sharding import AxisType, NamedSharding

    def on_mesh(*arrays: Any) -> tuple[Any, ...]:
        shardings = [jax.typeof(array).sharding for array in arrays]
        meshes = [s.mesh for s in shardings if AxisType.Explicit in s.mesh.axis_types]
        if not meshes:
            return program(*arrays)
        mesh = meshes[0]
        kinds = zip(mesh.axis_names, mesh.axis_types, strict=True)
        names = tuple([name for name, kind in kinds if kind is AxisType.Explicit])
        spread = {
            length: own
            for array, sharding in zip(arrays, shardings, strict=True)
            for length, own in zip(array.shape, sharding.spec, strict=False)
            if own is not None
        }
        shapes = [result.shape for result in jax.eval_shape(program, *map(_without_sharding, arrays))]
        wanted = tuple([NamedSharding(mesh, jax.P(*_spec(shape, spread))) for shape in shapes])
        spreading = jax.sharding.auto_axes(program, axes=names, out_sharding=wanted)
        results: tuple[Any, ...] = spreading(*arrays)
        return results

    return on_mesh


def _without_sharding(array: Any) -> Any:
    import jax

    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def _spec(shape: Sequence[int], spread: dict[int, Any]) -> list[Any]:
    """Return over which axes of a mesh each dimension is spread; each axis takes one dimension.

    Examples
    --------
    >>> _spec((3, 8, 8), {8: "batch"})
    [None, 'batch', None]
    """
    used: set[Any] = set()
    spec = []
    for length in shape:
        own = spread.get(length)
        spec.append(own if own not in used else None)
        used.add(own)
    return spec
