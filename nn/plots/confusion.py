"""The confusion matrix of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autograd.printable import printable

from .. import metrics
from .figures import figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion_matrix(
    predicted: npt.ArrayLike,
    labels: npt.ArrayLike,
    classes: Sequence[str],
    title: str = "Confusion matrix",
) -> Figure:
    """Plot how often each class was taken for each.

    Parameters
    ----------
    predicted, labels : array_like of int, shape (samples,)
        The predicted and the right classes, as in `nn.metrics.confusion_matrix`.
    classes : sequence of str
        The names of the classes.
    title : str
        The title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each right class, a column for each predicted one. Each cell shows the number of samples,
        and is the darker the larger its share of the row is, so that rare classes can be seen, too.

    Raises
    ------
    ValueError
        For different shapes, a class that does not exist, or no names.
    ModuleNotFoundError
        If Matplotlib is not installed.

    Examples
    --------
    >>> figure = confusion_matrix([0, 1, 1], [0, 1, 0], ("cat", "dog"))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '1', '0', '1']
    """
    if not len(classes):
        raise ValueError("expected the names of the classes, got none")
    counts = metrics.confusion_matrix(predicted, labels, len(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = figure_of(title)
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    figure.colorbar(image, ax=axes, label="share of the right class")
    size = "medium" if len(classes) <= 10 else "x-small"
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=size)
    names = [*map(printable, classes)]
    is_long = max(map(len, names)) > 4
    axes.set_xticks(
        range(len(names)), names, rotation=45 if is_long else 0, ha="right" if is_long else "center"
    )
    axes.set_yticks(range(len(names)), names)
    for text in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        text.set_parse_math(False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("right")
    return figure
