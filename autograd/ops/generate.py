"""Writes `autograd.engine.value` and `autograd.functions.generated` from the table of operations.

``python -m autograd.ops.generate`` writes them anew. They are source files in the repository, so that
people, debuggers and type checkers can read them; a test asserts that they are what the table gives.

Generated, because a call from each operator to a rule would add a fifth to the time of a training
step: here each rule stands written out in its operator.
"""

from __future__ import annotations

import ast
import builtins
import re
from pathlib import Path
from textwrap import indent

from .rules import FLOAT, on_floats, python_expression
from .table import COMPARISONS, OPS, Op

_MAX_LINE = 110

_VALUE_MODULE = '''"""`Value`: the node with its operators, written by `autograd.ops.generate` from the table.

To change a rule, edit its row in `autograd/ops/table.py` and run ``python -m autograd.ops.generate``. The
parts that are not an operation (value, gradient, backward) are in `autograd/engine/node.py`.

An operator works out its value and its partials on Python floats and records them in a new node. Where
Python raises and IEEE 754 has a result, such as 1/0, `autograd.engine.nonfinite.careful` supplies both.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from ..ops.rules import FLOAT, on_floats
from ..ops.table import COMPARISONS, OPS, Op
from . import nonfinite
from .levels import level_above, open_scopes
from .node import NOT_YET, UNNAMED, Node, checked_number, nearest_float
from .nonfinite import PYTHON_RAISES, careful

{rows}

{words}

NUMBERS = (float, int, Real, np.bool_)
Number = float | Real | np.bool_

_new = object.__new__


def record(op: Op, out: float, x: Any, y: Any, dx: Any, dy: float | None) -> Value:
    """Return the node of an operation that was worked out.

    Parameters
    ----------
    op : Op
        Its row.
    out : float
        Its value.
    x, y : Value or float
        Its operands. ``y`` is None for one operand, ``x`` a tuple of all for more than two.
    dx, dy : float or None
        The partial of each; None for a constant. ``dx`` is a tuple where ``x`` is.

    Returns
    -------
    Value
        The new node.
    """
    node = _new(Value)
    node._data = out
    node.op = op
    node._x = x
    node._y = y
    node._dx = dx
    node._dy = dy
    node._adjoint = None
    node._level = 0
    node._about = UNNAMED
    node.grad = NOT_YET
    # nan - nan and inf - inf are nan, which counts as true; any finite number gives 0.
    if out - out or open_scopes:
        node._level = level_above(x if y is None and x.__class__ is tuple else (x,) if y is None else (x, y))
        if out - out or nonfinite.is_watching():
            node.source = nonfinite.examine(op, node.args, out)
    return node


class Value(Node):
    """A real number that remembers how it was computed, so that it can be differentiated.

    Parameters
    ----------
    data : real number
        The value. It is kept as a Python float.
    label : str
        A name for pictures and messages.

    Attributes
    ----------
    data : float
        The value; assign to it on a leaf, as ``p.data -= lr * p.grad`` does.
    grad : float or Value
        What `backward` worked out; 0.0 before. Assign 0.0 to begin anew; None does so too.
    label : str
        The name.
    op : Op or None
        The row of the table that made it; None for a leaf.
    args : tuple of Value or float
        The operands.
    partials : tuple of float or None
        The derivative with respect to each operand.

    Raises
    ------
    TypeError
        If the data is not a real number.

    Examples
    --------
    >>> a = Value(2.0, label="a")
    >>> b = Value(-3.0, label="b")
    >>> c = a * b + a**2
    >>> c.backward()
    >>> c, a.grad, b.grad
    (Value(-2.0, op='+', grad=1.0), 1.0, 2.0)
    """

    __slots__ = ()

    # By value, as PyTorch compares. Identity stays the hash, so that sets and dicts tell apart two
    # nodes of equal value.
    __hash__ = object.__hash__
{comparisons}{operators}
    # ------------------------------------------------------------------------- functions as methods
{methods}
    __abs__ = abs
'''

_BINARY_OPERATOR = """
    def __{name}__(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            x, y = self._data, other._data
{both}
            return record({row}, out, self, other, {dx}, {dy})
        if isinstance(other, NUMBERS):
            x, y = self._data, float(other)
{first}
            return record({row}, out, self, y, {dx}, None)
        return NotImplemented

    def __r{name}__(self, other: Number) -> Value:
        if isinstance(other, NUMBERS):
            x, y = float(other), self._data
{second}
            return record({row}, out, x, self, None, {dy})
        return NotImplemented
"""

