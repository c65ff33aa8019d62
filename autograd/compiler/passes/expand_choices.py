"""Expand operations that choose: ``relu(x)`` becomes a comparison and a `where`.

The derivative chooses by the same comparison, which is then computed once. Reductions that consist of others
are expanded as well: a mean becomes a sum and a quotient.
"""

from __future__ import annotations

from ...ops.structural import Operation
from ...ops.table import COMPARISONS, OPS, Op
from ..trace.tape import Tape, rewritten
from .instructions import is_compound, written_out


def is_expanded(op: Operation) -> bool:
    """Return whether an operation is written out, bit for bit the same, as the rule of the table.

    Examples
    --------
    >>> from autograd import Value, relu
    >>> from ..trace.tape import tape_of
    >>> from .simplify import simplify
    >>> x = Value(1.0)
    >>> tape = simplify(tape_of([relu(x)], [[x]]), is_expanded)
    >>> [op.name for op in tape.ops if op]
    ['le', 'where']
    """
    return isinstance(op, Op) and (op in CHOICES or is_compound(op))


def expand_compounds(tape: Tape) -> Tape:
    """Return a tape in which reductions that consist of others are written out.

    Examples
    --------
    >>> from autograd import Value, mean
    >>> from ..trace.tape import tape_of
    >>> x = [Value(1.0), Value(2.0)]
    >>> [op.name for op in expand_compounds(tape_of([mean(x)], [x])).ops if op]
    ['sum', 'truediv']
    """
    return rewritten(tape, _written_out, only=lambda op: isinstance(op, Op) and is_compound(op))


def _written_out(tape: Tape, op: Operation, args: tuple[int, ...]) -> int:
    assert isinstance(op, Op)
    return written_out(tape, op, args)


CHOICES = frozenset(
    op
    for op in OPS.values()
    if "where" in op.value.words and not op.is_primitive and {*op.value.words} <= {"where", *COMPARISONS}
)
"""The rows whose rules are made of choices, comparisons, arguments and numbers alone."""
