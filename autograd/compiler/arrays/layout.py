"""Lay out colour classes as arrays, so that operands are whole arrays or views wherever possible.

An element-wise class takes the shape and order of one of its operands. A class of dot products is a matrix
product if it pairs each of some rows on the left with each of some rows on the right; its array has a row for
each of the former and a column for each of the latter. Irregular classes stay in the order of the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice, pairwise
from math import prod
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ...functions.axes import Index, Length, Renamed
from ...functions.windows import ElementAt, Shifted
from ...ops.structural import Structural
from ...ops.table import OPS, Op
from ..passes.axes import InputArray, Inputs, axes_of_tape, moved_to_end
from ..passes.batches import samples_of, sources_of
from ..passes.granted import granted
from ..passes.products import DOTS, SUMS
from ..passes.ragged import RaggedDot
from ..passes.reductions import find_reductions
from ..passes.simplify import simplify
from ..trace.loops import AlongSteps, AtStep, OtherSteps, TapeCarried, TapeLoop
from ..trace.tape import Tape
from .index_rules import Positions, nest_of
from .plan import AlongAxes, Block, CarriedArray, LoopPlan, Operand, Plan, Window, by_source

# Samples, rows, columns and terms.
_MOST_AXES = 4

# Fewer numbers are gathered faster than NumPy goes through several axes.
_FEWEST = 1000

# Fewer sums of products are not a matrix product unless they are all of it.
_FEWEST_OF_HALF = 6


def lay_out(
    tape: Tape, colours: Sequence[int], inputs: Inputs, *, elementwise: bool = False, along: AlongAxes = ()
) -> Plan:
    """Return the arrays that a tape is computed in.

    Parameters
    ----------
    tape : Tape
        The program, as `find_reductions` leaves it.
    colours : sequence of int
        The colour of each instruction.
    inputs : Inputs
        What the program reads.
    elementwise : bool
        Whether each number stands for an array of its own, so that a sum is one over arrays.
    along : sequence of tuple of int or None
        What the dimensions of each result are.

    Returns
    -------
    Plan
        The arrays.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..passes.axes import whole_arguments
    >>> from ..passes.colours import colours_of
    >>> from ..trace.tape import tape_of
    >>> x = [Value(1.0), Value(2.0), Value(3.0)]
    >>> tape = tape_of([v * v for v in x], [x])
    >>> plan = lay_out(tape, colours_of(tape), whole_arguments([(3,)]))
    >>> [(block.op and block.op.name, block.shape) for block in plan.blocks.values()]
    [(None, (3,)), ('mul', (3,))]
    """
    plan = _Layout(tape, colours, inputs).laid_out(elementwise)
    return Plan(plan.blocks, plan.place, inputs.axes, along)


def _statics(tape: Tape) -> set[int]:
    """Return the constants that only parametrise structural operations, and so need no array."""
    if not any(isinstance(op, Structural) and op.statics for op in set(tape.ops)):
        return set()
    found: set[int] = set()
    others: list[Sequence[int]] = [tape.outputs]
    for op, args in zip(tape.ops, tape.args, strict=True):
        if isinstance(op, Structural):
            operands = len(args) - op.statics
            found.update(args[operands:])
            others.append(args[:operands])
        else:
            others.append(args)
    return found.difference(*others)


class _Layout:
    """The blocks that are laid out until now, and where the instructions stand in them."""

    def __init__(self, tape: Tape, colours: Sequence[int], inputs: Inputs) -> None:
        self.tape = tape
        self.colours = colours
        self.lengths = inputs.axes
        self.arrays = arrays = inputs.arrays
        self.axes = axes_of_tape(tape, arrays) if inputs.axes else []
        self.samples = samples_of(tape)
        self.blocks: dict[int, Block] = {}
        # Of each instruction the block, which is another one for those that arrange, and the position in it.
        self.source: Positions = np.array(colours, dtype=np.intp)
        self.at: Positions = np.zeros(len(tape), dtype=np.intp)
        # The colour of the next arrangement that no instruction asks for.
        self.unused = max(colours, default=-1) + 1
        # Those that stand for several samples have a row of positions, in the table of their length.
        self.row: Positions = np.full(len(tape), -1, dtype=np.intp)
        self.rows: dict[int, Positions] = {}
        # The matrices of ragged rows, by where their numbers stand.
        self.matrices: dict[tuple[tuple[int, ...], bytes, bytes], int] = {}
        of = np.array(self.samples, dtype=np.intp)
        for length in {*self.samples} - {0}:
            inside = np.flatnonzero(of == length)
            self.row[inside] = np.arange(len(inside))
            self.rows[length] = np.empty((len(inside), length), dtype=np.intp)

    def laid_out(self, elementwise: bool) -> Plan:
        members, depths = self._classes()
        for colour in sorted(members, key=depths.__getitem__):
            inside = members[colour]
            op = self.tape.ops[inside[0]]
            way = _WAYS.get(type(op))
            if inside[0] in self.tape.inputs:
                self._input(colour, inside)
            elif way is not None:
                way(self, colour, inside, op)
            elif isinstance(op, Structural) and op.arranges:
                self._arrange(colour, inside)
            else:
                self._compute(colour, inside, elementwise)
        return Plan(self.blocks, {i: (int(self.source[i]), self._position(i)) for i in self.tape.outputs})

    def _input(self, colour: int, members: Sequence[int]) -> None:
        """Lay out an argument, or a constant that is whole."""
        self.blocks[colour] = _block_of(self.arrays[self.tape.inputs[members[0]][0]])
        self.at[list(members)] = [self.tape.inputs[i][1] for i in members]

    def _length(self, colour: int, members: Sequence[int], op: Length) -> None:
        """Lay out the length of an axis."""
        axis: int = op.size  # type: ignore[assignment]
        self.blocks[colour] = Block(None, (), length=axis)

    def _index(self, colour: int, members: Sequence[int], op: Index) -> None:
        """Lay out the index along an axis."""
        axis: int = op.axis  # type: ignore[assignment]
        self.blocks[colour] = Block(None, (), axes=(axis,), is_index=True)

    def _compute(self, colour: int, members: list[int], elementwise: bool) -> None:
        """Lay out what a row computes, or constants."""
        self.blocks[colour], positions = self._block(members, elementwise)
        if self.axes:
            self.blocks[colour].axes = tuple(sorted(self.axes[members[0]]))
        self._put(members, positions)

    def _loop(self, colour: int, members: Sequence[int], op: TapeLoop) -> None:
        """Lay out a loop."""
        self.blocks[colour] = Block(None, (), loop=self._loop_plan(op, self.tape.args[members[0]]))

    def _loop_plan(self, op: TapeLoop, args: Sequence[int]) -> LoopPlan:
        """Lay out a loop: what its body takes by the array that it is of, and the body as a plan."""
        count = len(op.carried)
        groups = [(k, position) for k, shape in enumerate(op.shapes) for position in range(prod(shape))]
        carried = [
            CarriedArray(shape, tuple(sorted(axes)), [], [])
            for shape, axes in zip(op.shapes, _axes_of_groups(op), strict=True)
        ]
        for (k, _), arg in zip(groups, args[:count], strict=True):
            carried[k].first.append((int(self.source[arg]), self._position(arg)))
        colours = [int(self.source[arg]) for arg in args[count:]]
        operands, which = by_source(colours, [self._position(arg) for arg in args[count:]])
        taken: list[Operand] = []
        places: list[tuple[int, int]] = [(0, 0)] * len(colours)
        arrays = [InputArray(k, array.shape, array.axes) for k, array in enumerate(carried)]
        for operand, numbers in zip(operands, which, strict=True):
            unique, rank = np.unique(operand.wanted, return_inverse=True)
            for number, at in zip(numbers.tolist(), rank.ravel().tolist(), strict=True):
                places[number] = len(arrays), at
            source = self.blocks[operand.source]
            shape = source.shape if len(unique) == source.size else (len(unique),) if len(unique) > 1 else ()
            axes = tuple(axis for axis in source.axes if axis != op.axis)
            arrays.append(InputArray(len(arrays), shape, axes))
            taken.append(Operand(operand.source, unique.reshape(shape)))
        plan, condition = _body_plan(op, groups, places, Inputs(arrays, self.lengths), carried)
        return LoopPlan(op.axis, op.is_reversed, carried, taken, plan, condition)

    def _carried(self, colour: int, members: Sequence[int], op: TapeCarried) -> None:
        """Note where the elements of an array stand that a loop carries."""
        loop, _ = self.tape.args[members[0]]
        of_loop = self.tape.ops[loop]
        assert isinstance(of_loop, TapeLoop)
        self.blocks[colour] = Block(
            None,
            of_loop.shapes[op.group],
            axes=tuple(sorted(op.of)),
            carried=(self.colours[loop], op.group, op.when),
        )
        positions = [self.tape.numbers[self.tape.args[i][1]] for i in members]
        self.at[list(members)] = np.array(positions, dtype=np.intp)

    def _along(self, colour: int, members: Sequence[int], op: AlongSteps) -> None:
        """Put numbers along an axis, in the order in which most views are found: by the first of each."""
        table: Positions = np.array([self.tape.args[i] for i in members], dtype=np.intp)
        operand = self._rows(table, 0)
        order = np.argsort(operand.wanted[:, 0], kind="stable")
        shape = (len(members),) if len(members) > 1 else ()
        wanted = operand.wanted[order].reshape(*shape, -1)
        axes = tuple(sorted(self.axes[members[0]]))
        self.blocks[colour] = Block(
            None, shape, operands=[Operand(operand.source, wanted)], axes=axes, is_along=True
        )
        self.at[list(members)] = _inverse_of(order)

    def _renumber(self, colour: int, members: Sequence[int], op: OtherSteps) -> None:
        """Put numbers along another axis: a view of their array with the steps as its last dimension."""
        args = [self.tape.args[i][0] for i in members]
        source = int(self.source[args[0]])
        block, positions = self.blocks[source], self.at[args]
        # What a loop carries has its axis.
        assert op.axis in block.axes
        steps, count = self._steps(op.axis), self._steps(op.other)
        opened, self.unused = self.unused, self.unused + 1
        self.blocks[opened] = Block(None, (*block.shape, steps), axes=block.axes[:-1], opened=source)
        unique, rank = np.unique(positions, return_inverse=True)
        shape = block.shape if len(unique) == block.size else (len(unique),) if len(unique) > 1 else ()
        indices = op.start + op.stride * np.arange(count)
        wanted = (unique[:, None] * steps + indices).reshape(*shape, count)
        axes = tuple(sorted(self.axes[members[0]]))
        self.blocks[colour] = Block(None, shape, operands=[Operand(opened, wanted)], axes=axes, is_along=True)
        self.at[list(members)] = rank.ravel()

    def _steps(self, axis: int) -> int:
        length = self.lengths[axis].length
        assert length is not None
        return length

    def _open(self, colour: int, members: Sequence[int], op: AtStep) -> None:
        """Note where the numbers of single steps stand: with their axis as one more dimension."""
        args = [self.tape.args[i][0] for i in members]
        source = int(self.source[args[0]])
        block = self.blocks[source]
        assert op.axis in block.axes
        steps = self._steps(op.axis)
        indices = np.array([self.tape.numbers[self.tape.args[i][1]] for i in members], dtype=np.intp)
        self.blocks[colour] = Block(None, (*block.shape, steps), axes=block.axes[:-1], opened=source)
        self.at[list(members)] = self.at[args] * steps + indices

    def _moved(self, members: Sequence[int]) -> Operand:
        """Return where the only arguments of instructions stand, for each of their samples."""
        args: Positions = np.array([self.tape.args[i][0] for i in members], dtype=np.intp)
        return self._operand(args, self.samples[members[0]])

    def _rename(self, colour: int, members: Sequence[int], op: Renamed) -> None:
        """Note that a class is another one whose numbers vary along another axis."""
        operand = self._moved(members)
        block = self.blocks[operand.source]
        renamed: dict[Any, Any] = {op.old: op.new}
        axes, order = _ascending([renamed.get(axis, axis) for axis in block.axes])
        self.blocks[colour] = Block(None, block.shape, axes=axes, same_as=(operand.source, order))
        self._put(list(members), operand.wanted)

    def _shift(self, colour: int, members: Sequence[int], op: Shifted) -> None:
        """Lay out numbers that are moved along an axis."""
        operand = self._moved(members)
        block = self.blocks[operand.source]
        old, new = (cast(int, axis) for axis in (op.old, op.new))
        if op.covers and old not in block.axes:
            self.source[list(members)] = operand.source
            self._put(list(members), operand.wanted)
            return
        own = [new if axis == old else axis for axis in block.axes]
        own += [] if old in block.axes else [new]
        axes, order = _ascending(own)
        window = Window(operand.source, old, new, op.offset, op.covers, order)
        self.blocks[colour] = Block(None, block.shape, axes=axes, window=window)
        self._put(list(members), operand.wanted)

    def _element(self, colour: int, members: Sequence[int], op: ElementAt) -> None:
        """Lay out the numbers at one index of an axis."""
        operand = self._moved(members)
        block = self.blocks[operand.source]
        axis = cast(int, op.axis)
        axes = tuple([own for own in block.axes if own != axis])
        window = Window(operand.source, axis, None, op.index)
        self.blocks[colour] = Block(None, block.shape, axes=axes, window=window)
        self._put(list(members), operand.wanted)

    def _ragged(self, colour: int, members: Sequence[int], op: RaggedDot) -> None:
        """Lay out sums of different lengths as a product of a vector and a matrix."""
        # A family may be known by its sums alone: its terms have other colours by now.
        if not any(self.tape.args[i] for i in members):
            self.blocks[colour] = Block(None, (len(members),), constants=np.zeros(len(members)))
            self._put(list(members), np.arange(len(members)))
            return
        pairs = [op.columns(self.tape.args[i]) for i in members]
        vector: list[Positions] = [np.array(pair[1], dtype=np.intp) for pair in pairs]
        matrix = [number for pair in pairs for number in pair[0]]
        of_vector = int(self.source[max(vector, key=len)[0]])
        columns, which = np.unique(np.concatenate([self.at[row] for row in vector]), return_inverse=True)
        member = np.repeat(np.arange(len(members)), list(map(len, vector)))
        terms = np.zeros((len(members), len(columns)), dtype=bool)
        terms[member, which.ravel()] = True
        order = _order_of_rows(terms)
        sources: Positions = np.full(terms.shape, -1)
        positions: Positions = np.zeros(terms.shape, dtype=np.intp)
        sources[member, which.ravel()] = self.source[matrix]
        positions[member, which.ravel()] = self.at[matrix]
        right = self._matrix(sources[order], positions[order])
        is_product, is_sum = len(members) > 1, terms.size > 1
        repeated = Operand(of_vector, np.broadcast_to(columns, terms.shape))
        scalars = [Operand(o.source, o.wanted.reshape(())) for o in (repeated, right) if not is_sum]
        self.blocks[colour] = Block(
            OPS["dot" if is_sum else "mul"],
            (len(members),) if is_product else (),
            operands=scalars or [repeated, right],
            is_reduction=is_sum,
            product=(Operand(of_vector, columns[None]), right) if is_product else None,
            axes=tuple(sorted(self.axes[members[0]])) if self.axes else (),
            terms=None if terms.all() else terms[order].astype(np.intp),
        )
        self._put(members, _inverse_of(order))

    def _matrix(self, sources: Positions, positions: Positions) -> Operand:
        """Return a matrix of numbers of some arrays, with zeros where none is given, or the transpose of one.

        What a triangle is multiplied by flows back through its transpose.
        """
        colour = self.matrices.get((sources.T.shape, sources.T.tobytes(), positions.T.tobytes()))
        if colour is not None:
            return Operand(colour, np.arange(sources.size).reshape(sources.shape[::-1]).T)
        is_given = sources.ravel() >= 0
        given, missing = np.flatnonzero(is_given), np.flatnonzero(~is_given)
        flat = positions.ravel()[given]
        parts, which = by_source(sources.ravel()[given].tolist(), flat.tolist())
        targets: list[Positions] = [given[numbers] for numbers in which]
        axes = {axis for part in parts for axis in self.blocks[part.source].axes}
        if len(missing):
            zero, self.unused = self.unused, self.unused + 1
            self.blocks[zero] = Block(None, (1,), constants=np.zeros(1))
            parts.append(Operand(zero, np.zeros(len(missing), dtype=np.intp)))
            targets.append(missing)
        colour, self.unused = self.unused, self.unused + 1
        self.blocks[colour] = Block(
            None, (sources.size,), operands=parts, targets=targets, axes=tuple(sorted(axes))
        )
        self.matrices[sources.shape, sources.tobytes(), positions.tobytes()] = colour
        return Operand(colour, np.arange(sources.size).reshape(sources.shape))

    def _classes(self) -> tuple[dict[int, list[int]], dict[int, int]]:
        """Return the members of each colour, and how many classes there are below each, one on another."""
        members: dict[int, list[int]] = {}
        statics = _statics(self.tape)
        for i, colour in enumerate(self.colours):
            if i not in statics:
                members.setdefault(colour, []).append(i)
        depths: dict[int, int] = {}
        for colour, inside in members.items():
            below = [depths[self.colours[arg]] for arg in self.tape.args[inside[0]] if arg not in statics]
            depths[colour] = 1 + max(below, default=0)
        return members, depths

    def _position(self, i: int) -> Any:
        """Return the position of an instruction, or one for each sample."""
        samples = self.samples[i]
        return self.rows[samples][self.row[i]] if samples else int(self.at[i])

    def _put(self, members: Sequence[int], positions: Positions) -> None:
        """Note where the members of a class stand."""
        if samples := self.samples[members[0]]:
            self.rows[samples][self.row[members]] = positions.reshape(-1, samples)
        else:
            self.at[members] = positions

    def _arrange(self, colour: int, members: Sequence[int]) -> None:
        """Find where the numbers of a class stand: in the array that has them all, or in a new one."""
        colours: list[int] = []
        positions: list[int] = []
        for i in members:
            args = self.tape.args[i]
            for operand, element in sources_of(self.tape, i):
                arg = args[operand]
                colours.append(int(self.source[arg]))
                place = self._position(arg)
                positions.append(int(place[element]) if self.samples[arg] else place)
        if len(set(colours)) > 1:
            self.blocks[colour] = _filled(colours, positions)
            colours, positions = [colour], list(range(len(positions)))
        for i in members:
            self.source[i] = colours[0]
        self._put(members, np.array(positions))

    def _block(self, members: list[int], elementwise: bool) -> tuple[Block, Positions]:
        """Return the array of a class, and at which position each element stands.

        Element ``m * lanes + s`` is what member ``m`` has for sample ``s``.
        """
        tape = self.tape
        op, args = tape.ops[members[0]], tape.args[members[0]]
        lanes = self.samples[members[0]]
        count = len(members) * (lanes or 1)
        if op is None:
            # By size, since 0, 1, 2, ... are often compared with the classes in this order.
            constants = np.array([tape.numbers[i] for i in members], dtype=float)
            order = np.argsort(constants, kind="stable")
            return Block(None, (count,), constants=constants[order]), _inverse_of(order)
        row = op.reduces if isinstance(op, Structural) else op
        if row is None:
            raise NotImplementedError(f"jit expected operations that it can compute on arrays, got {op}")
        table: Positions = np.array([tape.args[i] for i in members], dtype=np.intp)
        over_axes = op.over if isinstance(op, Structural) else ()
        if not row.variadic and not over_axes:
            operands = [self._operand(column, lanes) for column in table.T]
            order, shape = _elementwise_order(operands, self.blocks, lanes)
            ordered = [Operand(o.source, o.wanted[order].reshape(shape)) for o in operands]
            return Block(row, shape, operands=ordered), _inverse_of(order)
        shape = (count,) if count > 1 else ()
        if elementwise or len({self.source[arg] for arg in args}) > len(row.partials):
            # Numbers of several arrays: an operand for each of them.
            operands = [self._operand(column, lanes) for column in table.T]
            unordered = [Operand(o.source, o.wanted.reshape(shape)) for o in operands]
            return Block(row, shape, operands=unordered, over=over_axes), np.arange(count)
        columns = [table[:, slots] for slots in op.columns(range(len(args)))]
        if isinstance(op, Structural) and not over_axes:
            over = max(self.samples[arg] for arg in args)
            operands = [self._rows(column, over, total=True) for column in columns]
        else:
            operands = [self._rows(column, lanes) for column in columns]
        block, positions = _reduction(row, operands, shape, self.blocks)
        block.over = over_axes
        return block, positions

    def _operand(self, args: Positions, lanes: int) -> Operand:
        """Return where one argument of each member stands, for each of its samples."""
        rows = self._rows(args[:, None], lanes)
        return Operand(rows.source, rows.wanted.ravel())

    def _rows(self, rows: Positions, lanes: int, *, total: bool = False) -> Operand:
        """Return where several arguments of each member stand: a row for each of its samples, or over all."""
        sources = self.source[rows]
        source = int(sources.flat[0])
        if not lanes:
            if (sources != source).any():
                return self._gathered(sources.ravel(), self.at[rows])
            return Operand(source, self.at[rows])
        flat = rows.ravel()
        which = self.row[flat]
        # Row -1, of what all samples share, is any row: these have one position.
        table = np.where(which[:, None] >= 0, self.rows[lanes][which], self.at[flat][:, None])
        count, width = rows.shape
        if total:
            return Operand(source, table.reshape(count, width * lanes))
        by_member = table.reshape(count, width, lanes)
        return Operand(source, by_member.swapaxes(1, 2).reshape(count * lanes, width))

    def _gathered(self, sources: Positions, positions: Positions) -> Operand:
        """Return numbers of several arrays as an array of their own."""
        colour = self.unused
        self.unused += 1
        self.blocks[colour] = block = _filled(sources.tolist(), positions.ravel().tolist())
        block.axes = tuple(
            sorted({axis for part in block.operands for axis in self.blocks[part.source].axes})
        )
        return Operand(colour, np.arange(positions.size).reshape(positions.shape))


def _ascending(axes: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return axes in ascending order, and which of the given ones each is."""
    order = tuple(sorted(range(len(axes)), key=axes.__getitem__))
    return tuple([axes[i] for i in order]), order


