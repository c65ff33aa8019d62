"""Expand operations that choose: ``relu(x)`` becomes a comparison and a `where`.

The derivative chooses by the same comparison, which is then computed once. Reductions that consist of others
are expanded as well: a mean becomes a sum and a quotient.
"""

from __future__ import annotations

from ...ops.structural import Operation
from ...ops.table import COMPARISONS, OPS, Op
from ..trace.tape import Tape, rewritten
from .instructions import is_compound, written_out


def spread_choices(tape: Tape) -> Tape:
    """Return a tape in which `relu`, `max` and `min` are comparisons and `where`, and `mean` is a quotient.

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
    return rewritten(tape, _spread, only=_is_spread)


def _is_spread(op: Operation) -> bool:
    return isinstance(op, Op) and (op in CHOICES or is_compound(op))


def _spread(tape: Tape, op: Operation, args: tuple[int, ...]) -> int:
    assert isinstance(op, Op)
    return written_out(tape, op, args)


CHOICES = frozenset(
    op
    for op in OPS.values()
    if "where" in op.value.words and not op.is_primitive and {*op.value.words} <= {"where", *COMPARISONS}
)
"""The rows whose rules are made of choices, comparisons, arguments and numbers alone."""
