"""Names for what is exported."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from keyword import iskeyword
from typing import Any

from ..modules.module import Module

RESERVED = re.compile(
    r"[xyhdvE]\d*|[Wb]\d+|d[xp]|(target_)?(mean|scale)|seed|samples|np|math|base64|unpacked|predict|program|"
    r"(soft|hard)max|erfc?|logsumexp|\w+_(slope|gradient)"
)
"""What the exported module or file calls its own parts."""


def called(function: Callable[..., Any], otherwise: str) -> str:
    """Return the name of a function, if an exported one can have it."""
    owner = getattr(function, "__self__", None)
    named = function.func if isinstance(function, partial) else function
    name = str(getattr(named, "__name__", otherwise))
    if isinstance(owner, Module):
        name = type(owner).__name__.lower()
    is_free = name.isidentifier() and name.isascii() and not iskeyword(name) and not RESERVED.fullmatch(name)
    return name if is_free else otherwise


def unique(name: str, taken: set[str]) -> str:
    """Return a name that is not taken yet."""
    return next(
        other
        for number in range(1, len(taken) + 2)
        if (other := name if number == 1 else f"{name}{number}") not in taken
    )
