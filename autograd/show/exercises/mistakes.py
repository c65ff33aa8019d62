"""Likely mistakes: what each of them would give, to be compared with a wrong answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...engine.graph import Edge, edges
from ...engine.value import Value
from ...ops.meanings import ieee
from ...ops.rule import Application, Expression, Number, translated
from ...ops.rules import on_floats
from ...ops.table import Op, row
from ...quiet import quiet
from .solution import Solution


class Guess(NamedTuple):
    """The number that a mistake gives, and what to say of it without giving the answer away."""

    number: float
    hint: str


def wrong_partials(edge: Edge, solution: Solution) -> Iterator[Guess]:
    """Yield what mistakes give for the local partial along an edge that is asked for, the likeliest first.

    Examples
    --------
    >>> from ...engine.graph import nodes
    >>> x = Value(3.0, label="x")
    >>> y = x.sin()
    >>> found = Solution(y, {x: "x", y: "y"})
    >>> next(guess.hint for guess in wrong_partials(found.edges()[0], found) if guess.number == y.data)
    'that is the value of y, not its derivative'
    """
    node, operand = edge.node, edge.operand
    name, below = solution.name_of[node], solution.name_of[operand]
    yield from _mistakes_at(edge, solution)
    upstream = f"leave out the gradient of {name}: asked is for {name} and {below} alone"
    yield Guess(solution.contribution(edge), upstream)
    yield Guess(solution.gradients[node], f"that is the gradient of {name}")
    yield Guess(solution.gradients[operand], f"that is the gradient of {below}, the sum over all of its uses")


def _mistakes_at(edge: Edge, solution: Solution, left_out: str = "") -> Iterator[Guess]:
    """Yield what mistakes give for a local partial, asked for or on the way to a gradient."""
    node, operand, partial = edge.node, edge.operand, edge.partial
    name, below = solution.name_of[node], solution.name_of[operand]
    yield Guess(-partial, "only its sign is wrong")
    others = [other for other in edges(node) if other.slot != edge.slot]
    for other in others:
        if other.operand is not operand:
            by = solution.name_of[other.operand]
            yield Guess(other.partial, f"that is the derivative of {name} by {by}, not by {below}")
    yield from _other_cases(node, edge.slot, partial)
    yield Guess(node.data, f"that is the value of {name}, not its derivative")
    alike = [other.partial for other in others if other.operand is operand]
    if alike:
        text = f"{below} is used {1 + len(alike)} times in {name}: each use has a local partial of its own"
        yield Guess(partial + math.fsum(alike), text)
    if left_out:
        yield Guess(1.0, left_out)
    yield from _other_rules(node, edge.slot)
    yield Guess(operand.data, f"that is the value of {below}, not the derivative of {name} by it")
    if partial:
        yield Guess(1.0 / partial, "it is upside down")
        yield Guess(0.0, f"{name} does move with {below}")


def _other_cases(node: Value, slot: int, partial: float) -> Iterator[Guess]:
    """Yield the partials of the other cases of a function with cases, such as the ReLU."""
    op = node.op
    if not isinstance(op, Op) or op.variadic or "where" not in op.value.words:
        return
    numbers = [arg.data if isinstance(arg, Value) else arg for arg in node.args]
    hint = "another case holds at this point"
    if len(numbers) == 1 and numbers[0] == 0.0:
        hint += ": at the kink itself, the derivative of this function is taken to be 0 (C9)"
    elif len(numbers) == 2 and numbers[0] == numbers[1]:
        hint += ": a tie goes wholly to the first (A7)"
    for number in (0.0, 1.0, 0.5):
        if number != partial:
            yield Guess(number, hint)


def _other_rules(node: Value, slot: int) -> Iterator[Guess]:
    """Yield what the rule of a partial gives if something in it is left out."""
    op = node.op
    if not isinstance(op, Op) or op.variadic:
        return
    numbers = [arg.data if isinstance(arg, Value) else arg for arg in node.args]
    known = dict(zip((*op.parameters, "out"), (*numbers, node.data), strict=True))
    for expression, hint in _variants(op.partials[slot].tree):
        with quiet():
            yield Guess(translated(expression, _OnNumbers(known)), hint)


class _OnNumbers:
    """Evaluates a rule, with both branches of its choices."""

    def __init__(self, known: Mapping[str, float]) -> None:
        self.known = known

    def name(self, name: str) -> float:
        return self.known[name]

    def number(self, number: float) -> float:
        return number

    def apply(self, word: str, operands: tuple[float, ...]) -> float:
        if word == "shortcut":
            return operands[2]
        return ieee(on_floats(row(word)).value)(*operands)


def _variants(expression: Expression) -> Iterator[tuple[Expression, str]]:
    """Yield rules in which one thing is wrong, and what."""
    if not isinstance(expression, Application):
        return
    word, operands = expression.word, expression.operands
    match word, operands:
        case "mul", (first, second):
            # The constant 1 is no factor that one forgets.
            yield second, "a factor is missing"
            yield first, "a factor is missing"
        case "truediv", (first, second):
            yield Application("mul", (first, second)), "divide, where you have multiplied"
            yield first, "it has to be divided by something"
        case "neg", (inner,):
            if not isinstance(inner, Number):
                yield inner, "a sign is missing"
        case "sub", (first, second):
            yield Application("add", operands), "a sign is wrong"
            yield first, "something has to be subtracted"
            yield second, "it has to be subtracted from something"
        case "add", (first, second):
            yield Application("sub", operands), "a sign is wrong"
            yield first, "a term is missing"
            yield second, "a term is missing"
    inside = operands if word not in ("where", "shortcut") else operands[1:]
    before = operands[: len(operands) - len(inside)]
    for i, operand in enumerate(inside):
        for other, hint in _variants(operand):
            yield Application(word, (*before, *inside[:i], other, *inside[i + 1 :])), hint


def wrong_gradients(node: Value, solution: Solution, answered: Mapping[Value, float]) -> Iterator[Guess]:
    """Yield what mistakes give for the gradient of a node, the likeliest first.

    Parameters
    ----------
    node : Value
        The node.
    solution : Solution
        The graph.
    answered : mapping of Value to float
        Wrong answers for the gradients of other nodes: a number that follows from them is no new mistake.

    Examples
    --------
    >>> from ...engine.graph import nodes
    >>> x = Value(3.0, label="x")
    >>> y = x + x * x
    >>> found = Solution(y, dict(zip(nodes(y), ["x", "v1", "y"])))
    >>> next(guess.hint for guess in wrong_gradients(x, found, {}) if guess.number == 6.0)
    'x is used 3 times, and the use in y is missing: add up over all uses (C6)'
    """
    name, uses, gradient = solution.name_of[node], solution.uses[node], solution.gradients[node]
    consumers = dict.fromkeys(edge.node for edge in uses)
    wrong = [consumer for consumer in consumers if consumer in answered]
    if wrong:
        number = math.fsum(
            answered.get(edge.node, solution.gradients[edge.node]) * edge.partial for edge in uses
        )
        from_these = " and ".join(solution.name_of[consumer] for consumer in wrong)
        yield Guess(number, f"it follows from your answer for {from_these}: the mistake is there")
    flows = [solution.contribution(edge) for edge in uses]
    yield Guess(node.data, f"that is the value of {name}, not its gradient")
    if len(uses) > 1:
        for edge, flow in zip(uses, flows, strict=True):
            missing = f"the use in {solution.name_of[edge.node]} is missing"
            text = f"{name} is used {len(uses)} times, and {missing}: add up over all uses (C6)"
            yield Guess(gradient - flow, text)
        for edge, flow in zip(uses, flows, strict=True):
            alone = f"only the use in {solution.name_of[edge.node]} is in it"
            yield Guess(flow, f"{name} is used {len(uses)} times, and {alone}: add up over all uses (C6)")
    yield from _along_the_way(node, solution)
    above = " and ".join(solution.name_of[consumer] for consumer in consumers)
    local = math.fsum(edge.partial for edge in uses)
    yield Guess(local, f"that is the local partial: multiply it by the gradient of {above} (A4)")
    upstream = math.fsum(solution.gradients[edge.node] for edge in uses)
    yield Guess(upstream, f"multiply the gradient of {above} by the local partial (C8)")
    yield Guess(-gradient, "only its sign is wrong")
    if len(uses) > 1:
        yield Guess(gradient / len(uses), "add up over the uses, and do not average (C6)")


def _along_the_way(node: Value, solution: Solution) -> Iterator[Guess]:
    """Yield what a gradient is if one local partial between it and the result is wrong, the nearest first."""
    tangents = solution.tangents(node)
    for edge in solution.edges():
        # How much the gradient moves for each unit that this local partial is off.
        weight = solution.gradients[edge.node] * tangents[edge.operand]
        if not weight:
            continue
        written = solution.partial(edge).name
        left_out = "it is left out, as if it were 1: multiply by the inner derivative, too (C8)"
        for guess in _mistakes_at(edge, solution, left_out):
            # A sign is forgotten more often than added.
            if edge.partial < 0.0 or guess.number != -edge.partial:
                number = solution.gradients[node] + (guess.number - edge.partial) * weight
                yield Guess(number, f"look at {written}: {guess.hint}")
