"""A network cut into the boxes of a picture: modules, and the nodes of those modules that are unfolded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, reduce
from typing import NamedTuple

from ...engine.graph import Edge, operands
from ...engine.value import Value
from ..text.modules import around_both, enclosing
from ..text.reading_order import in_reading_order
from .budget import MAX_BOXES, MAX_EDGES
from .neurons import natural

INPUTS, BEFORE, AFTER = "inputs", "before the network", "after the network"

# Of more modules in a list, such as the neurons of a wide layer, the first ones are drawn.
_MAX_LISTED = 16

# So many nodes of an unfolded module are drawn one by one, although some differ in the sample alone; and so
# many boxes of alike nodes, before those of the same operation become one.
_MAX_APART, _MAX_ALIKE = 6, 24


class Box(NamedTuple):
    """What a box of a picture stands for.

    Attributes
    ----------
    kind : str
        ``"node"``, ``"alike"`` for several nodes, ``"module"``, ``"more"`` for several modules, or
        ``"between"`` for the nodes between the modules in one.
    path : str
        The module that it is or belongs to, or what is around the network.
    number : int
        Where its first node is in the order, but for modules.
    """

    kind: str
    path: str
    number: int = 0


class Partition(NamedTuple):
    """A graph cut into boxes.

    Attributes
    ----------
    members : dict
        The nodes in each box.
    uses : dict
        How many edges lead from a box to another one.
    edges : list of Edge
        The edges between boxes of a single node, which `uses` leaves out.
    """

    members: dict[Box, list[Value]]
    uses: dict[tuple[Box, Box], int]
    edges: list[Edge]

    @property
    def is_readable(self) -> bool:
        """Whether a person could read a picture of it."""
        return len(self.members) <= MAX_BOXES and len(self.uses) + len(self.edges) <= MAX_EDGES


class Modules:
    """The nodes of a graph by module: grouped once for all pictures, since there are as many as modules.

    Parameters
    ----------
    order : sequence of Value
        The graph in topological order, the result last.
    home : mapping
        Module of each node that has one.

    Attributes
    ----------
    groups : dict
        The nodes of each module, of the inputs, and of what comes before and after the network.
    paths : list of str
        All modules, those around others included, in the order of their numbers.

    Examples
    --------
    >>> w, x = Value(2.0, label="layer.w"), Value(3.0)
    >>> y = w * x
    >>> cut = Modules([w, x, y], {w: "layer", y: "layer"}).cut([])
    >>> [(box.path, len(inside)) for box, inside in cut.members.items()]
    [('inputs', 1), ('layer', 2)]
    """

    def __init__(self, order: Sequence[Value], home: Mapping[Value, str]) -> None:
        self.order = order
        self._number = {node: i for i, node in enumerate(order)}
        self._around = {path: enclosing(path) for path in dict.fromkeys(home.values())}
        self.paths = sorted({path for modules in self._around.values() for path in modules}, key=natural)
        self._group_of = _groups(order, home)
        self._around |= {path: enclosing(path) for path in {*self._group_of.values()} & {*self.paths}}
        self._holding = {path for modules in self._around.values() for path in modules[:-1]}
        found: dict[str, list[Value]] = {}
        for node in in_reading_order(order):
            found.setdefault(self._group_of[node], []).append(node)
        ranked = (INPUTS, BEFORE, *self.paths, AFTER)
        self.groups = {path: found[path] for path in dict.fromkeys(ranked) if path in found}

    @cached_property
    def unfoldable(self) -> dict[str, list[str]]:
        """What can be unfolded because it holds modules or several nodes, with the modules around it."""
        around = {path: enclosing(path) for path in self.paths}
        around |= {path: [path] for path in (BEFORE, AFTER) if path in self.groups}
        # A module without nodes of its own holds modules.
        return {path: modules for path, modules in around.items() if len(self.groups.get(path, ())) != 1}

    def cut(self, opened: Sequence[str]) -> Partition:
        """Return the finest cut that a person can read.

        Parameters
        ----------
        opened : sequence of str
            The modules to unfold, each in the one before it.

        Returns
        -------
        Cut
            The coarsest one, if none can be read.
        """
        for attempt in self._attempts(opened):
            if attempt.is_readable:
                break
        return attempt

    def _attempts(self, opened: Sequence[str]) -> Iterator[Partition]:
        """Yield cuts, finer ones first."""
        # Around what is unfolded, boxes of whole layers: it is what the picture is about.
        deepest = 1 if opened else max(map(len, self._around.values()), default=1)
        own = sum(len(self.groups.get(path, ())) for path in opened)
        for fineness in ("each", "alike", "similar", "kinds")[own > _MAX_APART :]:
            for level in range(deepest, 0, -1):
                found = self._cut(opened, level, fineness)
                if (
                    fineness in ("each", "kinds")
                    or sum(box.kind in ("node", "alike") for box in found.members) <= _MAX_ALIKE
                ):
                    yield found
        yield self._cut(opened, 1, "kinds", bundled=True)

    def _cut(self, opened: Sequence[str], level: int, fineness: str, bundled: bool = False) -> Partition:
        """Return the cut in which modules outside the opened ones are boxes at a level of nesting."""
        whole = {group: box for group in self.groups if (box := self._box(group, opened, level))}
        if bundled:
            _bundle(whole)
        apart = [group for group in self.groups if group not in whole]
        box_of = self._boxes_of_nodes(apart, whole, fineness)
        members: dict[Box, list[Value]] = {}
        for group, inside in self.groups.items():
            for node in inside:
                members.setdefault(whole.get(group) or box_of[node], []).append(node)
        uses: Counter[tuple[Box, Box]] = Counter()
        for (source, target), number in self._between.items():
            if source in whole and target in whole:
                uses[whole[source], whole[target]] += number
        edges: list[Edge] = []
        for edge in self._edges_at(apart):
            ends = (edge.operand, edge.node)
            source_box, target_box = (box_of.get(node) or whole[self._group_of[node]] for node in ends)
            if source_box.kind == target_box.kind == "node":
                edges.append(edge)
            else:
                uses[source_box, target_box] += 1
        return Partition(
            members, {pair: number for pair, number in uses.items() if pair[0] != pair[1]}, edges
        )

    def _box(self, group: str, opened: Sequence[str], level: int) -> Box | None:
        """Return the box of a group, or None if its nodes have boxes of their own."""
        if group not in self._around:
            return None if group in opened else Box("module", group)
        modules = self._around[group]
        shared = len(around_both(group, opened[-1])) if opened else 0
        if opened and group == opened[-1]:
            return None
        # Where the modules in it have boxes of their own, the nodes between them have one, too.
        if group in self._holding and len(modules) < max(level, shared + 1):
            return Box("between", group)
        return (
            None
            if shared == len(modules)
            else Box("module", modules[max(shared, min(level, len(modules)) - 1)])
        )

    def _boxes_of_nodes(
        self, groups: Sequence[str], whole: Mapping[str, Box], fineness: str
    ) -> dict[Value, Box]:
        """Return the boxes of the nodes of groups: of their own, or with others that are alike.

        Nodes are alike if they have the same operation and alike operands, as those of several samples have;
        similar if the order and number of the operands may differ as well, and parameters may in their
        indices. Of the same kind are all with the same operation.
        """
        own = [(node, group) for group in groups for node in self.groups[group]]
        own.sort(key=lambda item: self._number[item[0]])
        classes: dict[object, list[Value]] = {}
        class_of: dict[Value, int] = {}
        for node, group in own:
            signature: object = node
            used = [
                class_of[arg] if arg in class_of else whole[self._group_of[arg]] for arg in operands(node)
            ]
            if node.op is None:
                signature = node if fineness in ("each", "alike") else (group, _stem(node.label))
            elif fineness != "each":
                operation = group, node.op.name
                signature = {"alike": (operation, *used), "similar": (operation, frozenset(used))}.get(
                    fineness, operation
                )
            members = classes.setdefault(signature, [])
            members.append(node)
            class_of[node] = self._number[members[0]]
        return {
            node: Box("alike" if len(members) > 1 else "node", self._group_of[node], self._number[members[0]])
            for members in classes.values()
            for node in members
        }

    @cached_property
    def _crossing(self) -> dict[str, list[Edge]]:
        """The edges from each group to others."""
        found: dict[str, list[Edge]] = {group: [] for group in self.groups}
        for node in self.order:
            group = self._group_of[node]
            for slot, arg in enumerate(node.args):
                if isinstance(arg, Value) and self._group_of[arg] != group:
                    found[self._group_of[arg]].append(Edge(node, slot))
        return found

    @cached_property
    def _between(self) -> Counter[tuple[str, str]]:
        """The number of edges from one group to another."""
        pairs = (
            (group, self._group_of[edge.node]) for group, edges in self._crossing.items() for edge in edges
        )
        return Counter(pairs)

    def _edges_at(self, groups: Sequence[str]) -> Iterator[Edge]:
        """Yield the edges that have an end in one of some groups."""
        for group in groups:
            for node in self.groups[group]:
                for slot, arg in enumerate(node.args):
                    if isinstance(arg, Value):
                        yield Edge(node, slot)
            for edge in self._crossing[group]:
                if self._group_of[edge.node] not in groups:
                    yield edge


def _groups(order: Sequence[Value], home: Mapping[Value, str]) -> dict[Value, str]:
    """Return the module of each node, or what it is outside of all modules."""
    found: dict[Value, str] = {}
    for node in order:
        if node in home:
            found[node] = home[node]
        elif node.op is None:
            found[node] = INPUTS
        else:
            below = {found[operand] for operand in operands(node)}
            found[node] = BEFORE if below <= {INPUTS, BEFORE} else AFTER
    _place_between(order, home, found)
    # The target of a loss is no input of the network.
    reached: set[Value] = set()
    for node in reversed(order):
        if found[node] in (INPUTS, BEFORE) and node not in reached:
            found[node] = AFTER
        if found[node] != AFTER:
            reached.update(operands(node))
    return found


def _place_between(order: Sequence[Value], home: Mapping[Value, str], found: dict[Value, str]) -> None:
    """Let what stands between modules, such as a residual sum, belong to the module around them."""
    leading: set[Value] = set()
    for node in reversed(order):
        if node in home or node in leading:
            leading.update(operands(node))
    between = [node for node in order if found[node] == AFTER and node in leading]
    outside = (INPUTS, BEFORE, AFTER)
    for node in between:
        used = [found[operand] for operand in operands(node) if found[operand] not in outside]
        if used and (shared := reduce(_around_both, used)):
            found[node] = shared
    # Of modules with nothing around them: the one that comes after.
    for node in reversed(order):
        for operand in operands(node) if found[node] not in outside else ():
            if found[operand] == AFTER:
                around = enclosing(found[node])
                found[operand] = around[max(len(around) - 2, 0)]


def _around_both(path: str, other: str) -> str:
    return next(reversed(around_both(path, other)), "")


def _bundle(whole: dict[str, Box]) -> None:
    """Put what follows the first modules of a long list into one box."""
    seen: dict[str, dict[Box, int]] = {}
    for group, box in whole.items():
        if box.path not in (INPUTS, BEFORE, AFTER):
            parent = box.path.rpartition(".")[0]
            listed = seen.setdefault(parent, {})
            if listed.setdefault(box, len(listed)) >= _MAX_LISTED:
                whole[group] = Box("more", parent)


def _stem(label: str) -> str:
    """Return a label without its indices."""
    return re.sub(r"\[[^\]]*\]|\d+", "", label)
