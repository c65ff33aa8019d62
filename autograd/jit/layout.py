"""Laying out colour classes as arrays, so that operands are whole arrays or views wherever they can be.

A class takes the shape and order of an operand that it uses element by element. A class of dot products
whose rows are all pairs of some rows on the left and some on the right is a matrix product, and has a row
for each of the one and a column for each of the other. What follows no rule stays in the order of the trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from ..ops import Op
from .tape import Tape
from .views import Positions


@dataclass
class Operand:
    """What a class takes from another: for each of its elements a position in that one's flat array.

    Attributes
    ----------
    source : int
        The colour of the other.
    wanted : array of int
        The positions.
    """

    source: int
    wanted: Positions


@dataclass
class Block:
    """A colour class as an array.

    Attributes
    ----------
    op : Op or None
        The row of its members; None for inputs and constants.
    shape : tuple of int
        Its shape.
    members : list of int
        The instructions in it, in the order of the flat array; empty for an input.
    operands : list of Operand
        One an argument of the row. Those of a reduction have an axis more, the last.
    product : tuple of Operand or None
        For a matrix product the rows of the left and of the right factor.
    """

    op: Op | None
    shape: tuple[int, ...]
    members: list[int]
    operands: list[Operand]
    product: tuple[Operand, Operand] | None = None

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)


@dataclass
class Plan:
    """The classes of a tape in order of evaluation, and where each instruction stands.

    This is what a backend writes its program from. Going through the blocks in order, it finds:

    - no row: an input, if it has no members (the first argument of the tape's instruction says which), else
      constants, whose numbers the tape has;
    - a `product`: for each row of its left and each row of its right operand, the sum of their products, in
      an array of as many rows and columns, of which one is left out where there is a single row;
    - a variadic row whose operands have an axis more than the block: a sum, dot product or logsumexp along
      that axis. Where they have not, the terms of each element are the elements of the operands;
    - any other row: element by element, by the rule that is its `Op.value`.

    An element of a result is found by `place`. `autograd.jit.compiled` has the list of the backends.

    Attributes
    ----------
    blocks : dict of int to Block
        By colour; each after those that it uses.
    place : dict of int to (int, int)
        Colour and position of each instruction.
    """

    blocks: dict[int, Block]
    place: dict[int, tuple[int, int]]


def lay_out(
    tape: Tape, colours: Sequence[int], shapes: Sequence[tuple[int, ...]], *, elementwise: bool = False
) -> Plan:
    """Return the arrays that a tape is computed in.

    Parameters
    ----------
    tape : Tape
        The program, as `find_reductions` leaves it.
    colours : sequence of int
        The colour of each instruction.
    shapes : sequence of tuple of int
        The shape of each argument.
    elementwise : bool
        Whether each number stands for an array of its own, so that a sum is one over arrays.

    Returns
    -------
    Plan
        The arrays.

    Examples
    --------
    >>> from autograd import Value
    >>> from .colours import colours_of
    >>> from .tape import tape_of
    >>> x = [Value(1.0), Value(2.0), Value(3.0)]
    >>> tape = tape_of([v * v for v in x], [x])
    >>> plan = lay_out(tape, colours_of(tape), [(3,)])
    >>> [(block.op and block.op.name, block.shape) for block in plan.blocks.values()]
    [(None, (3,)), ('mul', (3,))]
    """
    members: dict[int, list[int]] = {}
    for i, colour in enumerate(colours):
        members.setdefault(colour, []).append(i)
    depths: dict[int, int] = {}
    for colour, inside in members.items():
        below = (depths[colours[arg]] for arg in _args(tape, inside[0]))
        depths[colour] = 1 + max(below, default=0)
    plan = Plan({}, {})
    for colour in sorted(members, key=lambda colour: depths[colour]):
        block = _block(tape, members[colour], plan.place, plan.blocks, shapes, elementwise)
        plan.blocks[colour] = block
        if block.op is None and not tape.is_constant(members[colour][0]):
            plan.place |= {i: (colour, tape.args[i][1]) for i in members[colour]}
        else:
            plan.place |= {i: (colour, position) for position, i in enumerate(block.members)}
    return plan


def _args(tape: Tape, i: int) -> tuple[int, ...]:
    return () if tape.ops[i] is None else tape.args[i]


def _block(
    tape: Tape,
    members: list[int],
    place: Mapping[int, tuple[int, int]],
    blocks: Mapping[int, Block],
    shapes: Sequence[tuple[int, ...]],
    elementwise: bool,
) -> Block:
    op, args = tape.ops[members[0]], tape.args[members[0]]
    if op is None:
        if tape.is_constant(members[0]):
            return Block(None, (len(members),), members, [])
        return Block(None, shapes[args[0]], [], [])
    slots = list(zip(*(op.columns(tape.args[i]) for i in members), strict=True))
    if not op.variadic:
        operands = [_operand([column[0] for column in slot], place) for slot in slots]
        order, shape = _elementwise_order(operands, blocks)
        ordered = [Operand(o.source, o.wanted[order].reshape(shape)) for o in operands]
        return Block(op, shape, [members[i] for i in order], ordered)
    sources = {place[arg][0] for arg in args}
    if elementwise or len(sources) > len(slots):
        return _stacked(op, [tape.args[i] for i in members], members, place)
    operands = [_rows(slot, place) for slot in slots]
    if op.name in ("sum", "dot"):
        operands = _in_order(operands)
    if op.name == "dot" and (found := _as_product(operands)):
        order, shape, product = found
        return Block(op, shape, [members[i] for i in order], operands, product)
    order = np.argsort(operands[0].wanted[:, 0], kind="stable")
    ordered = [Operand(o.source, o.wanted[order]) for o in operands]
    return Block(op, (len(members),) if len(members) > 1 else (), [members[i] for i in order], ordered)


def _stacked(
    op: Op, rows: Sequence[Sequence[int]], members: list[int], place: Mapping[int, tuple[int, int]]
) -> Block:
    """Return a reduction over numbers of several arrays: an operand for each of them."""
    shape = (len(members),) if len(members) > 1 else ()
    operands = [_operand(column, place) for column in zip(*rows, strict=True)]
    return Block(op, shape, members, [Operand(o.source, o.wanted.reshape(shape)) for o in operands])


def _operand(args: Sequence[int], place: Mapping[int, tuple[int, int]]) -> Operand:
    source = place[args[0]][0]
    return Operand(source, np.array([place[arg][1] for arg in args]))


def _rows(rows: Sequence[Sequence[int]], place: Mapping[int, tuple[int, int]]) -> Operand:
    flat = _operand([arg for row in rows for arg in row], place)
    return Operand(flat.source, flat.wanted.reshape(len(rows), -1))


def _elementwise_order(
    operands: Sequence[Operand], blocks: Mapping[int, Block]
) -> tuple[Positions, tuple[int, ...]]:
    """Return the order of the members, and the shape."""
    count = len(operands[0].wanted)
    if count == 1:
        return np.zeros(1, dtype=np.intp), ()
    for operand in operands:
        source = blocks[operand.source]
        if source.size == count and len(np.unique(operand.wanted)) == count:
            return np.argsort(operand.wanted), source.shape
    varied = [operand.wanted for operand in operands if len(np.unique(operand.wanted)) > 1]
    if len(varied) == 2 and (grid := _as_grid(*varied)):
        return grid[:2]
    order = np.argsort(varied[0], kind="stable") if varied else np.arange(count)
    return order, (count,)


def _as_grid(left: Positions, right: Positions) -> tuple[Positions, tuple[int, int], int] | None:
    """Return order and shape of all pairs of two sets of keys, and which of them varies more slowly."""
    # Ranked by position, so that the grid runs along its sources whatever the order of the trace.
    columns = [np.unique(keys, return_inverse=True)[1].ravel() for keys in (left, right)]
    sizes = [int(ranks.max()) + 1 for ranks in columns]
    if sizes[0] * sizes[1] != len(left):
        return None
    # The one that changes later in the trace varies more slowly.
    changes = [int(np.argmax(ranks != ranks[0])) if ranks.any() else len(ranks) for ranks in columns]
    slow = int(changes[1] > changes[0])
    index = columns[slow] * sizes[1 - slow] + columns[1 - slow]
    if len(np.unique(index)) != len(index):
        return None
    return np.argsort(index), (sizes[slow], sizes[1 - slow]), slow


def _as_product(
    operands: Sequence[Operand],
) -> tuple[Positions, tuple[int, ...], tuple[Operand, Operand]] | None:
    """Return order, shape and factors if the rows are all pairs of some rows left and some right."""
    if len(operands[0].wanted) == 1:
        return None
    keys = [_row_keys(operand.wanted) for operand in operands]
    grid = _as_grid(*keys)
    if grid is None:
        return None
    order, shape, slow = grid
    factors = [Operand(o.source, _distinct(o.wanted)) for o in operands]
    # A product with a single row is one of a matrix and a vector.
    return order, tuple(n for n in shape if n > 1), (factors[slow], factors[1 - slow])


def _distinct(rows: Positions) -> Positions:
    """Return each row once, in order of position."""
    return np.unique(rows, axis=0)


def _in_order(operands: list[Operand]) -> list[Operand]:
    """Return the operands of sums with the terms of each in order of position, which a trace scrambles."""
    order = np.lexsort([operand.wanted for operand in reversed(operands)], axis=-1)
    return [Operand(o.source, np.take_along_axis(o.wanted, order, axis=-1)) for o in operands]


def _row_keys(rows: Positions) -> Positions:
    return np.unique(rows, axis=0, return_inverse=True)[1].ravel()
