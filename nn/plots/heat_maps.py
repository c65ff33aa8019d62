"""Weights as heat maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.printable import printable

from ..losses.penalties import is_bias
from ..modules.module import Module
from .figures import panels_of
from .layers import by_layer, matrix_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# So many names, and numbers in cells, can be read.
_MOST_NAMES, _MOST_CELLS = 30, 80


def weight_maps(model: Module, features: tuple[str, ...] = (), title: str = "Weights") -> Figure:
    """Plot the weights of each layer as a heat map: a row for each output, a column for each input.

    Parameters
    ----------
    model : Module
        The model.
    features : sequence of str
        The names of the inputs of the first layer, such as those of a data set.
    title : str
        The title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A plot for each matrix of weights, blue for negative ones and red for positive ones. Colours of one
        plot are comparable, those of different plots are not.

    Raises
    ------
    ValueError
        If the model has no matrix of weights.
    ModuleNotFoundError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from nn import MLP
    >>> len(weight_maps(MLP(2, [3, 1], rng=0)).axes)  # two plots, and their scales
    4
    """
    matrices = {}
    for layer, attributes in by_layer(model).items():
        for name, placed in attributes.items():
            matrix = None if is_bias(name) else matrix_of(placed)
            if matrix is not None:
                matrices[f"{layer}.{name}"] = matrix
    figure, panels = panels_of(title, list(matrices))
    for place, (axes, matrix) in enumerate(zip(panels, matrices.values(), strict=True)):
        _draw(figure, axes, matrix, features if place == 0 and len(features) == matrix.shape[1] else ())
    return figure


def _draw(figure: Any, axes: Any, matrix: Any, features: tuple[str, ...]) -> None:
    from matplotlib.ticker import MaxNLocator

    largest = np.nanmax(np.abs(matrix), initial=0.0) or 1.0
    # Blue, white and red are told apart by everybody; 0 is white.
    image = axes.imshow(matrix, cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto")
    figure.colorbar(image, ax=axes)
    if matrix.size <= _MOST_CELLS and max(matrix.shape) <= 10:
        for (row, column), weight in np.ndenumerate(matrix):
            color = "white" if abs(weight) > 0.6 * largest else "black"
            axes.text(column, row, f"{weight:.2g}", ha="center", va="center", color=color, fontsize="x-small")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    if 0 < len(features) <= _MOST_NAMES:
        axes.set_xticks(range(len(features)), map(printable, features), rotation=45, ha="right")
        for text in axes.get_xticklabels():
            text.set_parse_math(False)
    axes.set_xlabel("input")
    axes.set_ylabel("output")
