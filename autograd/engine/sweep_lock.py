"""The lock that a sweep holds: marks and adjoints are stored in the nodes, which threads may share."""

from __future__ import annotations

import os
from threading import RLock

sweep_lock = RLock()


def is_sweeping() -> bool:
    """Return whether this thread is in a sweep, which a signal handler or a `__del__` interrupted.

    Examples
    --------
    >>> is_sweeping()
    False
    """
    return sweep_lock._is_owned()  # type: ignore[attr-defined, no-any-return]


def _free_lock() -> None:
    """Free the lock in the child of a fork, where the thread that may have held it does not exist."""
    if not is_sweeping():
        sweep_lock._at_fork_reinit()  # type: ignore[attr-defined]


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no forks.
    os.register_at_fork(after_in_child=_free_lock)
