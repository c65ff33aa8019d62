"""When a program has run long enough for a faster backend to be worth its while."""

from __future__ import annotations

from math import inf
from time import perf_counter
from typing import Any
from weakref import ref

from .background import improve_later
from .program import Program, Run
from .settled_backends import are_backends_settled

# Numba takes 0.5 s to load the training step of the README from its cache and 4.6 s to compile it, and halves
# the speed of everything else meanwhile. A program that would end sooner than that is better off without it,
# and one that goes on for long loses nothing by having waited for a second.
PATIENCE = 1.0
"""For how many seconds a function is in use on NumPy before a faster backend begins."""

# In a training step of the moons the optimizer's rule takes a third of the time, and the gradient the rest.
# If the calls alone counted, the rule would stay on NumPy for three times as long.
SHARE = 0.1
"""The part of that time that its calls have to take: a function that is called now and then is not in use."""


class Use:
    """Since when a function is in use, and how long its calls have taken, whichever of its programs they ran.

    The last batch of an epoch may be smaller than the others: its program runs rarely, and is as worthwhile.

    Examples
    --------
    >>> use = Use()
    >>> use.count(10.0, 10.2)
    >>> use.is_long, use.seconds
    (False, 0.1999...)
    >>> use.count(11.0, 11.1)
    >>> use.is_long
    True
    """

    def __init__(self) -> None:
        self.since = inf
        self.seconds = 0.0
        self.is_long = False

    def count(self, start: float, end: float) -> None:
        """Count a call."""
        # Calls in other threads may take away each other's time, which only makes a backend begin later.
        self.seconds += end - start
        if start < self.since:
            self.since = start
        self.is_long = end - self.since >= PATIENCE and self.seconds >= PATIENCE * SHARE


def improve_when_worthwhile(program: Program, use: Use) -> None:
    """Have a program improved in the background once its function has been in use for `PATIENCE`.

    Parameters
    ----------
    program : Program
        The program.
    use : Use
        The use of its function.

    Examples
    --------
    >>> from .program import CompilationReport
    >>> program = Program(str, lambda x: (x,), CompilationReport(0, 0, 0.0))
    >>> program.expect("numba", lambda: lambda x: (x + 1.0,))
    >>> improve_when_worthwhile(program, Use())
    >>> program.run(1.0), program.report.remark
    ((1.0,), 'numba has not begun yet')
    """
    if not program.settled.is_set():
        program.run = _timed(program, use)


def _timed(program: Program, use: Use) -> Run:
    """Return what runs a program and adds up how long that takes, until the program is improved.

    A closure, which costs a call 0.3 us while it is there; an object with `__call__` would cost 0.4.
    """
    # Weakly, since the program holds what is returned: it is to be gone as soon as its function is.
    improvable, run = ref(program), program.run

    def timed(*arrays: Any) -> tuple[Any, ...]:
        start = perf_counter()
        results = run(*arrays)
        use.count(start, perf_counter())
        if use.is_long and not are_backends_settled() and (found := improvable()) is not None:
            improve_later(found)
        return results

    return timed
