"""Put axes of fixed lengths apart: a number for each index, where one has stood for all.

A program of 1,000 steps of a network is traced with a node for each of its arrays. Once its steps are a loop,
the arrays of one step are taken apart here, so that products and sums are found among their elements as in
any other program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...functions.axes import Index, Renamed, TotalOver
from ...functions.rows_over_axes import RowOver
from ...functions.windows import ElementAt
from ...ops.table import OPS, Op
from ..trace.loops import TapeCarried, TapeLoop
from ..trace.tape import Tape
from .axes import Along, InputArray, Inputs
from .simplify import SimplifiedTape

Shape = tuple[int, ...]


class Apart(NamedTuple):
    """A program without axes of fixed lengths.

    Attributes
    ----------
    tape : Tape
        The program.
    inputs : Inputs
        What it reads.
    results : list of tuple of int
        The shape of each result at any index of the axes that are left.
    along : list of tuple of int or None
        The dimensions of each result up to the last of these.
    """

    tape: Tape
    inputs: Inputs
    results: list[Shape]
    along: list[Along]


def has_loops(tape: Tape) -> bool:
    """Return whether a tape has loops over steps.

    Examples
    --------
    >>> has_loops(Tape())
    False
    """
    return any(isinstance(op, TapeLoop) for op in set(tape.ops))


def put_apart(tape: Tape, inputs: Inputs, results: Sequence[Shape], along: Sequence[Along]) -> Apart:
    """Return a program of the same results in which numbers along axes of fixed lengths are numbers each.

    Parameters
    ----------
    tape : Tape
        The program.
    inputs : Inputs
        What it reads, which says which axes have fixed lengths.
    results, along : sequence
        What the results are, as in `Apart`.

    Returns
    -------
    Apart
        The program.

    Examples
    --------
    >>> from .axes import AxisLength
    >>> tape = Tape()
    >>> tape.outputs = [tape.add(TotalOver(0), (tape.input(0, 0),))]
    >>> inputs = Inputs([InputArray(0, (), (0,), (0,))], [AxisLength(None, None, 3)], frozenset({0}))
    >>> put_apart(tape, inputs, [()], [()]).tape.args[-1]
    (0, 1, 2)
    """
    return _Putting(inputs).program(tape, results, along)


class _Parts(NamedTuple):
    """The numbers that an instruction has become.

    Attributes
    ----------
    axes : tuple of int
        The axes of fixed lengths that it varies along, in order.
    numbers : array of int
        The instruction for each index of these.
    """

    axes: tuple[int, ...]
    numbers: npt.NDArray[np.int64]

    def along(self, axes: Sequence[int], lengths: Mapping[int, int]) -> npt.NDArray[np.int64]:
        """Return the instruction for each index of other axes, among which are these."""
        kept = [slice(None) if axis in self.axes else None for axis in axes]
        wide = np.broadcast_to(self.numbers[tuple(kept)], [lengths[axis] for axis in axes])
        return np.asarray(wide, dtype=np.int64)

    def renamed(self, old: int, new: int) -> _Parts:
        """Return the same numbers along another axis."""
        axes = [new if axis == old else axis for axis in self.axes]
        order = sorted(range(len(axes)), key=axes.__getitem__)
        return _Parts(tuple([axes[k] for k in order]), self.numbers.transpose(order))

    def at(self, axis: int, chosen: Any) -> npt.NDArray[np.int64]:
        """Return the numbers at some indices of one of the axes."""
        return np.asarray(np.take(self.numbers, chosen, self.axes.index(axis)))

    def last(self, axis: int) -> npt.NDArray[np.int64]:
        """Return the numbers with one of the axes as the last dimension."""
        return np.moveaxis(self.numbers, self.axes.index(axis), -1)


class _Putting:
    """What the tapes of a program have in common."""

    def __init__(self, inputs: Inputs) -> None:
        self.lengths = {axis: inputs.axes[axis].length or 0 for axis in inputs.fixed}
        self.old = inputs.arrays
        self.inputs = Inputs([], inputs.axes)
        self.known_arrays: dict[object, int] = {}
        self.places: dict[int, npt.NDArray[np.int64]] = {}
        self.arrays = [*map(self.array, inputs.arrays)]

    def program(self, tape: Tape, results: Sequence[Shape], along: Sequence[Along]) -> Apart:
        """Return the whole program."""
        body = _TapeApart(self, tape, self.element)
        outputs = iter(tape.outputs)
        found = Apart(body.found, self.inputs, [], [])
        for shape, own in zip(results, along, strict=True):
            parts = [body.parts[next(outputs)] for _ in range(prod(shape))]
            numbers, new_shape, new_along = self.result(parts, shape, own)
            body.found.outputs += numbers.ravel().tolist()
            found.results.append(new_shape)
            found.along.append(new_along)
        return found

    def result(
        self, parts: Sequence[_Parts], shape: Shape, along: Along
    ) -> tuple[npt.NDArray[np.int64], Shape, Along]:
        """Return the numbers of a result, its shape, and its dimensions up to the last axis."""
        dims = [*along, *[None] * (len(shape) - sum(dim is None for dim in along))]
        axes = self.fixed(dim for dim in dims if dim is not None)
        numbers = np.array([part.along(axes, self.lengths) for part in parts], dtype=np.int64)
        numbers = numbers.reshape([*shape, *[self.lengths[axis] for axis in axes]])
        own = iter(range(len(shape)))
        places = [
            len(shape) + axes.index(dim) if dim in axes else next(own) if dim is None else -1 for dim in dims
        ]
        numbers = numbers.transpose([place for place in places if place >= 0])
        new = [None if dim in axes else dim for dim in dims]
        last = max((place for place, dim in enumerate(new) if dim is not None), default=-1)
        return numbers, numbers.shape, tuple(new[: last + 1])

    def fixed(self, axes: Any) -> tuple[int, ...]:
        """Return those axes that have fixed lengths, in order."""
        return tuple(sorted([axis for axis in axes if axis in self.lengths]))

    def left(self, axes: Any) -> frozenset[int]:
        """Return the other axes."""
        return frozenset(axis for axis in axes if axis not in self.lengths)

    def size(self, axes: Sequence[int]) -> int:
        """Return how many numbers there are along axes."""
        return prod([self.lengths[axis] for axis in axes])

    # ---------------------------------------------------------------------------------------------- inputs

    def array(self, old: InputArray) -> int:
        """Return the number of an array that a program reads; -1 for a constant that is no array any more."""
        pairs = [*zip(old.axes, old.dimensions, strict=True)]
        left = [(axis, dimension) for axis, dimension in pairs if axis not in self.lengths]
        if old.constant is not None and not left:
            return -1
        own = [length for d, length in enumerate(self.shape_of(old)) if d not in [d for _, d in left]]
        axes, dimensions = zip(*left, strict=True) if left else ((), ())
        new = old._replace(shape=tuple(own), axes=axes, dimensions=dimensions)
        key = new._replace(constant=None, rows=None), id(old.constant), id(old.rows)
        if key not in self.known_arrays:
            self.known_arrays[key] = len(self.inputs.arrays)
            self.inputs.arrays.append(new)
        return self.known_arrays[key]

    def shape_of(self, array: InputArray) -> list[int]:
        """Return the length along each dimension; 0 where it is an axis that stays."""
        own = iter(array.shape)
        axis_of = dict(zip(array.dimensions, array.axes, strict=True))
        count = len(array.shape) + len(array.dimensions)
        return [self.lengths.get(axis_of[d], 0) if d in axis_of else next(own) for d in range(count)]

    def element(self, walk: _TapeApart, number: int, position: int) -> _Parts:
        """Return an element of an array, for each index."""
        if number not in self.places:
            self.places[number] = self.places_of(self.old[number])
        places, constant = self.places[number][position], self.old[number].constant
        if self.arrays[number] < 0:
            assert constant is not None
            numbers = [walk.found.constant(float(x)) for x in constant.ravel()[places.ravel()].tolist()]
        else:
            numbers = [walk.input(self.arrays[number], place) for place in places.ravel().tolist()]
        axes = self.fixed(self.old[number].axes)
        return _Parts(axes, np.array(numbers, dtype=np.int64).reshape(places.shape))

    def places_of(self, old: InputArray) -> npt.NDArray[np.int64]:
        """Return where each element stands now, by its position before and its index along the axes."""
        axis_of, shape = dict(zip(old.dimensions, old.axes, strict=True)), self.shape_of(old)
        own = [d for d in range(len(shape)) if d not in axis_of]
        apart = sorted([d for d in axis_of if axis_of[d] in self.lengths], key=axis_of.__getitem__)
        new = sorted([*own, *apart])
        places = np.arange(prod([shape[d] for d in new])).reshape([shape[d] for d in new])
        places = places.transpose([new.index(d) for d in [*own, *apart]])
        return places.reshape(-1, *[shape[d] for d in apart])


class _TapeApart:
    """One walk along a tape, writing another.

    Parameters
    ----------
    whole : _Putting
        What the tapes of the program have in common.
    tape : Tape
        As it was.
    of_input : callable
        What an input has become, from the tape that is written, its argument and its position.
    """

    def __init__(
        self, whole: _Putting, tape: Tape, of_input: Callable[[_TapeApart, int, int], _Parts]
    ) -> None:
        self.whole, self.tape, self.lengths = whole, tape, whole.lengths
        self.found = SimplifiedTape()
        self.inputs: dict[tuple[int, int], int] = {}
        self.parts: list[_Parts] = []
        for i, op in enumerate(tape.ops):
            if op is not None:
                self.parts.append(self.of(op, [self.parts[arg] for arg in tape.args[i]]))
            elif i in tape.inputs:
                self.parts.append(of_input(self, *tape.inputs[i]))
            else:
                self.parts.append(_one(self.found.copy_leaf(tape, i)))

    def input(self, argument: int, position: int) -> int:
        place = argument, position
        if place not in self.inputs:
            self.inputs[place] = self.found.input(*place)
        return self.inputs[place]

    def of(self, op: Any, operands: Sequence[_Parts]) -> _Parts:
        """Return what an instruction has become."""
        if isinstance(op, TapeLoop):
            return self.loop(op, operands)
        if isinstance(op, TapeCarried):
            return self.carried(op, operands)
        if getattr(op, "old", None) in self.lengths:
            return self.moved(op, operands[0])
        axis: Any = getattr(op, "axis", None)
        if axis in self.lengths and isinstance(op, TotalOver | RowOver):
            return self.reduced(op, axis, operands[0])
        if axis in self.lengths and isinstance(op, ElementAt):
            rest = tuple([other for other in operands[0].axes if other != axis])
            return _Parts(rest, operands[0].at(axis, op.index))
        if axis in self.lengths and isinstance(op, Index):
            indices = [self.found.constant(float(k)) for k in range(self.lengths[axis])]
            return _Parts((axis,), np.array(indices, dtype=np.int64))
        return self.elementwise(op, operands)

    def elementwise(self, op: Any, operands: Sequence[_Parts]) -> _Parts:
        """Return what an operation gives at each index."""
        axes = tuple(sorted({axis for operand in operands for axis in operand.axes}))
        columns = [operand.along(axes, self.lengths).ravel().tolist() for operand in operands]
        numbers = (
            [self.found.add(op, args) for args in zip(*columns, strict=True)]
            if columns
            else [self.found.add(op, ())]
        )
        return self.made(axes, numbers)

    def made(self, axes: tuple[int, ...], numbers: Sequence[int]) -> _Parts:
        return _Parts(axes, np.array(numbers, dtype=np.int64).reshape([self.lengths[axis] for axis in axes]))

    def reduced(self, op: TotalOver | RowOver, axis: int, operand: _Parts) -> _Parts:
        """Return a reduction over an axis as one of its numbers."""
        row = OPS["sum"] if isinstance(op, TotalOver) else op.row
        rows = operand.last(axis).reshape(-1, self.lengths[axis]).tolist()
        rest = tuple([other for other in operand.axes if other != axis])
        return self.made(rest, [self.fold(row, tuple(numbers)) for numbers in rows])

    def fold(self, row: Op, numbers: tuple[int, ...]) -> int:
        if row.variadic:
            return self.found.add(row, numbers)
        *_, last = accumulate(numbers, lambda x, y: self.found.add(row, (x, y)))
        return last

    def moved(self, op: Any, operand: _Parts) -> _Parts:
        """Return numbers along another axis, moved along it or not."""
        if isinstance(op, Renamed):
            return operand.renamed(op.old, op.new)  # type: ignore[arg-type]
        old, new = self.lengths[op.old], self.lengths[op.new]
        if op.old not in operand.axes:
            axes = tuple(sorted([*operand.axes, op.old]))
            operand = _Parts(axes, operand.along(axes, self.lengths))
        places = np.arange(new) + op.offset
        is_there = (places >= 0) & (places < old)
        numbers = np.moveaxis(
            operand.at(op.old, np.where(is_there, places, 0)), operand.axes.index(op.old), -1
        )
        numbers = np.where(is_there, numbers, self.found.constant(0.0))
        back = np.moveaxis(numbers, -1, operand.axes.index(op.old))
        return _Parts(operand.axes, back).renamed(op.old, op.new)

    def loop(self, op: TapeLoop, operands: Sequence[_Parts]) -> _Parts:
        """Return a loop whose body is put apart as well."""
        whole = self.whole
        of_inputs = [[whole.fixed(axes) for axes in kind] for kind in (op.carried, op.taken)]
        starts = [[0, *accumulate(map(whole.size, kind))] for kind in of_inputs]

        def of_input(walk: _TapeApart, argument: int, position: int) -> _Parts:
            axes, start = of_inputs[argument][position], starts[argument][position]
            return self.made(axes, [walk.input(argument, start + k) for k in range(whole.size(axes))])

        inside = _TapeApart(whole, op.body, of_input)
        inside.found.outputs = [
            number
            for output, axes in zip(op.body.outputs, [*of_inputs[0], ()], strict=False)
            for number in inside.parts[output].along(axes, self.lengths).ravel().tolist()
        ]
        args = [
            number
            for operand, axes in zip(operands, [*of_inputs[0], *of_inputs[1]], strict=True)
            for number in operand.along(axes, self.lengths).ravel().tolist()
        ]
        ends = [*accumulate(map(prod, op.shapes))]
        of_group = [of_inputs[0][end - 1] for end in ends]
        shapes = [
            (*shape, *[self.lengths[axis] for axis in axes])
            for shape, axes in zip(op.shapes, of_group, strict=True)
        ]
        carried, taken = (
            tuple([whole.left(axes) for axes in kind for _ in range(whole.size(whole.fixed(axes)))])
            for kind in (op.carried, op.taken)
        )
        new = replace(
            op,
            body=inside.found,
            shapes=tuple(shapes),
            carried=carried,
            taken=taken,
        )
        return _one(self.found.add(new, tuple(args)))

    def carried(self, op: TapeCarried, operands: Sequence[_Parts]) -> _Parts:
        """Return the elements of an array that a loop carries, for each index."""
        loop, position = (int(operand.numbers) for operand in operands)
        start = self.found.numbers[position]
        assert start is not None
        axes, new = self.whole.fixed(op.of), replace(op, of=self.whole.left(op.of))
        size = self.whole.size(axes)
        places = [self.found.constant(start * size + k) for k in range(size)]
        return self.made(axes, [self.found.add(new, (loop, place)) for place in places])


def _one(number: int) -> _Parts:
    """Return a number that varies along no axis of a fixed length."""
    return _Parts((), np.array(number, dtype=np.int64))
