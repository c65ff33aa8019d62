"""`to_sympy`: graphs as expressions of SymPy, which simplifies, solves and integrates them.

SymPy is one more language in which rules are written: `_Words` has its functions, and where it has none of a
row's name, the rule of the row is written out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache, reduce
from importlib.util import find_spec
from typing import Any

from ..engine.graph import nodes, operands
from ..engine.value import Value
from ..ops.rule import Rule
from ..ops.sequences import is_reduction
from ..ops.structural import Operation, Structural
from ..ops.table import COMPARISONS, OPS, Op, row
from .text.caller_names import leaf_names

# SymPy asks each new expression for its properties, recursively: at a depth of 329 Python's stack is full.
_DEEPEST = 100

# A constant that is a multiple of 1/1024 becomes a fraction, such as 1/2; any other one is a float.
_LARGEST_DENOMINATOR = 1024

_TEXTBOOK: Mapping[str, Rule] = {
    name: Rule(text)
    for name, text in {
        "sigmoid": "1.0 / (1.0 + exp(-x))",
        "relu": "max(0.0, x)",
        "softplus": "log(1.0 + exp(x))",
        "sech2": "pow(cosh(x), -2.0)",
        "log1p": "log(1.0 + x)",
        "expm1": "exp(x) - 1.0",
        "hypot": "sqrt(pow(x, 2.0) + pow(y, 2.0))",
        "floordiv": "floor(x / y)",
        "mod": "x - y * floor(x / y)",
        "log2": "log(x) / log(2.0)",
        "log10": "log(x) / log(10.0)",
        "exp2": "pow(2.0, x)",
    }.items()
}
"""Rows whose rules, or functions in C, avoid the rounding errors of these formulas: SymPy makes none."""


# SymPy sorts the arguments of these, recursively; plainly they are a choice by a comparison.
_SORTED = {"max": "ge", "min": "le"}


def sympy_or_raise(who: str) -> Any:
    """Return the module, or say how to install it."""
    if find_spec("sympy") is None:
        raise ImportError(f"{who} needs SymPy: pip install 'chainrule[sympy]'")
    import sympy

    return sympy


@cache
def words() -> Mapping[str, Callable[..., Any]]:
    """Return SymPy's function for each word that it has, on expressions; of reductions, on lists of them.

    Examples
    --------
    >>> import sympy
    >>> words()["arctan2"] is sympy.atan2, "relu" in words()
    (True, False)
    """
    import sympy as sp

    known: dict[str, Callable[..., Any]] = {
        "add": sp.Add,
        "sub": lambda x, y: sp.Add(x, sp.Mul(-1, y)),
        "mul": sp.Mul,
        "truediv": lambda x, y: sp.Mul(x, sp.Pow(y, -1)),
        "neg": lambda x: sp.Mul(-1, x),
        "pos": lambda x: x,
        "pow": sp.Pow,
        "abs": sp.Abs,
        "max": sp.Max,
        "min": sp.Min,
        # Of a negative number, a power 1/3 is complex.
        "cbrt": lambda x: sp.Mul(sp.sign(x), sp.Pow(sp.Abs(x), sp.Rational(1, 3))),
        "constant": lambda x: x,
        "len": lambda x: sp.Integer(len(x)),
        "sum": lambda x: sp.Add(*x),
        "prod": lambda x: sp.Mul(*x),
        "dot": lambda x, y: sp.Add(*map(sp.Mul, x, y)),
        "logsumexp": lambda x: sp.log(sp.Add(*map(sp.exp, x))),
    }
    for name in OPS.keys() - known.keys() - _TEXTBOOK.keys() - {"where"}:
        function = getattr(sp, name.replace("arc", "a"), None)
        if function is not None and (isinstance(function, sp.FunctionClass) or name == "sqrt"):
            known[name] = function
    return known | {name: getattr(sp, name.capitalize()) for name in COMPARISONS}


def to_sympy(y: Value, names: Mapping[str, Any] | None = None, *, real: bool = True) -> Any:
    """Return a node as an expression of SymPy in its leaves.

    Leaves are symbols, by their labels or the caller's variables; those without a name are numbers, as in
    `to_latex`. What the graph shares the expression shares. Of a graph deeper than 100 operations nothing is
    simplified, since SymPy would exhaust Python's stack; the same happens where such an expression is printed
    or differentiated by SymPy.

    Parameters
    ----------
    y : Value
        The result.
    names : mapping, optional
        Variables to name nodes without a label; by default the caller's, and none for ``{}``.
    real : bool
        Whether the symbols are real, as ``sympy.Symbol("x", real=True)``, which is not the same symbol as
        ``sympy.Symbol("x")``. Otherwise SymPy has no derivative of `abs`.

    Returns
    -------
    sympy.Expr
        The expression. A sigmoid is that of textbooks, 1 / (1 + exp(-x)); a choice is a ``Piecewise``, and a
        function with a rule of its own is a ``Function`` of its name.

    Raises
    ------
    ImportError
        If SymPy is not installed.
    TypeError
        If `y` is not a `Value`.
    ValueError
        If two leaves have the same name.

    Examples
    --------
    >>> x, w = Value(0.5, label="x"), Value(2.0, label="w")
    >>> to_sympy((w * x).sigmoid() - x / 2.0)
    -x/2 + 1/(1 + exp(-w*x))
    """
    sp = sympy_or_raise("to_sympy")
    if not isinstance(y, Value):
        raise TypeError(f"to_sympy expected a Value, got {y!r} ({type(y).__name__})")
    order = nodes(y)
    symbol_of = _symbols(sp, [node for node in order if node.op is None], names, real)
    writing = _InSympy(sp, plainly=_depth(order) > _DEEPEST)
    found: dict[Value, Any] = {}
    with sp.evaluate(not writing.plainly):
        for node in order:
            if node.op is None:
                found[node] = symbol_of[node] if node in symbol_of else writing.number(node.data)
                continue
            args = [found[arg] if isinstance(arg, Value) else writing.number(arg) for arg in node.args]
            found[node] = writing.operation(node.op, args)
        return writing.as_number(found[y])


def _symbols(
    sp: Any, leaves: Sequence[Value], names: Mapping[str, Any] | None, real: bool
) -> dict[Value, Any]:
    """Return the symbol of each leaf that has a name."""
    name_of = leaf_names(leaves, names)
    taken: dict[str, Value] = {}
    for leaf, name in name_of.items():
        if taken.setdefault(name, leaf) is not leaf:
            raise ValueError(f"two leaves are called {name!r}, which would be the same symbol: label them")
    assumptions = {"real": True} if real else {}
    return {leaf: sp.Symbol(name, **assumptions) for leaf, name in name_of.items()}


def _depth(order: Sequence[Value]) -> int:
    """Return how many operations are on the longest way to the result."""
    depth: dict[Value, int] = {}
    for node in order:
        depth[node] = max((1 + depth[operand] for operand in operands(node)), default=0)
    return depth[order[-1]]


class _InSympy:
    """Writes operations in SymPy; plainly, nothing is simplified."""

    def __init__(self, sp: Any, plainly: bool) -> None:
        self.sp = sp
        self.plainly = plainly

    def number(self, number: float) -> Any:
        """Return a constant: exact where people write a fraction, else a float of all digits."""
        sp = self.sp
        if not math.isfinite(number):
            return sp.nan if number != number else sp.oo if number > 0.0 else -sp.oo
        fraction = Fraction(number)
        if fraction.denominator <= _LARGEST_DENOMINATOR and abs(number) < 2.0**53:
            return sp.Rational(fraction.numerator, fraction.denominator)
        return sp.Float(number)

    def as_number(self, expression: Any) -> Any:
        """Return a comparison as 1 or 0, and anything else as it is."""
        return self.sp.Piecewise((1, expression), (0, True)) if self._is_truth(expression) else expression

    def _is_truth(self, expression: Any) -> bool:
        """Return whether an expression is true or false; to SymPy any symbol may be."""
        return isinstance(expression, self.sp.logic.boolalg.Boolean) and not expression.is_Symbol

    def operation(self, op: Operation, args: Sequence[Any]) -> Any:
        """Return an operation on expressions."""
        if isinstance(op, Structural):
            return self.sp.Function(op.name)(*map(self.as_number, args))
        return self.word(op.name, op.columns(args) if op.variadic else args)

    def word(self, word: str, given: Sequence[Any]) -> Any:
        """Return a word on expressions, or on lists of them, one for each element."""
        if word == "where":
            return self._choice(*given)
        args = [[*map(self.as_number, arg)] if _is_list(arg) else self.as_number(arg) for arg in given]
        if not is_reduction(word) and any(map(_is_list, args)):
            length = next(len(arg) for arg in args if _is_list(arg))
            columns = [arg if _is_list(arg) else [arg] * length for arg in args]
            return [self.word(word, items) for items in zip(*columns, strict=True)]
        if self.plainly and word in _SORTED:
            return self._choice(words()[_SORTED[word]](*args), *args)
        if word in words():
            return words()[word](*args)
        op = row(word)
        if op.reduction is not None:
            return self._folded(op, args)
        rule = _TEXTBOOK.get(word, op.value)
        return rule.on(_Formula(self, dict(zip(op.parameters, args, strict=True))))

    def _choice(self, condition: Any, x: Any, y: Any) -> Any:
        if not self._is_truth(condition):
            condition = self.sp.Ne(condition, 0)
        cases = [(self.as_number(x), condition), (self.as_number(y), self.sp.true)]
        if self.plainly or condition.has(self.sp.Piecewise):
            # SymPy would multiply out the cases of a choice in the condition, recursively.
            pair = self.sp.functions.elementary.piecewise.ExprCondPair
            return self.sp.Basic.__new__(
                self.sp.Piecewise, *[self.sp.Tuple.__new__(pair, *case) for case in cases]
            )
        return self.sp.Piecewise(*cases)

    def _folded(self, op: Op, columns: Sequence[Any]) -> Any:
        """Return a row that takes sequences as the loop of the table."""
        assert op.reduction is not None
        totals: dict[str, Any] = {}
        for accumulator in op.reduction.accumulators:

            def step(total: Any, items: tuple[Any, ...], a: Any = accumulator) -> Any:
                known = {**totals, a.name: total, **dict(zip(op.parameters, items, strict=True))}
                return a.step.on(_Formula(self, known))

            start = self.number(accumulator.start)
            totals[accumulator.name] = reduce(step, zip(*columns, strict=True), start)
        return op.reduction.result.on(_Formula(self, totals))


def _is_list(argument: Any) -> bool:
    return isinstance(argument, list | tuple)


class _Formula:
    """What a rule is translated to, with what stands for its names."""

    def __init__(self, writing: _InSympy, known: Mapping[str, Any]) -> None:
        self.writing = writing
        self.known = known

    def name(self, name: str) -> Any:
        return self.known[name]

    def number(self, number: float) -> Any:
        return self.writing.number(number)

    def apply(self, word: str, operands: tuple[Any, ...]) -> Any:
        return self.writing.word(word, operands)
