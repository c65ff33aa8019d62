"""Counts of work and memory, to test how they grow without timing."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import autograd

_HOME = str(Path(autograd.__file__).parent)


def instructions(action: Callable[[], Any]) -> int:
    """Return the number of Python instructions that an action executes in functions of `autograd`."""
    count = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(_HOME):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    # Python 3.12 looks for instructions only once a frame had asked for them when tracing began.
    sys._getframe().f_trace_opcodes = True
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def bytes_allocated(action: Callable[[], Any]) -> int:
    """Return the peak number of bytes that an action allocates."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
