"""Fail if the tests execute too few lines and branches; list those that no test executes.

``python .ci/covered.py`` runs the tests of ``tests/counted.txt`` under a tracer, with all processes that they
start: a part of all tests, which execute what all do in a fraction of the time. ``--choose`` finds them, by
running all; ``--choose tests/test_new.py`` among those chosen before and the tests of new files. What counts
is said in pyproject.toml.
"""

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parent.parent
SETTINGS = ROOT / "pyproject.toml"
CHOSEN = ROOT / "tests" / "counted.txt"

# Percent of lines and branches together.
LEAST = {"autograd": 99.1, "nn": 99.2}

# What a test costs besides its own time, in seconds; and how much it has to execute in a second that no other
# does, to be counted.
_EACH = 0.01
_LEAST_WORTH = 4.0


def run(folder: Path, among: Iterable[str], *options: str) -> int:
    """Run tests, all or some by name, whose lines and branches are counted into files in a folder."""
    names = folder / "names.txt"
    names.write_text("\n".join(among), encoding="utf-8")
    files = sorted({name.partition("::")[0] for name in among})
    settings = {
        "COVERAGE_PROCESS_START": str(SETTINGS),
        "COVERAGE_FILE": str(folder / "data"),
        "PYTHONPATH": str(ROOT / ".ci"),
    }
    tests = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        "-p",
        "counting",
    ]
    tests += [*options, *(file for file in files if (ROOT / file).exists())]
    tests += [f"--among={names}"] if files else []
    return subprocess.run(tests, cwd=ROOT, env={**os.environ, **settings}, check=False).returncode


def chosen_before() -> list[str]:
    """Return the names of the tests that were chosen."""
    return CHOSEN.read_text(encoding="utf-8").splitlines()


def check() -> int:
    """Run the chosen tests, print what none of them executes, and return how much is wrong."""
    with tempfile.TemporaryDirectory(prefix="chainrule-") as name:
        failures = run(Path(name), chosen_before())
        counted = Coverage(Path(name, "data"), config_file=str(SETTINGS), messages=False)
        counted.combine()
        for package, least in LEAST.items():
            reached = counted.report(include=[f"{package}/*"])
            print(f"{package}: {reached:.2f}% of lines and branches, {least:g}% wanted\n")
            failures += reached < least
    if failures:
        print(f"where other tests execute them, `python .ci/covered.py --choose` writes {CHOSEN.name} anew")
    return failures


def choose(among: Iterable[str]) -> int:
    """Run tests, and write the names of those that execute together what all of them execute."""
    with tempfile.TemporaryDirectory(prefix="chainrule-") as name:
        failed = run(Path(name), [*among, *chosen_before()] if among else [], "-n", "auto")
        executed, seconds = gathered(Path(name).glob("*.pickle"))
    chosen = covering(executed, seconds)
    CHOSEN.write_text("".join(f"{test}\n" for test in sorted(chosen)), encoding="utf-8")
    print(f"{len(chosen)} of {len(executed)} tests, {sum(map(seconds.__getitem__, chosen)):.0f} s")
    return failed


def gathered(records: Iterable[Path]) -> tuple[dict[str, set[int]], dict[str, float]]:
    """Return what each test executed, by numbers, and how long it took, from the records of processes."""
    numbers: dict[object, int] = {}
    executed: dict[str, set[int]] = {}
    seconds: dict[str, float] = {}
    for record in records:
        arcs, bits_of, took = pickle.loads(record.read_bytes())
        known = [numbers.setdefault(arc, len(numbers)) for arc in arcs]
        for test, bits in bits_of.items():
            those = (known[i] for i, bit in enumerate(f"{bits:b}"[::-1]) if bit == "1")
            executed.setdefault(test, set()).update(those)
            seconds[test] = seconds.get(test, 0.0) + took[test]
    return executed, seconds


def covering(executed: Mapping[str, set[int]], seconds: Mapping[str, float]) -> list[str]:
    """Return tests that execute together what all do: again and again the one with most that is new a second.

    A cover is found by a greedy choice, at a price within a logarithm of the least (Chvátal, 1979). What only
    tests execute that take long for it is left out: it deserves a quick test.
    """

    def worth(test: str) -> float:
        return len(executed[test] & left) / (seconds[test] + _EACH)

    left = set[int]().union(*executed.values())
    # What a test is worth only falls, so its last worth bounds it.
    bounds = [(-worth(test), test) for test in executed]
    heapify(bounds)
    chosen = []
    while bounds:
        _, test = heappop(bounds)
        bound = -worth(test)
        if bounds and bound > bounds[0][0]:
            heappush(bounds, (bound, test))
        elif bound <= -_LEAST_WORTH:
            chosen.append(test)
            left -= executed[test]
    return chosen


def main() -> int:
    """Check what the chosen tests execute, or choose them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--choose",
        nargs="*",
        metavar="TEST",
        help="choose the tests, of all or of these beside those chosen before",
    )
    among = parser.parse_args().choose
    return check() if among is None else choose(among)


if __name__ == "__main__":
    sys.exit(main() > 0)
