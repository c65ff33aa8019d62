"""Put arrays together from elements of several arrays: results, and what is arranged for further use."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ..arrays.index_rules import Positions, nest_of
from ..arrays.plan import Block, Operand, Place, by_source
from ..arrays.views import view
from ..passes.axes import Along
from .statements import StatementWriter


def result(writer: StatementWriter, i: int, wanted: Sequence[int], shape: tuple[int, ...]) -> str:
    """Return a result without axes."""
    places = [writer.plan.place[instruction] for instruction in wanted]
    parts, targets = by_source([colour for colour, _ in places], [position for _, position in places])
    if len(parts) == 1:
        ((source, positions),) = ((part.source, part.wanted) for part in parts)
        text = writer.view(Operand(source, positions.reshape(shape or (1,))), whole=bool(shape))
        return _own(writer, text, source) if shape else text
    name = f"result{i + 1}"
    _fill(writer, name, parts, targets)
    return f"{name}.reshape({', '.join(map(str, shape))})" if len(shape) != 1 else name


def result_along(writer: StatementWriter, wanted: Sequence[int], shape: tuple[int, ...], dims: Along) -> str:
    """Return a result of which some dimensions are axes."""
    order = tuple(sorted([axis for axis in dims if axis is not None]))
    places = [writer.plan.place[instruction] for instruction in wanted]
    text = assembled(writer, places, shape, order, is_own=True)
    return _arranged(text, len(shape), [None if axis is None else order.index(axis) for axis in dims])


def assembled(
    writer: StatementWriter,
    places: Sequence[Place],
    shape: tuple[int, ...],
    order: tuple[int, ...],
    *,
    is_own: bool,
) -> str:
    """Return numbers that stand at some places as one array, with its axes last; a new one if `is_own`."""
    parts, targets = by_source([colour for colour, _ in places], [position for _, position in places])
    texts = [writer.aligned(_shaped(part, shape), order, whole=True) for part in parts]
    full = writer.shape_of(shape, order)
    if len(parts) == 1:
        ((source, text),) = ((part.source, text) for part, text in zip(parts, texts, strict=True))
        if {*writer.axes_of(parts[0])} != {*order}:
            return f"np.broadcast_to({text}, {full}){'.copy()' if is_own else ''}"
        return _own(writer, text, source) if is_own else text
    text = writer.new_name()
    _fill_along(writer, text, parts, targets, order)
    return text if len(shape) == 1 else f"{text}.reshape{full}"


def filled(writer: StatementWriter, block: Block) -> str:
    """Write an array that takes its numbers from several."""
    name = writer.new_name()
    if block.axes:
        _fill_along(writer, name, block.operands, block.targets, block.axes)
    else:
        _fill(writer, name, block.operands, block.targets)
    return name


def _fill(writer: StatementWriter, name: str, parts: Sequence[Operand], targets: Sequence[Positions]) -> None:
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
        text = view(name, (size,), at, writer.positions)
        # A view that ends in a method cannot be assigned to, but what is in it can.
        place = text if text.endswith("]") else f"{text}[...]"
        writer.lines.append(f"{place} = {writer.view(Operand(part.source, positions))}")


def _fill_along(
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
        at = view(name, (size,), target, writer.positions)
        place = at if at.endswith("]") else f"{at}[...]"
        writer.lines.append(f"{place} = {writer.aligned(part, order)}")


def _own(writer: StatementWriter, text: str, source: int) -> str:
    """Return a result as a new array: arguments, views and results returned twice are copied."""
    is_first = text not in writer.returned
    writer.returned.add(text)
    block = writer.plan.blocks[source]
    is_view = block.argument is not None or block.is_along or block.opened is not None
    is_computed = text == writer.names.get(source) and not is_view
    is_new = text.startswith(("np.array(", "np.full("))
    return text if is_new or (is_computed and is_first) else f"np.array({text})"


def _shaped(operand: Operand, shape: tuple[int, ...]) -> Operand:
    wanted = operand.wanted
    return Operand(operand.source, wanted.reshape(shape) if wanted.size == prod(shape) else wanted)


def _arranged(text: str, dimensions: int, dims: Sequence[int | None]) -> str:
    """Return an array whose last dimensions are axes with its dimensions in another order."""
    rest = iter(range(dimensions))
    order = [next(rest) if axis is None else dimensions + axis for axis in dims]
    order += rest
    if order == sorted(order):
        return text
    if len(order) == 2:
        return f"{text}.T"
    return f"{text}.transpose({', '.join(map(str, order))})"
