"""`Summary`: a table of the modules of a model, with the shapes of what they give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd.tables import html_table, text_table

from .noting import noting
from .tree import title
from .walk import children_of, modules_of, shown_modules

if TYPE_CHECKING:
    from .module import Module

_HEAD = ("name", "layer", "output shape", "parameters")


class SummaryRow(NamedTuple):
    """A module of a model: its name, what it is, the shape of its outputs if known, its parameters."""

    name: str
    layer: str
    output_shape: tuple[int, ...] | None
    parameters: int


class Summary:
    """A table of the modules of a model, which `Module.summary` returns.

    Attributes
    ----------
    rows : list of SummaryRow
        The modules, without what is inside of a layer.
    parameters : int
        The number of all parameters, of which shared ones count once.

    Examples
    --------
    >>> from nn import MLP
    >>> print(MLP(2, [16, 1]).summary())
    name      layer                   output shape  parameters
    layers.0  Layer(2, 16, 'tanh')    (16,)                 48
    layers.1  Layer(16, 1, 'linear')  (1,)                  17
    total                                                   65
    """

    def __init__(self, rows: Sequence[SummaryRow], parameters: int) -> None:
        self.rows = list(rows)
        self.parameters = parameters

    def _cells(self) -> list[tuple[str, ...]]:
        body = [
            (name, layer, "" if shape is None else str(shape), f"{parameters:,}")
            for name, layer, shape, parameters in self.rows
        ]
        return [_HEAD, *body, ("total", "", "", f"{self.parameters:,}")]

    def __str__(self) -> str:
        first, *body = self._cells()
        return text_table(first, body)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        first, *body = self._cells()
        return html_table(first, body)


def summary_of(model: Module, input_size: int | Sequence[int] | None) -> Summary:
    """Return the table of a model.

    Parameters
    ----------
    model : Module
        The model.
    input_size : int, sequence of int or None
        The shape of a sample. None takes what the first layer says.

    Examples
    --------
    >>> from nn import Neuron
    >>> summary_of(Neuron(2), None).rows
    [SummaryRow(name='', layer="Neuron(2, 'tanh')", output_shape=(1,), parameters=3)]
    """
    shapes = _shapes(model, input_size)
    rows = [
        SummaryRow(name, title(module), shapes.get(id(module)), len(module.parameters()))
        for name, module, consists_of_others in shown_modules(model)
        # A model that consists of others is the total.
        if name or not consists_of_others
    ]
    return Summary(rows, len(model.parameters()))


def _shapes(model: Module, input_size: int | Sequence[int] | None) -> dict[int, tuple[int, ...]]:
    """Return the shape of what each module gives for one sample, by its id, as far as that is known."""
    found: dict[int, tuple[int, ...]] = {}
    shape = _input_shape(model) if input_size is None else tuple(np.atleast_1d(input_size).tolist())
    if shape is None:
        return found

    def note(module: Module, result: Any) -> None:
        found[id(module)] = np.shape(result) or (1,)

    watched = noting(model, note)
    try:
        watched.forward(np.zeros(shape))  # type: ignore[arg-type]
    except Exception:
        # What the first layer says need not be what the model takes; what the user says should be.
        if input_size is not None:
            raise
        found.clear()
    return found


def _input_shape(model: Module) -> tuple[int, ...] | None:
    """Return the shape of a sample as the first layer says, after those that take samples of any shape."""
    for _, module in modules_of(model):
        width = getattr(module, "n_in", None) or getattr(module, "in_features", None)
        if isinstance(width, int):
            return (width,)
        if module.sample_ndim is not None and not any(children_of(module)):
            return None
    return None
