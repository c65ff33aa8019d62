"""How the work of an action grows with its input, counted and not timed."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import autograd

_HOME = str(Path(autograd.__file__).parent)


def instructions(action: Callable[[], Any]) -> int:
    """Return how many instructions Python executes in functions of `autograd`."""
    count = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(_HOME):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def bytes_allocated(action: Callable[[], Any]) -> int:
    """Return how many bytes an action has at the most besides what there was before."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
