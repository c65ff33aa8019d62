"""Curves over the epochs of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .figures import COLORS, figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..training.history import History


def loss_curve(history: History, title: str = "Training") -> Figure:
    """Plot the loss, and the metric if there is one, against the epochs.

    Parameters
    ----------
    history : History
        The result of `nn.fit`.
    title : str
        The title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure. Notebooks show it; ``figure.savefig("loss.png")`` saves it.

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
    figure, axes = figure_of(title)
    epochs = np.arange(1, len(history.loss) + 1)
    axes.plot(epochs, history.loss, color=COLORS[0])
    if history.val_loss:
        axes.plot(epochs, history.val_loss, color=COLORS[0], linestyle="--", label="held out")
        axes.legend()
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss", color=COLORS[0])
    axes.set_ylim(bottom=0.0)
    axes.grid(alpha=0.25)
    if history.metrics:
        name, numbers = next(iter(history.metrics.items()))
        right = axes.twinx()
        right.plot(epochs, numbers, color=COLORS[1])
        right.set_ylabel(f"{name} on the training data", color=COLORS[1])
        right.set_ylim(0.0, 1.02)
    return figure
