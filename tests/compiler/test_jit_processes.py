"""Compiling in the background while the process forks or ends."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from interrupts import interrupted_at
from test_jit_backends import run_program

from autograd import jit
from autograd.compiler.runtime import background
from autograd.compiler.runtime import program as program_of_runtime
from autograd.compiler.runtime.background import improve_later, wait_for_all
from autograd.compiler.runtime.cache import directory
from autograd.compiler.runtime.program import CompilationReport, Program, Run

numba = pytest.importorskip("numba")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

FORK = """
import os, sys, time, warnings
import numpy as np
from autograd import exp, jit, sin

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
# Programs that nobody has compiled before: here and below, what calls them is in the cache of the tests.
f, g = jit(lambda x: exp(x) * (2.0 + SECONDS), "numba"), jit(lambda x: sin(x) * (3.0 + SECONDS), "numba")
f(np.ones(3)), g(np.ones(3))
time.sleep(SECONDS)
child = os.fork()
h = jit(lambda x: x * 5.0, "numba")
h(np.ones(3))
for each in (f, g, h):
    each.wait()
backends = {each.report().backend for each in (f, g, h)}
if child:
    assert os.waitpid(child, 0)[1] == 0
print(*backends, float(h(np.ones(3))[0]), flush=True)
"""


@pytest.mark.uncounted
@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0])
def test_fork_while_compiling(seconds: float) -> None:
    """A child forked while Numba loads or compiles keeps all programs and can compile others."""
    assert run_program(directory(), FORK.replace("SECONDS", str(seconds))) == ["numba", "5.0"] * 2


START = """
import multiprocessing
import numpy as np
from autograd import exp, jit

f = jit(lambda x: exp(x) * float(len(METHOD)), backend="numba")

def work(x):
    result = f(x)
    f.wait()
    return float((result == f(x)).all()), f.report().backend

if __name__ == "__main__":
    import warnings
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    f(np.ones(3))
    with multiprocessing.get_context(METHOD).Pool(2) as pool:
        for same, backend in pool.map(work, [np.zeros(3), np.zeros(3)]):
            print(same, backend)
"""


@pytest.mark.uncounted
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools(tmp_path: Path, method: str) -> None:
    """Pool workers can call their parent's compiled functions under every start method."""
    script = tmp_path / "script.py"
    script.write_text(START.replace("METHOD", repr(method)))
    program = f"import subprocess, sys\nsubprocess.run([sys.executable, {str(script)!r}], check=True)"
    assert run_program(directory(), program) == ["1.0", "numba"] * 2


def program_that(make: Callable[[], Run]) -> Program:
    """Return a program that waits for another backend."""
    program = Program(str, lambda x: (x,), CompilationReport(0, 0, 0.0))
    program.expect("another", make)
    return program


class Held:
    """A backend, which adds 1, and whose compilation begins and ends at events."""

    def __init__(self) -> None:
        self.is_compiling, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> Run:
        """Say that the compilation has begun, and wait until it may end."""
        self.is_compiling.set()
        self.may_end.wait()
        return lambda x: (x + 1.0,)


def test_a_fork_waits_for_the_compiler_and_no_longer() -> None:
    """A fork waits for the program being compiled; the next one in the queue is compiled afterwards."""
    held = Held()
    first, second = program_that(held), program_that(lambda: lambda x: (x + 2.0,))
    improve_later(first)
    improve_later(second)
    held.is_compiling.wait()
    threading.Timer(0.05, held.may_end.set).start()
    background._worker.before_fork()
    assert first.settled.is_set()
    background._worker.after_fork()
    second.settled.wait()
    assert second.run(1.0) == (3.0,)


