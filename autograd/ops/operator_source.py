"""Writes `autograd.engine.operators` and the constants that it uses, from the table of operations.

Each rule is written out in its operator, because a call from each operator to a function for its rule would
lengthen a training step by a fifth.
"""

from __future__ import annotations

import builtins
import math
from math import inf
from textwrap import indent

from .meanings import FLOAT
from .rule import Expression, Rule
from .rules import BY_BRANCH, is_choice, may_raise
from .table import COMPARISONS, OPS, Op

_MAX_LINE = 110
_SHORT = 20

_OPERATORS_MODULE = '''"""The operators and methods, written by `autograd.ops.generate` from the table.

To change a rule, edit its row in `autograd/ops/table.py` and run ``python -m autograd.ops.generate``.

An operator computes its value and its partials on Python floats and records them in a new node. Where Python
raises and IEEE 754 has a result, such as 1/0, `autograd.engine.nonfinite.careful` supplies both.
"""

# ruff: noqa: F403, F405

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autograd.engine.operator_constants import *

from ..ops.structural import Operation
from .conversions import Conversions
from .nonfinite import PYTHON_RAISES, careful
from .real_numbers import NUMBERS, Number, checked_number, nearest_float

if TYPE_CHECKING:
    from .value import Value
'''

_OPERATORS_CLASS = '''

class Operators(Conversions):
    """The operators and methods of `Value`, for each a row of the table."""

    __slots__ = ()

    # By value, as PyTorch compares. Identity stays the hash, so that sets and dicts tell apart two
    # nodes of equal value.
    __hash__ = object.__hash__

    def _record(self, op: Operation, out: float, x: Any, y: Any, dx: Any, dy: float | None) -> Value:
        """Return the node of an operation, with its operands and partials as `Value` stores them."""
        raise NotImplementedError
'''

_METHODS = (
    "\n    # ------------------------------------------------------------------------- functions as methods\n"
)

_CONSTANTS_MODULE = '''"""What `operators` refers to, written by `autograd.ops.generate` from the table."""

from __future__ import annotations

import math

from ..ops.meanings import FLOAT
from ..ops.table import COMPARISONS, OPS

{assignments}
{functions}'''

_FUNCTION = '''

def {name}({parameters}) -> float:
    """Return {doc}."""
    return {value}
'''

_BINARY_OPERATOR = """
    def __{name}__(self, other: Value | Number) -> Value:
        if isinstance(other, Operators):
            x, y = self._data, other._data{both}
            return self._record({row}, {both_out}, self, other, {dx}, {dy})
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other){first}
            return self._record({row}, {first_out}, self, y, {dx}, None)
        return NotImplemented

    def __r{name}__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data{second}
            return self._record({row}, {second_out}, x, self, None, {dy})
        return NotImplemented
"""

# A number is compared as it is, since 0.1 is not Fraction(1, 10), and recorded as a float.
_COMPARISON = """
    def __{name}__(self, other: Any) -> Any:
        if isinstance(other, Operators):
            out = float(self._data {symbol} other._data)
            return self._record({row}, out, self, other, None, None)
        if isinstance(other, NUMBERS):
            number: Any = other
            out = float(self._data {symbol} number)
            return self._record({row}, out, self, nearest_float(number), None, None)
        return NotImplemented
"""

_UNARY_METHOD = """
    def {method}(self) -> Value:{doc}
        x = self._data{body}
        return self._record({row}, {body_out}, self, None, {dx}, None)
"""

_BINARY_METHOD = '''
    def {name}(self, other: Value | Number) -> Value:
        """Return {doc}."""
        if isinstance(other, Operators):
            x, y = self._data, other._data{both}
            return self._record({row}, {both_out}, self, other, {dx}, {dy})
        x, y = self._data, checked_number(other){first}
        return self._record({row}, {first_out}, self, y, {dx}, None)
'''


def operators_module() -> str:
    """Return the source of `autograd.engine.operators`.

    Examples
    --------
    >>> "def __truediv__(self, other" in operators_module()
    True
    """
    operators = [_binary(op, _BINARY_OPERATOR) for op in _infix()]
    operators += [_unary_method(op, f"__{op.name}__") for op in _prefix()]
    methods = [_unary_method(op, op.name) for op in _unary()]
    methods += [_binary(op, _BINARY_METHOD) for op in _two_arguments()]
    methods += [_unary_method(op, f"__{op.name}__") for op in _unary() if hasattr(builtins, op.name)]
    comparisons = map(_comparison, COMPARISONS.values())
    return "".join([_OPERATORS_MODULE, _OPERATORS_CLASS, *comparisons, *operators, _METHODS, *methods])


def constants_module() -> str:
    """Return the source of `autograd.engine.operator_constants`.

    Examples
    --------
    >>> 'ADD = OPS["add"]' in constants_module()
    True
    """
    ops = [*_infix(), *_prefix(), *_unary(), *_two_arguments()]
    rows = [f'{_constant(op)} = COMPARISONS["{op.name}"]' for op in COMPARISONS.values()]
    rows += [f'{_constant(op)} = OPS["{op.name}"]' for op in ops]
    words = _words(ops)
    meanings = [f"{word} = {_meaning(word)}" for word in words if word in FLOAT]
    functions = [_function(OPS[word]) for word in words if word not in FLOAT]
    return _CONSTANTS_MODULE.format(
        assignments="\n".join([*rows, "", *meanings]), functions="".join(functions)
    )


