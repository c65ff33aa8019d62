"""Interrupting a program at any of its instructions, without waiting for chance."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Container
from typing import Any


def interrupted_at(count: int, action: Callable[[], Any], files: Container[str]) -> bool:
    """Do something that is interrupted before its count-th instruction in some files, as by Ctrl-C.

    Return whether it had so many.
    """
    left = count

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    def run() -> None:
        sys.settrace(trace)
        try:
            action()
        except KeyboardInterrupt:
            return

    # In a thread of its own: an exception that a trace raises may be left behind as one that is handled.
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return left <= 0
