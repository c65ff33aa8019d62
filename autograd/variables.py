"""Which `Value`s stand for the arguments of a function that is being differentiated.

Each thread and asyncio task has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from .value import Value

_active: ContextVar[frozenset[Value]] = ContextVar("variables", default=frozenset())


def active_variables() -> frozenset[Value]:
    """Return the variables of all the calls of functions under differentiation that we are in.

    Examples
    --------
    >>> active_variables()
    frozenset()
    """
    return _active.get()


def is_parameter(value: Value) -> bool:
    """Return whether a `Value` that a model holds is a parameter: a leaf, or what stands for one.

    Examples
    --------
    >>> is_parameter(Value(1.0)), is_parameter(Value(1.0) * 2.0)
    (True, False)
    """
    return value.op is None or value in _active.get()


@contextmanager
def under_differentiation(variables: Sequence[Value]) -> Iterator[None]:
    """Mark variables as active for the block."""
    token = _active.set(_active.get().union(variables))
    try:
        yield
    finally:
        _active.reset(token)
