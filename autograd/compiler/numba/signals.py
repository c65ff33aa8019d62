"""Let Ctrl-C end loops in machine code that count their steps, which may never come to an end.

Programs run without the lock of the interpreter, and nobody looks at signals while they do.
"""

from __future__ import annotations

_STEPS = 1024
"""After so many steps each, 0.1 us is spent on signals."""

SIGNALS = '''\
take_python = types.ExternalFunction("PyGILState_Ensure", types.int32())
leave_python = types.ExternalFunction("PyGILState_Release", types.void(types.int32))
check_signals = types.ExternalFunction("PyErr_CheckSignals", types.int32())


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def is_interrupted():
    """Return whether a signal has come, and its handler has raised; then the exception is set."""
    state = take_python()
    has_raised = check_signals() != 0
    leave_python(state)
    return has_raised


'''
"""What a program begins with that calls `is_interrupted`."""


def looked_for(index: str) -> list[str]:
    r"""Return lines of a loop that end a program if Ctrl-C was pressed; its exception is set by then.

    Parameters
    ----------
    index : str
        The number of the step.

    Examples
    --------
    >>> print("\n".join(looked_for("t0")))
    if t0 & 1023 == 1023 and is_interrupted():
        return -1
    """
    return [f"if {index} & {_STEPS - 1} == {_STEPS - 1} and is_interrupted():", "    return -1"]
