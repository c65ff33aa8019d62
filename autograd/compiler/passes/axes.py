"""Axes on a tape: which there are, where their lengths come from, and along which each instruction varies.

Each call of `vmap` takes an axis of its own. Those that are only other names of one another become one here,
so that equal columns are one array.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, chain, combinations
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...functions.alignment import Dims
from ...functions.axes import Axis, Column, Index, Length, Renamed, Size, TotalOver
from ...functions.rows_over_axes import RowOver
from ...ops.structural import Operation, Structural
from ...ops.table import Op
from ...transforms.loops import Carried, Loop
from ..trace.loops import TapeCarried, TapeLoop
from ..trace.tape import Passed, Tape, tape_of


class InputArray(NamedTuple):
    """An array that a program reads, as slices along some of its dimensions.

    Attributes
    ----------
    argument : int or None
        Which argument it is; None for a constant.
    shape : tuple of int
        The shape of each slice.
    axes : tuple of int
        The axes that it is sliced along, in the order of its dimensions.
    dimensions : tuple of int
        Which dimensions these are.
    constant : array or None
        The constant.
    rows : array of int or None
        Which of its rows are taken, in which order; all if it is None.
    """

    argument: int | None
    shape: tuple[int, ...]
    axes: tuple[int, ...] = ()
    dimensions: tuple[int, ...] = ()
    constant: npt.NDArray[Any] | None = None
    rows: npt.NDArray[np.intp] | None = None


class AxisLength(NamedTuple):
    """Where the length of an axis is found.

    Attributes
    ----------
    argument, dimension : int or None
        The argument that has it, and along which dimension.
    length : int or None
        The number, where no argument has it.
    """

    argument: int | None
    dimension: int | None
    length: int | None = None


class Inputs(NamedTuple):
    """What a program reads.

    Attributes
    ----------
    arrays : list of InputArray
        Those that the inputs of the tape are elements of.
    axes : list of AxisLength
        The axes.
    """

    arrays: list[InputArray]
    axes: list[AxisLength]


def whole_arguments(shapes: Iterable[tuple[int, ...]]) -> Inputs:
    """Return arguments that are taken apart.

    Examples
    --------
    >>> [array.shape for array in whole_arguments([(2,), ()]).arrays]
    [(2,), ()]
    """
    return Inputs([InputArray(k, shape) for k, shape in enumerate(shapes)], [])


DimsOfResults = Sequence[Dims]
"""What the dimensions of each result are."""

Along = tuple[int | None, ...]
"""The dimensions of a result up to the last axis: the number of an axis, or None for one of its slices."""


def numbered_axes(
    tape: Tape, shapes: Sequence[tuple[int, ...]], results: DimsOfResults
) -> tuple[Tape, Inputs, list[Along]]:
    """Return a tape whose operations name axes by number, and whose columns are inputs.

    Parameters
    ----------
    tape : Tape
        As it was traced.
    shapes : sequence of tuple of int
        The shapes of the arguments.
    results : sequence of tuple of Axis or None
        The dimensions of each result.

    Returns
    -------
    (Tape, Inputs, list of tuple of int or None)
        The tape, what its inputs are elements of, and the dimensions of each result.

    Examples
    --------
    >>> numbered_axes(Tape(), [(2,)], [])[1].axes
    []
    """
    inputs = whole_arguments(shapes)
    ops = dict.fromkeys(tape.ops)
    if not any(results) and not any(isinstance(op, _OPERATIONS) for op in ops):
        return tape, inputs, [()] * len(results)
    bodies = dict(_bodies(ops))
    numbering = _AxisNumbering(inputs, bodies, _merged(tape, ops, bodies, results))
    found = numbering.numbered(tape)
    return found, inputs, [*map(numbering.along, results)]


_OPERATIONS = (Column, Index, Length, TotalOver, RowOver, Renamed, Loop)


class _AxisNumbering:
    """One walk along a tape, writing another."""

    def __init__(self, inputs: Inputs, bodies: Mapping[Loop, Tape], one: Mapping[Axis, Axis]) -> None:
        self.inputs = inputs
        self.bodies = bodies
        self.numbers: dict[Axis, int] = {}
        self.arrays: dict[Any, int] = {}
        self.operations: dict[Structural, Structural] = {}
        self.loops: dict[tuple[Loop, frozenset[int]], TapeLoop] = {}
        self.inside: frozenset[int] = frozenset()
        self.one = one

    def numbered(self, tape: Tape) -> Tape:
        found = Tape()
        new: list[Passed] = []
        columns: dict[tuple[int, int], int] = {}
        for i, op in enumerate(tape.ops):
            args = tuple([new[arg] for arg in tape.args[i]])
            if op is None:
                new.append(found.copy_leaf(tape, i))
            elif isinstance(op, Op):
                new.append(found.add(op, args))
            elif isinstance(op, Column):
                place = self.array(op), op.position
                if place not in columns:
                    columns[place] = found.input(*place)
                new.append(columns[place])
            elif isinstance(op, Length):
                new.append(self.length(found, op.size))
            elif isinstance(op, TotalOver | RowOver | Index):
                new.append(found.add(self.by_number(op), args))
            elif isinstance(op, Renamed):
                old, to = self.number(op.old), self.number(op.new)
                new.append(args[0] if old == to else found.add(Renamed(old, to), args))
            elif isinstance(op, Loop):
                new.append(found.add(self.loop(op), args))
            elif isinstance(op, Carried):
                new.append(self.carried(found, op, args[0]))
            else:
                new.append(found.add(op, args))
        found.outputs = [new[output] for output in tape.outputs]
        return found

    def by_number(self, op: TotalOver | RowOver | Index) -> Structural:
        """Return an operation that names its axis by number."""
        if op not in self.operations:
            self.operations[op] = replace(op, axis=self.number(op.axis))
        return self.operations[op]

    def loop(self, op: Loop) -> TapeLoop:
        """Return a loop with its body as a tape."""
        key = op, self.inside
        if key not in self.loops:
            body, axis, around = op.body, self.number(op.axis), self.inside
            carried = tuple([self.numbers_of(axes) for axes in body.axes])
            taken = tuple([self.numbers_of(axes) for axes in op.taken_axes])
            self.inside = around | {axis}
            inside = self.numbered(self.bodies[op])
            self.inside = around
            self.loops[key] = TapeLoop(inside, axis, op.is_reversed, op.shapes, carried, taken)
        return self.loops[key]

    def carried(self, found: Tape, op: Carried, loop: int) -> int:
        """Append an element of an array that a loop carries."""
        of_loop = found.ops[loop]
        assert isinstance(of_loop, TapeLoop)
        ends = [*accumulate(map(prod, of_loop.shapes))]
        group = bisect_right(ends, op.which)
        position = op.which - (ends[group - 1] if group else 0)
        axes = op.of if op.when == "last" else op.of | {op.axis}
        new = TapeCarried(group, op.when, self.numbers_of(axes))
        return found.add(new, (loop, found.constant(float(position))))

    def numbers_of(self, axes: Iterable[Axis]) -> frozenset[int]:
        """Return the numbers of some axes, but for those whose single step this is."""
        ordered = sorted(axes, key=lambda axis: axis.number)
        return frozenset(self.number(axis) for axis in ordered) - self.inside

    def along(self, dims: Dims) -> Along:
        """Return the dimensions of a result up to the last axis."""
        last = max((place for place, axis in enumerate(dims) if axis is not None), default=-1)
        return tuple([None if axis is None else self.number(axis) for axis in dims[: last + 1]])

    def number(self, axis: Axis) -> Any:
        """Return the number of an axis."""
        axis = self.one.get(axis, axis)
        if axis not in self.numbers:
            self.numbers[axis] = len(self.inputs.axes)
            place = axis.size.place
            self.inputs.axes.append(AxisLength(*place) if place else AxisLength(None, None, axis.size.length))
        return self.numbers[axis]

    def array(self, op: Column) -> int:
        """Return the number of the array that a column is of."""
        axes = tuple([self.number(axis) for _, axis in op.mapped])
        dimensions = tuple([dimension for dimension, _ in op.mapped])
        key = op.source, axes, dimensions, op.rows
        if key not in self.arrays:
            source = op.source
            shape = tuple([n for d, n in enumerate(source.array.shape) if d not in dimensions])
            rows = None if op.rows is None else op.rows.indices
            constant = source.array if source.argument is None else None
            if constant is not None and rows is not None:
                constant, rows = constant[rows], None
            self.arrays[key] = len(self.inputs.arrays)
            self.inputs.arrays.append(InputArray(source.argument, shape, axes, dimensions, constant, rows))
        return self.arrays[key]

    def length(self, found: Tape, size: Size) -> int:
        """Append a length: that of any axis of this size, or a constant."""
        if size.place is None or size.pinned:
            return found.constant(float(size.length))
        same = [axis for axis in self.numbers if axis.size.root() is size.root()]
        number: Any = self.number(same[0] if same else Axis(size))
        return found.add(Length(number), ())


def _merged(
    tape: Tape, ops: Iterable[Operation | None], bodies: Mapping[Loop, Tape], results: DimsOfResults
) -> dict[Axis, Axis]:
    """Return which axis stands for another of the same length, unless something varies along both.

    First for two names of one. Then for any two: what two calls of `vmap` compute alike is computed once.
    """
    one: dict[Axis, Axis] = {}

    def find(axis: Axis) -> Axis:
        while axis in one:
            axis = one[axis]
        return axis

    kinds = {*axes_of_tape(tape, []), *[frozenset(filter(None, dims)) for dims in results]}
    kinds.update(*[_kinds_inside(op, body) for op, body in bodies.items()])
    inside = chain.from_iterable(body.ops for body in bodies.values())
    renamings = [op for op in dict.fromkeys([*ops, *inside]) if isinstance(op, Renamed)]
    axes = sorted({axis for kind in kinds for axis in kind}, key=lambda axis: axis.number)
    alike = [pair for pair in combinations(axes, 2) if pair[0].size.root() is pair[1].size.root()]
    for old, new in [*[(op.old, op.new) for op in renamings], *alike]:
        old, new = find(old), find(new)
        if old is not new and not any(old in kind and new in kind for kind in kinds):
            first, second = sorted((old, new), key=lambda axis: axis.number)
            one[second] = first
            kinds = {frozenset(map(find, kind)) for kind in kinds}
    return {axis: find(axis) for axis in one}


def _bodies(ops: Iterable[Operation | None]) -> Iterator[tuple[Loop, Tape]]:
    """Yield the loops among some operations, and those within them, each with its body as a tape."""
    for op in dict.fromkeys(ops):
        if isinstance(op, Loop):
            body = tape_of(op.body.results, [op.body.carried, op.body.taken])
            yield op, body
            yield from _bodies(body.ops)


def _kinds_inside(op: Loop, body: Tape) -> list[frozenset[Any]]:
    """Return the axes that the instructions of the body of a loop vary along."""
    of_inputs = [axes | {op.axis} for axes in op.body.axes], op.taken_axes
    known: list[frozenset[Any]] = []
    for i, inner in enumerate(body.ops):
        if i in body.inputs:
            which, position = body.inputs[i]
            known.append(frozenset(of_inputs[which][position]))
        else:
            known.append(axes_by(body, i, inner, [], known))
    return known


def axes_of_tape(tape: Tape, arrays: Sequence[InputArray]) -> list[frozenset[Any]]:
    """Return the axes that each instruction varies along.

    Examples
    --------
    >>> axes_of_tape(Tape(), [])
    []
    """
    found: list[frozenset[Any]] = []
    for i, op in enumerate(tape.ops):
        found.append(axes_by(tape, i, op, arrays, found))
    return found


def axes_by(
    tape: Tape, i: int, op: Operation | None, arrays: Sequence[InputArray], known: Sequence[frozenset[Any]]
) -> frozenset[Any]:
    """Return the axes that an instruction varies along, from those of the instructions before it.

    Examples
    --------
    >>> tape = Tape()
    >>> axes_by(tape, tape.constant(1.0), None, [], [])
    frozenset()
    """
    if op is None:
        return frozenset(arrays[tape.inputs[i][0]].axes) if i in tape.inputs and arrays else _NONE
    operands = [known[arg] for arg in tape.args[i]]
    if isinstance(op, Structural):
        return op.axes(operands)
    first = operands[0] if operands else _NONE
    # Mostly all are the same.
    return first if all(axes is first for axes in operands) else first.union(*operands)


_NONE: frozenset[Any] = frozenset()


def moved_to_end(array: npt.NDArray[Any], dimensions: Sequence[int]) -> npt.NDArray[Any]:
    """Return an array with some dimensions last.

    Examples
    --------
    >>> moved_to_end(np.zeros((2, 3, 4)), [0]).shape
    (3, 4, 2)
    """
    return np.moveaxis(array, dimensions, range(-len(dimensions), 0))
