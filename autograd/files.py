"""Files: written as a whole or not at all, and read only if they are files."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has none.
    fcntl = None  # type: ignore[assignment]

_UNFINISHED = re.compile(r"\.chainrule-[0-9a-f]{16}\.partial")


class NoFileError(ValueError):
    """A path is a device, a pipe or a socket, which may never end."""


def opened_file(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file to read it; what is no file is not waited for, nor read.

    Parameters
    ----------
    path : path-like
        The file, or a link to it.

    Raises
    ------
    NoFileError
        For a device, a pipe or a socket.
    OSError
        If it cannot be opened, or is a folder.

    Examples
    --------
    >>> opened_file("/dev/zero")
    Traceback (most recent call last):
        ...
    autograd.files.NoFileError: it is a device or a pipe, not a file
    """
    # Before it is opened, which may do something to a device; and afterwards, when it is another one.
    _check_is_file(os.stat(path).st_mode)
    stream = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  # closed by who reads it
    try:
        _check_is_file(os.fstat(stream.fileno()).st_mode)
    except NoFileError:
        stream.close()
        raise
    return stream


def _without_waiting(path: str | Path, flags: int) -> int:
    # To open a pipe would wait for somebody who writes.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_is_file(mode: int) -> None:
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise NoFileError("it is a device or a pipe, not a file")


def write_whole(target: Path, content: bytes) -> None:
    """Write a file atomically: after an error or an interrupt the old content is still there.

    A new file gets the permissions that the umask allows; an existing one keeps its mode, and a symbolic link
    keeps pointing to the file that is written. While writing there is a temporary ``.chainrule-….partial``;
    one that a killed process has left in the folder is removed.

    Parameters
    ----------
    target : Path
        The file, in an existing folder.
    content : bytes
        The new content of the file.

    Raises
    ------
    OSError
        If the target cannot be written, is write-protected, or is not a regular file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "note.txt"), b"hello")
    ...     Path(folder, "note.txt").read_text()
    'hello'
    """
    file = Path(os.path.realpath(target))
    if not file.parent.is_dir():
        raise FileNotFoundError(f"cannot write {str(target)!r}: its folder does not exist")
    mode = older_mode(target)
    remove_unfinished(file.parent)
    try:
        replace_whole(file, content, mode)
    except OSError as error:
        # Report the error for the target, not for the temporary file.
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error


def replace_whole(file: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file atomically, whatever it was before.

    Parameters
    ----------
    file : Path
        The file, in an existing folder.
    content : bytes
        Its new content.
    mode : int, optional
        Its permissions; by default those that the umask allows.

    Raises
    ------
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_whole(Path(folder, "key"), b"secret", mode=0o600)
    ...     oct(Path(folder, "key").stat().st_mode)
    '0o100600'
    """
    # The name is chosen before the file is made, so that an interrupt leaves no file of unknown name; it does
    # not contain the target's name, which may be as long as the file system allows.
    unfinished = _unfinished_in(file.parent)
    is_ours = True
    try:
        # Opened with its final mode at once: a private file is never readable by others.
        opener = partial(os.open, mode=0o666 if mode is None else mode)
        with open(unfinished, "xb", opener=opener) as stream:
            is_ours = _claimed(unfinished, stream.fileno())
            if is_ours:
                stream.write(content)
                # Open until it has its name, so that it is claimed; Windows renames no file that is open.
                (stream.flush if fcntl else stream.close)()
                if mode is not None:
                    os.chmod(unfinished, mode)
                os.replace(unfinished, file)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
    if not is_ours:
        replace_whole(file, content, mode)


def remove_unfinished(folder: Path) -> None:
    """Remove files that killed processes have not finished writing.

    Who writes a file holds a lock on it, which the system frees when the process is gone, however that ends.
    Where there are no such locks, nothing is removed.

    Parameters
    ----------
    folder : Path
        The folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, ".chainrule-0123456789abcdef.partial").touch()
    ...     remove_unfinished(Path(folder))
    ...     os.listdir(folder)
    []
    """
    _remove_left(folder, stat.S_ISREG, os.unlink)


@contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder for files that are wanted all or none; it is removed after the block.

    One that a killed process has left there is removed before, as `remove_unfinished` does with files.

    Parameters
    ----------
    parent : Path
        The folder to make it in.

    Yields
    ------
    Path
        The folder.

    Raises
    ------
    OSError
        If it cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with unfinished_folder(Path(parent)) as folder:
    ...         (folder / "note.txt").write_text("hello")
    ...     os.listdir(parent)
    5
    []
    """
    remove_unfinished_folders(parent)
    # The name is chosen before the folder exists, so that after an interrupt its name is known.
    folder = _unfinished_in(parent)
    try:
        folder.mkdir()
        with _claimed_folder(folder) as is_ours:
            if is_ours:
                yield folder
                return
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    # Another process has taken it for one that was left.
    with unfinished_folder(parent) as other:
        yield other


