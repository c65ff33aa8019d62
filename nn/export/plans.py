"""A model as a list of steps, which each exporter writes in its language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import OPS, Op, Value, softmax

from ..activations import ACTIVATIONS, hardmax, linear
from ..datasets.preprocessing import Preprocessing
from ..datasets.standardizer import Standardizer
from ..modules.activation_modules import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from ..modules.dropout import Dropout
from ..modules.embedding import Embedding
from ..modules.evaluating import evaluating
from ..modules.flatten import Flatten
from ..modules.linear import Linear
from ..modules.module import Module
from ..modules.neurons import MLP, Layer, Neuron
from ..modules.sequential import Sequential
from ..saving.known import NAMES
from .recording import RecordedGraph, constants, recorded
from .remarks import harmless, remarks

_WIDTH = 96

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class ScaledStep:
    """Inputs that are standardised."""

    mean: Numbers
    scale: Numbers


@dataclass(frozen=True)
class UnscaledStep:
    """Outputs in the unit of the targets, of which the model was trained on standardised ones."""

    mean: Numbers
    scale: Numbers


@dataclass(frozen=True)
class AffineStep:
    """W x + b, and where each number stands among the parameters; -1 for one that does not train."""

    weights: Numbers
    biases: Numbers
    weight_places: Places
    bias_places: Places


@dataclass(frozen=True)
class EmbeddingStep:
    """The rows of a table for tokens, one after another, with where each number stands."""

    table: Numbers
    places: Places


@dataclass(frozen=True)
class ElementwiseStep:
    """A function of each number."""

    function: Callable[..., Any]
    graph: RecordedGraph


@dataclass(frozen=True)
class SoftmaxStep:
    """Exponentials divided by their sum."""


@dataclass(frozen=True)
class HardmaxStep:
    """1 for the largest number, the first of equal ones, and 0 for the others."""


@dataclass(frozen=True)
class GraphStep:
    """Any other function of all numbers, and where its constants stand among the parameters, by identity."""

    function: Callable[..., Any]
    graph: RecordedGraph
    places: Mapping[int, int]


Step = (
    ScaledStep
    | UnscaledStep
    | AffineStep
    | EmbeddingStep
    | ElementwiseStep
    | SoftmaxStep
    | HardmaxStep
    | GraphStep
)


@dataclass(frozen=True)
class ExportPlan:
    """A model as steps.

    Attributes
    ----------
    title : str
        What the model is, such as ``MLP 2-3-1``.
    remarks : str
        What its inputs and outputs are called, if that is known.
    n_in, n_out, n_parameters : int
        The numbers of inputs, outputs and parameters.
    steps : list of (Step, int)
        The steps, each with how many numbers it gives.
    """

    title: str
    remarks: str
    n_in: int
    n_out: int
    n_parameters: int
    steps: list[tuple[Step, int]]


@contextmanager
def planned(model: Module, preprocessing: Any = None, n_in: int | None = None) -> Iterator[ExportPlan]:
    """Have a model compute as in evaluation while an exporter writes its steps.

    Parameters
    ----------
    model, preprocessing, n_in
        As in `plan_of`.

    Yields
    ------
    ExportPlan
        The steps.

    Raises
    ------
    TypeError
        For what is no `Module`, and what `plan_of` raises.

    Examples
    --------
    >>> from nn import Neuron
    >>> with planned(Neuron(2)) as plan:
    ...     plan.n_in
    2
    """
    if not isinstance(model, Module):
        raise TypeError(f"expected a Module to export, got {model!r} ({type(model).__name__})")
    with evaluating(model):
        yield plan_of(model, preprocessing, n_in)


def plan_of(model: Module, preprocessing: Any = None, n_in: int | None = None) -> ExportPlan:
    """Return a model as steps.

    Parameters
    ----------
    model : Module
        The model.
    preprocessing : Preprocessing or Standardizer, optional
        What its inputs go through, and for a regression its outputs.
    n_in : int, optional
        The number of inputs, where neither the preprocessing nor the first layer says it.

    Returns
    -------
    ExportPlan
        The steps.

    Raises
    ------
    ValueError
        If the number of inputs is not known, or is not that of the first layer.
    TypeError
        For a preprocessing of another kind, and a module that cannot be written down.

    Examples
    --------
    >>> from nn import MLP
    >>> plan = plan_of(MLP(2, [3, 1], "tanh", rng=0))
    >>> plan.title, [(type(step).__name__, width) for step, width in plan.steps]
    ('MLP 2-3-1', [('AffineStep', 3), ('ElementwiseStep', 3), ('AffineStep', 1)])
    """
    places = {id(parameter): place for place, parameter in enumerate(model.parameters())}
    parts = list(_parts(model))
    scaled, unscaled = _scaled(preprocessing)
    width = first = scaled.mean.size if scaled else n_in or _width(parts)
    if width is None or first is None:
        raise ValueError(
            f"the number of inputs of {type(model).__name__} is not known: pass n_in=, the length of a sample"
        )
    steps: list[tuple[Step, int]] = [(scaled, first)] if scaled else []
    for part in parts:
        for step in _steps(part, width, places):
            width = _width_after(step, width)
            steps.append((step, width))
    if unscaled:
        steps.append((unscaled, width))
    widths = [first, *(after for step, after in steps if isinstance(step, AffineStep | GraphStep))]
    title = harmless(f"{type(model).__name__} {'-'.join(map(str, widths))}")
    return ExportPlan(title, remarks(preprocessing, _WIDTH), first, width, len(places), steps)


def _parts(model: Any) -> Iterator[Any]:
    """Yield the modules and functions that are applied one after another."""
    # By the exact type, since a subclass may define another `forward`.
    if type(model) is Sequential:
        for step in model.steps:
            yield from _parts(step)
    elif type(model) is MLP:
        yield from model.layers
    # In evaluation a Dropout gives what it is given; samples are rows of numbers already.
    elif type(model) not in (Dropout, Flatten):
        yield model


_ACTIVATIONS = (ELU, GELU, LeakyReLU, ReLU, SiLU, Sigmoid, Softplus, Tanh)


def _scaled(preprocessing: Any) -> tuple[ScaledStep | None, UnscaledStep | None]:
    """Return what comes before the model, and after it."""
    if preprocessing is None:
        return None, None
    if isinstance(preprocessing, Preprocessing):
        scaled, _ = _scaled(preprocessing.standardize)
        targets = preprocessing.scale
        return scaled, UnscaledStep(targets.mean, targets.scale) if targets else None
    if not isinstance(preprocessing, Standardizer):
        raise TypeError(
            f"expected a Preprocessing or a Standardizer, got {preprocessing!r} "
            f"({type(preprocessing).__name__}): prepare the inputs before the exported function"
        )
    return ScaledStep(np.asarray(preprocessing.mean, float), np.asarray(preprocessing.scale, float)), None


def _width(parts: list[Any]) -> int | None:
    """Return the number of inputs, as the first layer says it."""
    for part in parts:
        if type(part) is Layer:
            return len(part.neurons[0].w)
        if type(part) is Neuron:
            return len(part.w)
        if type(part) is Linear:
            return int(part.in_features)
        keeps_width = _is_elementwise(part) or type(part) in (*_ACTIVATIONS, Softmax)
        if not keeps_width and part not in (softmax, hardmax):
            return None
    return None


def _width_after(step: Step, before: int) -> int:
    if isinstance(step, GraphStep):
        return len(step.graph.outputs)
    if isinstance(step, EmbeddingStep):
        return before * int(step.table.shape[1])
    if not isinstance(step, AffineStep):
        return before
    if step.weights.shape[1] != before:
        raise ValueError(f"expected {step.weights.shape[1]} inputs of a layer, got {before}")
    return len(step.weights)


def _steps(part: Any, width: int, places: Mapping[int, int]) -> Iterator[Step]:
    if type(part) in (Layer, Neuron):
        yield from _of_neurons(part.neurons if isinstance(part, Layer) else [part], places)
    elif type(part) is Linear:
        yield _affine(part.weight, part.bias or [Value(0.0)] * part.out_features, places)
    elif type(part) is Embedding:
        yield _embedding(part, places)
    elif type(part) in _ACTIVATIONS:
        yield from _elementwise(part.function)
    elif part is softmax or type(part) is Softmax:
        yield SoftmaxStep()
    elif part is hardmax:
        yield HardmaxStep()
    elif _is_elementwise(part):
        yield from _elementwise(part)
    else:
        function = part.forward if isinstance(part, Module) else lambda x: part(np.stack(x))
        yield _graph(part, function, width, places)


def _of_neurons(neurons: list[Neuron], places: Mapping[int, int]) -> Iterator[Step]:
    weights, biases = [neuron.w for neuron in neurons], [neuron.b for neuron in neurons]
    yield _affine(weights, biases, places)
    functions = [neuron.activation for neuron in neurons]
    if all(function is functions[0] for function in functions):
        yield from _elementwise(functions[0])
    else:

        def each(x: list[Value]) -> list[Any]:
            return [function(number) for function, number in zip(functions, x, strict=True)]

        yield _graph(each, each, len(neurons), places)


def _affine(weights: Any, biases: Any, places: Mapping[int, int]) -> AffineStep:
    """Return a step of arrays of parameters; numbers that do not train have the place -1."""
    of_weights, of_biases = ([list(row) for row in weights], list(biases))
    return AffineStep(
        np.array([[weight.data for weight in row] for row in of_weights]),
        np.array([bias.data for bias in of_biases]),
        np.array([[places.get(id(weight), -1) for weight in row] for row in of_weights]),
        np.array([places.get(id(bias), -1) for bias in of_biases]),
    )


def _embedding(part: Embedding, places: Mapping[int, int]) -> EmbeddingStep:
    rows = part.weight.tolist()
    return EmbeddingStep(
        np.array([[number.data for number in row] for row in rows]),
        np.array([[places.get(id(number), -1) for number in row] for row in rows]),
    )


def _is_elementwise(part: Any) -> bool:
    function = part.func if isinstance(part, partial) else part
    name = NAMES.get(id(function), "").rpartition(".")[2]
    return name in _COMPOSITES or (name in OPS and len(OPS[name].partials) == 1 and not OPS[name].variadic)


_COMPOSITES = frozenset(ACTIVATIONS)


def _elementwise(function: Callable[..., Any]) -> Iterator[Step]:
    if function is linear:
        return
    yield ElementwiseStep(function, _recording(function, lambda x: function(x[0]), 1))


def _graph(part: Any, function: Callable[..., Any], width: int, places: Mapping[int, int]) -> GraphStep:
    graph = _recording(part, function, width)
    known = constants(graph)
    return GraphStep(function, graph, {key: places[key] for key in known if key in places})


def _recording(part: Any, function: Callable[..., Any], width: int) -> RecordedGraph:
    name = type(part).__name__ if isinstance(part, Module) else getattr(part, "__name__", repr(part))
    try:
        graph = recorded(function, width)
    except TypeError as error:
        raise TypeError(f"{name} cannot be exported: {error}") from error
    for output in graph.outputs:
        if not isinstance(output, Value | Real):
            raise TypeError(
                f"{name} cannot be exported: expected numbers as its outputs, got {output!r:.100}"
            )
    for node in graph.nodes:
        if not isinstance(node.op, Op):
            raise TypeError(
                f"{name} cannot be exported, since {node.op} is no operation on numbers, but of "
                f"cond, switch, take or a loop: choose by where, or export the modules around it"
            )
    return graph
