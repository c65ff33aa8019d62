"""Compiled training steps (C11, E4).

A step is a function from parameters, optimizer states and a batch to the next parameters and states, written
with the public `value_and_grad`, `vmap` and `jit`. It consists of two compiled functions: the gradient of the
loss, and the optimizer's rule. A single function would take 50% longer to compile, because the rule would be
traced for each parameter.
"""

from __future__ import annotations

import copy
import math
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from autograd import as_values, data, jit, make_functional, value_and_grad, vmap

from ..assignment import GRADIENT, NUMBER, assign_all
from ..losses import Loss
from ..modules.draws import RandomRows, giving
from ..modules.evaluating import evaluating
from ..modules.module import Module
from ..optimizers import Optimizer, State
from ..randomness import Rng
from .draws import Draws
from .eager_steps import Clip, check_that_it_learns, loss_of
from .one_by_one import Evaluated, OneByOne
from .samples import Array, WeightedSamples
from .target_checks import NewTargets

# The rounding of sums in another order is smaller than this, and random numbers differ by more.
_SAME = {"float64": 1e-9, "float32": 1e-4}

# The samples that are compared with an eager call: for a whole batch it would take as long as compiling.
_FEW = 4

# Those whose loss is: it takes 20 µs for each.
_MANY = 1024


class StepResult(NamedTuple):
    """The result of a step, in one object, so that an interrupt never mixes the results of two steps.

    Attributes
    ----------
    parameters, gradients : ndarray of float
        The numbers of the parameters, and the derivatives before the step.
    states : tuple of ndarray of float
        The states of the optimizer, an array for each of their numbers.
    steps : int
        The number of steps done.
    """

    parameters: Array
    gradients: Array
    states: tuple[Array, ...]
    steps: int


