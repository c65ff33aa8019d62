"""The samples of a batch on a tape: how many each instruction stands for.

See `batch_tracing` for stacks, lanes and totals. Here those that change nothing are taken out: a lane of a
stack is the number that was put there, and a stack of all lanes of a number is that number.
"""

from __future__ import annotations

from dataclasses import replace

from ...ops.table import OPS, Op
from ...transforms.batch_tracing import LANE, STACK, TOTAL
from ..trace.tape import Tape, rewritten
from .simplify import simplify

TOTALS = {
    "sum": replace(OPS["sum"], name="total sum"),
    "dot": replace(OPS["dot"], name="total dot"),
}
"""Sums, and sums of products, over the samples as well as their operands; by the row that they become."""

_SHARED = (LANE, TOTAL, *TOTALS.values())


class Samples:
    """How many samples each instruction of a growing tape stands for.

    Attributes
    ----------
    of : list of int
        The numbers; 0 for what all samples share.

    Examples
    --------
    >>> samples = Samples()
    >>> samples.add(None, ()), samples.add(None, ()), samples.add(STACK, (0, 1))
    (None, None, None)
    >>> samples.of
    [0, 0, 2]
    """

    def __init__(self) -> None:
        self.of: list[int] = []

    def add(self, op: Op | None, args: tuple[int, ...]) -> None:
        """Count the samples of the next instruction."""
        if op is None or op in _SHARED:
            self.of.append(0)
        elif op is STACK:
            self.of.append(len(args))
        else:
            self.of.append(next(filter(None, map(self.of.__getitem__, args)), 0))


def samples_of(tape: Tape) -> list[int]:
    """Return how many samples each instruction stands for.

    Examples
    --------
    >>> samples_of(Tape())
    []
    """
    samples = Samples()
    for op, args in zip(tape.ops, tape.args, strict=True):
        samples.add(op, args)
    return samples.of


def settle_batches(tape: Tape) -> Tape:
    """Return a simplified tape without the stacks, lanes and totals that change nothing.

    What becomes equal by that is merged, and stacks of what was merged are taken out in turn: of
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
    >>> from autograd.transforms.batch_tracing import lane, stack
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
    while not {STACK, LANE, TOTAL}.isdisjoint(tape.ops):
        settled = _settled_once(tape)
        if (settled.ops, settled.args) == (tape.ops, tape.args):
            break
        tape = simplify(settled)
    return tape


def _settled_once(tape: Tape) -> Tape:
    samples = Samples()

    def write(new: Tape, op: Op, args: tuple[int, ...]) -> int:
        for i in range(len(samples.of), len(new)):
            samples.add(new.ops[i], new.args[i])
        return _settled(new, op, args, samples)

    return rewritten(tape, write)


def _settled(tape: Tape, op: Op, args: tuple[int, ...], samples: Samples) -> int:
    x = args[0]
    if op is STACK:
        same = _same_as(tape, args, samples)
        return tape.add(op, args) if same is None else same
    if op is LANE and not samples.of[x]:
        return x
    if op is LANE and tape.ops[x] is STACK:
        return tape.args[x][int(tape.numbers[args[1]])]  # type: ignore[arg-type]
    if op is TOTAL and not samples.of[x]:
        return tape.add(OPS["mul"], (args[1], x))
    return tape.add(op, args)


def _same_as(tape: Tape, args: tuple[int, ...], samples: Samples) -> int | None:
    """Return what a stack equals: the number whose lanes it takes in order, or the only one in it."""
    # Constants by their digits: 0.0 equals -0.0.
    if len({arg if (number := tape.numbers[arg]) is None else repr(number) for arg in args}) == 1:
        return args[0]
    if any(tape.ops[arg] is not LANE for arg in args):
        return None
    sources = {tape.args[arg][0] for arg in args}
    order = [tape.numbers[tape.args[arg][1]] for arg in args]
    source = sources.pop()
    is_whole = not sources and samples.of[source] == len(args) and order == list(range(len(args)))
    return source if is_whole else None
