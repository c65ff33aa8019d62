"""The steps of a backward sweep, one for each node, for everything that shows how gradients arise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...engine.attach import attach
from ...engine.graph import Edge, consumers_first, nodes
from ...engine.real_numbers import checked_number
from ...engine.value import Value
from ...tables import html_table, without_middle
from ...transforms.sweeps import along_stored_partials, backward_sweep
from .caller_names import names_for_caller
from .formulas import digits, formula

# The lines of a longer sweep, or of a longer sum, would fill more screens than anybody reads.
_MOST_LINES, _MOST_FLOWS = 200, 12


class Flow(NamedTuple):
    """What a node contributes along one edge: ``contribution = gradient · partial``.

    Attributes
    ----------
    operand : Value
        The operand that receives it.
    slot : int
        The index of the operand; ``a * a`` has a flow for each of its two slots.
    partial : float
        The derivative of the node with respect to this operand.
    contribution : float
        The gradient of the node times the partial.
    before, after : float
        The sum of the contributions to the operand, before and after this one is added.
    """

    operand: Value
    slot: int
    partial: float
    contribution: float
    before: float
    after: float


class Step(NamedTuple):
    """The step of a backward sweep at one node.

    Attributes
    ----------
    node : Value
        The node, whose gradient is complete.
    adjoint : float
        The gradient: the derivative of the result with respect to the node.
    flows : tuple of Flow
        Its contributions, in the order of its operands, to those that are not constant.
    names : mapping of Value to str
        The name of each node of the sweep.
    """

    node: Value
    adjoint: float
    flows: tuple[Flow, ...]
    names: Mapping[Value, str]

    def __str__(self) -> str:
        operation = f" = {self._formula()}" if self.node.op else ""
        sums = without_middle(self.flows, _MOST_FLOWS, lambda flow: [self._sum(flow)], str)
        return "; ".join([f"{self.names[self.node]}{operation}: gradient {digits(self.adjoint)}", *sums])

    def _sum(self, flow: Flow) -> str:
        product = f"{digits(self.adjoint)}·{digits(flow.partial)}"
        remark = self._remark(flow)
        total = f"{self.names[flow.operand]}: {digits(flow.before)} + {product} = {digits(flow.after)}"
        return total + (f" ({remark})" if remark else "")

    def _remark(self, flow: Flow) -> str:
        from .kinks import remark_at_kink

        return remark_at_kink(Edge(self.node, flow.slot))

    def _formula(self) -> str:
        return formula(self.node, self.names) if self.node.op else ""

    def _rows(self) -> list[list[str]]:
        """Return the lines of a table: one for each contribution, or one without any."""
        first = [self.names[self.node], self._formula(), digits(self.adjoint)]

        def cells(flow: Flow) -> list[list[str]]:
            remark = self._remark(flow)
            numbers = map(digits, (flow.partial, flow.contribution, flow.after))
            return [[self.names[flow.operand], *numbers, remark]]

        rest = without_middle(self.flows, _MOST_FLOWS, cells, lambda text: [text, "", "", "", ""])
        return [[*(("", "", "") if i else first), *cells] for i, cells in enumerate(rest or [[""] * 5])]


class Steps(tuple[Step, ...]):
    """The steps of a sweep in order; the REPL shows a line for each, and a notebook a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(without_middle(self, _MOST_LINES, lambda step: [str(step)], str))

    def _repr_html_(self) -> str:
        head = ["node", "formula", "gradient", "adds to", "partial ∂", "gradient · ∂", "sum", "remark"]
        rows = without_middle(self, _MOST_LINES, Step._rows, lambda text: [text])
        if not any(row[-1] for row in rows if len(row) == len(head)):
            head, rows = head[:-1], [row[: len(head) - 1] for row in rows]
        return html_table(head, rows)


def steps(root: Value, gradient: float = 1.0, *, names: Mapping[str, Any] | None = None) -> Steps:
    """Return the steps of a backward sweep from a node, without changing any ``grad``.

    Parameters
    ----------
    root : Value
        The result.
    gradient : float
        Its own gradient, with which the sweep begins.
    names : mapping, optional
        Variables to name nodes without a label; by default the caller's, and none for ``{}``.

    Returns
    -------
    Steps
        A tuple of `Step`: the result first, and each node after all of its consumers (C6 of the notes).

    Raises
    ------
    TypeError
        If `root` is not a `Value`, or `gradient` not a number.

    Examples
    --------
    >>> x = Value(3.0, label="x")
    >>> for step in steps(x + x * x):
    ...     print(step)
    v2 = x + v1: gradient 1; x: 0 + 1·1 = 1; v1: 0 + 1·1 = 1
    v1 = x * x: gradient 1; x: 1 + 1·3 = 4; x: 4 + 1·3 = 7
    x: gradient 7
    """
    if not isinstance(root, Value):
        raise TypeError(f"steps expected a Value, got {root!r} ({type(root).__name__})")
    order = consumers_first(root, by_derivative=True)
    name_of = names_for_caller(nodes(root), names)
    sweep = backward_sweep(order, {root: checked_number(gradient)}, along_stored_partials)
    sums = dict.fromkeys(order, 0.0)
    found: list[Step] = []
    for node, adjoint, contributions in sweep:
        flows = []
        factors = [(slot, partial) for slot, partial in enumerate(node.partials) if partial is not None]
        for (slot, partial), (operand, contribution) in zip(factors, contributions, strict=True):
            before = sums[operand]
            sums[operand] = after = before + contribution
            flows.append(Flow(operand, slot, partial, contribution, before, after))
        found.append(Step(node, adjoint, tuple(flows), name_of))
    return Steps(found)


attach(steps=steps)
