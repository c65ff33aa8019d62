"""Fork, spawn and share at any moment: processes and threads while others trace, compile, sweep and write.

``python tests/campaigns forks`` has threads do all kinds of work, over and over, in a process that forks at
random moments. A child does the same work again: it must neither hang nor find other numbers. Eight threads
do all of it at the same time, taking turns often, and so do the pools of `multiprocessing`, by every way to
start their processes, of loky and of joblib.
"""

from __future__ import annotations

import argparse
import faulthandler
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import conftest  # noqa: F401  # sets the cache of compiled programs
import numpy as np
from interrupted_work import bits, clipped

import autograd
from autograd import Value, grad, jit, vmap
from autograd.compiler import findings
from autograd.engine.levels import open_scopes

_SECONDS = 300
"""A child that takes longer hangs; its stack is printed."""

X = np.array([0.7, 1.3, 2.1])


def swept() -> object:
    """Sweep over a graph with an operation that has a rule of its own."""
    x = Value(1.5)
    y = x
    for _ in range(200):
        y = y * 1.01 + clipped(x)
    y.backward()
    return y.data, x.grad


_SHARED = [Value(2.0), Value(3.0)]


def shared() -> object:
    """Sweep over graphs with leaves that all threads have."""
    (_SHARED[0] * _SHARED[1]).backward()
    return _SHARED[0].data


def differentiated() -> object:
    """Differentiate twice."""
    return grad(grad(lambda x: autograd.exp(x) * x))(1.3), grad(lambda x: (x * x).sum())(X)


def traced() -> object:
    """Trace and compile a new function for NumPy."""
    findings.forget()
    return jit(vmap(grad(lambda x: autograd.exp(x) * x)), "numpy")(X)


_COMPILED = jit(vmap(lambda x: autograd.exp(-x) * x), "numpy")


def called() -> object:
    """Call a compiled function in several forms."""
    return _COMPILED(X), _COMPILED(X[:2])


def compiled() -> object:
    """Compile for Numba, and wait."""
    f = jit(lambda x: x * 2.0 + 1.0, "numba")
    f(X)
    f.wait()
    assert f.report().backend == "numba" or "numba" in f.report().remark, f.report()
    return f(X)


WORK: tuple[Callable[[], object], ...] = (swept, shared, differentiated, traced, called, compiled)


def all_work() -> object:
    """Do everything once."""
    return [bits(work()) for work in WORK]


def in_child(expected: object) -> int:
    """Return the exit status of a child."""
    # Not by `dump_traceback_later`, whose own lock is not free in a child.
    signal.alarm(_SECONDS)
    if open_scopes:
        print("a child has open scopes", open_scopes, flush=True)
        return 2
    found = all_work()
    if found != expected:
        print(f"a child found {found}", flush=True)
    return int(found != expected)


def forked(count: int, rng: random.Random, expected: object) -> int:
    """Fork at random moments while threads work; return how many children failed."""
    ends, wrong = threading.Event(), list[object]()

    def work(which: int) -> None:
        own = random.Random(which)
        while not ends.is_set():
            # A pause, since otherwise the compiler, which gives way to other threads, takes minutes.
            ends.wait(own.uniform(0.0, 0.02))
            one = own.choice(WORK)
            if bits(one()) != expected[WORK.index(one)]:  # type: ignore[index]
                wrong.append(one)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    failed = 0
    for number in range(count):
        time.sleep(rng.uniform(0.0, 0.05))
        signal.alarm(3 * _SECONDS)
        child = os.fork()
        if child == 0:
            status = 3
            try:
                status = in_child(expected)
            finally:
                os._exit(status)
        status = os.waitpid(child, 0)[1]
        if status:
            failed += 1
            print(f"-- fork {number}: status {status}", flush=True)
    signal.alarm(0)
    ends.set()
    for thread in threads:
        thread.join()
    print(f"forks: {count}, {failed} children failed; {len(wrong)} wrong numbers in threads", flush=True)
    return failed + len(wrong)


def raced(count: int, expected: object) -> int:
    """Have eight threads do all work at the same time, taking turns often; return how many were wrong."""
    wrong: list[object] = []
    before = sys.getswitchinterval()

    def work(barrier: threading.Barrier) -> None:
        barrier.wait()
        try:
            if all_work() != expected:
                wrong.append("other numbers")
        except Exception as error:
            wrong.append(error)

    sys.setswitchinterval(1e-6)
    try:
        for _ in range(count):
            for leaf in _SHARED:
                leaf.grad = 0.0
            barrier = threading.Barrier(8)
            threads = [threading.Thread(target=work, args=(barrier,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if [leaf.grad for leaf in _SHARED] != [24.0, 16.0]:
                wrong.append([leaf.grad for leaf in _SHARED])
    finally:
        sys.setswitchinterval(before)
    print(f"races: {count} of 8 threads, {len(wrong)} wrong {wrong[:3]}", flush=True)
    return len(wrong)


def task(_: int) -> object:
    """Do everything once, in the worker of a pool."""
    return all_work()


def pooled(count: int, expected: object) -> int:
    """Have pools do all work while a thread compiles; return how many results were wrong."""
    ends, wrong = threading.Event(), 0

    def work() -> None:
        while not ends.is_set():
            compiled()
            traced()

    thread = threading.Thread(target=work)
    thread.start()
    pools: dict[str, Callable[[], Any]] = {
        name: lambda name=name: ProcessPoolExecutor(2, multiprocessing.get_context(name))  # type: ignore[misc]
        for name in multiprocessing.get_all_start_methods()
    }
    try:
        from loky import ProcessPoolExecutor as LokyExecutor

        pools["loky"] = lambda: LokyExecutor(2)
    except ImportError:
        print("loky is not installed", flush=True)
    for name, make in pools.items():
        found = []
        for _ in range(count):
            with make() as pool:
                found += [*pool.map(task, range(4))]
        bad = sum(each != expected for each in found)
        print(f"pools by {name}: {len(found)} tasks, {bad} wrong", flush=True)
        wrong += bad
    try:
        from joblib import Parallel, delayed

        for backend in ("loky", "multiprocessing", "threading"):
            found = Parallel(n_jobs=2, backend=backend)(delayed(task)(i) for i in range(4 * count))
            bad = sum(each != expected for each in found)
            print(f"joblib by {backend}: {len(found)} tasks, {bad} wrong", flush=True)
            wrong += bad
    except ImportError:
        print("joblib is not installed", flush=True)
    ends.set()
    thread.join()
    return wrong


def main(words: list[str]) -> int:
    """Run what the command line asks for, and return the number of failures."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns forks", description=__doc__)
    parser.add_argument("--forks", type=int, default=1000)
    parser.add_argument("--races", type=int, default=200)
    parser.add_argument("--pools", type=int, default=5, help="pools of each kind")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    # Python and JAX warn about forks beside threads, which are intended.
    warnings.simplefilter("ignore")
    faulthandler.register(signal.SIGALRM, chain=True)
    expected = all_work()
    failures = raced(options.races, expected)
    failures += forked(options.forks, random.Random(options.seed), expected)
    return failures + pooled(options.pools, expected)
