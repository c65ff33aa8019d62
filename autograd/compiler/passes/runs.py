"""Put classes of hardly any members together: independent operations of one kind become one class, a *run*.

A run takes its operands from any arrays. So what follows no pattern in a program is interpreted in few steps,
and what does keeps its classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...ops.table import Op
from ..trace.tape import Tape

# An array of four is read and written in the time that four rows of a table take.
_FEWEST = 4


def in_runs(tape: Tape, colours: Sequence[int]) -> list[int]:
    """Return the colours of a program with one colour for all small classes of a kind and a depth.

    Parameters
    ----------
    tape : Tape
        A program without samples.
    colours : sequence of int
        The colour of each instruction.

    Returns
    -------
    list of int
        Colours of which none depends on itself: the depth of a class is one more than those of its operands.

    Examples
    --------
    >>> from autograd import Value
    >>> from ..trace.tape import tape_of
    >>> from .colours import colours_of
    >>> x, y = Value(1.0), Value(2.0)
    >>> tape = tape_of([x.exp(), x * y, y.exp()], [[x], [y]])
    >>> colours_of(tape), in_runs(tape, colours_of(tape))
    ([0, 1, 2, 3, 4], [0, 1, 5, 6, 5])
    """
    # The first member of each class, and how many it has, found without a step of Python's for each member.
    count = len(colours)
    firsts = dict(zip(reversed(colours), range(count - 1, -1, -1), strict=True))
    sizes = Counter(colours)
    depths: dict[int, int] = {}
    runs: dict[tuple[Op, int], int] = {}
    run_of: dict[int, int] = {}
    unused = max(colours, default=-1) + 1
    for i in sorted(firsts.values()):
        op, colour = tape.ops[i], colours[i]
        depth = depths[colour] = 1 + max([depths[colours[arg]] for arg in tape.args[i]], default=0)
        if isinstance(op, Op) and not op.variadic and sizes[colour] < _FEWEST:
            run_of[colour] = runs.setdefault((op, depth), unused + len(runs))
        else:
            run_of[colour] = colour
    return list(map(run_of.__getitem__, colours))
