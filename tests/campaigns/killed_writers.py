"""Kill processes at random moments while they write, and look what they have left.

``python tests/campaigns killed-writers`` starts a process for each kind of file, which writes it again and
again, kills it by SIGKILL after a random time, and starts it anew in the same folder. Before each start the
file has to be one that was written whole, the older or the newer; after the next start there has to be no
other. Since most of the time is not spent on writing, children are also forked that kill themselves at a
random instruction of it.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import conftest  # noqa: F401  # sets the cache of compiled programs
import numpy as np
from interrupted_work import WORK, bits
from interrupts import call_at, checks_in

import autograd
import nn
from autograd import files
from autograd.compiler.runtime import cache, records
from autograd.studies import results_file
from autograd.studies.results_file import line_in
from nn.saving import archives

HOME = Path(__file__).parents[2]

WRITERS = {
    "model": """
        from itertools import count
        import nn
        model = nn.MLP(20, [20, 1], rng=0)
        for i in count():
            for p in model.parameters():
                p.data = float(i)
            nn.save(model, "model.npz")
            done()
        """,
    "checkpoint": """
        import os, numpy as np, nn
        from nn.training import checkpoints
        checkpoints._SECONDS = 0.0
        x = np.linspace(-1.0, 1.0, 8).reshape(4, 2)
        resume = "run.npz" if os.path.exists("run.npz") else None
        nn.fit(nn.MLP(2, [8, 1], rng=0), x, x[:, 0], loss="mse", epochs=10**9, rng=0, verbose=0, jit=False,
               checkpoint="run.npz", resume=resume, callbacks=[lambda training: done()])
        """,
    "program": """
        from itertools import count
        import numpy as np
        from autograd import jit
        for i in count():
            f = jit(lambda x: x * np.full(1000, float(i)), "numpy")
            f(np.ones(1000))
            f.save("f.program")
            done()
        """,
    "page": """
        from autograd import Value, stepper
        page = stepper(Value(2.0, label="x") * 3.0)
        while True:
            page.save("page.html")
            done()
        """,
    "run": """
        from itertools import count
        from pathlib import Path
        from nn.terminal.output_folder import folder_written_whole
        for i in count():
            with folder_written_whole(Path("runs", "first")) as folder:
                for name in ("weights.npz", "loss.png"):
                    (folder / name).write_bytes(bytes([i % 256]) * 1_000_000)
            done()
        """,
    "sweep": """
        from autograd import sweep
        def f(x):
            done()
            return [x / 3.0] * 1000
        sweep(f, range(100_000), resume="study.jsonl", progress=False)
        """,
    "records": """
        from itertools import count
        from autograd.compiler.runtime.records import write
        for i in count():
            write(f"{i % 50:032x}", bytes([i % 256]) * 100_000)
            done()
        """,
    "machine-code": """
        import os
        from autograd import jit
        import numpy as np
        done()
        for i in range(int(os.environ["ROUND"]) // 2 % 7, 100):
            f = jit(lambda x: x * x + float(i), "numba")
            f(np.ones(3))
            f.wait()
            assert f.report().backend == "numba", f.report()
            assert f(np.ones(3)).tolist() == [1.0 + i] * 3
            done()
        """,
}

START = """
import os, sys, warnings
warnings.simplefilter("error")
def done():
    os.write(1, b"x")
"""


# --------------------------------------------------------------------------------------- what has to be there


def check_model(folder: Path) -> None:
    """Check that a model has the parameters of one moment."""
    assert len({*nn.load(folder / "model.npz").state_dict().values()}) == 1


def check_checkpoint(folder: Path) -> None:
    """Check that a training can go on from a checkpoint."""
    x = np.linspace(-1.0, 1.0, 8).reshape(4, 2)
    options: dict[str, Any] = {"loss": "mse", "epochs": 10**6, "rng": 0, "verbose": 0, "jit": False}

    def stop(training: nn.Training) -> None:
        raise KeyboardInterrupt

    history = nn.fit(
        nn.MLP(2, [8, 1], rng=0), x, x[:, 0], resume=folder / "run.npz", callbacks=[stop], **options
    )
    assert len(history.loss) == len(history.lr) > 1


def check_program(folder: Path) -> None:
    """Check that a program gives one number."""
    assert len({*autograd.load(folder / "f.program")(np.ones(1000)).tolist()}) == 1


def check_page(folder: Path) -> None:
    """Check that a page is there to its end."""
    assert (folder / "page.html").read_bytes().rstrip().endswith(b"</html>")


def check_run(folder: Path) -> None:
    """Check that each file of a run is of one write."""
    for path in (folder / "runs" / "first").glob("[a-z]*"):
        content = path.read_bytes()
        assert len(content) == 1_000_000
        assert len({*content}) == 1


def check_sweep(folder: Path) -> None:
    """Check that all lines but the last are whole; many would be read again and again, so begin anew."""
    lines = (folder / "study.jsonl").read_bytes().splitlines(keepends=True)
    assert all(line_in(line) is not None for line in lines[:-1])
    if len(lines) > 500:
        (folder / "study.jsonl").unlink()


def check_records(folder: Path) -> None:
    """Check that each record is of one write."""
    for path in (folder / "cache" / "tapes").glob("0*"):
        assert len(path.read_bytes()) == 100_032
        assert len({*path.read_bytes()[32:]}) == 1


def check_machine_code(folder: Path) -> None:
    """Check nothing: the process itself compares what it loads and compiles."""


CHECKS: dict[str, Callable[[Path], None]] = {
    "model": check_model,
    "checkpoint": check_checkpoint,
    "program": check_program,
    "page": check_page,
    "run": check_run,
    "sweep": check_sweep,
    "records": check_records,
    "machine-code": check_machine_code,
}


def unfinished(folder: Path) -> set[str]:
    """Return the temporary files in a folder."""
    return {str(path) for pattern in ("*.partial", "*.tmp.*") for path in folder.rglob(pattern)}


class Writer:
    """A process that writes, in a folder of its own."""

    def __init__(self, name: str, folder: Path, number: int) -> None:
        lines = WRITERS[name].replace("\n        ", "\n")
        environment = {
            **os.environ,
            "PYTHONPATH": str(HOME),
            "CHAINRULE_CACHE": str(folder / "cache"),
            "ROUND": str(number),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", START + lines],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def wait(self) -> None:
        """Wait until something is written whole."""
        assert self.process.stdout is not None
        if not self.process.stdout.read(2):
            raise RuntimeError(self.end().decode())

    def end(self) -> bytes:
        """Kill it, and return what it says of an error."""
        self.process.send_signal(signal.SIGKILL)
        return self.process.communicate()[1]


def killed_at_times(name: str, count: int, rng: random.Random, seconds: float) -> int:
    """Kill a writer many times; print and return the number of faults."""
    faults, found_unfinished = 0, 0
    left: set[str] = set()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        for number in range(count):
            writer = Writer(name, folder, number)
            try:
                writer.wait()
                if still := left & unfinished(folder):
                    raise RuntimeError(f"{still} is still there")
                time.sleep(rng.uniform(0.0, seconds))
                error = writer.end()
                if error:
                    raise RuntimeError(error.decode())
                left = unfinished(folder)
                found_unfinished += bool(left)
                CHECKS[name](folder)
            except Exception as error:
                faults += 1
                print(f"-- {name}, kill {number}: {type(error).__name__}: {error}", flush=True)
                writer.end()
    print(f"{name}: {count} kills, {found_unfinished} left a file unfinished, {faults} faults", flush=True)
    return faults


WRITING = ("eager-training", "saving", "sweep", "cached-programs")
"""The work that is killed at random instructions."""

FILES = {str(module.__file__) for module in (files, cache, records, results_file, archives)}
"""What writes."""


def killed_at_places(name: str, count: int, rng: random.Random, _: float) -> int:
    """Have children kill themselves at random instructions of what writes; print and return the faults."""
    faults, found_unfinished = 0, 0
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "first")
        folder.mkdir()
        checks = checks_in(WORK[name](folder).run, FILES)
        expected = bits(WORK[name](folder).again())
        for number in range(count):
            folder = Path(root, str(number))
            folder.mkdir()
            trial, place = WORK[name](folder), rng.randint(1, checks)
            child = os.fork()
            if child == 0:
                call_at(place, trial.run, FILES, lambda: os.kill(os.getpid(), signal.SIGKILL))
                os._exit(0)
            os.waitpid(child, 0)
            found_unfinished += bool(unfinished(folder))
            try:
                trial.check()
                assert bits(trial.again()) == expected, "other numbers"
                assert not unfinished(folder), unfinished(folder)
            except Exception as error:
                faults += 1
                print(f"-- {name}, place {place}: {type(error).__name__}: {error}", flush=True)
    places = f"{count} kills at {checks} places"
    print(f"{name}: {places}, {found_unfinished} left a file unfinished, {faults} faults", flush=True)
    return faults


def main(words: list[str]) -> int:
    """Kill each kind of writer, and return the number of faults."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns killed-writers", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how often each kind is killed")
    parser.add_argument("--seconds", type=float, default=0.1, help="within which time after its first file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", nargs="*", default=["times", "places"], choices=["times", "places"])
    known = ", ".join({**WRITERS, **dict.fromkeys(WRITING)})
    parser.add_argument("kinds", nargs="*", help=f"of {known}; all of them by default")
    options = parser.parse_args(words)
    if unknown := {*options.kinds} - {*WRITERS, *WRITING}:
        parser.error(f"nothing writes {', '.join(sorted(unknown))}; expected some of {known}")
    failures = 0
    for way, trying in (("times", killed_at_times), ("places", killed_at_places)):
        names = WRITERS if way == "times" else WRITING
        for name in names if way in options.ways else ():
            if name in (options.kinds or names):
                rng = random.Random(f"{options.seed} {name} {way}")
                failures += trying(name, options.count, rng, options.seconds)
    return failures
