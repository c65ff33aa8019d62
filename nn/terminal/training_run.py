"""``train``: from a data set to a folder with a model, its score and its pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from autograd.printable import printable

from ..datasets import Dataset, Preprocessing, train_test_split
from ..losses import cross_entropy, l2_penalty, mse
from ..modules.neurons import MLP
from ..optimizers import optimizer
from ..saving import save
from ..training.checkpoints import INTERRUPTED
from ..training.early_stopping import EarlyStopping
from ..training.history import History
from ..training.loop import fit
from .data_option import digest, read_data
from .errors import UsageError
from .output_folder import CHECKPOINT, MODEL, chosen_folder, folder_written_whole
from .outputs import outputs_of
from .pictures import check_tools, first_neuron, write_pictures
from .reports import report
from .resuming import RunOptions, checkpoint_of, resumed_options

_STATUS_INTERRUPTED = 130

_WATCHED = 0.2

_DIVERGED = "the loss is no longer finite after the last epoch: lower the learning rate"


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
    may_replace = options.overwrite or (options.resume is not None and options.out == options.resume)
    out = chosen_folder(options.out, data.name, may_replace)
    with folder_written_whole(out) as folder:
        history = _Run(options, data, folder).done()
        names = sorted(path.name for path in folder.iterdir())
    if history.ended == INTERRUPTED:
        more = f"; go on with --resume {out}" if CHECKPOINT in names else ""
        line = f"interrupted after epoch {len(history.loss)}: wrote {', '.join(names)} into {out}{more}"
        print(printable(line), file=sys.stderr)
        return _STATUS_INTERRUPTED
    if not options.quiet:
        print(printable(f"wrote {', '.join(names)} into {out}"))
    return 0


class _Run:
    """A training with its data and its folder."""

    def __init__(self, options: argparse.Namespace, data: Dataset, folder: Path) -> None:
        self.options, self.data, self.folder = options, data, folder
        self.rng = np.random.default_rng(options.seed)
        self.train, self.held_out = train_test_split(data, test_size=1 / 3, random_state=self.rng)
        self.watched = None
        fraction = options.val or (_WATCHED if options.early_stopping else None)
        if fraction:
            self.train, self.watched = train_test_split(self.train, test_size=fraction, random_state=self.rng)
        self.preprocessing = Preprocessing.of(self.train)
        sizes = [*options.hidden, len(data.classes) or 1]
        self.model = MLP(len(data.features), sizes, options.activation, rng=self.rng)

    def done(self) -> History:
        """Train, print the results, and write the files."""
        self._introduce()
        # Drawn before the training, so that column names that break the picture are reported at once.
        first_neuron(self.model, self.data, self.preprocessing).render("svg")
        with np.errstate(over="ignore", invalid="ignore"):  # fit raises when the loss diverges
            history = self._fitted()
            outputs = outputs_of(self.model, self.preprocessing(self.held_out.inputs))
        if not history.loss:
            raise KeyboardInterrupt
        if not np.all(np.isfinite(outputs)):
            raise FloatingPointError(
                "the loss is no longer finite after the last epoch: lower the learning rate"
            )
        if history.ended != INTERRUPTED:
            self._say(*_endings(history))
            self._say(*report("held-out", self.held_out, self.preprocessing, outputs))
        save(self.model, self.folder / MODEL, self.preprocessing)
        write_pictures(self.folder, self.model, self.data, self.preprocessing, history)
        return history

    def _fitted(self) -> History:
        options, watched = self.options, self.watched
        momentum = {"momentum": 0.9} if options.optimizer == "sgd" else {}
        callbacks: list[Any] = [RunOptions(options.words, digest(self.data))]
        if watched is not None:
            callbacks.append(EarlyStopping(patience=options.early_stopping or options.epochs))
        try:
            return fit(
                self.model,
                *self._samples(self.train),
                loss=self._loss,
                optimizer=optimizer(options.optimizer, self.model, lr=options.lr, **momentum),
                epochs=options.epochs,
                batch_size=options.batch_size,
                schedule=options.schedule,
                metrics="accuracy" if self.data.classes else "r2",
                validation_data=None if watched is None else self._samples(watched),
                callbacks=callbacks,
                # L-BFGS has no states that a file could hold.
                checkpoint=None if options.optimizer == "lbfgs" else self.folder / CHECKPOINT,
                resume=options.resume and checkpoint_of(options.resume),
                rng=self.rng,
                verbose=not options.quiet,
            )
        except ValueError as error:
            if options.resume is None:
                raise
            raise UsageError(f"--resume {options.resume}: {error}") from None

    def _samples(self, data: Dataset) -> tuple[Any, Any]:
        return self.preprocessing(data.inputs), self.preprocessing.targets(data)

    def _loss(self, outputs: Any, targets: Any) -> Any:
        loss = cross_entropy(outputs, targets) if self.data.classes else mse(outputs, targets)
        return loss + l2_penalty(self.model, self.options.l2) if self.options.l2 else loss

    def _introduce(self) -> None:
        options, data = self.options, self.data
        widths = [len(data.features), *options.hidden, len(data.classes) or 1]
        watched = "" if self.watched is None else f", {len(self.watched)} to watch"
        samples = f"{len(self.train)} samples to train on{watched}, {len(self.held_out)} held out"
        what = "" if data.classes else f", regression of {data.target}"
        schedule = f" ({options.schedule} schedule)" if options.schedule else ""
        self._say(
            f"{printable(data.name)}: {samples}{printable(what)}",
            f"MLP {'-'.join(map(str, widths))}, {options.activation}, {len(self.model.parameters())} "
            f"parameters, {options.optimizer}{schedule}, seed {options.seed}",
        )

    def _say(self, *lines: str) -> None:
        for line in () if self.options.quiet else lines:
            print(line)


def _endings(history: History) -> list[str]:
    """Return a line on why the training has ended, and which epoch the model is of, if there is one."""
    best = f"the model is that of epoch {history.best_epoch}" if history.best_epoch else ""
    line = "; ".join(part for part in (history.ended, best) if part)
    return [line] if line else []
