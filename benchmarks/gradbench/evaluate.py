"""``python -m benchmarks.gradbench.evaluate CHECKOUT``: GradBench's evaluations, with our tool and others.

CHECKOUT is one of github.com/gradbench/gradbench in which its C++ tool `manual`, the golden implementation,
is compiled: ``make -C tools/manual``, with `nlohmann/json.hpp` as `cpp/json.hpp`. The interpreter that runs
evaluations and peers needs NumPy, SciPy, pydantic and dataclasses-json, and JAX and PyTorch for these two.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from math import exp, isnan, log, nan
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from . import MODULES
from .session import Command, Session, Workload, held

OURS, GOLDEN = "chainrule", "manual"
TOOLS = {
    OURS: frozenset(MODULES),
    GOLDEN: frozenset(MODULES) - {"particle", "saddle"},
    "jax": frozenset({"hello", "llsq", "lse", "ode", "gmm", "kmeans"}),
    "pytorch": frozenset({"hello", "lse", "gmm", "kmeans", "lstm", "ba", "ht"}),
}
"""The modules that each tool has."""
WAYS = frozenset({"particle", "saddle"})
"""The modules whose functions are several ways to one result, of which GradBench counts the fastest."""
WITHOUT: tuple[tuple[str, ...], ...] = ((), ("det", "ode"))
"""What geometric means leave out: where algorithms differ, and not only how they are differentiated."""
SMALL = {
    "llsq": "-n 16 64",
    "lse": "-n 100 1000",
    "ode": "-n 100 -s 1 10",
    "det": "-l 5 6 7",
    "gmm": "-d 2 4 -k 5 -n 100",
    "kmeans": "-k 5 -n 100 -d 4 8",
    "lstm": "-l 2 -c 20",
    "ba": "--max 1",
    "ht": "--max 1 --model small",
}
"""Sizes at which everything is over soon."""
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


def main() -> int:
    """Run the command; the exit status is 1 if a result of ours is not valid."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gradbench.evaluate", description=__doc__)
    parser.add_argument("checkout", type=Path, help="where GradBench is")
    parser.add_argument("--module", action="append", choices=MODULES, help="only this; may be repeated")
    parser.add_argument("--tool", action="append", choices=TOOLS, help="only this; may be repeated")
    parser.add_argument("--python", default=sys.executable, help="what runs evaluations and peers")
    parser.add_argument("--small", action="store_true", help="small inputs instead of GradBench's own")
    parser.add_argument("--min-seconds", type=float, default=1.0, help="run a function for so long")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds for a module with a tool")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all runs")
    options = parser.parse_args()
    sessions = []
    for session in held_sessions(options):
        sessions.append(session)
        print(outcome(session), file=sys.stderr, flush=True)
        if options.json:
            options.json.write_text(json.dumps([asdict(one) for one in sessions], indent=1))
    print(table(sessions, "mean"), table(sessions, "later"), sep="\n")
    ours = [session for session in sessions if session.tool == OURS]
    return int(any(session.problem or invalid(session) for session in ours))


def held_sessions(options: argparse.Namespace) -> Iterator[Session]:
    """Yield each module with each of the tools that have it."""
    for module in options.module or MODULES:
        for tool in options.tool or TOOLS:
            if module in TOOLS[tool]:
                with TemporaryDirectory() as cache:
                    evaluation, answering = commands(module, tool, options, cache)
                    yield held(module, tool, evaluation, answering, options.limit)


def commands(module: str, tool: str, options: argparse.Namespace, cache: str) -> tuple[Command, Command]:
    """Return how to start an evaluation and a tool. Ours begins with no programs kept from an earlier run."""
    checkout = options.checkout.resolve()
    package = Path("python", "gradbench", "gradbench")
    environment = {**ONE_THREAD, "PYTHONPATH": str(checkout / package.parent), "CHAINRULE_CACHE": cache}
    words = [options.python, str(package / "evals" / module / "run.py")]
    if module != "hello":
        words += ["--min-seconds", str(options.min_seconds)]
        words += SMALL.get(module, "").split() if options.small else []
    evaluation = Command(words, checkout, environment)
    if tool == OURS:
        here = Path(__file__).resolve().parents[2]
        own = ONE_THREAD | {"CHAINRULE_CACHE": cache}
        return evaluation, Command([sys.executable, "-m", "benchmarks.gradbench"], here, own)
    program = [package / "cpp.py", tool] if tool == GOLDEN else [package / "tools" / tool / "run.py"]
    return evaluation, Command([options.python, *map(str, program)], checkout, environment)