# A number is compared as it is, since 0.1 is not Fraction(1, 10), and recorded as a float.
_COMPARISON = """
    def __{name}__(self, other: Any) -> Any:
        if isinstance(other, Value):
            return record({row}, float(self._data {symbol} other._data), self, other, None, None)
        if isinstance(other, NUMBERS):
            number: Any = other
            return record({row}, float(self._data {symbol} number), self, nearest_float(number), None, None)
        return NotImplemented
"""

_UNARY_METHOD = """
    def {method}(self) -> Value:{doc}
        x = self._data
{body}
        return record({row}, out, self, None, {dx}, None)
"""

_BINARY_METHOD = '''
    def {name}(self, other: Value | Number) -> Value:
        """Return {doc}."""
        if isinstance(other, Value):
            x, y = self._data, other._data
{both}
            return record({row}, out, self, other, {dx}, {dy})
        x, y = self._data, checked_number(other)
{first}
        return record({row}, out, self, y, {dx}, None)
'''

_FUNCTIONS_MODULE = '''"""The operations as functions, written by `autograd.ops.generate` from the table.

To change one, edit its row in `autograd/ops/table.py` and run ``python -m autograd.ops.generate``.

Each takes `Value`s, plain numbers and NumPy arrays of either, element by element: on plain numbers it
gives plain numbers, so that one function can be evaluated with and without a graph. Those that have the
name of a builtin of Python are that builtin where there is neither a `Value` nor an array.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from ..engine.apply import apply_variadic
from ..engine.value import Number, Value
from ..ops.table import OPS
from .arrays import elementwise, folded, summed

Array = npt.NDArray[Any]
T = TypeVar("T", Value, float, Array)

__all__ = [
{names}
]
'''

_SECTIONS = """
Parameters
----------
{parameters}

Returns
-------
{returns}
{raises}
Notes
-----
{notes}

Examples
--------
{example}
"""

_UNARY_FUNCTION = '''

def {name}(x: T) -> T:
    """Return {doc}.
{sections}    """
    if isinstance(x, Value):
        return x.{name}()
{builtin}    return elementwise(OPS["{name}"], x)  # type: ignore[no-any-return]
'''

_BUILTIN = """\
    if not isinstance(x, np.ndarray):
        return builtins.{name}(x)
"""

_OVERLOADS = """

@overload
def {name}({selector}x: float, y: float) -> float: ...
@overload
def {name}({selector}x: Value, y: Value | float) -> Value: ...
@overload
def {name}({selector}x: float, y: Value) -> Value: ...
@overload
def {name}({anything}) -> Any: ...
"""

_PLAIN_FUNCTION = '''def {name}({anything}) -> Any:
    """Return {doc}.
{sections}    """
    return elementwise(OPS["{name}"], {arguments})
'''

_FOLDING_FUNCTION = '''

@overload
def {name}(x: Value, y: Value | Number, /, *others: Value | Number) -> Value: ...
@overload
def {name}(*args: Any, **options: Any) -> Any: ...
def {name}(*args: Any, **options: Any) -> Any:
    """Return {doc}.
{sections}    """
    return folded(OPS["{name}"], builtins.{name}, args, options)
'''

_SUMMING_FUNCTION = '''

def {name}(x: Iterable[Any], /, start: Any = 0) -> Any:
    """Return {doc}.
{sections}    """
    return summed(x, start)
'''

_VARIADIC_FUNCTION = '''

def {name}({anything}) -> Any:
    """Return {doc}.
{sections}    """
    return apply_variadic(OPS["{name}"], {arguments})
'''


def value_module() -> str:
    """Return the source of `autograd.engine.value`.

    Examples
    --------
    >>> "def __truediv__(self, other" in value_module()
    True
    """
    infix = [op for op in OPS.values() if op.symbol and len(op.partials) == 2]
    prefix = [op for op in OPS.values() if op.symbol and len(op.partials) == 1]
    unary = [op for op in OPS.values() if not op.symbol and len(op.partials) == 1 and not op.variadic]
    binary = [op for op in OPS.values() if not op.symbol and len(op.partials) == 2 and not op.variadic]
    operators = [_binary(op, _BINARY_OPERATOR) for op in infix]
    operators += [_unary_method(op, f"__{op.name}__") for op in prefix]
    methods = [_unary_method(op, op.name) for op in unary]
    methods += [_binary(op, _BINARY_METHOD) for op in binary]
    rows = [*infix, *prefix, *unary, *binary]
    row_names = [f'_{op.name.upper()} = COMPARISONS["{op.name}"]' for op in COMPARISONS.values()]
    row_names += [f'_{op.name.upper()} = OPS["{op.name}"]' for op in rows]
    return _VALUE_MODULE.format(
        rows="\n".join(row_names),
        words=_word_definitions(rows),
        comparisons="".join(map(_comparison, COMPARISONS.values())),
        operators="".join(operators),
        methods="".join(methods),
    )


