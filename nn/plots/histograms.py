"""Histograms of what a model consists of and computes, for each layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from autograd import has_gradient

from ..losses.penalties import is_bias
from ..modules.module import Module
from .activity import activations_of
from .figures import COLORS, panels_of, show_legend
from .layers import by_layer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]


def parameter_histograms(model: Module, title: str = "Parameters") -> Figure:
    """Plot how the weights and the biases of each layer are distributed.

    Parameters
    ----------
    model : Module
        The model.
    title : str
        The title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A plot for each layer.

    Raises
    ------
    ValueError
        If the model has no parameters.
    ModuleNotFoundError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from nn import MLP
    >>> len(parameter_histograms(MLP(2, [16, 1], rng=0)).axes)
    2
    """
    return _of_parameters(model, "data", title)


def gradient_histograms(model: Module, title: str = "Gradients") -> Figure:
    """Plot how the gradients of each layer are distributed, after ``backward()`` or `nn.fit`.

    Gradients that become smaller from layer to layer vanish; those of dead neurons are 0.

    Parameters
    ----------
    model : Module
        The model.
    title : str
        The title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A plot for each layer.

    Raises
    ------
    ValueError
        If the model has no parameters, or no gradients yet.
    ModuleNotFoundError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from nn import MLP, losses
    >>> model = MLP(2, [16, 1], rng=0)
    >>> losses.mse(model(np.ones((4, 2))), np.ones(4)).backward()
    >>> len(gradient_histograms(model).axes)
    2
    """
    if not any(map(has_gradient, model.parameters())):
        raise ValueError("expected a model with gradients, got one without: call backward() or nn.fit first")
    return _of_parameters(model, "grad", title)


def activation_histograms(model: Module, inputs: npt.ArrayLike, title: str = "Activations") -> Figure:
    """Plot how the outputs of each layer are distributed over some samples.

    Parameters
    ----------
    model : Module
        The model.
    inputs : array_like, shape (samples, inputs)
        The samples, such as a batch of the training data; a few hundred tell enough.
    title : str
        The title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        A plot for each layer, which says how many of its outputs are 0: those of dead neurons are.

    Raises
    ------
    ValueError
        For no samples.
    ModuleNotFoundError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from nn import MLP
    >>> len(activation_histograms(MLP(2, [16, 1], rng=0), np.ones((4, 2))).axes)
    2
    """
    if not np.size(inputs):
        raise ValueError(f"expected at least one sample, got inputs of shape {np.shape(inputs)}")
    layers = {}
    for name, numbers in activations_of(model, inputs).items():
        zeros = np.mean(numbers == 0.0)
        layers[name] = {f"outputs, {zeros:.0%} are 0" if zeros else "outputs": numbers.ravel()}
    return _histograms(layers, title)


def _of_parameters(model: Module, attribute: str, title: str) -> Figure:
    layers: dict[str, dict[str, Array]] = {}
    for layer, own in by_layer(model).items():
        groups: dict[str, list[float]] = {}
        for name, placed in own.items():
            numbers = [getattr(parameter, attribute) for parameter in placed.values()]
            groups.setdefault("biases" if is_bias(name) else "weights", []).extend(numbers)
        layers[layer] = {name: np.array(numbers) for name, numbers in groups.items()}
    return _histograms(layers, title)


def _histograms(layers: Mapping[str, Mapping[str, Array]], title: str) -> Figure:
    """Plot a histogram for each layer, of several groups of numbers on one axis."""
    figure, panels = panels_of(title, list(layers))
    from matplotlib.ticker import MaxNLocator

    for axes, groups in zip(panels, layers.values(), strict=True):
        finite = {name: numbers[np.isfinite(numbers)] for name, numbers in groups.items()}
        together = np.concatenate(list(finite.values()))
        bins = np.histogram_bin_edges(together, bins=min(40, max(8, int(2 * np.sqrt(len(together))))))
        for place, (name, numbers) in enumerate(finite.items()):
            lost = len(groups[name]) - len(numbers)
            label = f"{name}, {lost} of {len(groups[name])} not finite" if lost else name
            color = COLORS[place]
            axes.hist(numbers, bins=bins, color=color, alpha=0.55, edgecolor=color, label=label)
        if len(together):
            axes.axvline(0.0, color="#333333", linewidth=0.8)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("count")
        show_legend(axes, fontsize="small")
    return figure
