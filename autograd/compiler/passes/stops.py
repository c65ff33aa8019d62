"""Keep on a tape where derivatives are others than those of what is computed, for who differentiates that."""

from __future__ import annotations

from dataclasses import replace

from ...ops.structural import Operation
from ...ops.table import CONSTANTS, Op
from ..trace.loops import TapeLoop
from ..trace.tape import Tape, rewritten

_KEPT: dict[Operation, Op] = {
    CONSTANTS["constant"]: CONSTANTS["stopped"],
    CONSTANTS["ruled"]: CONSTANTS["unknown"],
}
"""What stands on such a tape for a row that gives its operand."""


def with_stops(tape: Tape) -> Tape:
    """Return a tape on which a number with a derivative of its own stays an instruction of its own.

    Other passes take it for its operand, which for NumPy it is. A program of JAX may be differentiated by
    JAX, for which the two are different: what `stop_gradient` returns, what rules take for constants, and
    what functions return whose derivative is by a rule that they bring along.

    Parameters
    ----------
    tape : Tape
        The program.

    Returns
    -------
    Tape
        The program with other instructions for these numbers, also in its loops.

    Examples
    --------
    >>> from autograd import Value, stop_gradient
    >>> from ..trace.tape import tape_of
    >>> x = Value(3.0)
    >>> [op and op.name for op in with_stops(tape_of([x * stop_gradient(x)], [[x]])).ops]
    [None, 'stopped', 'mul']
    """

    def write(found: Tape, op: Operation, args: tuple[int, ...]) -> int:
        if isinstance(op, TapeLoop):
            return found.add(replace(op, body=with_stops(op.body)), args)
        return found.add(_KEPT[op], args)

    return rewritten(tape, write, lambda op: op in _KEPT or isinstance(op, TapeLoop))
