"""The training loop."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autograd import as_values, is_anomaly_enabled

from . import losses
from .compiled_steps import CompiledSteps
from .eager_steps import EagerSteps, Loss, NothingToLearnError
from .layers import Rng
from .module import Module
from .optimizers import SGD, Optimizer
from .progress import Progress

Metric = Callable[[Any, Any], float]
Array = npt.NDArray[Any]


@dataclass
class History:
    """What a training run recorded, one number an epoch.

    Attributes
    ----------
    loss : list of float
        Mean loss of the samples, before the step that their gradient led to.
    metric : list of float
        The metric of the same predictions; empty without one.
    how : str
        ``"compiled"``, or ``"eager: "`` and why.
    """

    loss: list[float] = field(default_factory=list)
    metric: list[float] = field(default_factory=list)
    how: str = ""

    def __str__(self) -> str:
        """Return the latest numbers."""
        text = f"loss {self.loss[-1]:.4f}" if self.loss else "no epoch yet"
        return text + (f", {self.metric[-1]:.1%}" if self.metric else "")


def fit(
    model: Module,
    inputs: npt.ArrayLike,
    targets: npt.ArrayLike,
    *,
    loss: Loss,
    optimizer: Optimizer | None = None,
    epochs: int = 100,
    batch_size: int | None = None,
    metric: Metric | None = None,
    rng: Rng = None,
    progress: bool = True,
    jit: bool | Literal["auto"] = "auto",
) -> History:
    """Train a model: for each batch the loss, its gradient, and a step of the optimizer (C11, E4).

    Parameters
    ----------
    model : Module
        What to train, in place.
    inputs : array_like, shape (samples, inputs)
        A row for each sample.
    targets : array_like, shape (samples, ...)
        A target for each sample, as the loss takes them.
    loss : callable
        From the outputs, shape (batch, outputs), and the targets of a batch to one `Value`.
    optimizer : Optimizer or None
        Of `nn.optimizers`; None takes ``SGD(model.parameters(), lr=0.1)``.
    epochs : int
        How often to go through the samples.
    batch_size : int or None
        Samples a step, drawn in a new order each epoch; None takes all, in order.
    metric : callable or None
        From outputs and targets to a number, such as `nn.metrics.accuracy`.
    rng : Generator, int or None
        Where the order of the samples comes from.
    progress : bool
        Whether to show a progress bar.
    jit : bool or "auto"
        Whether to compile loss, gradient and the optimizer's rule (`autograd.jit`). ``"auto"`` does where
        there are steps enough for it to pay, and else, or where the model cannot be traced, trains eagerly;
        the history says why. What model and loss read besides parameters, inputs and targets is read once.

    Returns
    -------
    History
        Loss and metric of each epoch.

    Raises
    ------
    ValueError
        For numbers of samples that differ, none at all, numbers of epochs or samples below 1, and for a
        loss that is the same whatever the outputs are, as `cross_entropy` is of a single one.
    TypeError
        For a loss that is no function, or does not give a `Value`.
    FloatingPointError
        As soon as the loss is nan or infinite; the message names the row of the data, where it is that.

    Warns
    -----
    UserWarning
        Where ``jit="auto"`` finds that the model cannot be compiled.

    Examples
    --------
    >>> from nn import Neuron
    >>> from nn.losses import mse
    >>> line = Neuron(1, "linear", rng=0)
    >>> history = fit(line, [[0.0], [1.0]], [1.0, 3.0], loss=mse, epochs=300, progress=False)
    >>> [f"{p.data:.2f}" for p in line.parameters()]
    ['2.00', '1.00']
    """
    x, y = np.asarray(inputs), np.asarray(targets)
    _check(x, y, loss, epochs, batch_size)
    optimizer = optimizer or SGD(model.parameters(), lr=0.1)
    generator = np.random.default_rng(rng)
    history = History()
    batches = math.ceil(len(x) / (batch_size or len(x)))
    steps, history.how = _steps(jit, epochs * batches, EagerSteps(model, loss, optimizer), x, y, batch_size)
    epochs_shown = Progress(epochs, shown=progress)
    try:
        for epoch in epochs_shown:
            numbers: list[float] = []
            metrics, weights = [], []
            for batch in _batches(len(x), batch_size, generator):
                value, outputs = steps(x[batch], y[batch])
                if not math.isfinite(value):
                    steps.write_parameters()
                    why = _why_not_finite(x, y, model, is_first=not (history.loss or numbers))
                    raise FloatingPointError(f"the loss is {value} in epoch {epoch + 1}: {why}")
                numbers.append(value)
                weights.append(len(outputs))
                if metric is not None:
                    steps.write_parameters()
                    nodes = outputs if outputs.dtype == object else as_values(outputs)
                    metrics.append(metric(nodes, y[batch]))
                    steps.read_parameters()
            history.loss.append(_mean(numbers, weights))
            if metric is not None:
                history.metric.append(_mean(metrics, weights))
            epochs_shown.describe(history)
    finally:
        try:
            steps.finish()
        except KeyboardInterrupt:
            # It assigns all or nothing, and would have been lost: what was trained until now is put in place.
            steps.finish()
            raise
    return history


# To compile takes as long as 5 steps of a network for digits, and 20 of a neuron.
_WORTH_COMPILING = 20


def _steps(
    jit: bool | str, count: int, eager: EagerSteps, x: Array, y: Array, batch_size: int | None
) -> tuple[EagerSteps | CompiledSteps, str]:
    """Return what does the steps, and how."""
    if jit not in (True, False, "auto"):
        raise ValueError(f'expected jit to be True, False or "auto", got {jit!r}')
    if not jit:
        return eager, "eager: as was asked for"
    if jit == "auto" and count < _WORTH_COMPILING:
        return eager, f"eager: {count} steps are done sooner than compiled"
    if jit == "auto" and is_anomaly_enabled():
        return eager, "eager: inside of anomaly()"
    first = slice(batch_size)
    try:
        compiled = CompiledSteps(eager.model, eager.loss, eager.optimizer)
        compiled.check(x[first], y[first], y)
    except NothingToLearnError:
        raise
    except Exception as error:
        if jit is True:
            raise
        # What an eager pass over the samples finds as well is no matter of compiling.
        for start in range(0, len(x), batch_size or len(x)):
            eager.try_out(x[start:][first], y[start:][first])
        why = f"{type(error).__name__}: {error}"
        warnings.warn(
            f"the training is not compiled ({why}); pass jit=False to train eagerly without this warning",
            stacklevel=3,
        )
        return eager, f"eager: {why}"
    return compiled, "compiled"


def _mean(numbers: Sequence[float], weights: Sequence[int]) -> float:
    total: float = sum(map(operator.mul, numbers, weights))
    return total / sum(weights)


def _batches(samples: int, size: int | None, rng: np.random.Generator) -> Iterator[Array | slice]:
    """Yield what takes the samples of each batch."""
    if size is None:
        yield slice(None)
        return
    order = rng.permutation(samples)
    for start in range(0, samples, size):
        yield order[start : start + size]


def _why_not_finite(x: Array, y: Array, model: Module, is_first: bool) -> str:
    """Return what a loss that is not finite may come from, and what to do."""
    # An infinite input may leave a loss finite and its gradient not, and so come out batches later.
    for name, array in (("inputs", x), ("targets", y)):
        if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
            place = np.argwhere(~np.isfinite(array))[0].tolist()
            number = f"{name}[{', '.join(map(str, place))}] is {array[tuple(place)]}"
            return f"{number}: leave out such samples, or fill in what is missing"
    see = "train inside autograd.anomaly() to see where it begins"
    if not is_first:
        return f"lower the learning rate, or {see}"
    for name, parameter in model.named_parameters():
        if not math.isfinite(parameter):
            return f"the parameter {name} was {parameter.data} before the first step; initialise it anew"
    return f"no step was done yet, so it is the model, the loss or the scale of the data: {see}"


def _check(x: Array, y: Array, loss: Any, epochs: int, batch_size: int | None) -> None:
    if x.ndim != 2 or y.ndim < 1 or len(x) != len(y) or not len(x):
        raise ValueError(
            "expected a 2-D array of inputs with a row for each sample, and a target for each, "
            f"got inputs of shape {x.shape} and targets of shape {y.shape}"
        )
    if epochs < 1 or (batch_size is not None and batch_size < 1):
        raise ValueError(f"expected epochs and batch_size to be at least 1, got {epochs} and {batch_size}")
    if isinstance(loss, str) or not callable(loss):
        known = f": pass nn.losses.{loss}" if isinstance(loss, str) and hasattr(losses, loss) else ""
        raise TypeError(f"expected the loss to be a function of outputs and targets, got {loss!r}{known}")
