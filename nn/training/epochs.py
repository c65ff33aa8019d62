"""The epochs of a training."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import NoReturn

from autograd import data
from autograd.progress import Progress

from .. import losses
from ..metrics import Metric
from ..optimizers import LBFGS
from ..optimizers.schedules import ReduceLROnPlateau
from .callbacks import Training
from .checkpoints import INTERRUPTED, Saved
from .eager_or_compiled import Steps
from .history import History
from .measuring import Measured
from .not_finite import not_finite_in, why_not_finite
from .samples import Array, WeightedSamples
from .sources import SampleSource


class Epochs:
    """The epochs of a training."""

    def __init__(
        self,
        training: Training,
        steps: Steps,
        source: SampleSource,
        held_out: SampleSource | None,
        metrics: dict[str, Metric],
    ) -> None:
        self.training, self.history, self.steps = training, training.history, steps
        self.source, self.held_out = source, held_out
        self.metrics, self.callbacks = metrics, training.callbacks
        self.is_watched = bool(metrics or training.callbacks)
        self._rate = training.optimizer.lr

    def run(self, saved: Saved | None, shown: bool) -> None:
        """Run the epochs that are not done, until one of them is the last."""
        for callback in self.callbacks:
            callback.on_train_begin(self.training)
        if saved is not None:
            saved.restore(self.training)
            self.steps.read()
        progress = Progress(range(self.training.epoch, self.training.epochs), shown)
        try:
            (self._minimize if isinstance(self.training.optimizer, LBFGS) else self._descend)(progress)
        except KeyboardInterrupt:
            self.history.ended = INTERRUPTED
        finally:
            self._end()

    def _descend(self, progress: Progress) -> None:
        """Do epochs of steps, each by the optimizer's rule."""
        for _ in progress:
            if self.history.ended:
                break
            self._epoch(progress)
            progress.describe(self.history)

    def _minimize(self, progress: Progress) -> None:
        """Do the iterations of a minimisation over all samples, each of which is an epoch."""
        optimizer = self.training.optimizer
        assert isinstance(optimizer, LBFGS)
        samples = self.source.whole()
        start = data(optimizer.parameters)
        last: dict[bytes, Array] = {}
        before = self.steps.evaluate(samples)
        if not math.isfinite(before.loss):
            self._raise_not_finite(before.loss, is_first=True)
        epochs = iter(progress)
        next(epochs)

        def value_and_gradient(numbers: Array) -> tuple[float, Array]:
            value, gradients = self.steps.value_and_gradient(numbers, samples)
            last[numbers.tobytes()] = gradients
            return value, gradients

        def told(numbers: Array, value: float) -> None:
            nonlocal before
            gradients = last[numbers.tobytes()]
            last.clear()
            self.steps.move(numbers, gradients)
            measured = Measured(self.metrics, is_streamed=False)
            measured.add(before.outputs, before.targets)
            self._record(before.loss, optimizer.lr, measured)
            before = self.steps.evaluate(samples) if self.metrics else before._replace(loss=value)
            progress.describe(self.history)
            next(epochs, None)
            if self.history.ended:
                raise StopIteration

        left = self.training.epochs - self.training.epoch
        found = optimizer.minimize(value_and_gradient, start, left, told)
        if not math.isfinite(found.loss):
            self._raise_not_finite(found.loss, is_first=False)
        if self.training.epoch < self.training.epochs and not self.history.ended:
            self.history.ended = found.why

    def _raise_not_finite(self, value: float, is_first: bool) -> NoReturn:
        self.steps.write()
        # With an infinite input the loss may be finite and its gradient not, which only later batches show.
        has_rate = not isinstance(self.training.optimizer, LBFGS)
        why = why_not_finite(self.source.not_finite(), self.training.model, is_first, has_rate)
        raise FloatingPointError(f"the loss is {value} in epoch {self.training.epoch + 1}: {why}")

    def _end(self) -> None:
        try:
            self.steps.write()
        except KeyboardInterrupt:
            # It assigns all or nothing, so the result of the training would have been lost.
            self.steps.write()
            self.history.ended = INTERRUPTED
        self.training.model.eval()
        for callback in self.callbacks:
            callback.on_train_end(self.training)

    def _epoch(self, progress: Progress) -> None:
        """Do the steps of an epoch, and record it."""
        values: list[float] = []
        weights: list[float] = []
        # An epoch may take 14 us, and to collect for no metric 0.5.
        measured = Measured(self.metrics, self.source.is_streamed) if self.metrics else None
        is_streamed = self.source.is_streamed
        for found in self.steps.over(self._batches()):
            if not math.isfinite(found.loss):
                if losses.takes_probabilities(self.steps.loss):
                    # A compiled loss does not check that they are some; now their numbers are known.
                    self.steps.loss(found.outputs, found.targets)
                self._raise_not_finite(found.loss, is_first=not (self.history.loss or values))
            values.append(found.loss)
            weights.append(found.weight)
            if is_streamed:
                self._say_how_far(progress, values)
            if measured is not None:
                measured.add(found.outputs, found.targets)
        self._record(_mean(values, weights), self._rate, measured)

    def _record(self, loss: float, rate: float, measured: Measured | None) -> None:
        """Record an epoch, and tell of it."""
        if self.is_watched:
            self.steps.write()
        found = History([loss], {} if measured is None else measured.columns(), lr=[rate])
        if self.held_out is not None:
            self._evaluate(self.held_out, found)
        self.history.add(found)
        if self.training.schedule is not None:
            self._schedule("epoch")
        for callback in self.callbacks:
            callback.on_epoch_end(self.training)
        if self.is_watched:
            self.steps.read()

    def _say_how_far(self, progress: Progress, values: list[float]) -> None:
        """Show the number of batches that are done, and the loss of the last."""
        of_all = "" if self.source.count is None else f" of {self.source.count}"
        progress.within(lambda: f"batch {len(values)}{of_all}, loss {values[-1]:.4g}")

    def _batches(self) -> Iterator[WeightedSamples]:
        """Return the batches of an epoch; the settings of the optimizer are those of the last one's step."""
        self._rate, schedule = self.training.optimizer.lr, self.training.schedule
        batches = self.source.epoch(self.training.rng)
        if self.source.is_streamed or (schedule is not None and schedule.per == "batch"):
            return self._looked_at(batches)
        return batches

    def _looked_at(self, batches: Iterator[WeightedSamples]) -> Iterator[WeightedSamples]:
        """Yield batches, and do what is to be done between two steps."""
        for batch in batches:
            if self.source.is_streamed:
                self.steps.check_targets(batch.y)
            self._rate = self.training.optimizer.lr
            yield batch
            self._schedule("batch")

    def _evaluate(self, held_out: SampleSource, record: History) -> None:
        """Add the loss and the metrics of samples that are not learnt from to the record of an epoch."""
        values, weights, measured = [], [], Measured(self.metrics, held_out.is_streamed)
        for number, batch in enumerate(held_out.in_order()):
            if held_out.is_streamed and (cell := not_finite_in(batch)):
                raise FloatingPointError(f"of the held-out samples, in batch {number}, {cell}")
            found = self.steps.evaluate(batch)
            values.append(found.loss)
            weights.append(found.weight)
            measured.add(found.outputs, found.targets)
        record.val_loss, record.val_metrics = [_mean(values, weights)], measured.columns()

    def _schedule(self, per: str) -> None:
        """Step the schedule after a batch, or after an epoch."""
        schedule = self.training.schedule
        if schedule is None or schedule.per != per:
            return
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step((self.history.val_loss or self.history.loss)[-1])
        else:
            schedule.step()


def _mean(values: list[float], weights: list[float]) -> float:
    """Return a weighted mean; 0 if there is no weight at all, as a loss does."""
    if len(values) == 1:
        return values[0]
    # Not by NumPy, which takes 5 us longer for a few batches.
    total: float = sum(map(operator.mul, values, weights))
    return total / (sum(weights) or 1.0)
