"""`from_sympy`: expressions of SymPy as graphs, to be evaluated, differentiated, drawn and explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from typing import Any

from ..engine.real_numbers import checked_number
from ..engine.value import Value
from ..functions import generated as functions
from ..ops.table import COMPARISONS, OPS
from .sympy_expressions import sympy_or_raise, words

# A node or a number; the functions that take either have no common type.
Scalar = Any


def from_sympy(
    expression: Any, values: Mapping[Any, float | Value] | None = None, /, **named: float | Value
) -> Value:
    """Return an expression of SymPy as a graph.

    Parameters
    ----------
    expression : sympy.Expr
        The expression.
    values : mapping, optional
        The numbers or nodes that the symbols stand for, by symbol or name.
    **named : float or Value
        The same, by name. A `Value` is used as it is: so ``lambda x: from_sympy(expression, x=x)`` is a
        function for `grad` and `jit`. A number becomes a leaf with the symbol's name.

    Returns
    -------
    Value
        The result. What the expression shares the graph shares.

    Raises
    ------
    ImportError
        If SymPy is not installed.
    TypeError
        If it is no expression, or what stands for a symbol no number.
    ValueError
        If a symbol has no number, a name is no symbol, or SymPy has a function that is unknown here.

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("x")
    >>> y = from_sympy(sympy.diff(sympy.sin(x) * x, x), x=2.0)
    >>> print(y)
    x * cos(x) + sin(x) = 0.077
    """
    sp = sympy_or_raise("from_sympy")
    expression = sp.sympify(expression, strict=True) if not isinstance(expression, sp.Basic) else expression
    if not isinstance(expression, sp.Expr | sp.logic.boolalg.Boolean):
        raise TypeError(
            f"from_sympy expected an expression, got {expression!r} ({type(expression).__name__})"
        )
    leaf_of = _leaves(expression, {**(values or {}), **named})
    result = _evaluated(expression, leaf_of)
    return result if isinstance(result, Value) else Value(result)


def _leaves(expression: Any, given: Mapping[Any, float | Value]) -> dict[Any, Value]:
    """Return the node of each symbol."""
    # Symbols of one name with different assumptions, such as real, are the same here.
    found = [part for part in _parts(expression) if part.is_Symbol]
    symbols = {part.name for part in found}
    by_name = {getattr(key, "name", key): value for key, value in given.items()}
    missing, unknown = (
        sorted(symbols - by_name.keys()),
        sorted(map(str, by_name.keys() - symbols)),
    )
    if missing or unknown:
        wanted = ", ".join(sorted(symbols)) or "none"
        problems = [f"missing: {', '.join(missing)}"] if missing else []
        problems += [f"not in the expression: {', '.join(unknown)}"] if unknown else []
        raise ValueError(f"from_sympy expected a number for each symbol ({wanted}); {'; '.join(problems)}")
    leaves = {name: _leaf(name, value) for name, value in by_name.items()}
    return {symbol: leaves[symbol.name] for symbol in found}


def _leaf(name: str, value: float | Value) -> Value:
    return value if isinstance(value, Value) else Value(checked_number(value), name)


def _parts(expression: Any) -> list[Any]:
    """Return an expression and all that it is made of, each after its arguments and once, without recursion.

    By identity: to compare two deep expressions, SymPy recurses.
    """
    found: dict[int, Any] = {}
    entered: set[int] = set()
    stack = [expression]
    while stack:
        part = stack[-1]
        if id(part) in found:
            stack.pop()
        elif id(part) in entered or not part.args:
            found[id(part)] = stack.pop()
        else:
            entered.add(id(part))
            stack.extend(arg for arg in reversed(part.args) if id(arg) not in found)
    return [*found.values()]


def _evaluated(expression: Any, leaf_of: Mapping[Any, Value]) -> Scalar:
    """Return an expression on nodes."""
    # The parts stay alive as long as their ids are used.
    parts = _parts(expression)
    found: dict[int, Scalar | tuple[Scalar, ...]] = {}
    for part in parts:
        if part.is_Symbol:
            found[id(part)] = leaf_of[part]
        else:
            found[id(part)] = _applied(part, [found[id(arg)] for arg in part.args])
    return found[id(expression)]


def _applied(part: Any, args: Sequence[Any]) -> Any:
    """Return what a part of an expression is, from its arguments."""
    import sympy as sp

    if part is sp.true or part is sp.false:
        return float(part is sp.true)
    # Asked of what has arguments, SymPy would recurse.
    if not part.args:
        if not (part.is_number and (part.is_extended_real or part is sp.nan)):
            raise ValueError(f"from_sympy expected real numbers, got {part}")
        return float(part)
    name = type(part).__name__
    if name in _FORMS:
        return _FORMS[name](*args)
    function = _functions().get(type(part))
    if function is None:
        raise ValueError(
            f"from_sympy knows no {name}: rewrite it in other functions, as by expression.rewrite"
        )
    return reduce(function, args) if len(args) > len(_parameters(function)) else function(*args)


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the parameters of a row's function: `max` of SymPy takes any number, ours two."""
    name = function.__name__
    return OPS[name].parameters if name in OPS else ("x", "y")


