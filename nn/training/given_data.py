"""What `fit` is given to train on and to hold out, as sources of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .batch_iterables import Batches
from .memory_maps import OnDisk, in_memory, is_in_large_file
from .not_finite import not_finite_in
from .samples import Array, ClassWeight, WeightedSamples, samples_of
from .sources import InMemory, SampleSource

# As many samples are evaluated at once, where training takes all.
_EVALUATED = 4096

Batch = tuple[npt.ArrayLike, npt.ArrayLike] | tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]
"""Inputs and targets of some samples, and how much each counts."""

BatchesOf = Iterable[Batch] | Callable[[], Iterable[Batch]]
"""Batches of an epoch, or a function that makes them."""


def sources_of(
    inputs: npt.ArrayLike | BatchesOf,
    targets: npt.ArrayLike | None,
    held_out: tuple[npt.ArrayLike, npt.ArrayLike] | BatchesOf | None,
    split: float,
    rng: np.random.Generator,
    *,
    sample_weight: npt.ArrayLike | None = None,
    class_weight: ClassWeight = None,
    batch_size: int | None = None,
    epochs: int = 1,
    ndim: int | None = 2,
) -> tuple[SampleSource, SampleSource | None]:
    """Return where the batches come from to learn from, and those to evaluate the model with.

    Parameters
    ----------
    inputs, targets : array_like, or batches and None
        As `fit` takes them.
    held_out : (array_like, array_like), batches or None
        What is held out.
    split : float
        The fraction of the samples to hold out instead; 0 holds out none.
    rng : Generator
        Where it is drawn from.
    sample_weight, class_weight, batch_size
        As `fit` takes them.
    epochs : int
        How many there will be.
    ndim : int or None
        The number of dimensions of the inputs; None takes any of at least 2.

    Returns
    -------
    (SampleSource, SampleSource or None)
        To be closed after use.

    Raises
    ------
    ValueError
        For options that do not go together.
    TypeError
        For arrays without targets.

    Examples
    --------
    >>> train, held_out = sources_of(np.eye(4), np.ones(4), None, 0.25, np.random.default_rng(0), ndim=2)
    >>> train.first.length, held_out.first.length
    (3, 1)
    """
    if held_out is not None and split:
        raise ValueError("expected validation_data or validation_split, got both: leave out one")
    if targets is None:
        _check_batches(inputs, batch_size=batch_size, sample_weight=sample_weight)
        source: SampleSource = Batches(inputs, epochs, class_weight, ndim)
    else:
        samples = samples_of(_checked_array(inputs), targets, ndim=ndim)
        source = _of_arrays(samples, batch_size, sample_weight, class_weight, ndim)
    if split:
        return source.split(split, rng)
    if held_out is None:
        return source, None
    pair = _pair(held_out)
    if pair is None:
        return source, Batches(held_out, epochs, ndim=None)
    found = samples_of(*pair, ndim=None)
    if targets is not None and found.x.shape[1:] != samples.x.shape[1:]:
        raise ValueError(
            f"expected held-out samples of {_counted(samples.x)} inputs, as those to train on, "
            f"got {_counted(found.x)}"
        )
    if is_in_large_file(found):
        return source, OnDisk(found, batch_size or _EVALUATED)
    found = in_memory(found)
    cell = not_finite_in(found)
    if cell:
        raise FloatingPointError(f"of the held-out samples, {cell}")
    return source, InMemory(found)


def _of_arrays(
    samples: WeightedSamples,
    batch_size: int | None,
    sample_weight: npt.ArrayLike | None,
    class_weight: ClassWeight,
    ndim: int | None,
) -> SampleSource:
    """Return the batches of arrays, which are in memory or in a large file."""
    if not is_in_large_file(samples):
        samples = in_memory(samples)
        return InMemory(samples_of(samples.x, samples.y, sample_weight, class_weight, ndim=ndim), batch_size)
    if batch_size is None:
        raise ValueError(
            f"batch_size=None takes all samples in one step, which are {samples.x.nbytes / 1e9:.1f} GB in a "
            "file: pass batch_size, such as 1024, or arrays in memory, as np.array(inputs) makes them"
        )
    weights = None if sample_weight is None else np.asarray(sample_weight)
    if weights is not None and weights.shape != (samples.length,):
        raise ValueError(f"expected a weight for each of {samples.length} samples, got shape {weights.shape}")
    return OnDisk(samples._replace(weights=weights), batch_size, class_weight)


def _check_batches(given: Any, **options: Any) -> None:
    """Raise where batches were to be passed, but arrays were, or what each batch has of its own."""
    if hasattr(given, "__array__"):
        raise TypeError(
            f"expected targets beside inputs of {type(given).__name__}: pass fit(model, inputs, targets), or "
            "batches of both as tuples"
        )
    if not callable(given) and not isinstance(given, Iterable):
        raise TypeError(f"expected inputs and targets, or an iterable of batches, got {type(given).__name__}")
    wrong = [name for name, option in options.items() if option is not None]
    if wrong:
        raise ValueError(
            f"batches have sizes and weights of their own, as (inputs, targets, weights): leave out "
            f"{', '.join(wrong)}"
        )


def _checked_array(given: Any) -> Any:
    if isinstance(given, Iterator) or callable(given):
        raise TypeError(
            f"expected an array of inputs beside targets, got {type(given).__name__}: batches are tuples of "
            "both, without other targets"
        )
    return given


def _pair(held_out: Any) -> tuple[Any, Any] | None:
    """Return inputs and targets, if these are two arrays and no two batches."""
    if isinstance(held_out, tuple | list) and len(held_out) == 2 and not isinstance(held_out[0], tuple):
        return held_out[0], held_out[1]
    return None


def _counted(x: Array) -> str:
    """Return how many numbers a sample has, by dimension."""
    return " × ".join(map(str, x.shape[1:]))
