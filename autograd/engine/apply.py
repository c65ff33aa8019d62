"""Apply any row of the table to `Value`s and plain numbers.

Each operator of `Value` does this for its own row. `apply` does it for any row, and `apply_variadic` for the
rows that take sequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from ..ops.rules import in_one_call
from ..ops.structural import Operation, Structural
from ..ops.table import Op
from . import nonfinite
from .description import BY_RULE, IN_TUPLES
from .levels import open_scopes
from .nonfinite import PYTHON_RAISES, careful
from .real_numbers import NUMBERS
from .value import Value

_LISTS: Final = (list, tuple)

_A_NODE: Final = Value(0.0)


def record(op: Operation, out: float, args: tuple[Any, ...], partials: tuple[float | None, ...]) -> Value:
    """Return the node of an operation, for those who are no operator.

    Parameters
    ----------
    op : Op or Structural
        The operation.
    out : float
        Its value.
    args : tuple of Value or float
        Its operands.
    partials : tuple of float or None
        The derivative with respect to each; None for a constant, and where no derivative flows.

    Examples
    --------
    >>> x = Value(3.0)
    >>> y = record((x * 2.0).op, 6.0, (x, 2.0), (2.0, None))
    >>> y.backward()
    >>> y, x.grad
    (Value(6.0, op='*', grad=1.0), 2.0)
    """
    return _A_NODE._record(op, out, args, partials, 0.0, 0.0, IN_TUPLES)


def record_by_rule(
    op: Operation, out: float, args: tuple[Any, ...], partials: tuple[float | None, ...]
) -> Value:
    """Return the node of an operation whose adjoints are what it says itself, see `Structural.flows`.

    Parameters
    ----------
    op, out, args, partials
        As in `record`.

    Examples
    --------
    >>> x = Value(3.0)
    >>> record_by_rule((x * 2.0).op, 6.0, (x, 2.0), (2.0, None)).partials
    (2.0, None)
    """
    return _A_NODE._record(op, out, args, partials, 0.0, 0.0, BY_RULE)


def apply(op: Op, *args: Any) -> Any:
    """Apply a row to `Value`s and numbers, as the operators do.

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
    >>> from autograd.ops.table import OPS
    >>> apply(OPS["max"], Value(2.0), 3.0)
    Value(3.0, op='max')
    >>> apply(OPS["max"], 2.0, 3.0)
    3.0
    """
    items, numbers, count = _column(op, args)
    found = evaluate(op, numbers)
    if not count:
        return _plain(op, found[0], items)
    partials = _kept(items, count, found[1:])
    # None for a selector rather than 0, whose product with an infinite adjoint would be nan.
    kept = [None if op.selects(i) else partial for i, partial in enumerate(partials)]
    return record(op, found[0], items, tuple(kept))


def apply_variadic(op: Op, *sequences: Iterable[Any]) -> Any:
    """Apply a row that takes sequences to `Value`s and numbers, as one node.

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
    >>> from autograd.ops.table import OPS
    >>> apply_variadic(OPS["dot"], [Value(2.0), Value(3.0)], [10.0, 100.0])
    Value(320.0, op='dot')
    """
    items: tuple[Any, ...] = ()
    columns: list[list[float]] = []
    count = 0
    for sequence in sequences:
        if type(sequence) not in _LISTS:
            reduced = getattr(type(sequence), "reduced", None)
            if reduced is not None:
                return reduced(op, *sequences)
        column, numbers, count_of_column = _column(op, sequence)
        items += column
        columns.append(numbers)
        count += count_of_column
    if len(items) != len(columns[0]) * len(columns):
        lengths = " and ".join(str(len(column)) for column in columns)
        raise ValueError(f"{op.name} expected sequences of one length, got lengths {lengths}")
    found = evaluate(op, columns)
    if not count:
        return _plain(op, found[0], items)
    partials: list[float | None] = []
    for i in range(1, len(found)):
        partials.extend(found[i])
    return record(op, found[0], items, tuple(_kept(items, count, partials)))


def apply_again(op: Operation, operands: Sequence[Any]) -> Any:
    """Apply the operation of a node to other operands, in the order of `Value.args`.

    Examples
    --------
    >>> y = Value(2.0) * 3.0
    >>> apply_again(y.op, [Value(5.0), 3.0])
    Value(15.0, op='*')
    """
    if isinstance(op, Structural):
        return op.apply(*operands)
    return apply_variadic(op, *op.columns(operands)) if op.variadic else apply(op, *operands)


def _kept(items: tuple[Any, ...], count: int, partials: list[float | None]) -> list[float | None]:
    """Return the partials of operands of which some are nodes, None for a constant."""
    if count == len(items):
        return partials
    # There are as many partials as operands; with strict=True, compiled code would call zip as Python does.
    return [None if type(item) is float else partial for item, partial in zip(items, partials)]  # noqa: B905


def _column(op: Op, sequence: Iterable[Any]) -> tuple[tuple[Any, ...], list[float], int]:
    """Return the operands with constants as floats, the number of each, and how many of them are nodes."""
    if not isinstance(sequence, (list, tuple)):
        if not isinstance(sequence, Iterable) or (isinstance(sequence, np.ndarray) and sequence.ndim != 1):
            raise TypeError(
                f"{op.name} expected an iterable of Values and numbers, got {sequence!r} "
                f"({type(sequence).__name__})"
            )
        # Iterating over an array takes five times as long as over the list of its elements.
        sequence = sequence.tolist() if isinstance(sequence, np.ndarray) else sequence
    items: tuple[Any, ...] = tuple(sequence)
    # The weights of a neuron are all Values, and its inputs are often all floats: checking each of them would
    # take half of the time of a training step.
    numbers: list[float] = [item._data for item in items if type(item) is Value]
    if len(numbers) == len(items):
        return items, numbers, len(items)
    if not numbers and _are_floats(items):
        return items, list(items), 0
    items = tuple([_operand(op, i, item) for i, item in enumerate(items)])
    nodes = [item for item in items if isinstance(item, Value)]
    return items, [item._data if isinstance(item, Value) else item for item in items], len(nodes)


def _are_floats(items: tuple[Any, ...]) -> bool:
    for item in items:  # noqa: SIM110  # a generator would take twice as long
        if type(item) is not float:
            return False
    return True


def _operand(op: Op, i: int, item: Any) -> Value | float:
    if isinstance(item, Value):
        return item
    if isinstance(item, NUMBERS):
        return float(item)
    if isinstance(item, np.ndarray) and not item.ndim:
        return _operand(op, i, item[()])
    raise TypeError(
        f"{op.name} takes Values and numbers, but operand {i} is {item!r} ({type(item).__name__})"
    )


def _plain(op: Op, out: float, args: Sequence[float]) -> float:
    """Return a result of plain numbers, examined as that of an operator is."""
    if out - out or open_scopes:
        nonfinite.examine(op, args, out)
    return out


def evaluate(op: Op, numbers: Sequence[Any]) -> list[Any]:
    """Return the value of a row and its partials, as a node of it stores them.

    Parameters
    ----------
    op : Op
        The row.
    numbers : sequence of float, or of list of float for a variadic row
        Its arguments.

    Examples
    --------
    >>> from autograd.ops.table import OPS
    >>> evaluate(OPS["mul"], [2.0, 3.0]), evaluate(OPS["truediv"], [1.0, 0.0])
    ([6.0, 3.0, 2.0], [inf, inf, -inf])
    """
    try:
        found: list[Any] = in_one_call(op)(*numbers)
        return found
    except PYTHON_RAISES:
        return list(careful(op, *numbers))
