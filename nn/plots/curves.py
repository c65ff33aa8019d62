"""Curves over the epochs of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.printable import printable

from ..metrics import FRACTIONS
from .figures import COLORS, figure_of, panels_of, show_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..training.history import History


def loss_curve(history: History, title: str = "Training", *, log: bool = False) -> Figure:
    """Plot the loss and each metric against the epochs, with the curves of held-out samples.

    Parameters
    ----------
    history : History
        The result of `nn.fit`. Where an early stopping has restored the best parameters, a line marks their
        epoch.
    title : str
        The title of the figure.
    log : bool
        Whether the loss has a logarithmic axis.

    Returns
    -------
    matplotlib.figure.Figure
        The figure: the loss, and beside it each metric. Notebooks show it; ``figure.savefig("loss.png")``
        saves it.

    Raises
    ------
    ModuleNotFoundError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from nn import History
    >>> len(loss_curve(History(loss=[2.0, 1.0], metrics={"accuracy": [0.5, 0.9]})).axes)
    2
    """
    if history.metrics:
        figure, (axes, *others) = panels_of(title, ["", *[""] * len(history.metrics)])
    else:
        (figure, axes), others = figure_of(title), []
    _plot(axes, "loss", history.loss, history.val_loss, history.best_epoch)
    numbers = np.array(history.loss + history.val_loss)
    if log:
        axes.set_yscale("log")
    elif not np.any(numbers < 0.0):
        axes.set_ylim(bottom=0.0)
    for panel, (name, measured) in zip(others, history.metrics.items(), strict=True):
        held_out = history.val_metrics.get(name, [])
        where = "" if held_out else " on the training data"
        _plot(panel, f"{name}{where}", measured, held_out, history.best_epoch)
        if name in FRACTIONS:
            panel.set_ylim(0.0, 1.02)
    return figure


def _plot(
    axes: Any, name: str, training: Sequence[float], held_out: Sequence[float], best_epoch: int | None
) -> None:
    """Plot a number of each epoch, of the training data and of those that are held out."""
    from matplotlib.ticker import MaxNLocator

    epochs = np.arange(1, len(training) + 1)
    # A single epoch is no line.
    marker = "o" if len(training) == 1 else None
    axes.plot(epochs, training, color=COLORS[0], marker=marker, label="training")
    if held_out:
        axes.plot(epochs, held_out, color=COLORS[5], marker=marker, linestyle="--", label="held out")
    if best_epoch is not None:
        axes.axvline(best_epoch, color=COLORS[6], linestyle=":", label=f"best epoch: {best_epoch}")
    if held_out or best_epoch is not None:
        show_legend(axes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("epoch")
    axes.set_ylabel(printable(name), parse_math=False)
    axes.grid(alpha=0.25)
