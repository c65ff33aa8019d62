"""Which chains subtract so many terms that ``J - a0 - a1 - a2`` is written as ``J - sum([a0, a1, a2])``."""

from __future__ import annotations

from collections import Counter

from ...ops.table import OPS
from ..trace.tape import Tape

_ADD, _SUB = OPS["add"], OPS["sub"]

FEWEST_TERMS = 3
"""Two numbers are added faster than an array of two is summed."""


def differences(tape: Tape, uses: Counter[int]) -> bytearray:
    """Return which instructions are in chains that subtract as many terms as a reduction has at least.

    A chain goes on with first operands alone: (a - b) + (c - d) is a sum of two differences, whose digits
    cancel first. What is used elsewhere, too, is the first number of a chain.

    Parameters
    ----------
    tape : Tape
        The program.
    uses : Counter
        How often each instruction is an operand or a result.

    Returns
    -------
    bytearray
        1 for the additions and subtractions of such chains.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> x, a = Value(1.0), Value(2.0)
    >>> tape = tape_of([x - a - a - a], [[x, a]])
    >>> [*differences(tape, Counter([i for args in tape.args for i in args]))]
    [0, 0, 1, 1, 1]
    """
    ops, args = tape.ops, tape.args
    is_difference = bytearray(len(ops))
    if _SUB not in set(ops):
        return is_difference
    subtracted: dict[int, int] = {}
    for i, op in enumerate(ops):
        if op is _SUB or op is _ADD:
            first = args[i][0]
            before = subtracted.get(first, 0) if uses[first] == 1 else 0
            if op is _SUB or before:
                subtracted[i] = before + 1 if op is _SUB else before
    for i in reversed(subtracted):
        if subtracted[i] >= FEWEST_TERMS or is_difference[i]:
            is_difference[i] = 1
            first = args[i][0]
            if uses[first] == 1 and first in subtracted:
                is_difference[first] = 1
    return is_difference
