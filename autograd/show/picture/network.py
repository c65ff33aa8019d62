"""The picture of a network as circles in layers, as TensorFlow Playground draws it.

An edge is a weight: blue if it is positive, orange if it is negative, and thick by its size.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ...engine.gradients import has_gradient
from ...engine.value import Value
from ..text.formulas import count, digits
from ..text.modules import around_both, enclosing, within
from .boxes import AFTER
from .folded import operations
from .neurons import Neurons, Unit
from .styles import NOT_FINITE, Style, caption, digraph, escape, key
from .unfolded import Look
from .views import Detail, View

# More neurons or inputs side by side are one bar: nobody can follow a line among 17 x 17 others.
MAX_WIDTH = 16

# In inches: of a circle, from one to the next, and from layer to layer, where tall ones are farther apart, so
# that edges have the slope that they have in small networks.
_CIRCLE, _PITCH, _GAP, _GAP_A_ROW = 0.56, 0.66, 1.5, 0.13

# A bar is as high as so many circles, at least.
_BAR = 6

# The thinnest edge, and by how much that of the largest weight is thicker, in points: less between many.
_THINNEST, _THICKER, _THICKER_OF_MANY, _MANY = 0.5, 4.0, 2.5, 100

_CHARACTER, _LINE = 0.085, 0.2  # The room of a letter, and of a line of text, in inches.


class _Column(NamedTuple):
    """A layer of a picture: the ids of its circles, or a single one for its bar."""

    title: str
    path: str
    ids: tuple[str, ...]
    size: int


class NetworkPicture:
    """The picture of neurons in layers.

    In the SVG, the weight that is the i-th node of the order has the id ``weight{i}``, a neuron the id
    ``neuron{i}`` by its first weight.

    Parameters
    ----------
    order : sequence of Value
        The graph in topological order, the result last.
    name_of : mapping
        Name of each node.
    neurons : Neurons
        The graph as neurons.
    look : Look
        What to show.

    Attributes
    ----------
    details : dict
        What is told of each circle, edge and bar, by id; complete once it is drawn.
    """

    def __init__(
        self, order: Sequence[Value], name_of: Mapping[Value, str], neurons: Neurons, look: Look
    ) -> None:
        self.order, self.name_of, self.neurons, self.look = order, name_of, neurons, look
        self.style = Style(look.theme)
        self.index = {node: i for i, node in enumerate(order)}
        self.marked = {node for edge in look.marked for node in (edge.node, edge.operand)}
        self.samples = max(len(unit.sums) for unit in neurons.units)
        self.place: dict[str, tuple[float, float]] = {}
        self.widths = Counter(unit.layer for unit in neurons.units)
        self.details: dict[str, Detail] = {}
        self.unfolds: dict[str, str] = {}
        self.dot = digraph(look.theme, layout="neato", splines="line", outputorder="edgesfirst", pad="0.1")
        weights = [self._shown(weight) for unit in neurons.units for weight in unit.weights]
        grads = [self._grad(unit) for unit in neurons.units]
        self.largest, self.steepest = _largest(weights), _largest(grads)
        shown = [*weights, *(grads if look.color_by_grad else [])]
        self.has_unusual = any(number is not None and not math.isfinite(number) for number in shown)

    def draw(self, unfoldable: Mapping[str, object]) -> View:
        """Draw the network.

        Parameters
        ----------
        unfoldable : mapping
            The modules of which there are pictures.

        Returns
        -------
        View
            The picture; a click on a circle or a layer shows that of its module.
        """
        columns = self._columns()
        tallest = max(len(column.ids) if column.size == len(column.ids) else _BAR for column in columns)
        gap = _GAP + _GAP_A_ROW * tallest
        for i, column in enumerate(columns):
            self._draw_column(column, i * gap, tallest, unfoldable)
        self._draw_weights(columns)
        if self.neurons.outside:
            self._draw_outside((len(columns) - 1) * gap, unfoldable)
        caption(self.dot, self._summary(), self._legend())
        return View(self.name_of[self.order[-1]], self.dot.source, self.unfolds)

    def all_details(self, others: Mapping[str, Detail]) -> dict[str, Detail]:
        """Return what is told of everything in the picture and in others, once it is drawn.

        Parameters
        ----------
        others : mapping
            What is told of the other pictures, by id. What it tells of a node, it tells of a weight.

        Returns
        -------
        dict
            By id.
        """
        names = ((identity, identity.replace("weight", "node")) for identity in self.details)
        weights = {identity: others[name] for identity, name in names if name != identity and name in others}
        return {**others, **self.details, **weights}

    # ---------------------------------------------------------------------------------------- layers

    def _columns(self) -> list[_Column]:
        """Return the layers: first the inputs."""
        layers: dict[int, list[Unit]] = {}
        for unit in self.neurons.units:
            layers.setdefault(unit.layer, []).append(unit)
        size = len(self.neurons.inputs)
        inputs = [f"input{i}" for i in range(size)]
        columns = [_Column("inputs", "", tuple(inputs if size <= MAX_WIDTH else ["inputs"]), size)]
        for layer, units in sorted(layers.items()):
            path = _around_all([unit.path for unit in units])
            circles = [self._id(unit) for unit in units]
            ids = tuple(circles if len(units) <= MAX_WIDTH else [f"bar{layer}"])
            columns.append(_Column(path or f"layer {layer}", path, ids, len(units)))
        return columns

    def _id(self, unit: Unit) -> str:
        return f"neuron{self.index[unit.weights[0]]}"

    def _draw_column(
        self, column: _Column, along: float, tallest: int, unfoldable: Mapping[str, object]
    ) -> None:
        """Draw the circles of a layer, or its bar, below its title."""
        units = {self._id(unit): unit for unit in self.neurons.units}
        for row, identity in enumerate(column.ids):
            across = ((len(column.ids) - 1) / 2 - row) * _PITCH
            if identity in units:
                self._draw_neuron(identity, units[identity], along, across)
                if units[identity].path in unfoldable:
                    self.unfolds[identity] = units[identity].path
            elif column.size > len(column.ids):
                self._draw_bar(identity, column, along, tallest)
                if column.path in unfoldable:
                    self.unfolds[identity] = column.path
            else:
                self._draw_input(identity, row, along, across)
        top = (max(tallest, 3) / 2) * _PITCH + 0.25
        title = f"title_{column.ids[0]}"
        self._write(title, column.title, along, top, **self.style.quiet("constant"))
        if column.path in unfoldable:
            self.unfolds[title] = column.path

    def _draw_neuron(self, identity: str, unit: Unit, along: float, across: float) -> None:
        bias = " + ".join(digits(b.data, 2) for b in unit.biases)
        lines = [_short(unit.activation), f"b {bias}" if bias and self.look.values else ""]
        kind = "root" if self.order[-1] in unit.outputs else "result"
        style = self.style.box(kind)
        if self.look.color_by_grad and (grad := self._grad(unit)) is not None:
            style = self.style.tinted(style, grad, self.steepest)
        if not self.marked.isdisjoint(unit.sums):
            style = self.style.marked(style)
        self._circle(identity, [line for line in lines if line], along, across, style)
        rows = [("activation", unit.activation or "none")]
        rows += [(f"bias {self._within(b, unit)}", self.look.digits(b.data)) for b in unit.biases]
        rows += self._numbers(unit.outputs)
        self.details[identity] = Detail(unit.path, tuple(rows))
        if kind == "root":
            text = "\n".join([self.name_of[self.order[-1]], *self._lines([self.order[-1]])])
            self._write(f"result_{identity}", text, along + 0.85, across, **self.style.quiet("constant"))

    def _draw_input(self, identity: str, number: int, along: float, across: float) -> None:
        nodes = self.neurons.inputs[number]
        name = self._name_of_input(number)
        value = self.look.digits(nodes[0].data) if len(nodes) == 1 and self.look.values else ""
        style = self.style.box("leaf")
        if not self.marked.isdisjoint(nodes):
            style = self.style.marked(style)
        self._circle(identity, [_short(name), *([value] if value else [])], along, across, style)
        self.details[identity] = Detail(name, tuple(self._numbers(nodes)))

    def _name_of_input(self, number: int) -> str:
        """Return the user's name of an input, if all samples have the same but for their number."""
        name = _common_name([self.name_of[node] for node in self.neurons.inputs[number]])
        return f"x[{number}]" if not name or re.fullmatch(r"v\d+", name) else name

    def _draw_bar(self, identity: str, column: _Column, along: float, tallest: int) -> None:
        units = [unit for unit in self.neurons.units if identity == f"bar{unit.layer}"]
        kinds = {unit.activation for unit in units}
        noun = "inputs" if not units else kinds.pop() if len(kinds) == 1 and "" not in kinds else "neurons"
        across = tallest * _PITCH
        wide, high = (0.75, across) if self.look.direction in ("LR", "RL") else (across, 0.5)
        size = {"width": f"{wide:.2f}", "height": f"{high:.2f}"}
        style = self.style.box("result" if units else "leaf") | size
        self._write(identity, f"{column.size:,}\n{noun}", along, 0.0, **style)
        rows = (("neurons" if units else "inputs", f"{column.size:,}"),)
        self.details[identity] = Detail(column.title, rows)

    # --------------------------------------------------------------------------------------- weights

    def _draw_weights(self, columns: Sequence[_Column]) -> None:
        """Draw an edge for each weight between circles, and one between bars."""
        drawn = {identity for column in columns for identity in column.ids}
        bundles: dict[tuple[str, str], int] = {}
        for unit in self.neurons.units:
            target = self._id(unit)
            for weight, (kind, number) in zip(unit.weights, unit.sources, strict=True):
                source = f"input{number}" if kind == "input" else self._id(self.neurons.units[number])
                if source in drawn and target in drawn:
                    self._draw_weight(weight, unit, source, target)
                    continue
                bar = "inputs" if kind == "input" else f"bar{self.neurons.units[number].layer}"
                ends = (source if source in drawn else bar, target if target in drawn else f"bar{unit.layer}")
                bundles[ends] = bundles.get(ends, 0) + 1
        for (source, target), size in bundles.items():
            identity = f"weights_{source}_{target}"
            width = f"{_THINNEST + math.log10(size):.2f}"
            near, far = self._end_at(source, target), self._end_at(target, source)
            self.dot.edge(near, far, id=identity, penwidth=width, arrowhead="none")
            self.details[identity] = Detail(count(size, "weight"))

    def _end_at(self, end: str, other: str) -> str:
        """Return the node at which an edge ends: of a bar, the part of it that is beside the other end."""
        if self.place[other][1] == 0.0 or (end.startswith(("input", "neuron")) and end != "inputs"):
            return end
        anchor = f"{end}_at_{other}"
        point = {"shape": "point", "style": "invis", "width": "0.01"}
        self._write(anchor, "", self.place[end][0], self.place[other][1], **point)
        return anchor

    def _draw_weight(self, weight: Value, unit: Unit, source: str, target: str) -> None:
        number = self._shown(weight)
        style = {"arrowhead": "none", "penwidth": str(_THINNEST)}
        if number is not None and not math.isfinite(number):
            style |= {"color": NOT_FINITE, "penwidth": "2", "style": "dashed"}
        elif number:
            share = abs(number) / self.largest
            sign = "positive" if number > 0.0 else "negative"
            style |= {"color": getattr(self.style.palette, sign), "class": sign}
            most = _THICKER if len(unit.weights) * self.widths[unit.layer] < _MANY else _THICKER_OF_MANY
            style["penwidth"] = f"{_THINNEST + most * share:.2f}"
            # What is small is pale, so that what is large is seen among many.
            style["color"] += f"{round(255 * (0.35 + 0.65 * share)):02x}"
        if weight in self.marked:
            style = self.style.marked(style)
        identity = f"weight{self.index[weight]}"
        self.dot.edge(source, target, id=identity, **style)
        self.details[identity] = Detail(self.name_of[weight], tuple(self._numbers([weight])))

    def _shown(self, weight: Value) -> float | None:
        """Return the number that an edge shows: the weight, or its gradient where colours are gradients."""
        if not self.look.color_by_grad:
            return weight.data
        return float(weight.grad) if has_gradient(weight) else None

    def _grad(self, unit: Unit) -> float | None:
        """Return the largest gradient of a neuron's sum for any sample."""
        grads = [float(node.grad) for node in unit.sums if has_gradient(node)]
        unusual = [grad for grad in grads if not math.isfinite(grad)]
        return max(unusual or grads, key=abs, default=None)

    # ----------------------------------------------------------------------------------- the surroundings

    def _draw_outside(self, along: float, unfoldable: Mapping[str, object]) -> None:
        """Draw what comes after the network as one box."""
        root = self.order[-1]
        lines = [self.name_of[root], operations(self.neurons.outside), *self._lines([root])]
        size = max(map(len, lines)) * _CHARACTER + 0.3, len(lines) * _LINE + 0.15
        length = size[0] if self.look.direction in ("LR", "RL") else size[1]
        style = self.style.box("root")
        if not self.marked.isdisjoint(self.neurons.outside):
            style = self.style.marked(style)
        self._write("outside", "\n".join(lines), along + 0.9 + length / 2, 0.0, **style)
        rows = (("operations", operations(self.neurons.outside)), *self._numbers([root]))
        self.details["outside"] = Detail(f"{self.name_of[root]}, after the network", rows)
        if AFTER in unfoldable:
            self.unfolds["outside"] = AFTER
        layers = {self.neurons.units[number].layer for number in self.neurons.outputs}
        for layer in sorted(layers):
            units = [self.neurons.units[number] for number in self.neurons.outputs]
            circles = [self._id(unit) for unit in units if unit.layer == layer]
            for source in circles if self.widths[layer] <= MAX_WIDTH else [f"bar{layer}"]:
                self.dot.edge(source, "outside", id=f"from_{source}", arrowsize="0.7")

    def _summary(self) -> str:
        parameters = sum(len(unit.weights) + len(unit.biases) for unit in self.neurons.units)
        holds = count(parameters, "weight and bias", "weights and biases")
        text = f"{len(self.order):,} nodes, folded: {holds}"
        return f"{text}, {self.samples:,} samples" if self.samples > 1 else text

    def _legend(self) -> str:
        """Return what colours mean."""
        palette = self.style.palette
        what = "gradient" if self.look.color_by_grad else "weight"
        unusual = [(NOT_FINITE, "nan or inf")] if self.has_unusual else []
        largest = f"positive, thick up to {self.look.digits(self.largest)}"
        return key((palette.negative, f"{what} negative"), (palette.positive, largest), *unusual)

    def _numbers(self, nodes: Sequence[Value]) -> list[tuple[str, str]]:
        """Return the values and gradients of what is a node for each sample."""
        if not nodes:
            return []
        write = self.look.digits
        rows = [("value", _range([node.data for node in nodes], write))]
        grads = [float(node.grad) for node in nodes if has_gradient(node)]
        if grads or not has_gradient(self.order[-1]):
            rows.append(("gradient", _range(grads, write) if grads else "not yet"))
        return rows

    def _lines(self, nodes: Sequence[Value]) -> list[str]:
        shown = {"value": self.look.values, "gradient": self.look.grads}
        names = {"value": "value", "gradient": "grad"}
        return [f"{names[name]} {number}" for name, number in self._numbers(nodes) if shown[name]]

    def _within(self, parameter: Value, unit: Unit) -> str:
        return within(self.name_of[parameter], unit.path)

    # ----------------------------------------------------------------------------------------- shapes

    def _circle(
        self, identity: str, lines: Sequence[str], along: float, across: float, style: Mapping[str, str]
    ) -> None:
        round_one = {"shape": "circle", "fixedsize": "true", "width": str(_CIRCLE), "fontsize": "8"}
        self._write(identity, "\n".join(lines), along, across, **{**style, **round_one, "style": "filled"})

    def _write(self, identity: str, text: str, along: float, across: float, **style: str) -> None:
        """Draw a node at a place: so far from the first layer, and so far from the middle."""
        if self.look.direction in ("LR", "RL"):
            x, y = (along if self.look.direction == "LR" else -along), across
        else:
            x, y = -across, (along if self.look.direction == "BT" else -along)
        self.place[identity] = along, across
        self.dot.node(identity, escape(text), id=identity, pos=f"{x:.3f},{y:.3f}!", **style)


