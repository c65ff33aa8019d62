"""Neurons, layers of neurons, and networks of layers.

Arguments called ``rng`` take a `numpy.random.Generator` or a seed; the same seed gives the same model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograd import Value, dot

from ..activations import Activation, activation, is_rectifier
from ..initializers import Initializer, initializer
from ..randomness import Rng
from .module import Module, Sample
from .names import name_of


class Neuron(Module):
    """``g(w·x + b)``: a node for the dot product, one for the bias, and those of the activation (B1, C9).

    Parameters
    ----------
    n_in : int
        Number of inputs.
    activation : str or callable
        g, a name of `nn.activations.ACTIVATIONS` or a function of a `Value`.
    init : str, callable or None
        How to draw the weights (`nn.initializers`). None takes ``"he"`` for activations of the ReLU family,
        otherwise ``"glorot"``. The bias starts at 0.
    n_out : int
        The number of neurons in its layer.
    rng : Generator, int or None
        The source of randomness.

    Attributes
    ----------
    w : list of Value
        The weights.
    b : Value
        The bias.

    Raises
    ------
    ValueError
        For fewer than one input, or an unknown name.

    Examples
    --------
    >>> neuron = Neuron(3, activation="relu", rng=0)
    >>> neuron.load_state_dict({"w[0]": 4, "w[1]": 2, "w[2]": -5, "b": 7})  # B1 of the notes
    >>> neuron([1, 0, 2])
    Value(1.0, op='relu')
    """

    def __init__(
        self,
        n_in: int,
        activation: str | Activation = "relu",
        *,
        init: str | Initializer | None = None,
        n_out: int = 1,
        rng: Rng = None,
    ) -> None:
        _check_size("n_in", n_in)
        self.activation = _activation(activation)
        draw = initializer(init or ("he" if is_rectifier(self.activation) else "glorot"))
        self.w = [Value(float(weight)) for weight in draw(np.random.default_rng(rng), n_in, n_out)]
        self.b = Value(0.0)

    def forward(self, x: Sample) -> Any:
        """Return the output for one sample."""
        if len(x) != len(self.w):
            raise ValueError(f"the neuron expected {len(self.w)} inputs, got {len(x)}")
        return self.activation(dot(self.w, x) + self.b)

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)}, {name_of(self.activation)!r})"


class Layer(Module):
    """Neurons that share their inputs: ``g(W·x + b)``, with a row of W for each neuron (B4).

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and of neurons.
    activation, init, rng
        As in `Neuron`.

    Attributes
    ----------
    neurons : list of Neuron
        The neurons.

    Raises
    ------
    ValueError
        For fewer than one input or neuron, or an unknown name.

    Examples
    --------
    >>> len(Layer(3, 2, rng=0)([1.0, 0.0, 2.0]))
    2
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: str | Activation = "relu",
        *,
        init: str | Initializer | None = None,
        rng: Rng = None,
    ) -> None:
        _check_size("n_out", n_out)
        generator = np.random.default_rng(rng)
        self.neurons = [Neuron(n_in, activation, init=init, n_out=n_out, rng=generator) for _ in range(n_out)]

    def forward(self, x: Sample) -> list[Any]:
        """Return the outputs for one sample."""
        # Converted once, not by every neuron, which saves 3 ms of a step on 100 points.
        inputs = tuple(x.tolist() if isinstance(x, np.ndarray) else x)
        return [neuron.forward(inputs) for neuron in self.neurons]

    def __repr__(self) -> str:
        first = self.neurons[0]
        return f"Layer({len(first.w)}, {len(self.neurons)}, {name_of(first.activation)!r})"


class MLP(Module):
    """A multi-layer perceptron: a sequence of layers (A1, D5, D6).

    Parameters
    ----------
    n_in : int
        Number of inputs.
    sizes : sequence of int
        The number of neurons of each layer; the last is the number of outputs.
    activation : str or callable
        The activation of the hidden layers.
    output : str or callable
        The activation of the last layer.
    init, rng
        As in `Neuron`.

    Attributes
    ----------
    layers : list of Layer
        The layers.

    Raises
    ------
    ValueError
        For an empty list of sizes, a size below 1, or an unknown name.
    TypeError
        If `sizes` is not a sequence.

    Examples
    --------
    >>> model = MLP(2, [16, 16, 1], rng=0)
    >>> len(model.parameters())
    337
    >>> model.parameters()[1].label
    'layers.0.neurons.0.w[1]'
    >>> model(np.zeros((5, 2))).shape
    (5, 1)
    """

    def __init__(
        self,
        n_in: int,
        sizes: Sequence[int],
        activation: str | Activation = "relu",
        *,
        output: str | Activation = "linear",
        init: str | Initializer | None = None,
        rng: Rng = None,
    ) -> None:
        if isinstance(sizes, str) or not isinstance(sizes, Iterable):
            one = f"; a single layer of {sizes} is [{sizes}]" if isinstance(sizes, int | np.integer) else ""
            raise TypeError(
                f"expected sizes to be a list of the layers' sizes, such as [16, 16, 1], got {sizes!r}{one}"
            )
        widths = [n_in, *sizes]
        if len(widths) == 1:
            raise ValueError("an MLP has at least one layer; pass sizes such as [16, 16, 1]")
        generator = np.random.default_rng(rng)
        # Looked up even without a hidden layer, so that a wrong name raises.
        functions = [_activation(activation)] * (len(widths) - 2) + [_activation(output)]
        self.layers = [
            Layer(before, after, function, init=init, rng=generator)
            for before, after, function in zip(widths[:-1], widths[1:], functions, strict=True)
        ]

    def forward(self, x: Sample) -> Sequence[Any]:
        """Return the outputs for one sample."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def __repr__(self) -> str:
        layers = ", ".join(map(repr, self.layers))
        return f"MLP({layers}): {len(self.parameters())} parameters"


_activation = activation  # The constructors have an argument of this name.


def _check_size(name: str, size: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"expected {name} to be a whole number of at least 1, got {size!r}")
