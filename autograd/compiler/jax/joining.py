"""Join arrays of JAX, which cannot be filled, from elements of several arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..arrays.index_rules import Positions
from ..arrays.plan import Operand
from ..arrays.views import view
from ..numpy.statements import StatementWriter


class _JoinedPart(NamedTuple):
    """Elements of an array: which they are, and where they go, in ascending order."""

    source: int
    wanted: Positions
    target: Positions


def joined(
    writer: StatementWriter, parts: Sequence[Operand], targets: Sequence[Positions], order: Sequence[int]
) -> str:
    """Return an array whose elements come from several arrays, with some axes last.

    Parameters
    ----------
    writer : StatementWriter
        The statements before it.
    parts : sequence of Operand
        The elements of each array.
    targets : sequence of array of int
        Where they go.
    order : sequence of int
        The axes.

    Returns
    -------
    str
        An expression.
    """
    if not parts:
        # Of a result without numbers.
        return f"jnp.zeros({writer.shape_of((0,), order)}, dtype)"
    ordered = [
        _JoinedPart(part.source, part.wanted[at], target[at])
        for part, target in zip(parts, targets, strict=True)
        for at in [np.argsort(target)]
    ]
    return _one_after_the_other([_cluster(writer, cluster, order) for cluster in _clusters(ordered)])


def _one_after_the_other(texts: Sequence[str], axis: int = 0) -> str:
    last = f", axis={axis}" if axis else ""
    return texts[0] if len(texts) == 1 else f"jnp.concatenate([{', '.join(texts)}]{last})"


def _clusters(parts: Sequence[_JoinedPart]) -> list[list[_JoinedPart]]:
    """Return the parts in groups that follow one another; those of a group are mixed with each other."""
    found: list[list[_JoinedPart]] = []
    stop = -1
    for part in sorted(parts, key=lambda part: int(part.target[0])):
        if part.target[0] > stop:
            found.append([])
        found[-1].append(part)
        stop = max(stop, int(part.target[-1]))
    return found


def _cluster(writer: StatementWriter, parts: Sequence[_JoinedPart], order: Sequence[int]) -> str:
    """Return parts that are mixed with each other as a flat array."""
    if len(parts) == 1:
        return _whole(writer, parts[0].source, parts[0].wanted, order)
    target = np.concatenate([part.target for part in parts])
    which = np.concatenate([np.full(len(part.target), i) for i, part in enumerate(parts)])
    owners, size = which[np.argsort(target)], len(target)
    shape = ", ".join([str(size), *map(writer.length, order)])
    for rows in [n for n in range(size // len(parts), 1, -1) if not size % n]:
        # In each row the same columns are of the same part, as weights and the bias of each neuron are.
        if (owners.reshape(rows, -1) == owners[: size // rows]).all():
            row = owners[: size // rows]
            breaks = np.flatnonzero(np.diff(row)) + 1
            runs = np.split(np.arange(len(row)), breaks)
            texts = []
            for run in runs:
                part = parts[row[run[0]]]
                columns = np.cumsum(row == row[run[0]])[run] - 1
                texts.append(_whole(writer, part.source, part.wanted.reshape(rows, -1)[:, columns], order))
            return f"{_one_after_the_other(texts, 1)}.reshape({shape})"
    name = writer.assigned(
        _one_after_the_other([_whole(writer, part.source, part.wanted, order) for part in parts])
    )
    lengths = tuple(map(writer.length, order))
    return view(name, (size,), np.argsort(target), writer.positions, lengths)


def _whole(writer: StatementWriter, source: int, wanted: Positions, order: Sequence[int]) -> str:
    """Return elements of an array along all axes."""
    operand = Operand(source, wanted)
    text = writer.aligned(operand, order, whole=True)
    if {*writer.axes_of(operand)} == {*order}:
        return text
    return writer.broadcast(text, writer.shape_of(wanted.shape, order))