@pytest.mark.skipif(sys.platform != "linux", reason="priorities are those of processes here")
def test_the_compiler_gives_way() -> None:
    """While a program is compiled in the background, threads that call functions have a higher priority."""
    found: list[int] = []

    def make() -> Run:
        found.append(os.getpriority(os.PRIO_PROCESS, 0))
        return lambda x: (x,)

    before = os.getpriority(os.PRIO_PROCESS, 0)
    program = program_that(make)
    improve_later(program)
    program.settled.wait()
    assert before < found[0] or before >= 15
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_a_fork_does_not_wait_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the compiler takes too long, the child runs without one: its programs stay on NumPy."""
    monkeypatch.setattr(background, "PATIENCE", 0.01)
    held = Held()
    first, second = program_that(held), program_that(held)
    improve_later(first)
    held.is_compiling.wait()
    improve_later(second)
    parent = background._worker
    monkeypatch.setattr(background, "_worker", parent)  # Restores the worker after the test.
    parent.before_fork()
    parent.after_fork()
    background._begin_in_child()
    assert second.settled.is_set()
    assert second.run(1.0) == (1.0,)
    third = program_that(held)
    improve_later(third)
    assert third.settled.is_set()
    held.may_end.set()
    first.settled.wait()


def test_the_program_that_a_fork_did_not_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody in a child waits for the program that was being compiled when the fork lost patience."""
    monkeypatch.setattr(background, "PATIENCE", 0.01)
    held = Held()
    program = program_that(held)
    improve_later(program)
    held.is_compiling.wait()
    parent, in_parent = background._worker, program.settled
    monkeypatch.setattr(background, "_worker", parent)  # Restores the worker after the test.
    parent.before_fork()
    parent.after_fork()
    background._begin_in_child()
    program.wait()
    assert program.run(1.0) == (1.0,)
    program.settled = in_parent
    held.may_end.set()
    program.wait()
    assert program.run(1.0) == (2.0,)


def test_ctrl_c_while_a_fork_waits() -> None:
    """Where Ctrl-C ends the wait of a fork for the compiler, all is compiled afterwards."""
    held = Held()
    first, second = program_that(held), program_that(lambda: lambda x: (x + 2.0,))
    improve_later(first)
    held.is_compiling.wait()
    worker, compiling = background._worker, background._worker.compiling

    class Impatient:
        def acquire(self, timeout: float) -> bool:
            raise KeyboardInterrupt

        def _is_owned(self) -> bool:
            return False

    worker.compiling = Impatient()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        worker.before_fork()
    worker.after_fork()
    worker.compiling = compiling
    assert not worker.is_free
    held.may_end.set()
    improve_later(second)
    second.wait()
    assert (first.run(1.0), second.run(1.0)) == ((2.0,), (3.0,))


FILES = {str(module.__file__) for module in (background, program_of_runtime, threading)}


def queue_and_wait(program: Program) -> None:
    """Have a program compiled."""
    improve_later(program)
    wait_for_all()


def test_ctrl_c_anywhere_while_a_program_is_queued() -> None:
    """Wherever Ctrl-C interrupts who queues a program or waits, it is compiled when it is next queued."""
    for count in range(1, 1000):
        program = program_that(lambda: lambda x: (x + 1.0,))
        work = partial(queue_and_wait, program)
        was_interrupted = interrupted_at(count, work, FILES)
        improve_later(program)
        assert program.settled.wait(60.0)
        assert program.run(1.0) == (2.0,)
        assert program.report.backend == "another"
        if not was_interrupted:
            break
    assert not was_interrupted
    assert count > 20


OPEN = """
import os, threading
from autograd import Value, grad, no_grad
from autograd.engine.levels import open_scopes
is_open, may_end = threading.Event(), threading.Event()

def f(x):
    is_open.set()
    may_end.wait()
    return x * x

thread = threading.Thread(target=lambda: print(grad(f)(3.0), flush=True))
thread.start()
is_open.wait()
with no_grad():
    child = os.fork()
    if child == 0:
        print(len(open_scopes), (Value(2.0) * 3.0).is_leaf, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
print(len(open_scopes), flush=True)
may_end.set()
thread.join()
"""


def test_a_fork_while_another_thread_differentiates(tmp_path: Path) -> None:
    """In the child what other threads had begun is over, and what the forking thread has begun goes on."""
    assert run_program(tmp_path, OPEN) == ["1", "True", "1", "6.0"]


