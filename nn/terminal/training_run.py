"""``train``: from a data set to a folder with a model, its score and its pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from autograd.printable import printable

from ..saving import save
from ..training.checkpoints import INTERRUPTED
from ..training.history import History
from .data_option import read_data
from .errors import STATUS_INTERRUPTED
from .output_folder import CHECKPOINT, MODEL, chosen_folder, folder_written_whole
from .pictures import check_tools, first_neuron, write_pictures
from .reports import report
from .resuming import resumed_options
from .runs import TrainingRun


def train_model(options: argparse.Namespace) -> int:
    """Train a model, print how good it is, and write the files of the run.

    Returns
    -------
    int
        0, or 130 after Ctrl-C, when the model is written as it was by then.
    """
    if options.resume:
        options = resumed_options(options)
    data = read_data(options)
    check_tools()
    out = chosen_folder(options.out, data.name, options.overwrite)
    with folder_written_whole(out) as folder:
        history = _written(TrainingRun(options, data), folder)
        names = sorted(path.name for path in folder.iterdir())
    if history.ended == INTERRUPTED:
        more = f"; go on with --resume {out}" if CHECKPOINT in names else ""
        line = f"interrupted after epoch {len(history.loss)}: wrote {', '.join(names)} into {out}{more}"
        print(printable(line), file=sys.stderr)
        return STATUS_INTERRUPTED
    if not options.quiet:
        print(printable(f"wrote {', '.join(names)} into {out}"))
    return 0


def _written(run: TrainingRun, folder: Path) -> History:
    """Train, print the results, and write the files."""
    _say(run, *_introduction(run))
    # Drawn before the training, so that column names that break the picture are reported at once.
    first_neuron(run.model, run.data, run.preprocessing).render("svg")
    history = run.fitted(folder / CHECKPOINT)
    if not history.loss:
        raise KeyboardInterrupt
    outputs = run.outputs()
    if not np.all(np.isfinite(outputs)):
        raise FloatingPointError("the loss is no longer finite after the last epoch: lower the learning rate")
    if history.ended != INTERRUPTED:
        _say(run, *_endings(history), *report("held-out", run.held_out, run.preprocessing, outputs))
    save(run.model, folder / MODEL, run.preprocessing)
    write_pictures(folder, run.model, run.data, run.preprocessing, history)
    return history


def _introduction(run: TrainingRun) -> list[str]:
    """Return lines on the data and the model."""
    options, data = run.options, run.data
    widths = [len(data.features), *options.hidden, len(data.classes) or 1]
    watched = "" if run.watched is None else f", {len(run.watched)} to watch"
    samples = f"{len(run.train)} samples to train on{watched}, {len(run.held_out)} held out"
    what = "" if data.classes else f", regression of {data.target}"
    schedule = f" ({options.schedule} schedule)" if options.schedule else ""
    return [
        printable(f"{data.name}: {samples}{what}"),
        f"MLP {'-'.join(map(str, widths))}, {options.activation}, {len(run.model.parameters())} "
        f"parameters, {options.optimizer}{schedule}, seed {options.seed}",
    ]


def _endings(history: History) -> list[str]:
    """Return a line on why the training has ended, and which epoch the model is of, if there is one."""
    best = f"the model is that of epoch {history.best_epoch}" if history.best_epoch else ""
    line = "; ".join(part for part in (history.ended, best) if part)
    return [line] if line else []


def _say(run: TrainingRun, *lines: str) -> None:
    for line in () if run.options.quiet else lines:
        print(line)
