"""Answers: numbers, and formulas such as ``2 * x``."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from ...engine.value import Value
from ...ops.meanings import FLOAT, ieee
from ...ops.rule import Application, Rule, parts
from ...ops.rules import compile_rule
from ...ops.table import OPS
from ...printable import printable
from ...quiet import quiet

# What people write, and Python does not know.
_SIGNS = str.maketrans({"·": "*", "×": "*", "−": "-", "÷": "/", "²": "**2", "³": "**3", "^": "**"})

_LONGEST = 200

_CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e}


class UnreadableError(ValueError):
    """An answer is neither a number nor a formula in the names of the nodes."""


class Answer:
    """A number, or a formula in the values of the nodes.

    Parameters
    ----------
    given : number, Value or str
        What was answered. A formula has the names of nodes, numbers, ``+ - * / **`` and the functions of the
        table; ``^`` and ``·`` are understood as well.
    names : iterable of str
        The names of the nodes.

    Attributes
    ----------
    text : str
        How it is shown.
    is_formula : bool
        Whether it depends on the values of nodes.

    Raises
    ------
    UnreadableError
        For anything else, with the reason.

    Examples
    --------
    >>> answer = Answer("2·x^2", {"x": 3.0})
    >>> answer.text, answer.number({"x": 3.0}), answer.is_formula
    ('2·x^2', 18.0, True)
    """

    def __init__(self, given: object, names: Mapping[str, float]) -> None:
        if isinstance(given, str):
            self.text = printable(given.strip())
            if len(self.text) > _LONGEST:
                raise UnreadableError(f"expected at most {_LONGEST} characters, got {len(self.text):,}")
            self._read(given, [*names])
            return
        if isinstance(given, bool) or not isinstance(given, Real | Value | np.ndarray):
            raise UnreadableError(f"expected a number or a formula, got {given!r} ({type(given).__name__})")
        number = float(given)
        self.text = f"{number:.10g}"
        self.is_formula = False
        self._compute: Callable[[Mapping[str, float]], float] = lambda values: number

    def _read(self, text: str, names: list[str]) -> None:
        """Parse a formula by the grammar of the table's rules."""
        known = sorted(names, key=len, reverse=True)
        stands_for = {name: f"node{i}_" for i, name in enumerate(known)}
        replaced = text.strip().translate(_SIGNS)
        anyone = "|".join(re.escape(name.translate(_SIGNS)) for name in known)
        by_text = {name.translate(_SIGNS): place for name, place in stands_for.items()}
        # A name is no part of a longer one, nor a function that is called.
        pattern = rf"(?<![\w.])(?:{anyone})(?![\w(])"
        replaced = re.sub(pattern, lambda found: by_text[found[0]], replaced)
        try:
            tree = _InTheWordsOfRules().visit(ast.parse(replaced, mode="eval"))
            rule = Rule(ast.unparse(tree))
            unknown = (set(rule.names) - set(stands_for.values()) - set(_CONSTANTS)) | {
                f"{word}()" for word in rule.words if word not in _FUNCTIONS
            }
        except (SyntaxError, ValueError, RecursionError):
            raise UnreadableError(
                f'cannot read {self.text!r}: write a number, or a formula such as "2 * x"'
            ) from None
        calls = [part for part in parts(rule.tree) if isinstance(part, Application)]
        unknown |= {f"{call.word}() of {len(call.operands)}" for call in calls if _misfits(call)}
        if unknown:
            raise UnreadableError(
                f"{self.text!r} has {', '.join(sorted(unknown))}, which is neither a node of this graph "
                f"({', '.join(names[:12])}) nor a function"
            )
        parameters = [name for name in dict.fromkeys(rule.names) if name not in _CONSTANTS]
        constants = {name: _CONSTANTS[name] for name in rule.names if name in _CONSTANTS}
        function = compile_rule(rule, [*parameters, *constants], FLOAT)
        node_of = {place: name for name, place in stands_for.items()}
        self.is_formula = bool(parameters)
        self._compute = lambda values: ieee(function)(
            *(values[node_of[place]] for place in parameters), *constants.values()
        )

    def number(self, values: Mapping[str, float]) -> float:
        """Return what it is for values of the nodes, by name."""
        with quiet():
            return self._compute(values)


def _misfits(call: Application) -> bool:
    """Return whether a function has other than as many arguments as it takes."""
    return call.word in _FUNCTIONS and len(call.operands) != len(OPS[call.word].partials)


_FUNCTIONS = frozenset(name for name, op in OPS.items() if not op.variadic)


class _InTheWordsOfRules(ast.NodeTransformer):
    """Writes a formula as rules are written: with floats, and calls of the power."""

    def visit_Constant(self, node: ast.Constant) -> Any:
        """Return a number as a float."""
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise UnreadableError(f"expected numbers in a formula, got {node.value!r}")
        return ast.Constant(float(node.value))

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        """Return a power as a call."""
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Pow):
            return ast.Call(ast.Name("pow"), [left, right], [])
        return ast.BinOp(left, node.op, right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        """Return a sign, or what follows a plus."""
        operand = self.visit(node.operand)
        return operand if isinstance(node.op, ast.UAdd) else ast.UnaryOp(node.op, operand)

    def visit_Call(self, node: ast.Call) -> Any:
        """Return a call, of the natural logarithm also as ln."""
        if isinstance(node.func, ast.Name) and node.func.id == "ln":
            node.func = ast.Name("log")
        return ast.Call(node.func, [self.visit(argument) for argument in node.args], node.keywords)
