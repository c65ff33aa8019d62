"""Plugin of pytest that records which lines and branches each test executes: see `covered.py`.

What runs while files are collected belongs to no test, and what processes do that a test starts to it. Tests
by chance (Hypothesis) and those marked `uncounted` are not looked at.
"""

import os
import pickle
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from coverage import Coverage, CoverageData

Arc = tuple[str, object]
"""A file, and what the tracer has stored of it: the step from one line to another."""

FOLDER = Path(os.environ["COVERAGE_FILE"]).parent
UNCOUNTED = ("hypothesis", "uncounted")


class Counting:
    """What each test has executed and how long it took, in this process."""

    def __init__(self) -> None:
        started = Coverage.current()
        assert started is not None, "COVERAGE_PROCESS_START has to name the settings of coverage"
        # No public method tells what ran since the last call, but by a database of all tests.
        self.collector = started._collector
        self.numbers: dict[Arc, int] = {}
        self.executed: dict[str, int] = {}
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Record what a test executes, or nothing of it and of the processes that it starts."""
        self.found()
        if any(map(item.get_closest_marker, UNCOUNTED)):
            self.collector.stop()
            with pytest.MonkeyPatch.context() as patch:
                patch.delenv("COVERAGE_PROCESS_START")
                result = yield
            self.collector.start()
            return result
        start = time.perf_counter()
        result = yield
        self.seconds[item.nodeid] = time.perf_counter() - start
        numbers = [self.numbers.setdefault(arc, len(self.numbers)) for arc in self.found()]
        self.executed[item.nodeid] = as_bits(numbers)
        return result

    def found(self) -> list[Arc]:
        """Return what was executed since the last call, here and in other processes that have ended."""
        here: list[Arc] = [(file, arc) for file, arcs in self.collector.data.items() for arc in arcs]
        self.collector._clear_data()
        return [*here, *in_other_processes()]

    def pytest_sessionfinish(self) -> None:
        """Write it into a file of this process."""
        with (FOLDER / f"{os.getpid()}.pickle").open("wb") as file:
            pickle.dump(([*self.numbers], self.executed, self.seconds), file)


def as_bits(numbers: list[int]) -> int:
    """Return a number with these bits set."""
    bits = bytearray(max(numbers, default=0) // 8 + 1)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(bits, "little")


def in_other_processes() -> Iterator[Arc]:
    """Yield what the files say that processes of this one's tests have written, and remove these."""
    for path in FOLDER.glob(f"of-{os.getpid()}.*"):
        data = CoverageData(str(path))
        data.read()
        for file in data.measured_files():
            yield from ((file, packed(*arc)) for arc in data.arcs(file) or ())
        path.unlink()


def packed(start: int, end: int) -> int:
    """Return an arc as the tracer stores it."""
    return abs(start) | abs(end) << 28 | (start < 0) << 56 | (end < 0) << 57


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take names of tests."""
    parser.addoption("--among", type=Path, help="file with names of tests, functions or files")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that are named. A name whose test is gone is not missed: what it executed is."""
    if path := config.getoption("--among"):
        names = {*path.read_text(encoding="utf-8").splitlines()}
        items[:] = [item for item in items if names.intersection(parts(item.nodeid))]


def parts(name: str) -> tuple[str, str, str]:
    """Return the name of a test, of its function and of its file."""
    return name, name.partition("[")[0], name.partition("::")[0]


def pytest_configure(config: pytest.Config) -> None:
    """Record, in the processes that run tests."""
    if hasattr(config, "workerinput"):
        # A file for each process, of which it is known whose test started it.
        os.environ["COVERAGE_FILE"] = str(FOLDER / f"of-{os.getpid()}.data")
        config.pluginmanager.register(Counting())
