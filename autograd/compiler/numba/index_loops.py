"""Nests of loops over the indices of an array."""

from __future__ import annotations

from .lane_loops import counted, nested, rounded


class IndexLoops:
    """A nest of loops with constant bounds, but for the inner one where it is given, and over lanes."""

    def __init__(
        self, shape: tuple[int, ...], lane: int | None = None, *, inner: str = "", is_exact: bool = False
    ) -> None:
        self.shape = shape
        self.lane = lane
        bounds = [*map(str, shape)]
        if inner:
            bounds[-1] = inner
        names = "ijklmnopqr"[: len(shape)]
        self.indices = tuple(["0" if n == 1 else name for n, name in zip(shape, names, strict=True)])
        loops = [*zip(names, bounds, strict=True), *(counted if is_exact else rounded)(lane)]
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
        return nested(self.bounds, lines)
