"""Recorded graphs as straight lines of C, forward and backward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autograd import Op, Value

from .c_expressions import C, variadic, variadic_partial
from .c_statements import definition, unused_arguments, without_unused
from .expressions import SIGN, Written
from .recording import RecordedGraph, op_of


class StraightLines:
    """A graph as straight lines of C, which call its inputs x[0], x[1], ... and its nodes v1, v2, ...

    Parameters
    ----------
    graph : RecordedGraph
        The graph.
    places : mapping of int to int
        Where its constants stand among the parameters, by identity.
    needed : dict of str to Op
        Rows that are called as functions, to which others are added.

    Attributes
    ----------
    reaches_inputs : bool
        Whether a derivative flows from an output to an input.

    Examples
    --------
    >>> from nn.export.recording import recorded
    >>> lines = StraightLines(recorded(lambda x: x[0] * x[1] + 1.0, 2), {}, {})
    >>> lines.forward()
    ['const double v1 = x[0] * x[1];', 'const double v2 = v1 + 1.0;']
    >>> lines.backward(["1.0"], "dx")[-2:]
    ['dx[0] += av1 * x[1];', 'dx[1] += av1 * x[0];']
    """

    def __init__(self, graph: RecordedGraph, places: Mapping[int, int], needed: dict[str, Op]) -> None:
        self.graph = graph
        self.places = places
        self.needed = needed
        self.inputs = {id(leaf): position for position, leaf in enumerate(graph.inputs)}
        self.names = {id(node): f"v{number}" for number, node in enumerate(graph.nodes, 1)}
        self.active: set[int] = {*self.inputs, *places}
        for node in graph.nodes:
            if any(self.flows(node, argument, operand) for argument, operand in _operands(node)):
                self.active.add(id(node))
        from_inputs = set(self.inputs)
        for node in graph.nodes:
            flowing = [
                operand for argument, operand in _operands(node) if self.flows(node, argument, operand)
            ]
            if from_inputs & set(map(id, flowing)):
                from_inputs.add(id(node))
        self.reaches_inputs = not from_inputs.isdisjoint(map(id, graph.outputs))

    def flows(self, node: Value, argument: int, operand: Any) -> bool:
        """Return whether a derivative flows from a node to one of its operands."""
        return id(operand) in self.active and not op_of(node).selects(argument)

    def term(self, operand: Any) -> Written:
        """Return what stands for an operand."""
        if id(operand) in self.names:
            return Written(self.names[id(operand)])
        if id(operand) in self.inputs:
            return Written(f"x[{self.inputs[id(operand)]}]")
        return C.number(float(getattr(operand, "data", operand)))

    def forward(self) -> list[str]:
        """Return the definitions of all nodes."""
        nodes = self.graph.nodes
        return [f"const double {self.names[id(node)]} = {self.value(node).text};" for node in nodes]

    def value(self, node: Value) -> Written:
        """Return how a node is computed."""
        op, terms = op_of(node), [self.term(operand) for operand in node.args]
        return variadic(op, terms) if op.variadic else C.applied(op.name, terms, self.needed)

    def backward(self, seeds: Sequence[str], into: str) -> list[str]:
        """Return the sweep; adjoints of inputs are added to the elements of an array."""
        nodes = [node for node in self.graph.nodes if id(node) in self.active]
        lines = [f"double a{self.names[id(node)]} = 0.0;" for node in nodes]
        for seed, output in zip(seeds, self.graph.outputs, strict=True):
            if id(output) in self.active:
                lines += self.added(output, seed, into)
        for node in reversed(nodes):
            for position, (argument, operand) in enumerate(_operands(node)):
                if self.flows(node, argument, operand):
                    partial = self.partial(node, argument, position)
                    lines += self.added(operand, _times(f"a{self.names[id(node)]}", partial), into)
        return lines

    def added(self, operand: Any, adjoint: str, into: str) -> list[str]:
        """Return how to add to the adjoint of an operand: a node, an input, or a parameter."""
        if id(operand) in self.names:
            return [f"a{self.names[id(operand)]} += {adjoint};"]
        if id(operand) in self.inputs:
            return [f"{into}[{self.inputs[id(operand)]}] += {adjoint};"]
        return ["if (dp != NULL)", f"    dp[{self.places[id(operand)]}] += {adjoint};"]

    def partial(self, node: Value, argument: int, position: int) -> Written:
        """Return the partial derivative of a node by the operand at a position."""
        op, terms = op_of(node), [self.term(operand) for operand in node.args]
        out = Written(self.names[id(node)])
        if op.variadic:
            return variadic_partial(op, terms, position, out)
        named = {**dict(zip(op.parameters, terms, strict=True)), "out": out}
        return C.rule(op.partials[argument], named, self.needed)


def _operands(node: Value) -> Iterator[tuple[int, Any]]:
    """Yield the operands of a node, each with the argument of the row that it belongs to."""
    for argument, column in enumerate(op_of(node).columns(node.args)):
        for operand in column:
            yield argument, operand


def _times(adjoint: str, partial: Written) -> str:
    if partial.text in ("1.0", "-1.0"):
        return partial.text.removesuffix("1.0") + adjoint
    return f"{adjoint} * {partial.text if partial.tightness >= SIGN else f'({partial.text})'}"


def function_of_number(name: str, graph: RecordedGraph, needed: dict[str, Op]) -> str:
    """Return the definition of a function of one number."""
    scope = StraightLines(graph, {}, needed)
    lines = [*scope.forward(), f"return {scope.term(graph.outputs[0]).text};"]
    return _of_number(name, [line.replace("x[0]", "x") for line in lines])


def slope_of_number(name: str, graph: RecordedGraph, needed: dict[str, Op]) -> str:
    """Return the definition of the derivative of a function of one number."""
    scope = StraightLines(graph, {}, needed)
    lines = [*scope.forward(), "double slope = 0.0;", *scope.backward(["1.0"], "dx"), "return slope;"]
    return _of_number(name, [line.replace("dx[0]", "slope").replace("x[0]", "x") for line in lines])


def _of_number(name: str, lines: Sequence[str]) -> str:
    kept = without_unused(lines)
    return definition(f"static double {name}(double x)", [*unused_arguments(" ".join(kept), "x"), *kept])
