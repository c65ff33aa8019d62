"""Regions in which a classifier predicts each class, and how certain it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autograd.printable import printable
from autograd.quiet import errstate

from ..datasets import Dataset, Standardizer
from ..metrics.classification import probabilities_of
from ..modules.module import Module
from ..modules.plain_outputs import plain_outputs
from .figures import COLORS, MARKERS, figure_of, label_of, show_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]

# How much of its colour a region has where the model guesses, and where it is certain.
_PALE, _STRONG = 0.08, 0.6


def decision_boundary(
    model: Module,
    dataset: Dataset,
    standardize: Standardizer | None = None,
    points: int = 200,
    *,
    threshold: float = 0.0,
) -> Figure:
    """Plot the samples over the regions in which the model predicts each class, darker where it is certain.

    Parameters
    ----------
    model : Module
        A classifier of two inputs: a score for each class, or a single one for class 1.
    dataset : Dataset
        Samples with two features and their classes.
    standardize : Standardizer or None
        The standardizer of the model's inputs.
    points : int
        The number of grid points along each axis at which the model is evaluated, all in one compiled call.
    threshold : float
        From where on a single output tells class 1: 0 for logits and scores, 0.5 for probabilities.

    Returns
    -------
    matplotlib.figure.Figure
        The plot.

    Raises
    ------
    ValueError
        If there are not two features, no classes, more classes than the model has outputs for, or less than
        2 points.
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
    if not dataset.classes:
        raise ValueError(f"a decision boundary expected classes, got {dataset!r}")
    if points < 2:
        raise ValueError(f"expected points to be at least 2, got {points!r}")
    figure, axes = figure_of(f"Decision boundary, {dataset.name}")
    low, high = dataset.inputs.min(axis=0), dataset.inputs.max(axis=0)
    margin = 0.1 * np.where(high > low, high - low, 1.0)
    x, y = (np.linspace(a, b, points) for a, b in zip(low - margin, high + margin, strict=True))
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    outputs = plain_outputs(model, standardize(grid) if standardize else grid)
    chances = _probabilities(outputs, threshold).reshape(points, points, -1)
    if chances.shape[-1] < len(dataset.classes):
        raise ValueError(
            f"expected the model to have an output for each of {len(dataset.classes)} classes, "
            f"got {outputs.shape[1]}"
        )
    _shade(axes, x, y, chances)
    _scatter(axes, dataset)
    axes.set_xlabel(printable(dataset.features[0]), parse_math=False)
    axes.set_ylabel(printable(dataset.features[1]), parse_math=False)
    return figure


def _probabilities(outputs: Array, threshold: float) -> Array:
    """Return a probability for each class, of logits unless they are probabilities already."""
    if outputs.shape[1] == 1:
        is_probability = threshold == 0.5 and np.all((outputs >= 0.0) & (outputs <= 1.0))
        with errstate(over="ignore"):
            of_one = outputs if is_probability else 1.0 / (1.0 + np.exp(threshold - outputs))
        return np.hstack([1.0 - of_one, of_one])
    if np.all(outputs >= 0.0) and np.allclose(outputs.sum(axis=1), 1.0):
        return outputs
    return probabilities_of(outputs)


def _shade(axes: Any, x: Array, y: Array, chances: Array) -> None:
    """Fill each region with its class's colour, and draw the lines between them."""
    from matplotlib.colors import to_rgb

    classes = chances.shape[-1]
    colors = np.array([to_rgb(COLORS[i % len(COLORS)]) for i in range(classes)])
    winner, best = chances.argmax(axis=-1), chances.max(axis=-1)
    certainty = (best - 1.0 / classes) / (1.0 - 1.0 / classes)
    share = (_PALE + (_STRONG - _PALE) * certainty)[..., None]
    # A pixel's centre is at its grid point.
    half_x, half_y = 0.5 * (x[1] - x[0]), 0.5 * (y[1] - y[0])
    axes.imshow(
        1.0 - share + share * colors[winner],
        extent=(x[0] - half_x, x[-1] + half_x, y[0] - half_y, y[-1] + half_y),
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
        zorder=0,
    )
    for class_ in np.unique(winner)[1:] if classes == 2 else np.unique(winner):
        lead = chances[..., class_] - np.delete(chances, class_, axis=-1).max(axis=-1)
        if lead.min() < 0.0 < lead.max():
            axes.contour(x, y, lead, levels=[0.0], colors="#333333", linewidths=1.2)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])


def _scatter(axes: Any, dataset: Dataset) -> None:
    """Draw the samples of each class, in a colour and a shape of its own."""
    for class_, name in enumerate(dataset.classes):
        members = dataset.inputs[dataset.labels == class_]
        axes.scatter(
            members[:, 0],
            members[:, 1],
            color=COLORS[class_ % len(COLORS)],
            marker=MARKERS[class_ % len(MARKERS)],
            label=label_of(name),
            edgecolors="white",
            linewidths=0.7,
            s=36,
        )
    show_legend(axes, title="darker: more certain", title_fontsize="small")
