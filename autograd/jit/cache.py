"""Where compiled code is kept, so that a second process need not compile it again.

The directory is ``$CHAINRULE_CACHE``, else ``$XDG_CACHE_HOME/chainrule``, else ``~/.cache/chainrule``. It has
a directory for each program, and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

# About 100 kB each.
KEPT = 256
"""How many programs are kept; those that were not used for longest go first."""


def directory() -> Path:
    """Return where programs are kept.

    Examples
    --------
    >>> directory().name != ""
    True
    """
    chosen = os.environ.get("CHAINRULE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "chainrule"


def stored(text: str) -> Path | None:
    """Return a file with a text, the same for the same text in all processes.

    Parameters
    ----------
    text : str
        A program.

    Returns
    -------
    Path or None
        None where nothing can be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     os.environ["CHAINRULE_CACHE"] = name
    ...     path = stored("x = 1")
    ...     print(path.read_text(), stored("x = 1") == path)
    ...     del os.environ["CHAINRULE_CACHE"]
    x = 1 True
    """
    try:
        home = directory() / hashlib.sha256(text.encode()).hexdigest()[:32]
        path = home / "program.py"
        if path.exists():
            os.utime(home)
            return path
        home.mkdir(parents=True, exist_ok=True)
        _forget_old(home.parent)
        # Another process may be writing the same: each its own file, and the last one stays.
        with tempfile.NamedTemporaryFile(
            "w", dir=home, suffix=".new", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        Path(file.name).replace(path)
    except (OSError, RuntimeError):  # The second where there is no home directory.
        return None
    return path


def forget(path: Path) -> None:
    """Delete a program.

    Examples
    --------
    >>> forget(Path("nowhere/program.py"))
    """
    shutil.rmtree(path.parent, ignore_errors=True)


def _forget_old(directory: Path) -> None:
    """Delete the programs that were not used for longest."""
    homes = sorted(
        (home for home in directory.iterdir() if home.is_dir()), key=lambda home: home.stat().st_mtime
    )
    for home in homes[:-KEPT]:
        shutil.rmtree(home, ignore_errors=True)
