"""Nests of loops over the indices of an array."""

from __future__ import annotations

from collections.abc import Sequence

from .lane_loops import counted, rounded


class IndexLoops:
    """A nest of loops with constant bounds, but for the inner one where it is given, and over lanes."""

    def __init__(
        self, shape: tuple[int, ...], axes: Sequence[int] = (), *, inner: str = "", is_exact: bool = False
    ) -> None:
        self.shape = shape
        self.axes = axes
        bounds = [*map(str, shape)]
        if inner:
            bounds[-1] = inner
        self.indices = tuple("ijklmnopqr"[: len(shape)])
        loops = [*zip(self.indices, bounds, strict=True), *(counted if is_exact else rounded)(axes)]
        self.bounds = [(index, str(bound)) for index, bound in loops]
        self.indent = "    " * len(loops)

    def heads(self) -> list[str]:
        """Return the lines that begin the loops."""
        return [
            f"{'    ' * depth}for {index} in range({length}):"
            for depth, (index, length) in enumerate(self.bounds)
        ]

    def around(self, *lines: str) -> list[str]:
        """Return lines within the loops."""
        return [*self.heads(), *(f"{self.indent}{line}" for line in lines)]
