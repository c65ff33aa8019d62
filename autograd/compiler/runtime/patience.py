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
"""For how many seconds a program runs on NumPy, all its calls together, before a faster backend begins."""


def improve_when_worthwhile(program: Program) -> None:
    """Have a program improved in the background once its calls have taken `PATIENCE` together.

    Parameters
    ----------
    program : Program
        The program.

    Examples
    --------
    >>> from .program import CompilationReport
    >>> program = Program(str, lambda x: (x,), CompilationReport(0, 0, 0.0))
    >>> program.expect("numba", lambda: lambda x: (x + 1.0,))
    >>> improve_when_worthwhile(program)
    >>> program.run(1.0), program.report.remark
    ((1.0,), 'numba has not begun yet')
    """
    if not program.settled.is_set():
        program.run = _timed(program)


def _timed(program: Program) -> Run:
    """Return what runs a program and adds up how long that takes, until the program is improved.

    A closure, which costs a call 0.2 us while it is there; an object with `__call__` would cost 0.3.
    """
    # Weakly, since the program holds what is returned: it is to be gone as soon as its function is.
    improvable, run, left = ref(program), program.run, PATIENCE

    def timed(*arrays: Any) -> tuple[Any, ...]:
        # Calls in other threads may take away each other's time, which only makes a backend begin later.
        nonlocal left
        start = perf_counter()
        results = run(*arrays)
        left -= perf_counter() - start
        if left <= 0.0 and (found := improvable()) is not None:
            improve_later(found)
        return results

    return timed
