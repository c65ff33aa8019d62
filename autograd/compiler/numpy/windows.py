"""Write slices along axes, and arrays that are moved along them."""

from __future__ import annotations

import numpy as np

from ..arrays.plan import Block, Operand, Window
from ..passes.axes import AxisLength
from .axis_order import reordered
from .statements import StatementWriter


def window(writer: StatementWriter, block: Block, of: Window) -> str:
    """Return what an array is of another one along an axis."""
    source = writer.plan.blocks[of.source]
    everything = Operand(of.source, np.arange(source.size).reshape(source.shape))
    text = writer.view(everything, whole=True)
    name = text if text.isidentifier() else writer.assigned(text)
    varies = of.old in source.axes
    behind = len(source.axes) - 1 - source.axes.index(of.old) if varies else 0
    depth = len(source.shape) + len(source.axes) - behind - varies
    if of.new is None:
        return writer.assigned(f"{name}[{_entries(depth, str(of.start), behind)}]") if varies else name
    old, new = (writer.plan.lengths[axis] for axis in (of.old, of.new))
    rest = _rest(old, new, of.start)
    if of.covers:
        there = _slice(of.start, rest, writer.length(of.new))
        return writer.assigned(reordered(f"{name}[{_entries(depth, there, behind)}]", block, of.order))
    own = [of.new if axis == of.old else axis for axis in source.axes] if varies else [*source.axes, of.new]
    begin, first = max(0, -of.start), max(0, of.start)
    if rest is not None and rest <= 0 and not first:
        there, here = _slice(begin, -rest, ""), ":"
    else:
        count = f"min({writer.length(of.new)} - {begin}, {writer.length(of.old)} - {first})"
        there, here = f"{begin}:{begin} + {count}", f"{first}:{first} + {count}"
    taken = f"{name}[{_entries(depth, here, behind)}]" if varies and here != ":" else name
    if not varies and depth:
        taken = f"{name}[..., None]"
    moved = writer.amid_zeros(writer.shape_of(block.shape, own), _entries(depth, there, behind), taken)
    found = reordered(moved, block, of.order)
    return found if found == moved else writer.assigned(found)


def _rest(old: AxisLength, new: AxisLength, start: int) -> int | None:
    """Return how many numbers of an array are behind a slice of it; None if the lengths do not tell."""
    are_alike = old[:2] == new[:2] and old.argument is not None
    if are_alike:
        return old.extra - new.extra - start
    return None if old.length is None or new.length is None else old.length - new.length - start


def _slice(start: int, rest: int | None, length: str) -> str:
    """Return a slice from a start that leaves so many numbers behind it, or of some length."""
    begin = str(start or "")
    return f"{begin}:{start} + {length}" if rest is None else f"{begin}:{-rest or ''}"


def _entries(depth: int, entry: str, behind: int) -> str:
    """Return an index with an entry behind others that take all, and before others."""
    return ", ".join([*[":"] * depth, entry, *[":"] * behind])