def _infix() -> list[Op]:
    return [op for op in OPS.values() if op.symbol and len(op.partials) == 2]


def _prefix() -> list[Op]:
    return [op for op in OPS.values() if op.symbol and len(op.partials) == 1]


def _unary() -> list[Op]:
    return [op for op in OPS.values() if not op.symbol and len(op.partials) == 1 and not op.variadic]


def _two_arguments() -> list[Op]:
    return [op for op in OPS.values() if not op.symbol and len(op.partials) == 2 and not op.variadic]


def _constant(op: Op) -> str:
    return op.name.upper()


def _binary(op: Op, template: str) -> str:
    """Return the methods of a binary row; the templates differ in how they treat operands of other types."""
    return template.format(
        name=op.name,
        doc=op.doc,
        row=_constant(op),
        **_evaluation("both", op, ["dx", "dy"], 12),
        **_evaluation("first", op, ["dx"], 12 if op.symbol else 8),
        **_evaluation("second", op, ["dy"], 12),
        dx=_atom_or(op.partials[0], "dx"),
        dy=_atom_or(op.partials[1], "dy"),
    )


def _comparison(op: Op) -> str:
    return _COMPARISON.format(name=op.name, symbol=op.symbol, row=_constant(op))


def _unary_method(op: Op, method: str) -> str:
    doc = "" if method.startswith("__") else f'\n        """Return {op.doc}."""'
    return _UNARY_METHOD.format(
        method=method,
        doc=doc,
        **_evaluation("body", op, ["dx"], 8),
        row=_constant(op),
        dx=_atom_or(op.partials[0], "dx"),
    )


def _evaluation(field: str, op: Op, wanted: list[str], depth: int) -> dict[str, str]:
    """Return the statements that compute ``out`` and the wanted partials, and what to record as the value.

    That is ``out``, or a short rule itself where nothing else is computed, which takes 2% off a product.
    """
    rules = dict(zip(["dx", "dy"], op.partials, strict=False))
    computed = {name: rules[name] for name in wanted if _atom_or(rules[name], name) == name}
    atoms = [rules[name].text for name in wanted if name not in computed]
    value = BY_BRANCH.write(op.value)
    if not computed and "out" not in atoms and not may_raise(op.value) and len(value) < _SHORT:
        return {field: "", f"{field}_out": value}
    rules_of = {"out": op.value} | computed
    lines = [line for name, rule in rules_of.items() for line in _assignment(name, rule, depth + 4)]
    if any(map(may_raise, rules_of.values())):
        results = ", ".join(["out", *(name if name in computed else "_" for name in rules)])
        arguments = ", ".join(op.parameters)
        lines = [
            "try:",
            *(f"    {line}" for line in lines),
            "except PYTHON_RAISES:",
            f"    {results} = careful({_constant(op)}, {arguments})",
        ]
    return {field: "\n" + indent("\n".join(lines), " " * depth), f"{field}_out": "out"}


def _assignment(name: str, rule: Rule, depth: int) -> list[str]:
    """Return the statement that computes a rule; where it is long, with a line for each choice."""
    line = f"{name} = {BY_BRANCH.write(rule)}"
    if depth + len(line) <= _MAX_LINE or not is_choice(rule.tree):
        return [line]
    lines: list[str] = []
    rest: Expression = rule.tree
    while is_choice(rest):
        condition, x, rest = rest.operands
        lines += [BY_BRANCH.operand(x), f"if {BY_BRANCH.operand(condition)}", "else "]
    text = "\n".join([*lines, BY_BRANCH.operand(rest)]).replace("else \n", "else ")
    return [f"{name} = (", *(f"    {line}" for line in text.split("\n")), ")"]


def _atom_or(rule: Rule, name: str) -> str:
    """Return the rule itself where it is a name or a number, else the name of the variable for its result.

    For an argument that only selects it is None, since no derivative flows there.
    """
    if rule.text == "0.0":
        return "None"
    return rule.text if rule.is_atom else name


def _words(ops: list[Op]) -> list[str]:
    """Return the words of the rules that the operators cannot use without a definition."""
    rules = [rule for op in ops for rule in (op.value, *op.partials)]
    words = {word for rule in rules for word in rule.words if word not in BY_BRANCH.forms}
    words |= {"inf"} if any(inf in rule.numbers for rule in rules) else set()
    return sorted(
        word for word in words if word not in FLOAT or FLOAT[word] is not getattr(builtins, word, None)
    )


def _meaning(word: str) -> str:
    """Return what a word means on floats: a function of `math` by its name, so that its type is known."""
    name = "inf" if word == "inf" else FLOAT[word].__name__
    return f"math.{name}" if getattr(math, name, None) is FLOAT[word] else f'FLOAT["{word}"]'


def _function(op: Op) -> str:
    """Return a row that other rules use as a function of floats."""
    parameters = ", ".join(f"{name}: float" for name in op.parameters)
    return _FUNCTION.format(name=op.name, parameters=parameters, doc=op.doc, value=BY_BRANCH.write(op.value))
