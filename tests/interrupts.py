"""Interrupts at every place where Ctrl-C can interrupt a program, reproducibly."""

from __future__ import annotations

import dis
import sys
import threading
from collections.abc import Callable, Container
from typing import Any

import pytest

from autograd.installation import is_compiled

can_be_interrupted = pytest.mark.skipif(is_compiled(), reason="the engine is compiled")
"""Python looks at signals in the code that it interprets: compiled sweeps are never interrupted."""


def interrupted_at(count: int, action: Callable[[], Any], files: Container[str]) -> bool:
    """Run an action, and interrupt it at the count-th check for signals in the given files.

    Return whether there were that many checks. Python checks for signals at the start of a function, on
    resuming a generator, on the jump back in a loop, and after a call.
    """

    def interrupt() -> None:
        raise KeyboardInterrupt

    return call_at(count, action, files, interrupt)


def call_at(
    count: int, action: Callable[[], Any], files: Container[str], function: Callable[[], None]
) -> bool:
    """Run an action, and call a function at the count-th check for signals in the given files."""
    left = count

    def check() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            function()

    _run(action, files, check)
    return left <= 0


def checks_in(action: Callable[[], Any], files: Container[str]) -> int:
    """Return how many checks for signals there are in the given files while an action runs."""
    found = 0

    def check() -> None:
        nonlocal found
        found += 1

    _run(action, files, check)
    return found


def _run(action: Callable[[], Any], files: Container[str], check: Callable[[], None]) -> None:
    """Run an action, with a call wherever Python checks for signals in the given files."""
    last: dict[int, str] = {}

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace_opcodes = True
        # Not the first instruction: Python 3.11 shows none to who traces.
        if event == "call":
            check()
        if event == "opcode":
            name = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            # By identity: a reference to the frame would keep its locals alive.
            before, last[id(frame)] = last.get(id(frame), ""), name
            if name == "JUMP_BACKWARD" or before.startswith("CALL"):
                check()
        if event == "return":
            last.pop(id(frame), None)
        return trace

    def run() -> None:
        # Python 3.12 looks for instructions only once a frame had asked for them when tracing began.
        sys._getframe().f_trace_opcodes = True
        sys.settrace(trace)
        try:
            action()
        except KeyboardInterrupt:
            return
        finally:
            sys.settrace(None)

    # In a separate thread: an exception raised by a trace function may stay set as the handled exception.
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
