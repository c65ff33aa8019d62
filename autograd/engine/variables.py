"""Which `Value`s stand for the arguments of a function that is being differentiated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .levels import Scope, is_variable, level_above, new_level, open_scopes
from .tracing import is_tracing
from .value import Value


def is_parameter(value: Value) -> bool:
    """Return whether a `Value` that a model holds is a parameter: a leaf, or what stands for one.

    Examples
    --------
    >>> is_parameter(Value(1.0)), is_parameter(Value(1.0) * 2.0)
    (True, False)
    """
    return value.op is None or is_variable(value)


@contextmanager
def under_differentiation(variables: Sequence[Value]) -> Iterator[int]:
    """Differentiate by variables what the block computes from them.

    Parameters
    ----------
    variables : sequence of Value
        New nodes, which get the level of this derivative.

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
        yield level
    finally:
        open_scopes.discard(scope)
