"""Networks that estimators train: each shape is compiled once, and lent to one training at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autograd import data

from ..activations import activation
from ..losses import binary_cross_entropy_with_logits, cross_entropy, l2_penalty, mse
from ..modules.neurons import MLP
from ..optimizers import optimizer
from ..training.compiled_steps import CompiledSteps

Array = npt.NDArray[np.float64]

Kind = Literal["classes", "labels", "numbers"]
"""What is predicted: one of several classes, yes or no for each output, or a number for each."""

# A grid search takes turns with a few shapes; a compiled one of 7,000 parameters holds some 10 MB.
_KEPT = 8


@dataclass(frozen=True)
class Network:
    """What a compiled network depends on.

    Attributes
    ----------
    widths : tuple of int
        The number of inputs, of the neurons of each hidden layer, and of outputs.
    activation : str
        That of the hidden layers, a name of `nn.activations.ACTIVATIONS`.
    kind : "classes", "labels" or "numbers"
        What is predicted, which the loss follows from.
    l2 : float
        The strength of the penalty on the weights (D8).
    solver : str
        A name of `nn.optimizers.OPTIMIZERS`.
    settings : tuple of (str, object)
        What the optimizer takes besides the learning rate.
    """

    widths: tuple[int, ...]
    activation: str
    kind: Kind
    l2: float
    solver: str
    settings: tuple[tuple[str, Any], ...] = ()

    def model(self, seed: int) -> MLP:
        """Return a network with new weights, drawn as scikit-learn does."""
        return MLP(self.widths[0], self.widths[1:], self.activation, init="glorot", rng=seed)

    def numbers(self, seed: int) -> Array:
        """Return the numbers of new parameters."""
        return data(self.model(seed).parameters())

    def layers(self, numbers: Array) -> tuple[list[Array], list[Array]]:
        """Return the weights of each layer, of shape (inputs, outputs), and the biases.

        Examples
        --------
        >>> coefs, intercepts = Network((2, 1), "relu", "numbers", 0.0, "adam").layers(np.arange(3.0))
        >>> coefs[0].tolist(), intercepts[0].tolist()
        ([[0.0], [1.0]], [2.0])
        """
        coefs, intercepts, start = [], [], 0
        for n_in, n_out in pairwise(self.widths):
            end = start + n_out * (n_in + 1)
            neurons = numbers[start:end].reshape(n_out, n_in + 1)
            coefs.append(np.ascontiguousarray(neurons[:, :-1].T))
            intercepts.append(neurons[:, -1].copy())
            start = end
        return coefs, intercepts

    def steps(self) -> CompiledSteps:
        """Return the compiled training steps of this thread for this network; others compile their own."""
        found: OrderedDict[Network, CompiledSteps] = vars(_OF_THREAD).setdefault("steps", OrderedDict())
        if self not in found:
            model = self.model(0)
            # On NumPy, since most trainings end within a second, before another backend would be ready; and
            # the same seed gives the same numbers so.
            rule = optimizer(self.solver, model, **dict(self.settings))
            loss = _loss(self.kind, model, self.l2)
            found[self] = CompiledSteps(model, loss, rule, backend="numpy")
        found.move_to_end(self)
        while len(found) > _KEPT:
            found.popitem(last=False)
        return found[self]


_OF_THREAD = threading.local()


def forget() -> None:
    """Forget the compiled networks of this thread."""
    vars(_OF_THREAD).clear()


def outputs_of(x: Array, coefs: list[Array], intercepts: list[Array], function: str) -> Array:
    """Return the outputs of a network for samples, from its arrays.

    Examples
    --------
    >>> outputs_of(np.array([[1.0, 2.0]]), [np.ones((2, 1))], [np.zeros(1)], "relu").tolist()
    [[3.0]]
    """
    hidden = activation(function)
    for place, (w, b) in enumerate(zip(coefs, intercepts, strict=True)):
        x = x @ w + b
        if place < len(coefs) - 1:
            x = np.asarray(hidden(x))
    return x


_LOSSES: dict[Kind, Callable[..., Any]] = {
    "classes": cross_entropy,
    "labels": binary_cross_entropy_with_logits,
    "numbers": lambda outputs, targets, **weights: 0.5 * mse(outputs, targets, **weights),
}


def _loss(kind: Kind, model: MLP, l2: float) -> Callable[..., Any]:
    fit_to_data = _LOSSES[kind]
    if not l2:
        return fit_to_data
    return lambda outputs, targets, **weights: (
        fit_to_data(outputs, targets, **weights) + l2_penalty(model, l2)
    )
