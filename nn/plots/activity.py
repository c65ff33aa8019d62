"""What the layers of a model give for some samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import data, jit, vmap

from ..modules.module import Module, as_outputs
from ..modules.noting import noting
from ..modules.walk import shown_modules

Array = npt.NDArray[np.float64]

# Compiling takes as long as an eager call for so many samples of a small network.
_WORTH_COMPILING = 500


def activations_of(model: Module, inputs: npt.ArrayLike) -> dict[str, Array]:
    """Return what each layer gives for samples, in evaluation mode, by the layer's name.

    Examples
    --------
    >>> from nn import MLP
    >>> found = activations_of(MLP(2, [3, 1], rng=0), np.ones((5, 2)))
    >>> {name: numbers.shape for name, numbers in found.items()}
    {'layers.0 (Layer)': (5, 3), 'layers.1 (Layer)': (5, 1)}
    """
    samples = np.asarray(inputs, dtype=float)
    given: dict[str, list[Any]] = {}
    labels = _labels_of_layers(model)

    def note(module: Module, result: Any) -> None:
        for label in labels.get(id(module), ()):
            given.setdefault(label, []).extend(np.ravel(np.stack(as_outputs(result))).tolist())

    watched = noting(model, note)

    def of_sample(sample: Any) -> dict[str, list[Any]]:
        given.clear()
        watched.forward(sample)
        return dict(given)

    found = _of_samples(vmap(of_sample), samples)
    return {name: np.stack([data(column) for column in columns], axis=1) for name, columns in found.items()}


def _of_samples(of_batch: Callable[[Any], Any], samples: Array) -> Any:
    if len(samples) > _WORTH_COMPILING:
        try:
            # One call, which machine code would not pay off for.
            return jit(of_batch, backend="numpy")(samples)
        except Exception:
            # An eager call raises what has nothing to do with compiling.
            pass
    return of_batch(samples)


def _labels_of_layers(model: Module) -> dict[int, list[str]]:
    """Return the labels of each module that consists of no others, or is shown whole, by its identity."""
    found: dict[int, list[str]] = {}
    for name, module, consists_of_others in shown_modules(model):
        if not consists_of_others:
            kind = type(module).__name__
            found.setdefault(id(module), []).append(f"{name} ({kind})" if name else kind)
    return found