def _around_all(paths: Sequence[str]) -> str:
    """Return the innermost module that contains all of some modules; of a single neuron, its layer."""
    shared = paths[0]
    for path in paths:
        shared = next(reversed(around_both(shared, path)), "")
    around = enclosing(shared)
    return around[-2] if len(paths) == 1 and len(around) > 1 else shared


def _largest(numbers: Iterable[float | None]) -> float:
    """Return the largest size of those that are finite."""
    return max(
        (abs(number) for number in numbers if number is not None and math.isfinite(number)), default=0.0
    )


def _common_name(names: Sequence[str]) -> str:
    """Return ``X[:, 2]`` for ``X[0, 2]`` and ``X[1, 2]``; "" for names that differ in more than an index."""
    first, *others = [re.split(r"([0-9]+)(?=[^\[]*\])", name) for name in dict.fromkeys(names)] or [[""]]
    if any(len(other) != len(first) or other[::2] != first[::2] for other in others):
        return ""
    columns = zip(first, *others, strict=True)
    return "".join(parts[0] if len({*parts}) == 1 else ":" for parts in columns)


def _short(text: str) -> str:
    """Return a text that fits into a circle."""
    return text if len(text) <= 9 else f"{text[:8]}…"


def _range(numbers: Sequence[float], write: Callable[[float], str]) -> str:
    """Return a number, or the smallest and the largest of several."""
    if any(map(math.isnan, numbers)):
        return "nan" if len(numbers) == 1 else "nan for some samples"
    low, high = write(min(numbers)), write(max(numbers))
    return low if low == high else f"{low} … {high}"
