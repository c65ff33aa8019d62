"""Let memory run out at random allocations of work of every kind, and do the same work again.

``python tests/campaigns little-memory`` does it in forked children: by Python's own allocator, one of whose
allocations fails, and by a limit of the address space a little above what the process has. The work ends, or
raises an error that says so; afterwards nothing is left half done, and the same work gives the same numbers.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import random
import resource
import tempfile
import traceback
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import conftest  # noqa: F401  # sets the cache of compiled programs
from interrupted_work import WORK, Trial, bits, left_behind

_SECONDS = 120
"""A child that takes longer hangs; its stack is printed."""

ENDED, RAISED, FAILED = 0, 1, 2


def with_one_failure(trial: Trial, rng: random.Random) -> None:
    """Do work, of which one allocation fails."""
    _testcapi: Any = import_module("_testcapi")
    number = int(10.0 ** rng.uniform(0.0, 5.5))
    work = trial.run
    _testcapi.set_nomemory(number, number + 1)
    try:
        work()
    finally:
        _testcapi.remove_mem_hooks()


def within_a_limit(trial: Trial, rng: random.Random) -> None:
    """Do work in an address space that is larger by little than what is in use."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (size + int(10.0 ** rng.uniform(3.0, 7.0)), before[1]))
    try:
        trial.run()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


_STANDING_FOR_IT = (MemoryError, OSError, ImportError, SystemError)

WAYS = {"allocation": with_one_failure, "limit": within_a_limit}


def in_child(name: str, way: str, folder: Path, expected: object, rng: random.Random) -> int:
    """Return how the work went in a child."""
    faulthandler.enable()
    faulthandler.dump_traceback_later(_SECONDS, exit=True)
    trial = WORK[name](folder)
    trial.again()
    trial = WORK[name](folder)
    status = ENDED
    try:
        WAYS[way](trial, rng)
    except MemoryError:
        status = RAISED
    except Exception as error:
        # One that stands for it: of a library that was not loaded, or of NumPy, whose ufuncs may forget it.
        chain: BaseException | None = error
        while chain is not None and not isinstance(chain, _STANDING_FOR_IT):
            chain = chain.__cause__ or chain.__context__
        if chain is None:
            raise
        status = RAISED
    gc.collect()
    assert left_behind(folder) == [], left_behind(folder)
    trial.check()
    assert bits(trial.again()) == expected, "other numbers"
    return status


def tried(name: str, way: str, count: int, rng: random.Random) -> int:
    """Let memory run out many times; print and return the number of faults."""
    found = {ENDED: 0, RAISED: 0, FAILED: 0}
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "first").mkdir()
        expected = bits(WORK[name](Path(root, "first")).again())
        for number in range(count):
            folder, own = Path(root, str(number)), random.Random(rng.random())
            folder.mkdir()
            child = os.fork()
            if child == 0:
                status = FAILED
                try:
                    status = in_child(name, way, folder, expected, own)
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(status)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if code not in (ENDED, RAISED):
                print(f"-- {name} by {way}, number {number}: status {code}", flush=True)
                code = FAILED
            found[code] += 1
    print(f"{name} by {way}: {count} children, {found[RAISED]} raised, {found[FAILED]} faults", flush=True)
    return found[FAILED]


def main(words: list[str]) -> int:
    """Let memory run out in each kind of work, and return the number of faults."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns little-memory", description=__doc__)
    # A MemoryError within Numba leaves it as it leaves it.
    kinds = [name for name in WORK if name != "numba"]
    parser.add_argument("--count", type=int, default=300, help="how often in each way")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", nargs="*", default=[*WAYS], choices=[*WAYS])
    parser.add_argument("work", nargs="*", help=f"of {', '.join(kinds)}; all of them by default")
    options = parser.parse_args(words)
    if unknown := {*options.work} - {*WORK}:
        parser.error(f"there is no work {', '.join(sorted(unknown))}; expected some of {', '.join(kinds)}")
    warnings.simplefilter("ignore", ResourceWarning)
    return sum(
        tried(name, way, options.count, random.Random(f"{options.seed} {name} {way}"))
        for name in options.work or kinds
        for way in options.ways
    )
