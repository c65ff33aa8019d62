"""The graph of a loss as a network: its modules, layers, and their gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ...engine.graph import operands
from ...engine.value import Value
from ..text.modules import enclosing


class Scales(NamedTuple):
    """Root mean squares of gradients by layer, hidden and output, and the largest of the output layers."""

    hidden: dict[str, float]
    outputs: dict[str, float]
    last: float


@dataclass(frozen=True, eq=False)
class Subject:
    """What the checks look at: the graph of a loss, its adjoints, and which node belongs to which module.

    Examples
    --------
    >>> w = Value(2.0, label="w")
    >>> Subject([w], [("w", w)], {w: 1.0}, {}, {w: "w"}).loss
    Value(2.0, label='w')
    """

    order: list[Value]
    parameters: list[tuple[str, Value]]
    adjoints: dict[Value, float]
    homes: dict[Value, str]
    names: dict[Value, str]

    @property
    def loss(self) -> Value:
        """The result of the graph."""
        return self.order[-1]

    @cached_property
    def parameter_set(self) -> frozenset[Value]:
        """The parameters as a set, without names."""
        return frozenset(parameter for _, parameter in self.parameters)

    @cached_property
    def hidden(self) -> set[Value]:
        """The nodes whose result another module uses; the others belong to an output or to the loss."""
        found: set[Value] = set()
        for node in reversed(self.order):
            home = self.homes.get(node)
            for operand in operands(node):
                if node in found or (home is not None and home != self.homes.get(operand)):
                    found.add(operand)
        return found

    @cached_property
    def inner(self) -> set[Value]:
        """The nodes whose result their own module uses, such as the sigmoid in x * sigmoid(x)."""
        return {
            operand
            for node in self.order
            if node in self.homes and not any(self.is_parameter(arg) for arg in operands(node))
            for operand in operands(node)
            if self.homes.get(operand) == self.homes[node]
        }

    @cached_property
    def rectifiers(self) -> dict[str, dict[str, list[Value]]]:
        """The ReLU nodes by layer and module; those outside modules, as in a hinge loss, are not neurons."""
        # A loss of 0 has nothing to learn: the perceptron's relu(-s) of the outputs is then 0 for good
        # reason.
        learns = self.loss.data != 0.0
        return self.by_layer(n for n in self.order if _is_rectifier(n) and (learns or n in self.hidden))

    @cached_property
    def scales(self) -> Scales:
        """The scales of the gradients, layer by layer."""
        layers: dict[str, list[float]] = {}
        inside: set[str] = set()
        for _, parameter in self.parameters:
            if parameter in self.homes:
                layer = layer_of(self.homes[parameter])
                layers.setdefault(layer, []).append(self.adjoints[parameter])
                inside.update([layer] if parameter in self.hidden else [])
        hidden = {layer: _rms(adjoints) for layer, adjoints in layers.items() if layer in inside}
        outputs = {layer: _rms(adjoints) for layer, adjoints in layers.items() if layer not in inside}
        return Scales(hidden, outputs, max(outputs.values(), default=0.0))

    def is_parameter(self, node: Value) -> bool:
        """Return whether a node is a parameter of a module."""
        return node.op is None and node in self.homes

    def by_layer(self, chosen: Iterable[Value]) -> dict[str, dict[str, list[Value]]]:
        """Return nodes by layer and module; nodes outside modules are left out."""
        layers: dict[str, dict[str, list[Value]]] = {}
        for node in chosen:
            if home := self.homes.get(node):
                layers.setdefault(layer_of(home), {}).setdefault(home, []).append(node)
        return layers

    def place(self, node: Value) -> str:
        """Return the name of a node, with its module and source line if known."""
        home = f" in {self.homes[node]}" if node.op and node in self.homes else ""
        return f"{self.names[node]}{home}" + (f", at {node.source}" if node.source else "")


def _is_rectifier(node: Value) -> bool:
    if node.op is None or node.op.name != "max":
        return node.op is not None and node.op.name == "relu"
    return any(arg == 0.0 for arg in node.args if not isinstance(arg, Value))


def _rms(numbers: Sequence[float]) -> float:
    # hypot, because the square of 1e-200 underflows to 0.
    return math.hypot(*numbers) / math.sqrt(len(numbers)) if numbers else 0.0


def module_of(name: str) -> str:
    """Return the module of a parameter.

    Examples
    --------
    >>> module_of("layers.0.neurons.3.b")
    'layers.0.neurons.3'
    """
    return name.rpartition(".")[0]


def layer_of(path: str) -> str:
    """Return the layer of a module.

    Examples
    --------
    >>> layer_of("layers.0.neurons.3")
    'layers.0'
    """
    within = enclosing(path)
    return within[-2] if path.rpartition(".")[2].isdigit() and len(within) > 1 else path
