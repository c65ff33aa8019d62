"""Use one cache of compiled code from many processes, while things happen to it.

``python tests/campaigns cache-races --rounds 3`` starts processes at once, each of which compiles the same
programs with Numba, or loads them: on an empty cache, while it is deleted again and again, with another
version of Numba or another processor in every second process, on a full disk, and where nothing can be
written. A failure is a wrong number, a program that stays on NumPy, an error, and a cache that is not intact
at the end.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import conftest  # noqa: F401  # sets the cache of compiled programs

from autograd.compiler.runtime import cache

ROOT = Path(__file__).parent.parent.parent

# Numbers of which the last bits are known, and loops that are compiled.
PROGRAM = """
import sys
import numpy as np
from autograd import exp, jit

if sys.argv[1] == "another numba":
    import numba
    numba.__version__ = "0.0.0"
functions = [jit(lambda x, k=k: (exp(x) * float(k) + x).sum(), "numba") for k in range(1, 4)]
for f in functions:
    f(np.ones(3))
    f.wait()
print(*[f.report().backend for f in functions], *[f(np.zeros(4)) for f in functions])
"""
EXPECTED = "numba numba numba 4.0 8.0 12.0"


def _limited() -> None:
    """Let no file have more than 4 KiB, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def _started(what: str, place: Path, count: int) -> list[subprocess.Popen[str]]:
    found = []
    for number in range(count):
        is_other = number % 2 == 1
        environment = os.environ | {"CHAINRULE_CACHE": str(place), "PYTHONPATH": str(ROOT)}
        if what == "another processor" and is_other:
            environment |= {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
        words = [sys.executable, "-c", PROGRAM, what if is_other else ""]
        limit = _limited if what == "a full disk" else None
        found.append(
            subprocess.Popen(
                words,
                env=environment,
                text=True,
                preexec_fn=limit,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
    return found


def _wrong(what: str, folder: Path, count: int) -> Iterator[str]:
    """Yield what is wrong after processes have used a cache."""
    place = folder / "cache"
    if what == "a file in its place":
        place.write_text("no directory")
    elif what == "open to others":
        place.mkdir()
        place.chmod(0o777)
    elif what == "below a folder open to others":
        folder.chmod(0o777)
    processes = _started(what, place, count)
    while what == "deleted" and any(process.poll() is None for process in processes):
        shutil.rmtree(place, ignore_errors=True)
        time.sleep(0.02)
    warned = 0
    for process in processes:
        out, err = process.communicate()
        warned += "compiled code is not kept in" in err
        if process.returncode or out.strip() != EXPECTED:
            yield f"status {process.returncode}, printed {out.strip()!r}, {err[-500:]!r}"
    is_open = "open to others" in what
    if warned != count * is_open:
        yield f"{warned} of {count} have warned"
    homes = [*place.glob("[0-9a-f]" * 32)]
    if is_open and homes:
        yield f"there are {len(homes)} programs"
    if what in ("an empty cache", "another numba", "another processor"):
        os.environ["CHAINRULE_CACHE"] = str(place)
        damaged = [home.name for home in homes if not cache.is_intact(home / "program.py")]
        if damaged or not homes:
            yield f"{len(damaged)} of {len(homes)} programs are not intact"
    if debris := [
        path.name for path in folder.rglob("*") if path.name.endswith((".new", ".partial", ".tmp"))
    ]:
        yield f"left behind: {debris[:3]}"


SCENES = (
    *(
        "an empty cache",
        "deleted",
        "another numba",
        "another processor",
        "a full disk",
        "a file in its place",
    ),
    *("open to others", "below a folder open to others"),
)


def main(words: list[str]) -> int:
    """Play each scene, and return the number of failures."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns cache-races", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("scenes", nargs="*", help=f"of {', '.join(SCENES)}; all of them by default")
    options = parser.parse_args(words)
    failures = 0
    for what in options.scenes or SCENES:
        start, found = time.monotonic(), []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as name:
                found += [*_wrong(what, Path(name), options.processes)]
        failures += len(found)
        seconds, size = time.monotonic() - start, f"{options.rounds} x {options.processes} processes"
        print(f"== {what}: {size}, {seconds:.0f} s, {len(found)} failures")
        for text in found[:5]:
            print(f"-- {text}", flush=True)
    return failures
