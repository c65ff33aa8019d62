"""Looking up by name what may also be given as it is."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

T = TypeVar("T")


def named(kind: str, which: Any, known: Mapping[str, T]) -> T:
    """Return what a name stands for; what can be called is returned as it is.

    Parameters
    ----------
    kind : str
        What is looked up, for the error.
    which : str or callable
        A name, or what it would stand for.
    known : mapping of str to callable
        What each name stands for.

    Returns
    -------
    callable
        The one of that name.

    Raises
    ------
    ValueError
        For an unknown name, with the nearest.

    Examples
    --------
    >>> named("function", "abs", {"abs": abs})(-1.0)
    1.0
    >>> named("function", "asb", {"abs": abs})
    Traceback (most recent call last):
        ...
    ValueError: unknown function 'asb' (did you mean 'abs'?); take one of abs, or a function
    """
    if callable(which):
        return which  # type: ignore[no-any-return]
    if isinstance(which, str) and which in known:
        return known[which]
    near = get_close_matches(which, known, n=1) if isinstance(which, str) else []
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise ValueError(f"unknown {kind} {which!r}{hint}; take one of {', '.join(known)}, or a function")
