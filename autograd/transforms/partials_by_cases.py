"""Partials that choose between formulas, in a trace: the derivative of such a choice is a choice as well.

A trace records both formulas, since other inputs may take the other one. A sweep through both would multiply
the adjoint 0 of the one that is not taken by its partials, which may be infinite: at 0, of ``cbrt(x)``, that
of ``out / x``. So the choice is a node of the arguments of the row, and what flows to each of them is chosen;
by forward mode with nested dual numbers, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..engine.apply import record
from ..engine.value import Value
from ..ops.rule import Application, Expression, parts
from ..ops.rules import Rules, on_arrays
from ..ops.structural import Instructions, Structural
from ..ops.table import OPS, Op, row
from ..quiet import quiet
from .rules_on_values import Scalar, while_traced

_ADD, _MUL, _WHERE = OPS["add"], OPS["mul"], OPS["where"]
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@cache
def chooses_formulas(op: Op, argument: int) -> bool:
    """Return whether a partial of a row chooses between formulas that round, not among arguments and numbers.

    The derivative of anything else is finite.

    Examples
    --------
    >>> chooses_formulas(OPS["cbrt"], 0), chooses_formulas(OPS["abs"], 0), chooses_formulas(OPS["exp"], 0)
    (True, False, False)
    """
    return not op.variadic and any(map(_is_choice_of_formulas, parts(op.partials[argument].tree)))


def _is_choice_of_formulas(part: Expression) -> bool:
    match part:
        case Application(word, (_, *branches)) if row_of(word) is _WHERE:
            return any(map(_rounds, chain.from_iterable(map(parts, branches))))
    return False


def _rounds(part: Expression) -> bool:
    if not isinstance(part, Application):
        return False
    op = row_of(part.word)
    return op is not None and op.ulps > 0.0


def has_choice(partial: Value, node: Value) -> bool:
    """Return whether a partial of a node, as its rule is recorded, still has a choice.

    A choice by a constant exponent is known while the rule is recorded.

    Examples
    --------
    >>> from autograd import where
    >>> x, y = Value(2.0), Value(4.0)
    >>> has_choice(3.0 * where(x > 0.0, x, y), x * y), has_choice(3.0 * x, x * y)
    (True, False)
    """
    left, ends = [partial], {node, *node.args}
    while left:
        found = left.pop()
        if found.op is _WHERE:
            return True
        left += [arg for arg in found.args if isinstance(arg, Value) and arg not in ends]
    return False


def by_cases(op: Op, argument: int, node: Value, chosen: Value) -> Value:
    """Return a partial that chooses between formulas as a node that is differentiated by cases.

    Parameters
    ----------
    op : Op
        The row.
    argument : int
        By which of its arguments the partial is.
    node : Value
        The result of the row.
    chosen : Value
        The partial, as its rule is recorded in the trace.

    Returns
    -------
    Value
        The same number.

    Examples
    --------
    >>> x = Value(8.0)
    >>> partial = by_cases(OPS["cbrt"], 0, Value(2.0), x)
    >>> partial.op
    ∂cbrt/∂x
    """
    return PartialByCases(op, argument).apply(*node.args, node, chosen)


class _Arithmetic(Protocol):
    """Numbers of a kind, to which rules apply."""

    def number(self, number: float) -> Any:
        """Return a number."""

    def value(self, op: Op, operands: Sequence[Any]) -> Any:
        """Return the value of a row."""

    def partial(self, op: Op, argument: int, operands: Sequence[Any], out: Any) -> Any:
        """Return a partial of a row."""


class _Plain(NamedTuple):
    """Arrays or Values: numbers that do not move."""

    rules: Callable[[Op], Rules]

    def number(self, number: float) -> Any:
        return number

    def value(self, op: Op, operands: Sequence[Any]) -> Any:
        if op is _MUL:
            return _product(*operands)
        return self.rules(op).value(*operands)

    def partial(self, op: Op, argument: int, operands: Sequence[Any], out: Any) -> Any:
        return self.rules(op).partials[argument](*operands, out)


class _Dual(NamedTuple):
    """A number and its tangent, None if it stands still."""

    number: Any
    tangent: Any


class _OfDuals(NamedTuple):
    """Dual numbers: forward mode, in which a choice is one of tangents, too.

    Attributes
    ----------
    inner : _Arithmetic
        The kind of both parts, which may be dual numbers as well.
    """

    inner: _Arithmetic

    def number(self, number: float) -> _Dual:
        return _Dual(self.inner.number(number), None)

    def value(self, op: Op, operands: Sequence[_Dual]) -> _Dual:
        inner, numbers = self.inner, [operand.number for operand in operands]
        tangents = [operand.tangent for operand in operands]
        out = inner.value(op, numbers)
        if op is _WHERE:
            moved = tangents[1:]
            if moved == [None, None]:
                return _Dual(out, None)
            of_both = [inner.number(0.0) if tangent is None else tangent for tangent in moved]
            return _Dual(out, inner.value(_WHERE, [numbers[0], *of_both]))
        total = None
        for i, tangent in enumerate(tangents):
            if tangent is not None and not op.selects(i):
                part = inner.value(_MUL, [inner.partial(op, i, numbers, out), tangent])
                total = part if total is None else inner.value(_ADD, [total, part])
        return _Dual(out, total)

    def partial(self, op: Op, argument: int, operands: Sequence[_Dual], out: _Dual) -> _Dual:
        found: _Dual = _by_rule(self, op, argument, operands, out)
        return found


class _RuleReader(NamedTuple):
    """What a rule is on numbers of a kind."""

    numbers: _Arithmetic
    names: Mapping[str, Any]

    def name(self, name: str) -> Any:
        return self.names[name]

    def number(self, number: float) -> Any:
        return self.numbers.number(number)

    def apply(self, word: str, operands: tuple[Any, ...]) -> Any:
        op = row_of(word)
        # Of a shortcut the formula that holds everywhere.
        return operands[-1] if op is None else self.numbers.value(op, operands)


def _by_rule(numbers: _Arithmetic, op: Op, argument: int, operands: Sequence[Any], out: Any) -> Any:
    names = dict(zip(op.parameters, operands, strict=True))
    return op.partials[argument].on(_RuleReader(numbers, {**names, "out": out}))


def _derivative(
    numbers: _Arithmetic, op: Op, arguments: Sequence[int], operands: Sequence[Any], out: Any
) -> Any:
    """Return a partial by the first argument, differentiated by each of the others."""
    first, *others = arguments
    if not others:
        return _by_rule(numbers, op, first, operands, out)
    *before, last = others
    moving = _OfDuals(numbers)
    duals = [_Dual(x, numbers.number(1.0) if i == last else None) for i, x in enumerate(operands)]
    tangent = moving.value(op, duals).tangent
    found = _derivative(moving, op, (first, *before), duals, _Dual(out, tangent)).tangent
    return numbers.number(0.0) if found is None else found


def row_of(word: str) -> Op | None:
    """Return the row that a word of a rule is, None for one that is no row.

    Examples
    --------
    >>> row_of("cbrt") is OPS["cbrt"], row_of("shortcut")
    (True, None)
    """
    try:
        return row(word)
    except KeyError:
        return None


def _product(x: Any, y: Any) -> Any:
    """Return a product, without a node for a factor that is the constant 1."""
    if type(x) is float and x == 1.0:
        return y
    return x if type(y) is float and y == 1.0 else x * y


class PartialByCases(Structural):
    """A partial of a row that chooses between formulas, or a derivative of such a partial.

    Its operands are those of the row; then the result of the row and the derivative itself, which are there
    for their numbers alone.

    Parameters
    ----------
    op : Op
        The row.
    *arguments : int
        By which of its arguments it is differentiated, one after the other.
    """

    variadic = True
    is_written_out = True
    computes = True
    may_be_differentiated = True

    def __init__(self, op: Op, *arguments: int) -> None:
        self.of, self.arguments = op, arguments

    @property
    def name(self) -> str:  # type: ignore[override]
        """The sign of the derivative."""
        order = len(self.arguments)
        power = "" if order == 1 else str(order).translate(_RAISED)
        by = "".join([f"∂{self.of.parameters[argument]}" for argument in self.arguments])
        return f"∂{power}{self.of.name}/{by}"

    def apply(self, *operands: Any) -> Value:
        """Return the derivative, which is the last operand."""
        *numbers, chosen = [x._data if isinstance(x, Value) else x for x in operands]
        partials: list[float | None] = [None] * len(operands)
        with quiet():
            for i, operand in enumerate(operands[:-2]):
                if isinstance(operand, Value):
                    partials[i] = float(self._partial(on_arrays, i, [*map(np.float64, numbers)]))
        return record(self, chosen, operands, tuple(partials))

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return what flows back to each operand of the row."""
        return [
            None
            if partial is None or node.args[i] not in wanted
            else _product(adjoint, self._graph_of_partial(node, i))
            for i, partial in enumerate(node.partials[:-1])
        ]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangent of the derivative."""
        moves = [
            _product(self._graph_of_partial(node, i), tangent)
            for i, tangent in enumerate(tangents[:-2])
            if tangent is not None
        ]
        return sum(moves[1:], moves[0]) if moves else 0.0

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int:
        """Return the instruction of the derivative itself."""
        return args[-1]

    def _graph_of_partial(self, node: Value, argument: int) -> Scalar:
        """Return the partial by an argument of the row; if it chooses as well, by cases."""
        *operands, out, _ = node.args
        found: Scalar = self._partial(while_traced, argument, (*operands, out))
        if isinstance(found, Value) and has_choice(found, node):
            return PartialByCases(self.of, *self.arguments, argument).apply(*operands, out, found)
        return found

    def _partial(self, rules: Callable[[Op], Rules], argument: int, numbers: Sequence[Any]) -> Any:
        *own, out = numbers
        return _derivative(_Plain(rules), self.of, (*self.arguments, argument), own, out)