def functions_module() -> str:
    """Return the source of `autograd.functions.generated`.

    Examples
    --------
    >>> "def exp(x: T) -> T" in functions_module()
    True
    """
    functions = [op for op in OPS.values() if not op.symbol]
    names = ",\n".join(f'    "{name}"' for name in sorted((op.name for op in functions), key=_natural))
    return _FUNCTIONS_MODULE.format(names=names + ",") + "".join(map(_function, functions))


def _natural(name: str) -> list[str | int]:
    """Return by what names are sorted: log2 stands before log10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


# ------------------------------------------------------------------------------------------- operators


def _binary(op: Op, template: str) -> str:
    """Return a method of two operands; the templates differ in what they do with other types."""
    return template.format(
        name=op.name,
        doc=op.doc,
        row=f"_{op.name.upper()}",
        both=_evaluation(op, ["dx", "dy"], 12),
        first=_evaluation(op, ["dx"], 12 if op.symbol else 8),
        second=_evaluation(op, ["dy"], 12),
        dx=_atom_or(op.partials[0], "dx"),
        dy=_atom_or(op.partials[1], "dy"),
    )


def _comparison(op: Op) -> str:
    return _COMPARISON.format(name=op.name, symbol=op.symbol, row=f"_{op.name.upper()}")


def _unary_method(op: Op, method: str) -> str:
    doc = "" if method.startswith("__") else f'\n        """Return {op.doc}."""'
    return _UNARY_METHOD.format(
        method=method,
        doc=doc,
        body=_evaluation(op, ["dx"], 8),
        row=f"_{op.name.upper()}",
        dx=_atom_or(op.partials[0], "dx"),
    )


def _evaluation(op: Op, wanted: list[str], depth: int) -> str:
    """Return the statements that work out ``out`` and the wanted partials."""
    rules = dict(zip(["dx", "dy"], op.partials, strict=False))
    rules_of = {"out": op.value} | {
        name: rules[name] for name in wanted if _atom_or(rules[name], name) == name
    }
    statements = [_assignment(name, rule, depth + 4) for name, rule in rules_of.items()]
    lines = [line for statement in statements for line in statement]
    if any(_may_raise("\n".join(statement)) for statement in statements):
        assigned = [name if name in wanted and _atom_or(rules[name], name) == name else "_" for name in rules]
        results = ", ".join(["out", *assigned])
        arguments = ", ".join(op.parameters)
        lines = [
            "try:",
            *(f"    {line}" for line in lines),
            "except PYTHON_RAISES:",
            f"    {results} = careful(_{op.name.upper()}, {arguments})",
        ]
    return indent("\n".join(lines), " " * depth)


def _assignment(name: str, rule: str, depth: int) -> list[str]:
    """Return the statement that works out a rule, its choices on lines of their own where it is long."""
    expression = ast.parse(python_expression(rule), mode="eval").body
    line = f"{name} = {ast.unparse(expression)}"
    if depth + len(line) <= _MAX_LINE or not isinstance(expression, ast.IfExp):
        return [line]
    parts = []
    while isinstance(expression, ast.IfExp):
        parts += [ast.unparse(expression.body), f"if {_in_parentheses(expression.test)}"]
        expression = expression.orelse
        parts.append("else ")
    parts.append(ast.unparse(expression))
    lines = "\n".join(parts).replace("else \n", "else ").split("\n")
    return [f"{name} = (", *(f"    {line}" for line in lines), ")"]


def _in_parentheses(expression: ast.expr) -> str:
    text = ast.unparse(expression)
    return f"({text})" if isinstance(expression, ast.IfExp) else text


def _atom_or(rule: str, name: str) -> str:
    """Return the rule itself where it is a name or a number, else the name that holds its result.

    Of what only selects it is None, since no derivative flows there.
    """
    if rule == "0.0":
        return "None"
    expression = ast.parse(rule, mode="eval").body
    negative = isinstance(expression, ast.UnaryOp) and isinstance(expression.operand, ast.Constant)
    return rule if negative or isinstance(expression, ast.Name | ast.Constant) else name


def _may_raise(line: str) -> bool:
    """Return whether Python raises somewhere: at a division or remainder, or in a function of `math`."""
    return any(
        isinstance(node, ast.Div | ast.FloorDiv | ast.Mod)
        or (isinstance(node, ast.Call) and ast.unparse(node.func) not in ("abs", "max"))
        for node in ast.walk(ast.parse(line))
    )


def _word_definitions(ops: list[Op]) -> str:
    """Return the assignments that give the words of the rules their meaning on floats."""
    rules = [python_expression(rule) for op in ops for rule in (op.value, *op.partials)]
    used = {n.id for rule in rules for n in ast.walk(ast.parse(rule)) if isinstance(n, ast.Name)}
    words = sorted(used - {"x", "y", "out", "abs", "max"})
    return "\n".join(
        f'{word} = FLOAT["{word}"]' if word in FLOAT else f'{word} = on_floats(OPS["{word}"]).value'
        for word in words
    )


# ------------------------------------------------------------------------------------------- functions


def _function(op: Op) -> str:
    arguments = ", ".join(op.parameters)
    fields = {"name": op.name, "doc": op.doc, "arguments": arguments, "sections": _sections(op)}
    if op.variadic and hasattr(builtins, op.name):
        return _SUMMING_FUNCTION.format(**fields)
    if op.variadic:
        anything = ", ".join(f"{p}: Iterable[Any]" for p in op.parameters)
        return _VARIADIC_FUNCTION.format(anything=anything, **fields)
    if op.folds:
        return _FOLDING_FUNCTION.format(**fields)
    if len(op.partials) == 1:
        fields["builtin"] = _BUILTIN.format(name=op.name) if hasattr(builtins, op.name) else ""
        return _UNARY_FUNCTION.format(**fields)
    selector = "condition: Any, " if "condition" in op.parameters else ""
    fields["anything"] = f"{selector}x: Any, y: Any"
    return (_OVERLOADS + _PLAIN_FUNCTION).format(selector=selector, **fields)


def _sections(op: Op) -> str:
    """Return the sections of a docstring below its summary."""
    if op.variadic:
        kind = "iterable of Value or number"
        returns = "Value or float\n    One node of all the elements; a number where no element is a Value."
    else:
        kind = "Value, number or array"
        returns = "Value, float or array\n    As the arguments: a number where no argument is a Value."
    if hasattr(builtins, op.name):
        returns = "As the arguments; without a Value and an array what the builtin gives."
    raises = ""
    if op.variadic or op.folds:
        raises = "\nRaises\n------\n"
        raises += "TypeError\n    For an element that is neither a Value nor a number.\n"
    if op.folds or (op.variadic and len(op.partials) > 1):
        reason = "an empty iterable without a default" if op.folds else "sequences of different lengths"
        raises += f"ValueError\n    For {reason}.\n"
    pairs = zip(op.parameters, op.partials, strict=True)
    text = _SECTIONS.format(
        parameters=_parameters(op, kind),
        returns=returns,
        raises=raises,
        notes="\n".join(f"∂out/∂{p} = ``{rule}``" for p, rule in pairs if p != "condition"),
        example=_example(op),
    )
    return indent(text, "    ", lambda line: bool(line.strip()))


def _parameters(op: Op, kind: str) -> str:
    if op.folds:
        return (
            "*args : Value, number or array; or one iterable of them\n"
            "    The operands.\n"
            "**options\n"
            "    ``key``, which the items are compared by, and ``default``, as of the builtin."
        )
    if op.variadic and hasattr(builtins, op.name):
        return (
            "x : iterable of Value or number\n    The terms.\n"
            "start : Value or number\n    What they are added to."
        )
    texts = {"condition": "Value, bool or array\n    What to choose by."}
    return "\n".join(f"{p} : {texts.get(p, kind + chr(10) + '    An operand.')}" for p in op.parameters)


def _example(op: Op) -> str:
    """Return a doctest at a point inside the domain, or at the first special point of a reduction."""
    if op.variadic:
        special = op.special_points[0]
        size = len(special.at) // len(op.partials)
        lists = [list(special.at[i : i + size]) for i in range(0, len(special.at), size)]
        return f">>> {op.name}({', '.join(map(repr, lists))})\n{special.value!r}"
    point = [0.75 * high + 0.25 * low for low, high in op.domain]
    out = on_floats(op).value(*point)
    arguments = ", ".join(f"Value({number:.4g})" for number in point)
    return f">>> f\"{{{op.name}({arguments}):.3f}}\"\n'{out:.3f}'"


def write(package: Path = Path(__file__).parent.parent) -> None:
    """Write both modules into the folder of a package, the project's own by default."""
    (package / "engine" / "value.py").write_text(value_module(), encoding="utf-8")
    (package / "functions" / "generated.py").write_text(functions_module(), encoding="utf-8")


if __name__ == "__main__":
    write()
