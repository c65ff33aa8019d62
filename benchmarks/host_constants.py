"""``python -m benchmarks.host_constants``: what the model of many hosts (`hosts`) rests on, measured here.

The time of a training step on one core, of few samples and of many, and of an all-reduce between two
processes of this machine, by Gloo through the loopback device, as `jax.distributed` has it on processors. The
latency and the bandwidth are those of the line through the times of the smallest and the largest array.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from benchmarks.cases.large_batch import stay_on, training_step

SIZES = (8, 2_704, 100_000, 1_000_000, 10_000_000, 100_000_000)
"""Bytes; the second is what a step of `large_batch` sends."""

WIDE = (128, 256, 256, 1)
"""A network of 99,000 parameters, in which products of matrices take nearly all the time."""

REPEATED = 7


def seconds_of(work: Callable[[], Any], calls: int = 1) -> float:
    """Return the median time of a call, of several runs of so many calls."""
    work()
    times = []
    for _ in range(REPEATED):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        times.append((time.perf_counter() - start) / calls)
    return median(times)


def line_through(sizes: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    """Return the seconds of an empty message, and the bytes a second of a long one.

    Examples
    --------
    >>> line_through([0, 1000, 2000], [0.5, 0.9, 2.5])
    (0.5, 1000.0)
    """
    rate = (sizes[-1] - sizes[0]) / (seconds[-1] - seconds[0])
    return seconds[0] - sizes[0] / rate, rate


def steps() -> dict[str, float]:
    """Return the seconds of a step on one core: of few and many moons, and of a wide network."""
    stay_on(1)
    import jax
    import numpy as np

    from autograd import jit
    from benchmarks import moons

    def layers_of(sizes: Sequence[int]) -> Any:
        rng = np.random.default_rng(0)
        return [(rng.normal(size=(n, m)) / m**0.5, np.zeros(n)) for m, n in pairwise(sizes)]

    found = {}
    for name, sizes, samples, calls in (
        ("moons, 100 samples", moons.SIZES, 100, 100),
        ("moons, 1,000,000 samples", moons.SIZES, 1_000_000, 1),
        ("wide, 1,000 samples", WIDE, 1_000, 1),
    ):
        rng = np.random.default_rng(1)
        arrays = layers_of(sizes), rng.normal(size=(samples, sizes[0])), np.sign(rng.normal(size=samples))
        for backend in ("numba", "jax"):
            step = jit(training_step, backend)
            args: Any = arrays
            if backend == "jax":
                with jax.enable_x64(True):
                    args = jax.device_put(arrays)
            step(*args)
            step.wait()
            found[f"{name}, {backend}"] = seconds_of(lambda: jax.block_until_ready(step(*args)), calls)  # noqa: B023
    return found


def all_reduces(rank: int, address: str) -> list[float]:
    """Return the seconds of an all-reduce of each size, in one of two processes."""
    stay_on(1)
    import jax
    import numpy as np
    from jax.sharding import NamedSharding, PartitionSpec

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(address, num_processes=2, process_id=rank)
    mesh = jax.make_mesh((2,), ("host",))
    by_host, everywhere = (NamedSharding(mesh, PartitionSpec(*names)) for names in (("host",), ()))
    add = jax.jit(lambda x: x.sum(axis=0), out_shardings=everywhere)
    found = []
    for size in SIZES:
        local = np.ones((1, size // 4), np.float32)
        x = jax.make_array_from_process_local_data(by_host, local)
        found.append(seconds_of(lambda: add(x).block_until_ready()))  # noqa: B023
    return found


def both(words: Sequence[str]) -> Any:
    """Return what two processes print, that of the first."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.host_constants", *words, str(rank), address],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    texts = [process.communicate()[0] for process in processes]
    # Gloo writes lines of its own before.
    return json.loads(texts[0].splitlines()[-1])


def main(*words: str) -> None:
    """Print all constants; in a process of two, what it measures."""
    if words:
        print(json.dumps(steps() if words[0] == "steps" else all_reduces(int(words[1]), words[2])))
        return
    command = [sys.executable, "-m", "benchmarks.host_constants", "steps"]
    own = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    print("| what | ms |\n| --- | --- |")
    for name, seconds in own.items():
        print(f"| a step, {name} | {seconds * 1e3:.4g} |", flush=True)
    times = both(["all-reduce"])
    for size, seconds in zip(SIZES, times, strict=True):
        print(f"| an all-reduce of {size:,} bytes | {seconds * 1e3:.4g} |")
    latency, rate = line_through(SIZES, times)
    print(f"\nLatency {latency * 1e6:.3g} us, {rate / 1e9:.3g} GB/s")


if __name__ == "__main__":
    main(*sys.argv[1:])
