"""Rules of the table as instructions of a tape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from typing import NamedTuple

from ...ops.rule import Application, Name, translated
from ...ops.sequences import is_reduction
from ...ops.table import Op, row
from ..trace.tape import Passed, Tape

Operands = int | tuple[int, ...]
"""An instruction, or of a sequence one for each element."""


class OnTape(NamedTuple):
    """A rule as instructions at the end of a tape.

    Attributes
    ----------
    tape : Tape
        The tape.
    operands : mapping of str to int or tuple of int
        The instructions that the names in the rule stand for.

    Examples
    --------
    >>> from ...ops.rule import Rule
    >>> tape = Tape()
    >>> x = tape.constant(2.0), tape.constant(3.0)
    >>> _ = Rule("sum((x - 1.0) * x) / len(x)").on(OnTape(tape, {"x": x}))
    >>> [op.name for op in tape.ops if op]
    ['sub', 'sub', 'mul', 'mul', 'sum', 'truediv']
    """

    tape: Tape
    operands: Mapping[str, Operands]

    def name(self, name: str) -> Operands:
        """Return the instructions of a name."""
        return self.operands[name]

    def number(self, number: float) -> Operands:
        """Return the instruction of a number."""
        return self.tape.constant(number)

    def apply(self, word: str, operands: tuple[Operands, ...]) -> Operands:
        """Append a row; to sequences it is applied element by element, unless it takes sequences."""
        columns = [operand for operand in operands if isinstance(operand, tuple)]
        if word == "len":
            return self.tape.constant(float(len(columns[0])))
        op = row(word)
        if op.variadic:
            return self.tape.add(op, tuple(chain.from_iterable(columns)))
        if not columns:
            return self.tape.add(op, operands)  # type: ignore[arg-type]
        elements = zip(
            *(o if isinstance(o, tuple) else (o,) * len(columns[0]) for o in operands), strict=True
        )
        return tuple([self.tape.add(op, element) for element in elements])


def is_compound(op: Op) -> bool:
    """Return whether a row is made of reductions, as its rule says.

    Examples
    --------
    >>> from ...ops.table import OPS
    >>> is_compound(OPS["mean"]), is_compound(OPS["sum"])
    (True, False)
    """
    return op.variadic and not op.is_primitive and any(map(is_reduction, op.value.words))


def written_out(tape: Tape, op: Op, args: tuple[int, ...]) -> int:
    """Append the rule of a row in place of the row.

    Examples
    --------
    >>> from ...ops.table import OPS
    >>> tape = Tape()
    >>> _ = written_out(tape, OPS["mean"], (tape.constant(1.0), tape.constant(2.0)))
    >>> [op.name for op in tape.ops if op]
    ['sum', 'truediv']
    """
    if op.variadic:
        return _by_rule(tape, op, [tuple(column) for column in op.columns(args)])
    # A rule is walked once, which takes ten times as long as to append its instructions again.
    steps = _steps(op)
    new: list[Passed] = list(args)
    for i in range(len(args), len(steps)):
        step = steps.ops[i]
        if step is None:
            new.append(tape.constant(steps.numbers[i]))  # type: ignore[arg-type]
        else:
            new.append(tape.add(step, tuple([new[arg] for arg in steps.args[i]])))
    last: int = new[steps.outputs[0]]
    return last


def _by_rule(tape: Tape, op: Op, operands: Sequence[Operands]) -> int:
    found = op.value.on(OnTape(tape, dict(zip(op.parameters, operands, strict=True))))
    assert isinstance(found, int)
    return found


@cache
def _steps(op: Op) -> Tape:
    """Return the rule of a row of a fixed number of operands as a program, whose inputs come first."""
    tape = Tape()
    tape.outputs = [_by_rule(tape, op, [tape.input(i, 0) for i in range(len(op.parameters))])]
    return tape


def step_by_step(tape: Tape, op: Op, args: tuple[int, ...]) -> int:
    """Append a row; a reduction by one accumulator as the steps of its loop.

    Examples
    --------
    >>> from ...ops.table import OPS
    >>> tape = Tape()
    >>> x, y = tape.constant(1.0), tape.constant(2.0)
    >>> _ = step_by_step(tape, OPS["dot"], (x, y, x, y))
    >>> [op.name for op in tape.ops if op]
    ['mul', 'mul', 'add']
    """
    if op.reduction is None or len(op.reduction.accumulators) > 1 or not args:
        return tape.add(op, args)
    (accumulator,) = op.reduction.accumulators
    total: Operands | None = None
    for element in zip(*op.columns(args), strict=True):
        known: dict[str, Operands] = dict(zip(op.parameters, element, strict=True))
        match accumulator.step.tree:
            case Application("add" | "mul", (Name(name), first)) if (
                total is None and name == accumulator.name
            ):
                # Its start is neutral.
                total = translated(first, OnTape(tape, known))
            case _:
                known[accumulator.name] = tape.constant(accumulator.start) if total is None else total
                total = accumulator.step.on(OnTape(tape, known))
    assert isinstance(total, int)
    return total
