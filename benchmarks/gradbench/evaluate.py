"""``python -m benchmarks.gradbench.evaluate CHECKOUT``: GradBench's evaluations, with our tool and others.

CHECKOUT is one of github.com/gradbench/gradbench in which its C++ tool `manual`, the golden implementation,
is compiled: ``make -C tools/manual``, with `nlohmann/json.hpp` as `cpp/json.hpp`. The interpreter that runs
evaluations and peers needs NumPy, SciPy, pydantic and dataclasses-json, and JAX and PyTorch for these two.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import product
from math import exp, isnan, log, nan
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from . import MODULES
from .session import Command, Session, Workload, held, session_from

OURS, GOLDEN = "chainrule", "manual"
TOOLS = {
    OURS: frozenset(MODULES),
    GOLDEN: frozenset(MODULES) - {"particle", "saddle"},
    "jax": frozenset({"hello", "llsq", "lse", "ode", "gmm", "kmeans"}),
    "pytorch": frozenset({"hello", "lse", "gmm", "kmeans", "lstm", "ba", "ht"}),
}
"""The modules that each tool has."""
OTHERS = tuple(tool for tool in TOOLS if tool != OURS)
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
ENVIRONMENT = {
    **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")},
    **{f"MALLOC_{name}_THRESHOLD_": str(2**32) for name in ("MMAP", "TRIM")},
}
"""What all programs find: one thread, and the C library keeps memory to use it again.

Else each array of some megabytes is new, and clearing its pages takes as long as a sum of it.
"""


def main() -> int:
    """Run the command; the exit status is 1 if a result of ours is not valid."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gradbench.evaluate", description=__doc__)
    parser.add_argument("checkout", type=Path, help="where GradBench is")
    parser.add_argument("--module", action="append", choices=MODULES, help="only this; may be repeated")
    parser.add_argument("--tool", action="append", choices=TOOLS, help="only this; may be repeated")
    parser.add_argument("--python", default=sys.executable, help="what runs evaluations and peers")
    parser.add_argument("--small", action="store_true", help="small inputs instead of GradBench's own")
    parser.add_argument("--min-seconds", type=float, default=1.0, help="run a function for so long")
    parser.add_argument("--limit", type=float, default=450.0, help="seconds for a module with a tool")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all runs; what it has of others stays"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    options = parser.parse_args()
    sessions = kept_sessions(options)
    for session in held_sessions(options):
        sessions.append(session)
        sessions.sort(key=lambda each: (MODULES.index(each.module), list(TOOLS).index(each.tool)))
        print(outcome(session), file=sys.stderr, flush=True)
        write(options, sessions)
    print(tables(sessions))
    ours = [session for session in sessions if session.tool == OURS]
    return int(any(session.problem or invalid(session) for session in ours))


def kept_sessions(options: argparse.Namespace) -> list[Session]:
    """Return what the file of runs has of what is not run now: to run all modules takes an hour."""
    if not (options.json and options.json.exists()):
        return []
    found = [session_from(each) for each in json.loads(options.json.read_text())]
    again = {*product(options.module or MODULES, options.tool or TOOLS)}
    return [session for session in found if (session.module, session.tool) not in again]


def write(options: argparse.Namespace, sessions: list[Session]) -> None:
    """Write the files that the options ask for with what was run so far."""
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in sessions], indent=1))
    if options.markdown:
        options.markdown.write_text(tables(sessions))


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
    environment = {**ENVIRONMENT, "PYTHONPATH": str(checkout / package.parent), "CHAINRULE_CACHE": cache}
    words = [options.python, str(package / "evals" / module / "run.py")]
    if module != "hello":
        words += ["--min-seconds", str(options.min_seconds)]
        words += (SMALL.get(module, "") if options.small else own_sizes(checkout, module)).split()
    evaluation = Command(words, checkout, environment)
    here = Path(__file__).resolve()
    if tool == OURS:
        own = ENVIRONMENT | {"CHAINRULE_CACHE": cache}
        return evaluation, Command([sys.executable, "-m", "benchmarks.gradbench"], here.parents[2], own)
    program = [package / "cpp.py", tool] if tool == GOLDEN else [package / "tools" / tool / "run.py"]
    if tool == "jax":
        program.insert(0, here.with_name("awaited.py"))
    return evaluation, Command([options.python, *map(str, program)], checkout, environment)


