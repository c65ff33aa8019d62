"""Regions in which a classifier predicts each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autograd.printable import printable

from ..datasets import Dataset, Standardizer
from ..metrics import predicted_classes
from ..modules.module import Module

if TYPE_CHECKING:
    from matplotlib.figure import Figure
from .figures import COLORS, figure_of


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
    figure, axes = figure_of(f"Decision boundary, {dataset.name}")
    colors = [COLORS[i % len(COLORS)] for i in range(len(dataset.classes))]
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
