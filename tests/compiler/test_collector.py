from __future__ import annotations

import contextlib
import gc

from interrupts import interrupted_at

from autograd.compiler.runtime import collector
from autograd.compiler.runtime.collector import paused_collector


def test_an_interrupt_turns_the_collector_on_again() -> None:
    """Wherever Ctrl-C interrupts, the garbage collector is enabled again afterwards."""
    inside = []

    def work() -> None:
        with paused_collector():
            inside.append(gc.isenabled())

    for count in range(1, 1000):
        was_interrupted = interrupted_at(count, work, {collector.__file__, contextlib.__file__, __file__})
        assert gc.isenabled()
        if not was_interrupted:
            break
    assert set(inside) == {False}
    assert count > 8
