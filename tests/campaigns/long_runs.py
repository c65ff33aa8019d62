"""Run for long, with large and deep graphs, and look at the memory that the system has given.

``python tests/campaigns long-runs`` trains by 10,000 eager steps and calls a compiled step 10^6 times, the
cyclic collector on and off: resident memory may grow by no more than 2 MiB after the first tenth. It builds,
sweeps and drops a graph of 10^7 nodes, after which the memory has to be back, and pickles and copies one of
depth 10^6 eleven times, which may leave no more memory than twice. Each of them is a process of its own.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import gc
import multiprocessing
import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

import conftest  # noqa: F401  # sets the cache of compiled programs
import numpy as np

import nn
from autograd import Value, jit, value_and_grad

_MOST = 2 * 2**20
"""By how many bytes memory may grow."""


def resident() -> int:
    """Return how many bytes of memory the process has, after the allocator gave back what it can."""
    gc.collect()
    # What is free in the heap of C may go back to the system only when it is asked for.
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def grown(step: Callable[[], object], steps: int) -> int:
    """Return by how many bytes memory grows in the last nine tenths of some steps."""
    for _ in range(steps // 10):
        step()
    before = resident()
    for _ in range(steps - steps // 10):
        step()
    return resident() - before


def eager_steps(scale: float) -> list[str]:
    """Train by eager steps of a small network."""
    model = nn.MLP(2, [4, 1], rng=0)
    optimizer = nn.optimizers.Adam(model.parameters())
    x = np.linspace(-1.0, 1.0, 8).reshape(4, 2)

    def step() -> None:
        optimizer.zero_grad()
        nn.losses.mse(model(x), x[:, 0]).backward()
        optimizer.step()

    return flat(grown(step, int(10_000 * scale)))


def compiled_steps(scale: float, backend: str) -> list[str]:
    """Descend by a compiled gradient."""
    x, y = np.linspace(-1.0, 1.0, 20).reshape(10, 2), np.linspace(-1.0, 1.0, 10)
    gradient = jit(value_and_grad(lambda w: ((x @ w - y) ** 2).sum()), backend)
    w = [np.zeros(2)]
    gradient(w[0])
    gradient.wait()

    def step() -> None:
        w[0] = w[0] - 1e-3 * gradient(w[0])[1]

    return flat(grown(step, int(1_000_000 * scale)))


def flat(growth: int) -> list[str]:
    """Say by how much memory has grown, and whether that is too much."""
    print(f"  grew by {growth / 2**20:.2f} MiB", flush=True)
    return [f"memory grew by {growth} bytes"] if growth > _MOST else []


def chain(size: int) -> tuple[Value, Value]:
    """Return a leaf, and a result of so many operations."""
    x = Value(1.0)
    y = x
    for _ in range(size // 2):
        y = y * 1.0 + x
    return x, y


def large_graph(scale: float) -> list[str]:
    """Build, sweep and drop a large graph."""
    size = int(10_000_000 * scale)
    before = resident()
    start = time.perf_counter()
    x, y = chain(size)
    built = time.perf_counter()
    y.backward()
    swept, full = time.perf_counter(), resident() - before
    right = x.grad == size // 2 + 1.0
    del x, y
    dropped = time.perf_counter()
    left = resident() - before
    seconds = f"{built - start:.1f} s to build, {swept - built:.1f} to sweep, {dropped - swept:.1f} to drop"
    print(
        f"  {size:,} nodes, {full / size:.0f} bytes each, {left / 2**20:.2f} MiB left; {seconds}", flush=True
    )
    return ["a wrong gradient"] * (not right) + ["memory is not back"] * (left > max(_MOST, full // 50))


def deep_graph(scale: float) -> list[str]:
    """Pickle and copy a deep graph."""
    size = int(1_000_000 * scale)
    wrong = []
    before = resident()
    ways: dict[str, Callable[[Any], Any]] = {
        "copied": copy.deepcopy,
        "pickled": lambda pair: pickle.loads(pickle.dumps(pair)),
    }
    for name, duplicate in ways.items():
        start = time.perf_counter()
        twin, out = duplicate(chain(size))
        out.backward()
        print(f"  {size:,} nodes {name} in {time.perf_counter() - start:.1f} s", flush=True)
        if (out.data, twin.grad) != (size // 2 + 1.0, size // 2 + 1.0):
            wrong.append(f"{name}: wrong numbers")
        del twin, out
    left = resident() - before
    print(f"  {left / 2**20:.2f} MiB left", flush=True)
    # Of the allocators; a leak would be as much again each time.
    return wrong + flat(grown(lambda: [duplicate(chain(size)) for duplicate in ways.values()], 10))


def without_collector(work: Callable[[float], list[str]]) -> Callable[[float], list[str]]:
    """Return the same work with the collector off."""

    def quiet(scale: float) -> list[str]:
        gc.disable()
        return work(scale)

    return quiet


def numpy_steps(scale: float) -> list[str]:
    """Descend on NumPy."""
    return compiled_steps(scale, "numpy")


def numba_steps(scale: float) -> list[str]:
    """Descend on Numba."""
    return compiled_steps(scale, "numba")


RUNS: dict[str, Callable[[float], list[str]]] = {
    "eager": eager_steps,
    "eager-no-collector": without_collector(eager_steps),
    "numpy": numpy_steps,
    "numpy-no-collector": without_collector(numpy_steps),
    "numba": numba_steps,
    "numba-no-collector": without_collector(numba_steps),
    "large": large_graph,
    "deep": deep_graph,
}


def _in_process(name: str, scale: float) -> None:
    print(name, flush=True)
    sys.exit("; ".join(RUNS[name](scale)) or 0)


def main(words: list[str]) -> int:
    """Do each run in a process of its own, and return how many failed."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns long-runs", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of steps and nodes")
    parser.add_argument("runs", nargs="*", help=f"of {', '.join(RUNS)}; all of them by default")
    options = parser.parse_args(words)
    if unknown := {*options.runs} - {*RUNS}:
        parser.error(f"there is no run {', '.join(sorted(unknown))}; expected some of {', '.join(RUNS)}")
    failed = 0
    for name in options.runs or RUNS:
        process = multiprocessing.get_context("spawn").Process(target=_in_process, args=(name, options.scale))
        process.start()
        process.join()
        failed += process.exitcode != 0
    return failed
