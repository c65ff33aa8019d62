"""What the passes find in a tape, and how it is kept for the next time that the same tape is traced.

A second model of the same shape, and a second process, trace a function anew, since only a trace shows what
it reads; but the tape is the same then, and the passes would take most of the time of the first call.
"""

from __future__ import annotations

import atexit
import os
import platform
import time
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np

from .found import Found, size_of
from .found_records import record_of, what_is_in
from .runtime.recently_used import RecentlyUsed
from .runtime.records import read, write
from .trace.fingerprint import fingerprint
from .trace.tape import Tape

LONG = 0.1
"""What took so many seconds is written at once, the rest when the process ends, as a file takes 2 ms."""

_known = RecentlyUsed[Found](16_000_000)
_unwritten: set[str] = set()


def found_in(tape: Tape, settings: object, find: Callable[[], Found]) -> tuple[Found, str]:
    """Return what the passes find in a tape, from this process or another if it was found before.

    Parameters
    ----------
    tape : Tape
        What was traced.
    settings : object
        What the passes depend on besides; its `repr` says all of it.
    find : callable
        Runs the passes.

    Returns
    -------
    (FoundArrays or FoundTable, str)
        The program, and whether the passes were "run" for it, or it was in "memory" or on "disk".

    Examples
    --------
    >>> from .found import FoundTable
    >>> from .table.schedule import schedule
    >>> tape = Tape()
    >>> tape.outputs = [tape.constant(12.5)]
    >>> table = FoundTable(schedule(tape, [], [[0]]), 1, 1)
    >>> [found_in(tape, "", find)[1] for find in (lambda: table, None)]
    ['run', 'memory']
    """
    stamp = _stamp()
    key = fingerprint(tape, f"{stamp} {settings!r}") if stamp else None
    if key is None:
        return find(), "run"
    if (known := _known.find(key)) is not None:
        return known, "memory"
    if (record := read(key)) is not None:
        found = what_is_in(record)
        _keep(key, found, len(record))
        return found, "disk"
    start = time.perf_counter()
    found = find()
    _unwritten.add(key)
    _keep(key, found, size_of(found))
    if time.perf_counter() - start > LONG:
        _write(key, found)
    return found, "run"


def _keep(key: str, found: Found, size: int) -> None:
    for other, gone in _known.put(key, found, size):
        _write(other, gone)


def _write(key: str, found: Found) -> None:
    """Write what was found, once."""
    if key in _unwritten:
        _unwritten.discard(key)
        write(key, record_of(found))


@atexit.register
def write_rest() -> None:
    """Write what is only in memory, for other processes; done at the end of this one.

    Examples
    --------
    >>> write_rest()
    """
    for key in _known:
        if (found := _known.find(key)) is not None:
            _write(key, found)


def forget() -> None:
    """Forget what is in memory, and do not write it.

    Examples
    --------
    >>> forget()
    """
    _unwritten.clear()
    _known.clear()


@cache
def _stamp() -> str:
    """Return which compiler this is, since a checkout changes without a new version; nothing if unknown."""
    files = []
    try:
        for folder, _, names in os.walk(Path(__file__).parent.parent):
            for name in names:
                if name.endswith((".py", ".so", ".pyd")):
                    status = os.stat(os.path.join(folder, name))
                    files.append((name, status.st_size, status.st_mtime_ns))
    except OSError:
        return ""
    known = f"{platform.python_version()} {np.__version__} {sorted(files)}"
    return blake2b(known.encode()).hexdigest() if files else ""
