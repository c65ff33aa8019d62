"""What modules and functions are called."""

from __future__ import annotations

from typing import Any

from .module import Module


def name_of(step: Any) -> str:
    """Return what a `repr` calls a module or function that is a part of something.

    Examples
    --------
    >>> name_of(abs)
    'abs'
    """
    return repr(step) if isinstance(step, Module) else getattr(step, "__name__", repr(step))
