"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from functools import partial
from pathlib import Path


def write_whole(target: Path, content: bytes) -> None:
    """Write a file so that an error or an interrupt leaves what was there before, and nothing half-written.

    A new file may be read and written by whom the umask allows; an older one keeps its mode, and a symbolic
    link goes on to point to the file that is written. Meanwhile there is a file ``.chainrule-….partial``.

    Parameters
    ----------
    target : Path
        The file; its folder exists.
    content : bytes
        What it holds.

    Raises
    ------
    OSError
        If it cannot be written, is write-protected, or is no file, as a folder or a device.

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
    # Named before it is made, so that an interrupt finds no file whose name is not known yet; and by itself,
    # since a longer name than the target's may be too long.
    unfinished = file.with_name(f".chainrule-{secrets.token_hex(8)}.partial")
    try:
        # Opened with its mode at once: what only the owner may read is never open to others.
        opener = partial(os.open, mode=0o666 if mode is None else mode)
        with open(unfinished, "xb", opener=opener) as stream:
            stream.write(content)
        if mode is not None:
            os.chmod(unfinished, mode)
        os.replace(unfinished, file)
    except OSError as error:
        # The file that was meant, and not the one that is there meanwhile.
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)


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
        If there is one, and it is write-protected, or no file.

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
