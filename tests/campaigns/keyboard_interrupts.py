"""Interrupt work of every kind at random instructions, and look whether anything is left half done.

``python tests/campaigns keyboard-interrupts`` interrupts each kind of work many times: at random places where
Python looks at signals, of our code, of the standard library and of NumPy, and after random times by a timer.
Then it looks at locks, modes, files and threads, does the same work again, and compares the numbers bit by
bit with those of work that was not interrupted.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import random
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import conftest  # noqa: F401  # sets the cache of compiled programs
from interrupted_work import WORK, Anywhere, Trial, bits, left_behind, observed
from interrupts import checks_in, interrupted_at

_SECONDS = 120
"""What takes longer hangs: the stacks of all threads are printed, and the process ends."""


def at_random_check(trial: Trial, rng: random.Random, checks: float) -> list[str]:
    """Interrupt work at one of the places where Python looks at signals; return what that has changed."""
    work, changed = observed(trial.run)
    interrupted_at(rng.randint(1, int(checks)), work, Anywhere())
    return changed


def after_random_time(trial: Trial, rng: random.Random, seconds: float) -> list[str]:
    """Interrupt work by a timer; return what that has changed."""
    may_raise = True

    def stop(number: int, frame: object) -> None:
        nonlocal may_raise
        if may_raise:
            may_raise = False
            raise KeyboardInterrupt

    work, changed = observed(trial.run)
    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, seconds))
        work()
        may_raise = False
    except KeyboardInterrupt:  # It came outside of the work.
        pass
    finally:
        may_raise = False
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    return changed


def tried(name: str, way: str, count: int, rng: random.Random) -> Counter[str]:
    """Interrupt one kind of work many times, and return what was wrong, by kind."""
    faults: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as root:
        folders = (Path(root, str(number)) for number in range(count + 3))

        def started() -> tuple[Trial, Path]:
            folder = next(folders)
            folder.mkdir()
            return WORK[name](folder), folder

        expected = bits(started()[0].again())
        trial, _ = started()
        start = time.perf_counter()
        if way == "places":
            extent: float = checks_in(trial.run, Anywhere())
        else:
            trial.run()
            extent = time.perf_counter() - start
        interrupt = at_random_check if way == "places" else after_random_time
        for _ in range(count):
            faulthandler.dump_traceback_later(_SECONDS, exit=True)
            trial, folder = started()
            try:
                found = interrupt(trial, rng, extent)
                gc.collect()
                found += left_behind(folder)
                trial.check()
                if bits(trial.again()) != expected:
                    found.append("other numbers")
                found += left_behind(folder)
            except Exception:
                found = [traceback.format_exc()]
            faults.update(found)
        faulthandler.cancel_dump_traceback_later()
    print(
        f"{name} by {way}: {count} interrupts among {extent:.4g}, {sum(faults.values())} faults", flush=True
    )
    for fault, times in faults.most_common():
        print(f"-- {times} x {fault}", flush=True)
    return faults


def main(words: list[str]) -> int:
    """Interrupt each kind of work, and return the number of faults."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns keyboard-interrupts", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=1000, help="how often each kind is interrupted in each way"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", nargs="*", default=["places", "times"], choices=["places", "times"])
    parser.add_argument("work", nargs="*", help=f"of {', '.join(WORK)}; all of them by default")
    options = parser.parse_args(words)
    if unknown := {*options.work} - {*WORK}:
        parser.error(f"there is no work {', '.join(sorted(unknown))}; expected some of {', '.join(WORK)}")
    # A file that was just opened is closed by the interpreter.
    warnings.simplefilter("ignore", ResourceWarning)
    total = 0
    for name in options.work or WORK:
        for way in options.ways:
            rng = random.Random(f"{options.seed} {name} {way}")
            total += sum(tried(name, way, options.count, rng).values())
    return total
