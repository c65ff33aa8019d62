"""Applying any row of the table to any mix of `Value`s and numbers.

The operators of `Value` do the same for one row each, written out; here is the general form, also for
the rows that take sequences.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import nonfinite
from .nonfinite import PYTHON_RAISES, careful
from .ops import Op
from .rules import on_floats
from .value import NUMBERS, Value, record


def apply(op: Op, *args: Any) -> Any:
    """Apply any row to numbers and `Value`s: the general form of what the operators do written out.

    Parameters
    ----------
    op : Op
        The row, not a variadic one.
    *args : Value or number
        Its operands.

    Returns
    -------
    Value or float
        A node where an operand is a `Value`, else the number.

    Raises
    ------
    TypeError
        For an operand that is neither.

    Examples
    --------
    >>> from autograd.ops import OPS
    >>> apply(OPS["max"], Value(2.0), 3.0)
    Value(3.0, op='max')
    >>> apply(OPS["max"], 2.0, 3.0)
    3.0
    """
    operands, numbers = _operands(op, args)
    out, partials = _evaluate(op, numbers)
    return _record_all(op, out, operands, partials)


def apply_variadic(op: Op, *sequences: Iterable[Any]) -> Any:
    """Apply a row that takes sequences to numbers and `Value`s, as one node.

    Parameters
    ----------
    op : Op
        The row.
    *sequences : iterable of Value or number
        Its arguments, all of one length.

    Returns
    -------
    Value or float
        A node where an element is a `Value`, else the number.

    Raises
    ------
    TypeError
        For an argument that is not iterable, or an element that is not a number.
    ValueError
        For arguments of different lengths.

    Examples
    --------
    >>> from autograd.ops import OPS
    >>> apply_variadic(OPS["dot"], [Value(2.0), Value(3.0)], [10.0, 100.0])
    Value(320.0, op='dot')
    """
    for sequence in sequences:
        if not isinstance(sequence, Iterable):
            raise TypeError(
                f"{op.name} takes an iterable of Values and numbers, but came {sequence!r} "
                f"({type(sequence).__name__})"
            )
    columns = [_operands(op, sequence) for sequence in sequences]
    operands = [operand for column, _ in columns for operand in column]
    numbers = [column for _, column in columns]
    if len({len(column) for column in numbers}) > 1:
        raise ValueError(
            f"{op.name} takes sequences of one length, but came lengths "
            f"{' and '.join(str(len(column)) for column in numbers)}"
        )
    out, partials = _evaluate(op, numbers)
    return _record_all(op, out, operands, [item for column in partials for item in column])


def _operands(op: Op, args: Iterable[Any]) -> tuple[list[Any], list[float]]:
    """Return the operands, constants as floats, and the number of each."""
    operands: list[Any] = []
    numbers: list[float] = []
    for arg in args:
        if isinstance(arg, Value):
            operands.append(arg)
            numbers.append(arg._data)
        elif isinstance(arg, NUMBERS):
            number = float(arg)
            operands.append(number)
            numbers.append(number)
        else:
            raise TypeError(
                f"{op.name} takes Values and numbers, but operand {len(operands)} is {arg!r} "
                f"({type(arg).__name__})"
            )
    return operands, numbers


def _record_all(op: Op, out: float, operands: list[Any], partials: list[float]) -> Any:
    """Record a node of any number of operands, or return the number where none is a node."""
    kept = [
        partial if isinstance(operand, Value) else None
        for operand, partial in zip(operands, partials, strict=True)
    ]
    if all(partial is None for partial in kept):
        if out - out or nonfinite.watchers:
            nonfinite.examine(op, operands, out)
        return out
    if len(kept) == 1 and not op.variadic:
        return record(op, out, operands[0], None, kept[0], None)
    if len(kept) == 2 and not op.variadic:
        return record(op, out, operands[0], operands[1], kept[0], kept[1])
    return record(op, out, tuple(operands), None, tuple(kept), None)


def _evaluate(op: Op, numbers: list[Any]) -> tuple[float, list[Any]]:
    """Return the value of a row and its partials."""
    rules = on_floats(op)
    try:
        out = rules.value(*numbers)
        return out, [rule(*numbers, out) for rule in rules.partials]
    except PYTHON_RAISES:
        out, *partials = careful(op, *numbers)
        return out, partials
