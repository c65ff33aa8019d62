"""A plan as a table for an interpreter: a row for each array, see `array_rows`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from ...ops.table import Op
from ..arrays.index_rules import Positions
from ..arrays.plan import Block, LoopPlan, Operand, Plan, Results
from .array_rows import EACH, ArrayRows, Code, Places


@dataclass
class ArrayTable:
    """A program as a table of arrays.

    Attributes
    ----------
    size : int
        How many numbers the memory has.
    given : int
        How many of them are arguments, which are the first, one after the other.
    constants : array of float
        What follows the arguments.
    ops : list of Op
        The operations, to which the rows refer by their place in this list.
    code : array of int, shape (rows, WIDTH)
        The rows, see `MAP` and the others in `array_rows`.
    places : array of int, shape (elements, 3)
        Where what follows no rule stands.
    results : list of array of int
        Where the numbers of each result stand.
    """

    size: int
    given: int
    constants: npt.NDArray[np.float64]
    ops: list[Op]
    code: Code
    places: Places
    results: list[Positions]

    @property
    def operations(self) -> int:
        """How many operations there are, on arrays, or on single numbers of what follows no rule."""
        is_each = self.code[:, 0] == EACH
        return int(self.code[is_each, 2].sum() + (~is_each).sum())


def array_table(plan: Plan, shapes: Sequence[tuple[int, ...]], results: Results) -> ArrayTable:
    """Return the table of a plan.

    Parameters
    ----------
    plan : Plan
        The arrays of the program.
    shapes : sequence of tuple of int
        The shape of each argument.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.

    Returns
    -------
    ArrayTable
        The table.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..passes.axes import whole_arguments
    >>> from ..arrays.layout import lay_out
    >>> from ..passes.colours import colours_of
    >>> from ..trace.tape import tape_of
    >>> x = [Value(1.0), Value(2.0)]
    >>> tape = tape_of([(v * v).exp() for v in x], [x])
    >>> plan = lay_out(tape, colours_of(tape), whole_arguments([(2,)]))
    >>> table = array_table(plan, [(2,)], [(tape.outputs, (2,))])
    >>> [op.name for op in table.ops], table.size, table.results
    (['mul', 'exp'], 6, [array([4, 5])])
    """
    return _PlanRows(plan, shapes).written(results)


class _PlanRows(ArrayRows):
    """The rows of a plan, or of one step of a loop.

    Parameters
    ----------
    plan : Plan
        The plan.
    shapes : sequence of tuple of int
        The shapes of the arguments, which are the first numbers of the memory.
    size, placed, ops
        As of `ArrayRows`.
    fixed : dict, optional
        Where the constants stand, also those of the bodies of loops, by plan and colour.
    """

    def __init__(
        self,
        plan: Plan,
        shapes: Sequence[tuple[int, ...]],
        size: int = 0,
        placed: int = 0,
        ops: dict[Op, int] | None = None,
        fixed: dict[tuple[int, int], int] | None = None,
    ) -> None:
        super().__init__(size, placed, ops)
        self.plan, self.shapes = plan, shapes
        self.constants: list[npt.NDArray[np.float64]] = []
        # Where each array stands: where it begins, or for an arrangement where each of its numbers does.
        self.memory: dict[int, int | Positions] = {}
        self._fixed: dict[tuple[int, int], int] = {} if fixed is None else fixed
        self._carried: dict[tuple[int, int, str], int | Positions] = {}

    def written(self, results: Results) -> ArrayTable:
        self._place_what_is_given()
        self._write_blocks()
        found = [self._places_of(instructions) for instructions, _ in results]
        code, places = self.tables()
        return ArrayTable(
            self.size,
            sum(map(prod, self.shapes)),
            np.concatenate([np.empty(0), *self.constants]),
            list(self.ops),
            code,
            places.astype(np.int32),
            found,
        )

    def _place_what_is_given(self) -> None:
        starts = np.cumsum([0, *map(prod, self.shapes)]).tolist()
        self.size = starts[-1]
        for colour, block in self.plan.blocks.items():
            if block.argument is not None:
                self.memory[colour] = starts[block.argument]
        self._place_constants(self.plan)

    def _place_constants(self, plan: Plan) -> None:
        """Place the constants of a plan, and of the bodies of its loops, behind the arguments."""
        for colour, block in plan.blocks.items():
            constants = block.constants
            if constants is not None:
                self._fixed[id(plan), colour] = self.room(constants.size)
                self.constants.append(constants.ravel())
            if block.loop is not None:
                self._place_constants(block.loop.body)

    def _write_blocks(self) -> None:
        """Write what computes all arrays."""
        for colour, block in self.plan.blocks.items():
            if block.targets:
                self.memory[colour] = self._arranged(block)
            elif block.op is not None:
                self.memory[colour] = self._computed(block, block.op)
            elif block.is_along:
                (operand,) = block.operands
                self.memory[colour] = self._of(operand).ravel()
            elif block.opened is not None:
                self.memory[colour] = self.memory[block.opened]
            elif block.loop is not None:
                self._loop(colour, block.loop)
            elif block.carried is not None:
                self.memory[colour] = self._carried[block.carried]
            elif block.argument is None:
                self.memory[colour] = self._fixed[id(self.plan), colour]

    def _at(self, source: int, wanted: Positions) -> Positions:
        """Return where in the memory some elements of an array stand."""
        where = self.memory[source]
        return wanted + where if isinstance(where, int) else where[wanted]

    def _of(self, operand: Operand) -> Positions:
        return self._at(operand.source, operand.wanted)

    def _arranged(self, block: Block) -> Positions:
        """Return where the numbers of an arrangement stand, which need not be copied."""
        found = np.empty(block.size, dtype=np.intp)
        for operand, target in zip(block.operands, block.targets, strict=True):
            found[target] = self._of(operand).ravel()
        return found

    def _places_of(self, instructions: Sequence[int]) -> Positions:
        found = []
        for colour, at in map(self.plan.place.__getitem__, instructions):
            where = self.memory[colour]
            found.append(at + where if isinstance(where, int) else int(where[at]))
        return np.array(found, dtype=np.intp)

    # ------------------------------------------------------------------------------------------------ axes

    def _length(self, axis: int) -> int:
        length = self.plan.lengths[axis].length
        assert length is not None
        return length

    def _along(self, operand: Operand, axes: Sequence[int]) -> Positions:
        """Return where an operand stands, with a dimension behind its own for each of some axes."""
        own = self.plan.blocks[operand.source].axes
        lengths = [self._length(axis) for axis in own]
        flat = operand.wanted.reshape((*operand.wanted.shape, *[1] * len(own)))
        index = np.arange(prod(lengths)).reshape(lengths)
        found = self._at(operand.source, flat * prod(lengths) + index)
        places = [operand.wanted.ndim + own.index(axis) for axis in axes if axis in own]
        found = found.transpose([*range(operand.wanted.ndim), *places])
        sizes = [self._length(axis) for axis in axes]
        shape = [n if axis in own else 1 for axis, n in zip(axes, sizes, strict=True)]
        found = found.reshape((*operand.wanted.shape, *shape))
        return np.broadcast_to(found, (*operand.wanted.shape, *sizes))

    def _computed_along(self, block: Block, op: Op) -> int | Positions:
        """Write what computes an array along axes: they are further dimensions of it."""
        if not op.variadic:
            return self.map(op, [self._along(operand, block.axes).ravel() for operand in block.operands])
        axes = [*block.axes, *block.over]
        if block.product is not None:
            left, right = (self._along(operand, axes) for operand in block.product)
            if block.terms is not None:
                return self._ragged(op, left, right, block.terms)
            return self._product_along(op, left, right, block)
        found = [self._along(operand, axes) for operand in block.operands]
        if not block.is_reduction:
            columns = [np.stack([*positions], axis=-1) for positions in op.columns(found)]
            return self.reduction(op, [positions.reshape(-1, positions.shape[-1]) for positions in columns])
        # The terms come behind the axes.
        own = len(block.shape)
        size = block.size * prod(map(self._length, block.axes))
        rows = [
            np.moveaxis(
                positions.reshape(*block.shape, -1, *positions.shape[-len(axes) :]),
                own,
                own + len(block.axes),
            )
            for positions in found
        ]
        return self.reduction(op, [positions.reshape(size, -1) for positions in rows])

    def _ragged(self, op: Op, vector: Positions, matrix: Positions, terms: Positions) -> Positions:
        """Write a reduction of the terms that each row has, and return where the results stand."""
        found = []
        for row, which in zip(matrix, terms == 1, strict=True):
            count = prod(row.shape[1:])
            if which.any():
                rows = [np.moveaxis(part[which], 0, -1).reshape(count, -1) for part in (vector[0], row)]
                found.append(self.reduction(op, rows) + np.arange(count))
            else:
                # What the matrix has in place of any term is 0, as the sum of none is.
                found.append(np.full(count, row.flat[0]))
        return np.concatenate(found)

    def _product_along(self, op: Op, left: Positions, right: Positions, block: Block) -> int | Positions:
        """Write all products of rows, of which at most one side varies along the axes of the result."""
        along = prod(map(self._length, block.axes))
        (rows, terms), columns = left.shape[:2], len(right)
        left, right = (positions.reshape(len(positions), terms, along, -1) for positions in (left, right))
        left, right = (
            positions.swapaxes(1, 2).reshape(len(positions), along, -1) for positions in (left, right)
        )
        if (left == left[:, :1]).all():
            return self.product(left[:, 0], right.reshape(columns * along, -1))
        if (right == right[:, :1]).all():
            start = self.product(left.reshape(rows * along, -1), right[:, 0])
            order = np.arange(rows * along * columns).reshape(rows, along, columns).swapaxes(1, 2)
            return start + order.ravel()
        shape = (rows, columns, along, left.shape[-1])
        pairs = [np.broadcast_to(positions, shape) for positions in (left[:, None], right[None])]
        return self.reduction(op, [positions.reshape(-1, shape[-1]) for positions in pairs])

    def _loop(self, colour: int, loop: LoopPlan) -> None:
        """Write the rows of all steps: those of one step, with each place as much further on in each step."""
        steps = self._length(loop.axis)
        starts = self._carry(colour, loop, steps)
        taken = [self._along(operand, [loop.axis]) for operand in loop.taken]
        first = self._step(loop, starts, taken, 0, self.placed)
        listed = first.placed - self.placed

        def step(time: int) -> _PlanRows:
            return self._step(loop, starts, taken, time, self.placed + time * listed)

        second = step(1)
        if all(_are_evenly_apart(first, second, step(time), time) for time in (2, steps - 1)):
            code, places = (
                zero + np.arange(steps).reshape(-1, 1, 1) * (one - zero)
                for zero, one in zip(first.tables(), second.tables(), strict=True)
            )
            self.append(code, places, first.size)
            return
        for time in range(steps):
            own = self._step(loop, starts, taken, time, self.placed)
            self.append(*own.tables(), own.size)

    def _carry(self, colour: int, loop: LoopPlan, steps: int) -> list[int]:
        """Make room for what each step is given, and behind it what the last one leaves; return where."""
        starts = []
        for k, array in enumerate(loop.carried):
            size = prod(array.shape)
            start = self.room((steps + 1) * size)
            self.copy(np.array([int(self._at(source, at)) for source, at in array.first]), start)
            time = np.arange(steps)[::-1] if loop.is_reversed else np.arange(steps)
            given = start + (time * size + np.arange(size)[:, None]).ravel()
            self._carried[colour, k, "given"], self._carried[colour, k, "left"] = given, given + size
            self._carried[colour, k, "last"] = start + steps * size
            starts.append(start)
        return starts

    def _step(
        self, loop: LoopPlan, starts: Sequence[int], taken: Sequence[Positions], time: int, placed: int
    ) -> _PlanRows:
        """Return what writes the rows of one step, to the same memory as all others but for what it keeps."""
        index = self._length(loop.axis) - 1 - time if loop.is_reversed else time
        step = _PlanRows(loop.body, [], self.size, placed, self.ops, self._fixed)
        sizes = [prod(array.shape) for array in loop.carried]
        arguments: list[int | Positions] = [
            start + time * size for start, size in zip(starts, sizes, strict=True)
        ]
        arguments += [positions[..., index].ravel() for positions in taken]
        for colour, block in loop.body.blocks.items():
            if block.argument is not None:
                step.memory[colour] = arguments[block.argument]
        step._write_blocks()
        for start, size, array in zip(starts, sizes, loop.carried, strict=True):
            step.copy(step._places_of(array.results), start + (time + 1) * size)
        return step

    def _computed(self, block: Block, op: Op) -> int | Positions:
        """Write what computes an array, and return where it begins."""
        if block.axes or block.over:
            return self._computed_along(block, op)
        if block.product is not None and block.terms is not None:
            vector, matrix = map(self._of, block.product)
            return self._ragged(op, vector, matrix, block.terms)
        if block.product is not None:
            return self.product(*map(self._of, block.product))
        if not op.variadic:
            return self.map(op, [self._of(operand).ravel() for operand in block.operands])
        if block.is_reduction:
            rows = [self._of(operand).reshape(block.size, -1) for operand in block.operands]
            return self.reduction(op, rows)
        columns = [self._of(operand).ravel() for operand in block.operands]
        return self.reduction(op, [np.stack(positions, axis=1) for positions in op.columns(columns)])


def _are_evenly_apart(first: ArrayRows, second: ArrayRows, later: ArrayRows, time: int) -> bool:
    """Return whether all numbers of a later step are so many times as far from the first as the second's."""
    for zero, one, other in zip(first.tables(), second.tables(), later.tables(), strict=True):
        if not (zero.shape == one.shape == other.shape and (other == zero + time * (one - zero)).all()):
            return False
    return True