@cache
def _functions() -> Mapping[type, Callable[..., Any]]:
    """Return for SymPy's classes the function of the row that they are written for.

    It is read off `words`: what a row gives for symbols is a class with these symbols as its arguments.
    """
    import sympy as sp

    x, y = sp.symbols("x y")
    found: dict[type, Callable[..., Any]] = {}
    for name, op in OPS.items():
        if name not in words() or op.variadic:
            continue
        symbols = (x, y)[: len(op.partials)]
        written = words()[name](*symbols)
        if set(written.args) == set(symbols) and not isinstance(written, sp.Add | sp.Mul | sp.Pow):
            found[type(written)] = getattr(functions, name)
    for name in COMPARISONS:
        found[type(words()[name](x, y))] = _COMPARED[name]
    return found


_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "lt": lambda x, y: x < y,
    "le": lambda x, y: x <= y,
    "gt": lambda x, y: x > y,
    "ge": lambda x, y: x >= y,
    "eq": lambda x, y: x == y,
    "ne": lambda x, y: x != y,
}


def _sum(*terms: Scalar) -> Scalar:
    """Return a sum; terms that were negated are subtracted, after the others, and constants come last."""
    return reduce(_plus, sorted(terms, key=lambda term: (isinstance(term, float), _is(term, "neg"))), 0.0)


def _is(node: Scalar, name: str) -> bool:
    """Return whether something is the result of a row."""
    return isinstance(node, Value) and node.op is OPS[name]


def _is_number(item: Scalar, number: float) -> bool:
    """Return whether something is this constant; to compare a traced node would be a branch."""
    return isinstance(item, float) and item == number


def _plus(total: Scalar, term: Scalar) -> Scalar:
    if _is_number(total, 0.0):
        return term
    if _is(term, "neg"):
        return total - term.args[0]
    return total - -term if isinstance(term, float) and term < 0.0 else total + term


def _product(*factors: Scalar) -> Scalar:
    """Return a product: SymPy has -1 for a sign, and a power of -1 for a quotient."""
    signs = [factor for factor in factors if _is_number(factor, -1.0)]
    others = [factor for factor in factors if not _is_number(factor, -1.0)]
    result = reduce(_times, sorted(others, key=lambda factor: _is(factor, "truediv")), 1.0)
    return -result if len(signs) % 2 else result


def _times(total: Scalar, factor: Scalar) -> Scalar:
    if _is_number(total, 1.0):
        return factor
    if _is(factor, "truediv") and _is_number(factor.args[0], 1.0):
        return total / factor.args[1]
    return total * factor


def _power(base: Scalar, exponent: Scalar) -> Scalar:
    """Return a power; roots and quotients by their own rows."""
    if isinstance(base, float) and isinstance(exponent, float):
        return (Value(base) ** exponent).data
    if _is_number(exponent, 0.5):
        return functions.sqrt(base)
    if _is_number(exponent, -0.5):
        return 1.0 / functions.sqrt(base)
    if _is_number(exponent, -1.0):
        return 1.0 / base
    return (base if isinstance(base, Value) else Value(base)) ** exponent


def _piecewise(*cases: tuple[Scalar, Scalar]) -> Scalar:
    """Return the first case whose condition holds."""
    *first, (last, condition) = cases
    result = last if _is_number(condition, 1.0) else functions.where(condition, last, float("nan"))
    for value, condition in reversed(first):
        result = functions.where(condition, value, result)
    return result


def _sign(x: Scalar) -> Any:
    return functions.where(x > 0.0, 1.0, functions.where(x < 0.0, -1.0, 0.0))


def _step(x: Scalar, at_zero: Scalar = 0.5) -> Any:
    """Return Heaviside's function, which SymPy has for the derivative of a maximum."""
    return functions.where(x > 0.0, 1.0, functions.where(x < 0.0, 0.0, at_zero))


_FORMS: Mapping[str, Callable[..., Any]] = {
    "Add": _sum,
    "Mul": _product,
    "Pow": _power,
    "ExprCondPair": lambda value, condition: (value, condition),
    "Piecewise": _piecewise,
    "sign": _sign,
    "Heaviside": _step,
    # Of a constant distribution nothing is left but at its point.
    "DiracDelta": lambda x: functions.where(x == 0.0, float("inf"), 0.0),
    "And": lambda *conditions: reduce(functions.min, conditions),
    "Or": lambda *conditions: reduce(functions.max, conditions),
    "Not": lambda condition: 1.0 - condition,
    "sec": lambda x: 1.0 / functions.cos(x),
    "csc": lambda x: 1.0 / functions.sin(x),
    "cot": lambda x: functions.cos(x) / functions.sin(x),
    "sech": lambda x: 1.0 / functions.cosh(x),
    "csch": lambda x: 1.0 / functions.sinh(x),
    "coth": lambda x: functions.cosh(x) / functions.sinh(x),
}
"""What SymPy has that is no row: sums of any number of terms, choices, and other functions."""
