"""Write lookups as statements: elements of tables by an index that is computed, and sums by such an index."""

from __future__ import annotations

from collections.abc import Mapping

from ..arrays.lookups import Lookup
from ..arrays.plan import Block
from ..arrays.views import view
from .statements import StatementWriter

DEFINITIONS: Mapping[str, str] = {
    # Elements by their index along an axis; 0 for an index beyond the end, of which none is.
    "picked": """\
def picked(rows, index, axis):
    at = np.clip(np.nan_to_num(index), 0, rows.shape[axis] - 1).astype(np.intp)
    along = np.expand_dims(at.reshape((1,) * (rows.ndim - 1 - at.ndim) + at.shape), axis)
    return np.where(at == index, np.take_along_axis(rows, along, axis).squeeze(axis), 0.0)
""",
    # For each row of numbers, their sums by index; without those whose index is beyond the end.
    "added_up": """\
def added_up(index, numbers, length):
    at = np.clip(np.nan_to_num(index), 0, length - 1).astype(np.intp)
    numbers = np.where(at == index, numbers, 0.0)
    tables = np.arange(len(numbers)).reshape((-1,) + (1,) * (numbers.ndim - 1))
    at = np.broadcast_to(at + length * tables, numbers.shape)
    return np.bincount(at.ravel(), numbers.ravel(), length * len(numbers)).reshape(-1, length)
""",
}
"""The functions that lookups use, in NumPy."""


def look_up(
    writer: StatementWriter, block: Block, lookup: Lookup, definitions: Mapping[str, str] = DEFINITIONS
) -> str:
    """Write elements of a table by their index, or sums by index, and return the name."""
    axes = sorted({*block.axes, *block.over})
    index, numbers = writer.aligned(lookup.index, axes), writer.aligned(lookup.numbers, axes, whole=True)
    if lookup.order is None:
        writer.helpers["picked"] = definitions["picked"]
        return writer.assigned(f"picked({numbers}, {index}, {-1 - len(axes)})")
    writer.helpers["added_up"] = definitions["added_up"]
    name = writer.assigned(f"added_up({index}, {numbers}, {lookup.length})")
    tables = len(lookup.numbers.wanted)
    by_element = lookup.order.reshape(lookup.length, tables)
    text = view(name, (tables, lookup.length), by_element, writer.positions)
    if (by_element.shape, text) != (block.shape, name):
        writer.lines.append(f"{name} = {text}.reshape{writer.shape_of(block.shape, ())}")
    return name