class CompiledSteps(OneByOne):
    """Training steps that are compiled, once for each number of samples in a batch.

    Meanwhile the parameters, their gradients and the states of the optimizer are arrays; `write` assigns
    them to the model and the optimizer.

    Parameters
    ----------
    model, loss, optimizer, clip, rng
        As in `EagerSteps`.
    backend : str or None
        What the steps run on, see `autograd.jit`.
    dtype : str
        What they compute in, likewise.

    Examples
    --------
    >>> from nn import Neuron
    >>> from nn.losses import mse
    >>> from nn.optimizers import SGD
    >>> from .samples import samples_of
    >>> line = Neuron(1, "linear", rng=0)
    >>> steps = CompiledSteps(line, mse, SGD(line.parameters(), lr=0.1))
    >>> batch = samples_of([[0.0], [1.0]], [1.0, 3.0])
    >>> losses = [steps(batch)[0] for _ in range(200)]
    >>> steps.write()
    >>> [f"{p.data:.2f}" for p in line.parameters()]
    ['2.00', '1.00']
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        optimizer: Optimizer,
        clip: Clip | None = None,
        rng: Rng = None,
        backend: str | None = None,
        dtype: str = "float64",
    ) -> None:
        self.model, self.loss, self.optimizer, self.clip = model, loss, optimizer, clip
        self.draws = Draws(model, rng)

        def loss_of_batch(x: Any, y: Any, weights: Any = None) -> tuple[Any, Any]:
            outputs = model(x)
            return loss_of(loss, outputs, y, weights), outputs

        def loss_with_draws(numbers: Any, *columns: Any) -> tuple[Any, Any]:
            with giving(RandomRows(numbers)):
                return loss_of_batch(*columns)

        # The loss may use the parameters as well, for a penalty.
        of_parameters = make_functional(loss_of_batch, optimizer.parameters)
        to_learn = of_parameters
        if self.draws.are_needed:
            to_learn = make_functional(loss_with_draws, optimizer.parameters)
        self._jit, self._dtype = partial(jit, backend=backend, dtype=dtype), dtype
        self._gradient = self._jit(value_and_grad(to_learn, has_aux=True))
        self._value = self._jit(of_parameters)
        self._compile_rule()
        self._are_new, self._of_a_sample = NewTargets(), ()
        numbers = data(optimizer.parameters)
        states = tuple(np.array(optimizer.states, dtype=float).T.copy())
        self._now = StepResult(numbers, np.zeros(len(numbers)), states, optimizer.steps)

    def __call__(self, batch: WeightedSamples) -> tuple[float, Array]:
        """Do a step, unless the loss is not finite. Return the loss and the outputs before the step."""
        before, steps = self._now, self._now.steps + 1
        (loss, outputs), gradients = self._gradient(
            before.parameters, *self.draws.drawn_for(batch.x), *batch.columns()
        )
        if math.isfinite(loss):
            gradients = gradients if self.clip is None else self.clip(gradients)
            varying = [getattr(self.optimizer, name) for name in self._varying]
            parameters, states = self._update(
                before.parameters, gradients, before.states, float(steps), *varying
            )
            self._now = StepResult(parameters, gradients, states, steps)
        return loss, outputs

    def value_and_gradient(self, numbers: Array, samples: WeightedSamples) -> tuple[float, Array]:
        """Return the loss of samples, and its gradient, where the parameters have some numbers."""
        (loss, _), gradients = self._gradient(numbers, *samples.columns())
        return loss, gradients

    def move(self, numbers: Array, gradients: Array) -> None:
        """Count a step, after which the parameters have some numbers, and the loss there a gradient."""
        self._now = StepResult(numbers, gradients, self._now.states, self._now.steps + 1)

    def evaluate(self, held_out: WeightedSamples) -> Evaluated:
        """Return what comes out for samples that are not learnt from."""
        with evaluating(self.model):
            loss, outputs = self._value(self._now.parameters, *held_out.columns())
        return Evaluated(loss, outputs, held_out.y, held_out.weight)

    def check(self, first: WeightedSamples, targets: Array) -> None:
        """Compare the compiled loss with an eager one, and have the loss check all targets.

        Parameters
        ----------
        first : WeightedSamples
            The first batch.
        targets : ndarray
            All targets that are known by now.

        Raises
        ------
        RuntimeError
            If the results differ, for example because a model draws random numbers, which are constants of
            the compiled program.
        """
        first = first.take(slice(_MANY))
        # Not those of the training, which are to be the same as those of an eager one.
        draws = self.draws.anew(0).drawn_for(first.x)
        (found, outputs), _ = self._gradient(self._now.parameters, *draws, *first.columns())
        outputs = np.asarray(outputs)
        few = [numbers[:_FEW] for numbers in draws]
        with giving(RandomRows(*few)) if few else nullcontext():
            self._compare("what the model gives", data(self.model(first.x[:_FEW])), outputs[:_FEW])
        eager = loss_of(self.loss, as_values(outputs), first.y, first.weights)
        self._compare("the loss", float(eager), found)
        check_that_it_learns(self.loss, (len(first.y), *outputs.shape[1:]), first.y)
        self._of_a_sample = outputs.shape[1:]
        self._are_new(first.y)
        self.check_targets(targets)

    def check_targets(self, targets: Array) -> None:
        """Have the loss check targets: when it is compiled, it does not know their numbers."""
        for start in range(0, len(targets), _MANY):
            part = targets[start : start + _MANY]
            if self._are_new(part):
                self.loss(as_values(np.full((len(part), *self._of_a_sample), 0.5)), part)

    def _compare(self, what: str, eager: Any, compiled: Any) -> None:
        same = _SAME[self._dtype]
        if not np.allclose(eager, compiled, rtol=same, atol=same, equal_nan=True):
            difference = np.max(np.abs(np.subtract(eager, compiled)))
            raise RuntimeError(
                f"{what}, compiled, differs by {difference:.2g} from an eager call: model and loss may "
                "depend on parameters, inputs and targets alone"
            )

    def _compile_rule(self) -> None:
        self._varying, self._fixed = self.optimizer.varying, _fixed_settings(self.optimizer)
        self._update = self._jit(_rule_of_all(self.optimizer))

    def snapshot(self) -> StepResult:
        """Return all that the steps have changed until now."""
        return self._now

    def restore(self, snapshot: StepResult) -> None:
        """Go on from a snapshot."""
        self._now = snapshot

    def fresh(self, numbers: Array) -> StepResult:
        """Return the state of parameters with some numbers before the first step."""
        states = tuple(np.full(len(numbers), number) for number in self.optimizer.initial)
        return StepResult(numbers, np.zeros(len(numbers)), states, 0)

    def read(self) -> None:
        """Read the parameters, and settings and states of the optimizer, which the user may have changed."""
        if _fixed_settings(self.optimizer) != self._fixed:
            self._compile_rule()
        self._now = self._now._replace(
            parameters=data(self.optimizer.parameters),
            states=tuple(np.array(self.optimizer.states, dtype=float).T.copy()),
            steps=self.optimizer.steps,
        )

    def write(self) -> None:
        """Assign the numbers and gradients of the parameters, and the states of the optimizer."""
        if self.optimizer.steps == self._now.steps:
            return
        # Without checks, which take 5 ms for 17,000 parameters: these are floats, and the parameters leaves.
        parameters, now = self.optimizer.parameters, self._now
        columns = [state.tolist() for state in now.states]
        states = list(zip(*columns, strict=True)) or [()] * len(parameters)
        assign_all(
            (parameters, NUMBER, now.parameters.tolist()),
            (parameters, GRADIENT, now.gradients.tolist()),
            ([self.optimizer], "states", [states]),
            ([self.optimizer], "steps", [now.steps]),
        )


def _fixed_settings(optimizer: Optimizer) -> dict[str, Any]:
    """Return the settings that are constants of the compiled rule."""
    varying = optimizer.varying
    return {name: setting for name, setting in optimizer.settings.items() if name not in varying}


def _rule_of_all(optimizer: Optimizer) -> Any:
    """Return the rule of an optimizer for all parameters at once."""
    names = optimizer.varying

    def moved(parameter: Any, gradient: Any, state: State, step: Any, *varying: Any) -> tuple[Any, State]:
        # A copy, since these settings are arguments: they may change between the steps.
        rule = copy.copy(optimizer)
        vars(rule).update(zip(names, varying, strict=True))
        return rule.update(parameter, gradient, state, step)

    return vmap(moved, in_axes=(0, 0, 0, None, *[None] * len(names)))
