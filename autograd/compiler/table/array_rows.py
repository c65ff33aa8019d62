"""Rows of a table of arrays: what each does, and where in one memory the numbers stand that it reads.

What is regular is addressed by loops, a matrix product as one; what is not, number by number. To write and
compile a statement for each array would take 0.2 ms in NumPy, and 10 ms for each line of a loop in Numba:
8,000 arrays took minutes. To interpret a row takes 10 ns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...ops.table import OPS, Op
from ..arrays.index_rules import Positions, nest_of

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


class ArrayRows:
    """The rows that compute arrays, while they are written.

    Parameters
    ----------
    size, placed : int
        How much of the memory, and of `places`, others use that come before.
    ops : dict of Op to int, optional
        The operations that are numbered already.

    Attributes
    ----------
    size : int
        How many numbers the memory has.
    ops : dict of Op to int
        The operations by number.
    code : list of list of int
        The rows.
    places : list of array of int
        Where what follows no rule stands: the elements of each of three operands.
    placed : int
        How many elements that are, with those before.
    """

    def __init__(self, size: int = 0, placed: int = 0, ops: dict[Op, int] | None = None) -> None:
        self.size, self.placed = size, placed
        self.ops: dict[Op, int] = {} if ops is None else ops
        self.code: list[list[int]] = []
        self.places: list[Positions] = []
        self._copies: dict[tuple[object, ...], Positions] = {}

    def tables(self) -> tuple[Code, Positions]:
        """Return the rows, and the places that they list."""
        rows = [[*row, *[0] * (WIDTH - len(row))] for row in self.code]
        code: Code = np.array(rows, np.int64).reshape(-1, WIDTH)
        return code, np.concatenate([np.empty((0, _MOST_OPERANDS), np.intp), *self.places])

    def append(self, code: Code, places: Positions, size: int) -> None:
        """Append rows that use the memory up to some place."""
        self.code += code.reshape(-1, WIDTH).tolist()
        self.places.append(places.reshape(-1, _MOST_OPERANDS))
        self.placed += len(self.places[-1])
        self.size = max(self.size, size)

    def room(self, size: int) -> int:
        """Return where so many numbers may stand that no other row uses."""
        start = self.size
        self.size += size
        return start

    def map(self, op: Op, operands: list[Positions]) -> int:
        """Write an operation element by element, and return where its results begin."""
        start = self.room(len(operands[0]))
        which = self._number(op)
        if op not in INLINE and nest_of(operands, 1) is None:
            operands = [operand if nest_of([operand], 1) else self._copied(operand) for operand in operands]
        self._map_part(which, start, operands)
        return start

    def reduction(self, op: Op, operands: list[Positions]) -> int:
        """Write a reduction of the rows of its operands, and return where its results begin."""
        count, length = operands[0].shape
        start = self.room(count)
        operands = [rows if _is_even(rows) else self._copied(rows) for rows in operands]
        nest = nest_of([rows[:, 0] for rows in operands], 2)
        if nest is None:
            operands = [self._copied(rows) for rows in operands]
            nest = nest_of([rows[:, 0] for rows in operands], 2)
        assert nest is not None
        missing = 2 - len(nest.sizes)
        row = [REDUCTION, self._number(op), *[1] * missing, *nest.sizes, length, start]
        for rows, steps in zip(operands, nest.steps, strict=True):
            row += [int(rows[0, 0]), *[0] * missing, *steps, _step(rows[0])]
        self.code.append(row)
        return start

    def product(self, left: Positions, right: Positions) -> int:
        """Write a matrix product, all rows on the left with all on the right; return where it begins."""
        factors = [rows if _is_grid(rows) else self._copied(rows) for rows in (left, right)]
        # Vectors need the columns of the right factor, or the terms of both, next to each other.
        if _step(factors[1][:, 0]) != 1 and len(left) > 1:
            factors = [rows if _step(rows[0]) == 1 else self._copied(rows) for rows in factors]
        start = self.room(len(left) * len(right))
        row = [PRODUCT, 0, len(left), len(right), left.shape[1], start]
        for rows in factors:
            row += [int(rows[0, 0]), _step(rows[:, 0]), _step(rows[0])]
        self.code.append(row)
        return start

    def copy(self, positions: Positions, start: int) -> None:
        """Write a copy of some elements to a place."""
        if nest_of([positions], 3):
            self._map_part(self._number(OPS["pos"]), start, [positions])
        else:
            self.code.append([GATHER, 0, positions.size, start, self._listed([positions])])

    def _copied(self, positions: Positions) -> Positions:
        """Return where a copy of some elements stands, which is made once."""
        key = positions.shape, positions.tobytes()
        if key not in self._copies:
            start = self.room(positions.size)
            self.copy(positions.ravel(), start)
            self._copies[key] = np.arange(start, start + positions.size).reshape(positions.shape)
        return self._copies[key]

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

    def _listed(self, operands: list[Positions]) -> int:
        """Add where elements stand, and return where in `places` they begin."""
        missing = _MOST_OPERANDS - len(operands)
        self.places.append(np.stack([*operands, *operands[:1] * missing], axis=1))
        start, self.placed = self.placed, self.placed + len(operands[0])
        return start

    def _number(self, op: Op) -> int:
        return self.ops.setdefault(op, len(self.ops))


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
