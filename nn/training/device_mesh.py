"""The type of a mesh of devices for programs and checkers that have no JAX."""

from __future__ import annotations

from typing import Any, Protocol


class DeviceMesh(Protocol):
    """What a `jax.sharding.Mesh` has; without JAX that name is unknown to a checker, and so would `fit` be.

    Examples
    --------
    >>> from typing import get_type_hints
    >>> get_type_hints(DeviceMesh.axis_names.fget)["return"]
    tuple[typing.Any, ...]
    """

    @property
    def axis_names(self) -> tuple[Any, ...]:
        """The name of each axis."""

    @property
    def devices(self) -> Any:
        """The devices, an array with these axes."""