# How to lay out each kind of operation that is neither a row nor arranges the numbers of its operands.
_WAYS: dict[type, Callable[[_Layout, int, Sequence[int], Any], None]] = {
    Length: _Layout._length,
    Index: _Layout._index,
    Renamed: _Layout._rename,
    Shifted: _Layout._shift,
    ElementAt: _Layout._element,
    TapeLoop: _Layout._loop,
    TapeCarried: _Layout._carried,
    AlongSteps: _Layout._along,
    OtherSteps: _Layout._renumber,
    AtStep: _Layout._open,
    RaggedDot: _Layout._ragged,
}


def _axes_of_groups(op: TapeLoop) -> list[frozenset[int]]:
    """Return the axes of each array that a loop carries: those of all of its elements."""
    ends = np.cumsum([0, *map(prod, op.shapes)]).tolist()
    return [frozenset[int]().union(*op.carried[start:stop]) for start, stop in pairwise(ends)]


def _body_plan(
    op: TapeLoop,
    groups: Sequence[tuple[int, int]],
    places: Sequence[tuple[int, int]],
    inputs: Inputs,
    carried: Sequence[CarriedArray],
) -> tuple[Plan, int | None]:
    """Return the plan of the body of a loop, whose inputs are elements of some arrays, and the condition."""
    body = op.body
    tape = Tape()
    tape.ops, tape.args, tape.numbers, tape.outputs = body.ops, body.args, body.numbers, body.outputs
    tape.inputs = {
        i: (places if argument else groups)[position] for i, (argument, position) in body.inputs.items()
    }
    if op.has_condition:
        tape = simplify(tape)
        # Around another loop, whose steps were an axis to the trace, each might have come to its end.
        if not axes_of_tape(tape, inputs.arrays)[tape.outputs[-1]]:
            tape = granted(tape, tape.outputs[-1])
    reduced, colours = find_reductions(tape, inputs.arrays)
    outputs = iter(reduced.outputs)
    for array in carried:
        array.results.extend(islice(outputs, prod(array.shape)))
    return lay_out(reduced, colours, inputs), next(outputs, None)


