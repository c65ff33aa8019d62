"""Records by key, in the cache directory, for other processes.

A record is bytes that cost more to compute than to read. Files are trusted as far as those of compiled code
(`autograd.compiler.runtime.cache`): the directory is used only if nobody else can write to it, and a file is
read only if it is the user's own and its digest is right.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

from ...files import remove_unfinished, replace_whole
from .cache import directory, is_writable_by_others, make_private

LARGEST = 1_000_000
"""How many bytes a record may have; that of the moons' training step has 9,000."""

KEPT = 64_000_000
"""How many bytes all files may have, about; those not used for longest go first."""

_FOLDER = "tapes"
_NAME = re.compile(r"[0-9a-f]{32}")
_DIGEST = 32


def read(key: str) -> bytes | None:
    """Return the record of a key, if its file is the user's own and as it was written.

    Parameters
    ----------
    key : str
        Hexadecimal digits.

    Returns
    -------
    bytes or None
        What `write` was given.

    Examples
    --------
    >>> write("0123456789abcdef", b"numbers")
    >>> read("0123456789abcdef"), read("00000000")
    (b'numbers', None)
    """
    try:
        folder = directory() / _FOLDER
        if is_writable_by_others(folder.parent) or is_writable_by_others(folder):
            return None
        path = folder / key
        with open(os.open(path, os.O_RDONLY | _NO_LINKS), "rb") as file:
            if not _is_own_file(os.fstat(file.fileno())):
                return None
            data = file.read(_DIGEST + LARGEST + 1)
        if data[:_DIGEST] != _digest(key, data[_DIGEST:]):
            return None
        os.utime(path)
    except (OSError, RuntimeError):  # Without a home directory; or there is no file.
        return None
    return data[_DIGEST:]


def write(key: str, record: bytes) -> None:
    """Write a record atomically, unless it is too large or others can write where it would stand.

    Examples
    --------
    >>> write("0123456789abcdef", bytes(LARGEST + 1))
    """
    if len(record) > LARGEST:
        return
    with suppress(OSError, RuntimeError):
        folder = directory() / _FOLDER
        make_private(folder.parent)
        if is_writable_by_others(folder.parent):
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        if is_writable_by_others(folder):
            return
        _tidy(folder)
        replace_whole(folder / key, _digest(key, record) + record, mode=0o600)
        # To look at all files takes as long as to write several.
        if key[0] == "0":
            _forget_old(folder)


# Nor does it wait for who would write into a pipe.
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _digest(key: str, record: bytes) -> bytes:
    """Return the digest of a record under its name: under another it would be another program."""
    return sha256(key.encode() + record).digest()


@cache
def _tidy(folder: Path) -> None:
    """Remove what killed processes have left, once: to look at all files takes as long as to write some."""
    remove_unfinished(folder)


def _is_own_file(found: os.stat_result) -> bool:
    """Return whether a file is a plain one of the user, that nobody else can write to."""
    if not stat.S_ISREG(found.st_mode):
        return False
    return not hasattr(os, "getuid") or (
        found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _forget_old(folder: Path) -> None:
    """Delete the least recently used files, and nothing but records."""
    with os.scandir(folder) as entries:
        own = [entry for entry in entries if _NAME.fullmatch(entry.name)]
        found = [(entry.stat(follow_symlinks=False), entry.path) for entry in own]
    sizes = 0
    for status, path in sorted(found, key=lambda file: -file[0].st_mtime):
        sizes += status.st_size
        if sizes > KEPT:
            Path(path).unlink(missing_ok=True)
