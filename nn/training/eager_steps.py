"""Eager training steps, and the check that a loss depends on the outputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import Value, as_values, data, grads
from autograd.quiet import quiet

from ..assignment import GRADIENT, NUMBER, assign_all
from ..losses import Loss
from ..modules.evaluating import evaluating
from ..modules.module import Module
from ..optimizers import Optimizer
from ..randomness import Rng
from .draws import Draws
from .one_by_one import Evaluated, OneByOne
from .samples import Array, WeightedSamples

Clip = Callable[[Array], Array]


class NothingToLearnError(ValueError):
    """The loss does not depend on the outputs of the model."""


class EagerSteps(OneByOne):
    """Training steps that record a graph for each batch.

    Parameters
    ----------
    model : Module
        The model, which is trained in place.
    loss : callable
        A function from the outputs and targets of a batch to one `Value`.
    optimizer : Optimizer
        The optimizer of its parameters.
    clip : callable or None
        A function from the gradients of all parameters, an array, to those that the optimizer is given.
    rng : Generator, int or None
        Where the random numbers of the model come from, such as those of `nn.Dropout`.

    Examples
    --------
    >>> from nn import Neuron
    >>> from nn.losses import mse
    >>> from nn.optimizers import SGD
    >>> from .samples import samples_of
    >>> line = Neuron(1, "linear", rng=0)
    >>> steps = EagerSteps(line, mse, SGD(line.parameters(), lr=0.1))
    >>> batch = samples_of([[0.0], [1.0]], [1.0, 3.0])
    >>> losses = [steps(batch)[0] for _ in range(2)]
    >>> losses[0] > losses[1]
    True
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        optimizer: Optimizer,
        clip: Clip | None = None,
        rng: Rng = None,
    ) -> None:
        self.model, self.loss, self.optimizer, self.clip = model, loss, optimizer, clip
        self.draws = Draws(model, rng)
        self._is_known_to_learn = False

    def __call__(self, batch: WeightedSamples) -> tuple[float, Array]:
        """Do a step, unless the loss is not finite. Return the loss and the outputs before the step."""
        with self.draws.given_for(batch.x):
            outputs, value = self.try_out(batch)
        if math.isfinite(value):
            self.optimizer.zero_grad()
            value.backward()
            if not self._is_known_to_learn:
                # Only if in doubt, since a loss may count its calls.
                if not any(output.grad for output in outputs.flat if isinstance(output, Value)):
                    check_that_it_learns(self.loss, outputs.shape, batch.y)
                self._is_known_to_learn = True
            if self.clip is not None:
                parameters = self.optimizer.parameters
                clipped = self.clip(grads(parameters))
                assign_all((parameters, GRADIENT, clipped.tolist()))
            self.optimizer.step()
        return value.data, data(outputs)

    def try_out(self, batch: WeightedSamples) -> tuple[Any, Value]:
        """Return the outputs and the loss of a batch, without a step."""
        outputs = self.model(batch.x)
        value = loss_of(self.loss, outputs, batch.y, batch.weights)
        if not isinstance(value, Value):
            raise TypeError(
                f"expected the loss to be one Value, got {value!r} ({type(value).__name__}): compute it with "
                "autograd's functions, and not from plain numbers such as autograd.data(outputs)"
            )
        return outputs, value

    def value_and_gradient(self, numbers: Array, samples: WeightedSamples) -> tuple[float, Array]:
        """Return the loss of samples, and its gradient, where the parameters have some numbers."""
        parameters = self.optimizer.parameters
        before = data(parameters)
        try:
            assign_all((parameters, NUMBER, numbers.tolist()))
            _, value = self.try_out(samples)
            self.optimizer.zero_grad()
            value.backward()
            return value.data, grads(parameters)
        finally:
            assign_all((parameters, NUMBER, before.tolist()))

    def move(self, numbers: Array, gradients: Array) -> None:
        """Count a step, after which the parameters have some numbers, and the loss there a gradient."""
        parameters = self.optimizer.parameters
        assign_all(
            (parameters, NUMBER, numbers.tolist()),
            (parameters, GRADIENT, gradients.tolist()),
            ([self.optimizer], "steps", [self.optimizer.steps + 1]),
        )

    def evaluate(self, held_out: WeightedSamples) -> Evaluated:
        """Return what comes out for samples that are not learnt from."""
        with evaluating(self.model):
            outputs, value = self.try_out(held_out)
        return Evaluated(value.data, data(outputs), held_out.y, held_out.weight)

    def check_targets(self, targets: Array) -> None:
        """Do nothing: the loss checks them at each step."""

    def write(self) -> None:
        """Do nothing: parameters and optimizer are up to date."""

    def read(self) -> None:
        """Do nothing: each step reads the parameters."""


def loss_of(loss: Loss, outputs: Any, targets: Any, weights: Any = None) -> Value:
    """Return a loss, which is told of the samples' weights if there are some.

    Examples
    --------
    >>> from nn.losses import mse
    >>> loss_of(mse, [Value(1.0)], [3.0]).data
    4.0
    """
    return loss(outputs, targets) if weights is None else loss(outputs, targets, sample_weight=weights)


def check_that_it_learns(loss: Loss, shape: tuple[int, ...], targets: Array) -> None:
    """Raise if a loss does not depend on the outputs, so that nothing would be learnt.

    Parameters
    ----------
    loss : callable
        A function from outputs and targets to one `Value`.
    shape : tuple of int
        The shape of the outputs.
    targets : ndarray
        The targets of these samples.

    Raises
    ------
    NothingToLearnError
        If the derivatives with respect to all outputs are 0 at several points.

    Examples
    --------
    >>> from nn.losses import cross_entropy
    >>> check_that_it_learns(cross_entropy, (2, 2), np.array([0, 1]))
    """
    # Losses of probabilities are infinite at 0 and 1, and the hinge loss is flat on one side.
    inside = np.linspace(0.1, 0.9, math.prod(shape)).reshape(shape)
    with quiet():
        for numbers in (np.full(shape, 0.5), inside, -inside):
            outputs = as_values(numbers)
            loss(outputs, targets).backward()
            if any(output.grad for output in outputs.flat):
                return
    raise NothingToLearnError(
        "the loss is the same whatever the model's outputs are, so nothing would be learnt: compute it from "
        "the outputs, and not from their numbers alone"
    )
