"""Tracing: record a function once, as a program that will run on other inputs.

A number that depends on the inputs is not known while the function is traced. Asking for it raises an error,
since with other inputs the program could take another branch. Whether a node may belong to a trace is told by
its level (`levels`), so this holds in every thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .levels import FIRST_OF_TRACES, Scope, highest_open, new_level, open_levels, open_scopes
from .unrecorded import recording

_current: ContextVar[Scope | None] = ContextVar("trace", default=None)


@contextmanager
def tracing(inputs: Iterable[Any]) -> Iterator[int]:
    """Trace what the block computes from some leaves.

    Parameters
    ----------
    inputs : iterable of Value
        The inputs of the program. They have the level of the trace until it ends.

    Yields
    ------
    int
        The level of the trace.

    Examples
    --------
    >>> from autograd import Value
    >>> x = Value(3.0)
    >>> with tracing([x]):
    ...     bool(x > 0.0)
    Traceback (most recent call last):
        ...
    autograd.engine.errors.TracedValueError: if v asks for a number that is not known while ...
    """
    leaves = list(inputs)
    level = new_level(traced=True)
    scope = Scope(traces=True, levels={level})
    before = _current.get()
    try:
        open_scopes.add(scope)
        for leaf in leaves:
            leaf._level = level
        _current.set(scope)
        with recording():
            yield level
    finally:
        # Each of these calls may end in a KeyboardInterrupt. The level of a trace that has ended is ignored.
        try:
            _current.set(before)
        finally:
            open_scopes.discard(scope)
            for leaf in leaves:
                leaf._level = 0


def is_tracing() -> bool:
    """Return whether this thread or task is in a trace.

    Examples
    --------
    >>> is_tracing()
    False
    """
    return _current.get() is not None


def trace_also(nodes: Iterable[Any]) -> int:
    """Add inputs to the trace that this thread is in, and return their level.

    Parameters
    ----------
    nodes : iterable of Value
        Nodes that stand for numbers which are not known yet.

    Examples
    --------
    >>> from autograd import Value
    >>> x, y = Value(3.0), Value(4.0)
    >>> with tracing([x]) as level:
    ...     trace_also([y]) > level
    True
    """
    level = new_level(traced=True)
    scope = _current.get()
    if scope is not None:
        scope.levels.add(level)
    for node in nodes:
        node._level = level
    return level


def may_be_traced(node: Any) -> bool:
    """Return whether a node belongs to a trace, or belonged to one that has ended.

    Examples
    --------
    >>> from autograd import Value
    >>> may_be_traced(Value(3.0))
    False
    """
    level: int = node._level
    return level >= FIRST_OF_TRACES


def is_unknown(node: Any) -> bool:
    """Return whether the number of a node depends on an input of a trace in progress.

    Examples
    --------
    >>> from autograd import Value
    >>> x = Value(3.0)
    >>> with tracing([x]):
    ...     is_unknown(x * 2.0)
    True
    >>> is_unknown(x * 2.0)
    False
    """
    return may_be_traced(node) and highest_open([node], open_levels(traces=True), is_any=True) > 0
