"""The training loop."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autograd import as_values, is_anomaly_enabled

from .. import losses
from ..losses import Loss
from ..metrics import Metric
from ..modules.module import Module
from ..optimizers import SGD, Optimizer
from ..randomness import Rng
from .compiled_steps import CompiledSteps
from .eager_steps import EagerSteps, NothingToLearnError
from .history import History
from .not_finite import why_not_finite
from .progress import Progress

Array = npt.NDArray[Any]


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
    """Train a model: for each batch, compute the loss and its gradient, and step the optimizer (C11, E4).

    Parameters
    ----------
    model : Module
        The model, which is trained in place.
    inputs : array_like, shape (samples, inputs)
        A row for each sample.
    targets : array_like, shape (samples, ...)
        A target for each sample, as the loss takes them.
    loss : callable
        A function from the outputs, of shape (batch, outputs), and the targets of a batch to one `Value`.
    optimizer : Optimizer or None
        An optimizer of `nn.optimizers`; None takes ``SGD(model.parameters(), lr=0.1)``.
    epochs : int
        The number of passes over the samples.
    batch_size : int or None
        The number of samples in a step, in a new random order each epoch; None takes all, in their order.
    metric : callable or None
        A function from outputs and targets to a number, such as `nn.metrics.accuracy`.
    rng : Generator, int or None
        The source of the random order.
    progress : bool
        Whether to show a progress bar.
    jit : bool or "auto"
        Whether to compile the step (`autograd.jit`). ``"auto"`` compiles if there are enough steps for it to
        pay off and the model can be traced; otherwise the training is eager, and the history says why.
        Anything that model and loss read besides parameters, inputs and targets is read only once then.

    Returns
    -------
    History
        The loss and the metric of each epoch.

    Raises
    ------
    ValueError
        For different numbers of inputs and targets, no samples, less than 1 epoch or sample in a batch, and a
        loss that does not depend on the outputs, as `cross_entropy` of a single output.
    TypeError
        For a loss that is not a function, or does not return a `Value`.
    FloatingPointError
        As soon as the loss is nan or infinite. If a sample is the cause, the message names its row.

    Warns
    -----
    UserWarning
        If ``jit="auto"`` cannot compile the model.

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
                    why = why_not_finite(x, y, model, is_first=not (history.loss or numbers))
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
            # It assigns all or nothing, so the result of the training would have been lost.
            steps.finish()
            raise
    return history


# Compiling takes as long as 5 eager steps of a network for digits, and 20 of a single neuron.
_WORTH_COMPILING = 20


def _steps(
    jit: bool | str, count: int, eager: EagerSteps, x: Array, y: Array, batch_size: int | None
) -> tuple[EagerSteps | CompiledSteps, str]:
    """Return an object that does the steps, and the text of `History.how`."""
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
        # An error that an eager pass over the samples raises as well has nothing to do with compiling.
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
    """Yield an index of the samples of each batch."""
    if size is None:
        yield slice(None)
        return
    order = rng.permutation(samples)
    for start in range(0, samples, size):
        yield order[start : start + size]


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
