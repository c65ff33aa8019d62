"""Steps of training: the loss of a batch, its gradient, and a step of the optimizer (C11, E4).

`EagerSteps` records a graph for each batch; `CompiledSteps` records one for each number of samples, and
compiles it with the optimizer's rule in it.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import Value, data
from autograd.compiler.compile import Result, compiled, compiled_elementwise
from autograd.compiler.jitted import backend_or_best
from autograd.compiler.runtime.background import improve_later
from autograd.compiler.runtime.collector import paused_collector
from autograd.compiler.runtime.program import Program, Run
from autograd.engine.graph import consumers_first
from autograd.engine.tracing import tracing
from autograd.transforms.batch_tracing import for_each_sample
from autograd.transforms.partials import partials_as_graph
from autograd.transforms.sweeps import pull

from .assignment import assign_all
from .module import Module
from .optimizers import Optimizer

Array = npt.NDArray[Any]

# A compiler in the background halves the speed of what goes on: Numba begins when a training has taken as
# long as it would take to load compiled code from its cache.
_PATIENCE = 1.0

# Sums in another order differ by less, and random numbers by more.
_SAME = 1e-9

# An eager pass over a batch would take as long as it takes to compile.
_FEW = 4

Loss = Callable[[Any, Any], Value]


class NothingToLearnError(ValueError):
    """A loss does not depend on the outputs of the model."""


class EagerSteps:
    """Steps that record a graph for each batch.

    Parameters
    ----------
    model : Module
        What to train, in place.
    loss : callable
        From outputs and targets of a batch to one `Value`.
    optimizer : Optimizer
        What moves the parameters.

    Examples
    --------
    >>> from nn import Neuron
    >>> from nn.losses import mse
    >>> from nn.optimizers import SGD
    >>> line = Neuron(1, "linear", rng=0)
    >>> steps = EagerSteps(line, mse, SGD(line.parameters(), lr=0.1))
    >>> losses = [steps(np.array([[0.0], [1.0]]), np.array([1.0, 3.0]))[0] for _ in range(2)]
    >>> losses[0] > losses[1]
    True
    """

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self._is_known_to_learn = False

    def __call__(self, x: Array, y: Array) -> tuple[float, Any]:
        """Do a step; return the loss, and the outputs before it. A loss that is not finite moves nothing."""
        outputs, value = self.try_out(x, y)
        if math.isfinite(value):
            self.optimizer.zero_grad()
            value.backward()
            if not self._is_known_to_learn:
                # Asked for where there is a doubt, since a loss may count its calls.
                if not any(output.grad for output in outputs.flat if isinstance(output, Value)):
                    check_that_it_learns(self.loss, outputs.shape, y)
                self._is_known_to_learn = True
            self.optimizer.step()
        return value.data, outputs

    def try_out(self, x: Array, y: Array) -> tuple[Any, Value]:
        """Return outputs and loss of a batch, and move nothing."""
        outputs = self.model(x)
        value = self.loss(outputs, y)
        if not isinstance(value, Value):
            raise TypeError(
                f"expected the loss to be one Value, got {value!r} ({type(value).__name__}): compute it with "
                "autograd's functions, and not from plain numbers such as autograd.data(outputs)"
            )
        return outputs, value

    def write_parameters(self) -> None:
        """Do nothing: the parameters are where they belong."""

    def read_parameters(self) -> None:
        """Do nothing: the parameters are read when they are used."""

    def finish(self) -> None:
        """Do nothing: the optimizer did each step itself."""


class _Moved(NamedTuple):
    """What a step leaves, held as one so that an interrupt never finds a part of it from another step."""

    parameters: Array
    gradients: Array
    states: list[Array]
    steps: int


class CompiledSteps:
    """Steps that are compiled, one program for each number of samples.

    The parameters, their gradients and what the optimizer keeps of them are arrays meanwhile, and go back
    where they belong by `finish`.

    Parameters
    ----------
    model, loss, optimizer
        As in `EagerSteps`.

    Examples
    --------
    >>> from nn import Neuron
    >>> from nn.losses import mse
    >>> from nn.optimizers import SGD
    >>> line = Neuron(1, "linear", rng=0)
    >>> steps = CompiledSteps(line, mse, SGD(line.parameters(), lr=0.1))
    >>> losses = [steps(np.array([[0.0], [1.0]]), np.array([1.0, 3.0]))[0] for _ in range(200)]
    >>> steps.finish()
    >>> [f"{p.data:.2f}" for p in line.parameters()]
    ['2.00', '1.00']
    """

    def __init__(self, model: Module, loss: Loss, optimizer: Optimizer) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self._programs: dict[tuple[int, ...], Program] = {}
        self._backend = backend_or_best(None)
        numbers = self._numbers()
        states = list(np.array(optimizer.states, dtype=float).T)
        self._now = _Moved(numbers, np.zeros(len(numbers)), states, optimizer.steps)
        self._update = self._compiled_update()
        self._improves_at = time.perf_counter() + _PATIENCE

    def __call__(self, x: Array, y: Array) -> tuple[float, Array]:
        """Do a step; return the loss, and the outputs before it as floats."""
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        shapes = (*x.shape, *y.shape)
        if shapes not in self._programs:
            self._programs[shapes] = self._compiled_gradient(x, y)
        if time.perf_counter() > self._improves_at:
            self._improve()
        before = self._now
        loss, outputs, gradients = self._programs[shapes].run(before.parameters, x, y)
        if math.isfinite(loss):
            lr, step = np.float64(self.optimizer.lr), np.float64(before.steps + 1)
            parameters, *states = self._update.run(lr, step, before.parameters, gradients, *before.states)
            self._now = _Moved(parameters, gradients, states, before.steps + 1)
        return float(loss), outputs

    def _improve(self) -> None:
        """Have the programs that there are by now made faster in the background, once."""
        self._improves_at = math.inf
        for program in (self._update, *self._programs.values()):
            improve_later(program)

    def check(self, x: Array, y: Array, targets: Array) -> None:
        """Compare a step that is compiled with an eager one, and let the loss look at all targets.

        Parameters
        ----------
        x, y : ndarray
            Inputs and targets of the first batch.
        targets : ndarray
            Those of all samples. The loss sees numbers here; in a compiled step it does not.

        Raises
        ------
        RuntimeError
            If the results differ: a model that draws random numbers is compiled with those that it drew.
        """
        program = self._programs[(*x.shape, *y.shape)] = self._compiled_gradient(x, y)
        found, outputs, _ = program.run(self._now.parameters, x.astype(float), y.astype(float))
        eager = self.model(x[:_FEW])
        self._compare("what the model gives", data(eager), outputs[:_FEW])
        self._compare("the loss", self.loss(_variables(outputs), y)._data, found)
        check_that_it_learns(self.loss, (len(targets), *outputs.shape[1:]), targets)

    def _compare(self, what: str, eager: Any, compiled: Any) -> None:
        if not np.allclose(eager, compiled, rtol=_SAME, atol=_SAME, equal_nan=True):
            difference = np.max(np.abs(np.subtract(eager, compiled)))
            raise RuntimeError(
                f"{what}, compiled, differs by {difference:.2g} from an eager call: model and loss may "
                "depend on parameters, inputs and targets alone"
            )

    def write_parameters(self) -> None:
        """Give the parameters their numbers and gradients; before the first step they have them."""
        if self.optimizer.steps != self._now.steps:
            assign_all(*self._columns())

    def read_parameters(self) -> None:
        """Read the parameters, which somebody may have changed."""
        self._now = self._now._replace(parameters=self._numbers())

    def finish(self) -> None:
        """Put the parameters, their gradients and the optimizer's states where they belong."""
        if self.optimizer.steps == self._now.steps:
            return
        columns = [state.tolist() for state in self._now.states]
        states = list(zip(*columns, strict=True)) or [()] * len(self._now.parameters)
        assign_all(
            *self._columns(),
            ([self.optimizer], "states", [states]),
            ([self.optimizer], "steps", [self._now.steps]),
        )

    def _numbers(self) -> Array:
        return np.array([parameter._data for parameter in self.optimizer.parameters])

    def _columns(self) -> list[tuple[list[Value], str, list[float]]]:
        """Return what to assign to the parameters."""
        # These are floats and leaves: to have them checked takes 5 ms for 17,000 parameters.
        parameters, now = self.optimizer.parameters, self._now
        return [(parameters, "_data", now.parameters.tolist()), (parameters, "grad", now.gradients.tolist())]

    @paused_collector()
    def _compiled_gradient(self, x: Array, y: Array) -> Program:
        """Record a batch with the model's own parameters as inputs, since the loss may use them as well."""
        parameters, inputs, targets = self.optimizer.parameters, _variables(x), _variables(y)
        arguments = [parameters, inputs.ravel().tolist(), targets.ravel().tolist()]
        with _traced(arguments):
            outputs = self.model(inputs)
            loss = self.loss(outputs, targets)
            gradients = pull(consumers_first(loss), [loss], [1.0], parameters, partials_as_graph)
        results: list[Result] = [([loss], ()), (outputs.ravel().tolist(), outputs.shape)]
        results.append((gradients, self._now.gradients.shape))
        shapes = [self._now.parameters.shape, x.shape, y.shape]
        names = ["parameters", "inputs", "targets"]
        return compiled(results, arguments, shapes, names, self._backend)

    def _compiled_update(self) -> Program:
        """Record the optimizer's rule for one parameter; NumPy takes arrays in its place."""
        leaves = [Value(1.0) for _ in self._update_names]
        with _traced([leaves]):
            moved = self._moved(leaves)
        program = compiled_elementwise(moved, leaves, self._update_names)
        if self._backend != "numpy":
            program.expect(self._backend, self._faster_update)
        return program

    def _faster_update(self) -> Run:
        """Record the optimizer's rule for all parameters, which other backends than NumPy need."""
        shape = self._now.parameters.shape
        shared = [[Value(1.0)], [Value(1.0)]]
        vectors = [_variables(np.ones(shape)).tolist() for _ in self._update_names[2:]]
        arguments = [*shared, *vectors]
        with _traced(arguments):
            rows = [list(row) for row in zip(*vectors, strict=True)]
            moved = for_each_sample(lambda row: self._moved([*chain(*shared), *row]), rows)
        results: list[Result] = [(column, shape) for column in zip(*moved, strict=True)]
        shapes = [(), (), *[shape] * len(vectors)]
        program = compiled(results, arguments, shapes, self._update_names, self._backend)
        program.improve()
        return program.run

    @property
    def _update_names(self) -> list[str]:
        states = (f"state{i}" for i in range(1, len(self._now.states) + 1))
        return ["lr", "step", "parameter", "gradient", *states]

    def _moved(self, numbers: Sequence[Any]) -> list[Any]:
        """Return parameter and states after a step."""
        lr, step, parameter, gradient, *states = numbers
        # A copy, since somebody may change the rate between the steps, and this may be another thread.
        rule = copy.copy(self.optimizer)
        rule.lr = lr
        moved, kept = rule.update(parameter, gradient, tuple(states), step)
        return [moved, *kept]


