"""Writing out rows that choose: ``relu(x)`` is a comparison and a choice by it.

Its derivative is a choice by the same comparison, which is then made once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...ops.structural import Operation
from ...ops.table import COMPARISONS, OPS, Op, row
from ..trace.tape import Tape, rewritten


def spread_choices(tape: Tape) -> Tape:
    """Return a tape in which `relu`, `max` and `min` are comparisons and `where`.

    Parameters
    ----------
    tape : Tape
        A program.

    Returns
    -------
    Tape
        A program of the same results, bit for bit: what is written out is the rule of the table.

    Examples
    --------
    >>> from autograd import Value, relu
    >>> from ..trace.tape import tape_of
    >>> x = Value(1.0)
    >>> spread = spread_choices(tape_of([relu(x)], [[x]]))
    >>> [op.name for op in spread.ops if op]
    ['le', 'where']
    """
    return rewritten(tape, _spread)


def _spread(tape: Tape, op: Operation, args: tuple[int, ...]) -> int:
    if op not in CHOICES:
        return tape.add(op, args)
    assert isinstance(op, Op)
    return op.value.on(_Instructions(tape, dict(zip(op.parameters, args, strict=True))))


class _Instructions(NamedTuple):
    """A rule as instructions at the end of a tape."""

    tape: Tape
    operands: Mapping[str, int]

    def name(self, name: str) -> int:
        return self.operands[name]

    def number(self, number: float) -> int:
        return self.tape.constant(number)

    def apply(self, word: str, operands: tuple[int, ...]) -> int:
        return self.tape.add(row(word), operands)


CHOICES = frozenset(
    op
    for op in OPS.values()
    if "where" in op.value.words and not op.is_primitive and {*op.value.words} <= {"where", *COMPARISONS}
)
"""The rows whose rules are made of choices, comparisons, arguments and numbers alone."""
