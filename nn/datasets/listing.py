"""Lists of names in messages."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_NAMES = 10


def some_of(names: Sequence[str]) -> str:
    """Return the first of many names, and how many more there are.

    Examples
    --------
    >>> some_of(["cat", "dog"])
    'cat, dog'
    """
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
