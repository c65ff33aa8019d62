"""Write lookups in JAX: elements of tables by an index that is computed, and sums by such an index."""

from __future__ import annotations

from ..arrays.lookups import Lookup
from ..arrays.plan import Block
from ..arrays.views import view
from ..numpy.statements import StatementWriter

_PICKED = """\
def picked(rows, index, axis):
    at = jnp.clip(jnp.nan_to_num(index), 0, rows.shape[axis] - 1).astype(int)
    along = jnp.expand_dims(at.reshape((1,) * (rows.ndim - 1 - at.ndim) + at.shape), axis)
    return jnp.where(at == index, jnp.take_along_axis(rows, along, axis).squeeze(axis), 0.0)
"""
"""Elements of tables by their index along an axis; 0 for an index beyond the end, of which none is."""

_ADDED_UP = """\
def added_up(index, numbers, length):
    at = jnp.clip(jnp.nan_to_num(index), 0, length - 1).astype(int)
    numbers = jnp.where(at == index, numbers, 0.0)
    at = jnp.broadcast_to(at, numbers.shape)
    return jax.vmap(lambda at, numbers: jnp.zeros(length, numbers.dtype).at[at].add(numbers))(at, numbers)
"""
"""For each row of numbers, their sums by index; without those whose index is beyond the end."""


def look_up(writer: StatementWriter, block: Block, lookup: Lookup) -> str:
    """Write elements of a table by their index, or sums by index."""
    axes = sorted({*block.axes, *block.over})
    index, numbers = writer.aligned(lookup.index, axes), writer.aligned(lookup.numbers, axes, whole=True)
    if lookup.order is None:
        writer.helpers["picked"] = _PICKED
        return writer.assigned(f"picked({numbers}, {index}, {-1 - len(axes)})")
    writer.helpers["added_up"] = _ADDED_UP
    name = writer.assigned(f"added_up({index}, {numbers}, {lookup.length})")
    tables = len(lookup.numbers.wanted)
    by_element = lookup.order.reshape(lookup.length, tables)
    text = view(name, (tables, lookup.length), by_element, writer.positions)
    if (by_element.shape, text) != (block.shape, name):
        writer.lines.append(f"{name} = {text}.reshape{writer.shape_of(block.shape, ())}")
    return name
