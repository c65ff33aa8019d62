"""A plan as a table for an interpreter: a row for each array says where its numbers stand in one memory.

What is regular is addressed by loops, a matrix product as one; what is not, number by number. To write and
compile a statement for each array would take 0.2 ms in NumPy, and 10 ms for each line of a loop in Numba:
8,000 arrays took minutes. To interpret a row takes 10 ns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import numpy.typing as npt

from ...ops.table import OPS, Op
from ..arrays.index_rules import Positions, nest_of
from ..arrays.layout import Block, LoopPlan, Operand, Plan, Results

Code = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]

MAP, EACH, REDUCTION, PRODUCT, GATHER = range(5)
"""What a row does. After its kind and its operation it says:

- MAP, element by element: the lengths of three loops, where the result begins, and for each of three operands
  where it begins and its strides in the loops. An operation that is not one of `INLINE` has the last loop
  alone;
- EACH, one of `INLINE` element by element: how many, where the result begins, and the first row of `places`,
  which say where the operands stand;
- REDUCTION: the lengths of two loops and of the rows that are reduced, where the result begins, and for each
  of two operands where it begins and its strides;
- PRODUCT: rows, columns and terms, where the result begins, and for each factor where it begins and its
  strides, by row (the right factor: by column) and by term;
- GATHER, which copies: how many, where the copy begins, and the first row of `places`.
"""

INLINE = frozenset(
    op
    for op in OPS.values()
    if not op.variadic and {*op.value.words} <= {"add", "sub", "mul", "truediv", "neg", "where"}
)
"""The operations of an instruction or two of a processor. Others take so long that copies of their operands
cost little, and need no loops for operands that are scattered: with these, an interpreter takes 30 s to
compile, and 10 s without."""

WIDTH = 18
"""How many numbers a row has."""

# The operands of a row of the table of operations.
_MOST_OPERANDS = 3

# A row of `places` for each of fewer elements costs less than a row of the table for each piece.
_LONG_PIECES = 8


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
        The rows, see `MAP` and the others.
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
    return _Rows(plan, shapes).written(results)


@dataclass
class _Rows:
    plan: Plan
    shapes: Sequence[tuple[int, ...]]
    size: int = 0
    constants: list[npt.NDArray[np.float64]] = field(default_factory=list)
    ops: dict[Op, int] = field(default_factory=dict)
    code: list[list[int]] = field(default_factory=list)
    places: list[npt.NDArray[np.intp]] = field(default_factory=list)
    placed: int = 0
    # Where each array stands: where it begins, or for an arrangement where each of its numbers does.
    memory: dict[int, int | Positions] = field(default_factory=dict)
    copies: dict[tuple[object, ...], Positions] = field(default_factory=dict)
    # Where the constants stand, also those of the bodies of loops, and where what loops carry does.
    fixed: dict[tuple[int, int], int] = field(default_factory=dict)
    carried: dict[tuple[int, int, str], int | Positions] = field(default_factory=dict)

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
            if block.length is not None:
                constants = np.array([float(self._length(block.length))])
            if constants is not None:
                self.fixed[id(plan), colour] = self._room(constants.size)
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
                self.memory[colour] = self.carried[block.carried]
            elif block.argument is None:
                self.memory[colour] = self.fixed[id(self.plan), colour]

    def _room(self, size: int) -> int:
        start = self.size
        self.size += size
        return start

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
            return self._map(op, [self._along(operand, block.axes).ravel() for operand in block.operands])
        axes = [*block.axes, *block.over]
        if block.product is not None:
            left, right = (self._along(operand, axes) for operand in block.product)
            return self._product_along(op, left, right, block)
        found = [self._along(operand, axes) for operand in block.operands]
        if not block.is_reduction:
            columns = [np.stack([*of_one], axis=-1) for of_one in op.columns(found)]
            return self._reduction(op, [of_one.reshape(-1, of_one.shape[-1]) for of_one in columns])
        # The terms come behind the axes.
        own = len(block.shape)
        size = block.size * prod(map(self._length, block.axes))
        rows = [
            np.moveaxis(
                of_one.reshape(*block.shape, -1, *of_one.shape[-len(axes) :]), own, own + len(block.axes)
            )
            for of_one in found
        ]
        return self._reduction(op, [of_one.reshape(size, -1) for of_one in rows])

    def _product_along(self, op: Op, left: Positions, right: Positions, block: Block) -> int | Positions:
        """Write all products of rows, of which at most one side varies along the axes of the result."""
        along = prod(map(self._length, block.axes))
        (rows, terms), columns = left.shape[:2], len(right)
        left, right = (of_one.reshape(len(of_one), terms, along, -1) for of_one in (left, right))
        if not block.axes:
            return self._product(left.reshape(rows, -1), right.reshape(columns, -1))
        left, right = (of_one.swapaxes(1, 2).reshape(len(of_one), along, -1) for of_one in (left, right))
        if (left == left[:, :1]).all():
            return self._product(left[:, 0], right.reshape(columns * along, -1))
        if (right == right[:, :1]).all():
            start = self._product(left.reshape(rows * along, -1), right[:, 0])
            order = np.arange(rows * along * columns).reshape(rows, along, columns).swapaxes(1, 2)
            return start + order.ravel()
        shape = (rows, columns, along, left.shape[-1])
        pairs = [np.broadcast_to(of_one, shape) for of_one in (left[:, None], right[None])]
        return self._reduction(op, [of_one.reshape(-1, shape[-1]) for of_one in pairs])

    def _loop(self, colour: int, loop: LoopPlan) -> None:
        """Write the rows of all steps: those of one step, with each place as much further on in each step."""
        steps = self._length(loop.axis)
        starts = []
        for k, array in enumerate(loop.carried):
            size = prod(array.shape)
            # What each step is given, and behind it what the last one leaves.
            start = self._room((steps + 1) * size)
            self._copy(np.array([int(self._at(source, at)) for source, at in array.first]), start)
            time = np.arange(steps)[::-1] if loop.is_reversed else np.arange(steps)
            given = start + (time * size + np.arange(size)[:, None]).ravel()
            self.carried[colour, k, "given"], self.carried[colour, k, "left"] = given, given + size
            self.carried[colour, k, "last"] = start + steps * size
            starts.append(start)
        taken = [self._along(operand, [loop.axis]) for operand in loop.taken]
        first = self._step(loop, starts, taken, 0, self.placed)
        listed = first.placed - self.placed
        others = [self._step(loop, starts, taken, t, self.placed + t * listed) for t in range(1, 3)]
        others.append(self._step(loop, starts, taken, steps - 1, self.placed + (steps - 1) * listed))
        if _are_evenly_apart([first, *others[:2]]) and _are_evenly_apart(
            [first, others[0], others[-1]], steps - 1
        ):
            code, places = (
                one[0] + np.arange(steps).reshape(-1, 1, 1) * (one[1] - one[0])
                for one in zip(*map(_Rows.tables, (first, others[0])), strict=True)
            )
            self._append(code.reshape(-1, WIDTH), places.reshape(-1, _MOST_OPERANDS), first.size)
            return
        for t in range(steps):
            step = self._step(loop, starts, taken, t, self.placed)
            self._append(*step.tables(), step.size)

    def _append(self, code: Code, places: Positions, size: int) -> None:
        """Append rows that use the memory up to some place."""
        self.code += code.tolist()
        self.places.append(places)
        self.placed += len(places)
        self.size = max(self.size, size)

    def tables(self) -> tuple[Code, Positions]:
        """Return the rows, and the places that they list."""
        rows = [[*row, *[0] * (WIDTH - len(row))] for row in self.code]
        code: Code = np.array(rows, np.int64).reshape(-1, WIDTH)
        return code, np.concatenate([np.empty((0, _MOST_OPERANDS), np.intp), *self.places])

    def _step(
        self, loop: LoopPlan, starts: Sequence[int], taken: Sequence[Positions], time: int, placed: int
    ) -> _Rows:
        """Return what writes the rows of one step, to the same memory as all others but for what it keeps."""
        index = self._length(loop.axis) - 1 - time if loop.is_reversed else time
        step = _Rows(loop.body, [], self.size, ops=self.ops, placed=placed, fixed=self.fixed)
        sizes = [prod(array.shape) for array in loop.carried]
        arguments: list[int | Positions] = [
            start + time * size for start, size in zip(starts, sizes, strict=True)
        ]
        arguments += [of_one[..., index].ravel() for of_one in taken]
        for colour, block in loop.body.blocks.items():
            if block.argument is not None:
                step.memory[colour] = arguments[block.argument]
        step._write_blocks()
        for start, size, array in zip(starts, sizes, loop.carried, strict=True):
            step._copy(step._places_of(array.results), start + (time + 1) * size)
        return step

    def _copy(self, positions: Positions, start: int) -> None:
        """Write a copy of some elements to a place."""
        if nest_of([positions], 3):
            self._map_part(self._number(OPS["pos"]), start, [positions])
        else:
            self.code.append([GATHER, 0, positions.size, start, self._listed([positions])])

    # ------------------------------------------------------------------------------------------------ rows

    def _computed(self, block: Block, op: Op) -> int | Positions:
        """Write what computes an array, and return where it begins."""
        if block.axes or block.over:
            return self._computed_along(block, op)
        if block.product is not None:
            return self._product(*map(self._of, block.product))
        if not op.variadic:
            return self._map(op, [self._of(operand).ravel() for operand in block.operands])
        if block.is_reduction:
            rows = [self._of(operand).reshape(block.size, -1) for operand in block.operands]
            return self._reduction(op, rows)
        columns = [self._of(operand).ravel() for operand in block.operands]
        return self._reduction(op, [np.stack(of_one, axis=1) for of_one in op.columns(columns)])

    def _map(self, op: Op, operands: list[Positions]) -> int:
        start = self._room(len(operands[0]))
        which = self._number(op)
        if op not in INLINE and nest_of(operands, 1) is None:
            operands = [operand if nest_of([operand], 1) else self._copied(operand) for operand in operands]
        self._map_part(which, start, operands)
        return start

    def _map_part(self, which: int, start: int, operands: list[Positions]) -> None:
        count = len(operands[0])
        nest = nest_of(operands, 3)
        if nest is not None:
            missing = 3 - len(nest.sizes)
            row = [MAP, which, *[1] * missing, *nest.sizes, start]
            for operand, steps in zip(operands, nest.steps, strict=True):
                row += [int(operand[0]), *[0] * missing, *steps]
            self.code.append(row)
            return
        breaks = _breaks(operands)
        if _LONG_PIECES * (len(breaks) + 1) <= count:
            for first, last in zip([0, *breaks], [*breaks, count], strict=True):
                self._map_part(which, start + first, [operand[first:last] for operand in operands])
            return
        self.code.append([EACH, which, count, start, self._listed(operands)])

    def _reduction(self, op: Op, rows: list[Positions]) -> int:
        count, length = rows[0].shape
        start = self._room(count)
        rows = [of_one if _is_even(of_one) else self._copied(of_one) for of_one in rows]
        nest = nest_of([of_one[:, 0] for of_one in rows], 2)
        if nest is None:
            rows = [self._copied(of_one) for of_one in rows]
            nest = nest_of([of_one[:, 0] for of_one in rows], 2)
        assert nest is not None
        missing = 2 - len(nest.sizes)
        row = [REDUCTION, self._number(op), *[1] * missing, *nest.sizes, length, start]
        for of_one, steps in zip(rows, nest.steps, strict=True):
            row += [int(of_one[0, 0]), *[0] * missing, *steps, _step(of_one[0])]
        self.code.append(row)
        return start

    def _product(self, left: Positions, right: Positions) -> int:
        factors = [of_one if _is_grid(of_one) else self._copied(of_one) for of_one in (left, right)]
        # Vectors need the columns of the right factor, or the terms of both, next to each other.
        if _step(factors[1][:, 0]) != 1 and len(left) > 1:
            factors = [of_one if _step(of_one[0]) == 1 else self._copied(of_one) for of_one in factors]
        start = self._room(len(left) * len(right))
        row = [PRODUCT, 0, len(left), len(right), left.shape[1], start]
        for of_one in factors:
            row += [int(of_one[0, 0]), _step(of_one[:, 0]), _step(of_one[0])]
        self.code.append(row)
        return start

    def _copied(self, positions: Positions) -> Positions:
        """Return where a copy of some elements stands, which is made once."""
        key = positions.shape, positions.tobytes()
        if key not in self.copies:
            start, flat = self._room(positions.size), positions.ravel()
            if nest_of([flat], 3):
                self._map_part(self._number(OPS["pos"]), start, [flat])
            else:
                self.code.append([GATHER, 0, positions.size, start, self._listed([flat])])
            self.copies[key] = np.arange(start, start + positions.size).reshape(positions.shape)
        return self.copies[key]

    def _listed(self, operands: list[Positions]) -> int:
        """Add where elements stand, and return where in `places` they begin."""
        missing = _MOST_OPERANDS - len(operands)
        self.places.append(np.stack([*operands, *operands[:1] * missing], axis=1))
        start, self.placed = self.placed, self.placed + len(operands[0])
        return start

    def _number(self, op: Op) -> int:
        return self.ops.setdefault(op, len(self.ops))


def _are_evenly_apart(steps: Sequence[_Rows], last: int = 2) -> bool:
    """Return whether of the rows of steps 0, 1 and a last one all numbers are evenly apart."""
    for zero, one, other in zip(*map(_Rows.tables, steps), strict=True):
        if not (zero.shape == one.shape == other.shape and (other == zero + last * (one - zero)).all()):
            return False
    return True


def _breaks(operands: Sequence[Positions]) -> list[int]:
    """Return where pieces of positions begin that are evenly spaced, but for the first piece."""
    changes = np.diff(np.array(operands), axis=1)
    differs = (changes[:, 1:] != changes[:, :-1]).any(axis=0)
    # A piece ends before the step that differs, and the next begins behind it.
    found: list[int] = []
    for at in (np.flatnonzero(differs) + 2).tolist():
        if not found or at > found[-1] + 1:
            found.append(at)
    return found


def _step(positions: Positions) -> int:
    return int(positions[1] - positions[0]) if len(positions) > 1 else 0


def _is_even(rows: Positions) -> bool:
    """Return whether all rows are evenly spaced, by the same step."""
    return rows.shape[1] < 2 or bool((np.diff(rows, axis=1) == rows[0, 1] - rows[0, 0]).all())


def _is_grid(rows: Positions) -> bool:
    """Return whether rows are evenly spaced by one step, and their elements by another."""
    return _is_even(rows) and _is_even(rows[:, :1].T)