def test_the_thread_ends_when_there_is_nothing_to_do() -> None:
    """The compiler thread ends when the queue is empty, so the process can fork without a warning."""
    f = jit(lambda x: x * 2.0)
    f(1.0)
    f.wait()
    for thread in threading.enumerate():
        if thread.name == "autograd.jit" and thread.is_alive():
            thread.join()
    assert background._worker.thread is None


def test_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no thread can be started, programs stay on NumPy, and `wait` returns."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    for thread in threading.enumerate():
        if thread.name == "autograd.jit" and thread.is_alive():
            thread.join()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    f = jit(lambda x: x * 2.0)
    assert f(1.0) == 2.0
    f.wait()
    assert f.report().backend == "numpy"


def test_ctrl_c_that_threading_turns_into_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C within the start of a thread stays Ctrl-C, and the program is compiled by the next thread."""
    worker = background._Worker(deque())

    def interrupted(self: threading.Thread) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("cannot release un-acquired lock")  # noqa: B904

    program = program_that(lambda: lambda x: (x + 1.0,))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.add(program)
    assert not program.settled.is_set()
    worker.join()
    assert program.run(1.0) == (2.0,)


def test_programs_of_functions_that_are_gone() -> None:
    """A queue that is given up holds programs that are still there, and some that are not."""
    worker = background._Worker(deque())
    worker.is_ending = True
    programs = [program_that(lambda: lambda x: (x,)) for _ in range(3)]
    worker.waiting.extend(map(ref, programs))
    del programs[1]
    worker.give_up()
    assert not worker.waiting
    assert all(program.settled.is_set() for program in programs)


def test_a_child_goes_on_with_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a parent has not begun when it forks, its child compiles as well."""
    parent = background._Worker(deque())
    parent.is_free = True
    monkeypatch.setattr(background, "_worker", parent)
    waiting = program_that(lambda: lambda x: (x + 1.0,))
    parent.waiting.append(ref(waiting))
    waiting.queue()
    background._begin_in_child()
    assert background._worker is not parent
    assert waiting.settled.wait(60.0)
    assert waiting.run(1.0) == (2.0,)
    background.wait_for_all()


def test_the_end_in_the_thread_of_the_compiler() -> None:
    """If the process ends in that thread, it does not wait for itself."""
    worker = background._Worker(deque())
    worker.thread = threading.current_thread()
    worker.end()
    assert worker.is_ending
    assert worker.thread is threading.current_thread()


def test_errors_that_nobody_can_catch_while_the_thread_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the thread that is stopped they are not shown, and those of others are."""
    shown: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", shown.append)
    is_running, may_end = threading.Event(), threading.Event()
    told = ["mine", "of the other"]

    def run() -> None:
        is_running.set()
        with suppress(SystemExit):
            while not may_end.is_set():
                pass
        sys.unraisablehook(told[1])  # type: ignore[arg-type]

    class Stopped(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            sys.unraisablehook(told[0])  # type: ignore[arg-type]
            super().join(timeout)

    thread = Stopped(target=run)
    thread.start()
    is_running.wait()
    background._stop(thread)
    assert not thread.is_alive()
    assert {*shown} == {"mine"}
    assert sys.unraisablehook == shown.append


def test_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """At exit the thread stops in the middle of a program; no waiting call hangs."""
    worker = background._Worker(deque())
    monkeypatch.setattr(background, "_worker", worker)
    is_compiling = threading.Event()

    def endless() -> Run:
        is_compiling.set()
        while True:
            pass

    first, second = program_that(endless), program_that(endless)
    improve_later(first)
    improve_later(second)
    is_compiling.wait()
    thread = worker.thread
    assert thread is not None
    worker.end()
    assert not thread.is_alive()
    assert first.settled.is_set()
    assert second.settled.is_set()
    third = program_that(endless)
    improve_later(third)
    assert third.settled.is_set()
    worker.before_fork()
    worker.after_fork()
