"""The thread in which slow backends compile, so that nobody waits for them.

One thread, because compilers take turns anyway. It holds programs weakly: one whose function is gone before
its turn is not compiled. It is a daemon, so that a process ends without waiting for a compiler.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from weakref import ref

from .program import Program

_waiting: SimpleQueue[ref[Program] | None] = SimpleQueue()
_starting = threading.Lock()
_thread: threading.Thread | None = None


def improve_later(program: Program) -> None:
    """Have a program improved in the background, if it expects a faster backend.

    Parameters
    ----------
    program : Program
        The program.

    Examples
    --------
    >>> from .program import Report
    >>> program = Program(str, lambda x: (x,), Report(0, 0, 0.0))
    >>> program.expect("numba", lambda: lambda x: (x + 1.0,))
    >>> improve_later(program)
    >>> program.settled.wait(), program.run(1.0)
    (True, (2.0,))
    """
    global _thread
    if program.settled.is_set():
        return
    with _starting:
        # A forked process has no threads but the one that forked it.
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_work, name="autograd.jit", daemon=True)
            _thread.start()
    _waiting.put(ref(program))


def _work() -> None:
    while True:
        found = _waiting.get()
        if found is None:
            return
        program = found()
        if program is not None:
            program.improve()
        del program
