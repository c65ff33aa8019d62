"""The steps of a backward sweep, one for each node, for everything that shows how gradients arise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...engine.attach import attach
from ...engine.graph import consumers_first, nodes
from ...engine.real_numbers import checked_number
from ...engine.value import Value
from ...transforms.sweeps import along_stored_partials, backward_sweep
from .caller_names import names_for_caller
from .formulas import digits, formula


class Flow(NamedTuple):
    """What a node contributes along one edge: ``contribution = adjoint · partial``.

    Attributes
    ----------
    operand : Value
        The operand that receives it.
    slot : int
        The index of the operand; ``a * a`` has a flow for each of its two slots.
    partial : float
        The derivative of the node with respect to this operand.
    contribution : float
        The adjoint of the node times the partial.
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
        The node, whose adjoint is complete.
    adjoint : float
        The derivative of the result with respect to the node.
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
        operation = f" = {formula(self.node, self.names)}" if self.node.op else ""
        sums = [
            f"{self.names[flow.operand]}: {digits(flow.before)} + {digits(self.adjoint)}·"
            f"{digits(flow.partial)} = {digits(flow.after)}"
            for flow in self.flows
        ]
        return "; ".join([f"{self.names[self.node]}{operation}: adjoint {digits(self.adjoint)}", *sums])


class Steps(tuple[Step, ...]):
    """The steps of a sweep in order; the REPL shows a line for each."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


def steps(root: Value, gradient: float = 1.0, *, names: Mapping[str, Any] | None = None) -> Steps:
    """Return the steps of a backward sweep from a node, without changing any ``grad``.

    Parameters
    ----------
    root : Value
        The result.
    gradient : float
        Its adjoint, with which the sweep begins.
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
    v2 = x + v1: adjoint 1; x: 0 + 1·1 = 1; v1: 0 + 1·1 = 1
    v1 = x * x: adjoint 1; x: 1 + 1·3 = 4; x: 4 + 1·3 = 7
    x: adjoint 7
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
