"""What functions are called."""

from __future__ import annotations

from typing import Any


def name_of(function: Any) -> str:
    """Return what a `repr` calls a function that is a part of something.

    Examples
    --------
    >>> name_of(abs)
    'abs'
    """
    name: str = getattr(function, "__name__", repr(function))
    return name
