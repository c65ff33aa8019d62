"""Where the arrays of a training lie: batches in parts on the devices of a mesh, all else on each of them.

``pip install 'chainrule[jax]'`` brings JAX, which is loaded when this module is.
"""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from importlib.util import find_spec
from typing import Any

import numpy as np

if find_spec("jax") is None:
    raise ModuleNotFoundError("backend='jax' needs JAX: pip install 'chainrule[jax]'")

import jax
from jax.experimental.multihost_utils import process_allgather
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .device_mesh import DeviceMesh
from .samples import Array


class Placement:
    """A mesh of devices whose first axis the samples of a batch are divided over.

    The devices of the other axes hold copies. Of several processes each puts its own samples on its own
    devices, and each has all parameters.

    Parameters
    ----------
    mesh : jax.sharding.Mesh or None
        The mesh; None is one device of this process.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For a mesh without a device of this process.

    Examples
    --------
    >>> alone = Placement()
    >>> alone.put(np.ones((2, 3, 4))).shape, alone.share(100)
    ((2, 3, 4), 100)
    """

    def __init__(self, mesh: DeviceMesh | None = None) -> None:
        if mesh is None:
            mesh = Mesh(np.array(jax.local_devices()[:1]), ("samples",))
        if not isinstance(mesh, Mesh) or mesh.empty:
            raise TypeError(
                f"expected mesh to be a jax.sharding.Mesh of devices, got {mesh!r}: "
                'pass jax.make_mesh((jax.device_count(),), ("samples",))'
            )
        # The axes of jax.make_mesh are explicit: each product would have to say where its result lies.
        self.mesh = Mesh(mesh.devices, mesh.axis_names)
        self.axis = str(mesh.axis_names[0])
        self.parts: int = mesh.shape[mesh.axis_names[0]]
        self.everywhere = NamedSharding(self.mesh, PartitionSpec())
        self.by_sample = NamedSharding(self.mesh, PartitionSpec(self.axis))
        self.by_batch_and_sample = NamedSharding(self.mesh, PartitionSpec(None, self.axis))
        self.is_distributed = not self.everywhere.is_fully_addressable
        self._process = jax.process_index()
        self.is_first = self._process == 0 or not self.is_distributed
        self._own_parts = len(self._rows_of_processes(self.parts)[self._process])
        if not self._own_parts:
            raise ValueError(
                f"expected a mesh with devices of each process that trains, got one without those of process "
                f"{self._process}: make it of jax.devices(), or train in fewer processes"
            )

    def share(self, batch_size: int) -> int:
        """Return how many samples of each batch this process gives.

        Raises
        ------
        ValueError
            If the devices cannot have as many samples each.
        """
        if batch_size % self.parts:
            below = batch_size - batch_size % self.parts
            nearest = f"{below} or {below + self.parts}" if below else str(self.parts)
            raise ValueError(
                f"expected a batch_size that the {self.parts} devices of the mesh's axis {self.axis!r} can "
                f"share equally, got {batch_size}: take {nearest}"
            )
        return batch_size // self.parts * self._own_parts

    def put(self, batches: Array) -> jax.Array:
        """Divide the samples of some batches, shape (batches, samples, ...), among the devices.

        If they do not share them equally, there are rows of zeros behind those of each process; `samples_in`
        says which rows are samples.
        """
        count = -batches.shape[1] % self._own_parts
        if count:
            filling = np.zeros((len(batches), count, *batches.shape[2:]), batches.dtype)
            batches = np.concatenate([batches, filling], axis=1)
        size = batches.shape[1] // self._own_parts * self.parts
        shape = (len(batches), size, *batches.shape[2:])
        placed: jax.Array = jax.make_array_from_process_local_data(self.by_batch_and_sample, batches, shape)
        return placed

    def put_everywhere(self, arrays: Any) -> Any:
        """Give each device the arrays of a tree, unless they are there already."""
        return jax.tree.map(self._everywhere, arrays)

    def samples_in(self, size: int, samples: int) -> Array | slice:
        """Return the rows of a batch that are samples, where each process has put so many.

        Examples
        --------
        >>> Placement().samples_in(4, 3)
        slice(0, 3, None)
        """
        found = []
        for spans in self._rows_of_processes(size).values():
            rows = np.concatenate([np.arange(*span) for span in sorted(spans)])
            found.append(rows[:samples])
        rows = np.unique(np.concatenate(found))
        # Of a slice each device has its part already; indices would gather the batch on all of them.
        return slice(0, len(rows)) if rows[-1] == len(rows) - 1 else rows

    def check_alike(self, parameters: Array, samples: int, held_out: int) -> None:
        """Raise if the processes have different numbers of samples, or a model of other parameters.

        Raises
        ------
        ValueError
            With the numbers of all processes, which would wait for each other for ever.
        """
        if not self.is_distributed:
            return
        digest = np.frombuffer(sha256(parameters.tobytes()).digest(), np.int64)
        # JAX may be set to cut off the upper half of longer numbers.
        own = np.array([samples, held_out, *digest]).view(np.int32)
        found = np.array(process_allgather(own)).view(np.int64)
        for name, column in zip(("samples", "held-out samples"), found.T.tolist(), strict=False):
            if len(set(column)) > 1:
                raise ValueError(
                    f"expected each process to have as many {name}, got {', '.join(map(str, column))}: leave "
                    "out what is left over"
                )
        if (found != found[0]).any():
            raise ValueError(
                "expected the model of each process to have the same parameters at first: make it with the "
                "same rng"
            )

    def _rows_of_processes(self, size: int) -> dict[int, set[tuple[int, int]]]:
        """Return the ranges of rows that are on the devices of each process."""
        found: dict[int, set[tuple[int, int]]] = defaultdict(set)
        device: Any
        for device, (rows,) in self.by_sample.devices_indices_map((size,)).items():
            found[device.process_index].add((rows.start or 0, size if rows.stop is None else rows.stop))
        return found

    def _everywhere(self, array: Any) -> jax.Array:
        if isinstance(array, jax.Array) and array.sharding == self.everywhere:
            return array
        numbers = np.asarray(array)
        return jax.make_array_from_callback(numbers.shape, self.everywhere, lambda rows: numbers[rows])