def check_that_it_learns(loss: Loss, shape: tuple[int, ...], targets: Array) -> None:
    """Raise if a loss is the same whatever the outputs are, so that nothing would be learnt.

    Parameters
    ----------
    loss : callable
        From outputs and targets to one `Value`.
    shape : tuple of int
        The shape of the outputs.
    targets : ndarray
        The targets of as many samples.

    Raises
    ------
    NothingToLearnError
        If the derivatives by all outputs are 0, wherever it looks.

    Examples
    --------
    >>> from nn.losses import cross_entropy
    >>> check_that_it_learns(cross_entropy, (2, 2), np.array([0, 1]))
    """
    # Losses of probabilities are infinite at 0 and 1, and those of margins are flat on one side.
    inside = np.linspace(0.1, 0.9, math.prod(shape)).reshape(shape)
    with np.errstate(all="ignore"):
        for numbers in (np.full(shape, 0.5), inside, -inside):
            outputs = _variables(numbers)
            loss(outputs, targets).backward()
            if any(output.grad for output in outputs.flat):
                return
    one = (
        "cross_entropy of one output is 0: use binary_cross_entropy_with_logits, or an output for each class"
    )
    several = "compute it from the outputs, and not from their numbers alone"
    raise NothingToLearnError(
        "the loss is the same whatever the model's outputs are, so nothing would be learnt: "
        + (one if shape[-1] == 1 else several)
    )


@contextmanager
def _traced(arguments: Sequence[Sequence[Value]]) -> Iterator[None]:
    leaves = list(chain(*arguments))
    with tracing(leaves), np.errstate(all="ignore"):
        yield


def _variables(array: Array) -> Array:
    """Return a leaf for each number."""
    leaves = np.empty(array.shape, dtype=object)
    leaves.ravel()[:] = [Value(number) for number in array.ravel().tolist()]
    return leaves
