"""Logic on comparisons: ``(a > 0) & (b > 0)``, ``|``, ``^`` and ``~`` on truth values.

A truth value is a bool, or the `Value` of a comparison, which is 1 or 0. Logic on two of them is recorded as
a comparison of their product or sum, so that it needs no row of its own and works on every backend.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.real_numbers import NUMBERS
from ..engine.value import Value
from ..ops.table import COMPARISONS

Truth = Value | bool

_ROWS = frozenset(COMPARISONS.values())


def is_truth(x: Any) -> bool:
    """Return whether something is a truth value.

    Examples
    --------
    >>> is_truth(True), is_truth(Value(1.0)), is_truth(1.0)
    (True, False, False)
    """
    return x.op in _ROWS if isinstance(x, Value) else isinstance(x, bool | np.bool_)


def truth(x: Any) -> Truth:
    """Return whether a number is nonzero, as a truth value; a nan counts as zero.

    Examples
    --------
    >>> truth(3.0), truth(Value(3.0))
    (True, Value(1.0, op='!='))
    """
    if is_truth(x):
        return x  # type: ignore[no-any-return]
    return x != 0.0 if isinstance(x, Value) else bool(x)


def both(x: Truth, y: Truth) -> Any:
    """Return the conjunction of two truth values.

    Examples
    --------
    >>> both(truth(Value(1.0)), False)
    Value(0.0, op='!=')
    """
    return x * y != 0.0 if _has_node(x, y) else bool(x and y)


def either(x: Truth, y: Truth) -> Any:
    """Return the disjunction of two truth values.

    Examples
    --------
    >>> either(truth(Value(1.0)), False)
    Value(1.0, op='!=')
    """
    return x + y != 0.0 if _has_node(x, y) else bool(x or y)


def differing(x: Truth, y: Truth) -> Any:
    """Return the exclusive disjunction of two truth values.

    Examples
    --------
    >>> differing(truth(Value(1.0)), True)
    Value(0.0, op='!=')
    """
    return x != y


def opposite(x: Truth) -> Any:
    """Return the negation of a truth value.

    Examples
    --------
    >>> opposite(truth(Value(1.0)))
    Value(0.0, op='==')
    """
    return x == 0.0 if isinstance(x, Value) else not x


_JOINED = {"&": both, "|": either, "^": differing}


def joined(sign: str, x: Any, y: Any) -> Any:
    """Return the result of one of Python's logical operators on a `Value` and another truth value.

    Parameters
    ----------
    sign : str
        ``&``, ``|`` or ``^``.
    x, y : Value or bool
        The operands.

    Returns
    -------
    Value
        1 or 0; `NotImplemented` for an operand of another kind, such as an array, which handles the operator
        itself.

    Raises
    ------
    TypeError
        For a number that is not a truth value.

    Examples
    --------
    >>> joined("&", truth(Value(1.0)), True)
    Value(1.0, op='!=')
    """
    for operand in (x, y):
        if not isinstance(operand, (Value, *NUMBERS)):
            return NotImplemented
    return _JOINED[sign](checked_truth(x, sign), checked_truth(y, sign))


def checked_truth(x: Any, sign: str) -> Truth:
    """Return a truth value, or raise an error that says what to write instead.

    Examples
    --------
    >>> checked_truth(True, "&")
    True
    """
    if not is_truth(x):
        raise TypeError(f"{sign} expected comparisons such as a > 0, got {x!r}; write v != 0 for a number")
    return x  # type: ignore[no-any-return]


def _has_node(*operands: Any) -> bool:
    return any(isinstance(operand, Value) for operand in operands)
