"""Fails tests that leave something of the process changed, in which all later tests would run.

A test that only passes after another one, or fails after it, is found when the order is drawn anew; what it
needs or leaves behind is named here, in any order.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Any

import numpy as np
import pytest

State = dict[str, object]

# Those of coverage are changed around tests that it does not count.
_VARIABLES = [name for name in os.environ if not name.startswith("COVERAGE")]


def of_the_process() -> State:
    """Return what each test has to leave as it was."""
    # Libraries add variables when they are imported first; ours are nobody else's to add.
    variables = {*_VARIABLES, *(name for name in os.environ if name.startswith("CHAINRULE"))}
    return {
        "the environment": {name: os.environ.get(name) for name in variables},
        "the working directory": os.getcwd(),
        "how deep calls may be": sys.getrecursionlimit(),
        "the collector": (gc.isenabled(), gc.get_threshold()),
        "what an interrupt does": signal.getsignal(signal.SIGINT),
        "what NumPy does at errors": np.geterr(),
        "how NumPy prints": np.get_printoptions(),
        "the digits of mpmath": sys.modules["mpmath"].mp.dps if "mpmath" in sys.modules else 15,
    }


def of_the_packages() -> State:
    """Return what the tests of a file have to leave as it was: JAX's precision, and our own settings."""
    doubles = "jax" in sys.modules and sys.modules["jax"].config.read("jax_enable_x64")
    found: State = {"the precision of JAX, which the fixture jax_in_doubles sets back": bool(doubles)}
    for name, module in [*sys.modules.items()]:
        if name.partition(".")[0] in ("autograd", "nn"):
            found |= {
                f"{name}.{key}": item
                for key, item in vars(module).items()
                if key.isupper() and isinstance(item, int | float | str | None)
            }
    return found


def changes(before: State, after: State) -> str:
    """Return what two states differ in, of what is in both."""
    changed = [name for name in before.keys() & after.keys() if before[name] != after[name]]
    return "; ".join(f"{name}: {_shown(before[name], after[name])}" for name in sorted(changed))


def _shown(before: object, after: object) -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        before, after = ({name: of.get(name) for name in names} for of in (before, after))
    return f"from {before!r} to {after!r}"


class Leftovers:
    """A plugin of pytest that compares the process before and after each test, and each file."""

    def __init__(self) -> None:
        self.of_test: State | None = None
        self.of_file = State()
        self.file: Any = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Any:
        """Remember the process before the fixtures of a test."""
        # What a test has left as it was need not be looked at again before the next.
        self.of_test = self.of_test or of_the_process()
        if item.path != self.file:
            self.file, self.of_file = item.path, of_the_packages()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, nextitem: pytest.Item | None) -> Any:
        """Compare after the fixtures of a test, and those of a file, are gone."""
        result = yield
        before, after = self.of_test or State(), of_the_process()
        found = changes(before, after)
        self.of_test = None if found else after
        if nextitem is None or nextitem.path != self.file:
            found = found or changes(self.of_file, of_the_packages())
        if found:
            pytest.fail(f"the test left something behind: {found}", pytrace=False)
        return result