def invalid(session: Session) -> list[Workload]:
    """Return the workloads without a valid result."""
    return [workload for workload in session.workloads if workload.problem]


def outcome(session: Session) -> str:
    """Return in a line how a session ended."""
    wrong = invalid(session)
    reason = session.problem or (wrong[0].problem if wrong else "")
    counts = f"{len(session.workloads) - len(wrong)} of {len(session.workloads)} valid"
    return f"{session.module} {session.tool}: {counts} {reason.strip()[-200:]}".rstrip()


def times(session: Session, statistic: str) -> dict[tuple[str, str], float]:
    """Return the mean time, or that of the later runs, of each workload with a valid result."""
    valid = (workload for workload in session.workloads if not workload.problem)
    return {(each.function, each.description): getattr(each, statistic) for each in valid}


def total(found: dict[tuple[str, str], float], module: str) -> float:
    """Return the reciprocal of GradBench's score: the sum of the times, or the least of several ways."""
    return (min if module in WAYS else sum)(found.values()) if found else nan


def ratio(ours: Session, other: Session, statistic: str) -> float:
    """Return our time by that of another tool, for the workloads that both have."""
    mine, theirs = times(ours, statistic), times(other, statistic)
    common = mine.keys() & theirs.keys()
    parts = [total({key: each[key] for key in common}, ours.module) for each in (mine, theirs)]
    return parts[0] / parts[1]


def table(sessions: list[Session], statistic: str) -> str:
    """Return a table in Markdown: seconds for a run of everything, and the ratios of ours to the others'."""
    by_name = {(session.module, session.tool): session for session in sessions}
    others = [tool for tool in TOOLS if tool != OURS]
    ratio_names = " | ".join(f"ours / {tool}" for tool in others)
    lines = [
        f"| {statistic} time | valid | {' | '.join(TOOLS)} | {ratio_names} |",
        "|---" * (2 + len(TOOLS) + len(others)) + "|",
    ]
    ratios: dict[str, dict[str, float]] = {tool: {} for tool in others}
    for module in dict.fromkeys(session.module for session in sessions):
        ours = by_name.get((module, OURS), Session(module, OURS))
        cells = [module, f"{len(ours.workloads) - len(invalid(ours))} of {len(ours.workloads)}"]
        found = [by_name.get((module, tool), Session(module, tool)) for tool in TOOLS]
        cells += [seconds(total(times(session, statistic), module)) for session in found]
        for tool in others:
            quotient = ratio(ours, by_name.get((module, tool), Session(module, tool)), statistic)
            cells.append("" if isnan(quotient) else f"{quotient:.2f}")
            # The protocol's trial is no measurement.
            if not isnan(quotient) and module != "hello":
                ratios[tool][module] = quotient
        lines.append(f"| {' | '.join(cells)} |")
    blanks = " |" * (1 + len(TOOLS))
    for without in WITHOUT:
        kept = [[each[module] for module in each if module not in without] for each in ratios.values()]
        means = " | ".join(f"{exp(fmean(map(log, found))):.2f}" if found else "" for found in kept)
        name = "geometric mean" + (f" without {', '.join(without)}" if without else "")
        lines.append(f"| {name} |{blanks} {means} |")
    return "\n".join([*lines, ""])


def seconds(time: float) -> str:
    """Return a time with three digits.

    Examples
    --------
    >>> seconds(0.0123456), seconds(1234.5)
    ('0.0123', '1234')
    """
    if isnan(time):
        return ""
    return f"{time:.0f}" if time >= 100.0 else f"{time:#.3g}"


if __name__ == "__main__":
    sys.exit(main())
