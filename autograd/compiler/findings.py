"""What the passes find in a tape, and how it is kept for the next time that the same tape is traced.

A second model of the same shape, and a second process, trace a function anew, since only a trace shows what
it reads; but the tape is the same then, and the passes would take most of the time of the first call.
"""

from __future__ import annotations

import atexit
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .found import Found, size_of
from .found_records import record_of, what_is_in
from .runtime.recently_used import RecentlyUsed
from .runtime.records import read, write
from .trace.fingerprint import fingerprint
from .trace.tape import Tape

LONG = 0.1
"""What took so many seconds is written at once, the rest when the process ends, as a file takes 2 ms."""


class FoundRecord(NamedTuple):
    """What one process has found in a tape, for another one.

    Attributes
    ----------
    fingerprint : str
        That of the tape, and of what the passes depend on besides.
    compiler : str
        Which compiler has found it.
    data : bytes
        What it has found.
    """

    fingerprint: str
    compiler: str
    data: bytes


_known = RecentlyUsed[Found](16_000_000)
_unwritten: set[str] = set()
_fingerprints: dict[str, str] = {}


def found_in(tape: Tape, settings: object, find: Callable[[], Found]) -> tuple[Found, str, str]:
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
    (FoundArrays or FoundTable, str, str)
        The program; whether the passes were "run" for it, or it was in "memory" or on "disk"; and the
        fingerprint of the tape and the settings, empty where there is none.

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
    text = fingerprint(tape, repr(settings))
    key = text and _key(text)
    if not text or not key:
        return find(), "run", ""
    _fingerprints[key] = text
    if (known := _known.find(key)) is not None:
        return known, "memory", text
    if (record := read(key)) is not None:
        found = what_is_in(record)
        _keep(key, found, len(record))
        return found, "disk", text
    start = time.perf_counter()
    found = find()
    _unwritten.add(key)
    _keep(key, found, size_of(found))
    if time.perf_counter() - start > LONG:
        _write(key, found)
    return found, "run", text


def records_of(fingerprints: Iterable[str], most_bytes: int) -> list[FoundRecord]:
    """Return what is known of tapes, for another process.

    Parameters
    ----------
    fingerprints : iterable of str
        Those of the tapes; what is not known of them is left out.
    most_bytes : int
        How many bytes there may be; what comes after is left out, too.

    Returns
    -------
    list of FoundRecord
        What `keep_records` reads.

    Examples
    --------
    >>> records_of(["0123"], 1000)
    []
    """
    records = []
    for text in dict.fromkeys(fingerprints):
        key = text and _key(text)
        known = _known.find(key) if key else None
        data = (read(key) if key else None) if known is None else record_of(known)
        if data is not None and len(data) <= most_bytes:
            most_bytes -= len(data)
            records.append(FoundRecord(text, compiler_digest(), data))
    return records


def latest_records(most_bytes: int) -> list[FoundRecord]:
    """Return what this process has found or read lately, for another one.

    Examples
    --------
    >>> latest_records(0)
    []
    """
    return records_of([_fingerprints[key] for key in [*_known][::-1] if key in _fingerprints], most_bytes)


def keep_records(records: Iterable[FoundRecord]) -> None:
    """Keep what another process has found, if its compiler is this one.

    Examples
    --------
    >>> keep_records([FoundRecord("0123", "another compiler", b"")])
    """
    for text, compiler, data in records:
        key = _key(text)
        if key and _known.find(key) is None and compiler == compiler_digest():
            _unwritten.add(key)
            _fingerprints[key] = text
            _keep(key, what_is_in(data), len(data))


def _key(text: str) -> str:
    """Return under which key the program of a tape is kept, nothing if the compiler is not known."""
    stamp = _stamp()
    return blake2b(f"{stamp} {text}".encode(), digest_size=16).hexdigest() if stamp else ""


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
    _fingerprints.clear()
    _known.clear()


@cache
def _stamp() -> str:
    """Return which compiler this is, since a checkout changes without a new version; nothing if unknown."""
    try:
        statuses = [(path.name, os.stat(path)) for path in _files()]
    except OSError:
        return ""
    files = [(name, status.st_size, status.st_mtime_ns) for name, status in statuses]
    return blake2b(f"{_VERSIONS} {sorted(files)}".encode()).hexdigest() if files else ""


@cache
def compiler_digest() -> str:
    """Return which compiler this is, on whatever machine: by what is in its files, which takes 20 ms.

    Examples
    --------
    >>> len(compiler_digest())
    128
    """
    files = [(path.name, blake2b(path.read_bytes()).hexdigest()) for path in _files()]
    return blake2b(f"{_VERSIONS} {sys.byteorder} {sorted(files)}".encode()).hexdigest()


def _files() -> Iterator[Path]:
    for folder, _, names in os.walk(Path(__file__).parent.parent):
        yield from (Path(folder, name) for name in names if name.endswith((".py", ".so", ".pyd")))


_VERSIONS = f"{platform.python_version()} {np.__version__}"
