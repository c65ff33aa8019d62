"""Interrupted sweeps: Ctrl-C, out of memory, recursion limit, signal handlers, threads, forks."""

from __future__ import annotations

import dis
import gc
import os
import signal
import sys
import threading
import traceback
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

import pytest
from interrupts import can_be_interrupted
from threads import run_in_threads

import autograd
from autograd import Value, anomaly, custom_vjp
from autograd.engine import gradients, sweep_lock, value
from autograd.engine.gradients import has_gradient
from autograd.transforms import accumulation, partials, sweeps

FILES = {module.__file__ for module in (accumulation, gradients, partials, sweeps, value)}
# On leaving a ``with`` statement, Python does not check for signals before the lock is released.
HOLDING = {"backward", "accumulate"}
LOOKING = ("RESUME", "JUMP_BACKWARD", "CALL")


class Graph:
    """Two leaves and a result with shared, variadic and repeated operands."""

    def __init__(self) -> None:
        self.x, self.y = Value(3.0), Value(2.0)
        self.square = self.x * self.x
        self.out = autograd.sum([self.x * self.y, self.square * self.y, self.y**2]) + self.square

    def backward(self) -> None:
        """Run a sweep."""
        self.out.backward()

    @staticmethod
    def times(sweeps: int) -> tuple[float, float]:
        """Return the gradients of the leaves after some sweeps."""
        return 20.0 * sweeps, 16.0 * sweeps

    @property
    def gradients(self) -> tuple[float, float]:
        """The gradients of the leaves."""
        return self.x.grad, self.y.grad


ONCE = Graph.times(1)


@contextmanager
def at_instruction(number: int, action: Callable[[], object]) -> Iterator[list[str]]:
    """Run an action in the middle of a sweep, at the given check for signals, as a signal handler would.

    Yields
    ------
    list of str
        The name of the interrupted function; empty if the sweep has fewer checks.
    """
    left = iter(range(number))
    where: list[str] = []
    last: dict[FrameType, str] = {}

    def trace(frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if where or code.co_filename not in FILES or code.co_name in HOLDING:
            return None if where else trace
        frame.f_trace_opcodes = True
        if event == "opcode":
            looks = last.get(frame, "").startswith(LOOKING)
            last[frame] = dis.opname[code.co_code[frame.f_lasti]]
            if looks and next(left, None) is None:
                where.append(code.co_name)
                action()
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        yield where
    finally:
        sys.settrace(previous)
        last.clear()


def interrupt() -> None:
    """Raise KeyboardInterrupt as Ctrl-C does."""
    raise KeyboardInterrupt


def interrupted(work: Callable[[], object], number: int) -> str:
    """Interrupt work at an instruction; return the interrupted function's name, or "" if it ended before."""
    where: list[str] = []
    try:
        with at_instruction(number, interrupt) as where:
            work()
    except KeyboardInterrupt:
        return where[0]
    return ""


@can_be_interrupted
@pytest.mark.parametrize("create_graph", [False, True])
def test_ctrl_c_twice(create_graph: bool) -> None:
    """Wherever a sweep is interrupted, all leaves get a gradient or none, and the next sweep is right."""
    places = {"_additions", "add_to_gradients", "adjoints_of" if create_graph else "_reach"}
    reached = set()
    for number in range(5000):
        graph = Graph()
        sweeps = 0
        for _ in range(2):
            place = interrupted(lambda: graph.out.backward(create_graph=create_graph), number)  # noqa: B023
            reached.add(place)
            sweeps += tuple(map(float, graph.gradients)) != graph.times(sweeps)
            assert tuple(map(float, graph.gradients)) == graph.times(sweeps)
        graph.backward()
        assert tuple(map(float, graph.gradients)) == graph.times(sweeps + 1)
        assert graph.square.grad == 3.0
        if not place:
            break
    assert reached >= {*places, ""}


def test_want_of_memory() -> None:
    """A MemoryError at any allocation of a sweep leaves gradients unchanged, and the next sweep is right."""
    capi = pytest.importorskip("_testcapi")
    failed = 0
    for number in range(200):
        graph = Graph()
        graph.backward()
        backward = graph.out.backward
        try:
            # Only one allocation fails: if all later ones do, Python 3.13 never finishes unwinding a `with`.
            capi.set_nomemory(number, number + 1)
            backward()
        except MemoryError:
            failed += 1
            capi.remove_mem_hooks()
            assert graph.gradients == ONCE
            graph.x.grad = graph.y.grad = 0.0
            backward()
            assert graph.gradients == ONCE
        finally:
            capi.remove_mem_hooks()
    assert failed > 0


def test_recursion_error() -> None:
    """After a caught RecursionError anywhere in a sweep, gradients are unchanged and sweeps work."""

    def deeper(depth: int, graph: Graph) -> None:
        if depth:
            deeper(depth - 1, graph)
        else:
            graph.backward()

    finished = 0
    for depth in range(sys.getrecursionlimit() - 100, sys.getrecursionlimit()):
        graph = Graph()
        try:
            deeper(depth, graph)
            finished += 1
        except RecursionError:
            assert graph.gradients == (0.0, 0.0)
            graph.backward()
        assert graph.gradients == ONCE
    assert 0 < finished < 100


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
@pytest.mark.parametrize("milliseconds", [0.2, 1.0, 3.0, 10.0, 30.0])
def test_a_signal(milliseconds: float) -> None:
    """Whenever a signal's handler raises, all leaves have a gradient or none, and the next sweep is right."""
    x, y = Value(1.0), Value(2.0)
    out = x
    for _ in range(20_000):
        out = out * 1.0 + y

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, milliseconds / 1000.0)
        while True:
            out.backward()
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    finally:
        signal.signal(signal.SIGALRM, before)
    sweeps = round(x.grad)
    assert (x.grad, y.grad) == (float(sweeps), 20_000.0 * sweeps)
    out.backward()
    assert (x.grad, y.grad) == (sweeps + 1.0, 20_000.0 * (sweeps + 1.0))