def _block_of(array: InputArray) -> Block:
    """Return the block of an argument or constant, along its axes in ascending order."""
    order = sorted(range(len(array.axes)), key=array.axes.__getitem__)
    axes = tuple([array.axes[i] for i in order])
    # What a loop hands to its body has its axes last already.
    dimensions = tuple([array.dimensions[i] for i in order]) if array.dimensions else ()
    if array.constant is None:
        return Block(
            None,
            array.shape,
            argument=array.argument,
            axes=axes,
            dimensions=dimensions,
            rows=array.rows,
        )
    return Block(None, array.shape, constants=moved_to_end(array.constant, dimensions), axes=axes)


def _filled(colours: Sequence[int], positions: Sequence[int]) -> Block:
    """Return the array of numbers that stand at some positions of several arrays."""
    operands, targets = by_source(colours, positions)
    return Block(None, (len(positions),), operands=operands, targets=targets)


def _reduction(
    row: Op, operands: list[Operand], shape: tuple[int, ...], blocks: Mapping[int, Block]
) -> tuple[Block, Positions]:
    """Return the array of a class of reductions, and at which position each of them stands."""
    if row in SUMS:
        operands = _in_order(operands, blocks)
    if row in DOTS and (found := _as_product(operands)):
        positions, shape, product = found
        return Block(row, shape, operands=operands, is_reduction=True, product=product), positions
    firsts = [operand.wanted[:, 0] for operand in _constants_last(operands, blocks)]
    order = _sorted(firsts)
    shape = _shape_of([first[order] for first in firsts]) if shape else ()
    ordered = [
        Operand(o.source, o.wanted[order].reshape(*shape, -1) if shape else o.wanted) for o in operands
    ]
    return Block(row, shape, operands=ordered, is_reduction=True), _inverse_of(order)


