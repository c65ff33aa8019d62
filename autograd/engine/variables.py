"""The variables of a derivative: the `Value`s that stand for the arguments of the function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .levels import Scope, is_variable, level_above, new_level, open_scopes
from .tracing import is_tracing
from .unrecorded import recording
from .value import Value


def is_parameter(value: Value) -> bool:
    """Return whether a `Value` of a model is a parameter: a leaf, or a variable that stands for one.

    While a function of a model is differentiated, its parameters need not be leaves.

    Parameters
    ----------
    value : Value
        What a model holds.

    Returns
    -------
    bool
        True for a leaf, and for the node that stands for one in a derivative.

    Examples
    --------
    >>> is_parameter(Value(1.0)), is_parameter(Value(1.0) * 2.0)
    (True, False)
    """
    return value.op is None or is_variable(value)


@contextmanager
def under_differentiation(variables: Sequence[Value]) -> Iterator[int]:
    """Differentiate what the block computes with respect to variables.

    Parameters
    ----------
    variables : sequence of Value
        New nodes, which get the level of the derivative.

    Yields
    ------
    int
        The level.

    Examples
    --------
    >>> x = Value(3.0)
    >>> with under_differentiation([x]):
    ...     y = x * x
    >>> is_variable(x), is_variable(y)
    (True, False)
    """
    above = max((level_above(variable.args) for variable in variables), default=0)
    level = new_level(traced=is_tracing(), above=above)
    scope = Scope(levels={level})
    try:
        open_scopes.add(scope)
        for variable in variables:
            variable._level = level
        with recording():
            yield level
    finally:
        open_scopes.discard(scope)
