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

_EDGES = {(False, False): "NEITHER", (True, False): "FIRST", (False, True): "SECOND", (True, True): "BOTH"}
"""The names in `autograd.engine.description`, by whether a derivative flows to either operand."""

_MAX_LINE = 110
_SHORT = 20

_OPERATORS_MODULE = '''"""The operators and methods, written by `autograd.ops.generate` from the table.

To change a rule, edit its row in `autograd/ops/table.py` and run ``python -m autograd.ops.generate``.

An operator computes its value and its partials on Python floats and records them in a new node. Where Python
raises and IEEE 754 has a result, such as 1/0, `autograd.engine.nonfinite.careful` supplies both.
"""

# The imports are in the order of the table.
# ruff: noqa: I001

from __future__ import annotations

{math}from typing import TYPE_CHECKING, Any

from ..ops.structural import Operation
from .conversions import Conversions
from .description import BOTH, FIRST, NEITHER, SECOND
from .nonfinite import PYTHON_RAISES, careful
from .operator_constants import (
{names}
)
from .real_numbers import NUMBERS, Number, checked_number, nearest_float

if TYPE_CHECKING:
    from .value import Value
'''

_OPERATORS_CLASS = '''

class Operators(Conversions):
    """The operators and methods of `Value`, for each a row of the table."""

    __slots__ = ()

    def _record(self, op: Operation, out: float, x: Any, y: Any, dx: float, dy: float, edges: int) -> Value:
        """Return the node of an operation, with its operands and partials as `Value` stores them."""
        raise NotImplementedError
'''

_METHODS = (
    "\n    # ------------------------------------------------------------------------- functions as methods\n"
)

_CONSTANTS_MODULE = '''"""What `operators` refers to, written by `autograd.ops.generate` from the table."""

from __future__ import annotations

{math}from typing import Final

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
            return self._record({row}, {both_out}, self, other, {dx}, {dy}, {edges})
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other){first}
            return self._record({row}, {first_out}, self, y, {dx}, 0.0, {edge_of_first})
        return NotImplemented

    def __r{name}__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data{second}
            return self._record({row}, {second_out}, x, self, 0.0, {dy}, {edge_of_second})
        return NotImplemented
"""

# A number is compared as it is, since 0.1 is not Fraction(1, 10), and recorded as a float.
_COMPARISON = """
    def __{name}__(self, other: Any) -> Any:
        if isinstance(other, Operators):
            out = float(self._data {symbol} other._data)
            return self._record({row}, out, self, other, 0.0, 0.0, NEITHER)
        if isinstance(other, NUMBERS):
            number: Any = other
            out = float(self._data {symbol} number)
            return self._record({row}, out, self, nearest_float(number), 0.0, 0.0, NEITHER)
        return NotImplemented
"""

_UNARY_METHOD = """
    def {method}(self) -> Value:{doc}
        x = self._data{body}
        return self._record({row}, {body_out}, self, None, {dx}, 0.0, {edge_of_first})
"""

_BINARY_METHOD = '''
    def {name}(self, other: Value | Number) -> Value:
        """Return {doc}."""
        if isinstance(other, Operators):
            x, y = self._data, other._data{both}
            return self._record({row}, {both_out}, self, other, {dx}, {dy}, {edges})
        x, y = self._data, checked_number(other){first}
        return self._record({row}, {first_out}, self, y, {dx}, 0.0, {edge_of_first})
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
    words = _words(_rows())
    names = [_constant(op) for op in (*COMPARISONS.values(), *_rows())]
    names += [word for word in words if not _is_of_math(word)]
    header = _OPERATORS_MODULE.format(
        math=_imports_of_math(words), names="\n".join(f"    {name}," for name in names)
    )
    return "".join([header, _OPERATORS_CLASS, *comparisons, *operators, _METHODS, *methods])


def constants_module() -> str:
    """Return the source of `autograd.engine.operator_constants`.

    Examples
    --------
    >>> 'ADD: Final = OPS["add"]' in constants_module()
    True
    """
    rows = [f'{_constant(op)}: Final = COMPARISONS["{op.name}"]' for op in COMPARISONS.values()]
    rows += [f'{_constant(op)}: Final = OPS["{op.name}"]' for op in _rows()]
    words = [word for word in _words(_rows()) if not _is_of_math(word)]
    meanings = [f'{word}: Final = FLOAT["{word}"]' for word in words if word in FLOAT]
    written_out = [OPS[word] for word in words if word not in FLOAT]
    return _CONSTANTS_MODULE.format(
        math=_imports_of_math(sorted({word for op in written_out for word in op.value.words})),
        assignments="\n".join([*rows, "", *meanings]),
        functions="".join(map(_function, written_out)),
    )


def _rows() -> list[Op]:
    return [*_infix(), *_prefix(), *_unary(), *_two_arguments()]


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
        edges=_EDGES[_flows(op.partials[0]), _flows(op.partials[1])],
        edge_of_first=_EDGES[_flows(op.partials[0]), False],
        edge_of_second=_EDGES[False, _flows(op.partials[1])],
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
        edge_of_first=_EDGES[_flows(op.partials[0]), False],
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
    """Return the rule itself where it is a name or a number, else the name of the variable for its result."""
    return rule.text if rule.is_atom else name


def _flows(partial: Rule) -> bool:
    """Return whether a derivative flows to an argument: it does not to one that only selects."""
    return partial.text != "0.0"


def _words(ops: list[Op]) -> list[str]:
    """Return the words of the rules that the operators cannot use without a definition."""
    rules = [rule for op in ops for rule in (op.value, *op.partials)]
    words = {word for rule in rules for word in rule.words if word not in BY_BRANCH.forms}
    words |= {"inf"} if any(inf in rule.numbers for rule in rules) else set()
    return sorted(
        word for word in words if word not in FLOAT or FLOAT[word] is not getattr(builtins, word, None)
    )


def _is_of_math(word: str) -> bool:
    """Return whether a word means a constant or a function of `math`, which mypyc calls as C does."""
    name = getattr(FLOAT.get(word), "__name__", "")
    return word == "inf" or (name != "" and getattr(math, name, None) is FLOAT[word])


def _imports_of_math(words: list[str]) -> str:
    """Return the statements that import from `math` those of some words that it has."""
    of_math = filter(_is_of_math, words)
    sources = {word: "inf" if word == "inf" else FLOAT[word].__name__ for word in of_math}
    renamed = [f"from math import {name} as {word}\n" for word, name in sources.items() if name != word]
    plain = [word for word, name in sources.items() if name == word]
    line = f"from math import {', '.join(plain)}\n"
    block = "from math import (\n" + "".join(f"    {name},\n" for name in plain) + ")\n"
    return (line if len(line) <= _MAX_LINE else block) + "".join(sorted(renamed))


def _function(op: Op) -> str:
    """Return a row that other rules use as a function of floats."""
    parameters = ", ".join(f"{name}: float" for name in op.parameters)
    return _FUNCTION.format(name=op.name, parameters=parameters, doc=op.doc, value=BY_BRANCH.write(op.value))