# ---------------------------------------------------------------------------------------- inside a sweep


@can_be_interrupted
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_sweep_inside_of_a_sweep(create_graph: bool) -> None:
    """Code that interrupts a sweep, such as a signal handler, can sweep, also over the same graph."""
    for number in range(5000):
        graph = Graph()
        aside = graph.x * 10.0 + graph.y
        inner: list[Callable[[], object]] = [graph.backward, aside.backward]

        def cut_in(inner: list[Callable[[], object]] = inner) -> None:
            for sweep in inner:
                sweep()

        with at_instruction(number, cut_in) as where:
            graph.out.backward(create_graph=create_graph)
        if not where:
            break
        assert tuple(map(float, graph.gradients)) == (50.0, 33.0), where
        assert (graph.square.grad, graph.out.grad, aside.grad) == (3.0, 1.0, 1.0)
    assert not where
    assert number > 20


@can_be_interrupted
def test_a_finalizer_sweeps() -> None:
    """`__del__` and a weak reference's callback can sweep in the middle of another sweep."""
    graph = Graph()

    class Dying:
        def __del__(self) -> None:
            graph.backward()

    dying = [Dying()]
    reference = weakref.ref(dying[0], lambda _: graph.backward())
    with at_instruction(20, dying.clear) as where:
        graph.backward()
    assert where
    assert reference() is None
    assert graph.gradients == Graph.times(3)


@can_be_interrupted
def test_anomaly_inside_of_a_sweep() -> None:
    """Anomaly mode works in a sweep that interrupts another one."""
    graph = Graph()
    root = Value(0.0, label="zero").sqrt()
    caught = []

    def cut_in() -> None:
        with anomaly(), pytest.raises(FloatingPointError, match=r"through sqrt\(zero = 0.0\)") as error:
            root.backward()
        caught.append(error)

    with at_instruction(20, cut_in):
        graph.backward()
    assert len(caught) == 1
    assert graph.gradients == ONCE
    assert not has_gradient(root.args[0])


# ------------------------------------------------------------------------------------ threads and processes


def test_graph_gradients_from_threads() -> None:
    """Threads that accumulate `Value`s as gradients on shared leaves lose nothing."""
    x = Value(3.0)
    ready = threading.Barrier(8)

    def work(_: int) -> None:
        ready.wait()
        for _ in range(40):
            (x * x).backward(create_graph=True)

    run_in_threads(work)
    assert x.grad.data == 8 * 40 * 6.0
    x.grad = None
    gc.collect()


