"""The pictures of a network in which modules are boxes: all folded, or one of them unfolded in place."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import graphviz

from ...engine.gradients import has_gradient
from ...engine.value import Value
from ..text.formulas import count, digits
from ..text.modules import enclosing, within
from .boxes import AFTER, BEFORE, INPUTS, Box, Modules, Partition
from .styles import Style, caption, escape, frames
from .unfolded import Look, Picture
from .views import Detail, View

# Graphviz reserves room for each label: with more labels, a picture gets ten times as high as wide.
_MAX_LABELS = 12


class Folding:
    """The pictures of a network: one in which all is folded, and one for each module that can be unfolded.

    In the SVG, a node and its edges have the ids that they have unfolded, see `draw_unfolded`; other boxes
    have ids of their own. An id stands for the same thing in all pictures.

    Parameters
    ----------
    order : sequence of Value
        The graph in topological order, the result last.
    name_of : mapping
        Name of each node.
    home : mapping
        Module of each node that has one.
    look : Look
        What to show.

    Attributes
    ----------
    details : dict
        What is told of each box that has been drawn, by id.
    shown : set of Value
        The nodes that have been drawn by themselves.

    Examples
    --------
    >>> w, x = Value(2.0, label="layer.w"), Value(3.0, label="x")
    >>> y = w * x
    >>> folding = Folding([w, x, y], {w: "layer.w", x: "x", y: "y"}, {w: "layer", y: "layer"}, Look())
    >>> "1 parameter" in folding.draw("").source, "w" in folding.draw("layer").source
    (True, True)
    """

    def __init__(
        self, order: Sequence[Value], name_of: Mapping[Value, str], home: Mapping[Value, str], look: Look
    ) -> None:
        self._order, self._name_of, self._home, self._look = order, name_of, dict(home), look
        self.modules = Modules(order, home)
        ranked = (*self.modules.paths, INPUTS, BEFORE, AFTER)
        self._identity = {path: f"module{i}" for i, path in enumerate(ranked)}
        self._style = Style(look.theme)
        self.details: dict[str, Detail] = {}
        self.shown: set[Value] = set()

    def views(self, folded: View) -> dict[str, View]:
        """Return the pictures by module.

        Parameters
        ----------
        folded : View
            That in which all is folded.

        Returns
        -------
        dict
            That of ``""`` first.
        """
        found = {"": folded}
        waiting = list(folded.unfolds.values())
        # Of a layer of 64 neurons 16 are drawn: nobody comes to the pictures of the others.
        for path in waiting:
            if path not in found:
                found[path] = self.draw(path)
                waiting += found[path].unfolds.values()
        return found

    def draw(self, path: str) -> View:
        """Draw the picture in which a module is unfolded in place; all is folded for ``""``."""
        opened = self.modules.unfoldable[path] if path else []
        cut = self.modules.cut(opened)
        single = [inside[0] for box, inside in cut.members.items() if box.kind == "node"]
        self.shown.update(single)
        around_result = dict.fromkeys(self.modules.groups[AFTER], AFTER) if path == AFTER else {}
        picture = Picture(self._order, single, self._name_of, self._home | around_result, self._look)
        if not cut.edges:
            # Between texts, edges would have room enough.
            picture.dot.attr(ranksep="0.9")
        grads = {box: grad for box, inside in cut.members.items() if (grad := _steepest(inside)) is not None}
        picture.largest = max((abs(grad) for grad in grads.values() if math.isfinite(grad)), default=0.0)
        unfolds: dict[str, str] = {}
        for box, inside in cut.members.items():
            around = self._frames_around(box)
            framed = {module: f"frame_{self._identity[module]}" for module in around}
            for i, module in enumerate(around):
                if module in opened:
                    unfolds[framed[module]] = around[i - 1] if i else ""
            with frames(picture.dot, around, framed) as part:
                if box.kind == "node":
                    picture.draw_node(part, inside[0])
                    continue
                self._draw_box(part, picture, box, inside, grads.get(box))
            if box.kind == "module" and box.path in self.modules.unfoldable:
                unfolds[self._id_of(box, inside)] = box.path
        for edge in cut.edges:
            picture.draw_edge(edge)
        self._draw_uses(picture, cut)
        text = f"{len(self._order):,} nodes, {f'{path} unfolded' if path else 'folded'}"
        caption(picture.dot, text, self._look.legend(grads.values()) if self._look.color_by_grad else "")
        return View(path or self._name_of[self._order[-1]], picture.dot.source, unfolds)

    def _frames_around(self, box: Box) -> list[str]:
        """Return the modules in whose frames a box stands."""
        if box.path in (INPUTS, BEFORE):
            return []
        if box.path == AFTER:
            return [] if box.kind == "module" else [AFTER]
        if box.kind == "more":
            return [path for path in enclosing(f"{box.path}.0") if path in self._identity][:-1]
        around = enclosing(box.path)
        return around[:-1] if box.kind == "module" else around

    def _id_of(self, box: Box, inside: Sequence[Value]) -> str:
        if box.kind == "module":
            return self._identity[box.path]
        if box.kind == "between":
            return f"between_{self._identity[box.path]}"
        return f"{box.kind}{box.number}_{len(inside)}"

    def _draw_box(
        self,
        dot: graphviz.Digraph,
        picture: Picture,
        box: Box,
        inside: Sequence[Value],
        grad: float | None,
    ) -> None:
        """Draw a box of several nodes, and note what is told of it."""
        detail = self._describe(box, inside)
        identity = self._id_of(box, inside)
        self.details[identity] = detail
        kind = "root" if inside[-1] is self._order[-1] else "leaf" if inside[-1].op is None else "result"
        style = self._style.box(kind)
        if self._look.color_by_grad and grad is not None:
            style = self._style.tinted(style, grad, picture.largest)
        if not picture.marked.isdisjoint(inside):
            style = self._style.marked(style)
        text = "\n".join([detail.title, *(line for _, line in detail.rows)])
        dot.node(identity, escape(text), id=identity, **style)

    def _draw_uses(self, picture: Picture, cut: Partition) -> None:
        """Draw the edges at boxes of several nodes, thick by how many they stand for."""
        for (source, target), number in cut.uses.items():
            ends = cut.members[source], cut.members[target]
            names = [
                f"node{box.number}" if box.kind == "node" else self._id_of(box, inside)
                for box, inside in zip((source, target), ends, strict=True)
            ]
            style = {"penwidth": f"{1.0 + math.log10(number) / 2:.2f}"}
            if not any(picture.marked.isdisjoint(inside) for inside in ends):
                style = self._style.marked({})
            label = f"×{number:,}" if number > 1 and len(cut.uses) <= _MAX_LABELS else ""
            identity = f"uses_{names[0]}_{names[1]}"
            picture.dot.edge(*names, label=label, id=identity, **style)
            titles = [
                self.details[name].title if name in self.details else self._name_of[inside[0]]
                for name, inside in zip(names, ends, strict=True)
            ]
            self.details[identity] = Detail(" → ".join(titles), (("uses", f"{number:,}"),))

    def _describe(self, box: Box, inside: Sequence[Value]) -> Detail:
        """Return what is told of a box of several nodes."""
        rows = []
        parameters = [node for node in inside if node.op is None]
        title = within(box.path, enclosing(box.path)[-2]) if len(enclosing(box.path)) > 1 else box.path
        if box.kind == "alike":
            name = inside[0].op.name if inside[0].op else _common(self._name_of[node] for node in inside)
            title = f"{within(name, box.path)} ×{len(inside):,}"
        elif box.path == INPUTS:
            rows.append(("nodes", count(len(inside), "leaf", "leaves")))
        elif box.kind == "more":
            title = f"… more of {box.path or 'the model'}"
        elif box.kind == "between":
            title = "between its modules"
        if box.path == AFTER and inside[-1] is self._order[-1]:
            title = f"{self._name_of[inside[-1]]}, {box.path}"
        if box.path not in (INPUTS, BEFORE, AFTER) and parameters and box.kind != "alike":
            rows.append(("parameters", count(len(parameters), "parameter")))
        if box.kind != "alike" and (text := operations(inside)):
            rows.append(("operations", text))
        if self._look.values and (text := self._range(box, inside)):
            rows.append(("value", text))
        if self._look.grads and (text := self._gradients(parameters or inside, box)):
            rows.append(("gradient", text))
        return Detail(title, tuple(rows))

    def _range(self, box: Box, inside: Sequence[Value]) -> str:
        """Return the values of nodes that are alike, or of the result."""
        write = self._look.digits
        if inside[-1] is self._order[-1]:
            return f"value {write(inside[-1].data)}"
        if box.kind != "alike":
            return ""
        numbers = [node.data for node in inside]
        if any(map(math.isnan, numbers)):
            return "values with nan"
        return f"values {write(min(numbers))} … {write(max(numbers))}"

    def _gradients(self, inside: Sequence[Value], box: Box) -> str:
        """Return the size of the largest gradient; what no gradient reaches has no line."""
        if box.kind == "module" and box.path in (INPUTS, BEFORE, AFTER):
            return ""
        grad = _steepest(inside)
        if grad is not None:
            return f"|grad| ≤ {digits(abs(grad), self._look.precision)}"
        return "" if has_gradient(self._order[-1]) else "grad not yet"


def operations(inside: Sequence[Value]) -> str:
    """Return the most frequent operations, with how many there are of each.

    Examples
    --------
    >>> x = Value(1.0)
    >>> operations([x * 2.0, x * 3.0, x + 1.0]), operations([x * 2.0, x + 1.0] * 4)
    ('2 mul, 1 add', 'mul, add ×4')
    """
    counts = Counter(node.op.name for node in inside if node.op)
    most = counts.most_common(3)
    more = [f"{len(counts) - 3} other kinds"] if len(counts) > 3 else []
    if len({number for _, number in most}) == 1 and not more:
        times = f" ×{most[0][1]:,}" if most[0][1] > 1 else ""
        return ", ".join(name for name, _ in most) + times
    return ", ".join([*(f"{number:,} {name}" for name, number in most), *more])


def _common(names: Iterable[str]) -> str:
    """Return the first name without its indices, in which those of alike nodes differ."""
    return next(iter(names)).partition("[")[0]


def _steepest(inside: Sequence[Value]) -> float | None:
    """Return the largest gradient of the parameters among nodes, or else of all; nan if any is."""
    parameters = [node for node in inside if node.op is None] or inside
    grads = [float(node.grad) for node in parameters if has_gradient(node)]
    unusual = [grad for grad in grads if not math.isfinite(grad)]
    return max(unusual or grads, key=abs, default=None)
