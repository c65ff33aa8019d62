"""What the layers of a model give for some samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import data, jit, vmap

from ..modules.module import Module, as_outputs

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
    # A copy, in which each layer notes what it gives.
    watched = copy.deepcopy(model).eval()
    for name, layer in list(_layers(watched)):
        vars(layer)["forward"] = _noting(layer.forward, name, given)

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


def _layers(model: Module) -> Iterator[tuple[str, Module]]:
    """Yield the modules that consist of no others, and those that are shown whole, in order."""
    stack = [("", model)]
    while stack:
        name, module = stack.pop()
        inner = [] if module.is_shown_whole else [*module.named_children()]
        if not inner:
            kind = type(module).__name__
            yield f"{name} ({kind})" if name else kind, module
        stack += [(f"{name}.{own}" if name else own, part) for own, part in reversed(inner)]


def _noting(forward: Callable[[Any], Any], name: str, given: dict[str, list[Any]]) -> Callable[[Any], Any]:
    def noting(x: Any) -> Any:
        result = forward(x)
        given.setdefault(name, []).extend(np.ravel(np.stack(as_outputs(result))).tolist())
        return result

    return noting
