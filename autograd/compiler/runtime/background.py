"""Compile for slow backends in a background thread.

There is one thread, because compilers hold a global lock anyway; it ends when its queue is empty. The
queue holds weak references, so that a program whose function is gone is not compiled. The thread is a
daemon, so that a process ends without waiting for the queue.

A child forked during a compilation would inherit the compiler's locks without the thread that releases
them, so a fork waits for the current program. A process that ended during a compilation would free what
the compiler still uses, which aborted one process in 900, so the thread is stopped first.

Ctrl-C may come between any two steps of who queues a program or forks. What it has left undone, the next call
does: a program is queued once more, a thread that was never started is replaced.

On Linux it gives way to other threads, so that functions are called as fast as before where there is one
processor for all.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from collections import deque
from contextlib import suppress
from contextvars import Context
from functools import cache
from typing import Any
from weakref import ref

from .program import Program
from .settled_backends import are_backends_settled

# Of one processor a compiler gets a quarter beside calls, and not half; all of it while nobody calls. Then
# calls of 0.5 ms take 1.5 ms on average, and not 2.3: each time that NumPy lets other threads go on, the
# compiler would, and keep the interpreter for 5 ms.
_NICENESS = 5

PATIENCE = 60.0
"""How many seconds a fork waits for a compiler, which takes 4 for the longest programs it is given."""


class _Worker:
    """The queue and its thread; a forked child gets new ones."""

    def __init__(self, waiting: deque[ref[Program]]) -> None:
        self.waiting = waiting
        self.thread: threading.Thread | None = None
        self.current: Program | None = None
        self.is_ending = self.is_free = False
        # Reentrant, since a signal's handler may call a compiled function for the first time, or fork.
        self.changing = threading.RLock()
        self.compiling = threading.RLock()
        # Who forks takes it first, so that the thread does not begin with the next program.
        self.turn = threading.RLock()

    def add(self, program: Program) -> None:
        """Queue a program."""
        with self.changing:
            if not program.is_queued:
                self.waiting.append(ref(program))
                program.queue()
            if self.is_ending:
                self.give_up()
            else:
                self.start()

    def start(self) -> None:
        """Start the thread, if there is none that runs, something to do, and the system has one."""
        if not self.waiting or (self.thread is not None and self.thread.is_alive()):
            return
        try:
            # With no context variables: some builds of Python hand on those of who happens to be first.
            run = Context().run
            self.thread = threading.Thread(target=run, args=(self._work,), name="autograd.jit", daemon=True)
            self.thread.start()
        except (RuntimeError, MemoryError) as error:  # There are too many threads, or Python ends.
            # Ctrl-C in `threading` may end as a RuntimeError, since its lock is not held at every step.
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None
            self.thread = None
            self.give_up()

    def join(self) -> None:
        """Wait until there is nothing to do."""
        with self.changing:
            self.start()
            thread = self.thread
        if thread is not None:
            thread.join()

    def give_up(self) -> None:
        """Drop the queue, and release whoever waits for its programs."""
        with self.changing:
            while self.waiting:
                program = self.waiting.popleft()()
                if program is not None:
                    program.settled.set()

    def _work(self) -> None:
        if sys.platform == "linux":  # pragma: no branch - other systems do not have it.
            # Of this thread: only elsewhere it is that of the process.
            os.nice(_NICENESS)
        with suppress(SystemExit):
            is_busy = True
            while is_busy:
                with self.turn:
                    self.compiling.acquire()
                try:
                    # Not before, since what was taken is lost to a forked child.
                    is_busy = self._improve_next()
                finally:
                    self.compiling.release()

    def _improve_next(self) -> bool:
        """Compile the next program; return whether there was one."""
        self.current = self._next()
        if self.current is None:
            return False
        # One that was queued twice has been compiled by now.
        if not self.current.settled.is_set():
            self.current.improve()
        self.current = None
        return True

    def _next(self) -> Program | None:
        with self.changing:
            # Who started this thread was interrupted, and has started another one since.
            is_own = self.thread is threading.current_thread()
            while is_own and self.waiting and not self.is_ending:
                program = self.waiting.popleft()()
                if program is not None:
                    return program
            if is_own:
                self.thread = None
            return None

    def before_fork(self) -> None:
        """Wait for the current program, at most `PATIENCE`; after that, the child compiles nothing.

        Nor does it after Ctrl-C, in spite of which Python forks.
        """
        self.turn.acquire()
        self.is_free = False
        self.is_free = self.compiling.acquire(timeout=PATIENCE)
        self.changing.acquire()

    def after_fork(self) -> None:
        """Resume compiling; release what was taken, which Ctrl-C may have cut short."""
        for lock in (self.changing, self.compiling, self.turn):
            if lock._is_owned():  # type: ignore[attr-defined]
                lock.release()

    def end(self) -> None:
        """Stop between two steps of the compiler, the longest of which take a second."""
        self.is_ending = True
        self.give_up()
        if self.thread is not threading.current_thread():
            _stop(self.thread)
        # The thread may have ended between taking a lock and the promise to release it.
        self.changing, self.compiling, self.turn = threading.RLock(), threading.RLock(), threading.RLock()


def _stop(thread: threading.Thread | None) -> None:
    """Raise an error in a thread until it ends: one raised in a callback from LLVM is ignored."""
    if thread is None:
        return
    identity, ours = thread.ident or 0, sys.unraisablehook

    def hook(ignored: Any) -> None:
        if threading.get_ident() != identity:
            ours(ignored)

    sys.unraisablehook = hook
    while thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(identity), ctypes.py_object(SystemExit))
        thread.join(0.2)
    sys.unraisablehook = ours


_worker = _Worker(deque())


def improve_later(program: Program) -> None:
    """Have a program improved in the background, if it expects a faster backend; only the first call counts.

    Parameters
    ----------
    program : Program
        The program.

    Warns
    -----
    RuntimeWarning
        Once, where compiled code is not kept, since others could change it.

    Examples
    --------
    >>> from .program import CompilationReport
    >>> program = Program(str, lambda x: (x,), CompilationReport(0, 0, 0.0))
    >>> program.expect("numba", lambda: lambda x: (x + 1.0,))
    >>> improve_later(program)
    >>> program.settled.wait(), program.run(1.0)
    (True, (2.0,))
    """
    if program.settled.is_set():
        return
    # Loaded when first used: `import autograd` compiles nothing, and would load hashlib and shutil for it.
    from .cache import warn_if_unsafe

    warn_if_unsafe()
    _watch()
    _worker.add(program)
    if are_backends_settled():
        program.wait()


def wait_for_all() -> None:
    """Wait until all programs of the queue are improved, or given up.

    Examples
    --------
    >>> wait_for_all()
    """
    _worker.join()


@cache
def _watch() -> None:
    """Register for forks and the end of the process, at the first program."""
    if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no forks.
        # Those who are told of a fork take locks, and the last to ask is told first. It waits for the
        # compiler, which logs: the lock of logging must not be taken by then, so logging asks before. So does
        # the module of thread pools, which Numba imports: if it first asked while the fork waits, it would be
        # told of the end of a fork whose beginning it has missed, and free a lock that is free.
        import concurrent.futures.thread  # noqa: F401
        import logging  # noqa: F401

        os.register_at_fork(
            before=lambda: _worker.before_fork(),
            after_in_parent=lambda: _worker.after_fork(),
            after_in_child=_begin_in_child,
        )
    atexit.register(lambda: _worker.end())


def _begin_in_child() -> None:
    """Continue with the queue of the parent, in a thread of this process."""
    global _worker
    parent, _worker = _worker, _Worker(_worker.waiting)
    lost = parent.current
    for program in [lost, *[waiting() for waiting in parent.waiting]]:
        if program is not None:
            # Threads that are not here may have held the lock of the one there was.
            program.settled = threading.Event()
    if lost is not None:
        lost.settled.set()
    if not parent.is_free:
        _worker.is_ending = True
        _worker.give_up()
    elif _worker.waiting:
        _worker.start()
