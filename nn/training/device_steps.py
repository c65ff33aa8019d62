"""Training steps on the devices of JAX (C11, E4).

The steps of many batches are one program: a `jax.jit` of a `lax.scan` over the batches, whose body is the
gradient and the rule that `CompiledSteps` compiles, for ``backend="jax"``. The parameters are on each device,
and the samples of each batch are divided among them; so XLA adds up the gradients of the devices, and nothing
else goes from one to another.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..losses import Loss
from ..modules.evaluating import evaluating
from ..modules.module import Module
from ..optimizers import Optimizer
from ..randomness import Rng
from .compiled_steps import CompiledSteps, StepResult
from .draws import Draws
from .eager_steps import Clip
from .one_by_one import Evaluated
from .placement import Placement
from .samples import Array, WeightedSamples

# What is sent to the devices at once, while they compute with as much: 1 ms of a bus of 16 GB/s.
_MOST_BYTES = 2**24

_NOT_SHOWN = np.empty(0)


class _Planned(NamedTuple):
    """A step that is to be done: its batch, its random numbers, and the settings of its rule."""

    batch: WeightedSamples
    draws: tuple[Array, ...]
    varying: tuple[Any, ...]

    def fits(self, other: _Planned) -> bool:
        """Return whether one program can do both steps."""
        return [(own.shape, own.dtype) for own in self.batch.columns()] == [
            (column.shape, column.dtype) for column in other.batch.columns()
        ]

    @property
    def size(self) -> int:
        """The bytes of its arrays."""
        return sum(column.nbytes for column in (*self.draws, *self.batch.columns()))


class DeviceSteps(CompiledSteps):
    """Training steps on the devices of JAX, many in one call.

    Parameters
    ----------
    model, loss, optimizer, clip, rng
        As in `EagerSteps`.
    placement : Placement
        Where parameters and batches lie.
    is_measured : bool
        Whether outputs are wanted besides losses.
    dtype : str
        What the steps compute in.

    Examples
    --------
    >>> from nn import Neuron
    >>> from nn.losses import mse
    >>> from nn.optimizers import SGD
    >>> from .samples import samples_of
    >>> line = Neuron(1, "linear", rng=0)
    >>> steps = DeviceSteps(line, mse, SGD(line.parameters(), lr=0.1), placement=Placement())
    >>> batch = samples_of([[0.0], [1.0]], [1.0, 3.0])
    >>> losses = [done.loss for done in steps.over([batch] * 200)]
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
        *,
        placement: Placement,
        is_measured: bool = False,
        dtype: str = "float64",
    ) -> None:
        self._placement, self._is_measured = placement, is_measured
        self._kept: dict[str, tuple[WeightedSamples, tuple[jax.Array, ...]]] = {}
        super().__init__(model, loss, optimizer, clip, rng, "jax", dtype)
        self._evaluate = self._compiled_evaluation()
        self._differentiate = self._compiled_on_all(self._gradient)

    def over(self, batches: Iterable[WeightedSamples]) -> Iterator[Evaluated]:
        """Do a step for each batch. The next ones are on their way while the devices compute."""
        draws, running = self._draws_here(), deque[tuple[list[_Planned], Any]]()
        # The loss of the step before. Once it is not finite, no step changes anything.
        before: Any = 0.0
        for steps in _together(self._planned(batch, draws) for batch in batches):
            before, found = self._begin(steps, before)
            running.append((steps, found))
            if len(running) > 1:
                yield from self._end(*running.popleft())
        for steps, found in running:
            yield from self._end(steps, found)

    def evaluate(self, held_out: WeightedSamples) -> Evaluated:
        """Return what comes out for samples that are not learnt from."""
        with evaluating(self.model), self._precision():
            parameters = self._put_everywhere(self._now.parameters)
            found = self._evaluate(parameters, self._put_once("held out", held_out), samples=held_out.length)
            return self._result(held_out, *map(np.asarray, found))

    def value_and_gradient(self, numbers: Array, samples: WeightedSamples) -> tuple[float, Array]:
        """Return the loss of samples, and its gradient, where the parameters have some numbers."""
        with self._precision():
            parameters = self._put_everywhere(numbers)
            columns = self._put_once("to train on", samples)
            (loss, _), gradients = self._differentiate(parameters, columns, samples=samples.length)
            return float(loss), np.asarray(gradients, dtype=float)

    def write(self) -> None:
        """Assign the numbers and gradients of the parameters, and the states of the optimizer."""
        now = jax.device_get(self._now)
        self._now = now._replace(steps=int(now.steps))
        super().write()

    def _compile_rule(self) -> None:
        super()._compile_rule()
        self._run = self._compiled_run()

    def _compiled_run(self) -> Any:
        """Compile steps that are done one after another, each with its own batch."""
        placement, gradient, update = self._placement, self._gradient, self._update
        clip = None if self.clip is None else self._jit(self.clip)

        def step(rows: Any, carry: tuple[StepResult, Any], planned: Any) -> tuple[Any, Any]:
            (now, before), (draws, columns, varying) = carry, planned
            draws, columns = jax.tree.map(lambda column: column[rows], (draws, columns))
            (loss, outputs), gradients = gradient(now.parameters, *draws, *columns)
            gradients = lax.with_sharding_constraint(gradients, placement.everywhere)
            gradients = gradients if clip is None else clip(gradients)
            steps = now.steps + 1
            count = jnp.asarray(steps, gradients.dtype)
            parameters, states = update(now.parameters, gradients, now.states, count, *varying)
            after = StepResult(parameters, gradients, states, steps)
            is_finite = jnp.isfinite(loss) & jnp.isfinite(before)
            now = jax.tree.map(partial(jnp.where, is_finite), after, now)
            before = jnp.where(jnp.isfinite(before), loss, before)
            return (now, before), (loss, *self._shown(outputs, columns))

        def training_steps(now: StepResult, before: Any, planned: Any, *, samples: int) -> Any:
            rows = placement.samples_in(planned[1][0].shape[1], samples)
            before = jnp.asarray(before, now.parameters.dtype)
            (now, before), found = lax.scan(partial(step, rows), (now, before), planned)
            return now, before, found

        return jax.jit(training_steps, static_argnames="samples")

    def _compiled_evaluation(self) -> Any:
        def evaluation(parameters: Any, *columns: Any) -> tuple[Any, ...]:
            loss, outputs = self._value(parameters, *columns)
            return loss, *self._shown(outputs, columns)

        return self._compiled_on_all(evaluation)

    def _compiled_on_all(self, f: Callable[..., Any]) -> Any:
        """Compile a function of parameters, and of the columns of samples that are put there as one batch."""

        def on_all(parameters: Any, columns: Any, *, samples: int) -> Any:
            rows = self._placement.samples_in(columns[0].shape[1], samples)
            return f(parameters, *(column[0, rows] for column in columns))

        return jax.jit(on_all, static_argnames="samples")

    def _shown(self, outputs: Any, columns: Any) -> tuple[Any, ...]:
        """Return the weight of a batch and, where they are measured, its outputs and targets."""
        weight = columns[2].sum() if len(columns) > 2 else len(columns[0])
        if not self._is_measured:
            return (weight,)
        if not self._placement.is_distributed:
            return weight, outputs, columns[1]
        # Every process needs those of the others.
        return weight, *lax.with_sharding_constraint((outputs, columns[1]), self._placement.everywhere)

    def _result(self, batch: WeightedSamples, loss: Any, weight: Any, *shown: Any) -> Evaluated:
        outputs, targets = shown or (_NOT_SHOWN, batch.y)
        return Evaluated(float(loss), outputs, targets, float(weight))

    def _draws_here(self) -> Draws:
        """Return where this process draws random numbers from."""
        if not (self.draws.are_needed and self._placement.is_distributed):
            return self.draws
        # From the same generator the samples of each process would get the same numbers.
        return self.draws.anew([int(self.draws.rng.integers(2**63)), jax.process_index()])

    def _planned(self, batch: WeightedSamples, draws: Draws) -> _Planned:
        settings = tuple(getattr(self.optimizer, name) for name in self._varying)
        return _Planned(batch, draws.drawn_for(batch.x), settings)

    def _begin(self, steps: list[_Planned], before: Any) -> tuple[Any, Any]:
        """Have the devices do some steps. Return the last loss, and what comes out, before it is there."""
        first = steps[0]
        with self._precision():
            draws = self._put_stacked([step.draws for step in steps])
            if len(steps) == 1:
                columns = self._put_once("to train on", first.batch)
            else:
                columns = self._put_stacked([step.batch.columns() for step in steps])
            varying = jax.tree.map(lambda *each: np.array(each), *(step.varying for step in steps))
            now = self._put_everywhere(self._now)
            planned = (draws, columns, varying)
            self._now, before, found = self._run(now, before, planned, samples=first.batch.length)
        return before, found

    def _end(self, steps: list[_Planned], found: tuple[jax.Array, ...]) -> Iterator[Evaluated]:
        """Wait until some steps are done, and yield what came out."""
        for step, *each in zip(steps, *map(np.asarray, found), strict=True):
            result = self._result(step.batch, *each)
            if not math.isfinite(result.loss) and not self._is_measured:
                result = result._replace(outputs=self._outputs_of(step))
            yield result

    def _outputs_of(self, step: _Planned) -> Array:
        """Return what the model gives for the samples of this process, after the last step."""
        parameters = np.asarray(self._now.parameters)
        (_, outputs), _ = self._gradient(parameters, *step.draws, *step.batch.columns())
        return np.asarray(outputs)

    def _precision(self) -> AbstractContextManager[Any]:
        """Return a context in which arrays can have the precision of the steps."""
        doubles: AbstractContextManager[Any] = jax.enable_x64(True)
        return doubles if self._dtype == "float64" else nullcontext()

    def _put_everywhere(self, numbers: Any) -> Any:
        """Give each device the numbers of a tree, in the precision of the steps."""
        return self._placement.put_everywhere(jax.tree.map(self._rounded, numbers))

    def _rounded(self, numbers: Any) -> Any:
        is_float = isinstance(numbers, np.ndarray) and numbers.dtype.kind == "f"
        return numbers.astype(self._dtype) if is_float else numbers

    def _put_stacked(self, arrays: list[tuple[Array, ...]]) -> tuple[jax.Array, ...]:
        return tuple(self._placement.put(np.stack(column)) for column in zip(*arrays, strict=True))

    def _put_once(self, what: str, samples: WeightedSamples) -> tuple[jax.Array, ...]:
        """Put samples that may come again on the devices, unless they are the last ones that came."""
        if what not in self._kept or self._kept[what][0] is not samples:
            self._kept[what] = (samples, self._put_stacked([samples.columns()]))
        return self._kept[what][1]


def _together(planned: Iterable[_Planned]) -> Iterator[list[_Planned]]:
    """Yield steps that one program does: those of equal batches, as far as memory allows."""
    steps: list[_Planned] = []
    for step in planned:
        if steps and (not step.fits(steps[0]) or len(steps) * step.size >= _MOST_BYTES):
            yield steps
            steps = []
        steps.append(step)
    if steps:
        yield steps
