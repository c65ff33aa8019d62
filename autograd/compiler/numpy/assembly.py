"""Put arrays together from elements of several arrays: results, and what is arranged for further use."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..arrays.plan import Block, Operand, Place, by_source
from ..passes.axes import Along
from .statements import StatementWriter


def result(writer: StatementWriter, i: int, wanted: Sequence[int], shape: tuple[int, ...]) -> str:
    """Return a result without axes."""
    places = [writer.plan.place[instruction] for instruction in wanted]
    parts, targets = by_source([colour for colour, _ in places], [position for _, position in places])
    if len(parts) == 1:
        ((source, positions),) = ((part.source, part.wanted) for part in parts)
        text = writer.view(Operand(source, positions.reshape(shape or (1,))), whole=bool(shape))
        return writer.own(text, source) if shape else writer.own_number(text)
    name = f"result{i + 1}"
    writer.fill(name, parts, targets)
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
            text = writer.broadcast(text, full)
            return writer.own(text, None) if is_own else text
        return writer.own(text, source) if is_own else text
    text = writer.new_name()
    writer.fill(text, parts, targets, order)
    return text if len(shape) == 1 else f"{text}.reshape{full}"


def filled(writer: StatementWriter, block: Block) -> str:
    """Write an array that takes its numbers from several."""
    name = writer.new_name()
    writer.fill(name, block.operands, block.targets, block.axes or None)
    return name


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
