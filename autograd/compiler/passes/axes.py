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
from ...functions.axes import Axis, Column, Index, Length, Renamed, TotalOver, joined
from ...functions.rows_over_axes import RowOver
from ...functions.sizes import Size
from ...functions.windows import ElementAt, Shifted
from ...ops.structural import Operation, Structural
from ...ops.table import Op
from ...transforms.loops import Body, Carried, Loop
from ..trace.loops import TapeCarried, TapeLoop
from ..trace.tape import Passed, Tape, tape_of
from .simplify import SimplifiedTape


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
        The number, where no argument has it; None also for one that a loop counts.
    extra : int
        How much longer it is than that.
    """

    argument: int | None
    dimension: int | None
    length: int | None = None
    extra: int = 0

    @property
    def is_counted(self) -> bool:
        """Whether a loop counts it, while the program runs."""
        return self.argument is None and self.length is None


class Inputs(NamedTuple):
    """What a program reads.

    Attributes
    ----------
    arrays : list of InputArray
        Those that the inputs of the tape are elements of.
    axes : list of AxisLength
        The axes.
    fixed : frozenset of int
        Which of these are there for a shorter trace alone, and may be put apart.
    """

    arrays: list[InputArray]
    axes: list[AxisLength]
    fixed: frozenset[int] = frozenset()


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
    along = [*map(numbering.along, results)]
    return found, inputs._replace(fixed=frozenset(numbering.fixed)), along


_OPERATIONS = (Column, Index, Length, TotalOver, RowOver, Renamed, Shifted, ElementAt, Loop)


class _AxisNumbering:
    """One walk along a tape, writing another."""

    def __init__(self, inputs: Inputs, bodies: Mapping[Loop, Tape], one: Mapping[Axis, Axis]) -> None:
        self.inputs = inputs
        self.bodies = bodies
        self.numbers: dict[Axis, int] = {}
        self.fixed: set[int] = set()
        self.sizes_of_steps = {one.get(op.axis, op.axis).size.base() for op in bodies}
        self.arrays: dict[Any, int] = {}
        self.operations: dict[Structural, Structural] = {}
        self.loops: dict[object, TapeLoop] = {}
        self.inside: frozenset[int] = frozenset()
        # Of the instruction that is being numbered. They depend on who counts: a loop that was recorded again
        # with other operands takes other steps.
        self.counted: Counted = _NOTHING
        self.one = one
        self.is_counted = any(op.axis.size.is_counted for op in bodies)

    def new_tape(self) -> Tape:
        """Return a tape on which loops that count have the same operands if these are equal."""
        return SimplifiedTape() if self.is_counted else Tape()

    def numbered(self, tape: Tape, of_inputs: Sequence[Sequence[Counted]] = ()) -> Tape:
        found = self.new_tape()
        new: list[Passed] = []
        counted: list[Counted] = []
        columns: dict[tuple[int, int], int] = {}
        for i, op in enumerate(tape.ops):
            args = tuple([new[arg] for arg in tape.args[i]])
            if self.is_counted:
                self.counted = _numbers_of([counted[arg] for arg in tape.args[i]])
            if op is None:
                if self.is_counted and of_inputs and i in tape.inputs:
                    argument, position = tape.inputs[i]
                    self.counted = of_inputs[argument][position]
                new.append(found.copy_leaf(tape, i))
            elif isinstance(op, Op):
                new.append(found.add(op, args))
            elif isinstance(op, Column):
                place = self.array(op), op.position
                if place not in columns:
                    columns[place] = found.input(*place)
                new.append(columns[place])
            elif isinstance(op, Length):
                new.append(self.length(found, op.size, args))
            elif isinstance(op, TotalOver | RowOver | Index | ElementAt):
                new.append(found.add(self.by_number(op), args))
                self.counted = _without(self.counted, op.axis.size)
            elif isinstance(op, Shifted):
                new.append(found.add(replace(op, old=self.number(op.old), new=self.number(op.new)), args))
            elif isinstance(op, Renamed):
                old, to = self.number(op.old), self.number(op.new)
                new.append(args[0] if old == to else found.add(Renamed(old, to), args))
            elif isinstance(op, Loop):
                of_operands = [counted[arg] for arg in tape.args[i]]
                new.append(found.add(self.loop(op, found, args, of_operands), args))
            elif isinstance(op, Carried):
                new.append(self.carried(found, op, args[0]))
                if self.counted:
                    sizes = {axis.size for axis in op.axes(())}
                    self.counted = {size: n for size, n in self.counted.items() if size in sizes}
            else:
                new.append(found.add(op, args))
            counted.append(self.counted)
        found.outputs = [new[output] for output in tape.outputs]
        return found

    def by_number(self, op: TotalOver | RowOver | Index | ElementAt) -> Structural:
        """Return an operation that names its axis by number."""
        if op.axis.size.is_counted:
            return replace(op, axis=self.number(op.axis))
        if op not in self.operations:
            self.operations[op] = replace(op, axis=self.number(op.axis))
        return self.operations[op]

    def loop(self, op: Loop, found: Tape, args: tuple[int, ...], of_operands: Sequence[Counted]) -> TapeLoop:
        """Return a loop with its body as a tape."""
        body, around, count = op.body, self.inside, len(op.body.carried)
        has_condition = body.condition is not None
        # The steps of the same operands are counted once.
        key = (op, found, args) if has_condition else (op, around, tuple(self.counted.items()))
        if key not in self.loops:
            if has_condition:
                self.counted = {**self.counted, op.axis.size: self.new_number(op.axis)}
            of_loop = self.counted
            axis = self.number(op.axis)
            carried = tuple([self.numbers_of(axes) for axes in body.axes])
            taken = tuple([self.numbers_of(axes) for axes in op.taken_axes])
            self.inside = around | {axis}
            of_carried = [_numbers_of([of_loop, own]) for own in of_operands[:count]]
            inside = self.numbered(self.bodies[op], [of_carried, of_operands[count:]])
            self.inside, self.counted = around, of_loop
            self.loops[key] = TapeLoop(inside, axis, op.is_reversed, op.shapes, carried, taken, has_condition)
        loop = self.loops[key]
        if has_condition:
            self.counted = {**self.counted, op.axis.size: loop.axis}
        return loop

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
        if axis.size.is_counted:
            return self.counted[axis.size]
        if axis not in self.numbers:
            self.numbers[axis] = self.new_number(axis)
        return self.numbers[axis]

    def new_number(self, axis: Axis) -> int:
        """Return a number that no other axis has."""
        size = axis.size
        length = None if size.is_counted else size.length
        # Steps stay steps, also where an array is as long, or one of which they are a slice.
        if size.is_fixed and size.base() not in self.sizes_of_steps:
            self.fixed.add(len(self.inputs.axes))
        place = None if size.is_fixed else size.place
        self.inputs.axes.append(
            AxisLength(*place, None, size.root().extra) if place else AxisLength(None, None, length)
        )
        return len(self.inputs.axes) - 1

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

    def length(self, found: Tape, size: Size, args: tuple[int, ...]) -> int:
        """Append a length: that of any axis of this size, or a constant."""
        if size.is_counted:
            counted: Any = self.counted[size]
            return found.add(Length(counted), args)
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

    known = axes_of_tape(tape, [])
    kinds = {*known, *_taken_with(tape, known), *[frozenset(filter(None, dims)) for dims in results]}
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


Counted = dict[Size, int]
"""The numbers of sizes that are counted."""

_NOTHING: Counted = {}


def _numbers_of(of_operands: Sequence[Counted]) -> Counted:
    """Return the numbers of the sizes that operands vary along."""
    found = _NOTHING
    for numbers in of_operands:
        # Mostly there are none, and one object says so.
        if numbers and numbers is not found:
            found = {**found, **numbers}
    return found


def _without(counted: Counted, size: Size) -> Counted:
    return {other: n for other, n in counted.items() if other is not size} if size in counted else counted


def _tape_of_body(body: Body) -> Tape:
    """Return one step as a tape, whose last output is the condition, if there is one."""
    outputs = body.results if body.condition is None else [*body.results, body.condition]
    return tape_of(outputs, [body.carried, body.taken])


def _bodies(ops: Iterable[Operation | None]) -> Iterator[tuple[Loop, Tape]]:
    """Yield the loops among some operations, and those within them, each with its body as a tape."""
    for op in dict.fromkeys(ops):
        if isinstance(op, Loop):
            body = _tape_of_body(op.body)
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
    return [*known, *_taken_with(body, known)]


def _taken_with(tape: Tape, known: Sequence[frozenset[Any]]) -> Iterator[frozenset[Any]]:
    """Yield the axes of numbers with that along which an operation takes them.

    They may not vary along it: a function with rules of its own was recorded as if it used all its arguments.
    """
    for op, args in zip(tape.ops, tape.args, strict=True):
        if isinstance(op, TotalOver | RowOver | ElementAt):
            yield joined([known[arg] for arg in args]) | {op.axis}
        elif isinstance(op, Renamed | Shifted):
            yield known[args[0]] | {op.old}


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
    if isinstance(op, Structural):
        return op.axes([known[arg] for arg in tape.args[i]])
    return joined([known[arg] for arg in tape.args[i]])


_NONE: frozenset[Any] = frozenset()


def moved_to_end(array: npt.NDArray[Any], dimensions: Sequence[int]) -> npt.NDArray[Any]:
    """Return an array with some dimensions last.

    Examples
    --------
    >>> moved_to_end(np.zeros((2, 3, 4)), [0]).shape
    (3, 4, 2)
    """
    return np.moveaxis(array, dimensions, range(-len(dimensions), 0))
