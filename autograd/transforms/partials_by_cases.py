"""Partials that choose between formulas, in a trace: the derivative of such a choice is a choice as well.

A trace records both formulas, since other inputs may take the other one. A sweep through both would multiply
the adjoint 0 of the one that is not taken by its partials, which may be infinite: at 0, of ``cbrt(x)``, that
of ``out / x``. So the choice is a node of the arguments of the row, and what flows to each of them is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from ..engine.apply import record
from ..engine.value import Value
from ..ops.rule import Application, Expression, parts
from ..ops.rules import Rules, on_arrays
from ..ops.structural import Instructions, Structural
from ..ops.table import OPS, Op, row
from ..quiet import quiet
from .rules_on_values import Scalar, while_traced

_WHERE = OPS["where"]


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


class _Dual(NamedTuple):
    """A number and its tangent, None if it stands still."""

    number: Any
    tangent: Any


class _Forward(NamedTuple):
    """What becomes of a rule where its names move: forward mode, in which a choice is one of tangents, too.

    Attributes
    ----------
    rules : callable
        The rules of a row on the numbers in use: on arrays, or on Values.
    names : mapping of str to _Dual
        What the names stand for.
    """

    rules: Callable[[Op], Rules]
    names: Mapping[str, _Dual]

    def name(self, name: str) -> _Dual:
        return self.names[name]

    def number(self, number: float) -> _Dual:
        return _Dual(number, None)

    def apply(self, word: str, operands: tuple[_Dual, ...]) -> _Dual:
        op = row_of(word)
        if op is None:
            # Of a shortcut the formula that holds everywhere.
            return operands[-1]
        rules, numbers = self.rules(op), [operand.number for operand in operands]
        out = rules.value(*numbers)
        tangents = [operand.tangent for operand in operands]
        if op is _WHERE:
            condition, *moved = numbers[0], *tangents[1:]
            is_still = moved == [None, None]
            return _Dual(out, None if is_still else rules.value(condition, *map(_or_zero, moved)))
        total = None
        for i, tangent in enumerate(tangents):
            if tangent is not None and not op.selects(i):
                part = _product(rules.partials[i](*numbers, out), tangent)
                total = part if total is None else total + part
        return _Dual(out, total)


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


def _or_zero(tangent: Any) -> Any:
    return 0.0 if tangent is None else tangent


def _product(x: Any, y: Any) -> Any:
    """Return a product, without a node for a factor that is the constant 1."""
    if type(x) is float and x == 1.0:
        return y
    return x if type(y) is float and y == 1.0 else x * y


class PartialByCases(Structural):
    """A partial of a row that chooses between formulas.

    Its operands are those of the row; then the result of the row and the partial itself, which are there for
    their numbers alone.
    """

    variadic = True
    is_written_out = True
    computes = True
    may_be_differentiated = True

    def __init__(self, op: Op, argument: int) -> None:
        self.of, self.argument = op, argument

    @property
    def name(self) -> str:  # type: ignore[override]
        """The sign of the derivative."""
        return f"∂{self.of.name}/∂{self.of.parameters[self.argument]}"

    def apply(self, *operands: Any) -> Value:
        """Return the partial, which is the last operand."""
        *numbers, chosen = [x._data if isinstance(x, Value) else x for x in operands]
        partials: list[float | None] = [None] * len(operands)
        with quiet():
            for i, operand in enumerate(operands[:-2]):
                if isinstance(operand, Value):
                    tangents = [1.0 if i == k else None for k in range(len(operands) - 2)]
                    partials[i] = float(self._tangent(on_arrays, [*map(np.float64, numbers)], tangents))
        return record(self, chosen, operands, tuple(partials))

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return what flows back to each operand of the row."""
        operands = node.args[:-1]
        flows: list[Any] = []
        for i, partial in enumerate(node.partials):
            if partial is None or node.args[i] not in wanted:
                flows.append(None)
                continue
            tangents = [1.0 if i == k else None for k in range(len(operands) - 1)]
            flows.append(_product(adjoint, self._tangent(while_traced, operands, tangents)))
        return flows

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangent of the partial."""
        return self._tangent(while_traced, node.args[:-1], tangents[:-2])

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int:
        """Return the instruction of the partial itself."""
        return args[-1]

    def _tangent(
        self, rules: Callable[[Op], Rules], numbers: Sequence[Any], tangents: Sequence[Any]
    ) -> Scalar:
        """Return the tangent of the partial where the operands of the row move."""
        *own, out = numbers
        names = {
            name: _Dual(number, tangent)
            for name, number, tangent in zip(self.of.parameters, own, tangents, strict=True)
        }
        forward = _Forward(rules, names)
        names["out"] = _Dual(out, forward.apply(self.of.name, tuple(names.values())).tangent)
        found = self.of.partials[self.argument].on(forward).tangent
        return 0.0 if found is None else found
