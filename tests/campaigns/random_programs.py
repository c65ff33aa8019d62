"""Check each law on many random programs, without stopping at a failure.

``python tests/campaigns random-programs`` prints, for each law, the number of programs and the seed, and for
each kind of failure its count and a small program that reproduces it. A program is known by the seed and its
number: ``--first 17 --programs 1`` checks number 17 alone.
"""

from __future__ import annotations

import argparse
import os
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import conftest  # noqa: F401  # sets the cache of compiled programs
from hypothesis.errors import UnsatisfiedAssumption
from programs import Program, Step
from strategies import is_used
from test_programs import LAWS, Case, Law, case_of


def signature(error: BaseException) -> str:
    """Return a text that is the same for failures of the same kind."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if "/autograd/" in f.filename or "/nn/" in f.filename
    ]
    where = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "comparison"
    lines = str(error).strip().split("\n")
    # NumPy's summary of what differs: values, or the positions of nan.
    mismatches = [line for line in lines if line.endswith("mismatch:")]
    text = " ".join(mismatches) if isinstance(error, AssertionError) else lines[0][:90]
    return f"{type(error).__name__} at {where} {text}"


def smaller(program: Program) -> Iterator[Program]:
    """Yield programs with fewer results, steps and ways to store the arguments."""
    for result in program.results:
        if len(program.results) > 1:
            yield replace(program, results=(result,))
    for steps in fewer(program.steps, {*program.results}):
        yield replace(program, steps=steps)
    for name in ("parameters", "data"):
        container = getattr(program, name)
        plain = tuple(replace(array, storage="plain") for array in container.arrays)
        if plain != container.arrays:
            yield replace(program, **{name: replace(container, arrays=plain)})


def fewer(steps: tuple[Step, ...], needed: set[int]) -> Iterator[tuple[Step, ...]]:
    """Yield the steps without an unused one, with one replaced by an operand, or with a smaller function."""
    for i, step in enumerate(steps):
        rest = steps[:i] + steps[i + 1 :]
        if step.number not in needed and not is_used(step.number, rest):
            yield rest
        for operand in step.operands:
            if isinstance(operand.source, int) and (step.block or step.word not in ("pos", "array")):
                word = replace(step, word="pos", operands=(operand,), spelling=0, options=(), block=None)
                yield (*steps[:i], word, *steps[i + 1 :])
        if step.block is not None:
            for inner in fewer(step.block.steps, {step.block.result}):
                yield (*steps[:i], replace(step, block=replace(step.block, steps=inner)), *steps[i + 1 :])


def reduced(case: Case, fails: Callable[[Case], str]) -> Case:
    """Return a smaller case with the same kind of failure."""
    wanted, seconds = fails(case), time.perf_counter() + 20.0
    found = True
    while found and time.perf_counter() < seconds:
        found = False
        for program in smaller(case.program):
            candidate = case._replace(program=program)
            if fails(candidate) == wanted:
                case, found = candidate, True
                break
    return case


class Campaign:
    """Checks of a law, with what was found so far: the times of each kind of failure and a small case."""

    def __init__(self, law: Law) -> None:
        self.law = law
        self.found: dict[str, tuple[int, int, str]] = {}
        self.seen: Counter[str] = Counter()

    def fails(self, cases: Sequence[Case]) -> tuple[str, str]:
        """Return the kind of failure of some cases, empty if there is none, and its message."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self.law.check(cases)
        except UnsatisfiedAssumption:
            return "too large", ""
        except Exception as error:
            kind = f"{cases[0].program.manner} {cases[0].name}" if len(cases) == 1 else ""
            return f"{kind} {signature(error)}", f"{type(error).__name__}: {str(error)[:700]}"
        return "", ""

    def check(self, numbered: Sequence[tuple[int, Case]]) -> None:
        """Check cases, all at once and one by one if they fail together."""
        self.seen["programs"] += len(numbered)
        kind, message = self.fails([case for _, case in numbered])
        if not kind:
            return
        if len(numbered) > 1:
            self.seen["programs"] -= len(numbered)
            before = self.seen["too large"], len(self.found)
            for one in numbered:
                self.check([one])
            if before == (self.seen["too large"], len(self.found)):
                self.found.setdefault(f"only together: {kind}", (1, numbered[0][0], message))
        elif kind == "too large":
            self.seen[kind] += 1
        else:
            ((number, case),) = numbered
            times, first, shown = self.found.get(kind, (0, number, ""))
            if times < 3:
                small = reduced(case, lambda candidate: self.fails([candidate])[0])
                shorter = f"{small.name}, {small.samples} samples\n{small.program!r}{self.fails([small])[1]}"
                shown = shorter if not shown or len(shorter) < len(shown) else shown
            self.found[kind] = (times + 1, first, shown)


def run(name: str, options: argparse.Namespace) -> int:
    """Check a law on many programs, print the failures, and return how many kinds there are."""
    law = LAWS[name]
    campaign, start = Campaign(law), time.perf_counter()
    until = start + 60.0 * options.minutes
    for first in range(options.first, options.first + options.programs, law.at_once):
        if time.perf_counter() > until:
            break
        numbers = range(first, min(first + law.at_once, options.first + options.programs))
        campaign.check([(number, case_of(law, number, options.seed)) for number in numbers])
    seconds = time.perf_counter() - start
    done = f"{dict(campaign.seen)}, seed {options.seed} from {options.first}"
    print(f"== {name}: {done}, {seconds:.0f} s, {len(campaign.found)} kinds of failure", flush=True)
    for kind, (times, number, shown) in sorted(campaign.found.items(), key=lambda item: -item[1][0]):
        print(f"-- {times} x {kind}, first of number {number}\n{shown}\n", flush=True)
    return len(campaign.found)


def main(words: list[str]) -> int:
    """Check the laws given on the command line, and return the number of kinds of failure."""
    parser = argparse.ArgumentParser(prog="python tests/campaigns random-programs", description=__doc__)
    parser.add_argument("--programs", type=int, default=10_000, help="of each law")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="for each law")
    parser.add_argument("--first", type=int, default=0, help="the number of the first program")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("laws", nargs="*", help=f"of {', '.join(LAWS)}; all of them by default")
    options = parser.parse_args(words)
    if unknown := {*options.laws} - {*LAWS}:
        parser.error(f"there is no law {', '.join(sorted(unknown))}; expected some of {', '.join(LAWS)}")
    print(f"programs are compiled into {os.environ['CHAINRULE_CACHE']}", flush=True)
    return sum(run(name, options) for name in options.laws or LAWS)
