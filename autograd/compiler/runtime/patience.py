"""When a program has run long enough for a faster backend to be worth its while."""

from __future__ import annotations

from time import perf_counter
from typing import Any
from weakref import ref

from .background import improve_later
from .program import Program, Run

# Numba takes 0.5 s to load the training step of the README from its cache and 4.6 s to compile it, and halves
# the speed of everything else meanwhile. A program that would end sooner than that is better off without it,
# and one that goes on for long loses nothing by having waited for a second.
PATIENCE = 1.0
"""For how many seconds a function runs on NumPy, all its calls together, before a faster backend begins."""


class Spent:
    """How long the calls of a function have taken, whichever of its programs they ran.

    The last batch of an epoch may be smaller than the others: its program runs rarely, and is as worthwhile.

    Examples
    --------
    >>> Spent().seconds
    0.0
    """

    seconds = 0.0


def improve_when_worthwhile(program: Program, spent: Spent) -> None:
    """Have a program improved in the background once the calls of its function have taken `PATIENCE`.

    Parameters
    ----------
    program : Program
        The program.
    spent : Spent
        The time that the calls of its function have taken.

    Examples
    --------
    >>> from .program import CompilationReport
    >>> program = Program(str, lambda x: (x,), CompilationReport(0, 0, 0.0))
    >>> program.expect("numba", lambda: lambda x: (x + 1.0,))
    >>> improve_when_worthwhile(program, Spent())
    >>> program.run(1.0), program.report.remark
    ((1.0,), 'numba has not begun yet')
    """
    if not program.settled.is_set():
        program.run = _timed(program, spent)


def _timed(program: Program, spent: Spent) -> Run:
    """Return what runs a program and adds up how long that takes, until the program is improved.

    A closure, which costs a call 0.2 us while it is there; an object with `__call__` would cost 0.3.
    """
    # Weakly, since the program holds what is returned: it is to be gone as soon as its function is.
    improvable, run = ref(program), program.run

    def timed(*arrays: Any) -> tuple[Any, ...]:
        # Calls in other threads may take away each other's time, which only makes a backend begin later.
        start = perf_counter()
        results = run(*arrays)
        spent.seconds += perf_counter() - start
        if spent.seconds >= PATIENCE and (found := improvable()) is not None:
            improve_later(found)
        return results

    return timed
