"""Threads that take turns as often as they can, so that what they share is seen at every moment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def frequent_switches() -> Iterator[None]:
    """Let threads take turns after every few operations."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def run_in_threads(work: Callable[[int], object], count: int = 8) -> None:
    """Call a function with 0, 1, ... in a thread each."""
    with frequent_switches(), ThreadPoolExecutor(count) as pool:
        list(pool.map(work, range(count)))
