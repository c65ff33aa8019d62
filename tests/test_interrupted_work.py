"""Ctrl-C and `kill -9` at any instruction of work of every kind; campaigns do the same a thousand times."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
from interrupted_work import WORK, Anywhere, bits, left_behind, observed
from interrupts import call_at, can_be_interrupted, checks_in, interrupted_at

from autograd import files
from autograd.compiler.runtime import cache, records
from autograd.studies import results_file
from nn.saving import archives


@can_be_interrupted
@pytest.mark.parametrize("name", sorted({*WORK} - {"numba"}))
def test_an_interrupt_anywhere(name: str, tmp_path: Path) -> None:
    """Nothing is left half done, and the same work gives the same numbers bit by bit."""
    folders = [tmp_path / str(number) for number in range(2)]
    for folder in folders:
        folder.mkdir()
    first = WORK[name](folders[0])
    checks = checks_in(first.run, Anywhere())
    expected, rng = bits(first.again()), random.Random(0)
    for folder in folders[1:]:
        trial = WORK[name](folder)
        work, changed = observed(trial.run)
        interrupted_at(rng.randint(1, checks), work, Anywhere())
        assert changed + left_behind(folder) == []
        trial.check()
        assert bits(trial.again()) == expected
        assert left_behind(folder) == []


FILES = {str(module.__file__) for module in (files, cache, records, results_file, archives)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings(
    "ignore:os.fork:RuntimeWarning", "ignore:This process .* is multi-threaded:DeprecationWarning"
)
@pytest.mark.parametrize("name", ["saving", "sweep", "cached-programs"])
def test_a_kill_anywhere(name: str, tmp_path: Path) -> None:
    """A process that is killed while it writes leaves whole files, and after the next start no others."""
    for time in ("first", "second"):
        (tmp_path / time).mkdir()
        # What is only done the first time in a process is not done again in its children.
        checks = checks_in(WORK[name](tmp_path / time).run, FILES)
    rng = random.Random(0)
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        trial, place = WORK[name](folder), rng.randint(1, checks)
        child = os.fork()
        if child == 0:
            try:
                call_at(place, trial.run, FILES, lambda: os.kill(os.getpid(), signal.SIGKILL))
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        trial.check()
        trial.again()
        assert [*folder.rglob("*.partial")] == []
