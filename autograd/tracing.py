"""Whether a function is being traced: recorded once, as a program that will run on other numbers.

While it is, a comparison of `Value`s is recorded like any operation, and asking for the number in one that
depends on the program's inputs raises: another number could go another way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

traces = 0
"""How many traces are open in all threads: 0 lets every comparison skip the rest."""

_traces_lock = Lock()
_inputs: ContextVar[frozenset[Any]] = ContextVar("inputs", default=frozenset())


class TracedValueError(TypeError):
    """A program asked for a number that is only known when it runs."""


@contextmanager
def tracing(inputs: Iterable[Any]) -> Iterator[None]:
    """Trace what the block computes from some leaves; for this thread or asyncio task.

    Parameters
    ----------
    inputs : iterable of Value
        What the program will be a function of.

    Examples
    --------
    >>> from autograd import Value
    >>> x = Value(3.0)
    >>> with tracing([x]):
    ...     positive = x > 0.0
    >>> positive
    Value(1.0, op='>')
    """
    global traces
    token = _inputs.set(_inputs.get().union(inputs))
    with _traces_lock:
        traces += 1
    try:
        yield
    finally:
        with _traces_lock:
            traces -= 1
        _inputs.reset(token)


def trace_also(inputs: Iterable[Any]) -> None:
    """Count more nodes among the inputs, until the trace that we are in ends.

    Parameters
    ----------
    inputs : iterable of Value
        What stands for numbers that are not known yet.

    Examples
    --------
    >>> from autograd import Value
    >>> x, y = Value(3.0), Value(4.0)
    >>> with tracing([x]):
    ...     trace_also([y])
    ...     len(traced_inputs())
    2
    """
    _inputs.set(_inputs.get().union(inputs))


def traced_inputs() -> frozenset[Any]:
    """Return the inputs of the programs that are being traced here.

    Examples
    --------
    >>> traced_inputs()
    frozenset()
    """
    return _inputs.get()
