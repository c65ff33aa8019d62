"""Reading neurons out of a graph: weighted sums of parameters, layer after layer.

The engine does not know about networks. A neuron is a sum of products of parameters and something else, with
or without a bias, however it was written: ``dot(w, x) + b`` or ``sum(w * x for ...) + b``; and what follows
from that sum alone, its activation. The samples of a batch use the same parameters, and so the same neuron.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from ...engine.graph import operands
from ...engine.value import Value

Term = tuple[Value, Value | float]
"""A weight, and what it is multiplied by."""

_MIXED, _INPUT = "several neurons, or parameters that are no weights", "an input"


class Unit(NamedTuple):
    """A neuron.

    Attributes
    ----------
    path : str
        The module of its weights.
    layer : int
        How many neurons come one after another until it, from 1.
    weights : tuple of Value
        The weights.
    biases : tuple of Value
        What is added: one parameter or none, as a rule.
    sources : tuple of (str, int)
        What each weight is multiplied by: ``("unit", number)`` or ``("input", number)``.
    sums : tuple of Value
        The weighted sum, for each sample.
    activation : str
        What is applied to it; "" if nothing is.
    outputs : tuple of Value
        The result, for each sample.
    """

    path: str
    layer: int
    weights: tuple[Value, ...]
    biases: tuple[Value, ...]
    sources: tuple[tuple[str, int], ...]
    sums: tuple[Value, ...]
    activation: str
    outputs: tuple[Value, ...]


class Neurons(NamedTuple):
    """The neurons of a graph.

    Attributes
    ----------
    units : list of Unit
        The neurons, those of earlier layers first.
    inputs : list of list
        The nodes that each input stands for: one for a sample, none if all are constants.
    outputs : list of int
        The neurons that something outside the network uses.
    outside : list of Value
        The operations that are no part of any neuron, such as those of a loss.
    """

    units: list[Unit]
    inputs: list[list[Value]]
    outputs: list[int]
    outside: list[Value]


def neurons_of(order: Sequence[Value], home: Mapping[Value, str]) -> Neurons | None:
    """Read a graph as layers of neurons.

    Parameters
    ----------
    order : sequence of Value
        The graph in topological order, the result last.
    home : mapping
        Module of each node that has one.

    Returns
    -------
    Neurons or None
        None for a graph that is no such network: with parameters that are no weights, weights that are used
        at several places, as in a convolution or a recurrence, or layers between which something else mixes
        neurons.

    Examples
    --------
    >>> from autograd import dot, tanh
    >>> from autograd.engine.graph import nodes
    >>> w = [Value(0.5, f"layers.{i}.w[0]") for i in range(2)]
    >>> order = nodes(dot([w[1]], [tanh(dot([w[0]], [3.0]))]))
    >>> found = neurons_of(order, {weight: weight.label.rpartition(".")[0] for weight in w})
    >>> [(unit.layer, unit.activation, unit.sources) for unit in found.units]
    [(1, 'tanh', (('input', 0),)), (2, '', (('unit', 0),))]
    """
    return _Reading(order, home).neurons()


class _Reading:
    """A graph while it is read."""

    def __init__(self, order: Sequence[Value], home: Mapping[Value, str]) -> None:
        self.order, self.home = order, home
        self.parameters = {node for node in order if node.op is None and node in home}
        self.uses = Counter(operand for node in order for operand in operands(node))
        self.terms: dict[Value, list[Term]] = {}
        self.biases: dict[Value, tuple[Value, ...]] = {}
        self.inside: set[Value] = set()
        for top in self._sums():
            self._expand(top)
        self.origin = self._origins()

    def neurons(self) -> Neurons | None:
        """Return the neurons, if there is nothing else."""
        weighted: dict[Hashable, list[Value]] = {}
        for top, terms in self.terms.items():
            weighted.setdefault((*(weight for weight, _ in terms), None, *self.biases[top]), []).append(top)
        known = {weight for terms in self.terms.values() for weight, _ in terms}
        known.update(bias for biases in self.biases.values() for bias in biases)
        if len(weighted) < 2 or 2 * len(known) <= len(self.parameters):
            return None
        ranked = sorted(weighted.values(), key=lambda tops: natural(self.terms[tops[0]][0][0].label))
        unit_of = {top: i for i, tops in enumerate(ranked) for top in tops}
        layer_of = self._layers(unit_of)
        ranked.sort(key=lambda tops: layer_of[unit_of[tops[0]]])
        unit_of = {top: i for i, tops in enumerate(ranked) for top in tops}
        layers = self._layers(unit_of)
        inputs = _Inputs()
        for number, tops in enumerate(ranked):
            for slot in range(len(self.terms[tops[0]])):
                sources = [self.terms[top][slot][1] for top in tops]
                origins = {self._unit(source, unit_of) for source in sources}
                origin = origins.pop()
                backward = isinstance(origin, int) and layers[origin] >= layers[number]
                if origins or origin == _MIXED or backward:
                    return None
                if origin == _INPUT:
                    inputs.join((number, slot), (layers[number], slot), sources)
        numbers = inputs.numbers()
        outputs = self._outputs()
        units = []
        for number, tops in enumerate(ranked):
            found = []
            for slot, (_, source) in enumerate(self.terms[tops[0]]):
                origin = self._unit(source, unit_of)
                link = ("unit", origin) if isinstance(origin, int) else ("input", numbers[number, slot])
                found.append(link)
            if len(set(found)) < len(found) and len(tops) > 1:
                return None
            units.append(self._as_unit(tops, layers[number], tuple(found), outputs))
        return Neurons(units, inputs.listed(), *self._outside(units))

    def _as_unit(
        self,
        tops: Sequence[Value],
        layer: int,
        sources: tuple[tuple[str, int], ...],
        outputs: Mapping[Value, Value],
    ) -> Unit:
        """Return the neuron whose weighted sums are some nodes."""
        weights = tuple(weight for weight, _ in self.terms[tops[0]])
        results = tuple(outputs[top] for top in tops)
        activation = _activation(self._between(tops[0], results[0]))
        return Unit(
            self.home[weights[0]],
            layer,
            weights,
            self.biases[tops[0]],
            sources,
            tuple(tops),
            activation,
            results,
        )

    def _sums(self) -> list[Value]:
        """Return the weighted sums that are no part of a larger one."""
        module_of: dict[Value | float, str] = {}
        has_bias: set[Value | float] = set()
        for node in self.order:
            weights = [[factor for factor in pair if factor in self.parameters] for pair in _pairs(node)]
            if weights and all(len(found) == 1 for found in weights):
                module_of[node] = self.home[weights[0][0]]  # type: ignore[index]
            elif node.op is not None and node.op.name in ("add", "sum"):
                parts = {arg for arg in node.args if arg in module_of and self.uses[arg] == 1}  # type: ignore[index]
                # Not by `==`: a bias may be 0, and equal to a part.
                rest = [arg for arg in node.args if isinstance(arg, Value) and arg not in parts]
                biases = sum(arg in self.parameters for arg in rest)
                is_plain = all(isinstance(arg, Value) or arg == 0.0 for arg in node.args)
                # The sum of the outputs of linear neurons is no neuron: it has several modules or biases.
                modules = {module_of[part] for part in parts}
                biased = biases + len(has_bias & parts)
                if is_plain and len(modules) == 1 and len(rest) == biases and biased <= 1:
                    if biased:
                        has_bias.add(node)
                    for part in parts:
                        del module_of[part]
                    module_of[node] = modules.pop()
        return [node for node in module_of if isinstance(node, Value)]

    def _expand(self, top: Value) -> None:
        """Note the products and the other summands of a weighted sum, in the user's order."""
        terms: list[Term] = []
        biases: list[Value] = []
        stack: list[Value | float] = [top]
        while stack:
            node = stack.pop()
            if not isinstance(node, Value):
                continue
            if node in self.parameters:
                biases.append(node)
                continue
            self.inside.add(node)
            pairs = _pairs(node)
            for first, second in pairs:
                swapped = first not in self.parameters
                terms.append((second, first) if swapped else (first, second))  # type: ignore[arg-type]
            if not pairs:
                stack.extend(reversed(node.args))
        self.terms[top], self.biases[top] = terms, tuple(biases)

    def _origins(self) -> dict[Value, Value | str]:
        """Return the weighted sum that alone determines a node, or what it is otherwise."""
        found: dict[Value, Value | str] = {}
        for node in self.order:
            if node in self.terms:
                found[node] = node
            elif node.op is None:
                found[node] = _MIXED if node in self.parameters else _INPUT
            else:
                below = {found[operand] for operand in operands(node)}
                found[node] = below.pop() if len(below) == 1 else _MIXED if below else _INPUT
        return found

    def _unit(self, source: Value | float, unit_of: Mapping[Value, int]) -> int | str:
        """Return the neuron that gives what a weight is multiplied by, or what it is otherwise."""
        origin = self.origin[source] if isinstance(source, Value) else _INPUT
        return origin if isinstance(origin, str) else unit_of[origin]

    def _layers(self, unit_of: Mapping[Value, int]) -> dict[int, int]:
        """Return how many neurons come one after another until each."""
        found: dict[int, int] = {}
        for top, terms in ((node, self.terms[node]) for node in self.order if node in self.terms):
            before = (self._unit(source, unit_of) for _, source in terms)
            layer = 1 + max((found.get(unit, 0) for unit in before if isinstance(unit, int)), default=0)
            found[unit_of[top]] = max(found.get(unit_of[top], 0), layer)
        return found

    def _outputs(self) -> dict[Value, Value]:
        """Return the result of each neuron: what others use, or else the sum or a function of it alone."""
        found = {top: top for top in self.terms}
        for node in self.order:
            if len(node.args) == 1 and (top := node.args[0]) in found and self.uses[top] == 1:  # type: ignore[index]
                found[top] = node  # type: ignore[index]
        for terms in self.terms.values():
            for _, source in terms:
                if isinstance(source, Value) and isinstance(origin := self.origin[source], Value):
                    found[origin] = source
        return found

    def _between(self, top: Value, output: Value) -> set[Value]:
        """Return the operations by which the result of a neuron follows from its sum."""
        found: set[Value] = set()
        stack = [output]
        while stack:
            node = stack.pop()
            if node is not top and node not in found:
                found.add(node)
                stack.extend(operands(node))
        return found

    def _outside(self, units: Sequence[Unit]) -> tuple[list[int], list[Value]]:
        """Return the neurons that something outside of them uses, and the operations there."""
        known = set(self.inside)
        for unit in units:
            for top, output in zip(unit.sums, unit.outputs, strict=True):
                known |= self._between(top, output)
        nodes = [n for n in self.order if n.op and n not in known and self.origin[n] is not _INPUT]
        used = {operand for node in nodes for operand in operands(node)} | {self.order[-1]}
        return [i for i, unit in enumerate(units) if not used.isdisjoint(unit.outputs)], nodes


