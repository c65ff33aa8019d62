"""Run the peers of a case in turn, so that all of them see the same machine."""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from statistics import median
from threading import Timer
from typing import Any

from . import forms

CASES = (
    *("moons_eager", "moons_nn", "moons_samples", "microgpt", "microgpt_no_collector"),
    *("microgpt_jit", "hidden_markov", "recurrence"),
    *("moons_jit", "moons_in_turn", "moons_threads", "moons_c"),
    *("logistic", "large_batch", "large_batch_two_cores"),
    *("fit_moons", "fit_moons_epoch", "fit_digits", "larger_than_memory"),
    *("held_out", "estimators", "irregular", "sparse_jacobian"),
    *("trace", "trace_gradient", "trace_million", "scalar_loop", "loops", "call"),
    *("chain", "wide", "diamond", "memory", "grow", "repl"),
)
# The modules of peers that have another name.
REQUIRED = {
    **dict.fromkeys(
        (
            *(
                forms.OURS,
                forms.COMPILED,
                "chainrule-numpy",
                "chainrule-jax",
                "chainrule-blocks",
                "chainrule-scan",
            ),
            *("chainrule-float32", "chainrule-ieee"),
        ),
        "autograd",
    ),
    **dict.fromkeys(("jax-1", "jax-2", "jax-3"), "jax"),
    "micrograd-rust": "micrograd_rust",
    "microgpt": "benchmarks",
}
TOLERANCE = 1e-9
# Seconds of a run, unless the case says otherwise.
LIMIT = 3600.0


@dataclass(frozen=True)
class Places:
    """Where to find what is not importable here, or None for those to be left out.

    Attributes
    ----------
    compiled : Path or None
        The directory with the compiled form of chainrule.
    hips_python : str or None
        The interpreter in which HIPS autograd is installed.
    """

    compiled: Path | None = None
    hips_python: str | None = None


@dataclass
class Measurement:
    """The runs of one peer, or the reason why there are none."""

    peer: str
    runs: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""

    @property
    def seconds(self) -> float:
        """Median time of a run."""
        return float(median(run["seconds"] for run in self.runs))

    @property
    def spread(self) -> tuple[float, float]:
        """Shortest and longest time."""
        times = [run["seconds"] for run in self.runs]
        return min(times), max(times)

    @property
    def last(self) -> dict[str, Any]:
        """The last run."""
        return self.runs[-1]


class Peer:
    """A process that runs one peer."""

    def __init__(self, case: str, peer: str, places: Places, limit: float) -> None:
        self.measurement = Measurement(peer)
        self.limit = limit
        python = places.hips_python if peer == "hips" else sys.executable
        if python is None or (peer != "hips" and not _is_installed(peer)):
            self.measurement.problem = "not installed"
            return
        # Scripts of the checkout, with one thread each, since the peers differ in how many they would use.
        environment = os.environ | {
            **forms.search_path(peer, places.compiled),
            "OMP_NUM_THREADS": "1",
            "XLA_FLAGS": _XLA,
        }
        words = (case, *forms.program(peer))
        command = [python, str(Path(__file__).parent / "worker.py"), *words]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._read()

    def run(self) -> None:
        """Run once, unless an earlier run failed; a run that exceeds the limit fails."""
        if self.measurement.problem:
            return
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        timer = Timer(self.limit, self._give_up)
        timer.start()
        result = self._read()
        timer.cancel()
        if result is not None:
            self.measurement.runs.append(result)

    def close(self) -> None:
        """End the process."""
        if hasattr(self, "process"):
            self.process.communicate()

    def _give_up(self) -> None:
        self.measurement.problem = f"takes more than {self.limit:g} s"
        self.process.kill()

    def _read(self) -> dict[str, Any] | None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        assert self.process.stderr is not None
        errors = self.process.stderr.read().strip().splitlines()
        problem = errors[-1][:100] if errors else f"ended with {self.process.wait()}"
        self.measurement.problem = self.measurement.problem or problem
        return None


def _is_installed(peer: str) -> bool:
    """Return whether the requirement of a peer is installed: a module, or a compiler for C."""
    return which("cc") is not None if peer == "c" else find_spec(REQUIRED.get(peer, peer)) is not None


_XLA = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def measure(case: str, places: Places, rounds: int | None = None) -> list[Measurement]:
    """Run all peers of a case in turn.

    Parameters
    ----------
    case : str
        A name of `CASES`.
    places : Places
        Where the compiled form and HIPS autograd are.
    rounds : int or None
        How often to run each; None takes the case's own number.

    Returns
    -------
    list of Measurement
        chainrule first: interpreted and, if there is a place for it, compiled.
    """
    module = importlib.import_module(f"benchmarks.cases.{case}")
    names = list(module.PEERS)
    if places.compiled is not None:
        names.insert(1, forms.COMPILED)
    peers = [Peer(case, name, places, getattr(module, "LIMIT", LIMIT)) for name in names]
    try:
        # In the first round compilers compile and caches fill; a case of one long run does without it.
        for round_ in range(-(module.ROUNDS > 1), rounds or module.ROUNDS):
            for peer in peers:
                peer.run()
                if round_ < 0:
                    peer.measurement.runs.clear()
    finally:
        for peer in peers:
            peer.close()
    return [peer.measurement for peer in peers]


def disagreements(measurements: list[Measurement]) -> list[str]:
    """Return the peers whose answers differ from chainrule's; none without an answer of chainrule."""
    ours = measurements[0]
    if not ours.runs:
        return []
    return [other.peer for other in measurements[1:] if other.runs and not _agree(ours.last, other.last)]


def _agree(ours: dict[str, Any], other: dict[str, Any]) -> bool:
    pairs = zip(ours["answer"], other["answer"], strict=True)
    return all(abs(a - b) <= TOLERANCE * max(1.0, abs(a), abs(b)) for a, b in pairs)
