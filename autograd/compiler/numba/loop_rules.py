"""The rules of the table as expressions over single numbers, for loops that a compiler makes fast."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

from ...ops.rules import FLOAT, is_primitive, python_expression
from ...ops.table import OPS, Op

_IN_MATH = {id(meaning): f"math.{name}" for name, meaning in vars(math).items() if callable(meaning)}


def _name(op: Op) -> str:
    """Return what to call for a row: `math`, and NumPy where `math` has another function or none."""
    meaning = FLOAT[op.name]
    if op.ufunc is None or id(meaning) in _IN_MATH:
        return _IN_MATH[id(meaning)]
    return f"np.{op.ufunc.__name__}"


WORDS = {
    op.name: "abs" if op.name == "abs" else _name(op)
    for op in OPS.values()
    if is_primitive(op) and not op.variadic and op.name != "where"
}
"""What Python calls the words of the rules. Words that are not here are written out, also `max`, of which
compilers have their own idea where a nan is compared."""


def loop_expression(rule: str, operands: Mapping[str, str]) -> str:
    """Return a rule of the table as an expression of Python.

    Parameters
    ----------
    rule : str
        The rule.
    operands : mapping
        What to write for its arguments.

    Returns
    -------
    str
        With functions of `math`, and where those do not do of NumPy.

    Examples
    --------
    >>> loop_expression("max(x, 0.0) + exp(x)", {"x": "a"})
    '(a if a >= 0.0 else 0.0 if a == a else a) + math.exp(a)'
    """
    meaning = {name: ast.parse(text, mode="eval").body for name, text in operands.items()}
    tree = _Written(meaning).visit(ast.parse(rule, mode="eval"))
    return python_expression(ast.unparse(tree))


class _Written(ast.NodeTransformer):
    """Writes operands in place of parameters, and rules in place of words that only the table defines."""

    def __init__(self, meaning: Mapping[str, ast.expr]) -> None:
        self.meaning = meaning

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self.meaning.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        assert isinstance(node.func, ast.Name)
        word = node.func.id
        if word in WORDS:
            node.func = ast.parse(WORDS[word], mode="eval").body
        elif word != "where":
            meaning = dict(zip(OPS[word].parameters, node.args, strict=True))
            return _Written(meaning).visit(ast.parse(OPS[word].value, mode="eval").body)  # type: ignore[no-any-return]
        return node