def ends_here(work: Callable[[], object], is_right: Callable[[], bool]) -> NoReturn:
    """Do the work of a forked child, and end it; had it raised, it would go on with the parent's tests."""
    try:
        work()
        os._exit(0 if is_right() else 1)
    except BaseException:
        traceback.print_exc()
        os._exit(2)


@can_be_interrupted
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
# JAX, if another test has loaded it, and Python from 3.12 on warn about the threads, which are intended.
@pytest.mark.filterwarnings(
    "ignore:os.fork:RuntimeWarning", "ignore:This process .* is multi-threaded:DeprecationWarning"
)
def test_a_fork_while_another_thread_sweeps() -> None:
    """Sweeps work in the child of a fork, in which the sweeping thread no longer exists."""
    graph = Graph()
    sweeping, forked = threading.Event(), threading.Event()

    def sweep() -> None:
        def stop() -> None:
            sweeping.set()
            forked.wait()

        with at_instruction(20, stop):
            graph.backward()

    thread = threading.Thread(target=sweep)
    thread.start()
    sweeping.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # JAX, if another test has loaded it, warns about every fork.
        warnings.filterwarnings("ignore", r"os\.fork\(\) was called", RuntimeWarning)
        child = os.fork()
    if child == 0:
        # If the child hangs, the alarm's signal becomes its exit status.
        import signal

        signal.alarm(60)
        ends_here(graph.backward, lambda: graph.gradients == ONCE)
    forked.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
    assert graph.gradients == ONCE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings(
    "ignore:os.fork:RuntimeWarning", "ignore:This process .* is multi-threaded:DeprecationWarning"
)
def test_a_fork_inside_of_a_sweep() -> None:
    """The child of a fork goes on with the sweep that its only thread was in."""
    children: list[int] = []

    def flow_back(kept: None, adjoint: float) -> tuple[float]:
        if adjoint == 3.0:  # Not when the rule is tried, before there is a sweep.
            children.append(os.fork())
        return (2.0 * adjoint,)

    doubled = custom_vjp(lambda x: x * 2.0)
    doubled.defvjp(lambda x: (x * 2.0, None), flow_back)
    x = Value(3.0)
    y = doubled(x) * x
    try:
        y.backward()
    finally:
        if children == [0]:
            ends_here(lambda: None, lambda: x.grad == 12.0)
    assert os.waitpid(children[0], 0)[1] == 0
    assert x.grad == 12.0


def test_a_sweep_within_a_sweep() -> None:
    """A `__del__` or a signal handler that calls `backward` amid a sweep gets its own gradients."""
    x = Value(3.0)
    with sweep_lock.sweep_lock:
        (x * x).backward()
    assert x.grad == 6.0
    assert isinstance(x.grad, float)


def test_who_has_the_lock_after_a_fork() -> None:
    """In the child of a fork, a lock of another thread is free; that of its own sweep it still has."""
    with sweep_lock.sweep_lock:
        sweep_lock._free_lock()
        assert sweep_lock.is_sweeping()
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with suppress(RuntimeError), sweep_lock.sweep_lock:  # Python says that it is not held any more.
            held.set()
            free.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    sweep_lock._free_lock()
    try:
        assert sweep_lock.sweep_lock.acquire(blocking=False)
        sweep_lock.sweep_lock.release()
    finally:
        free.set()
        thread.join()


def test_an_addition_between_reading_and_adding() -> None:
    """What a signal handler adds to a gradient while the sums are made is not lost."""
    x, y = Value(1.0), Value(2.0)
    x.grad = y.grad = 1.0

    class Interrupting(list[float]):
        """Adjoints during whose reading a handler runs, once."""

        def __iter__(self) -> Iterator[float]:
            if y.grad == 1.0:
                y.grad += 10.0
            return super().__iter__()

    gradients.add_to_gradients([x, y], Interrupting([0.5, 0.25]))
    assert (x.grad, y.grad) == (1.5, 11.25)


def test_weak_references() -> None:
    """A weak reference to a node lives as long as the node."""
    x = Value(1.0)
    out = x + 1.0
    reference = weakref.ref(out)
    assert reference() is out
    del out
    assert reference() is None
    assert list(weakref.WeakKeyDictionary({x: 1})) == [x]
