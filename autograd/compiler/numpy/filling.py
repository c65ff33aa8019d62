"""Fill arrays of NumPy with elements of several arrays."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ..arrays.index_rules import Positions, nest_of
from ..arrays.plan import Operand
from ..arrays.views import view
from .statements import StatementWriter


def fill(writer: StatementWriter, name: str, parts: Sequence[Operand], targets: Sequence[Positions]) -> None:
    """Write an array whose elements come from several arrays."""
    size = sum(map(len, targets))
    writer.lines.append(f"{name} = np.empty({size})")
    for part, target in zip(parts, targets, strict=True):
        at, positions, shape_of = target, part.wanted, writer.plan.blocks[part.source].shape
        # All of it: in its own order.
        if len(positions) == prod(shape_of) and (np.sort(positions) == np.arange(len(positions))).all():
            at = at[np.argsort(positions)].reshape(shape_of)
            positions = np.arange(at.size).reshape(shape_of)
        if at.ndim == 1 and (nest := nest_of([at, positions], 2)) and len(nest.sizes) == 2:
            at, positions = at.reshape(nest.sizes), positions.reshape(nest.sizes)
        place = _place(view(name, (size,), at, writer.positions))
        writer.lines.append(f"{place} = {writer.view(Operand(part.source, positions))}")


def fill_along(
    writer: StatementWriter,
    name: str,
    parts: Sequence[Operand],
    targets: Sequence[Positions],
    order: Sequence[int],
) -> None:
    """Write an array with axes whose elements come from several arrays."""
    size = sum(map(len, targets))
    writer.lines.append(f"{name} = np.empty({writer.shape_of((size,), order)})")
    for part, target in zip(parts, targets, strict=True):
        place = _place(view(name, (size,), target, writer.positions))
        writer.lines.append(f"{place} = {writer.aligned(part, order)}")


def _place(text: str) -> str:
    """Return a view to assign to: one that ends in a method cannot be, but what is in it can."""
    return text if text.endswith("]") else f"{text}[...]"
