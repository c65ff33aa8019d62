"""The folder of a run, which is written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from autograd.files import older_mode, remove_unfinished_folders, unfinished_folder, write_whole

from .errors import UsageError

MODEL = "weights.npz"
CHECKPOINT = "checkpoint.npz"

_FILES = ("loss.png", MODEL, "neuron.svg", "boundary.png", CHECKPOINT)


def chosen_folder(out: Path | None, name: str, may_replace: bool) -> Path:
    """Return the folder to write into: the given one, or a new one for the data of a name.

    Raises
    ------
    UsageError
        If the given one has an older run, which may not be replaced.
    """
    if out is None:
        first = Path("runs", name)
        others = (Path("runs", f"{name}-{number}") for number in count(2))
        return (
            first if may_replace or not _older(first) else next(each for each in others if not _older(each))
        )
    older = _older(out)
    if older and not may_replace:
        names = ", ".join(older)
        raise UsageError(f"--out {out}: an older run is there ({names}); --overwrite replaces it")
    return out


@contextmanager
def folder_written_whole(out: Path) -> Iterator[Path]:
    """Yield a folder to write into, whose files reach `out` only if the block succeeds.

    Raises
    ------
    UsageError
        If `out` cannot be written, before the block.
    """
    # A symbolic link may point to a folder that does not exist yet.
    target = Path(os.path.realpath(out))
    nearest = next(folder for folder in [target, *target.parents] if folder.exists())
    if not nearest.is_dir():
        where = "" if nearest == target else f"cannot be written: {nearest} "
        raise UsageError(f"--out {out}: {where}is a file, not a folder")
    _check_older(out)
    # Of a run that was killed while it made the folders around its files.
    for folder in target.parents:
        remove_unfinished_folders(folder)
    with ExitStack() as stack:
        try:
            scratch = stack.enter_context(unfinished_folder(nearest))
        except OSError as error:
            raise UsageError(f"--out {out}: cannot be written: {error.strerror}") from error
        yield scratch
        target.mkdir(parents=True, exist_ok=True)
        for path in scratch.iterdir():
            write_whole(target / path.name, path.read_bytes())


def _older(out: Path) -> list[str]:
    return [name for name in _FILES if os.path.lexists(out / name)]


def _check_older(out: Path) -> None:
    """Raise before the training if an older file could not be replaced after it."""
    for name in _FILES:
        if (out / name).is_dir():
            raise UsageError(f"--out {out}: {name} is a folder there, and a file is to be written")
        try:
            older_mode(out / name)
        except OSError as error:
            raise UsageError(f"--out {out}: {error}") from error
