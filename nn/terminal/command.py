"""The command: which of its words is meant, and what each error prints and returns."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches

from autograd.installation import description
from autograd.printable import printable
from autograd.show import LayoutUnavailableError

from ..datasets import DATASETS, DatasetError
from .errors import STATUS_INTERRUPTED, UsageError
from .evaluation import evaluate_model, predict_rows
from .options import read_options
from .training_run import train_model

_COMMANDS = {"train": train_model, "predict": predict_rows, "evaluate": evaluate_model}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str or None
        The words after ``python -m nn``; None takes them from ``sys.argv``. The first is ``train``,
        ``predict`` or ``evaluate``; without it, the rest is for ``train``.

    Returns
    -------
    int
        Exit status: 0, 2 for bad input, 1 for a training that diverged or a file that cannot be written,
        130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "--version" in words:
        print(description())
        return 0
    try:
        command, rest = _parted(words)
        status = _COMMANDS[command](read_options(command, rest))
        sys.stdout.flush()
        return status
    except (UsageError, DatasetError, LayoutUnavailableError) as error:
        return _failed(error, 2)
    except BrokenPipeError:
        # Of `predict ... | head`, which has read enough; Python would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (FloatingPointError, OSError) as error:
        return _failed(error, 1)
    except KeyboardInterrupt:
        print("interrupted: nothing is written", file=sys.stderr)
        return STATUS_INTERRUPTED


def _parted(words: list[str]) -> tuple[str, list[str]]:
    """Return the command, and the words that are for it."""
    first = words[0] if words else ""
    if not first or first.startswith("-"):
        return "train", words
    if first in _COMMANDS:
        return first, words[1:]
    near = get_close_matches(first, _COMMANDS, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    if first in DATASETS:
        hint = f" (did you mean --data {first}?)"
    raise UsageError(f"unrecognized arguments: {first}{hint}; the commands are {', '.join(_COMMANDS)}")


def _failed(error: Exception, status: int) -> int:
    print(f"error: {printable(str(error))}", file=sys.stderr)
    return status
