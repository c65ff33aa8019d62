"""Backends that do not change while something runs that has to be reproducible bit by bit.

NumPy and Numba differ in the last bit of a sum, and which of them runs a program is a matter of time: Numba
begins after a second of use, and is ready when it is ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_are_settled = ContextVar("are_settled", default=False)


@contextmanager
def settled_backends() -> Iterator[None]:
    """Have programs of this thread run on one backend from their first call on.

    One whose backend was named waits for it. One that would change to Numba once that pays off does not.

    Examples
    --------
    >>> with settled_backends():
    ...     are_backends_settled()
    True
    >>> are_backends_settled()
    False
    """
    token = _are_settled.set(True)
    try:
        yield
    finally:
        _are_settled.reset(token)


def are_backends_settled() -> bool:
    """Return whether a program must not change its backend now.

    Examples
    --------
    >>> are_backends_settled()
    False
    """
    return _are_settled.get()
