"""The cache of compiled code, which other processes load instead of compiling again.

The directory is ``$CHAINRULE_CACHE``, else ``$XDG_CACHE_HOME/chainrule``, else ``~/.cache/chainrule``. It has
a directory for each program, and may be deleted at any time.

Whoever can write these files can run code as the user, since machine code is loaded from them. So a
directory is used only if nobody else can write to it, or put another one in its place or in that of a folder
above it, and a file is loaded only if its digest is the recorded one: a damaged file gave wrong numbers.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import warnings
from contextlib import suppress
from pathlib import Path

from ...engine.user_line import user_line
from ...files import remove_unfinished, replace_whole

# About 100 kB each.
KEPT = 256
"""How many programs are kept; those that were not used for longest go first."""

_NAME = re.compile("[0-9a-f]{32}")
_PROGRAM, _CODE, _DIGESTS = "program.py", "__pycache__", "digests.txt"

_warned: set[Path] = set()


def directory() -> Path:
    """Return the directory of the cache, where links lead to: a link may lead elsewhere a moment later.

    Examples
    --------
    >>> directory().is_absolute()
    True
    """
    chosen = os.environ.get("CHAINRULE_CACHE")
    if chosen:
        return Path(os.path.realpath(chosen))
    # The standard wants a relative path to be ignored.
    general = Path(os.environ.get("XDG_CACHE_HOME", ""))
    known = general if general.is_absolute() else Path("~/.cache").expanduser()
    return Path(os.path.realpath(known / "chainrule"))


def stored(text: str) -> Path | None:
    """Return the file of a program, the same in all processes.

    Parameters
    ----------
    text : str
        A program.

    Returns
    -------
    Path or None
        None where nothing can be written, or others could write as well.

    Examples
    --------
    >>> import tempfile
    >>> from unittest import mock
    >>> with tempfile.TemporaryDirectory() as name, mock.patch.dict(os.environ, CHAINRULE_CACHE=name):
    ...     path = stored("x = 1")
    ...     print(path.read_text(), stored("x = 1") == path)
    x = 1 True
    """
    try:
        cache = directory()
        make_private(cache)
        if is_writable_by_others(cache):
            return None
        home = cache / hashlib.sha256(text.encode()).hexdigest()[:32]
        is_new = not home.exists()
        if is_new:
            home.mkdir(mode=0o700, exist_ok=True)
        if not _is_ours(home):
            return None
        path = home / _PROGRAM
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            _write(path, text)
        os.utime(home)
        if is_new:
            _forget_old(cache)
    except (OSError, RuntimeError, ValueError):  # Without a home directory; or where the text is none.
        return None
    return path


def warn_if_unsafe() -> None:
    """Warn once if nothing is cached because others can write to the directory.

    Examples
    --------
    >>> warn_if_unsafe()
    """
    try:
        cache = directory()
        unsafe = None if cache in _warned else _open_to_others(cache)
    except (OSError, RuntimeError):
        return
    if unsafe is not None:
        _warned.add(cache)
        where, run = ("there", "chmod 700") if unsafe == cache else (f"in {unsafe}", "chmod go-w")
        it = "it" if unsafe == cache else "that"
        warnings.warn(
            f"compiled code is not kept in {cache}, since others could change it {where}; run '{run}' on "
            f"{it} if it is yours, or set CHAINRULE_CACHE to a directory of your own",
            RuntimeWarning,
            stacklevel=user_line().depth + 1,
        )


def is_intact(path: Path) -> bool:
    """Return whether the compiled code of a program has the recorded digests.

    Examples
    --------
    >>> is_intact(Path("nowhere/program.py"))
    True
    """
    try:
        known = (path.parent / _DIGESTS).read_text(encoding="utf-8")
    except (OSError, ValueError):
        known = ""
    try:
        return known == _digests(path)
    except OSError:  # Another process deletes a file of it.
        return False


def seal(path: Path) -> None:
    """Record the digests of the compiled code of a program.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     seal(Path(name, "program.py"))
    ...     is_intact(Path(name, "program.py"))
    True
    """
    _write(path.parent / _DIGESTS, _digests(path))


def forget(path: Path) -> None:
    """Delete a program.

    Examples
    --------
    >>> forget(Path("nowhere/program.py"))
    """
    shutil.rmtree(path.parent / _CODE, ignore_errors=True)
    for name in (_DIGESTS, _PROGRAM):
        with suppress(OSError):
            (path.parent / name).unlink()


def _digests(path: Path) -> str:
    """Return a line for each file of compiled code."""
    code = path.parent / _CODE
    files = sorted(code.iterdir()) if code.is_dir() else []
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def _write(path: Path, text: str) -> None:
    """Write a file atomically, since another process may be writing the same."""
    remove_unfinished(path.parent)
    replace_whole(path, text.encode(), mode=0o600)


def make_private(cache: Path) -> None:
    """Make a directory, and the folders above it that are missing, for the user alone.

    Examples
    --------
    >>> make_private(Path("/tmp"))
    """
    for folder in [*reversed(cache.parents), cache]:
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)


def is_writable_by_others(cache: Path) -> bool:
    """Return whether a directory exists and somebody else owns it, can write to it, or can replace it.

    Examples
    --------
    >>> is_writable_by_others(Path("nowhere"))
    False
    """
    return _open_to_others(cache) is not None


def _open_to_others(cache: Path) -> Path | None:
    """Return the directory, or the folder above it, that others can change; None for none, and no directory.

    Who can write to a folder can rename what is in it and put something else there, unless the folder is
    sticky, as ``/tmp`` is. What root can do is nobody's concern.
    """
    if not hasattr(os, "getuid") or not cache.exists():
        return None
    found, me = cache.stat(), os.getuid()
    if found.st_uid != me or found.st_mode & _BY_OTHERS:
        return cache
    for folder in Path(os.path.realpath(cache)).parents:
        above = folder.stat()
        is_open = above.st_mode & _BY_OTHERS and not above.st_mode & stat.S_ISVTX
        if is_open or above.st_uid not in (0, me):
            return folder
    return None


_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def _is_ours(home: Path) -> bool:
    """Return whether a path is a directory of a program: no link, owned by the user, closed to others."""
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or not _NAME.fullmatch(home.name):
        return False
    return not hasattr(os, "getuid") or (
        found.st_uid == os.getuid() and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    )


def _forget_old(cache: Path) -> None:
    """Delete the least recently used programs, and nothing but programs."""
    homes = [home for home in cache.iterdir() if _is_ours(home) and (home / _PROGRAM).is_file()]
    homes.sort(key=lambda home: home.stat().st_mtime)
    for home in homes[:-KEPT]:
        shutil.rmtree(home, ignore_errors=True)
