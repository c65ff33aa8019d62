"""The moments of a stepper: what its page shows, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...engine.graph import consumers_first, edges
from ...engine.value import Value
from ..text.formulas import count, digits, formula
from ..text.notation import Notation
from ..text.replay import replay
from ..text.sweep_steps import Flow, Step, steps

# The number of results of earlier descents that are kept on the page.
_HISTORY = 8

# The parts of an equation are texts, nodes by their index, and derivatives: ∂ for a local partial, d for a
# gradient, which sums over all paths.
Equation = tuple[str | int | tuple[str, int, int], ...]


class Passing(NamedTuple):
    """The edge of a moment: what a node passes to one of its operands, as lines of text."""

    node: int
    slot: int
    lines: tuple[str, str, str]


class Moment(NamedTuple):
    """What changes on the page at one press of the button; all numbers are text.

    The page computes the same moments by itself, again after each change of a leaf.

    Attributes
    ----------
    phase : str
        Start, Forward, Backward or Update.
    text : str
        What happens, as a sentence.
    round : str
        The descent that the moment belongs to, if there are several.
    target : int, optional
        The node, by its index in ``nodes(root)``, whose value or gradient changes.
    value, adjoint : str, optional
        The new value or gradient.
    complete : bool
        Whether the gradient is complete: nothing will be added to it.
    passing : Passing, optional
        The edge along which the gradient flows.
    equations : tuple
        What happens, as equations.
    note : str
        Why.
    """

    phase: str
    text: str
    round: str = ""
    target: int | None = None
    value: str | None = None
    adjoint: str | None = None
    complete: bool = False
    passing: Passing | None = None
    equations: tuple[Equation, ...] = ()
    note: str = ""


class Script:
    """The moments of a page, written sweep by sweep.

    Parameters
    ----------
    order : sequence of Value
        The nodes of the graph in topological order, the result last.
    name_of : mapping
        Name of each node.

    Attributes
    ----------
    moments : list of Moment
        The moments so far.
    passes : list of mapping
        For each forward pass so far the copy of each node, with its values.

    Examples
    --------
    >>> x = Value(3.0)
    >>> script = Script([x], {x: "x"})
    >>> _ = script.sweep({}, "")
    >>> [moment.text for moment in script.moments[1:]]
    ['x = 3 is given.', 'The sweep begins at the result: dx/dx = 1.']
    """

    def __init__(self, order: Sequence[Value], name_of: Mapping[Value, str]) -> None:
        self.order = order
        self.name_of = name_of
        self.result = order[-1]
        self.root = len(order) - 1
        self.names = [name_of[node] for node in order]
        self.notation = Notation(name_of)
        self.index = {node: i for i, node in enumerate(order)}
        flowing = consumers_first(self.result, by_derivative=True)
        self.used = Counter(self.index[edge.operand] for node in flowing for edge in edges(node))
        self.results: list[str] = []
        self.passes: list[Mapping[Value, Value]] = []
        leaves = sum(node.op is None for node in order)
        parts = [count(leaves, "leaf", "leaves"), count(len(order) - leaves, "operation")]
        text = f"{self.names[-1]} has {' and '.join(parts)}. Values go forward, then gradients go backward."
        note = f"The gradient of a node is the derivative of {self.names[-1]} by it."
        self.moments = [Moment("Start", text, note=note)]

    def descend(self, trained: Sequence[Value], rate: float, times: int) -> None:
        """Write passes, each followed by an update of leaves, and the resulting values."""
        now = {leaf: leaf.data for leaf in trained}
        for i in range(times):
            turn = f"Descent {i + 1} of {times}"
            slope_of = self.sweep(now, turn)
            for leaf in trained:
                slope = slope_of.get(leaf, 0.0)
                after = now[leaf] - rate * slope
                self.moments.append(self._update(leaf, rate, now[leaf], slope, after, turn))
                now[leaf] = after
        self._forward(replay(self.result, now), f"After {count(times, 'descent', 'descents')}")

    def sweep(self, changes: Mapping[Value, float], turn: str) -> dict[Value, float]:
        """Write the forward pass at a point, then the backward pass; return the adjoints."""
        copies = replay(self.result, changes)
        self._forward(copies, turn)
        self.moments.append(self._seed(turn))
        index = {copies[node]: i for i, node in enumerate(self.order)}
        arrived: Counter[int] = Counter()
        swept = steps(copies[self.result])
        for step in swept:
            for flow in step.flows:
                operand = index[flow.operand]
                arrived[operand] += 1
                self.moments.append(self._flow(step, flow, index[step.node], operand, arrived[operand], turn))
        return {self.order[index[step.node]]: step.adjoint for step in swept}

    def _forward(self, copies: Mapping[Value, Value], turn: str) -> None:
        """Write the forward pass; when it is repeated, leaves keep their values."""
        self.passes.append(copies)
        for i, node in enumerate(self.order):
            value = digits(copies[node].data)
            if node.op:
                numbers = {arg: _operand(node, copies[arg]) for arg in node.args if isinstance(arg, Value)}
                sides = (self.names[i], formula(node, self.name_of), formula(node, numbers), value)
                self.moments.append(Moment("Forward", " = ".join(sides), turn, i, value=value))
            elif not self.results:
                self.moments.append(Moment("Forward", f"{self.names[i]} = {value} is given.", turn, i, value))
        self.results.append(digits(copies[self.result].data))
        if len(self.results) > 1:
            history = " → ".join([*["…"][: len(self.results) - _HISTORY], *self.results[-_HISTORY:]])
            self.moments[-1] = self.moments[-1]._replace(note=f"{self.names[-1]} so far: {history}")

    def _seed(self, turn: str) -> Moment:
        one = digits(1.0)
        text = f"The sweep begins at the result: {self.notation.total(self.result, self.result)} = {one}."
        equation: Equation = (("d", self.root, self.root), f"= {one}")
        return Moment("Backward", text, turn, self.root, adjoint=one, complete=True, equations=(equation,))

    def _flow(self, step: Step, flow: Flow, node: int, operand: int, nth: int, turn: str) -> Moment:
        name, target, used = self.names[node], self.names[operand], self.used[operand]
        # -0 is 0 to whoever reads one.
        partial, adds, after = (digits(x + 0.0) for x in (flow.partial, flow.contribution, flow.after))
        factors = (step.adjoint + 0.0, flow.partial + 0.0)
        product = self.notation.product([self.notation.number(factor) for factor in factors])
        total = self.notation.sum([digits(flow.before), adds], 0)
        if used == 1:
            note = f"{target} is used once, here: its gradient is complete."
        else:
            note = f"{target} is used {used} times, and its gradient is the sum over all uses. "
            note += f"This is use {nth}, as operand {flow.slot + 1} of {name}" + (
                ": the gradient is complete." if nth == used else "."
            )
        return Moment(
            "Backward",
            f"{name} passes {product} = {adds} to {target}, whose gradient becomes {total} = {after}.",
            turn,
            operand,
            adjoint=after,
            complete=nth == used,
            passing=Passing(node, flow.slot, (f"∂ {partial}", f"adds {adds}", f"sum {after}")),
            equations=(
                (("d", self.root, node), "·", ("∂", node, operand), f"= {product} = {adds}"),
                (("d", self.root, operand), f"← {total} = {after}"),
            ),
            note=note,
        )

    def _update(
        self, leaf: Value, rate: float, before: float, slope: float, after: float, turn: str
    ) -> Moment:
        i, name, value = self.index[leaf], self.name_of[leaf], digits(after)
        product = self.notation.product([self.notation.number(rate), self.notation.number(slope)])
        numbers = f"{digits(before)} − {f'({product})' if product.startswith('-') else product} = {value}"
        text = f"{name} ← {name} − lr · {self.notation.total(self.result, leaf)} = {numbers}"
        equations: tuple[Equation, ...] = ((i, "←", i, "− lr ·", ("d", self.root, i)), (f"= {numbers}",))
        note = f"A step against the derivative makes {self.names[-1]} smaller, if the learning rate is small."
        return Moment("Update", text, turn, i, value=value, equations=equations, note=note)


def _operand(node: Value, arg: Value) -> str:
    """Return an operand as a number, in parentheses if it is signed and follows an operator."""
    text = digits(arg.data)
    return f"({text})" if text.startswith("-") and node.op and node.op.symbol else text
