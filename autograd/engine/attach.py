"""Giving `Value` the methods that need the storeys above, as JAX gives its arrays theirs.

Each file that has such a method attaches it when `autograd` is imported, so that the engine imports nothing
from above. Those that users call are declared in `Value` for type checkers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .value import Value


def attach(**methods: Callable[..., Any]) -> None:
    """Make functions methods of `Value`.

    Parameters
    ----------
    **methods
        The function of each method, by the name of the method.

    Examples
    --------
    >>> attach(doubled=lambda self: self + self)
    >>> Value(2.0).doubled()
    Value(4.0, op='+')
    >>> del Value.doubled
    """
    for name, method in methods.items():
        setattr(Value, name, method)
