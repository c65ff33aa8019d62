"""Put classes of hardly any members together: independent operations of one kind become one class, a *run*.

A run takes its operands from any arrays. So what follows no pattern in a program is interpreted in few steps,
and what does keeps its classes.
"""

from __future__ import annotations

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
    sizes: dict[int, int] = {}
    for colour in colours:
        sizes[colour] = sizes.get(colour, 0) + 1
    depths: dict[int, int] = {}
    runs: dict[tuple[Op, int], int] = {}
    run_of: dict[int, int] = {}
    first_free = max(colours, default=-1) + 1
    for i, colour in enumerate(colours):
        if colour in depths:
            continue
        op = tape.ops[i]
        depth = depths[colour] = 1 + max([depths[colours[arg]] for arg in tape.args[i]], default=0)
        if isinstance(op, Op) and not op.variadic and sizes[colour] < _FEWEST:
            run_of[colour] = runs.setdefault((op, depth), first_free + len(runs))
        else:
            run_of[colour] = colour
    return [run_of[colour] for colour in colours]
