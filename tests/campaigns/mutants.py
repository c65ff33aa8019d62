"""Change the code in many small ways, one at a time, and see whether a test fails.

``python tests/campaigns mutants --mutants 1000`` draws mutants of ``autograd`` and of the losses, layers,
optimizers and training of ``nn``, runs for each the tests that execute the changed line until one fails, and
writes what became of it into ``tests/campaigns/mutants.csv``. A survivor is a hole in the tests, or nobody
could tell it from the original: the last column, which is written by hand, says why, and the campaign fails
for each that has none. With ``--resume`` it goes on where it was stopped; ``--again`` tries survivors anew.

A folder outside of the repository holds a copy of it, in which a file at a time is changed, and the record
of which test executes which line. What has changed since is copied and recorded anew; the first time takes
as long as the tests do. It needs coverage.py and ``os.fork``: tests run in children of a process that has
imported NumPy, Numba and other packages, but nothing of ours.
"""

from __future__ import annotations

import argparse
import csv
import gc
import hashlib
import json
import os
import py_compile
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import pytest
from mutations import GENERATED, Mutant, sample

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_suffix(".csv")
COLUMNS = ("path", "function", "change", "number", "line", "outcome", "by", "why")
PLACES = ("autograd", "nn/losses", "nn/optimizers", "nn/modules", "nn/training")

PACKAGES = "hypothesis.strategies numba scipy.sparse sympy matplotlib.pyplot graphviz torch jax"
"""What many tests import, and what starts no threads."""

APART = "benchmarks building contributing gradbench installation notebooks site structure typing browser"
"""Words in the names of tests that measure, build, read the code, or run notebooks or a browser."""

UNANSWERED = "no answer"
MEMORY = 8 << 30
LONGEST = 15.0
"""How many seconds a test may take, traced: what takes longer is not tried on mutants."""


@dataclass
class Outcome:
    """How long each test took that passed, and which failed first, with its message."""

    seconds: dict[str, float] = field(default_factory=dict)
    failed: str = ""
    message: str = ""


