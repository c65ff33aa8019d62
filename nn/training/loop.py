"""The training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing, nullcontext
from functools import partial
from math import inf
from os import PathLike
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autograd import data

from .. import losses, optimizers
from .. import metrics as known_metrics
from ..losses import Loss
from ..metrics import Metric
from ..modules.module import Module
from ..optimizers import LBFGS, SGD, Optimizer, schedules
from ..optimizers.clipping import clipped
from ..optimizers.schedules import LRScheduler
from ..randomness import Rng
from .callbacks import Callback, Training, as_callbacks
from .checkpoints import Checkpoint, Saved, state_of
from .device_mesh import DeviceMesh
from .eager_or_compiled import placement_of, steps_of
from .eager_steps import Clip, EagerSteps
from .early_stopping import EarlyStopping
from .epochs import Epochs
from .given_data import BatchesOf, sources_of
from .history import History
from .samples import ClassWeight

Metrics = str | Metric | Iterable[str | Metric]


def fit(
    model: Module,
    inputs: npt.ArrayLike | BatchesOf,
    targets: npt.ArrayLike | None = None,
    *,
    loss: str | Loss,
    optimizer: str | Optimizer | Callable[..., Optimizer] | None = None,
    epochs: int = 100,
    batch_size: int | None = None,
    metrics: Metrics = (),
    validation_data: tuple[npt.ArrayLike, npt.ArrayLike] | BatchesOf | None = None,
    validation_split: float = 0.0,
    sample_weight: npt.ArrayLike | None = None,
    class_weight: ClassWeight = None,
    schedule: str | LRScheduler | Callable[[Optimizer], LRScheduler] | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    early_stopping: int | EarlyStopping | None = None,
    callbacks: Iterable[Callback | Callable[[Training], object]] = (),
    checkpoint: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None,
    rng: Rng = None,
    verbose: bool | int = True,
    jit: bool | Literal["auto"] = "auto",
    backend: Literal["numpy", "numba", "jax"] | None = None,
    mesh: DeviceMesh | None = None,
    dtype: Literal["float64", "float32"] = "float64",
) -> History:
    """Train a model: for each batch, compute the loss and its gradient, and step the optimizer (C11, E4).

    Parameters
    ----------
    model : Module
        The model, which is trained in place.
    inputs : array_like, shape (samples, inputs), or batches
        A row for each sample; samples of more dimensions where the model takes them (`Module.sample_ndim`).
        A `numpy.memmap`, or a view of one, is read by blocks if it is larger than 128 MiB, and need not fit
        into memory. Or batches: an iterable of tuples ``(inputs, targets)`` or ``(inputs, targets,
        weights)``, which is iterated over in each epoch, or a function without arguments that returns one;
        an iterator is enough for one epoch. They are read in a thread, one ahead of the step.
    targets : array_like, shape (samples, ...), or None
        A target for each sample, as the loss takes them; None where batches have them.
    loss : str or callable
        A name of `nn.losses.LOSSES`, or a function from the outputs, of shape (batch, outputs), and the
        targets of a batch to one `Value`.
    optimizer : str, Optimizer, callable or None
        A name of `nn.optimizers.OPTIMIZERS`, a class of them, or an optimizer; None takes
        ``SGD(model.parameters(), lr=0.1)``.
    epochs : int
        The number of passes over the samples.
    batch_size : int or None
        The number of samples in a step, in a new random order each epoch; None takes all, in their order. Of
        a file that is larger, blocks of 1 MiB are drawn in a random order, and shuffled 128 at a time.
    metrics : str, callable, or a list of them
        Names of `nn.metrics.METRICS`, or functions from outputs and targets, both as numbers, to a number.
        They are told of all samples of an epoch at once, with the outputs from before each step. Of batches,
        and of a file that is larger, outputs are not kept: named metrics come out the same, and a function's
        number is the mean over the batches, weighted by their lengths.
    validation_data : (array_like, array_like), batches or None
        Inputs and targets that are held out: their loss and metrics are recorded after each epoch.
    validation_split : float
        The fraction of the samples to hold out instead, drawn at random; of a larger file, of its blocks.
    sample_weight : array_like of float, shape (samples,), or None
        How much each sample counts; the loss is called with ``sample_weight=``.
    class_weight : dict, "balanced" or None
        How much each class counts, for targets that are class numbers.
    schedule : str, LRScheduler, callable or None
        How the learning rate changes: a name of `nn.schedules.SCHEDULES`, fitted to the number of epochs, a
        schedule of this optimizer, or a function from an optimizer to a schedule. A `ReduceLROnPlateau` is
        told of the held-out loss, or of the loss where nothing is held out.
    clip_norm, clip_value : float or None
        The largest norm of all gradients together, and the largest absolute value of each: longer and larger
        ones are clipped before the optimizer's rule.
    early_stopping : int, EarlyStopping or None
        End the training when there was no better held-out loss for so many epochs, and restore the
        parameters of the best; `nn.EarlyStopping` says more.
    callbacks : iterable of Callback or callable
        What is called while the model is trained; a function is called with the `nn.Training` after each
        epoch.
    checkpoint : path-like or None
        A file, ending in ``.npz``, to which all that the training needs to go on is written after the first
        epoch, the last, and those that are a second after the one before.
    resume : path-like or None
        Such a file to go on from, given the same model, data and options: the training ends with the same
        numbers as one that was not interrupted. `epochs` counts those that are done already. With either,
        steps run on NumPy (or JAX) alone, since results do not depend on when a faster program is ready then.
    rng : Generator, int or None
        The source of the random order.
    verbose : bool or int
        Whether to show the progress; 0 shows nothing.
    jit : bool or "auto"
        Whether to compile the step (`autograd.jit`). ``"auto"`` compiles if there are enough steps for it to
        pay off and the model can be traced; otherwise the training is eager, and the history says why.
        Anything that model and loss read besides parameters, inputs and targets is read only once then.
    backend : {"numpy", "numba", "jax"} or None
        What compiled steps run on, as for `autograd.jit`. With ``"jax"`` an epoch is one program, on the
        devices of JAX (``pip install 'chainrule[jax]'``), and steps are always compiled.
    mesh : jax.sharding.Mesh or None
        The devices: those of its first axis share the samples of each batch, and all have the parameters.
        None takes one. Of several processes (`jax.distributed`) each passes its own samples, as many in each,
        and a model of the same parameters; `batch_size` counts the samples of all.
    dtype : {"float64", "float32"}
        What the steps compute in; single precision goes with JAX.

    Returns
    -------
    History
        The loss and the metrics of each epoch. Ctrl-C ends the training after a step, and the history of the
        epochs that are done is returned, which says so.

    Raises
    ------
    ValueError
        For different numbers of inputs and targets, no samples, less than 1 epoch or sample in a batch, an
        unknown name, a loss that does not depend on the outputs, a batch unlike the first one, an iterator
        for more than one epoch, and a `batch_size` that the devices of a mesh cannot share equally.
    TypeError
        For a loss that does not return a `Value`, and inputs without targets that are no batches.
    FloatingPointError
        As soon as the loss is nan or infinite. If a sample is the cause, the message names its row and
        column.

    Warns
    -----
    UserWarning
        If ``jit="auto"`` cannot compile the model.

    Examples
    --------
    >>> from nn import Neuron
    >>> line = Neuron(1, "linear", rng=0)
    >>> history = fit(line, [[0.0], [1.0]], [1.0, 3.0], loss="mse", epochs=300, verbose=0)
    >>> [f"{p.data:.2f}" for p in line.parameters()]
    ['2.00', '1.00']
    >>> def reading():
    ...     for start in range(0, 100, 25):
    ...         x = np.arange(start, start + 25.0)[:, None] / 100
    ...         yield x, 2.0 * x[:, 0] + 1.0
    >>> len(fit(line, reading, loss="mse", epochs=2, verbose=0).loss)
    2
    """
    _check(epochs, batch_size)
    placement = placement_of(backend, mesh, jit, dtype)
    if placement is not None and batch_size is not None:
        batch_size = placement.share(batch_size)
    generator = np.random.default_rng(rng)
    saved = None if resume is None else Saved(resume)
    if saved is not None:
        saved.rewind(generator)
    rng_at_first = state_of(generator)
    source, held_out = sources_of(
        *(inputs, targets, validation_data, validation_split, generator),
        sample_weight=sample_weight,
        class_weight=class_weight,
        batch_size=batch_size,
        epochs=epochs - (0 if saved is None else saved.epochs),
        ndim=None if model.sample_ndim is None else model.sample_ndim + 1,
    )
    rule = SGD(model.parameters(), lr=0.1) if optimizer is None else optimizers.optimizer(optimizer, model)
    if placement is not None:
        lengths = [0 if each is None else each.length or 0 for each in (source, held_out)]
        placement.check_alike(data(rule.parameters), *lengths)
    told = [*as_callbacks(callbacks), *_early(early_stopping)]
    if checkpoint is not None:
        told.append(Checkpoint(checkpoint))
    training = Training(model, rule, epochs, generator, told, rng_at_first=rng_at_first)
    if schedule is not None:
        training.schedule = _schedule(schedule, rule, epochs, source.count)
    model.train()
    eager = EagerSteps(model, losses.loss(loss), rule, _clip(clip_norm, clip_value), generator)
    if isinstance(rule, LBFGS):
        source.whole()
        _check_that_it_can_be_minimised(
            batch_size=batch_size,
            clip_norm=clip_norm,
            clip_value=clip_value,
            checkpoint=checkpoint,
            resume=resume,
            Dropout=eager.draws.are_needed or None,
        )
    is_exact = checkpoint is not None or resume is not None
    measures = _by_name(metrics, eager.loss)
    with closing(source), nullcontext() if held_out is None else closing(held_out):
        steps, training.history.how = steps_of(
            *(jit, epochs * (source.count or inf), eager, source, is_exact),
            *(backend, placement, bool(measures), dtype),
        )
        run = Epochs(training, steps, source, held_out, measures)
        run.run(saved, shown=bool(verbose) and (placement is None or placement.is_first))
    return training.history


def _schedule(
    which: str | LRScheduler | Callable[[Optimizer], LRScheduler],
    rule: Optimizer,
    epochs: int,
    batches: int | None,
) -> LRScheduler:
    """Return a schedule, fitted to the numbers of epochs and of batches in each, if that is known."""
    found = schedules.schedule(which, rule, epochs=epochs, steps_per_epoch=batches or 1)
    if batches is None and isinstance(which, str) and found.per == "batch":
        raise ValueError(
            f"schedule={which!r} ends with the last batch, and the number of batches is not known: pass them "
            "as an object with a length (__len__), or a schedule of epochs"
        )
    return found


def _early(early_stopping: int | EarlyStopping | None) -> list[Callback]:
    if early_stopping is None:
        return []
    is_made = isinstance(early_stopping, EarlyStopping)
    return [early_stopping if is_made else EarlyStopping(patience=early_stopping)]  # type: ignore[list-item, arg-type]


def _check_that_it_can_be_minimised(**options: Any) -> None:
    """Raise for what L-BFGS has no use for."""
    given = [name for name, option in options.items() if option is not None]
    if given:
        raise ValueError(
            "L-BFGS takes all samples in each step, finds its length, and estimates the Hessian from all "
            f"steps before: leave out {', '.join(given)}, or take another optimizer"
        )


def _clip(norm: float | None, value: float | None) -> Clip | None:
    if norm is None and value is None:
        return None
    clip = partial(clipped, norm=norm, value=value)
    # Wrong limits raise before the first step.
    clip(np.zeros(1))
    return clip


def _by_name(metrics: Metrics, loss: Loss) -> dict[str, Metric]:
    """Return metrics by the names of their columns."""
    found: dict[str, Metric] = {}
    # A probability of class 1 is positive in any case, so that 0 tells nothing.
    threshold = 0.5 if losses.takes_probabilities(loss) else 0.0
    for which in [metrics] if isinstance(metrics, str) or callable(metrics) else metrics:
        measure = known_metrics.metric(which, threshold=threshold)
        name = getattr(measure, "__name__", type(measure).__name__).replace("<lambda>", "metric")
        if name in found:
            raise ValueError(f"two metrics are called {name!r}: give each function a name of its own")
        found[name] = measure
    return found


def _check(epochs: int, batch_size: int | None) -> None:
    if epochs < 1 or (batch_size is not None and batch_size < 1):
        raise ValueError(f"expected epochs and batch_size to be at least 1, got {epochs} and {batch_size}")
