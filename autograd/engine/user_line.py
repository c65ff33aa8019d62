"""Find the line of the user's program that led to the current call."""

from __future__ import annotations

import linecache
import sys
from types import FrameType
from typing import NamedTuple

# NumPy and `copy` are skipped too: `np.sum(values)` calls our operators from its own Python code.
_NOT_THE_USER = frozenset({"autograd", "nn", "numpy", "contextlib", "copy"})


class Line(NamedTuple):
    """A line of the user's program, ``depth`` frames above the caller of `user_line`."""

    file: str
    number: int
    depth: int

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.number).strip()
        return f"{self.file}:{self.number}" + (f": {text}" if text else "")


def user_line() -> Line:
    """Return the innermost line of the stack that is neither of this project nor of NumPy.

    Returns
    -------
    Line
        The user's line; the outermost line of the stack if none of them is the user's.

    Examples
    --------
    >>> user_line().depth >= 0
    True
    """
    frame: FrameType = sys._getframe(1)
    depth = 0
    while frame.f_back is not None and not of_the_user(frame):
        frame = frame.f_back
        depth += 1
    return Line(frame.f_code.co_filename, frame.f_lineno, depth)


def of_the_user(frame: FrameType) -> bool:
    """Return whether a frame runs code that is neither of this project nor of NumPy.

    Parameters
    ----------
    frame : frame
        A frame of the stack.

    Returns
    -------
    bool
        By the name of the module.

    Examples
    --------
    >>> of_the_user(sys._getframe())
    False
    """
    package: str = frame.f_globals.get("__name__", "").partition(".")[0]
    return package not in _NOT_THE_USER
