"""Batches on a tape: how many numbers each instruction stands for, and sums over the samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from ...ops.structural import Operation, Structural
from ...ops.table import OPS, Op
from ..trace.tape import Tape

T = TypeVar("T")


class TotalOf(Structural):
    """A reduction over the samples as well as over its operands, such as the total of a dot product.

    Parameters
    ----------
    row : Op
        The reduction.
    over : tuple of int
        The axes that it adds up over; none for samples that are side by side.

    Examples
    --------
    >>> TotalOf(OPS["dot"]), TotalOf(OPS["dot"]).columns([1, 2, 3, 4])
    (total dot, [[1, 2], [3, 4]])
    """

    variadic = True

    def __init__(self, row: Op, over: tuple[int, ...] = ()) -> None:
        self.reduces = self._row = row
        self.over = over

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TotalOf) and (other._row, other.over) == (self._row, self.over)

    def __hash__(self) -> int:
        return hash((self._row, self.over))

    def axes(self, of_operands: Sequence[frozenset[Any]]) -> frozenset[Any]:
        """Return the axes of the operands but those it adds up over."""
        return super().axes(of_operands) - {*self.over}

    @property
    def name(self) -> str:  # type: ignore[override]
        """Its name, after that of the row."""
        return f"total {self._row.name}"

    def columns(self, operands: Sequence[T]) -> list[Sequence[T]]:
        """Return the operands as those of the row; one that folds numbers takes all of them."""
        return self._row.columns(operands) if self._row.variadic else [operands]

    def length(self, operands: int) -> int | None:
        """Return that it is a single number; over axes alone, it is one for each sample of the operands."""
        return None if self.over else 0


def total_of(row: Op, axis: int) -> Structural:
    """Return a reduction over an axis as well as over its operands.

    Examples
    --------
    >>> total_of(OPS["sum"], 0).over
    (0,)
    """
    return TotalOf(row, (axis,))


TOTALS = {name: TotalOf(OPS[name]) for name in ("sum", "dot")}
"""For each reduction that adds, the one that also adds over the samples."""


class Samples:
    """How many numbers each instruction of a growing tape stands for.

    Attributes
    ----------
    of : list of int
        How many; 0 for a single one, which all samples share.

    Examples
    --------
    >>> from autograd.transforms.batch_operations import Stack
    >>> samples = Samples()
    >>> samples.add(None, ()), samples.add(None, ()), samples.add(Stack(), (0, 1))
    (None, None, None)
    >>> samples.of
    [0, 0, 2]
    """

    def __init__(self) -> None:
        self.of: list[int] = []
        # Most programs have none, and need not look at the operands of each instruction.
        self._has_any = False

    def add(self, op: Operation | None, args: tuple[int, ...]) -> None:
        """Append how many numbers the next instruction stands for."""
        length = op.length(len(args)) if isinstance(op, Structural) else None
        if length is None:
            length = next(filter(None, map(self.of.__getitem__, args)), 0) if self._has_any else 0
        self._has_any = self._has_any or length > 0
        self.of.append(length)

    def extend(self, tape: Tape) -> None:
        """Append those of all instructions that the tape has by now."""
        for i in range(len(self.of), len(tape)):
            self.add(tape.ops[i], tape.args[i])


def samples_of(tape: Tape) -> list[int]:
    """Return how many numbers each instruction stands for; 0 is a single one.

    Examples
    --------
    >>> samples_of(Tape())
    []
    """
    if not any(isinstance(op, Structural) for op in set(tape.ops)):
        return [0] * len(tape)
    samples = Samples()
    samples.extend(tape)
    return samples.of


def sources_of(tape: Tape, i: int) -> list[tuple[int, int]]:
    """Return, for each number of an instruction that arranges, which operand and which number of it that is.

    Examples
    --------
    >>> from autograd.transforms.batch_operations import Lane
    >>> tape = Tape()
    >>> sources_of(tape, tape.add(Lane(), (tape.input(0, 0), tape.constant(2.0))))
    [(0, 2)]
    """
    op, args = tape.ops[i], tape.args[i]
    assert isinstance(op, Structural)
    operands = len(args) - op.statics
    return op.sources(operands, [tape.numbers[arg] for arg in args[operands:]])  # type: ignore[misc]
