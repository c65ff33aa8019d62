"""`TrainingRun`: what the options of a training ask for, without its folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.quiet import errstate

from ..datasets import Dataset, Preprocessing, train_test_split
from ..losses import cross_entropy, l2_penalty, mse
from ..modules.neurons import MLP
from ..modules.plain_outputs import plain_outputs
from ..optimizers import optimizer
from ..training.early_stopping import EarlyStopping
from ..training.history import History
from ..training.loop import fit
from .data_option import digest
from .errors import UsageError
from .options import l2_of
from .resuming import RunOptions, checkpoint_of

_WATCHED = 0.2


class TrainingRun:
    """A training on two thirds of a data set.

    Parameters
    ----------
    options : argparse.Namespace
        The options of ``train``.
    data : Dataset
        The data set.

    Attributes
    ----------
    train, held_out : Dataset
        The samples to train on, and the third to evaluate the model with.
    watched : Dataset or None
        The samples whose loss is watched while training.
    preprocessing : Preprocessing
        What the inputs go through.
    model : MLP
        The model.

    Examples
    --------
    >>> from nn.datasets import moons
    >>> from .options import read_options
    >>> run = TrainingRun(read_options("train", ["--data", "moons", "--epochs", "5", "--quiet"]), moons())
    >>> len(run.fitted().loss), run.outputs().shape
    (5, (66, 2))
    """

    def __init__(self, options: argparse.Namespace, data: Dataset) -> None:
        self.options, self.data = options, data
        self._rng = np.random.default_rng(options.seed)
        self.train, self.held_out = train_test_split(data, test_size=1 / 3, random_state=self._rng)
        self.watched = None
        fraction = options.val or (_WATCHED if options.early_stopping else None)
        if fraction:
            self.train, self.watched = train_test_split(
                self.train, test_size=fraction, random_state=self._rng
            )
        self.preprocessing = Preprocessing.of(self.train)
        sizes = [*options.hidden, len(data.classes) or 1]
        self.model = MLP(len(data.features), sizes, options.activation, rng=self._rng)

    def fitted(self, checkpoint: Path | None = None) -> History:
        """Train the model, with a checkpoint after each epoch if there is a file for it."""
        options, watched = self.options, self.watched
        momentum = {"momentum": 0.9} if options.optimizer == "sgd" else {}
        callbacks: list[Any] = [RunOptions(options.words, digest(self.data))]
        if watched is not None:
            callbacks.append(EarlyStopping(patience=options.early_stopping or options.epochs))
        try:
            with errstate(over="ignore", invalid="ignore"):  # fit raises when the loss diverges
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
                    checkpoint=None if options.optimizer == "lbfgs" else checkpoint,
                    resume=options.resume and checkpoint_of(options.resume),
                    rng=self._rng,
                    verbose=not options.quiet,
                )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if options.resume is None:
                raise
            # What is in a damaged checkpoint may be of any kind.
            raise UsageError(f"--resume {options.resume}: {error} ({type(error).__name__})") from error

    def outputs(self) -> npt.NDArray[np.float64]:
        """Return the outputs of the model for the samples that are held out."""
        with errstate(over="ignore", invalid="ignore"):
            return plain_outputs(self.model, self.preprocessing(self.held_out.inputs))

    def _samples(self, data: Dataset) -> tuple[Any, Any]:
        return self.preprocessing(data.inputs), self.preprocessing.targets(data)

    def _loss(self, outputs: Any, targets: Any) -> Any:
        loss = cross_entropy(outputs, targets) if self.data.classes else mse(outputs, targets)
        strength = l2_of(self.options, is_regression=not self.data.classes)
        return loss + l2_penalty(self.model, strength) if strength else loss