def own_sizes(checkout: Path, module: str) -> str:
    """Return the arguments for an evaluation's own sizes: of hands, as many as the checkout has files.

    The largest is absent from copies of the repository that leave out large files.
    """
    if module != "ht":
        return ""
    return f"--max {len([*checkout.glob('evals/ht/data/complicated_big/hand*.txt')])}"


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
    """Return the mean time, or the median of the later runs, of each workload with a valid result."""
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


def tables(sessions: list[Session]) -> str:
    """Return what all modules take, with and without the first runs, and then each size."""
    return "\n".join([table(sessions, "mean"), table(sessions, "later"), size_table(sessions)])


def table(sessions: list[Session], statistic: str) -> str:
    """Return a table in Markdown: seconds for a run of everything, and the ratios of ours to the others'.

    Of a tool that had not run everything when its time was over, it says how much it has run.
    """
    by_name = {(session.module, session.tool): session for session in sessions}
    ratio_names = [f"ours / {tool}" for tool in OTHERS]
    lines = heading([f"{statistic} time", "valid", *TOOLS, *ratio_names])
    ratios: dict[str, dict[str, float]] = {tool: {} for tool in OTHERS}
    for module in dict.fromkeys(session.module for session in sessions):
        found = [by_name.get((module, tool), Session(module, tool)) for tool in TOOLS]
        asked = max(len(session.workloads) for session in found)
        cells = [module, f"{len(times(found[0], statistic))} of {asked}"]
        for session in found:
            known = times(session, statistic)
            part = f" ({len(known)} of {asked})" if 0 < len(known) < asked else ""
            cells.append(seconds(total(known, module)) + part)
        for session in found[1:]:
            quotient = ratio(found[0], session, statistic)
            cells.append(quotient_text(quotient))
            # The protocol's trial is no measurement.
            if not isnan(quotient) and module != "hello":
                ratios[session.tool][module] = quotient
        lines.append(row(cells))
    for without in WITHOUT:
        kept = [[each[module] for module in each if module not in without] for each in ratios.values()]
        means = [f"{exp(fmean(map(log, found))):.2f}" if found else "" for found in kept]
        name = "geometric mean" + (f" without {', '.join(without)}" if without else "")
        lines.append(row([name, *[""] * (1 + len(TOOLS)), *means]))
    return "\n".join([*lines, ""])


def size_table(sessions: list[Session]) -> str:
    """Return a table in Markdown of the sizes that ours has run: its mean time for one, and its ratios.

    They are those of the means, and of the medians of the later runs. The functions of a module are taken
    together. A ratio is missing where the other tool does not have the module, or did not get so far.
    """
    by_name = {(session.module, session.tool): session for session in sessions}
    names = [f"{name}ours / {tool}" for name in ("", "later: ") for tool in OTHERS]
    lines = heading(["module", "size", "mean time", *names])
    for ours in sessions:
        # The protocol's trial has no sizes.
        if ours.tool != OURS or ours.module == "hello":
            continue
        found = [by_name.get((ours.module, tool), Session(ours.module, tool)) for tool in OTHERS]
        for size in dict.fromkeys(workload.description for workload in ours.workloads):
            mine, *theirs = (of_size(session, size) for session in (ours, *found))
            quotients = [ratio(mine, each, statistic) for statistic in ("mean", "later") for each in theirs]
            time = seconds(total(times(mine, "mean"), ours.module))
            lines.append(row([ours.module, size, time, *map(quotient_text, quotients)]))
    return "\n".join([*lines, ""])


def of_size(session: Session, size: str) -> Session:
    """Return what a session has of one size."""
    return replace(session, workloads=[each for each in session.workloads if each.description == size])


def heading(cells: list[str]) -> list[str]:
    """Return the first two lines of a table in Markdown."""
    return [row(cells), row(["---"] * len(cells))]


def row(cells: list[str]) -> str:
    """Return a line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def quotient_text(quotient: float) -> str:
    """Return a ratio with two digits after the point; nothing where there is none."""
    return "" if isnan(quotient) else f"{quotient:.2f}"


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
