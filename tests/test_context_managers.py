"""Context managers restore their state, wherever Ctrl-C interrupts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from interrupts import interrupted_at

from autograd import Value, anomaly, custom_jvp, quiet
from autograd.engine import levels, nonfinite, tracing, variables
from autograd.quiet import errstate
from autograd.transforms import batch_tracing as lanes
from autograd.transforms import custom_functions


def state() -> list[Any]:
    """Return all state that this project's context managers set."""
    return [
        len(levels.open_scopes),
        nonfinite.is_anomaly_enabled(),
        tracing.is_tracing(),
        lanes._is_inside.get(),
        (Value(1.0) > 0.0)._level,
        len(custom_functions._plain.get()),
        np.geterr()["divide"],
        np.geterrcall(),
    ]


OUTSIDE = [0, False, False, False, 0, 0, "warn", None]
# That of NumPy's `errstate`.
NUMPYS = np.geterr.__code__.co_filename


@pytest.mark.parametrize(
    ("enter", "module"),
    [
        (anomaly, nonfinite),
        (lambda: tracing.tracing([Value(1.0)]), tracing),
        (lambda: variables.under_differentiation([Value(1.0)]), variables),
        (lanes.samples_apart, lanes),
        (lambda: custom_functions.as_plain(custom_jvp(abs)), custom_functions),
        (quiet.quiet, quiet),
        (lambda: quiet.errstate(all="call", call=print), quiet),
    ],
    ids=["anomaly", "tracing", "under_differentiation", "lanes", "custom_functions", "quiet", "errstate"],
)
def test_an_interrupt_ends_the_block(
    enter: Callable[[], AbstractContextManager[object]], module: ModuleType
) -> None:
    """After an interrupt anywhere on entry or exit, the state is as before the block."""
    inside, after = [], []

    def work() -> None:
        try:
            with enter():
                inside.append(state())
        except KeyboardInterrupt:
            # Dropping the error frees the generator, whose cleanup then runs if it has not yet.
            pass
        after.append(state())

    assert module.__file__ is not None
    for count in range(1, 1000):
        was_interrupted = interrupted_at(count, work, {module.__file__, contextlib.__file__, NUMPYS})
        assert after[-1] == OUTSIDE
        if not was_interrupted:
            break
    assert OUTSIDE not in inside
    assert count > 4


def test_what_numpy_leaves_behind_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """If Ctrl-C comes as NumPy restores what it does at errors, it is restored all the same."""

    @contextmanager
    def interrupted(**settings: Any) -> Iterator[None]:
        np.seterr(**settings)
        yield
        raise KeyboardInterrupt

    before = np.geterr()
    monkeypatch.setattr(np, "errstate", interrupted)
    with pytest.raises(KeyboardInterrupt), errstate(divide="raise"):
        pass
    assert np.geterr() == before