class _Inputs:
    """Inputs, of which each is one number for each sample: a node or a constant."""

    def __init__(self) -> None:
        self.parent: dict[Hashable, Hashable] = {}
        self.nodes: list[Value] = []

    def join(self, place: tuple[int, int], column: tuple[int, int], sources: Sequence[Value | float]) -> None:
        """Let what the weight at a place, a neuron's slot, is multiplied by for all samples be one input."""
        for source in sources:
            if isinstance(source, Value) and source not in self.parent:
                self.nodes.append(source)
            # Constants have no identity: those at the same place of a layer's neurons are the same input.
            self._unite(place, source if isinstance(source, Value) else ("column", *column))

    def _unite(self, item: Hashable, other: Hashable) -> None:
        self.parent[self._find(other)] = self._find(item)

    def _find(self, item: Hashable) -> Hashable:
        self.parent.setdefault(item, item)
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def numbers(self) -> dict[Hashable, int]:
        """Return which input stands at each place."""
        number: dict[Hashable, int] = {}
        return {item: number.setdefault(self._find(item), len(number)) for item in list(self.parent)}

    def listed(self) -> list[list[Value]]:
        """Return the nodes that are each input."""
        numbers = self.numbers()
        found: list[list[Value]] = [[] for _ in range(len({*numbers.values()}))]
        for node in self.nodes:
            found[numbers[node]].append(node)
        return found


def _pairs(node: Value) -> list[tuple[Value | float, Value | float]]:
    """Return the factors of the products that a node adds up, of which there is one if it is a product."""
    if node.op is None or node.op.name not in ("mul", "dot"):
        return []
    half = len(node.args) // 2
    return list(zip(node.args[:half], node.args[half:], strict=True))


def _activation(between: set[Value]) -> str:
    names = {node.op.name for node in between if node.op}
    return "" if not names else names.pop() if len(names) == 1 else "f"


def natural(label: str) -> list[tuple[str, int, str]]:
    """Return what to sort labels by, so that 10 comes after 9.

    Examples
    --------
    >>> sorted(["w[10]", "w[9]", "b"], key=natural)
    ['b', 'w[9]', 'w[10]']
    """
    parts = re.split(r"([0-9]+)", label)
    return [("", len(part), part) if part.isdecimal() else (part, 0, "") for part in parts]
