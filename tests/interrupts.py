"""Interrupting a program wherever Ctrl-C can, without waiting for chance."""

from __future__ import annotations

import dis
import sys
import threading
from collections.abc import Callable, Container
from typing import Any


def interrupted_at(count: int, action: Callable[[], Any], files: Container[str]) -> bool:
    """Do something that is interrupted at the count-th place where Python looks for signals in some files.

    Return whether there were so many. Such places are the begin of a function, the resumption of a generator,
    the jump back in a loop, and what follows a call.
    """
    left = count
    last: dict[int, str] = {}

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            name = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            # By identity: to hold a frame would hold what it has to let go.
            before, last[id(frame)] = last.get(id(frame), ""), name
            left -= name in ("RESUME", "JUMP_BACKWARD") or before.startswith("CALL")
            if left == 0:
                left = -1
                raise KeyboardInterrupt
        if event == "return":
            last.pop(id(frame), None)
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
