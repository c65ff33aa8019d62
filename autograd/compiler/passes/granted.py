"""Take a condition for granted: choose what is chosen where it holds."""

from __future__ import annotations

from ...ops.table import OPS
from ..trace.tape import Tape

_WHERE = OPS["where"]


def granted(tape: Tape, condition: int) -> Tape:
    """Return a tape in whose choices a condition holds.

    Parameters
    ----------
    tape : Tape
        The program, whose choices are rows of the table.
    condition : int
        The instruction that is the condition.

    Returns
    -------
    Tape
        With the same instructions, of which those are not used any more that choose by the condition.

    Examples
    --------
    >>> from autograd import Value, where
    >>> from ..trace.tape import tape_of
    >>> x = Value(3.0)
    >>> condition = x > 1.0
    >>> tape = tape_of([where(condition, x, 5.0), condition], [[x]])
    >>> tape.outputs, granted(tape, tape.outputs[1]).outputs
    ([4, 2], [0, 2])
    """
    found = Tape()
    found.ops, found.numbers, found.inputs = tape.ops, tape.numbers, tape.inputs
    chosen = [*range(len(tape))]
    for i, op in enumerate(tape.ops):
        args = tuple([chosen[arg] for arg in tape.args[i]])
        found.args.append(args)
        if op is _WHERE and args[0] == condition:
            chosen[i] = args[1]
    found.outputs = [chosen[output] for output in tape.outputs]
    return found
