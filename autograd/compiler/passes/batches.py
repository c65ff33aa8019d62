"""The samples of a batch on a tape: how many numbers each instruction stands for.

Here the structural operations that change nothing are taken out, as each of them says: a lane of a stack is
the number that was put there, and a stack of all lanes of a number is that number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ...ops.structural import Operation, Structural
from ...ops.table import OPS, Op
from ..trace.tape import Tape, rewritten
from .simplify import simplify

T = TypeVar("T")


class TotalOf(Structural):
    """A reduction that adds up over the samples as well: the total of a sum, or of a sum of products.

    Parameters
    ----------
    row : Op
        The reduction.

    Examples
    --------
    >>> TotalOf(OPS["dot"]), TotalOf(OPS["dot"]).columns([1, 2, 3, 4])
    (total dot, [[1, 2], [3, 4]])
    """

    variadic = True

    def __init__(self, row: Op) -> None:
        self.reduces = self._row = row

    @property
    def name(self) -> str:  # type: ignore[override]
        """Its name, after that of the row."""
        return f"total {self._row.name}"

    def columns(self, operands: Sequence[T]) -> list[Sequence[T]]:
        """Return the operands as those of the row."""
        return self._row.columns(operands)


TOTALS = {name: TotalOf(OPS[name]) for name in ("sum", "dot")}
"""Of each reduction that adds, the one over the samples as well."""


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

    def add(self, op: Operation | None, args: tuple[int, ...]) -> None:
        """Count the numbers of the next instruction."""
        if op is None:
            self.of.append(0)
        elif isinstance(op, Structural):
            self.of.append(op.length(len(args)))
        else:
            self.of.append(next(filter(None, map(self.of.__getitem__, args)), 0))


def samples_of(tape: Tape) -> list[int]:
    """Return how many numbers each instruction stands for; 0 is a single one.

    Examples
    --------
    >>> samples_of(Tape())
    []
    """
    samples = Samples()
    for op, args in zip(tape.ops, tape.args, strict=True):
        samples.add(op, args)
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


def settle_batches(tape: Tape) -> Tape:
    """Return a simplified tape without the structural operations that change nothing.

    What becomes equal by that is merged, and stacks of what was merged are taken out in turn: in
    ``[2.0 * w, 2.0 * w]`` all samples are one number, which only shows once the two products are one.

    Parameters
    ----------
    tape : Tape
        A program.

    Returns
    -------
    Tape
        A program of the same results.

    Examples
    --------
    >>> from autograd import Value
    >>> from autograd.transforms.batch_operations import lane, stack
    >>> from ..trace.tape import tape_of
    >>> x, y = Value(1.0), Value(2.0)
    >>> tape = settle_batches(tape_of([lane(stack([x, y]), 1)], [[x, y]]))
    >>> tape.inputs[tape.outputs[0]]
    (0, 1)
    >>> tape = settle_batches(tape_of([lane(stack([2.0 * x, 2.0 * x]), 1)], [[x]]))
    >>> [op and op.name for op in tape.ops]
    [None, None, 'mul']
    """
    tape = simplify(tape)
    # Without a stack there may be lanes of what all samples share, where a choice of a stack was settled.
    while any(isinstance(op, Structural) for op in set(tape.ops)):
        settled = _settled_once(tape)
        if (settled.ops, settled.args) == (tape.ops, tape.args):
            break
        tape = simplify(settled)
    return tape


def _settled_once(tape: Tape) -> Tape:
    samples = Samples()

    def write(new: Tape, op: Operation, args: tuple[int, ...]) -> int:
        if not isinstance(op, Structural):
            return new.add(op, args)
        for i in range(len(samples.of), len(new)):
            samples.add(new.ops[i], new.args[i])
        same = op.simplified(new, args, samples.of)
        return new.add(op, args) if same is None else same

    return rewritten(tape, write)