class Watching:
    """A plug-in of pytest that selects tests, and notes what becomes of them."""

    def __init__(
        self, wanted: Container[str] | None = None, begin: Callable[[str], None] | None = None
    ) -> None:
        self.wanted, self.begin, self.outcome = wanted, begin, Outcome()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the selected tests."""
        wanted = self.wanted
        if wanted is not None:
            items[:] = [item for item in items if item.nodeid in wanted]

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say that a test begins."""
        if self.begin is not None:
            self.begin(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how long a test took, or why it failed."""
        seconds = self.outcome.seconds
        if report.failed:
            self._note_failure(report)
            seconds.pop(report.nodeid, None)
        elif report.when != "teardown" and not report.skipped:
            seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note which file cannot be imported."""
        if report.failed:
            self._note_failure(report)

    def _note_failure(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not self.outcome.failed:
            lines = str(report.longrepr).strip().split("\n")
            errors = [line[1:].strip() for line in lines if line.startswith("E  ")]
            self.outcome.failed = report.nodeid
            self.outcome.message = (errors or lines[-1:])[0][:160]


class Copy:
    """A copy of the repository, in which tests run in processes of their own."""

    def __init__(self, work: Path, seed: int) -> None:
        self.root, self.work, self.seed = work / "copy", work, seed
        self.root.mkdir(parents=True, exist_ok=True)
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        self.names = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
        known = {self.root / name for name in self.names}
        for path in self.root.rglob("*"):
            if path.is_file() and path.suffix != ".pyc" and path not in known:
                path.unlink()
        for name in self.names:
            self.restore(name)

    def restore(self, name: str) -> None:
        """Copy a file of the repository if the copy differs."""
        there, here = ROOT / name, self.root / name
        if not here.exists() or here.read_bytes() != there.read_bytes():
            self.write(name, there.read_bytes())
            shutil.copymode(there, here)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, and compile it with its hash: its age counts in seconds only."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()
        if path.suffix == ".py":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                py_compile.compile(str(path), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)

    @contextmanager
    def changed(self, mutant: Mutant) -> Iterator[Outcome]:
        """Write a mutant, and what the table generates with it, and take it back in the end."""
        try:
            self.write(mutant.path, mutant.source().encode())
            yield self._generated() if mutant.path.startswith("autograd/ops/") else Outcome()
        finally:
            for name in (mutant.path, *GENERATED):
                self.restore(name)

    def _generated(self) -> Outcome:
        """Write what the table and the generator give, unless they fail."""
        command = [sys.executable, "-B", "-m", "autograd.ops.generate"]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=60)
        for name in GENERATED:
            self.write(name, (self.root / name).read_bytes())
        if done.returncode:
            return Outcome(failed=" ".join(command[2:]), message=done.stderr.strip().split("\n")[-1][:160])
        return Outcome()

    def run(self, seconds: float, run: Callable[[list[str]], Outcome]) -> Outcome:
        """Return what a function answers in another process, which may take ten times as long as given."""
        temporary = Path(tempfile.mkdtemp(dir=self.work))
        answer = temporary / "answer.json"
        if not (child := os.fork()):
            self._answer(seconds, run, temporary, answer)
        limit = time.monotonic() + 60.0 + 20.0 * seconds
        try:
            while os.waitpid(child, os.WNOHANG)[0] == 0:
                if time.monotonic() > limit:
                    os.kill(child, signal.SIGKILL)
                time.sleep(0.01)
            if not answer.exists():
                return Outcome(failed=UNANSWERED, message="it took too long, or crashed")
            return Outcome(**json.loads(answer.read_text().replace(f"{self.root}/", "")))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # what the tests have left running
            shutil.rmtree(temporary, ignore_errors=True)

    def _answer(
        self, seconds: float, run: Callable[[list[str]], Outcome], temporary: Path, answer: Path
    ) -> NoReturn:
        """Write the answer of a function, and end the process."""
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
            resource.setrlimit(resource.RLIMIT_CPU, (int(used + 30.0 + 10.0 * seconds),) * 2)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            output = os.open(self.work / "output.txt", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(self.root)
            os.environ.update(PYTHONDONTWRITEBYTECODE="1", TMPDIR=str(temporary))
            # Hypothesis keeps the numbers that it finds in modules, which takes a second.
            os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(self.work / "hypothesis")
            os.environ["CHAINRULE_CACHE"] = str(temporary / "cache")
            sys.dont_write_bytecode, tempfile.tempdir = True, None
            others = [path for path in sys.path if not Path(path).resolve().is_relative_to(ROOT)]
            sys.path[:] = [str(self.root), *others]
            # Hypothesis, a plug-in of pytest, is imported already.
            ignored = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
            # Fast tests come first, so none may draw another order.
            fixed = ["-p", "no:randomly", "-p", "no:cacheprovider", f"--hypothesis-seed={self.seed}"]
            outcome = run(["-q", *fixed, *ignored])
            answer.with_suffix(".partial").write_text(json.dumps(vars(outcome)))
            answer.with_suffix(".partial").rename(answer)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)


class Record:
    """Which tests execute a line, and how long each takes."""

    def __init__(self, copy: Copy, places: Sequence[str]) -> None:
        self.copy = copy
        self.seconds: dict[str, float] = {}
        self.at: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        (copy.work / "record").mkdir(exist_ok=True)
        for group, paths in self._groups().items():
            if group.startswith(tuple(places)):
                self._read(self._recorded(group, paths))

    def tests(self, mutant: Mutant) -> list[str]:
        """Return the tests that execute what is changed, or any of its file if none does, fast ones first."""
        lines = self.at[mutant.path]
        found = {test for line in mutant.lines for test in lines.get(line, ())}
        return sorted(found or set().union(*lines.values()), key=lambda test: (self.seconds[test], test))

    def _groups(self) -> dict[str, list[str]]:
        """Return the files of tests that are recorded together: each alone, but the examples of a folder."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in self.copy.names:
            path = Path(name)
            if path.match("test_*.py") and not any(word in path.stem for word in APART.split()):
                groups[name].append(name)
            elif path.match("docs/*.md") or (path.parts[0] in ("autograd", "nn") and path.suffix == ".py"):
                groups[path.parent.as_posix()].append(name)
        return groups

    def _recorded(self, group: str, paths: list[str]) -> dict[str, Any]:
        """Return the record of a group, made anew if its files or what they execute have changed."""
        root, file = self.copy.root, self.copy.work / "record" / f"{group.replace('/', '-')}.json"
        record: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        if record.get("digests") == _digests(root, [*paths, *record.get("lines", ())]):
            return record
        start = time.monotonic()
        outcome = self.copy.run(60.0, lambda options: _record([*options, *paths], root, file))
        print(f"recorded {group}: {len(outcome.seconds)} tests, {time.monotonic() - start:.0f} s", end="")
        print(f", but {outcome.failed}: {outcome.message}" if outcome.failed else "", flush=True)
        if outcome.failed == UNANSWERED:
            return {"seconds": {}, "lines": {}}
        record = json.loads(file.read_text())
        record["digests"] = _digests(root, [*paths, *record["lines"]])
        record["seconds"] = outcome.seconds
        file.write_text(json.dumps(record))
        return record

    def _read(self, record: dict[str, Any]) -> None:
        """Take over the tests of a record that pass."""
        self.seconds.update(record["seconds"])
        for path, lines in record["lines"].items():
            for line, tests in lines.items():
                self.at[path][int(line)].update(test for test in tests if test in record["seconds"])


def _digests(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Return for each file that exists what changes with its content."""
    paths = {name: root / name for name in names}
    return {name: hashlib.sha256(p.read_bytes()).hexdigest() for name, p in paths.items() if p.exists()}


def _record(arguments: list[str], root: Path, file: Path) -> Outcome:
    """Run tests, and write which lines each of them executes."""
    from coverage import Coverage

    coverage = Coverage(data_file=None, config_file=False, source=[str(root / "autograd"), str(root / "nn")])

    def start() -> None:
        coverage.start()
        # Or conftest.py would find it, and stop it for tests that are random: their lines matter here.
        coverage._instances.remove(coverage)

    def begin(test: str) -> None:
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        if sys.gettrace() is None:  # as after a test that sets a tracer of its own
            coverage.stop()
            start()
        coverage.switch_context(test)

    def stop(number: int, frame: object) -> NoReturn:
        raise TimeoutError("takes too long for this campaign")

    signal.signal(signal.SIGPROF, stop)
    sys.dont_write_bytecode = False  # pytest keeps the tests that it has compiled
    plugin = Watching(begin=begin)
    start()
    pytest.main(arguments, plugins=[plugin])
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    coverage.stop()
    data = coverage.get_data()
    lines = {}
    for path in data.measured_files():
        contexts = data.contexts_by_lineno(path).items()
        found = {line: [test for test in tests if test] for line, tests in contexts if any(tests)}
        lines[Path(path).relative_to(root).as_posix()] = found
    file.write_text(json.dumps({"lines": lines}))
    return plugin.outcome


def batches(tests: Iterable[str], seconds: dict[str, float], budget: float) -> Iterator[list[str]]:
    """Yield tests in groups that take longer and longer, until the budget is used up."""
    batch: list[str] = []
    used, limit = 0.0, 0.5
    for test in tests:
        used += seconds[test]
        if used > budget:
            break
        batch.append(test)
        if used > limit:
            yield batch
            batch, limit = [], 6.0 * limit
    if batch:
        yield batch


class Campaign:
    """Mutants that are tried one after another.

    Attributes
    ----------
    copy : Copy
        Where their tests run.
    record : Record
        Which tests these are.
    budget : float
        How many seconds the tests of a mutant may take if none fails.
    """

    def __init__(self, copy: Copy, record: Record, budget: float) -> None:
        self.copy, self.record, self.budget = copy, record, budget
        self.sound: dict[tuple[str, ...], bool] = {}

    def tried(self, mutant: Mutant) -> dict[str, str]:
        """Return what becomes of a mutant, as a row of the results."""
        every = tests = self.record.tests(mutant)
        while True:
            chosen = [*batches(tests, self.record.seconds, self.budget)]
            outcome, suspects = self._first_failure(mutant, chosen)
            # A failure counts if the original passes there.
            if self._is_sound(suspects):
                break
            tests = [test for test in tests if test not in suspects]
        row = dict(zip(COLUMNS, mutant.key, strict=False)) | {"line": str(mutant.line)}
        if outcome.failed:
            return row | {"outcome": "killed", "by": f"{outcome.failed}: {outcome.message}"}
        by = f"{sum(map(len, chosen))} of {len(every)} tests pass"
        return row | {"outcome": "survived" if every else "untested", "by": by}

    def _first_failure(self, mutant: Mutant, chosen: list[list[str]]) -> tuple[Outcome, list[str]]:
        """Return what becomes of tests, up to the first that fails, and which may be to blame for it."""
        with self.copy.changed(mutant) as outcome:
            for batch in chosen if not outcome.failed else ():
                outcome = self._outcome(batch)
                if outcome.failed:
                    return outcome, batch if outcome.failed == UNANSWERED else [outcome.failed]
        return outcome, []

    def _outcome(self, tests: Iterable[str]) -> Outcome:
        """Return what becomes of tests in the copy as it is, up to the first that fails."""
        tests = [*tests]
        plugin = Watching({*tests})
        paths = list(dict.fromkeys(test.partition("::")[0] for test in tests))

        def run(options: list[str]) -> Outcome:
            pytest.main([*options, "-x", *paths], plugins=[plugin])
            return plugin.outcome

        return self.copy.run(sum(self.record.seconds.get(test, 0.0) for test in tests), run)

    def _is_sound(self, tests: list[str]) -> bool:
        """Return whether tests, or the imports of a file, pass with the original."""
        key = tuple(tests)
        if key and key not in self.sound:
            self.sound[key] = not self._outcome(key).failed
        return self.sound.get(key, True)


def held(results: Path) -> dict[tuple[str, ...], dict[str, str]]:
    """Return the rows of the results by what tells mutants apart."""
    if not results.exists():
        return {}
    with results.open(encoding="utf-8", newline="") as file:
        return {tuple(row[name] for name in COLUMNS[:4]): row for row in csv.DictReader(file)}


def write(results: Path, rows: Iterable[dict[str, str]]) -> None:
    """Write the results by place."""
    ordered = sorted(rows, key=lambda row: (row["path"], int(row["line"]), row["change"], row["number"]))
    with results.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(ordered)


def summary(rows: Iterable[dict[str, str]]) -> str:
    """Return how many mutants were killed, of all and of those that differ from the original."""
    rows = [*rows]
    survivors = [row for row in rows if row["outcome"] != "killed"]
    same = [row for row in survivors if row["why"].startswith("equivalent")]
    killed, unread = len(rows) - len(survivors), [row for row in survivors if not row["why"]]
    raw, score = (100.0 * killed / max(total, 1) for total in (len(rows), len(rows) - len(same)))
    return (
        f"{len(rows)} mutants: {killed} killed ({raw:.1f}%, or {score:.1f}% without {len(same)} equivalent), "
        f"{len(survivors)} survived, {len(unread)} of them without an explanation"
    )


def main(words: list[str]) -> int:
    """Try the mutants that the command line asks for, and return how many survived without an explanation."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns mutants", description=__doc__)
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", metavar="PATH", help="of these, those in a folder or file")
    parser.add_argument("--tests", action="append", metavar="PATH", help="tests whose names begin so")
    parser.add_argument("--resume", action="store_true", help="skip what the results hold already")
    parser.add_argument("--again", action="store_true", help="try those of the results that survived")
    parser.add_argument("--list", action="store_true", help="print the mutants, and try none")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no mutant after so long")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of tests for a mutant")
    parser.add_argument("--examples", type=int, default=10, help="of tests that draw at random")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / f"mutants-{os.getuid()}")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"by default {RESULTS.name}")
    options = parser.parse_args(words)
    chosen = sample(ROOT, PLACES, options.seed, options.mutants)
    before = held(options.results)
    rows = {mutant.key: before[mutant.key] for mutant in chosen if mutant.key in before}
    pending = [
        mutant
        for mutant in chosen
        if mutant.path.startswith(tuple(options.only or [""]))
        and _is_wanted(rows.get(mutant.key), options.resume, options.again)
    ]
    if options.list:
        print(*(f"{m.path}:{m.line} {m.function}: {m.change}" for m in pending), sep="\n")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which leaves no child behind
    os.environ.update(CHAINRULE_EXAMPLES=str(options.examples), CHAINRULE_SETTINGS="unreduced")
    for package in PACKAGES.split():
        with suppress(ImportError):
            import_module(package)
    gc.freeze()  # children need not look through what these packages hold
    copy = Copy(options.work, options.seed)
    campaign = Campaign(copy, Record(copy, options.tests or [""]), options.budget)
    start = time.monotonic()
    for i, mutant in enumerate(pending, 1):
        if (begun := time.monotonic()) > start + 60.0 * options.minutes:
            break
        row = campaign.tried(mutant)
        why = rows.get(mutant.key, {}).get("why", "")
        rows[mutant.key] = row | {"why": "" if row["outcome"] == "killed" else why}
        write(options.results, rows.values())
        place = f"{mutant.path}:{mutant.line} {mutant.function}: {mutant.change}"
        print(f"[{i}/{len(pending)}] {time.monotonic() - begun:.1f} s {place}")
        print(f"    {row['outcome']}: {row['by']}", flush=True)
    print(summary(rows.values()))
    return sum(row["outcome"] != "killed" and not row["why"] for row in rows.values())


def _is_wanted(row: dict[str, str] | None, resume: bool, again: bool) -> bool:
    """Return whether to try a mutant, given what the results say of it."""
    if row is None:
        return not again
    return row["outcome"] != "killed" if again else not resume
