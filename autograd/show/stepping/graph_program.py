"""A graph as data, from which the page of a stepper computes values and gradients by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...engine.graph import consumers_first, depending_on, edges
from ...engine.value import Value
from ...ops.renderer import COMPARISON, CONDITIONAL, Form, Renderer, Term, called, infix
from ...ops.rules import on_floats
from ...ops.sequences import is_reduction
from ...ops.table import COMPARISONS, OPS, Op
from ..text.formulas import formula, number_term
from .javascript import can_say
from .moments import Script

# A text with places for names or numbers: the index of the node that stands there.
Pieces = list[str | int]

# A rule that treats special points apart is longer than this; people are shown what holds at all others.
_LONGEST_RULE = 50

# Characters of Unicode's private area, which are in no name of an operation and in no number.
_PLACE = "\ue000{}\ue001"


class _ForReaders(Renderer):
    """Rules as people write them: of two forms the one of the textbooks, and sums of numbers as a number."""

    def __init__(self, regular: bool, length: int) -> None:
        super().__init__({})
        self.regular, self.length = regular, length

    def form(self, word: str, count: int) -> Form:
        """Return the form of a word; a reduction goes over all elements, of which one is written."""
        if word == "where":
            return Form("{1} if {0} else {2}", CONDITIONAL, (COMPARISON, COMPARISON, CONDITIONAL))
        if word == "products_of_others":
            return Form("the product of the other factors")
        op = OPS.get(word) or COMPARISONS.get(word)
        if op is None or not op.symbol:
            return Form(f"{word}({{}}, …)") if is_reduction(word) else called(word, count)
        return infix(op)

    def apply(self, word: str, operands: tuple[Term, ...]) -> Term:
        """Return a word with its operands; of a choice in a long rule the last one, the regular case."""
        if word in ("shortcut", "constant"):
            return operands[word == "shortcut"]
        if word == "where" and self.regular:
            return operands[2]
        if word == "len":
            return number_term(float(self.length), 4)
        numbers = [_NUMBER.fullmatch(operand.text) for operand in operands]
        if word in ("add", "sub") and all(numbers):
            return number_term(on_floats(OPS[word]).value(*(float(operand.text) for operand in operands)), 4)
        if word == "pow" and operands[1].text == "1":
            return operands[0]
        return super().apply(word, operands)

    def number(self, number: float) -> Term:
        """Return a number with a few digits."""
        return number_term(number, 4)


_NUMBER = re.compile(r"-?[0-9.]+(e[+-]?[0-9]+)?")


def graph_program(script: Script, trained: Sequence[Value], rate: float, times: int) -> dict[str, Any]:
    """Return a graph as data for a page: what its moments follow from, but none of their numbers.

    Parameters
    ----------
    script : Script
        The moments, as Python has computed them.
    trained : sequence of Value
        The leaves that descend.
    rate : float
        The learning rate.
    times : int
        The number of descents.

    Returns
    -------
    dict
        Lists, texts and whole numbers. Other numbers are texts with all of their digits, since JSON has
        neither infinity nor nan.

    Examples
    --------
    >>> x = Value(3.0)
    >>> program = graph_program(Script([x, y := x * x], {x: "x", y: "y"}), [], 0.1, 1)
    >>> program["nodes"][1]["formula"], program["nodes"][1]["rules"], program["sweep"]
    ([0, ' * ', 0], [[0], [0]], [1, 0])
    """
    order, index = script.order, script.index
    unsaid = [node for node in order if node.op and not can_say(node.op)]
    descent = {"leaves": [index[leaf] for leaf in trained], "rate": repr(rate), "times": times}
    return {
        "nodes": [_node(node, script) for node in order],
        "sweep": [index[node] for node in consumers_first(script.result, by_derivative=True)],
        "descent": descent if trained else None,
        "fixed": _fixed(unsaid, trained, script),
        "recorded": [[_recorded(index[node], copies[node]) for node in unsaid] for copies in script.passes],
    }


def _node(node: Value, script: Script) -> dict[str, Any]:
    """Return what the page knows of a node."""
    name = script.name_of[node]
    if node.op is None:
        return {"name": name, "value": repr(node.data)}
    return {
        "name": name,
        "op": node.op.name,
        "symbol": isinstance(node.op, Op) and bool(node.op.symbol),
        "args": [script.index[arg] if isinstance(arg, Value) else repr(arg) for arg in node.args],
        "slots": [edge.slot for edge in edges(node)],
        "formula": _pieces(formula(node, {arg: _PLACE.format(script.index[arg]) for arg in _args(node)})),
        "rules": [_rule(node, edge.slot, script) for edge in edges(node)],
    }


def _args(node: Value) -> list[Value]:
    return [arg for arg in node.args if isinstance(arg, Value)]


def _pieces(text: str) -> Pieces:
    """Return a text in pieces: what stands between places, and at each the index of a node."""
    parts = re.split("\ue000(\\d+)\ue001", text)
    pieces: Pieces = [int(part) if i % 2 else part for i, part in enumerate(parts)]
    return [piece for piece in pieces if piece != ""]


def _rule(node: Value, slot: int, script: Script) -> Pieces:
    """Return a local partial as a formula in the operands and the node."""
    op = node.op
    if not isinstance(op, Op):
        return []
    rule = op.partials[slot // (len(node.args) // len(op.partials))]
    length = len(op.columns(node.args)[0])
    terms = {"out": Term(_PLACE.format(script.index[node]))}
    for i, parameter in enumerate(op.parameters):
        arg = node.args[i * length + slot % length]
        place = _PLACE.format(script.index[arg]) if isinstance(arg, Value) else None
        terms[parameter] = Term(place) if place else number_term(arg, 4)  # type: ignore[arg-type]
    return _pieces(_ForReaders(len(rule.text) > _LONGEST_RULE, length).term(rule, terms).text)


def _fixed(unsaid: Sequence[Value], trained: Sequence[Value], script: Script) -> list[str]:
    """Return for each node why its number cannot be changed on the page; an empty text if it can."""
    reasons = [""] * len(script.order)
    descending = depending_on(trained, script.order)
    for i, leaf in enumerate(script.order):
        if leaf.op is not None or not unsaid:
            continue
        # A descent changes the trained leaves as well, whichever leaf is changed.
        affected = depending_on([leaf], script.order) | descending
        for node in unsaid:
            if node in affected and node.op is not None:
                name = script.name_of[node]
                reasons[i] = f"{name} is computed by {node.op.name}, for which the page has no rule"
    return reasons


def _recorded(i: int, copy: Value) -> list[Any]:
    """Return the value and the partials of a node that the page cannot compute."""
    return [i, repr(copy.data), [None if partial is None else repr(partial) for partial in copy.partials]]
