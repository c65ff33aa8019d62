"""`History`: the record of a training."""

from __future__ import annotations

import csv
import io
import os
from collections import deque
from dataclasses import dataclass, field
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING

from autograd.files import write_whole
from autograd.printable import printable
from autograd.tables import html_table

from ..metrics import FRACTIONS
from ..plots.curves import loss_curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(repr=False)
class History:
    """The record of a training, with a number for each epoch.

    Attributes
    ----------
    loss : list of float
        The mean loss over the samples, each before the step that it contributes to.
    val_loss : list of float
        The loss of the samples that are held out, after the epoch; empty without any.
    metrics, val_metrics : dict of list of float
        Each metric of the same predictions, by its name.
    lr : list of float
        The learning rate of the epoch's last step.
    how : str
        ``"compiled"``, or ``"eager: "`` and the reason.
    ended : str
        Why the training ended before its last epoch; empty if it did not.
    best_epoch : int or None
        The epoch, counted from 1, whose parameters an early stopping has restored.

    Examples
    --------
    >>> History(loss=[2.0, 1.0], metrics={"accuracy": [0.5, 0.75]})
    History(2 epochs: loss 1.0000, accuracy 75.0%)
    """

    loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    val_loss: list[float] = field(default_factory=list)
    val_metrics: dict[str, list[float]] = field(default_factory=dict)
    lr: list[float] = field(default_factory=list)
    how: str = ""
    ended: str = ""
    best_epoch: int | None = None

    def add(self, epoch: History) -> None:
        """Append the numbers of one more epoch: all of them or, after an interrupt, none.

        Examples
        --------
        >>> history = History(loss=[1.0], metrics={"r2": [0.5]})
        >>> history.add(History(loss=[0.5], metrics={"r2": [0.75]}))
        >>> history.columns()
        {'loss': [1.0, 0.5], 'r2': [0.5, 0.75]}
        """
        columns = [(self.loss, epoch.loss), (self.val_loss, epoch.val_loss), (self.lr, epoch.lr)]
        for own, new in ((self.metrics, epoch.metrics), (self.val_metrics, epoch.val_metrics)):
            columns += [(own.setdefault(name, []), numbers) for name, numbers in new.items()]
        # Python handles Ctrl-C only between its own instructions: here none come between two columns.
        deque(starmap(list.extend, columns), maxlen=0)

    def columns(self) -> dict[str, list[float]]:
        """Return what was recorded by name: ``loss``, ``val_loss``, metrics, and ``val_`` and their names.

        Examples
        --------
        >>> list(History(loss=[1.0], val_loss=[1.5], metrics={"r2": [0.5]}).columns())
        ['loss', 'val_loss', 'r2']
        """
        held_out = {f"val_{name}": numbers for name, numbers in self.val_metrics.items()}
        known = {"loss": self.loss, "val_loss": self.val_loss, **self.metrics, **held_out, "lr": self.lr}
        return {name: numbers for name, numbers in known.items() if numbers}

    def plot(self, title: str = "Training") -> Figure:
        """Plot the loss and the metrics, held-out ones beside, against the epochs: `nn.plots.loss_curve`."""
        return loss_curve(self, title)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a row for each epoch, below the names of the columns.

        Parameters
        ----------
        path : path-like
            The file, which is written whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     History(loss=[2.0, 1.0]).to_csv(f"{folder}/a.csv")
        ...     Path(f"{folder}/a.csv").read_text().split()
        ['epoch,loss', '1,2.0', '2,1.0']
        """
        text = io.StringIO(newline="")
        rows = csv.writer(text, lineterminator="\n")
        columns = self.columns()
        rows.writerow(["epoch", *columns])
        rows.writerows(zip(range(1, len(self.loss) + 1), *columns.values(), strict=True))
        write_whole(Path(path), text.getvalue().encode())

    def __str__(self) -> str:
        """Return the latest numbers."""
        latest = {name: numbers[-1] for name, numbers in self.columns().items() if name != "lr"}
        texts = [f"{name} {_shown(name, number)}" for name, number in latest.items()]
        return printable(", ".join(texts)) or "no epoch yet"

    def __repr__(self) -> str:
        count = len(self.loss)
        ended = f"; {printable(self.ended)}" if self.ended else ""
        return f"History({count} epoch{'s' * (count != 1)}: {self}{ended})"

    def _repr_html_(self) -> str:
        """Return a table of the first, the best and the last epoch, for notebooks."""
        columns = self.columns()
        rows = [
            [str(epoch + 1), *(_shown(name, numbers[epoch]) for name, numbers in columns.items())]
            for epoch in self._telling_epochs()
        ]
        return html_table(["epoch", *columns], rows, repr(self))

    def _telling_epochs(self) -> list[int]:
        if not self.loss:
            return []
        decisive = self.val_loss or self.loss
        return sorted({0, decisive.index(min(decisive)), len(self.loss) - 1})


def _shown(name: str, number: float) -> str:
    """Return a number as it is read: fractions as percentages, and never 270 digits."""
    if name.removeprefix("val_") in FRACTIONS:
        return f"{number:.1%}"
    is_plain = number == 0.0 or 1e-4 <= abs(number) < 1e6
    return f"{number:.4f}" if is_plain else f"{number:.4g}"