@contextmanager
def _claimed_folder(folder: Path) -> Iterator[bool]:
    """Lock a new folder in the block; yield whether it is ours."""
    if not fcntl:
        yield True
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _claimed(folder, descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished_folders(parent: Path) -> None:
    """Remove folders that killed processes have left, as `remove_unfinished` removes their files.

    Parameters
    ----------
    parent : Path
        The folder that they are in.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     Path(parent, ".chainrule-0123456789abcdef.partial").mkdir()
    ...     remove_unfinished_folders(Path(parent))
    ...     os.listdir(parent)
    []
    """
    _remove_left(parent, stat.S_ISDIR, shutil.rmtree)


def _remove_left(folder: Path, is_of_kind: Callable[[int], bool], remove: Callable[[Path], None]) -> None:
    """Remove what nobody has locked any more, of one kind."""
    if not fcntl:
        return
    with suppress(OSError):
        for name in os.listdir(folder):
            if _UNFINISHED.fullmatch(name):
                _remove_if_left(folder / name, is_of_kind, remove)


def _remove_if_left(path: Path, is_of_kind: Callable[[int], bool], remove: Callable[[Path], None]) -> None:
    with suppress(OSError):
        descriptor = _without_waiting(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            if is_of_kind(os.fstat(descriptor).st_mode):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(path)
        finally:
            os.close(descriptor)


def _unfinished_in(folder: Path) -> Path:
    return folder / f".chainrule-{secrets.token_hex(8)}.partial"


def _claimed(path: Path, descriptor: int) -> bool:
    """Lock a new file; return whether it is ours, as nobody has taken it for one that was left."""
    if fcntl:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # Some file systems have no locks.
            return True
    return path.exists()


def checked_suffix(target: Path, suffixes: Sequence[str]) -> str:
    """Return the suffix of a file in small letters, which determines its format.

    Parameters
    ----------
    target : Path
        The file.
    suffixes : sequence of str
        Those that there are, as ``".html"``.

    Returns
    -------
    str
        One of them.

    Raises
    ------
    ValueError
        For another suffix.

    Examples
    --------
    >>> checked_suffix(Path("page.HTML"), [".html", ".pdf"])
    '.html'
    """
    suffix = target.suffix.lower()
    if suffix not in suffixes:
        *others, last = suffixes
        known = " or ".join(filter(None, [", ".join(others), last]))
        raise ValueError(f"expected a path ending in {known}, got {str(target)!r}")
    return suffix


def older_mode(target: Path) -> int | None:
    """Return the permissions of the file that is to be replaced.

    Parameters
    ----------
    target : Path
        The file, or a symbolic link to it.

    Returns
    -------
    int or None
        None where there is no such file yet.

    Raises
    ------
    OSError
        If the file is write-protected, or not a regular file.

    Examples
    --------
    >>> older_mode(Path("no such file")) is None
    True
    """
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device, a pipe or a socket"
        raise OSError(f"cannot write {str(target)!r}: it is {what}, not a file")
    if not os.access(target, os.W_OK):
        raise PermissionError(f"cannot write {str(target)!r}: the file there is write-protected")
    return stat.S_IMODE(mode)
