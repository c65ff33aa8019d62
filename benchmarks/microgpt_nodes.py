"""Nodes as microgpt has them: operands and partials in tuples, few operations, and a recursive sweep."""

from __future__ import annotations

import math


class ScriptNode:
    """A number that knows its operands and its partial derivative with respect to each.

    Subtraction, division and negation are made of sums, products and powers.

    Parameters
    ----------
    data : float
        The value.
    operands : tuple of ScriptNode
        What it was computed from.
    partials : tuple of float
        The derivatives with respect to them.
    """

    __slots__ = ("data", "grad", "operands", "partials")

    def __init__(
        self, data: float, operands: tuple[ScriptNode, ...] = (), partials: tuple[float, ...] = ()
    ) -> None:
        self.data = data
        self.grad: float = 0
        self.operands = operands
        self.partials = partials

    def __add__(self, other: ScriptNode | float) -> ScriptNode:
        other = other if isinstance(other, ScriptNode) else ScriptNode(other)
        return ScriptNode(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other: ScriptNode | float) -> ScriptNode:
        other = other if isinstance(other, ScriptNode) else ScriptNode(other)
        return ScriptNode(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent: float) -> ScriptNode:
        return ScriptNode(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))

    def __neg__(self) -> ScriptNode:
        return self * -1

    def __radd__(self, other: float) -> ScriptNode:
        return self + other

    def __sub__(self, other: ScriptNode | float) -> ScriptNode:
        return self + (-other)

    def __rmul__(self, other: float) -> ScriptNode:
        return self * other

    def __truediv__(self, other: ScriptNode | float) -> ScriptNode:
        return self * other**-1

    def exp(self) -> ScriptNode:
        """Return the exponential."""
        return ScriptNode(math.exp(self.data), (self,), (math.exp(self.data),))

    def log(self) -> ScriptNode:
        """Return the natural logarithm."""
        return ScriptNode(math.log(self.data), (self,), (1 / self.data,))

    def relu(self) -> ScriptNode:
        """Return the larger of 0 and the number."""
        return ScriptNode(max(0, self.data), (self,), (float(self.data > 0),))

    def backward(self) -> None:
        """Add to the `grad` of each node the derivative of this one with respect to it."""
        order: list[ScriptNode] = []
        visited = set()

        def visit(node: ScriptNode) -> None:
            if node not in visited:
                visited.add(node)
                for operand in node.operands:
                    visit(operand)
                order.append(node)

        visit(self)
        self.grad = 1
        for node in reversed(order):
            for operand, partial in zip(node.operands, node.partials):  # noqa: B905 # as the script has it
                operand.grad += partial * node.grad
