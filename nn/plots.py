"""Plots of a training run, with Matplotlib."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.printable import printable

from .datasets import Dataset, Standardizer
from .metrics import predicted_classes
from .module import Module
from .training import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = ("#1f6fb4", "#d9822b", "#3a9d5d", "#b4457e", "#7a5cc0", "#6b7784")


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
    >>> len(loss_curve(History(loss=[2.0, 1.0], metric=[0.5, 0.9])).axes)
    2
    """
    figure, axes = _figure(title)
    epochs = np.arange(1, len(history.loss) + 1)
    axes.plot(epochs, history.loss, color=_COLORS[0])
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss", color=_COLORS[0])
    axes.set_ylim(bottom=0.0)
    axes.grid(alpha=0.25)
    if history.metric:
        right = axes.twinx()
        right.plot(epochs, history.metric, color=_COLORS[1])
        right.set_ylabel("accuracy on the training data", color=_COLORS[1])
        right.set_ylim(0.0, 1.02)
    return figure


def decision_boundary(
    model: Module, dataset: Dataset, standardize: Standardizer | None = None, points: int = 70
) -> Figure:
    """Plot the samples over the regions in which the model predicts each class.

    Parameters
    ----------
    model : Module
        A classifier of two inputs.
    dataset : Dataset
        Samples with two features.
    standardize : Standardizer or None
        The standardizer of the model's inputs.
    points : int
        The number of grid points along each axis at which the model is evaluated.

    Returns
    -------
    matplotlib.figure.Figure
        The plot.

    Raises
    ------
    ValueError
        If there are not two features.
    ModuleNotFoundError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from nn import MLP
    >>> from nn.datasets import moons
    >>> len(decision_boundary(MLP(2, [1], rng=0), moons(), points=5).axes)
    1
    """
    if dataset.inputs.shape[1] != 2:
        raise ValueError(f"a decision boundary expected 2 features, got {len(dataset.features)}")
    low, high = dataset.inputs.min(axis=0), dataset.inputs.max(axis=0)
    margin = 0.1 * np.where(high > low, high - low, 1.0)
    x, y = (np.linspace(a, b, points) for a, b in zip(low - margin, high + margin, strict=True))
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    regions = predicted_classes(model(standardize(grid) if standardize else grid)).reshape(points, points)
    figure, axes = _figure(f"Decision boundary, {dataset.name}")
    colors = [_COLORS[i % len(_COLORS)] for i in range(len(dataset.classes))]
    levels = np.arange(len(dataset.classes) + 1) - 0.5
    axes.contourf(x, y, regions, levels=levels, colors=colors, alpha=0.25)
    for class_, (name, color) in enumerate(zip(dataset.classes, colors, strict=True)):
        members = dataset.inputs[dataset.labels == class_]
        # Matplotlib hides names that begin with an underscore, but not with a space of no width.
        label = f"\u200b{name}" if name.startswith("_") else printable(name)
        axes.scatter(
            members[:, 0], members[:, 1], color=color, label=label, edgecolors="white", linewidths=0.6, s=36
        )
    axes.set_xlabel(printable(dataset.features[0]), parse_math=False)
    axes.set_ylabel(printable(dataset.features[1]), parse_math=False)
    for text in axes.legend(framealpha=0.9).get_texts():
        text.set_parse_math(False)
    return figure


def _figure(title: str) -> tuple[Figure, Axes]:
    """Return a new figure that is not in the global list of figures."""
    if find_spec("matplotlib") is None:
        raise ModuleNotFoundError("plots need Matplotlib: pip install 'chainrule[viz]'")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes: Any = figure.add_subplot()
    axes.set_title(printable(title), parse_math=False)
    return figure, axes
