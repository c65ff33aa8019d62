"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(target: Path, content: bytes) -> None:
    """Write a file so that an error leaves what was there before, and nothing half-written.

    Parameters
    ----------
    target : Path
        The file; its folder exists.
    content : bytes
        What it holds.

    Raises
    ------
    OSError
        If it cannot be written.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder, "note.txt"), b"hello")
    ...     Path(folder, "note.txt").read_text()
    'hello'
    """
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {str(target)!r}: its folder does not exist")
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes files that nobody else may read.
        os.chmod(partial, 0o644)
        os.replace(partial, target)
    except BaseException:
        os.unlink(partial)
        raise