def _order_of_rows(terms: npt.NDArray[np.bool_]) -> Positions:
    """Return the order of ragged rows: by where they begin, or if that is the same, by where they end.

    One without terms is the first or the last, as the others lead to expect.
    """
    width = terms.shape[1]
    is_empty = ~terms.any(axis=1)
    first, last = terms.argmax(axis=1), width - terms[:, ::-1].argmax(axis=1)
    if len(np.unique(first[~is_empty])) == 1:
        return np.argsort(np.where(is_empty, 0, last), kind="stable")
    return np.argsort(np.where(is_empty, width, first), kind="stable")


def _inverse_of(order: Positions) -> Positions:
    """Return the position of each element, from which element stands at each position."""
    positions = np.empty(len(order), dtype=np.intp)
    positions[order] = np.arange(len(order))
    return positions


def _constants_last(operands: Sequence[Operand], blocks: Mapping[int, Block]) -> list[Operand]:
    """Return the operands with constants last, since reordering a constant costs nothing."""
    return sorted(operands, key=lambda operand: blocks[operand.source].constants is not None)


def _elementwise_order(
    operands: Sequence[Operand], blocks: Mapping[int, Block], lanes: int
) -> tuple[Positions, tuple[int, ...]]:
    """Return the order of the members, and the shape."""
    count = len(operands[0].wanted)
    if count == 1:
        return np.zeros(1, dtype=np.intp), ()
    for operand in operands:
        source = blocks[operand.source]
        if source.size == count and (order := _inverse(operand.wanted)) is not None:
            return order, source.shape
    computed = [operand.wanted for operand in operands if blocks[operand.source].constants is None]
    varied = [wanted for wanted in computed if (wanted != wanted[0]).any()]
    if len(varied) == 2:
        # Ranked by position, so that the grid runs along its sources whatever the order of the trace.
        ranks = [np.unique(keys, return_inverse=True)[1].ravel() for keys in varied]
        if grid := _as_grid(*ranks):
            return grid
    if varied:
        order = _sorted(varied)
        return order, _shape_of([wanted[order] for wanted in varied])
    return np.arange(count), (count // lanes, lanes) if 0 < lanes < count else (count,)


def _sorted(keys: Sequence[Positions]) -> Positions:
    """Return the order by the key that tells most elements apart, and by the others where that does not.

    In the order of a trace, of 1,000 samples some are in reverse: a mixture of Gaussians took 171 gathers.
    """
    order = np.argsort(keys[0], kind="stable")
    ranked = keys[0][order]
    if len(keys) == 1 or (ranked[1:] != ranked[:-1]).all():
        return order
    return np.lexsort(sorted(keys, key=lambda key: len(np.unique(key))))


def _shape_of(columns: Sequence[Positions]) -> tuple[int, ...]:
    """Return the lengths of the loops that go through some positions, which are views of arrays then."""
    nest = nest_of(columns, _MOST_AXES) if len(columns[0]) >= _FEWEST else None
    return (len(columns[0]),) if nest is None else tuple(nest.sizes)


def _inverse(positions: Positions) -> Positions | None:
    """Return the inverse of a permutation, else None; `np.argsort` would take five times as long."""
    inverse = np.full(len(positions), -1)
    inverse[positions] = np.arange(len(positions))
    return None if (inverse < 0).any() else inverse


def _as_grid(left: Positions, right: Positions) -> tuple[Positions, tuple[int, int]] | None:
    """Return order and shape of all pairs of two sets of ranks."""
    grid = _on_grid(left, right)
    if grid is None or prod(grid[1]) > len(left):
        return None
    return _inverse_of(grid[0]), grid[1]


def _on_grid(left: Positions, right: Positions) -> tuple[Positions, tuple[int, int], int] | None:
    """Return positions and shape of pairs of two sets of ranks, and which of them varies more slowly.

    They are all pairs, or at least half of them, as those of a triangle.
    """
    columns = (left, right)
    sizes = [int(ranks.max()) + 1 for ranks in columns]
    size, count = sizes[0] * sizes[1], len(left)
    if not count <= size <= (2 * count if count >= _FEWEST_OF_HALF else count):
        return None
    # The one that changes later in the trace varies more slowly.
    changes = [int(np.argmax(ranks != ranks[0])) if ranks.any() else len(ranks) for ranks in columns]
    slow = int(changes[1] > changes[0])
    positions = columns[slow] * sizes[1 - slow] + columns[1 - slow]
    is_once = np.bincount(positions, minlength=size).max() == 1
    return (positions, (sizes[slow], sizes[1 - slow]), slow) if is_once else None


def _as_product(
    operands: Sequence[Operand],
) -> tuple[Positions, tuple[int, ...], tuple[Operand, Operand]] | None:
    """Return positions, shape and factors if the rows are pairs of some rows left and some right."""
    if len(operands[0].wanted) == 1:
        return None
    (left, left_ranks), (right, right_ranks) = (_ranked(operand.wanted) for operand in operands)
    grid = _on_grid(left_ranks, right_ranks)
    if grid is None:
        return None
    positions, shape, slow = grid
    factors = [Operand(o.source, rows) for o, rows in zip(operands, (left, right), strict=True)]
    # A product with a single row is one of a matrix and a vector.
    return positions, tuple(n for n in shape if n > 1), (factors[slow], factors[1 - slow])


def _ranked(rows: Positions) -> tuple[Positions, Positions]:
    """Return each row once, in order of position, and for each row which it is."""
    # By a hash, which is checked: of 1,600 rows there are 16, and to sort them all takes ten times as long.
    hashes = rows @ np.cumprod(np.full(rows.shape[1], _ODD))
    _, first, which = np.unique(hashes, return_index=True, return_inverse=True)
    if not np.array_equal(rows[first].take(which, axis=0), rows):
        _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    order = np.lexsort(rows[first].T[::-1])
    ranks = np.empty(len(first), dtype=np.intp)
    ranks[order] = np.arange(len(first))
    return rows[first[order]], ranks[which.ravel()]


_ODD = 0x5851F42D4C957F2D
"""Its powers are the factors of a hash."""


def _in_order(operands: list[Operand], blocks: Mapping[int, Block]) -> list[Operand]:
    """Return the operands of sums with the terms of each sum sorted by position, which a trace scrambles."""
    first, *others = _constants_last(operands, blocks)
    if (np.diff(first.wanted, axis=-1) > 0).all():
        return operands
    order = np.lexsort([operand.wanted for operand in (*reversed(others), first)], axis=-1)
    return [Operand(o.source, np.take_along_axis(o.wanted, order, axis=-1)) for o in operands]
