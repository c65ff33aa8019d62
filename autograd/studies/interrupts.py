"""Interrupts that a function handles by itself, and that are meant for the whole sweep."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class InterruptWatch:
    """Notes Ctrl-C while a function runs that may catch it, as `nn.fit` does, which then ends early.

    Its result would be that of a training cut short, and the sweep would go on with the next point.

    Examples
    --------
    >>> with InterruptWatch() as watch:
    ...     watch.check()
    """

    def __init__(self) -> None:
        self._noted = False
        self._before: Any = None

    def __enter__(self) -> InterruptWatch:
        # Signals go to the main thread alone.
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                self._before = before
                try:
                    signal.signal(signal.SIGINT, self._note)
                except KeyboardInterrupt:
                    # One that came before the first step of the block.
                    signal.signal(signal.SIGINT, before)
                    raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was one."""
        if self._noted:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = True
        self._before(number, frame)
