"""Going on with a run by the options that it began with."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..training.callbacks import Callback
from ..training.checkpoints import Saved
from .errors import UsageError
from .options import read_options
from .output_folder import CHECKPOINT

_MAY_CHANGE = frozenset({"resume", "epochs", "out", "overwrite", "quiet"})


class RunOptions(Callback):
    """The options of a run and a digest of its data, which its checkpoints remember.

    Examples
    --------
    >>> RunOptions(["--data", "moons"], "0a1b").state_dict()
    {'words': ['--data', 'moons'], 'digest': '0a1b'}
    """

    def __init__(self, words: list[str], digest: str) -> None:
        self.words, self.digest = words, digest

    def state_dict(self) -> dict[str, Any]:
        """Return both."""
        return {"words": self.words, "digest": self.digest}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raise a `UsageError` if the data are others now."""
        if state["digest"] != self.digest:
            raise UsageError("the data are not those that the run began with: begin a new one")


def resumed_options(options: argparse.Namespace) -> argparse.Namespace:
    """Return the options that a run began with, those given now instead of them.

    Raises
    ------
    UsageError
        If there is no run, or another option is given.
    """
    for name in sorted(options.given - _MAY_CHANGE):
        raise UsageError(f"--{name.replace('_', '-')} goes with a new run; --resume takes that of the run")
    path = checkpoint_of(options.resume)
    try:
        words = [str(word) for word in Saved(path).state_of_callback(RunOptions)["words"]]
    except OSError as error:
        raise UsageError(f"--resume {options.resume}: {path.name} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--resume {options.resume}: is not a run of this command ({error})") from None
    if "epochs" in options.given:
        words += ["--epochs", str(options.epochs)]
    found = read_options("train", words)
    found.words, found.resume, found.quiet = words, options.resume, options.quiet
    found.out = options.out or _folder(options.resume)
    found.overwrite = options.overwrite or options.out is None
    return found


def checkpoint_of(run: Path) -> Path:
    """Return the checkpoint of a run, which is given as its folder or its file."""
    return run / CHECKPOINT if run.suffix != ".npz" else run


def _folder(run: Path) -> Path:
    return run if run.suffix != ".npz" else run.parent
